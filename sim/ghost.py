"""Ghost batch norm: batch norm within consecutive parts of the batch, after Hoffer, Hubara and Soudry (2017).

Accumulating gradients over micro-batches, or batch norm on workers that do not synchronize, is the same
computation: the noise of the statistics is that of the part, whatever the size of the whole batch.
"""

from __future__ import annotations

from typing import Any

from sim import norms
from sim.arrays import namespace

__all__ = ["backward", "forward", "statistics", "update_running"]


def _parts(shape: tuple[int, ...], size: int) -> int:
    if len(shape) < 3:
        raise ValueError(f"activations must have shape (R, B, C, ...), got {shape}")
    if isinstance(size, bool) or not isinstance(size, int) or size < 2:
        raise ValueError(f"ghost size must be a whole number >= 2, got {size!r}")
    if shape[1] % size:
        raise ValueError(f"a batch of {shape[1]} cannot be split into ghost batches of {size}")
    return shape[1] // size


def _split(x: Any, size: int) -> Any:
    """Make each ghost batch a replica: (R, B, C, ...) to (R m, size, C, ...)."""
    m = _parts(tuple(x.shape), size)
    return namespace(x).reshape(x, (x.shape[0] * m, size, *x.shape[2:]))


def _repeated(values: Any, R: int, m: int) -> Any:
    """Give every ghost batch its replica's scale or shift."""
    if values is None or values.ndim == 1:
        return values
    xp = namespace(values)
    C = values.shape[-1]
    return xp.reshape(xp.broadcast_to(values[:, None, :], (R, m, C)), (R * m, C))


def statistics(x: Any, *, size: int) -> tuple[Any, Any]:
    """Return the mean and biased variance of each ghost batch.

    Parameters
    ----------
    x
        Shape (R, B, C) or (R, B, C, ...).
    size
        Examples in a ghost batch, at least 2; it divides B.

    Returns
    -------
    tuple of array
        Shape (R, B / size, C) each, in the order of the batch.

    Raises
    ------
    ValueError
        If `size` is out of range or `x` is not finite.
    """
    xp = namespace(x)
    mean, var = norms.statistics("batch", _split(x, size))
    shape = (x.shape[0], x.shape[1] // size, x.shape[2])
    return xp.reshape(mean, shape), xp.reshape(var, shape)


def forward(x: Any, *, size: int, eps: float = 1e-5, gamma: Any = None, beta: Any = None) -> tuple[Any, norms.Cache]:
    """Normalize each ghost batch by its own statistics.

    Parameters
    ----------
    x, size
        As for `statistics`; ``size = B`` is batch norm.
    eps, gamma, beta
        As for `sim.norms.forward`.

    Returns
    -------
    tuple
        The output, shaped as `x`, and the cache for `backward`.

    Raises
    ------
    ValueError
        As for `statistics` and `sim.norms.forward`.
    """
    xp, R = namespace(x), x.shape[0]
    parts = _split(x, size)
    m = parts.shape[0] // R
    y, cache = norms.forward("batch", parts, eps=eps, gamma=_repeated(gamma, R, m), beta=_repeated(beta, R, m))
    return xp.reshape(y, tuple(x.shape)), cache


def backward(cache: norms.Cache, dy: Any) -> tuple[Any, Any, Any]:
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
        Shapes (R, B, C, ...), (R, B, C) and (R, B, C), as `sim.norms.backward`.

    Raises
    ------
    ValueError
        If `dy` does not have the input's shape.
    """
    xp, shape = namespace(dy), tuple(dy.shape)
    if dy.ndim != len(cache.shape) or shape[0] * shape[1] != cache.shape[0] * cache.shape[1]:
        raise ValueError(f"dy of shape {shape} does not split into the ghost batches {cache.shape}")
    dx, dgamma, dbeta = norms.backward(cache, xp.reshape(dy, cache.shape))
    return xp.reshape(dx, shape), xp.reshape(dgamma, shape[:3]), xp.reshape(dbeta, shape[:3])


def update_running(
    running: norms.Running, mean: Any, var: Any, *, count: int, new_weight: float, bessel: bool
) -> norms.Running:
    """Move running statistics toward those of each ghost batch in turn.

    Parameters
    ----------
    running
        The statistics so far, shape (R, C).
    mean, var
        From `statistics`, shape (R, m, C).
    count
        Number of pooled entries of one ghost batch.
    new_weight, bessel
        As for `sim.norms.update_running`; m ghost batches leave ``(1 - new_weight)^m`` of the old statistics.

    Returns
    -------
    Running
        The new statistics.
    """
    for part in range(mean.shape[1]):
        running = norms.update_running(
            running, mean[:, part, :], var[:, part, :], count=count, new_weight=new_weight, bessel=bessel
        )
    return running
