"""Gradients accumulated over micro-batches, equal or not: the memory is that of one micro-batch.

Weighted by their sizes, the micro-batches' mean gradients add up to the gradient of the whole batch.  Averaged
with equal weights they do so only for equal sizes.  Under a norm that looks at the batch each micro-batch is normalized
by its own statistics, as in `sim.ghost`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from sim.arrays import namespace

__all__ = ["WEIGHTS", "Differentiable", "accumulate"]

WEIGHTS = ("examples", "micro_batches")


class Differentiable(Protocol):
    """What has a loss: `sim.networks.MLP`, `sim.sequential.Network`."""

    def gradient(self, theta: Any, x: Any, y: Any) -> tuple[Any, Any]:
        """Return the losses (R, B) and the gradient (R, P) of their mean over the batch."""
        ...


def accumulate(
    network: Differentiable, theta: Any, x: Any, y: Any, sizes: Sequence[int], *, weights: str = "examples"
) -> tuple[Any, Any]:
    """Return the losses and the accumulated gradient of a batch cut into consecutive micro-batches.

    Parameters
    ----------
    network
        The architecture.
    theta
        Shape (R, P).
    x, y
        Inputs and labels or targets, first axes (R, B).
    sizes
        Examples in each micro-batch; they add up to B.
    weights
        ``examples`` weights each micro-batch's mean gradient by its size; ``micro_batches`` weights all alike.

    Returns
    -------
    tuple of array
        Shapes (R, B) and (R, P).

    Raises
    ------
    ValueError
        If the sizes do not add up to B or an argument is unknown.
    """
    if weights not in WEIGHTS:
        raise ValueError(f"unknown weights {weights!r}: allowed are {', '.join(WEIGHTS)}")
    R, B = theta.shape[0], x.shape[1]
    if x.shape[0] != R or tuple(y.shape[:2]) != (R, B):
        raise ValueError(f"x and y must begin with ({R}, B), got {tuple(x.shape)} and {tuple(y.shape)}")
    if not sizes or any(isinstance(b, bool) or not isinstance(b, int) or b < 1 for b in sizes) or sum(sizes) != B:
        raise ValueError(f"micro-batches must be whole numbers >= 1 that add up to {B}, got {list(sizes)}")
    xp, first, losses = namespace(theta, x), 0, []
    total = xp.zeros_like(theta)
    for size in sizes:
        part = slice(first, first + size)
        each, gradient = network.gradient(theta, x[:, part, ...], y[:, part, ...])
        total = total + gradient * (size / B if weights == "examples" else 1 / len(sizes))
        losses.append(each)
        first += size
    return xp.concat(losses, axis=1), total
