"""Hybrid normalization: a weight alpha on batch statistics and 1 - alpha on each sample's own, in both readings.

``statistics`` mixes means and biased variances and normalizes once; ``outputs`` normalizes twice and mixes the
results.  At alpha = 1 both are batch norm, at alpha = 0 both are layer norm.  Batch statistics pool the
examples and positions of a channel; the sample's pool its channels and positions.  What is mixed is the input without
either mean, not the means: of a constant, ``alpha`` and ``1 - alpha`` times it need not add up to it in floating point.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sim import norms
from sim.arrays import namespace

__all__ = ["READINGS", "Cache", "backward", "forward", "forward_frozen"]

READINGS = ("statistics", "outputs")


@dataclass(frozen=True, slots=True)
class Cache:
    """What the backward pass needs of the forward pass; arrays have shape (R, B, C, S) or broadcast to it.

    Parameters
    ----------
    reading, shape
        The reading, and the shape of the input.
    alpha
        Shape (R, 1, 1, 1).
    batch, sample
        Centered input, variance and inverse root of the two kinds.
    mixed
        Centered input and inverse root by the mixed statistics; None for ``outputs``.
    frozen
        Whether the batch statistics were given and are constants.
    gamma
        The scale, or None.
    """

    reading: str
    shape: tuple[int, ...]
    alpha: Any
    batch: tuple[Any, Any, Any]
    sample: tuple[Any, Any, Any]
    mixed: tuple[Any, Any] | None
    frozen: bool
    gamma: Any


def _weight(alpha: Any, x: Any) -> Any:
    """Return alpha with shape (R, 1, 1, 1)."""
    xp, R = namespace(x), x.shape[0]
    if not hasattr(alpha, "shape"):
        alpha = xp.full((R,), float(alpha), dtype=x.dtype)
    if tuple(alpha.shape) != (R,):
        raise ValueError(f"alpha must be a number or have shape ({R},), got {tuple(alpha.shape)}")
    outside = xp.logical_not(xp.logical_and(alpha >= 0, alpha <= 1))
    if bool(xp.any(outside)):
        raise ValueError(f"alpha must lie in 0..1, got {float(alpha[outside][0])}")
    return xp.reshape(alpha, (R, 1, 1, 1))


def _inverse(var: Any, eps: float) -> Any:
    xp = namespace(var)
    if not 0 <= eps < float("inf"):
        raise ValueError(f"eps must be a finite number >= 0, got {eps!r}")
    if eps == 0 and bool(xp.any(var == 0)):
        raise ValueError("zero variance with eps = 0")
    return 1.0 / xp.sqrt(var + eps)


def _channels(values: Any) -> Any:
    """Shape (C,) or (R, C) to one that multiplies (R, B, C, S)."""
    return values[None, None, :, None] if values.ndim == 1 else values[:, None, :, None]


def _mix(
    x: Any, running: norms.Running | None, alpha: Any, reading: str, eps: float, gamma: Any, beta: Any
) -> tuple[Any, Cache]:
    xp = namespace(x)
    if reading not in READINGS:
        raise ValueError(f"unknown reading {reading!r}: allowed are {', '.join(READINGS)}")
    shape = tuple(x.shape)
    for name, values in (("gamma", gamma), ("beta", beta)):
        if values is not None and tuple(values.shape) not in ((shape[2],), (shape[0], shape[2])):
            raise ValueError(
                f"{name} must have shape ({shape[2]},) or ({shape[0]}, {shape[2]}), got {tuple(values.shape)}"
            )
    weight = _weight(alpha, x)
    _, by_sample, sample_var = norms.moments("layer", x)
    if running is None:
        _, by_batch, var = norms.moments("batch", x)
    else:
        mean, var = running.mean, running.var
        by_batch = xp.reshape(x, (*shape[:3], -1)) - mean[:, None, :, None]
    var, sample_var = var[:, None, :, None], sample_var[:, :, None, None]
    by_batch, by_sample = (xp.reshape(v, (*shape[:3], -1)) for v in (by_batch, by_sample))
    inverse, sample_inverse = _inverse(var, eps), _inverse(sample_var, eps)
    mixed = None
    if reading == "statistics":
        centered = weight * by_batch + (1 - weight) * by_sample
        mixed = (centered, _inverse(weight * var + (1 - weight) * sample_var, eps))
        y = centered * mixed[1]
    else:
        y = weight * (by_batch * inverse) + (1 - weight) * (by_sample * sample_inverse)
    if gamma is not None:
        y = y * _channels(gamma)
    if beta is not None:
        y = y + _channels(beta)
    batch, sample = (by_batch, var, inverse), (by_sample, sample_var, sample_inverse)
    cache = Cache(reading, shape, weight, batch, sample, mixed, running is not None, gamma)
    return xp.reshape(y, shape), cache


def forward(
    x: Any,
    *,
    alpha: Any,
    reading: str = "statistics",
    eps: float = 1e-5,
    gamma: Any = None,
    beta: Any = None,
) -> tuple[Any, Cache]:
    """Normalize by the batch's statistics and the sample's own, as in training.

    Parameters
    ----------
    x
        Shape (R, B, C) or (R, B, C, ...).
    alpha
        Weight of the batch in 0..1: a number, or one for each replica, shape (R,).
    reading
        One of `READINGS`.
    eps
        Added to each variance under a root, at least 0.
    gamma, beta
        Scale and shift of each channel, shape (C,) or (R, C); None for 1 and 0.

    Returns
    -------
    tuple
        The output, shaped as `x`, and the cache for `backward`.

    Raises
    ------
    ValueError
        If an argument is outside what is stated, `x` is not finite, or a statistic pools a single entry.
    """
    return _mix(x, None, alpha, reading, eps, gamma, beta)


def forward_frozen(
    x: Any,
    running: norms.Running,
    *,
    alpha: Any,
    reading: str = "statistics",
    eps: float = 1e-5,
    gamma: Any = None,
    beta: Any = None,
) -> tuple[Any, Cache]:
    """Normalize by given channel statistics in the batch's place, as at inference.

    Parameters
    ----------
    x
        Shape (R, B, C) or (R, B, C, ...); a single example is allowed.
    running
        Mean and variance, shape (R, C); constants for `backward`.
    alpha, reading, eps, gamma, beta
        As for `forward`.

    Returns
    -------
    tuple
        The output and the cache for `backward`.
    """
    return _mix(x, running, alpha, reading, eps, gamma, beta)


def backward(cache: Cache, dy: Any) -> tuple[Any, Any, Any, Any]:
    """Return the gradients with respect to input, scale, shift and alpha.

    Parameters
    ----------
    cache
        From the forward pass.
    dy
        Gradient with respect to the output, shaped as the input.

    Returns
    -------
    tuple of array
        Shapes (R, B, C, ...), (R, B, C), (R, B, C) and (R,): scale and shift by example, alpha summed over
        everything.

    Raises
    ------
    ValueError
        If `dy` does not have the input's shape.

    Notes
    -----
    With m and v the mixed statistics of entry (b, c), ``dm = -sum_s g / sqrt(v + eps)`` and
    ``dv = -1/2 sum_s g (x - m) (v + eps)^(-3/2)``; each goes to the batch with weight alpha and to the sample
    with 1 - alpha, and ``dalpha = sum dm (m_B - m_S) + dv (v_B - v_S)``.
    """
    xp = namespace(dy)
    if tuple(dy.shape) != cache.shape:
        raise ValueError(f"dy must have the input's shape {cache.shape}, got {tuple(dy.shape)}")
    d = xp.reshape(dy, (*cache.shape[:3], -1))
    g = d if cache.gamma is None else d * _channels(cache.gamma)
    a = cache.alpha
    (batch_x, batch_var, batch_inverse), (sample_x, sample_var, sample_inverse) = cache.batch, cache.sample
    if cache.mixed is not None:
        centered, inverse = cache.mixed
        x_hat = centered * inverse
        dmean = -xp.sum(g * inverse, axis=3, keepdims=True)
        dvar = -0.5 * xp.sum(g * x_hat * inverse**2, axis=3, keepdims=True)
        # the means differ by as much at every position
        dalpha = dmean * (sample_x - batch_x)[..., :1] + dvar * (batch_var - sample_var)
        dx = g * inverse
        from_batch, from_sample = (a * dmean, a * dvar), ((1 - a) * dmean, (1 - a) * dvar)
    else:
        by_batch, by_sample = batch_x * batch_inverse, sample_x * sample_inverse
        x_hat = a * by_batch + (1 - a) * by_sample
        dalpha = g * (by_batch - by_sample)
        dx = g * (a * batch_inverse + (1 - a) * sample_inverse)
        from_batch, from_sample = (
            (-w * xp.sum(g * i, axis=3, keepdims=True), -0.5 * w * xp.sum(g * h * i**2, axis=3, keepdims=True))
            for w, h, i in ((a, by_batch, batch_inverse), (1 - a, by_sample, sample_inverse))
        )
    if not cache.frozen:
        dx = dx + _through(from_batch, batch_x, axis=1)
    dx = dx + _through(from_sample, sample_x, axis=2)
    dgamma, dbeta = xp.sum(d * x_hat, axis=3), xp.sum(d, axis=3)
    return xp.reshape(dx, cache.shape), dgamma, dbeta, xp.sum(dalpha, axis=(1, 2, 3))


def _through(slopes: tuple[Any, Any], centered: Any, *, axis: int) -> Any:
    """Carry gradients of means and variances pooled over `axis` and positions back to the entries.

    The variance's own dependence on the mean adds nothing: the centered entries of a block sum to zero.
    """
    xp = namespace(centered)
    dmean, dvar = (xp.sum(slope, axis=axis, keepdims=True) for slope in slopes)
    return (dmean + 2 * dvar * centered) / (centered.shape[axis] * centered.shape[3])
