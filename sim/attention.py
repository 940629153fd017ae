"""Single-head self-attention: forward and hand-derived backward, replicate axis first.

Tokens have shape (R, B, T, D): replicas, examples, positions, width.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from sim.arrays import namespace

__all__ = ["Cache", "attend", "attend_backward"]


@dataclass(frozen=True, slots=True)
class Cache:
    """What the backward pass needs of the forward pass.

    Parameters
    ----------
    x
        The tokens, shape (R, B, T, D).
    query, key, value, mixed
        Shape (R, B, T, K) each; `mixed` is the weighted mean of the values.
    weights
        Attention of each position (third axis) to each position (last), shape (R, B, T, T).
    """

    x: Any
    query: Any
    key: Any
    value: Any
    mixed: Any
    weights: Any


def _checked(x: Any, query: Any, key: Any, value: Any, out: Any) -> None:
    if x.ndim != 4 or 0 in x.shape:
        raise ValueError(f"tokens must have shape (R, B, T, D) without empty axes, got {tuple(x.shape)}")
    R, D, K = x.shape[0], x.shape[3], query.shape[-1]
    for name, W, shape in (
        ("query", query, (R, D, K)),
        ("key", key, (R, D, K)),
        ("value", value, (R, D, K)),
        ("output", out, (R, K, D)),
    ):
        if tuple(W.shape) != shape:
            raise ValueError(f"{name} weights must have shape {shape}, got {tuple(W.shape)}")


def attend(x: Any, query: Any, key: Any, value: Any, out: Any, *, causal: bool = False) -> tuple[Any, Cache]:
    """Return ``softmax(q k' / sqrt(K)) v`` projected back, after Vaswani et al. (2017), with one head.

    Parameters
    ----------
    x
        Shape (R, B, T, D).
    query, key, value
        Weights, shape (R, D, K) each.
    out
        Weights, shape (R, K, D).
    causal
        Whether a position attends to itself and earlier ones only.

    Returns
    -------
    tuple
        Output, shape (R, B, T, D), and the cache for `attend_backward`.

    Raises
    ------
    ValueError
        If shapes do not fit each other.
    """
    xp = namespace(x, query)
    _checked(x, query, key, value, out)
    q, k, v = (xp.matmul(x, W[:, None, :, :]) for W in (query, key, value))
    scores = xp.matmul(q, _turned(k)) / math.sqrt(q.shape[-1])
    if causal:
        places = xp.arange(x.shape[2])
        later = places[None, :] > places[:, None]
        scores = xp.where(later, xp.asarray(-math.inf, dtype=scores.dtype), scores)
    raised = xp.exp(scores - xp.max(scores, axis=-1, keepdims=True))
    weights = raised / xp.sum(raised, axis=-1, keepdims=True)
    mixed = xp.matmul(weights, v)
    return xp.matmul(mixed, out[:, None, :, :]), Cache(x, q, k, v, mixed, weights)


def attend_backward(
    cache: Cache, query: Any, key: Any, value: Any, out: Any, dy: Any
) -> tuple[Any, Any, Any, Any, Any]:
    """Return the gradients with respect to the tokens and the four weights.

    Parameters
    ----------
    cache
        From the forward pass; positions masked there have weight 0 and pass nothing back.
    query, key, value, out
        The weights, as given to `attend`.
    dy
        Gradient with respect to the output, shape (R, B, T, D).

    Returns
    -------
    tuple of array
        Shape (R, B, T, D), then the weights' shapes, summed over the batch.

    Raises
    ------
    ValueError
        If `dy` does not have the output's shape.
    """
    xp = namespace(dy, query)
    if tuple(dy.shape) != tuple(cache.x.shape):
        raise ValueError(f"dy must have the output's shape {tuple(cache.x.shape)}, got {tuple(dy.shape)}")
    dmixed = xp.matmul(dy, _turned(out[:, None, :, :]))
    dv = xp.matmul(_turned(cache.weights), dmixed)
    dweights = xp.matmul(dmixed, _turned(cache.value))
    inner = xp.sum(dweights * cache.weights, axis=-1, keepdims=True)
    dscores = cache.weights * (dweights - inner) / math.sqrt(query.shape[-1])
    dq, dk = xp.matmul(dscores, cache.key), xp.matmul(_turned(dscores), cache.query)
    dx = xp.zeros_like(cache.x)
    gradients = []
    for W, d in ((query, dq), (key, dk), (value, dv)):
        dx = dx + xp.matmul(d, _turned(W[:, None, :, :]))
        gradients.append(_outer(cache.x, d))
    return dx, gradients[0], gradients[1], gradients[2], _outer(cache.mixed, dy)


def _turned(x: Any) -> Any:
    return namespace(x).permute_dims(x, (0, 1, 3, 2))


def _outer(x: Any, d: Any) -> Any:
    """Sum ``x_i d_i'`` over examples and positions."""
    xp, R = namespace(x), x.shape[0]
    rows, cols = (xp.reshape(a, (R, -1, a.shape[-1])) for a in (x, d))
    return xp.matmul(xp.permute_dims(rows, (0, 2, 1)), cols)
