"""Convolution and pooling of images: forward and hand-derived backward, replicate axis first.

Images have shape (R, B, C, H, W): replicas, examples, channels, height, width.  A convolution copies the
entries under the kernel at each position into columns and multiplies once for each replica.  The columns, and with
them the outputs, lie in memory with the batch innermost, so that every copy runs over long contiguous
stretches; shapes say nothing of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sim.arrays import namespace

__all__ = [
    "Columns",
    "average_pool",
    "average_pool_backward",
    "convolve",
    "convolve_backward",
    "max_pool",
    "max_pool_backward",
    "output_side",
]


@dataclass(frozen=True, slots=True)
class Columns:
    """What the backward pass of a convolution needs of the forward pass.

    Parameters
    ----------
    values
        The entries under the kernel, shape (R, C k k, H' W' B).
    shape
        Shape of the input.
    stride, padding
        As given to `convolve`.
    """

    values: Any
    shape: tuple[int, ...]
    stride: int
    padding: int


def output_side(side: int, size: int, *, stride: int = 1, padding: int = 0) -> int:
    """Return the number of positions of a kernel along one side of an image.

    Parameters
    ----------
    side, size
        Length of the image and of the kernel.
    stride, padding
        Step between positions, and zeros added at both ends.

    Returns
    -------
    int
        ``(side + 2 padding - size) // stride + 1``.

    Raises
    ------
    ValueError
        If a number is out of range or the kernel is longer than the padded image.
    """
    for name, value, low in (("stride", stride, 1), ("padding", padding, 0), ("kernel size", size, 1)):
        if isinstance(value, bool) or not isinstance(value, int) or value < low:
            raise ValueError(f"{name} must be a whole number >= {low}, got {value!r}")
    if size > side + 2 * padding:
        raise ValueError(f"a kernel of {size} does not fit a side of {side} with padding {padding}")
    return (side + 2 * padding - size) // stride + 1


def _checked(x: Any) -> tuple[int, int, int, int, int]:
    if x.ndim != 5 or 0 in x.shape:
        raise ValueError(f"images must have shape (R, B, C, H, W) without empty axes, got {tuple(x.shape)}")
    R, B, C, H, W = x.shape
    return R, B, C, H, W


def _window(first: int, count: int, stride: int) -> slice:
    return slice(first, first + stride * (count - 1) + 1, stride)


def convolve(x: Any, W: Any, b: Any, *, stride: int = 1, padding: int = 1) -> tuple[Any, Columns]:
    """Correlate images with square kernels, each replica with its own.

    Parameters
    ----------
    x
        Shape (R, B, C, H, W).
    W
        Kernels, shape (R, O, C, k, k).
    b
        Shift of each output channel, shape (R, O), or None.
    stride
        Step between positions.
    padding
        Zeros added at each border.

    Returns
    -------
    tuple
        Output, shape (R, B, O, H', W'), and the columns for `convolve_backward`.

    Raises
    ------
    ValueError
        If shapes do not fit each other.
    """
    xp = namespace(x, W)
    R, B, C, H, V = _checked(x)
    if W.ndim != 5 or W.shape[0] != R or W.shape[2] != C or W.shape[3] != W.shape[4]:
        raise ValueError(f"kernels must have shape ({R}, O, {C}, k, k), got {tuple(W.shape)}")
    O, k = W.shape[1], W.shape[3]  # noqa: E741
    rows, cols = (output_side(s, k, stride=stride, padding=padding) for s in (H, V))
    images = xp.permute_dims(x, (0, 2, 3, 4, 1))
    if padding:
        padded = xp.zeros((R, C, H + 2 * padding, V + 2 * padding, B), dtype=x.dtype)
        padded[:, :, padding : padding + H, padding : padding + V, :] = images
        images = padded
    values = xp.empty((R, C, k, k, rows, cols, B), dtype=x.dtype)
    for i in range(k):
        for j in range(k):
            values[:, :, i, j, ...] = images[:, :, _window(i, rows, stride), _window(j, cols, stride), :]
    values = xp.reshape(values, (R, C * k * k, rows * cols * B))
    y = xp.matmul(xp.reshape(W, (R, O, C * k * k)), values)
    if b is not None:
        y += b[:, :, None]
    y = xp.permute_dims(xp.reshape(y, (R, O, rows, cols, B)), (0, 4, 1, 2, 3))
    return y, Columns(values, (R, B, C, H, V), stride, padding)


def convolve_backward(columns: Columns, W: Any, dy: Any, *, inputs: bool = True) -> tuple[Any, Any, Any]:
    """Return the gradients of a convolution with respect to its input, kernels and shifts.

    Parameters
    ----------
    columns
        From the forward pass.
    W
        Kernels, shape (R, O, C, k, k).
    dy
        Gradient with respect to the output, shape (R, B, O, H', W').
    inputs
        Whether the input's gradient is wanted; without it the first entry is None.

    Returns
    -------
    tuple of array
        Shapes (R, B, C, H, W), (R, O, C, k, k) and (R, O); the last two are summed over the batch.

    Raises
    ------
    ValueError
        If `dy` does not have the output's shape.
    """
    xp = namespace(W, dy)
    R, B, C, H, V = columns.shape
    O, k = W.shape[1], W.shape[3]  # noqa: E741
    stride, padding = columns.stride, columns.padding
    rows, cols = (output_side(s, k, stride=stride, padding=padding) for s in (H, V))
    if tuple(dy.shape) != (R, B, O, rows, cols):
        raise ValueError(f"dy must have the output's shape {(R, B, O, rows, cols)}, got {tuple(dy.shape)}")
    d = xp.reshape(xp.permute_dims(dy, (0, 2, 3, 4, 1)), (R, O, rows * cols * B))
    dW = xp.reshape(xp.matmul(d, xp.permute_dims(columns.values, (0, 2, 1))), tuple(W.shape))
    db = xp.sum(d, axis=2)
    if not inputs:
        return None, dW, db
    kernels = xp.reshape(W, (R, O, C * k * k))
    spread = xp.reshape(xp.matmul(xp.permute_dims(kernels, (0, 2, 1)), d), (R, C, k, k, rows, cols, B))
    dx = xp.zeros((R, C, H + 2 * padding, V + 2 * padding, B), dtype=dy.dtype)
    for i in range(k):
        for j in range(k):
            dx[:, :, _window(i, rows, stride), _window(j, cols, stride), :] += spread[:, :, i, j, ...]
    dx = dx[:, :, padding : padding + H, padding : padding + V, :]
    return xp.permute_dims(dx, (0, 4, 1, 2, 3)), dW, db


def _tiles(x: Any, size: int) -> list[Any]:
    """Return the ``size^2`` images whose entries share a position within their tile."""
    _, _, _, H, W = _checked(x)
    if isinstance(size, bool) or not isinstance(size, int) or size < 1 or H % size or W % size:
        raise ValueError(f"pooling by {size!r} does not divide images of {H} x {W}")
    return [x[..., i::size, j::size] for i in range(size) for j in range(size)]


def _untiled(tiles: list[Any], size: int) -> Any:
    """Put the images of `_tiles` back together."""
    xp = namespace(tiles[0])
    R, B, C, rows, cols = tiles[0].shape
    # batch innermost in memory, as convolutions leave it
    whole = xp.empty((R, C, rows, size, cols, size, B), dtype=tiles[0].dtype)
    for place, tile in enumerate(tiles):
        whole[:, :, :, place // size, :, place % size, :] = xp.permute_dims(tile, (0, 2, 3, 4, 1))
    whole = xp.reshape(whole, (R, C, rows * size, cols * size, B))
    return xp.permute_dims(whole, (0, 4, 1, 2, 3))


def average_pool(x: Any, size: int = 2) -> Any:
    """Return the mean over tiles of `size` x `size`, shape (R, B, C, H / size, W / size).

    Parameters
    ----------
    x
        Shape (R, B, C, H, W).
    size
        Side of a tile; it divides H and W.

    Raises
    ------
    ValueError
        If it does not.
    """
    tiles = _tiles(x, size)
    total = tiles[0]
    for tile in tiles[1:]:
        total = total + tile
    return total / size**2


def average_pool_backward(dy: Any, size: int = 2) -> Any:
    """Return the gradient with respect to the input of `average_pool`, shape (R, B, C, H, W).

    Parameters
    ----------
    dy
        Gradient with respect to the output.
    size
        As given to `average_pool`.
    """
    return _untiled([dy / size**2] * size**2, size)


def max_pool(x: Any, size: int = 2) -> tuple[Any, Any]:
    """Return the maximum over tiles, and where in its tile each was found.

    Parameters
    ----------
    x
        Shape (R, B, C, H, W).
    size
        Side of a tile; it divides H and W.

    Returns
    -------
    tuple of array
        Maxima, shape (R, B, C, H / size, W / size), and places 0..size^2-1 in reading order, shaped alike; of
        equal entries the first counts.

    Raises
    ------
    ValueError
        If `size` does not divide the images.
    """
    xp = namespace(x)
    tiles = _tiles(x, size)
    top, place = tiles[0], xp.zeros(tiles[0].shape, dtype=xp.int8 if size < 12 else xp.int64)
    for number, tile in enumerate(tiles[1:], start=1):
        above = tile > top
        top = xp.where(above, tile, top)
        place = xp.where(above, xp.asarray(number, dtype=place.dtype), place)
    return top, place


def max_pool_backward(place: Any, dy: Any, size: int = 2) -> Any:
    """Return the gradient with respect to the input of `max_pool`, shape (R, B, C, H, W).

    Parameters
    ----------
    place
        From `max_pool`.
    dy
        Gradient with respect to the output.
    size
        As given to `max_pool`.
    """
    xp = namespace(dy, place)
    zero = xp.zeros_like(dy)
    return _untiled([xp.where(place == number, dy, zero) for number in range(size**2)], size)
