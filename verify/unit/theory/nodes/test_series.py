"""Tests of `theory.nodes.series`: coefficients proved order by order, and brute force that does not know the rule."""

from dataclasses import replace
from fractions import Fraction

import pytest
import sympy as sp

from theory import oracle, proof
from theory.domain import Integers, Param, Reals
from theory.equality import PROVED
from theory.law import Exactness, Law, Part, Step
from theory.nodes.series import Taylor
from theory.notation import eta, h, t

a = 1 - eta * h
FORGETTING = (1 - a ** (2 * t)) / (1 - a**2)
CASES = {
    "pole of both sides": (FORGETTING, 1, t - t * (t - 1) * h * eta),
    "symbolic power": (a**t, 2, 1 - t * h * eta + t * (t - 1) * h**2 * eta**2 / 2),
    "logarithm": (sp.log(a) / eta, 2, -h - eta * h**2 / 2 - eta**2 * h**3 / 3),
    "root": (sp.sqrt(1 + eta * h), 2, 1 + eta * h / 2 - eta**2 * h**2 / 8),
    "exponential": (sp.exp(-eta * h), 3, 1 - eta * h + eta**2 * h**2 / 2 - eta**3 * h**3 / 6),
}


def law(body: sp.Expr, order: int, claim: sp.Expr) -> Law:
    left = Taylor(body, eta, sp.Integer(order))
    part = Part("series", sp.Eq(left, claim, evaluate=False), derivation=(Step("series", claim),))
    params = (
        Param(eta, Reals(0, 1, open=True), Fraction(1, 8), "step size"),
        Param(h, Reals(0, 1, open=True), 1, "curvature"),
        Param(t, Integers(1, 4), 2, "steps"),
    )
    return Law("test.series", 1, "A series", (part,), params, Exactness.ASYMPTOTIC, (), (), "words")


@pytest.mark.parametrize("name", CASES)
def test_series_are_proved_and_met_by_brute_force(name):
    stated = law(*CASES[name])
    assert proof.replay(stated).answer == PROVED
    found = oracle.enumerate_law(stated, seed=1)
    assert len(found) >= 20
    assert all(c.equal for c in found)


@pytest.mark.parametrize("name", CASES)
def test_a_wrong_last_coefficient_is_caught_by_both(name):
    body, order, claim = CASES[name]
    wrong = law(body, order, sp.expand(claim + eta**order * h**order / 1000))
    assert proof.check_step(wrong, wrong.parts[0], wrong.parts[0].lhs, wrong.parts[0].derivation[0]).answer != PROVED
    assert not all(c.equal for c in oracle.enumerate_law(wrong, seed=1))


def test_too_high_a_degree_and_a_pole_are_refused():
    body, order, claim = CASES["root"]
    stated = law(body, order, sp.expand(claim + eta**3))
    assert proof.replay(stated).answer != PROVED
    pole = law(1 / eta + h, 1, h)
    assert proof.replay(pole).answer != PROVED
    with pytest.raises(ZeroDivisionError):
        oracle.compare(pole, pole.parts[0], next(oracle.cases(replace(pole), pole.parts[0], seed=1)))
