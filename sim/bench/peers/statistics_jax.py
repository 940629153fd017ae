"""Batch statistics of Gaussian activations in JAX."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sim.bench.statistics import R, correlation, sizes
from sim.bench.task import Contender

__all__ = ["contender"]


def _moments(m: Any, v: Any) -> Any:
    return jnp.stack([jnp.mean(m * m), jnp.mean(v), jnp.mean(v * v)])


def _draw(key: Any, examples: int, root: Any) -> Any:
    """Return activations, shape (examples, positions), or (examples, 1) for one position."""
    z = jax.random.normal(key, (examples, 1 if root is None else len(root)))
    return z if root is None else z @ root.T


@partial(jax.jit, static_argnames=("counts",))
def _each_size(key: Any, root: Any, *, counts: tuple[int, ...]) -> Any:
    found = []
    for B, each in zip(counts, jax.random.split(key, len(counts)), strict=True):
        x = _draw(each, R * B, root).reshape(R, -1)
        found.append(_moments(jnp.mean(x, axis=1), jnp.var(x, axis=1)))
    return jnp.stack(found)


@partial(jax.jit, static_argnames=("counts",))
def _tree(key: Any, root: Any, *, counts: tuple[int, ...]) -> Any:
    x = _draw(key, R * counts[-1], root)
    m, q, count = jnp.mean(x, axis=1), jnp.var(x, axis=1) * x.shape[1], x.shape[1]
    found = []
    for _ in counts:
        half = m.shape[0] // 2
        q = q[:half] + q[half:] + (m[:half] - m[half:]) ** 2 * (count / 2)
        m, count = (m[:half] + m[half:]) / 2, 2 * count
        found.append(_moments(m, q / count))
    return jnp.stack(found)


def contender(form: str, setting: str, *, threads: int) -> Contender:
    """Return the workload in one form.

    Parameters
    ----------
    form
        ``each size`` or ``tree``.
    setting
        One of the workload's.
    threads
        Not used: JAX takes the cores that the process may use.
    """
    given, counts = correlation(setting), sizes(setting)
    root = None if given is None else jnp.asarray(np.linalg.cholesky(given), jnp.float32)
    compiled, key = {"each size": _each_size, "tree": _tree}[form], jax.random.key(16)

    def work() -> Any:
        return compiled(key, root, counts=counts).block_until_ready()

    return Contender(f"JAX {form}", work, lambda: np.asarray(work(), dtype=np.float64).T.reshape(-1))
