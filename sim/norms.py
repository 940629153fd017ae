"""Normalization layers: batch, layer, instance, group and RMS, with hand-derived backward passes.

Activations have shape (R, B, C) or (R, B, C, ...): replicas, examples, channels, positions.  Every kind is
one computation on blocks of pooled entries; the kinds differ only in what a block pools.  Mean and variance
are found in two passes after the first entry of the block is subtracted, so that a constant block has a
variance of exactly zero whatever its value.  Variances divide by the number of pooled entries.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sim.arrays import namespace

__all__ = [
    "KINDS",
    "Cache",
    "Running",
    "backward",
    "forward",
    "forward_frozen",
    "moments",
    "statistics",
    "update_running",
]

KINDS = ("batch", "layer", "instance", "group", "rms")


@dataclass(frozen=True, slots=True)
class Cache:
    """What the backward pass needs of the forward pass.

    Parameters
    ----------
    kind, groups, shape
        The layer's kind, its number of groups, and the shape of its input.
    x_hat
        Normalized input in blocks.
    inverse
        ``1 / sqrt(var + eps)`` of each block, the pooled axis of length 1.
    gamma
        The scale, or None.
    """

    kind: str
    groups: int | None
    shape: tuple[int, ...]
    x_hat: Any
    inverse: Any
    gamma: Any


@dataclass(frozen=True, slots=True)
class Running:
    """Running statistics of a batch-norm layer.

    Parameters
    ----------
    mean, var
        Shape (R, C).
    """

    mean: Any
    var: Any


def _dimensions(kind: str, shape: tuple[int, ...], groups: int | None) -> tuple[int, int, int, int, int]:
    if kind not in (*KINDS, "frozen"):
        raise ValueError(f"unknown norm {kind!r}: allowed are {', '.join(KINDS)}")
    if len(shape) < 3 or 0 in shape:
        raise ValueError(f"activations must have shape (R, B, C, ...) without empty axes, got {shape}")
    R, B, C = shape[:3]
    S = 1
    for length in shape[3:]:
        S *= length
    if kind == "group":
        if isinstance(groups, bool) or not isinstance(groups, int) or groups < 1:
            raise ValueError(f"group norm needs a number of groups >= 1, got {groups!r}")
        if C % groups:
            raise ValueError(f"{C} channels cannot be split into {groups} groups")
    elif groups is not None:
        raise ValueError(f"{kind} norm has no groups, got groups={groups!r}")
    return R, B, C, S, groups or 1


def _pool(kind: str) -> int:
    """Return the axis pooled in blocks; for batch norm the channels stay innermost."""
    return -2 if kind in ("batch", "frozen") else -1


def _blocks(x: Any, kind: str, groups: int | None) -> Any:
    """Rearrange (R, B, C, ...) so that the axis `_pool` names holds what one statistic pools."""
    xp = namespace(x)
    R, B, C, S, G = _dimensions(kind, x.shape, groups)
    match kind:
        case "batch" | "frozen":
            by_position = xp.reshape(x, (R, B, C, S))
            if S > 1:
                by_position = xp.permute_dims(by_position, (0, 1, 3, 2))
            return xp.reshape(by_position, (R, B * S, C))
        case "instance":
            return xp.reshape(x, (R, B, C, S))
        case "group":
            return xp.reshape(x, (R, B, G, C // G * S))
    return xp.reshape(x, (R, B, C * S))


def _unblocks(blocks: Any, kind: str, shape: tuple[int, ...]) -> Any:
    xp = namespace(blocks)
    if kind in ("batch", "frozen"):
        R, B, C = shape[:3]
        blocks = xp.permute_dims(xp.reshape(blocks, (R, B, -1, C)), (0, 1, 3, 2))
    return xp.reshape(blocks, shape)


def _checked(x: Any, kind: str, groups: int | None) -> Any:
    xp = namespace(x)
    blocks = _blocks(x, kind, groups)
    if not xp.isdtype(x.dtype, "real floating"):
        raise ValueError(f"activations must be real floating point, got {x.dtype}")
    finite = xp.isfinite(x)
    if not bool(xp.all(finite)):
        where = tuple(int(axis[0]) for axis in xp.nonzero(xp.logical_not(finite)))
        raise ValueError(f"activations must be finite, got {float(x[where])} at index {where}")
    pooled = blocks.shape[_pool(kind)]
    if pooled < 2 and kind not in ("rms", "frozen"):
        what = "channel" if kind in ("batch", "instance") else "sample" if kind == "layer" else "group"
        raise ValueError(f"{kind} statistics needs at least 2 samples per {what}, got {pooled}")
    return blocks


def _moments(blocks: Any, kind: str) -> tuple[Any, Any, Any]:
    """Return mean, centered blocks and variance; RMS does not center."""
    xp, axis = namespace(blocks), _pool(kind)
    first = blocks[..., :1, :] if axis == -2 else blocks[..., :1]
    if kind == "rms":
        mean, centered = xp.zeros_like(first), blocks
    else:
        shifted = blocks - first
        offset = xp.mean(shifted, axis=axis, keepdims=True)
        mean, centered = first + offset, shifted - offset
    var = xp.mean(centered * centered, axis=axis, keepdims=True)
    if not bool(xp.all(xp.isfinite(var))):
        raise ValueError(f"the variance overflows {blocks.dtype}: rescale the activations")
    return mean, centered, var


def _inverse(var: Any, eps: float) -> Any:
    xp = namespace(var)
    if not 0 <= eps < float("inf"):
        raise ValueError(f"eps must be a finite number >= 0, got {eps!r}")
    if eps == 0:
        zero = var == 0
        if bool(xp.any(zero)):
            where = tuple(int(axis[0]) for axis in xp.nonzero(zero))
            raise ValueError(f"zero variance in block {where} with eps = 0")
    return 1.0 / xp.sqrt(var + eps)


def _per_channel(values: Any, shape: tuple[int, ...]) -> Any:
    """Shape (C,) or (R, C) to a shape that multiplies (R, B, C, ...)."""
    xp = namespace(values)
    R, C, rest = shape[0], shape[2], (1,) * (len(shape) - 3)
    if values.shape not in ((C,), (R, C)):
        raise ValueError(
            f"gamma, beta and statistics must have shape ({C},) or ({R}, {C}), got {values.shape}"
        )
    return xp.reshape(values, (values.shape[0] if values.ndim == 2 else 1, 1, C, *rest))


def statistics(kind: str, x: Any, *, groups: int | None = None) -> tuple[Any, Any]:
    """Return the mean and the biased variance that a layer would normalize by.

    Parameters
    ----------
    kind
        One of `KINDS`; for ``rms`` the mean is 0 and the variance is the mean square.
    x
        Shape (R, B, C) or (R, B, C, ...).
    groups
        Number of groups, for ``group`` only.

    Returns
    -------
    tuple of array
        Shapes (R, C) for batch, (R, B) for layer and rms, (R, B, C) for instance, (R, B, G) for group.

    Raises
    ------
    ValueError
        If a statistic would pool a single entry, the channels do not split into the groups, or `x` is not
        finite.
    """
    mean, _, var = _moments(_checked(x, kind, groups), kind)
    xp, axis = namespace(mean), _pool(kind)
    return xp.squeeze(mean, axis=axis), xp.squeeze(var, axis=axis)


def moments(kind: str, x: Any, *, groups: int | None = None) -> tuple[Any, Any, Any]:
    """Return the mean, the input without it, and the biased variance.

    Parameters
    ----------
    kind, x, groups
        As for `statistics`.

    Returns
    -------
    tuple of array
        Mean and variance as from `statistics`; between them the centered input, shaped as `x`, which keeps the digits
        that a mean far from zero has no room for.

    Raises
    ------
    ValueError
        As for `statistics`.
    """
    mean, centered, var = _moments(_checked(x, kind, groups), kind)
    xp, axis = namespace(mean), _pool(kind)
    return xp.squeeze(mean, axis=axis), _unblocks(centered, kind, tuple(x.shape)), xp.squeeze(var, axis=axis)


def forward(
    kind: str,
    x: Any,
    *,
    groups: int | None = None,
    eps: float = 1e-5,
    gamma: Any = None,
    beta: Any = None,
) -> tuple[Any, Cache]:
    """Normalize by the statistics of `x` itself, as in training.

    Parameters
    ----------
    kind, x, groups
        As for `statistics`.
    eps
        Added to the variance under the root, at least 0.
    gamma, beta
        Scale and shift of each channel, shape (C,) or (R, C); None for 1 and 0.

    Returns
    -------
    tuple
        The output, shaped as `x`, and the cache for `backward`.

    Raises
    ------
    ValueError
        As for `statistics`; if `eps` is negative; if a variance is zero with ``eps = 0``.
    """
    blocks = _checked(x, kind, groups)
    _, centered, var = _moments(blocks, kind)
    inverse = _inverse(var, eps)
    cache = Cache(kind, groups, tuple(x.shape), centered * inverse, inverse, gamma)
    return _affine(_unblocks(cache.x_hat, kind, cache.shape), gamma, beta), cache


def _affine(y: Any, gamma: Any, beta: Any) -> Any:
    if gamma is not None:
        y = y * _per_channel(gamma, y.shape)
    if beta is not None:
        y = y + _per_channel(beta, y.shape)
    return y


def forward_frozen(
    x: Any, running: Running, *, eps: float = 1e-5, gamma: Any = None, beta: Any = None
) -> tuple[Any, Cache]:
    """Normalize by given statistics of each channel, as batch norm does at inference.

    Parameters
    ----------
    x
        Shape (R, B, C) or (R, B, C, ...).
    running
        Mean and variance, shape (R, C).
    eps, gamma, beta
        As for `forward`.

    Returns
    -------
    tuple
        The output and the cache for `backward`, which treats the statistics as constants.
    """
    blocks = _checked(x, "frozen", None)
    inverse = _inverse(running.var[:, None, :], eps)
    x_hat = (blocks - running.mean[:, None, :]) * inverse
    cache = Cache("frozen", None, tuple(x.shape), x_hat, inverse, gamma)
    return _affine(_unblocks(x_hat, "frozen", cache.shape), gamma, beta), cache


def backward(cache: Cache, dy: Any) -> tuple[Any, Any, Any]:
    """Return the gradients with respect to input, scale and shift.

    Parameters
    ----------
    cache
        From the forward pass.
    dy
        Gradient with respect to the output, shaped as the input.

    Returns
    -------
    tuple of array
        Shapes (R, B, C, ...), (R, B, C) and (R, B, C): the last two are per example, summed over positions,
        so that per-example gradients can be had; sum them over the batch for the layer's gradient.

    Notes
    -----
    With ``g = gamma dy`` in blocks, ``dx = (g - mean(g) - x_hat mean(g x_hat)) / sqrt(var + eps)``, after
    Ioffe and Szegedy (2015); without the first mean for RMS, without both for frozen statistics.
    """
    xp = namespace(dy, cache.x_hat)
    if tuple(dy.shape) != cache.shape:
        raise ValueError(f"dy must have the input's shape {cache.shape}, got {tuple(dy.shape)}")
    R, B, C = cache.shape[:3]
    x_hat = _unblocks(cache.x_hat, cache.kind, cache.shape)
    dgamma = xp.sum(xp.reshape(dy * x_hat, (R, B, C, -1)), axis=-1)
    dbeta = xp.sum(xp.reshape(dy, (R, B, C, -1)), axis=-1)
    g = dy if cache.gamma is None else dy * _per_channel(cache.gamma, cache.shape)
    g = _blocks(g, cache.kind, cache.groups)
    inner, axis = g, _pool(cache.kind)
    if cache.kind not in ("rms", "frozen"):
        inner = inner - xp.mean(g, axis=axis, keepdims=True)
    if cache.kind != "frozen":
        inner = inner - cache.x_hat * xp.mean(g * cache.x_hat, axis=axis, keepdims=True)
    return _unblocks(inner * cache.inverse, cache.kind, cache.shape), dgamma, dbeta


def update_running(
    running: Running, mean: Any, var: Any, *, count: int, new_weight: float, bessel: bool
) -> Running:
    """Move running statistics toward those of one batch.

    Parameters
    ----------
    running
        The statistics so far.
    mean, var
        Of the batch, shape (R, C), from `statistics`; the variance divides by `count`.
    count
        Number of pooled entries, batch size times positions; at least 2 with `bessel`.
    new_weight
        Weight of the *new* batch in 0..1; the old statistics keep ``1 - new_weight``.  Libraries that call
        the weight of the old statistics "momentum" use one minus this.
    bessel
        Whether the batch variance is first multiplied by ``count / (count - 1)``.

    Returns
    -------
    Running
        The new statistics; those of a batch that already agrees with them stay as they are, to the last digit.

    Raises
    ------
    ValueError
        If `new_weight` or `count` is outside its range.
    """
    if not 0 <= new_weight <= 1:
        raise ValueError(f"new_weight must lie in 0..1, got {new_weight!r}")
    if count < (2 if bessel else 1):
        raise ValueError(f"count must be at least {2 if bessel else 1}, got {count}")
    if bessel:
        var = var * (count / (count - 1))
    return Running(_toward(running.mean, mean, new_weight), _toward(running.var, var, new_weight))


def _toward(old: Any, new: Any, weight: float) -> Any:
    """Return the mixture, exact at both ends of the weight and where both are equal."""
    return old + weight * (new - old) if weight < 0.5 else new - (1 - weight) * (new - old)
