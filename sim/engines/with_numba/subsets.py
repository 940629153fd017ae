"""Batches without replacement, in loops: the same draws as `sim.engines.with_numpy.subsets`."""

from __future__ import annotations

import numpy as np
from numba import njit

from sim.engines.with_numpy.subsets import PLACES, fits_a_word, word_masks
from sim.subsets import smallest

__all__ = ["keep", "ordered", "packed"]


_LOOP = 1 << 10  # words drawn and tested in one go: they stay in the first-level cache
_ALL = np.uint64(2**64 - 1)


@njit(cache=True, nogil=True)
def keep(rng: np.random.Generator, bits: np.uint64, turns: tuple[np.uint64, ...], kept: np.ndarray) -> None:
    """Fill all but the last place of `kept` with words of distinct bytes; see the NumPy engine for the test."""
    low = np.uint64(0x7F7F7F7F7F7F7F7F)
    a, b, c, d = turns
    equal = np.empty(_LOOP, np.uint64)
    done, n = 0, kept.size - 1
    while done < n:
        words = rng.integers(np.uint64(0), _ALL, size=min(n - done, _LOOP), dtype=np.uint64, endpoint=True)
        for i in range(words.size):
            w = words[i] & bits
            w1 = w ^ (w >> np.uint64(8) | w << np.uint64(56))
            w2 = w ^ (w >> np.uint64(16) | w << np.uint64(48))
            w3 = w ^ (w >> np.uint64(24) | w << np.uint64(40))
            w4 = w ^ (w >> np.uint64(32) | w << np.uint64(32))
            equal[i] = (
                ~(((w1 & low) + low) | w1) & a
                | ~(((w2 & low) + low) | w2) & b
                | ~(((w3 & low) + low) | w3) & c
                | ~(((w4 & low) + low) | w4) & d
            )
        for i in range(words.size):
            # written always and kept where it counts: no branch to guess
            kept[done] = words[i] & bits
            done += equal[i] == np.uint64(0)


def packed(N: int, B: int, n: int, *, rng: np.random.Generator) -> np.ndarray:
    """Draw `n` uniform batches of B distinct indices, one a byte of a 64-bit word; see the NumPy engine."""
    if not fits_a_word(N, B):
        raise ValueError(f"batches of {B} out of {N} do not fit a word: N a power of two to 256, B <= 8")
    bits, turns = word_masks(N, B)
    kept = np.empty(n + 1, dtype=np.uint64)
    with rng.bit_generator.lock:
        keep(rng, bits, turns, kept)
    return kept[:n].astype("<u8", copy=False).view(np.uint8).reshape(n, 8)


@njit(cache=True, nogil=True)
def _mark(flat: np.ndarray, B: int, N: int, marks: np.ndarray, again: np.ndarray) -> int:
    """Mark the indices of fresh rows, the last first; list those already marked, in order, at the list's end."""
    marks[: flat.size // B * N] = 0
    lowest = flat.size
    for row in range(flat.size // B - 1, -1, -1):
        for i in range(row * B + B - 1, row * B - 1, -1):
            place = row * N + np.int64(flat[i])
            again[lowest - 1] = i
            lowest -= marks[place]
            marks[place] = 1
    return lowest


@njit(cache=True, nogil=True)
def _mark_again(
    flat: np.ndarray, B: int, N: int, marks: np.ndarray, again: np.ndarray, lowest: int, fresh: np.ndarray
) -> int:
    """Put fresh indices at the listed places and mark them, the last first; list again those already marked."""
    left = flat.size
    for k in range(flat.size - 1, lowest - 1, -1):
        i = again[k]
        flat[i] = fresh[k - lowest]
        place = i // B * N + np.int64(flat[i])
        if marks[place]:
            left -= 1
            again[left] = i
        marks[place] = 1
    return left


def ordered(N: int, B: int, n: int, *, rng: np.random.Generator) -> np.ndarray:
    """Draw `n` batches of B distinct indices in uniform order; see the NumPy engine."""
    kind = smallest(N)
    if 2 * B > N:
        whole = np.tile(np.arange(N, dtype=kind), (n, 1))
        return np.ascontiguousarray(rng.permuted(whole, axis=1)[:, :B])
    batches = np.empty((n, B), dtype=kind)
    chunk = max(1, PLACES // N)
    marks = np.empty(chunk * N, dtype=np.uint8)
    again = np.empty(chunk * B, dtype=np.int64)
    for start in range(0, n, chunk):
        rows = min(chunk, n - start)
        flat = batches[start : start + rows].reshape(-1)
        flat[:] = rng.integers(0, N, size=rows * B, dtype=kind)
        lowest = _mark(flat, B, N, marks, again)
        while lowest < flat.size:
            fresh = rng.integers(0, N, size=flat.size - lowest, dtype=kind)
            lowest = _mark_again(flat, B, N, marks, again, lowest, fresh)
    return batches
