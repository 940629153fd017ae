"""Tests of `theory.nodes.tails`: the indicator, Cantelli's square, and what it refuses."""

from dataclasses import replace
from fractions import Fraction

import sympy as sp

from theory import laws, oracle, proof
from theory.equality import PROVED
from theory.evaluation import evaluate
from theory.law import Step
from theory.nodes.tails import AtMostZero
from theory.nodes.whole import Letter
from theory.notation import B, BatchSum, ByDesign, E, N, x
from theory.world import Context

LAW = laws.load("gradient.uphill")
PART = LAW.parts[0]


def world(*column, size=1, design="wor"):
    return Context({"x": [Fraction(v) for v in column]}, design, {B: Fraction(size)}, LAW.where)


def test_its_expectation_counts():
    chance = E(AtMostZero(BatchSum(x) / B), B)
    assert evaluate(chance, world(-1, 0, 5)) == Fraction(2, 3)
    # of the pairs of (-3, 1, 4), only the first two sum to no more than 0
    assert evaluate(chance, world(-3, 1, 4, size=2)) == Fraction(1, 3)


def test_the_bound_is_attained():
    found = oracle.compare(LAW, PART, world(0, 4, 4, 4))
    assert found.tight
    assert found.lhs == "1/4"
    assert [name for name, holds in found.rivals.items() if holds] == ["|G|^2 for |G|^4"]
    small = oracle.compare(LAW, PART, world(0, *[Fraction(1, 2)] * 3))
    assert small.tight
    assert not any(small.rivals.values())


def check(slope, new, part=PART):
    return proof.check_step(LAW, part, PART.lhs, Step("square above", new, where={"slope": slope})).answer


def test_any_nonnegative_slope_and_no_other():
    signal = Letter("G2", positive=True)
    mean = BatchSum(x) / B
    for slope in (sp.Integer(2), 1 / signal, ByDesign(1 / (signal + (N - B) / B), 1 / B)):
        assert check(slope, E((1 - slope * mean) ** 2, B)) == PROVED
        assert check(slope, E((1 - 2 * slope * mean) ** 2, B)) != PROVED
        assert check(slope, E((1 - slope * mean) ** 2, B + 1)) != PROVED
    assert check(-signal, E((1 + signal * mean) ** 2, B)) != PROVED
    # with replacement a batch may exceed the population
    assert check(N - B, E((1 - (N - B) * mean) ** 2, B)) != PROVED
    assert check(N - 2 * B, E((1 - (N - 2 * B) * mean) ** 2, B)) != PROVED


def test_it_bounds_from_above_only():
    turned = replace(PART, statement=sp.Ge(PART.lhs, PART.rhs, evaluate=False))
    assert check(sp.Integer(1), E((1 - BatchSum(x) / B) ** 2, B), turned) != PROVED
