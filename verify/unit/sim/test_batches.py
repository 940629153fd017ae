"""Extremes and enumeration, against every batch listed here by other means."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations, product

import numpy as np
import pytest

from sim import batches
from sim.populations import scalar_population

POPULATIONS = [[0, 1, 2, 3, 5, 9], [4, -7, 4, 0, 1, 1], [-3, -2, -2, 8, 8, 8]]


def _all(N: int, B: int, design: str) -> list[tuple[int, ...]]:
    return list(combinations(range(N), B) if design == "wor" else product(range(N), repeat=B))


@pytest.mark.parametrize("design", ["wor", "wr"])
@pytest.mark.parametrize("B", [1, 2, 3, 4])
@pytest.mark.parametrize("population", POPULATIONS)
def test_ranges_are_attained(population: list[int], B: int, design: str) -> None:
    x = np.array(population)
    groups = [[population[i] for i in batch] for batch in _all(6, B, design)]
    totals = [sum(g) for g in groups]
    assert batches.sum_range(x, B, design) == (min(totals), max(totals))
    variances = [Fraction(B * sum(v * v for v in g) - sum(g) ** 2, B * B) for g in groups]
    assert batches.variance_range(x, B, design) == (min(variances), max(variances))
    assert batches.variance_range(x / 4, B, design) == (min(variances) / 16, max(variances) / 16)


def test_the_range_of_many_floats_is_exact() -> None:
    """Sums over all 1797 pre-activations in floating point once put the range's end below a batch's own variance."""
    x = scalar_population("digits:preactivation:0")
    high = batches.variance_range(x, 2, "wor")[1]
    assert high == Fraction(x.max() - x.min()) ** 2 / 4


@pytest.mark.parametrize("design", ["wor", "wr"])
def test_every_batch_with_its_multiplicity(design: str) -> None:
    listed, times = batches.every(5, 3, design)
    assert len(listed) == batches.count(5, 3, design)
    counted: dict[tuple[int, ...], int] = {}
    for batch in _all(5, 3, design):
        key = tuple(sorted(batch))
        counted[key] = counted.get(key, 0) + 1
    assert {tuple(b): t for b, t in zip(listed.tolist(), times.tolist(), strict=True)} == counted


def test_too_many_batches_are_refused() -> None:
    with pytest.raises(ValueError, match="184756 batches of 10 from 20 exceed the 50000"):
        batches.every(20, 10, "wor")


def test_product_range_has_its_ends_at_corners() -> None:
    assert batches.product_range([(-2, 3), (-5, 1), (-1, 1)]) == (-15, 15)
    assert batches.product_range([(1, 2), (3, 4)]) == (3, 8)


def test_sums() -> None:
    assert batches.sums(np.array([1, 10, 100]), np.array([[0, 2], [1, 1]])).tolist() == [101, 20]
    assert batches.chunk_of(1) > batches.chunk_of(256) >= 64
