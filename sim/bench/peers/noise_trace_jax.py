"""The gradient-noise workload in JAX: as its users write it, and with our algorithm written in it.

Parameters and data are arguments of the compiled functions: closed over, part of the work would be folded away.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from sim.bench.noise_trace import NETWORK, SIZES, batches, point
from sim.bench.task import Contender

__all__ = ["contender"]

_AT_ONCE = 128  # examples whose gradients are held at a time: the fastest of 32, 128, 512


def _loss(parameters: Any, x: Any, y: Any) -> Any:
    h = x
    for W, b in parameters[:-1]:
        h = jax.nn.relu(h @ W + b)
    W, b = parameters[-1]
    scores = jax.nn.log_softmax(h @ W + b)
    return -jnp.mean(jnp.take_along_axis(scores, y[:, None], axis=1))


def _flat(parameters: Any, x: Any, y: Any) -> Any:
    return ravel_pytree(jax.grad(_loss)(parameters, x, y))[0]


def _exact_vmap(parameters: Any, X: Any, y: Any) -> tuple[Any, Any, Any]:
    def one(example: Any) -> Any:
        g = _flat(parameters, example[0][None], example[1][None])
        return g @ g

    norms = jax.lax.map(one, (X, y), batch_size=_AT_ONCE)
    G = _flat(parameters, X, y)
    return jnp.mean(norms) - G @ G, G @ G, G


@jax.jit
def _vmap(parameters: Any, X: Any, y: Any, drawn: Any) -> Any:
    trace, square, G = _exact_vmap(parameters, X, y)
    found = [trace, square]
    if drawn is not None:
        for b in SIZES:

            def distance(index: Any) -> Any:
                e = _flat(parameters, X[index], y[index]) - G
                return e @ e

            group = max(1, _AT_ONCE // b)
            found.append(jnp.mean(jax.lax.map(distance, drawn[:, :b], batch_size=group)))
    return jnp.stack(found)


def _passes(parameters: Any, X: Any, y: Any) -> tuple[list[Any], list[Any]]:
    inputs = [X]
    for W, b in parameters[:-1]:
        inputs.append(jax.nn.relu(inputs[-1] @ W + b))
    W, b = parameters[-1]
    logits = inputs[-1] @ W + b
    d = jax.nn.softmax(logits) - jax.nn.one_hot(y, logits.shape[1])
    residuals = [d]
    for layer in range(len(parameters) - 1, 0, -1):
        d = (d @ parameters[layer][0].T) * (inputs[layer] > 0)
        residuals.insert(0, d)
    return inputs, residuals


@jax.jit
def _by_hand(parameters: Any, X: Any, y: Any, drawn: Any) -> Any:
    inputs, residuals = _passes(parameters, X, y)
    N = X.shape[0]
    norms = sum(((a * a).sum(1) + 1) * (d * d).sum(1) for a, d in zip(inputs, residuals, strict=True))
    Ws = [a.T @ d / N for a, d in zip(inputs, residuals, strict=True)]
    bs = [d.mean(0) for d in residuals]
    square = sum((W * W).sum() for W in Ws) + sum((b * b).sum() for b in bs)
    found = [jnp.mean(norms) - square, square]
    if drawn is not None:
        K = sum((a @ a.T + 1) * (d @ d.T) for a, d in zip(inputs, residuals, strict=True))
        K = K - K.mean(0) - K.mean(0)[:, None] + K.mean()
        rows = jnp.arange(drawn.shape[0])[:, None]
        for b in SIZES:
            S = jnp.zeros((drawn.shape[0], N), K.dtype).at[rows, drawn[:, :b]].set(1.0)
            found.append(jnp.mean(((S @ K) * S).sum(1)) / b**2)
    return jnp.stack(found)


def contender(form: str, *, exact: bool, threads: int) -> Contender:
    """Return the workload in one form.

    Parameters
    ----------
    form
        ``vmap``: gradients of single examples and of batches under vmap, mapped over groups.  ``by hand``:
        norms of factors, the Gram matrix, and rows of zeros and ones times it.
    exact
        Whether only the exact moments are asked for.
    threads
        Not used: JAX takes the cores that the process may use.
    """
    theta, X, y = point()
    parts = NETWORK.views(theta)
    layers = range(len(NETWORK.widths) - 1)
    parameters = [[jnp.asarray(parts[layer, name][0]) for name in "Wb"] for layer in layers]
    given = (parameters, jnp.asarray(X), jnp.asarray(y), None if exact else jnp.asarray(batches()))
    compiled = {"vmap": _vmap, "by hand": _by_hand}[form]

    def work() -> Any:
        return compiled(*given).block_until_ready()

    return Contender(f"JAX {form}", work, lambda: np.asarray(work(), dtype=np.float64))
