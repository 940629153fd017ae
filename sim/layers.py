"""Dense layers, activations and losses: forward and hand-derived backward, replicate axis first.

Arrays have shape (R, B, ...): R replicas, B examples.  Losses and residuals are per example; averaging over
the batch is the network's business.
"""

from __future__ import annotations

import math
from typing import Any

from sim.arrays import namespace

__all__ = ["ACTIVATIONS", "LOSSES", "activate", "cross_entropy", "dense", "dense_backward", "squared"]

ACTIVATIONS = ("linear", "relu", "tanh", "gelu")
LOSSES = ("cross_entropy", "squared")


def dense(x: Any, W: Any, b: Any) -> Any:
    """Return ``x W + b``.

    Parameters
    ----------
    x
        Shape (R, B, I).
    W
        Shape (R, I, O).
    b
        Shape (R, O).

    Returns
    -------
    array, shape (R, B, O)
    """
    xp = namespace(x, W, b)
    return xp.matmul(x, W) + b[:, None, :]


def dense_backward(x: Any, W: Any, dy: Any) -> tuple[Any, Any, Any]:
    """Return the gradients of a dense layer with respect to its input, weights and bias.

    Parameters
    ----------
    x, W
        As given to `dense`.
    dy
        Gradient with respect to the output, shape (R, B, O).

    Returns
    -------
    tuple of array
        Shapes (R, B, I), (R, I, O) and (R, O); the last two are summed over the batch.
    """
    xp = namespace(x, W, dy)
    return (
        xp.matmul(dy, xp.permute_dims(W, (0, 2, 1))),
        xp.matmul(xp.permute_dims(x, (0, 2, 1)), dy),
        xp.sum(dy, axis=1),
    )


def activate(name: str, z: Any) -> tuple[Any, Any]:
    """Return an activation and its derivative at `z`.

    Parameters
    ----------
    name
        One of `ACTIVATIONS`; ``gelu`` is the tanh form, after Hendrycks and Gimpel (2016).
    z
        Any shape.

    Returns
    -------
    tuple of array
        Value and slope, shaped as `z`; the slope of relu at 0 is 0.

    Raises
    ------
    ValueError
        If the name is unknown.
    """
    xp = namespace(z)
    match name:
        case "linear":
            return z, xp.ones_like(z)
        case "relu":
            positive = z > 0
            return xp.where(positive, z, xp.zeros_like(z)), xp.where(
                positive, xp.ones_like(z), xp.zeros_like(z)
            )
        case "tanh":
            y = xp.tanh(z)
            return y, 1.0 - y * y
        case "gelu":
            root, cubic = math.sqrt(2 / math.pi), 0.044715
            t = xp.tanh(root * (z + cubic * z * z * z))
            inner = root * (1.0 + 3 * cubic * z * z)
            return 0.5 * z * (1.0 + t), 0.5 * (1.0 + t) + 0.5 * z * (1.0 - t * t) * inner
    raise ValueError(f"unknown activation {name!r}: allowed are {', '.join(ACTIVATIONS)}")


def cross_entropy(logits: Any, labels: Any) -> tuple[Any, Any]:
    """Return the softmax cross-entropy of each example and its gradient with respect to the logits.

    Parameters
    ----------
    logits
        Shape (R, B, K).
    labels
        Class numbers in 0..K-1, shape (R, B) or (B,).

    Returns
    -------
    tuple of array
        Losses, shape (R, B), and residuals ``softmax - onehot``, shape (R, B, K).

    Raises
    ------
    ValueError
        If a label is outside 0..K-1.
    """
    xp = namespace(logits, labels)
    K = logits.shape[-1]
    outside = xp.logical_or(labels < 0, labels >= K)
    if bool(xp.any(outside)):
        raise ValueError(f"labels must lie in 0..{K - 1}, got {int(xp.min(labels))}..{int(xp.max(labels))}")
    onehot = labels[..., None] == xp.arange(K, dtype=labels.dtype)
    onehot = xp.where(onehot, xp.ones_like(logits), xp.zeros_like(logits))
    shifted = logits - xp.max(logits, axis=-1, keepdims=True)
    total = xp.sum(xp.exp(shifted), axis=-1, keepdims=True)
    losses = xp.log(total)[..., 0] - xp.sum(onehot * shifted, axis=-1)
    return losses, xp.exp(shifted) / total - onehot


def squared(outputs: Any, targets: Any) -> tuple[Any, Any]:
    """Return half the squared distance of each example and its gradient with respect to the outputs.

    Parameters
    ----------
    outputs
        Shape (R, B, K).
    targets
        Shape (R, B, K) or (B, K).

    Returns
    -------
    tuple of array
        Losses, shape (R, B), and residuals, shape (R, B, K).
    """
    xp = namespace(outputs, targets)
    residual = outputs - targets
    return 0.5 * xp.sum(residual * residual, axis=-1), residual
