"""Sums over batches, the extremes that batch sums and variances can reach, and the list of every batch."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from functools import lru_cache
from itertools import combinations, combinations_with_replacement, product
from math import comb, factorial, prod

import numpy as np

__all__ = ["chunk_of", "count", "every", "product_range", "sum_range", "sums", "variance_range"]


def chunk_of(B: int) -> int:
    """Return how many batches of `B` to work on at a time: about 2^17 indices."""
    return max(64, (1 << 17) // B)


def sums(values: np.ndarray, batches: np.ndarray) -> np.ndarray:
    """Return the sum of `values` over each batch.

    Parameters
    ----------
    values
        Shape (N,), integer or float.
    batches
        Shape (n, B), indices.

    Returns
    -------
    numpy.ndarray, shape (n,)
        The sums in the type of `values`.
    """
    total: np.ndarray = values[batches].sum(axis=1)
    return total


def sum_range(values: np.ndarray, B: int, design: str) -> tuple[int | float, int | float]:
    """Return the smallest and largest sum of a batch, both attained.

    Parameters
    ----------
    values
        The population, shape (N,).
    B
        Batch size.
    design
        ``"wor"`` or ``"wr"``.

    Returns
    -------
    tuple
        Exact integers for an integer population; correctly rounded floats otherwise.
    """
    ordered = np.sort(values)
    if design == "wr":
        return B * ordered[0].item(), B * ordered[-1].item()
    low, high = ordered[:B].tolist(), ordered[-B:].tolist()
    if np.issubdtype(values.dtype, np.integer):
        return sum(low), sum(high)
    return float(np.sum(low)), float(np.sum(high))


def product_range(ranges: Iterable[tuple[int | float, int | float]]) -> tuple[int | float, int | float]:
    """Return the range of products of numbers from the given ranges: its ends are at corners."""
    corners = [prod(corner) for corner in product(*ranges)]
    return min(corners), max(corners)


def count(N: int, B: int, design: str) -> int:
    """Return how many batches `every` lists."""
    return comb(N, B) if design == "wor" else comb(N + B - 1, B)


@lru_cache(maxsize=8)
def every(N: int, B: int, design: str, limit: int = 50_000) -> tuple[np.ndarray, np.ndarray]:
    """List every batch and how often it occurs among all equally likely draws.

    Parameters
    ----------
    N, B, design
        As for `sim.designs.draw`.
    limit
        Refuse to list more batches than this.

    Returns
    -------
    tuple of numpy.ndarray
        Batches, shape (m, B), and multiplicities, shape (m,): 1 without replacement; with replacement the
        number of orders of the batch, whose sum is N^B.

    Raises
    ------
    ValueError
        If there are more than `limit` batches.
    """
    if count(N, B, design) > limit:
        raise ValueError(
            f"{count(N, B, design)} batches of {B} from {N} exceed the {limit} that are enumerated"
        )
    if design == "wor":
        listed = np.array(list(combinations(range(N), B)), dtype=np.int64)
        return listed, np.ones(len(listed), dtype=np.int64)
    listed = np.array(list(combinations_with_replacement(range(N), B)), dtype=np.int64)
    times = [factorial(B) // prod(factorial(k) for k in np.bincount(row).tolist()) for row in listed]
    return listed, np.array(times, dtype=np.int64)


def variance_range(values: np.ndarray, B: int, design: str) -> tuple[Fraction, Fraction]:
    """Return the smallest and largest variance (divisor B) of a batch, both attained.

    Parameters
    ----------
    values
        The population, shape (N,).
    B
        Batch size.
    design
        ``"wor"`` or ``"wr"``.

    Returns
    -------
    tuple
        Exact, for floats as well: they are whole multiples of a power of two.

    Notes
    -----
    As a function of one of its elements the variance is a convex parabola.  So exchanging an element for the
    next one outward on one of the two sides never lowers it, and the largest belongs to the j smallest
    and the B - j largest values for some j.  The smallest belongs to B neighbours in sorted order.
    """
    ordered, unit = _whole(np.sort(values))
    area = Fraction(unit * unit, B * B)
    if design == "wr":
        spread, half = int(ordered[-1]) - int(ordered[0]), B // 2
        return Fraction(0), spread * spread * half * (B - half) * area
    shifted = ordered - ordered[0]
    first = np.concatenate([shifted[:1] * 0, np.cumsum(shifted)])
    second = np.concatenate([shifted[:1] * 0, np.cumsum(shifted * shifted)])
    N, split = len(values), np.arange(B + 1)

    def scaled(total: np.ndarray, squares: np.ndarray) -> np.ndarray:
        found: np.ndarray = B * squares - total * total
        return found

    outer = scaled(
        first[split] + first[N] - first[N - B + split], second[split] + second[N] - second[N - B + split]
    )
    inner = scaled(first[B:] - first[: N - B + 1], second[B:] - second[: N - B + 1])
    return int(inner.min()) * area, int(outer.max()) * area


def _whole(values: np.ndarray) -> tuple[np.ndarray, Fraction]:
    """Return whole numbers and the unit that they count: 1 for integers, else a power of two."""
    if np.issubdtype(values.dtype, np.integer):
        return values, Fraction(1)
    ratios = [value.as_integer_ratio() for value in values.tolist()]
    common = max(d for _, d in ratios)
    return np.array([n * (common // d) for n, d in ratios], dtype=object), Fraction(1, common)
