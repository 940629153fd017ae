"""Tests of `theory.nodes.logarithms`: the normal form keeps values, and Jensen's inequality has one direction."""

import math

import pytest
import sympy as sp

from theory import proof
from theory.equality import PROVED, UNDECIDED
from theory.law import Exactness, Law, Part, Step
from theory.nodes.logarithms import spread
from theory.notation import B, BatchSum, E, eta, u
from theory.parameters import BATCH, FITS, FROZEN, POPULATION, RATE, UNIFORM_BATCH

factor = 1 - eta * BatchSum(u) / B


def check(left: sp.Basic, rule: str, right: sp.Basic, relation: type = sp.Le) -> str:
    part = Part("part", relation(left, right, evaluate=False), derivation=(Step(rule, right),))
    law = Law("test.logarithms", 1, "Logarithms", (part,), (POPULATION, BATCH, RATE), Exactness.BOUND,
              (UNIFORM_BATCH, FROZEN), (), "words", constraints=(FITS,))
    return proof.check_step(law, part, left, part.derivation[0]).answer


@pytest.mark.parametrize("expr", [
    sp.log(sp.Rational(12, 35)), sp.log(sp.Abs((1 - eta) * (1 - 3 * eta) ** 2 / 7)), sp.log(eta**3 * sp.exp(eta)),
    sp.log(sp.Abs(2 - 3 * eta) ** eta), eta * sp.log(eta / (1 + eta)),
])
def test_the_normal_form_keeps_the_value(expr):
    for point in (sp.Rational(2, 7), sp.Rational(7, 4)):
        assert math.isclose(float(expr.subs(eta, point)), float(spread(expr).subs(eta, point)), rel_tol=1e-12)


def test_products_become_sums():
    assert check(2 * E(sp.log(sp.Abs(factor)), B), "logarithms", E(sp.log(factor**2), B), sp.Eq) == PROVED
    assert check(E(sp.log(sp.Abs(factor)), B), "logarithms", E(sp.log(factor**2), B), sp.Eq) != PROVED
    assert check(sp.log(sp.Rational(6)), "logarithms", sp.log(2) + sp.log(3), sp.Eq) == PROVED


def test_the_mean_logarithm_is_bounded_from_above_only():
    mean, bound = E(sp.log(factor**2), B), sp.log(E(factor**2, B))
    assert check(mean, "mean logarithm", bound) == PROVED
    assert check(3 * mean + eta, "mean logarithm", 3 * bound + eta) == PROVED
    assert check(-mean, "mean logarithm", -bound) == UNDECIDED
    assert check(mean, "mean logarithm", bound, sp.Ge) == UNDECIDED
    assert check(mean, "mean logarithm", bound / 2) != PROVED
    assert check(mean**2, "mean logarithm", bound**2) == UNDECIDED
