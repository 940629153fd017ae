"""Uniform subsets of a range of integers, exactly and fast; the order within a subset says nothing."""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations
from math import comb
from typing import Any

import numpy as np

__all__ = ["smallest", "uniform"]

_TABLE_ROWS = 1 << 14  # the table of all batches stays in the cache below this many
_REJECTION_B = 12  # up to this B every pair of columns is compared
_STAMPS = 1 << 17  # places of the chunk worked on at a time
_BITMAP_RATIO = 8  # above N / 8 a pass over the population costs less than looking back at each index
_BITMAP_BYTES = 1 << 18  # rows of the bitmap worked on at a time stay in the second-level cache


def smallest(N: int) -> type[np.unsignedinteger[Any]]:
    """Return the narrowest unsigned type that holds 0..N-1: narrow draws cost fewer random bits."""
    if N <= 1 << 8:
        return np.uint8
    return np.uint16 if N <= 1 << 16 else np.uint32


@lru_cache(maxsize=16)
def _all_batches(N: int, B: int) -> np.ndarray:
    table = np.array(list(combinations(range(N), B)), dtype=smallest(N)).T.copy()
    table.flags.writeable = False
    return table


def _repeated(columns: np.ndarray) -> np.ndarray:
    """Mark the batches (columns of a (B, n) array) in which an index occurs twice."""
    bad = np.zeros(columns.shape[1], dtype=bool)
    for i in range(1, len(columns)):
        for j in range(i):
            bad |= columns[i] == columns[j]
    return bad


def _by_rejection(N: int, B: int, n: int, *, rng: np.random.Generator) -> np.ndarray:
    """Redraw every batch that repeats an index: what is left is uniform on the sets."""
    columns = rng.integers(0, N, size=(B, n), dtype=smallest(N))
    bad = np.flatnonzero(_repeated(columns))
    while bad.size:
        fresh = rng.integers(0, N, size=(B, bad.size), dtype=smallest(N))
        columns[:, bad] = fresh
        bad = bad[_repeated(fresh)]
    return columns.astype(np.int64).T


def _by_stamps(N: int, B: int, n: int, *, rng: np.random.Generator) -> np.ndarray:
    """Draw B indices and redraw, round by round, those that repeat one already held.

    Each index stamps its place with its own number; of several on one place the last stays and the others are
    drawn again.  The number drawn in a round is what is missing, so the set held is that of drawing one index
    after another and passing over repeats: uniform on the sets.  Stamps grow from chunk to chunk, so the
    places need no clearing.
    """
    chunk = max(1, min(n, _STAMPS // N))
    stamps = np.zeros(chunk * N, dtype=np.int64)
    batches = np.empty((n, B), dtype=np.int64)
    oldest = 1
    for start in range(0, n, chunk):
        rows = min(chunk, n - start)
        held = rng.integers(0, N, size=(rows, B), dtype=smallest(N)).astype(np.int64)
        first = np.repeat(np.arange(rows) * N, B)
        numbers = np.arange(oldest, oldest + rows * B)
        places = first + held.reshape(-1)
        stamps[places] = numbers
        again = np.flatnonzero(stamps[places] != numbers)
        flat = held.reshape(-1)
        while again.size:
            fresh = rng.integers(0, N, size=again.size, dtype=smallest(N)).astype(np.int64)
            flat[again] = fresh
            places, numbers = first[again] + fresh, again + oldest
            free = stamps[places] < oldest
            stamps[places[free]] = numbers[free]
            again = again[stamps[places] != numbers]
        batches[start : start + rows] = held
        oldest += rows * B
    return batches


def _by_bitmap(N: int, B: int, n: int, *, rng: np.random.Generator) -> np.ndarray:
    """Mark indices until `B` distinct ones, or `N - B` for the complement, are marked; then read them off.

    A round draws exactly as many as are missing, as in `_by_stamps`; reading costs a pass over the
    population.
    """
    few = min(B, N - B)
    width = -(-N // 8) * 8
    chunk = max(1, _BITMAP_BYTES // width)
    batches = np.empty((n, B), dtype=np.int64)
    for start in range(0, n, chunk):
        rows = min(chunk, n - start)
        first = np.arange(rows, dtype=np.int64) * width
        marks = np.zeros((rows, width), dtype=bool)
        flat = marks.reshape(-1)
        missing = np.full(rows, few)
        while missing.any():
            where = np.repeat(first, missing)
            where += rng.integers(0, N, size=where.size, dtype=smallest(N))
            flat[where] = True
            missing = few - _marked(marks)
        if few < B:
            np.logical_not(marks, out=marks)
            marks[:, N:] = False
        np.subtract(np.flatnonzero(flat).reshape(rows, B), first[:, None], out=batches[start : start + rows])
    return batches


def _marked(marks: np.ndarray) -> np.ndarray:
    """Count the marks of each row, eight bytes at a time: 255 sums of words cannot overflow a byte."""
    words = marks.view(np.uint64)
    total = np.zeros(len(marks), dtype=np.int64)
    for start in range(0, words.shape[1], 255):
        sums = words[:, start : start + 255].sum(axis=1)
        total += sums.view(np.uint8).reshape(-1, 8).sum(axis=1, dtype=np.int64)
    return total


def uniform(N: int, B: int, n: int, *, rng: np.random.Generator) -> np.ndarray:
    """Draw `n` uniform subsets of `B` out of 0..N-1; sizes are taken as checked.

    Parameters
    ----------
    N, B, n
        Sizes, ``1 <= B <= N <= 2^24``, and number of subsets.
    rng
        The stream.

    Returns
    -------
    numpy.ndarray of int64, shape (n, B)

    Notes
    -----
    Exact methods by cost: the whole population; a uniform entry of the table of all batches when there
    are few; redrawing batches with repeats when repeats are rare; otherwise redrawing the repeats alone, with
    places numbered or, for large batches, with a bitmap of the batch or of its complement.
    """
    if B == N:
        return np.tile(np.arange(N, dtype=np.int64), (n, 1))
    # a binomial coefficient of at least 2 k over k is at least 2^k: the large ones are not computed
    if min(B, N - B) <= 14 and comb(N, B) <= _TABLE_ROWS:
        table = _all_batches(N, B)
        picked = rng.integers(0, table.shape[1], size=n, dtype=np.uint16)
        return np.take(table, picked, axis=1).astype(np.int64).T
    if B <= _REJECTION_B and np.prod(1 - np.arange(B) / N) > 0.3:
        return _by_rejection(N, B, n, rng=rng)
    method = _by_stamps if _BITMAP_RATIO * B < N else _by_bitmap
    return method(N, B, n, rng=rng)
