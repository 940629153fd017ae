"""The curvature workload in JAX: compiled whole, the point as an argument so that nothing is folded away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from sim.bench.curvature import NETWORK, PRODUCTS, RTOL, SETTINGS, point, summary
from sim.bench.task import Contender

__all__ = ["contender"]

_MOST = 24  # Lanczos steps that memory is set aside for; about 14 are taken


def _tree(theta: np.ndarray) -> list[Any]:
    parts = NETWORK.views(theta[None])
    return [[jnp.asarray(parts[layer, name][0]) for name in "Wb"] for layer in range(len(NETWORK.widths) - 1)]


def _loss(parameters: Any, X: Any, y: Any) -> Any:
    h = X
    for W, b in parameters[:-1]:
        h = jax.nn.relu(h @ W + b)
    W, b = parameters[-1]
    scores = jax.nn.log_softmax(h @ W + b)
    return -jnp.mean(jnp.take_along_axis(scores, y[:, None], axis=1))


def _operator(form: str, parameters: Any, X: Any, y: Any) -> Callable[[Any], Any]:
    def slope(p: Any) -> Any:
        return jax.grad(_loss)(p, X, y)

    if form == "linearize":
        product: Callable[[Any], Any] = jax.linearize(slope, parameters)[1]
        return product
    return lambda v: jax.jvp(slope, (parameters,), (v,))[1]


def _products(form: str) -> Callable[..., Any]:
    def run(parameters: Any, v: Any, X: Any, y: Any) -> Any:
        times = _operator(form, parameters, X, y)

        # each product waits for the one before, or the compiler would take one and copy it
        def step(v: Any, _: None) -> tuple[Any, Any]:
            product = times(v)
            return jax.lax.optimization_barrier((v, product))[0], ravel_pytree(product)[0]

        return jax.lax.scan(step, v, None, length=PRODUCTS)[1][0]

    return jax.jit(run)


def _largest(form: str, rtol: float) -> Callable[..., Any]:
    """Return Lanczos with full reorthogonalization, stopped by the residual as ours is."""

    def run(parameters: Any, start: Any, X: Any, y: Any) -> Any:
        times, tree = _operator(form, parameters, X, y), ravel_pytree(parameters)[1]

        def unfinished(state: Any) -> Any:
            j, _, _, _, theta, residual = state
            return (j < _MOST) & (residual > rtol * theta)

        def step(state: Any) -> Any:
            j, q, Q, T, _, _ = state
            Q = Q.at[j].set(q)
            w = ravel_pytree(times(tree(q)))[0]
            along = Q @ w
            w = w - along @ Q
            w = w - (Q @ w) @ Q
            beta = jnp.linalg.norm(w)
            T = T.at[j, j].set(along[j])
            values, S = jnp.linalg.eigh(T)
            residual = beta * jnp.abs(S[j, -1])
            T = T.at[j, j + 1].set(beta, mode="drop").at[j + 1, j].set(beta, mode="drop")
            return j + 1, w / beta, Q, T, values[-1], residual

        q = start / jnp.linalg.norm(start)
        Q, T = jnp.zeros((_MOST, len(start))), jnp.zeros((_MOST, _MOST))
        return jax.lax.while_loop(unfinished, step, (0, q, Q, T, jnp.float32(0), jnp.float32(jnp.inf)))[4]

    return jax.jit(run)


def contender(setting: str, form: str) -> Contender:
    """Return the workload in one of the two forms a Hessian product has in JAX.

    Parameters
    ----------
    setting
        One of `sim.bench.curvature.SETTINGS`.
    form
        ``linearize``, which keeps the two passes, or ``jvp(grad)``, which takes them again for each product.
    """
    theta, X, y, v = point()
    one = setting == SETTINGS[0]
    run = _products(form) if one else _largest(form, RTOL[setting])
    given = _tree(theta), _tree(v) if one else jnp.asarray(v), jnp.asarray(X), jnp.asarray(y)

    def work() -> Any:
        return jax.block_until_ready(run(*given))

    def answer() -> np.ndarray:
        found = np.asarray(work())
        return summary(v, [found]) if one else found[None]

    return Contender(f"JAX {form}", work, answer)
