"""The moment calculus against brute force and against hand-derived formulas."""

import random
from fractions import Fraction

import pytest
import sympy as sp

from theory import evaluation, moments, oracle
from theory import notation as nt
from theory.equality import PROVED, equal


@pytest.mark.parametrize(("size", "bell"), [(0, 1), (1, 1), (2, 2), (3, 5), (4, 15), (5, 52), (6, 203)])
def test_set_partitions_are_counted_by_bell_numbers(size, bell):
    partitions = moments.set_partitions(size)
    assert len(partitions) == bell == len(set(partitions))
    assert all(sorted(i for block in p for i in block) == list(range(size)) for p in partitions)


def world(design, n, size, seed):
    rng = random.Random(seed)
    population = {k: [Fraction(rng.randint(-9, 9)) for _ in range(n)] for k in "guvwx"}
    return oracle.Context(population, design, {nt.B: Fraction(size)})


BODIES = [
    nt.BatchSum(nt.u) * nt.BatchSum(nt.v) * nt.BatchSum(nt.u * nt.w),
    (nt.BatchSum(nt.g) / nt.B - 3) ** 4,
    nt.BatchSum(nt.x**2) ** 2 - nt.BatchSum(nt.x) ** 2 * nt.BatchSum(nt.x**3),
    nt.BatchSum(nt.du * nt.dv) * nt.BatchSum(nt.dw) ** 2,
    nt.BatchSum(sp.Integer(1)) * nt.BatchSum(nt.u),
]


@pytest.mark.parametrize("design", ["wor", "wr"])
@pytest.mark.parametrize("body", BODIES)
def test_expectations_equal_enumeration(design, body):
    for n, size in ((4, 1), (4, 3), (5, 2), (5, 4)):
        here = world(design, n, size, seed=n * size)
        claimed = moments.expect(body, nt.B, design)
        assert evaluation.evaluate(claimed, here) == evaluation.evaluate(nt.E(body, nt.B), here)


def test_known_closed_forms():
    mean = nt.BatchSum(nt.dg) / nt.B
    third = moments.expect(mean**3, nt.B, "wor")
    N, B = nt.N, nt.B
    assert equal(third, (N - B) * (N - 2 * B) / (B**2 * (N - 1) * (N - 2)) * nt.PopMean(nt.dg**3)).answer == PROVED
    variance = nt.BatchSum(nt.dx**2) / B - (nt.BatchSum(nt.dx) / B) ** 2
    expected = N * (B - 1) / (B * (N - 1)) * nt.PopMean(nt.dx**2)
    assert equal(moments.expect(variance, B, "wor"), expected).answer == PROVED


def test_linearity_keeps_independent_factors_apart():
    body = (2 * nt.e - nt.BatchSum(nt.dg)) * nt.BatchSum(nt.g)
    expanded = moments.linear_expectation(body, nt.B)
    expected = 2 * nt.E(nt.e, nt.B) * nt.E(nt.BatchSum(nt.g), nt.B) - nt.E(nt.BatchSum(nt.dg) * nt.BatchSum(nt.g), nt.B)
    assert expanded == expected


def test_what_is_not_polynomial_is_refused():
    with pytest.raises(ValueError, match="not a polynomial"):
        moments.expect(1 / nt.BatchSum(nt.g), nt.B, "wor")
    with pytest.raises(ValueError, match="not a polynomial"):
        moments.expand_sums(nt.BatchSum(1 / nt.u), nt.B)
    with pytest.raises(ValueError, match="second order"):
        moments.expect(nt.WeightedSum(nt.u) ** 3, nt.B, "wor")


def test_complement_is_population_minus_batch():
    expanded = moments.expand_sums(nt.ComplementSum(nt.g), nt.B)
    assert expanded == nt.N * nt.PopMean(nt.g) - nt.BatchSum(nt.g)
