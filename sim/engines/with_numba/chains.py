"""SGD chains on least squares, in loops; see `sim.engines.with_numpy.chains`.

Chains step one after another within a step, not steps within a chain: chains are independent, so that the
latencies of one hide behind the others; for the same reason all residuals come before all moves.  A few chains step
together, so that they stay in the first-level cache beside the rows.  The rows of a batch enter eight at a time,
each sum in a register of its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from sim.engines.with_numba.subsets import keep
from sim.engines.with_numba.tiles import move, residuals
from sim.engines.with_numpy.subsets import word_masks

__all__ = ["advance", "walk_packed"]

_TOGETHER = 32  # chains that step together
_residuals, _move = residuals(), move()


@njit(cache=True, nogil=True)
def _starts(i: np.ndarray, wide: int) -> tuple[Any, ...]:
    """Return the first entries of eight rows."""
    return (
        np.int64(i[0]) * wide, np.int64(i[1]) * wide, np.int64(i[2]) * wide, np.int64(i[3]) * wide,
        np.int64(i[4]) * wide, np.int64(i[5]) * wide, np.int64(i[6]) * wide, np.int64(i[7]) * wide,
    )  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def _eight(
    rows: np.ndarray,
    theta: np.ndarray,
    indices: np.ndarray,
    steps: np.ndarray,
    ends: np.ndarray,
    most: float,
    first: int,
    diverged_at: np.ndarray,
    eights: tuple[int, ...],
) -> None:
    """Advance with batches of at most eight; a place beyond B has step 0.

    `eights` has one entry for each eight columns: its length, unlike a number, is known to the compiler.
    """
    wide = 8 * len(eights)
    # of our own, as they lie at whole vectors
    flat, mine = np.empty(rows.size, rows.dtype), np.empty(_TOGETHER * wide, rows.dtype)
    found = np.empty(8 * _TOGETHER, rows.dtype)
    flat[:] = rows.ravel()
    for low in range(0, theta.shape[0], _TOGETHER):
        high = min(low + _TOGETHER, theta.shape[0])
        count = high - low
        mine[: count * wide] = theta[low:high].ravel()
        noted = diverged_at[low:high]
        all_walk = noted.max() < 0
        for t in range(indices.shape[0]):
            chosen = indices[t, low:high]
            fine = all_walk
            for c in range(count):
                fine &= _residuals(flat, _starts(chosen[c], wide), mine, c * wide, steps, found, 8 * c, most, eights)
            if not fine:
                for c in range(count):
                    if noted[c] < 0 and not abs(found[8 * c : 8 * c + 8].sum()) <= most:
                        noted[c], all_walk = first + t, False
                    if noted[c] >= 0:
                        found[8 * c : 8 * c + 8] = 0
            for c in range(count):
                _move(flat, _starts(chosen[c], wide), mine, c * wide, found, 8 * c, ends, eights)
        theta[low:high] = mine[: count * wide].reshape(count, wide)


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "reassoc", "nsz"})
def _many(
    rows: np.ndarray,
    theta: np.ndarray,
    indices: np.ndarray,
    step: float,
    last: int,
    most: float,
    first: int,
    diverged_at: np.ndarray,
    eights: tuple[int, ...],
) -> None:
    """Advance with batches of any size, a multiple of four rows at a time and then the rest."""
    wide, zero, B = 8 * len(eights), theta.dtype.type(0), indices.shape[2]
    r = np.empty(B, theta.dtype)
    for t in range(indices.shape[0]):
        for c in range(theta.shape[0]):
            total = zero
            for k in range(B):
                i, s = indices[t, c, k], zero
                for j in range(wide):
                    s += rows[i, j] * theta[c, j]
                r[k] = s * step
                total += r[k]
            if not abs(total) <= most or diverged_at[c] >= 0:
                if diverged_at[c] < 0:
                    diverged_at[c] = first + t
                continue
            for k in range(0, B - 3, 4):
                a, b, d, e = indices[t, c, k], indices[t, c, k + 1], indices[t, c, k + 2], indices[t, c, k + 3]
                ra, rb, rd, re = r[k], r[k + 1], r[k + 2], r[k + 3]
                for j in range(wide):
                    theta[c, j] -= (ra * rows[a, j] + rb * rows[b, j]) + (rd * rows[d, j] + re * rows[e, j])
            for k in range(B // 4 * 4, B):
                a, ra = indices[t, c, k], r[k]
                for j in range(wide):
                    theta[c, j] -= ra * rows[a, j]
            theta[c, last] = -1


def advance(
    rows: np.ndarray,
    theta: np.ndarray,
    indices: np.ndarray,
    B: int,
    step: float,
    *,
    last: int,
    first: int,
    diverged_at: np.ndarray,
) -> None:
    """Take T steps of every chain, in place; see the NumPy engine."""
    eights, most = (0,) * (rows.shape[1] // 8), np.finfo(theta.dtype).max
    if B > 8:
        _many(rows, theta, indices[:, :, :B], theta.dtype.type(step), last, most, first, diverged_at, eights)
        return
    if B < 8:
        # with step 0, and no residual that the batch does not have
        indices = np.concatenate([indices[:, :, :B], np.repeat(indices[:, :, :1], 8 - B, axis=2)], axis=2)
    _eight(rows, theta, indices, *_factors(theta.dtype, B, step, last), most, first, diverged_at, eights)


def _factors(kind: np.dtype[Any], B: int, step: float, last: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the step of each of eight places, and what the last eight columns hold at the target's place."""
    steps, ends = np.zeros(8, dtype=kind), np.zeros(8, dtype=kind)
    steps[:B], ends[last % 8] = step, -1
    return steps, ends


@njit(cache=True, nogil=True)
def _walk_packed(
    rows: np.ndarray,
    theta: np.ndarray,
    bits: np.uint64,
    turns: tuple[np.uint64, ...],
    fill: np.uint64,
    steps: np.ndarray,
    ends: np.ndarray,
    most: float,
    first: int,
    count: int,
    at_once: int,
    diverged_at: np.ndarray,
    eights: tuple[int, ...],
    rng: np.random.Generator,
) -> None:
    C = theta.shape[0]
    kept = np.empty(min(count, at_once) * C + 1, np.uint64)
    for start in range(0, count, at_once):
        some = min(at_once, count - start)
        words = kept[: some * C]
        keep(rng, bits, turns, kept[: some * C + 1])
        if fill:
            for i in range(words.size):
                words[i] |= (words[i] & np.uint64(255)) * fill
        # the first index in the lowest byte: Numba knows no machine on which that is not the first
        indices = words.view(np.uint8).reshape(some, C, 8)
        _eight(rows, theta, indices, steps, ends, most, first + start, diverged_at, eights)


def walk_packed(
    rows: np.ndarray,
    theta: np.ndarray,
    B: int,
    step: float,
    *,
    steps: int,
    at_once: int,
    last: int,
    first: int,
    diverged_at: np.ndarray,
    rng: np.random.Generator,
) -> None:
    """Take steps on batches that fit a word; see the NumPy engine.

    It all happens in one call that lets go of the interpreter: threads that took turns with it would wait.
    """
    bits, turns = word_masks(len(rows), B)
    # places beyond B repeat the first, see `advance`
    fill = np.uint64(sum(1 << 8 * k for k in range(B, 8)))
    factors, most = _factors(theta.dtype, B, step, last), np.finfo(theta.dtype).max
    eights = (0,) * (rows.shape[1] // 8)
    with rng.bit_generator.lock:
        _walk_packed(
            rows, theta, bits, turns, fill, *factors, most, first, steps, at_once, diverged_at, eights, rng
        )  # fmt: skip
