"""Standard normal variates, in float64 and in float32, and the sums of batch moments over a tree of batches."""

from __future__ import annotations

import math

import numpy as np

__all__ = ["PAIRS", "block", "collapse", "double", "single", "tree"]

PAIRS = 1 << 12
"""Pairs turned at a time, first cosines, then sines: the temporaries stay in the second-level cache."""


def double(out: np.ndarray, *, rng: np.random.Generator) -> np.ndarray:
    """Fill `out` with the stream of ``rng.standard_normal``, bit for bit.

    Parameters
    ----------
    out
        Float64, contiguous, any shape.
    rng
        The stream.

    Returns
    -------
    numpy.ndarray
        `out`.
    """
    if out.dtype != np.float64 or not out.flags.c_contiguous:
        raise ValueError(f"out must be a contiguous float64 array, got {out.dtype}")
    rng.standard_normal(out=out)
    return out


def single(out: np.ndarray, *, rng: np.random.Generator) -> np.ndarray:
    """Fill `out` with float32 normal variates, two from each 64-bit word of the stream.

    Parameters
    ----------
    out
        Float32, contiguous, any shape.
    rng
        The stream; ``ceil(out.size / 2)`` words of it are used.

    Returns
    -------
    numpy.ndarray
        `out`.

    Notes
    -----
    After Box and Muller (1958): ``sqrt(-2 log u) (cos, sin)(pi v)`` with u on a grid of 2^-31 in (0, 1) and v
    on one in [-1, 1).  The largest value is 6.56, beyond which a normal variate falls once in 2^34; the
    moments up to the fourth are those of the normal law to 1e-7.
    """
    if out.dtype != np.float32 or not out.flags.c_contiguous:
        raise ValueError(f"out must be a contiguous float32 array, got {out.dtype}")
    flat = out.reshape(-1)
    for start in range(0, flat.size, 2 * PAIRS):
        part = flat[start : start + 2 * PAIRS]
        pairs = -(-part.size // 2)
        words = rng.integers(0, 2**64 - 1, size=pairs, dtype=np.uint64, endpoint=True)
        low = words.astype(np.uint32)
        high = (words >> np.uint64(32)).astype(np.uint32)
        radius = (low >> np.uint32(1)).astype(np.float32)
        radius += np.float32(0.5)
        radius *= np.float32(2.0**-31)
        np.log(radius, out=radius)
        radius *= np.float32(-2.0)
        # a word that rounds to 1 gives log 1 = 0, never a negative number
        np.sqrt(radius, out=radius)
        angle = high.view(np.int32).astype(np.float32)
        angle *= np.float32(math.pi * 2.0**-31)
        np.multiply(radius, np.cos(angle), out=part[:pairs])
        np.sin(angle, out=angle)
        np.multiply(radius[: part.size - pairs], angle[: part.size - pairs], out=part[pairs:])
    return out


def collapse(x: np.ndarray, mean: np.ndarray, square: np.ndarray) -> None:
    """Reduce P positions to their mean and their sum of squares about it.

    Parameters
    ----------
    x
        Float32, shape (P, n); overwritten.
    mean, square
        Float32, shape (n,), overwritten.
    """
    np.matmul(np.full((1, len(x)), 1 / len(x), dtype=x.dtype), x, out=mean[None])
    x -= mean
    np.multiply(x, x, out=x)
    np.matmul(np.ones((1, len(x)), dtype=x.dtype), x, out=square[None])


def tree(mean: np.ndarray, square: np.ndarray, count: int, sums: np.ndarray) -> None:
    """Join batches two by two, level by level, and add up the moments of the batch statistics.

    Parameters
    ----------
    mean, square
        Float32, shape (2^K n,): mean, and sum of squares about it, of the smallest batches; overwritten.
        Batch i is joined with the one half the array on, so a level is one pass.
    count
        Values in a smallest batch.
    sums
        Float64, shape (K, 4): for each level, the sums over its batches of the batch mean m, m^2, the batch
        variance v (divisor the count), and v^2, are added here.
    """
    half, temporary = len(mean), np.empty(len(mean) // 2, dtype=mean.dtype)
    for level in sums:
        half //= 2
        a, b, delta = mean[:half], mean[half : 2 * half], temporary[:half]
        q = square[:half]
        np.subtract(a, b, out=delta)
        a += b
        a *= 0.5
        delta *= delta
        delta *= 0.5 * count
        q += square[half : 2 * half]
        q += delta
        count *= 2
        scale = 1 / count
        level += (
            a.sum(dtype=np.float64),
            float(np.vecdot(a, a)),
            q.sum(dtype=np.float64) * scale,
            float(np.vecdot(q, q)) * scale**2,
        )


def block(
    largest: int, batches: int, root: np.ndarray, sums: np.ndarray, *, at_once: int, rng: np.random.Generator
) -> None:
    """Draw batches of Gaussian activations and add up the moments of their tree.

    Parameters
    ----------
    largest
        Examples in a batch, a power of two.
    batches
        Number of batches.
    root
        Float32, shape (P, P), lower triangular: maps independent positions of an example to correlated ones; for one
        position it is 1.
    sums
        Float64, shape (K, 4) with ``2^K = largest``; see `tree`.
    at_once
        Batches whose values are held at a time; part of what fixes the draws.
    rng
        The stream.
    """
    P = len(root)
    z = np.empty(largest * P * at_once, dtype=np.float32)
    x, square = np.empty_like(z), np.empty(largest * at_once, dtype=np.float32)
    for start in range(0, batches, at_once):
        n = largest * min(at_once, batches - start)
        mean = single(z[: n * P], rng=rng)
        if P == 1:
            square[:n] = 0
        else:
            mixed = np.matmul(root, mean.reshape(P, n), out=x[: n * P].reshape(P, n))
            mean = z[:n]
            collapse(mixed, mean, square[:n])
        tree(mean, square[:n], P, sums)
