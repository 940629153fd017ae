"""SGD chains on least squares, in loops; see `sim.engines.with_numpy.chains`.

Chains step one after another within a step, not steps within a chain: chains are independent, so that the
latencies of one hide behind the others.  The rows of a batch enter eight at a time, each sum in a register of
its own.
"""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["advance"]


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "reassoc", "nsz"})
def _eight(
    rows: np.ndarray,
    theta: np.ndarray,
    indices: np.ndarray,
    steps: np.ndarray,
    last: int,
    most: float,
    first: int,
    diverged_at: np.ndarray,
    eights: tuple[int, ...],
) -> None:
    """Advance with batches of at most eight; a place beyond B has step 0.

    `eights` has one entry for each eight columns: its length, unlike a number, is known to the compiler.
    """
    wide, zero = 8 * len(eights), theta.dtype.type(0)
    s0, s1, s2, s3, s4, s5, s6, s7 = steps[0], steps[1], steps[2], steps[3], steps[4], steps[5], steps[6], steps[7]
    for t in range(indices.shape[0]):
        for c in range(theta.shape[0]):
            i0, i1, i2, i3 = indices[t, c, 0], indices[t, c, 1], indices[t, c, 2], indices[t, c, 3]
            i4, i5, i6, i7 = indices[t, c, 4], indices[t, c, 5], indices[t, c, 6], indices[t, c, 7]
            r0 = r1 = r2 = r3 = r4 = r5 = r6 = r7 = zero
            for j in range(wide):
                p = theta[c, j]
                r0 += rows[i0, j] * p
                r1 += rows[i1, j] * p
                r2 += rows[i2, j] * p
                r3 += rows[i3, j] * p
                r4 += rows[i4, j] * p
                r5 += rows[i5, j] * p
                r6 += rows[i6, j] * p
                r7 += rows[i7, j] * p
            r0, r1, r2, r3 = r0 * s0, r1 * s1, r2 * s2, r3 * s3
            r4, r5, r6, r7 = r4 * s4, r5 * s5, r6 * s6, r7 * s7
            total = ((r0 + r1) + (r2 + r3)) + ((r4 + r5) + (r6 + r7))
            # not `isfinite`, which subtracts and may be folded away where sums may be reordered
            if not abs(total) <= most or diverged_at[c] >= 0:
                if diverged_at[c] < 0:
                    diverged_at[c] = first + t
                continue
            for j in range(wide):
                theta[c, j] -= (
                    (r0 * rows[i0, j] + r1 * rows[i1, j]) + (r2 * rows[i2, j] + r3 * rows[i3, j])
                ) + ((r4 * rows[i4, j] + r5 * rows[i5, j]) + (r6 * rows[i6, j] + r7 * rows[i7, j]))
            theta[c, last] = -1


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
    steps = np.where(np.arange(8) < B, step, 0.0).astype(theta.dtype)
    _eight(rows, theta, indices, steps, last, most, first, diverged_at, eights)
