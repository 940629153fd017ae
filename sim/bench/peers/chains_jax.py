"""The least-squares chains in JAX: steps scanned over all chains, or chains mapped over scans of their steps."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sim.bench.chains import CHAINS, STEPS, indices, problem, spread
from sim.bench.task import Contender

__all__ = ["contender"]


def _step(theta: Any, index: Any, A: Any, y: Any, eta: float) -> Any:
    a = A[index]
    residual = jnp.einsum("cbd,cd->cb", a, theta) - y[index]
    return theta - eta / index.shape[1] * jnp.einsum("cb,cbd->cd", residual, a)


def _eight(key: Any, chains: int, N: int, B: int) -> Any:
    return jax.lax.top_k(jax.random.uniform(key, (chains, N)), B)[1]


@partial(jax.jit, static_argnames=("B", "eta"))
def _scan(theta: Any, A: Any, y: Any, source: Any, drawn: Any, *, B: int, eta: float) -> Any:
    def step(theta: Any, each: Any) -> tuple[Any, None]:
        index = each if drawn is not None else _eight(each, theta.shape[0], A.shape[0], B)
        return _step(theta, index, A, y, eta), None

    keys = drawn if drawn is not None else jax.random.split(source, STEPS)
    return jax.lax.scan(step, theta, keys)[0]


@partial(jax.jit, static_argnames=("B", "eta"))
def _map(theta: Any, A: Any, y: Any, source: Any, drawn: None, *, B: int, eta: float) -> Any:
    def walk(given: Any) -> Any:
        start, key = given

        def step(point: Any, each: Any) -> tuple[Any, None]:
            return _step(point, _eight(each, point.shape[0], A.shape[0], B), A, y, eta), None

        return jax.lax.scan(step, start, jax.random.split(key, STEPS))[0]

    groups = CHAINS // 64  # 64 chains together: the fastest of 1, 16, 64, 256
    starts, keys = theta.reshape(groups, 64, -1), jax.random.split(source, groups)
    return jax.lax.map(walk, (starts, keys)).reshape(CHAINS, -1)


def contender(form: str, *, given: bool, threads: int) -> Contender:
    """Return the workload in one form.

    Parameters
    ----------
    form
        ``scan`` or ``map of scan``.
    given
        Whether the batches are given rather than drawn.
    threads
        Not used: JAX takes the cores that the process may use.
    """
    p = problem()
    theta = jnp.asarray(np.tile(p.optimum, (CHAINS, 1)), jnp.float32)
    A, y = jnp.asarray(p.A, jnp.float32), jnp.asarray(p.y, jnp.float32)
    drawn, compiled = jnp.asarray(indices()) if given else None, {"scan": _scan, "map of scan": _map}[form]
    key = jax.random.key(12)

    def work() -> Any:
        return compiled(theta, A, y, key, drawn, B=p.B, eta=p.eta).block_until_ready()

    return Contender(f"JAX {form}", work, lambda: spread(np.asarray(work())))
