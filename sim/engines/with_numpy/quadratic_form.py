"""The Gram matrix of per-example gradients, lower half, and sums of it over batches.

A dense layer's gradient of example i is ``(x_i, 1) d_i'``, so the inner product of two examples' gradients is
``(x_i . x_j + 1) (d_i . d_j)``; the gradients themselves are never formed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["ROWS", "WIDE", "check_sizes", "half_gram", "prefix_forms"]

ROWS, WIDE = 128, 512
"""Tile of the matrix worked on at a time: two float32 temporaries of it fit the second-level cache."""

_GATHER_RATIO = 16  # below N / 16 gathering the B^2 entries costs less than products with all rows
_GATHERED = 1 << 18  # entries gathered at a time
_BATCHES = 512  # batches multiplied at a time
_PANEL = 256  # columns of a product: what lies above the diagonal is skipped by panels


def half_gram(dense: Sequence[tuple[np.ndarray, np.ndarray]], others: Sequence[np.ndarray] = ()) -> np.ndarray:
    """Return the lower half of the Gram matrix, the diagonal halved: the matrix is its sum with its transpose.

    Parameters
    ----------
    dense
        Input x, shape (N, I), and residual d, shape (N, O), of each dense layer.
    others
        Gradients by example of parameters that act entry by entry, such as the scale of a norm, each (N, O).

    Returns
    -------
    numpy.ndarray, shape (N, N)
        In the type of the factors; zero above the diagonal.
    """
    N, kind = len(dense[0][0]), dense[0][0].dtype
    half = np.zeros((N, N), dtype=kind)
    left, right = np.empty((ROWS, WIDE), dtype=kind), np.empty((ROWS, WIDE), dtype=kind)
    for low in range(0, N, ROWS):
        high = min(low + ROWS, N)
        for start in range(0, high, WIDE):
            stop = min(start + WIDE, high)
            tile = half[low:high, start:stop]
            s, t = left[: high - low, : stop - start], right[: high - low, : stop - start]
            for x, d in dense:
                np.matmul(x[low:high], x[start:stop].T, out=s)
                np.matmul(d[low:high], d[start:stop].T, out=t)
                s += 1
                s *= t
                tile += s
            for e in others:
                tile += np.matmul(e[low:high], e[start:stop].T, out=s)
        corner = half[low:high, low:high]
        corner *= np.tri(high - low, dtype=kind)
    half.reshape(-1)[:: N + 1] *= 0.5
    return half


def check_sizes(half: np.ndarray, batches: np.ndarray, sizes: Sequence[int]) -> None:
    """Refuse sizes that are not increasing whole numbers in 1..B, and indices that are not unsigned."""
    B = batches.shape[1]
    if list(sizes) != sorted(set(sizes)) or not sizes or sizes[0] < 1 or sizes[-1] > B:
        raise ValueError(f"sizes of prefixes must be increasing and in 1..{B}, got {tuple(sizes)}")
    if batches.dtype.kind != "u" or (batches.size and int(batches.max()) >= len(half)):
        raise ValueError(f"batches must hold unsigned indices below {len(half)}, got {batches.dtype}")


def _gathered(half: np.ndarray, batches: np.ndarray, sizes: Sequence[int], out: np.ndarray) -> None:
    N, B = len(half), sizes[-1]
    chunk = max(1, _GATHERED // B**2)
    entries = half.reshape(-1)
    for start in range(0, len(batches), chunk):
        rows = batches[start : start + chunk, :B].astype(np.intp)
        block = np.take(entries, rows[:, :, None] * N + rows[:, None, :], mode="clip")
        for k, b in enumerate(sizes):
            out[start : start + chunk, k] = 2 * block[:, :b, :b].sum(axis=(1, 2), dtype=np.float64)


def _multiplied(half: np.ndarray, batches: np.ndarray, out: np.ndarray) -> None:
    N = len(half)
    for start in range(0, len(batches), _BATCHES):
        rows = batches[start : start + _BATCHES]
        marks = np.zeros((len(rows), N), dtype=half.dtype)
        np.put_along_axis(marks, rows.astype(np.intp), 1, axis=1)
        for low in range(0, N, _PANEL):
            high = min(low + _PANEL, N)
            sums = marks[:, low:] @ half[low:, low:high]
            out[start : start + len(rows)] += 2 * np.vecdot(sums, marks[:, low:high])


def prefix_forms(half: np.ndarray, batches: np.ndarray, sizes: Sequence[int]) -> np.ndarray:
    """Return the sum of the Gram matrix over the pairs of each batch's first b examples, for several b.

    Parameters
    ----------
    half
        From `half_gram`.
    batches
        Unsigned, shape (R, B), distinct within a row.
    sizes
        Increasing, in 1..B.

    Returns
    -------
    numpy.ndarray of float64, shape (R, len(sizes))
        ``|sum of gradients|^2`` of each prefix.

    Notes
    -----
    Small batches gather their entries, large ones are multiplied as rows of zeros and ones, panel by panel
    below the diagonal.
    """
    check_sizes(half, batches, sizes)
    out = np.zeros((len(batches), len(sizes)))
    small = sum(1 for b in sizes if _GATHER_RATIO * b <= len(half))
    if small:
        _gathered(half, batches, sizes[:small], out[:, :small])
    for k in range(small, len(sizes)):
        _multiplied(half, batches[:, : sizes[k]], out[:, k])
    return out
