"""Tests of `theory.nodes.indicator`: conditions as numbers, and signs that a law's domain settles."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

from theory import exact, laws, proof
from theory.equality import PROVED
from theory.evaluation import evaluate
from theory.law import Step
from theory.nodes.indicator import Positive, Same, form, positive
from theory.nodes.momentum import beta
from theory.notation import eta, h, h1, h2
from theory.world import Context

LAW = laws.load("momentum.heavy_ball")
x = eta * h


def test_conditions_are_numbers_in_every_arithmetic():
    world = Context({"g": [Fraction(1)]}, "wor", {eta: Fraction(1), h: Fraction(2), h1: Fraction(2)})
    assert evaluate(Positive(x - 2), world) == 0
    assert evaluate(Positive(x - 1), world) == 1
    assert evaluate(Same(h, h1), world) == 1
    assert evaluate(Same(h, eta), world) == 0
    assert Positive(sp.Rational(1, 3)) == 1
    assert Positive(sp.S.Zero) == 0
    assert exact.value(Positive(2 - x), {"eta": Fraction(1), "h": Fraction(2)}) == 0
    assert exact.value(Positive(2 - x), {"eta": np.array([0.5, 1.5]), "h": 2.0}).tolist() == [1.0, 0.0]
    assert exact.value(Same(h1, h2), {"h1": 0.5, "h2": 0.5}) == 1.0
    assert sp.latex(Positive(2 - x)) == r"\left[- \eta h + 2 > 0\right]"


@pytest.mark.parametrize("expr", [x, 1 - beta, 1 - beta + x * beta, 2 * (1 + beta) - x, (1 - beta) / h,
                                  -(beta - 1) * (2 + 2 * beta - x), (1 - beta) ** 2])
def test_signs_follow_from_symbols_constraints_and_the_range_of_momentum(expr):
    assert positive(LAW, expr)
    assert not positive(LAW, -expr)


@pytest.mark.parametrize("expr", [2 - x, 1 - x, beta, 1 + beta - x, sp.S.Zero])
def test_signs_that_the_domain_does_not_settle_are_not_claimed(expr):
    assert not positive(LAW, expr)


def test_forms_are_read_by_their_structure():
    assert form(LAW, x + (1 - x) ** 2) == "positive"
    assert form(LAW, (1 - x) ** 2) == "nonnegative"
    assert form(LAW, beta * (1 - x) ** 2 + x**2 * (1 - beta)) == "positive"
    assert form(LAW, 1 - x + beta) == ""


@pytest.mark.parametrize(("left", "right", "proved"), [
    (Positive(1 - beta) * Positive(2 - x), Positive(2 - x), True),
    (Positive(1 - beta) * Positive(2 - x), Positive(4 - 2 * x), True),
    (Positive(1 - x) * Positive(2 - x), Positive(2 - x), False),
    (Positive(2 - x), Positive(1 - x) * Positive(2 - x), False),
    (Positive(2 - x), Positive(x - 2), False),
    (2 * Positive(2 - x), Positive(2 - x), False),
])
def test_only_conditions_that_hold_are_dropped(left, right, proved):
    part = replace(LAW.part(), derivation=(Step("sign", right),))
    assert (proof.check_step(LAW, part, left, part.derivation[0]).answer == PROVED) is proved
