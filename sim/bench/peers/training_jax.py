"""The training workload in JAX: replica after replica (``lax.map`` of ``scan``), or all at once."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sim.bench.task import Contender
from sim.bench.training import BETA, ETA, Workload, first_steps, summary, workload
from sim.ensembles import Network

__all__ = ["contender"]


def _parameters(given: Workload) -> list[list[Any]]:
    """Return the parameters by layer: weights, bias and, where there is a norm, scale and shift; replicas first."""
    found: list[list[Any]] = []
    start, widths = 0, given.network.widths
    for layer, (wide, out) in enumerate(pairwise(widths)):
        shapes: list[tuple[int, ...]] = [(wide, out), (out,)]
        if given.network.norm != "none" and layer < len(widths) - 2:
            shapes += [(out,), (out,)]
        arrays = []
        for shape in shapes:
            stop = start + int(np.prod(shape))
            arrays.append(jnp.asarray(given.theta[:, start:stop].reshape(-1, *shape)))
            start = stop
        found.append(arrays)
    return found


def _normalize(network: Network, z: Any) -> Any:
    B, H = z.shape
    match network.norm:
        case "batch":
            mean, var = z.mean(axis=0), z.var(axis=0)
        case "layer":
            mean, var = z.mean(axis=1, keepdims=True), z.var(axis=1, keepdims=True)
        case "group":
            z = z.reshape(B, network.groups, -1)
            mean, var = z.mean(axis=2, keepdims=True), z.var(axis=2, keepdims=True)
        case _:
            assert network.alpha is not None
            a, b = network.alpha, 1 - network.alpha
            mean = a * z.mean(axis=0) + b * z.mean(axis=1, keepdims=True)
            var = a * z.var(axis=0) + b * z.var(axis=1, keepdims=True)
    return ((z - mean) * jax.lax.rsqrt(var + network.eps)).reshape(B, H)


def _loss(network: Network, parameters: Any, x: Any, y: Any) -> Any:
    h = x
    for W, b, *affine in parameters[:-1]:
        h = h @ W + b
        if affine:
            h = _normalize(network, h) * affine[0] + affine[1]
        h = jax.nn.relu(h)
    W, b = parameters[-1]
    scores = jax.nn.log_softmax(h @ W + b)
    return -jnp.mean(jnp.take_along_axis(scores, y[:, None], axis=1))


def _compiled(network: Network, form: str) -> Callable[..., Any]:
    def step(X: Any, y: Any, state: Any, index: Any) -> Any:
        parameters, velocity = state
        loss, slope = jax.value_and_grad(partial(_loss, network))(parameters, X[index], y[index])
        velocity = jax.tree.map(lambda v, g: BETA * v + g, velocity, slope)
        return (jax.tree.map(lambda p, v: p - ETA * v, parameters, velocity), velocity), loss

    def run(parameters: Any, batches: Any, X: Any, y: Any) -> Any:
        one = partial(step, X, y)
        still = jax.tree.map(jnp.zeros_like, parameters)
        if form == "map":
            return jax.lax.map(lambda a: jax.lax.scan(one, (a[0], a[1]), a[2]), (parameters, still, batches))
        state, losses = jax.lax.scan(jax.vmap(one), (parameters, still), jnp.swapaxes(batches, 0, 1))
        return state, jnp.swapaxes(losses, 0, 1)

    return jax.jit(run)


def contender(setting: str, form: str) -> Contender:
    """Return the workload in one form.

    Parameters
    ----------
    setting
        One of `sim.bench.training.SETTINGS`.
    form
        ``map``: one replica takes all its steps, then the next.  ``vmap``: all take a step together.
    """
    given = workload(setting)
    run, parameters = _compiled(given.network, form), _parameters(given)
    X, y = jnp.asarray(given.X), jnp.asarray(given.y.astype(np.int32))
    batches = jnp.asarray(given.batches.astype(np.int32))
    few = jnp.asarray(first_steps(given).astype(np.int32))

    def work() -> object:
        return jax.block_until_ready(run(parameters, batches, X, y))

    def answer() -> np.ndarray:
        return summary(np.asarray(run(parameters, few, X, y)[1]))

    return Contender("JAX lax.map of scan" if form == "map" else "JAX scan of vmap", work, answer)
