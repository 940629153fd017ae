"""The convolution workload in JAX: replica after replica (``lax.map`` of ``scan``), or all at once."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sim.bench.convolution import BETA, ETA, FORMS, Workload, summary, workload
from sim.bench.task import Contender
from sim.blocks import Activation, Conv, Dense, Flatten, Pool
from sim.norm_blocks import Norm
from sim.sequential import Network

__all__ = ["contender"]


def _parameters(given: Workload) -> dict[str, Any]:
    """Return the parameters by layer and name, replicas first; kernels (R, k, k, C, O), as JAX likes them."""
    found = {}
    for slot in given.network.slots:
        part = given.theta[:, slot.start : slot.stop].reshape(-1, *slot.shape)
        if part.ndim == 5:
            part = part.transpose(0, 3, 4, 2, 1)
        found[f"{slot.layer}.{slot.name}"] = jnp.asarray(part)
    return found


def _columns(x: Any) -> Any:
    """Return what lies under a 3x3 kernel at each position, shape (B, H, W, 9 C)."""
    _, H, W, _ = x.shape
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    return jnp.concatenate([padded[:, i : i + H, j : j + W] for i in range(3) for j in range(3)], axis=-1)


def _outputs(network: Network, form: str, p: dict[str, Any], x: Any) -> Any:
    """Run the chain on images (B, H, W, C) or vectors."""
    for number, layer in enumerate(network.chain):
        match layer:
            case Conv():
                W, b = p[f"{number}.W"], p[f"{number}.b"]
                if form == "columns":
                    x = _columns(x) @ W.reshape(-1, W.shape[-1]) + b
                else:
                    x = jax.lax.conv_general_dilated(x, W, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
                    x = x + b
            case Dense():
                x = x @ p[f"{number}.W"] + p[f"{number}.b"]
            case Norm():
                mean, var = x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2))
                x = (x - mean) * jax.lax.rsqrt(var + layer.eps) * p[f"{number}.gamma"] + p[f"{number}.beta"]
            case Activation():
                x = jax.nn.relu(x)
            case Pool():
                B, H, W, C = x.shape
                x = x.reshape(B, H // 2, 2, W // 2, 2, C).mean(axis=(2, 4))
            case Flatten():
                x = x.transpose(0, 3, 1, 2).reshape(x.shape[0], -1)
    return x


def _compiled(network: Network, form: str) -> Callable[..., Any]:
    def loss(p: dict[str, Any], x: Any, y: Any) -> Any:
        scores = jax.nn.log_softmax(_outputs(network, form, p, x))
        return -jnp.mean(jnp.take_along_axis(scores, y[:, None], axis=1))

    def step(X: Any, y: Any, state: Any, index: Any) -> Any:
        p, velocity = state
        value, slope = jax.value_and_grad(loss)(p, X[index], y[index])
        velocity = jax.tree.map(lambda v, g: BETA * v + g, velocity, slope)
        return (jax.tree.map(lambda a, v: a - ETA * v, p, velocity), velocity), value

    def run(p: Any, batches: Any, X: Any, y: Any) -> Any:
        one = partial(step, X, y)
        still = jax.tree.map(jnp.zeros_like, p)
        if form == "vmap":
            state, losses = jax.lax.scan(jax.vmap(one), (p, still), jnp.swapaxes(batches, 0, 1))
            return state, jnp.swapaxes(losses, 0, 1)
        return jax.lax.map(lambda a: jax.lax.scan(one, (a[0], a[1]), a[2]), (p, still, batches))

    return jax.jit(run)


def contender(setting: str, form: str) -> Contender:
    """Return the workload in one form.

    Parameters
    ----------
    setting
        One of `sim.bench.convolution.SETTINGS`.
    form
        ``map``: one replica takes all its steps, then the next.  ``vmap``: all take a step together.  ``columns``: as
        ``map``, convolutions as products.
    """
    given = workload(setting)
    run, small = _compiled(given.network, form), given.small
    p, few = _parameters(given), _parameters(small)
    images = given.X.transpose(0, 2, 3, 1) if given.X.ndim == 4 else given.X
    X, y = jnp.asarray(images), jnp.asarray(given.y.astype(np.int32))
    batches, first = (jnp.asarray(each.batches.astype(np.int32)) for each in (given, small))

    def work() -> object:
        return jax.block_until_ready(run(p, batches, X, y))

    def answer() -> np.ndarray:
        return summary(np.asarray(run(few, first, X, y)[1]))

    return Contender(FORMS[form], work, answer)
