"""Tests of `theory.nodes.nonnegative`."""

import sympy as sp

from theory import laws, proof
from theory.equality import PROVED
from theory.law import Part, Step
from theory.notation import N, PopMean, v

CEILING = laws.load("stability.sharpness_ceiling")


def check(left: sp.Basic, right: sp.Basic, relation: type = sp.Le) -> str:
    part = Part("part", relation(left, right, evaluate=False), derivation=(Step("sum of squares", right),))
    return proof.check_step(CEILING, part, left, part.derivation[0]).answer


def test_squares_of_numbers_that_are_not_negative():
    assert check(PopMean(v**4) / PopMean(v**2) ** 2, N) == PROVED
    assert check(PopMean(v**4), N * PopMean(v**2) ** 2) == PROVED
    assert check(PopMean(v**4), (N - 1) * PopMean(v**2) ** 2) != PROVED


def test_signed_numbers_negative_factors_and_the_other_direction_are_refused():
    assert check(PopMean(v**2), N * PopMean(v) ** 2) != PROVED
    assert check(PopMean(v**6), N * PopMean(v**3) ** 2) != PROVED
    assert check(-PopMean(v**4), -N * PopMean(v**2) ** 2) != PROVED
    assert check(PopMean(v**4), N * PopMean(v**2) ** 2, sp.Ge) != PROVED
