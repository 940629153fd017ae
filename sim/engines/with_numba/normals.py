"""Standard normal variates, in loops: the streams of `sim.engines.with_numpy.normals`.

The float64 stream is the same bit for bit; the float32 one is the same words turned by polynomials of this
module, equal to 1e-6.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from sim.engines.with_numpy.normals import PAIRS

__all__ = ["block", "box_muller", "collapse", "double", "single", "tree", "turn"]

_LOOP = 1 << 10  # pairs turned in one go: the arrays stay in the first-level cache
_WORDS = 1 << 15  # words drawn at a time, a whole number of blocks
_TILE = 1 << 8  # examples correlated in one go
_ALL = np.uint64(2**64 - 1)


@njit(cache=True, nogil=True)
def _normals(out: np.ndarray, rng: np.random.Generator) -> None:
    for i in range(out.size):
        out[i] = rng.standard_normal()


def double(out: np.ndarray, *, rng: np.random.Generator) -> np.ndarray:
    """Fill `out` with the stream of ``rng.standard_normal``; see the NumPy engine."""
    if out.dtype != np.float64 or not out.flags.c_contiguous:
        raise ValueError(f"out must be a contiguous float64 array, got {out.dtype}")
    _normals(out.reshape(-1), rng)
    return out


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "reassoc", "nsz"})
def box_muller(
    words: np.ndarray, u: np.ndarray, v: np.ndarray, exponents: np.ndarray, cosines: np.ndarray, sines: np.ndarray
) -> None:
    """Turn the 32-bit halves of 64-bit words into pairs of normal variates.

    Parameters
    ----------
    words
        Int32, shape (2 n,): low half and high half of each word in turn.
    u, v, exponents
        Float32, shape (n,) or longer, overwritten.
    cosines, sines
        Float32, shapes (n,) and (n,) or (n - 1,), overwritten.

    Notes
    -----
    The logarithm is that of the exponent plus ``2 artanh((m - 1) / (m + 1))`` of a mantissa m in
    [sqrt 1/2, sqrt 2], to the ninth power; sine and cosine are those of twice an angle in
    [-pi/2, pi/2), from the Taylor series to the thirteenth power.  Each is exact to 3e-7.
    """
    n = words.size // 2
    bits = u.view(np.int32)
    for i in range(n):
        u[i] = (np.float32(np.int32((words[2 * i] >> 1) & 0x7FFFFFFF)) + np.float32(0.5)) * np.float32(2.0**-31)
    for i in range(n):
        v[i] = np.float32(words[2 * i + 1]) * np.float32(np.pi / 2 * 2.0**-31)
    for i in range(n):
        # Numba widens whole numbers, and only 32-bit ones are converted eight at a time
        e = np.int32((bits[i] - 0x3F3504F3) >> 23)
        exponents[i] = np.float32(e)
        bits[i] = np.int32(bits[i] - (e << 23))
    for i in range(n):
        t = (u[i] - np.float32(1)) / (u[i] + np.float32(1))
        s = t * t
        p = np.float32(1 / 9) * s + np.float32(1 / 7)
        p = (p * s + np.float32(1 / 5)) * s + np.float32(1 / 3)
        log = exponents[i] * np.float32(0.6931471805599453) + np.float32(2) * (t + t * s * p)
        u[i] = np.sqrt(max(np.float32(-2) * log, np.float32(0)))
    for i in range(n):
        a = v[i]
        s = a * a
        p = np.float32(1 / 6227020800) * s - np.float32(1 / 39916800)
        p = (p * s + np.float32(1 / 362880)) * s - np.float32(1 / 5040)
        p = (p * s + np.float32(1 / 120)) * s - np.float32(1 / 6)
        sine = a + a * s * p
        q = np.float32(-1 / 87178291200) * s + np.float32(1 / 479001600)
        q = (q * s - np.float32(1 / 3628800)) * s + np.float32(1 / 40320)
        q = (q * s - np.float32(1 / 720)) * s + np.float32(1 / 24)
        cosine = (q * s - np.float32(0.5)) * s + np.float32(1)
        cosines[i] = u[i] * (np.float32(1) - np.float32(2) * sine * sine)
        v[i] = u[i] * np.float32(2) * sine * cosine
    for i in range(sines.size):
        sines[i] = v[i]


@njit(cache=True, nogil=True)
def turn(words: np.ndarray, out: np.ndarray) -> None:
    """Turn all `words` (int32 halves) into `out`, in the blocks of the NumPy engine."""
    # three arrays: rows of one would not be known to be contiguous, and not be worked on eight at a time
    u, v, exponents = np.empty(_LOOP, np.float32), np.empty(_LOOP, np.float32), np.empty(_LOOP, np.float32)
    for first in range(0, out.size, 2 * PAIRS):
        block = out[first : first + 2 * PAIRS]
        n = (block.size + 1) // 2
        cosines, sines = block[:n], block[n:]
        for start in range(0, n, _LOOP):
            stop = min(start + _LOOP, n)
            box_muller(
                words[first + 2 * start : first + 2 * stop],
                u,
                v,
                exponents,
                cosines[start:stop],
                sines[start : min(stop, sines.size)],
            )


def single(out: np.ndarray, *, rng: np.random.Generator) -> np.ndarray:
    """Fill `out` with float32 normal variates, two from each 64-bit word; see the NumPy engine."""
    if out.dtype != np.float32 or not out.flags.c_contiguous:
        raise ValueError(f"out must be a contiguous float32 array, got {out.dtype}")
    flat = out.reshape(-1)
    for start in range(0, flat.size, 2 * _WORDS):
        part = flat[start : start + 2 * _WORDS]
        words = rng.integers(0, 2**64 - 1, size=-(-part.size // 2), dtype=np.uint64, endpoint=True)
        turn(words.view(np.int32), part)
    return out


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz"})
def collapse(x: np.ndarray, mean: np.ndarray, square: np.ndarray) -> None:
    """Reduce P positions to their mean and their sum of squares about it; see the NumPy engine."""
    P, n = x.shape
    share = np.float32(1) / np.float32(P)
    for start in range(0, n, _LOOP):
        stop = min(start + _LOOP, n)
        m, q = mean[start:stop], square[start:stop]
        m[:] = 0
        q[:] = 0
        for p in range(P):
            part = x[p, start:stop]
            for i in range(m.size):
                m[i] += part[i]
        for i in range(m.size):
            m[i] *= share
        for p in range(P):
            part = x[p, start:stop]
            for i in range(m.size):
                d = part[i] - m[i]
                q[i] += d * d


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz"})
def _join(
    a: np.ndarray, b: np.ndarray, q: np.ndarray, r: np.ndarray, half_count: np.float32, level: np.ndarray
) -> None:
    """Join one stretch of batches with another, in place; add the plain sums to `level`."""
    for start in range(0, a.size, _LOOP):
        stop = min(start + _LOOP, a.size)
        # slices, whose index cannot be negative: else no eight entries at a time
        a1, b1, q1, r1 = a[start:stop], b[start:stop], q[start:stop], r[start:stop]
        s1, s2, s3, s4 = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
        for i in range(a1.size):
            delta = a1[i] - b1[i]
            m = np.float32(0.5) * (a1[i] + b1[i])
            v = q1[i] + r1[i] + delta * delta * half_count
            a1[i] = m
            q1[i] = v
            s1 += m
            s2 += m * m
            s3 += v
            s4 += v * v
        level[0] += s1
        level[1] += s2
        level[2] += s3
        level[3] += s4


@njit(cache=True, nogil=True)
def tree(mean: np.ndarray, square: np.ndarray, count: int, sums: np.ndarray) -> None:
    """Join batches two by two, level by level, and add up the moments; see the NumPy engine."""
    half, level = mean.size, np.empty(4)
    for k in range(sums.shape[0]):
        half //= 2
        level[:] = 0
        whole = 2 * half
        _join(mean[:half], mean[half:whole], square[:half], square[half:whole], np.float32(0.5 * count), level)
        count *= 2
        sums[k, 0] += level[0]
        sums[k, 1] += level[1]
        sums[k, 2] += level[2] / count
        sums[k, 3] += level[3] / count**2


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz"})
def _mix(root: np.ndarray, z: np.ndarray, n: int, low: int, x: np.ndarray) -> None:
    """Set `x` to the lower triangular `root` times columns of `z`, whose rows are n long, from `low` on."""
    P, width = x.shape
    x[:] = 0
    for k in range(0, P - 3, 4):
        at = k * n + low
        a, b = z[at : at + width], z[at + n : at + n + width]
        c, d = z[at + 2 * n : at + 2 * n + width], z[at + 3 * n : at + 3 * n + width]
        for p in range(k, P):
            ra, rb, rc, rd, out = root[p, k], root[p, k + 1], root[p, k + 2], root[p, k + 3], x[p]
            for i in range(out.size):
                out[i] += (ra * a[i] + rb * b[i]) + (rc * c[i] + rd * d[i])
    for k in range(P // 4 * 4, P):
        a = z[k * n + low : k * n + low + width]
        for p in range(k, P):
            ra, out = root[p, k], x[p]
            for i in range(out.size):
                out[i] += ra * a[i]


@njit(cache=True, nogil=True)
def _block(
    largest: int, batches: int, root: np.ndarray, sums: np.ndarray, at_once: int, rng: np.random.Generator
) -> None:
    P = root.shape[0]
    held = largest * at_once
    z, x = np.empty(held * P, np.float32), np.empty(P * _TILE, np.float32)
    middles, square = np.empty(held, np.float32), np.empty(held, np.float32)
    for start in range(0, batches, at_once):
        n = largest * min(at_once, batches - start)
        for first in range(0, n * P, 2 * PAIRS):
            part = z[first : min(first + 2 * PAIRS, n * P)]
            words = rng.integers(np.uint64(0), _ALL, size=(part.size + 1) // 2, dtype=np.uint64, endpoint=True)
            turn(words.view(np.int32), part)
        mean = z[:n]
        if P == 1:
            square[:n] = 0
        else:
            mean = middles[:n]
            for low in range(0, n, _TILE):
                width = min(_TILE, n - low)
                mixed = x[: P * width].reshape(P, width)
                _mix(root, z, n, low, mixed)
                collapse(mixed, mean[low : low + width], square[low : low + width])
        tree(mean, square[:n], P, sums)


def block(
    largest: int, batches: int, root: np.ndarray, sums: np.ndarray, *, at_once: int, rng: np.random.Generator
) -> None:
    """Draw batches of Gaussian activations and add up the moments of their tree; see the NumPy engine.

    It all happens in one call that lets go of the interpreter: threads that took turns with it would wait.
    """
    with rng.bit_generator.lock:
        _block(largest, batches, root, sums, at_once, rng)
