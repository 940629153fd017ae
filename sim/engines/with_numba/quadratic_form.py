"""The half Gram matrix and its sums over batches, in loops; see `sim.engines.with_numpy.quadratic_form`.

Sums of float32 entries are taken in another order than in the NumPy engine: results agree to 1e-5.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit

from sim.engines.with_numpy.quadratic_form import ROWS, WIDE, check_sizes

__all__ = ["half_gram", "prefix_forms"]

_PAIRS_BELOW = 40  # up to this size every pair of a batch is looked up
_PANEL = 32  # columns of a panel: with all rows it stays in the second-level cache to N = 4096


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz"})
def _add_product(tile: np.ndarray, s: np.ndarray, t: np.ndarray, one: float) -> None:
    for i in range(tile.shape[0]):
        row, left, right = tile[i], s[i], t[i]
        for j in range(row.size):
            row[j] += (left[j] + one) * right[j]


def half_gram(dense: Sequence[tuple[np.ndarray, np.ndarray]], others: Sequence[np.ndarray] = ()) -> np.ndarray:
    """Return the lower half of the Gram matrix, the diagonal halved; see the NumPy engine."""
    N, kind = len(dense[0][0]), dense[0][0].dtype
    half = np.zeros((N, N), dtype=kind)
    left, right, one = np.empty(ROWS * WIDE, dtype=kind), np.empty(ROWS * WIDE, dtype=kind), kind.type(1)
    for low in range(0, N, ROWS):
        high = min(low + ROWS, N)
        for start in range(0, high, WIDE):
            stop = min(start + WIDE, high)
            shape = high - low, stop - start
            tile = half[low:high, start:stop]
            s, t = left[: shape[0] * shape[1]].reshape(shape), right[: shape[0] * shape[1]].reshape(shape)
            for x, d in dense:
                np.matmul(x[low:high], x[start:stop].T, out=s)
                np.matmul(d[low:high], d[start:stop].T, out=t)
                _add_product(tile, s, t, one)
            for e in others:
                tile += np.matmul(e[low:high], e[start:stop].T, out=s)
        corner = half[low:high, low:high]
        corner *= np.tri(high - low, dtype=kind)
    half.reshape(-1)[:: N + 1] *= 0.5
    return half


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz"})
def _looked_up(half: np.ndarray, batches: np.ndarray, sizes: np.ndarray, out: np.ndarray) -> None:
    """Add the pairs of each index with those before it in the batch; note the sum at each size."""
    B = sizes[-1]
    row = np.empty(B, np.int64)
    for r in range(batches.shape[0]):
        total, k = 0.0, 0
        for j in range(B):
            row[j] = batches[r, j]
        for i in range(B):
            one, part = row[i], half[row[i], row[i]]
            for j in range(i):
                part += half[max(one, row[j]), min(one, row[j])]
            total += 2 * np.float64(part)
            if i + 1 == sizes[k]:
                out[r, k] = total
                k += 1


@njit(cache=True, nogil=True)
def _by_panel(batches: np.ndarray, members: np.ndarray, heads: np.ndarray) -> None:
    """Order the indices of each batch by the panel they lie in, and note where each panel starts."""
    B, panels = batches.shape[1], heads.shape[1] - 1
    count = np.empty(panels + 1, np.int64)
    for r in range(batches.shape[0]):
        count[:] = 0
        for i in range(B):
            count[np.int64(batches[r, i]) // _PANEL + 1] += 1
        for p in range(panels):
            count[p + 1] += count[p]
        heads[r] = count
        for i in range(B):
            index = np.int64(batches[r, i])
            home = index // _PANEL
            members[r, count[home]] = index
            count[home] += 1


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz"})
def _by_rows(half: np.ndarray, members: np.ndarray, heads: np.ndarray, out: np.ndarray) -> None:
    """Add, panel by panel of columns, the rows of each batch, and pick the batch's own columns.

    A batch adds whole rows of the panel, eight columns at a time and four rows at a time, though it needs few
    of the columns: that costs less than looking them up one by one, and less than half of a product with all
    rows at B = N / 7.
    """
    N, B = half.shape[0], members.shape[1]
    panel = np.empty((N, _PANEL), half.dtype)
    sums = np.empty(_PANEL, half.dtype)
    for p in range(heads.shape[1] - 1):
        low = p * _PANEL
        wide = min(_PANEL, N - low)
        panel[low:, wide:] = 0
        panel[low:, :wide] = half[low:, low : low + wide]
        for r in range(members.shape[0]):
            row, head, stop = members[r], heads[r, p], heads[r, p + 1]
            if stop == head:
                continue
            for c in range(_PANEL):
                sums[c] = 0
            i = head
            while i + 4 <= B:
                p0, p1, p2, p3 = panel[row[i]], panel[row[i + 1]], panel[row[i + 2]], panel[row[i + 3]]
                for c in range(_PANEL):
                    sums[c] += (p0[c] + p1[c]) + (p2[c] + p3[c])
                i += 4
            while i < B:
                p0 = panel[row[i]]
                for c in range(_PANEL):
                    sums[c] += p0[c]
                i += 1
            total = 0.0
            for i in range(head, stop):
                total += np.float64(sums[row[i] - low])
            out[r] += 2 * total


def prefix_forms(half: np.ndarray, batches: np.ndarray, sizes: Sequence[int]) -> np.ndarray:
    """Return the sum of the Gram matrix over the pairs of each batch's prefixes; see the NumPy engine.

    Notes
    -----
    Small batches look their pairs up; large ones add whole rows of panels of the matrix.
    """
    check_sizes(half, batches, sizes)
    out = np.zeros((len(batches), len(sizes)))
    small = sum(1 for b in sizes if b <= _PAIRS_BELOW)
    if small:
        _looked_up(half, batches, np.array(sizes[:small]), out[:, :small])
    for k in range(small, len(sizes)):
        total = np.zeros(len(batches))
        members = np.empty((len(batches), sizes[k]), dtype=np.int32)
        heads = np.empty((len(batches), -(-len(half) // _PANEL) + 1), dtype=np.int64)
        _by_panel(batches[:, : sizes[k]], members, heads)
        _by_rows(half, members, heads, total)
        out[:, k] = total
    return out
