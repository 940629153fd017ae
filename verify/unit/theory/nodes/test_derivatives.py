"""Tests of `theory.nodes.derivatives`: derivatives by hand, kinks, and what rescaling proves."""

from dataclasses import replace
from fractions import Fraction

import pytest
import sympy as sp

from theory import laws, proof
from theory.equality import PROVED
from theory.evaluation import evaluate
from theory.law import Step
from theory.nodes.derivatives import First, Relu, Second
from theory.notation import At, PopMean, x
from theory.world import Context

LAW = laws.load("flat.reparam")
PART = LAW.part("inner")
a, b = sp.symbols("w1 w2", real=True)
alpha = sp.Symbol("alpha", positive=True)


def world(first, second, *column):
    return Context({"x": [Fraction(v) for v in column], "g": [Fraction(1)] * len(column)}, "wor",
                   {a: Fraction(first), b: Fraction(second)})


def test_derivatives_of_a_polynomial():
    f, here = a**3 * b**2 + a * b, world(2, 5, 0)
    assert evaluate(First(f, a), here) == 3 * 4 * 25 + 5
    assert evaluate(Second(f, a, a), here) == 6 * 2 * 25
    assert evaluate(Second(f, a, b), here) == 3 * 4 * 2 * 5 + 1 == evaluate(Second(f, b, a), here)
    assert evaluate(Second(b**2, a, a), here) == 0


def test_a_rectifier_has_slope_one_or_zero_and_a_kink():
    f = PopMean(Relu(a * x) ** 2)
    assert evaluate(First(f, a), world(3, 0, 2, -2)) == 3 * 4
    assert evaluate(Second(f, a, a), world(3, 0, 2, -2)) == 4
    assert evaluate(Relu(a * x), replace(world(-1, 0, 4), example=0)) == 0
    with pytest.raises(ZeroDivisionError, match="kink"):
        evaluate(First(f, a), world(0, 0, 2))
    # an input of zero moves nothing
    assert evaluate(First(f, a), world(3, 0, 0)) == 0


def check(left, rule, right):
    return proof.check_step(LAW, PART, left, Step(rule, right)).answer


def test_the_chain_rule_counts_factors():
    f, g = PopMean(Relu(a * x) * b), PopMean(Relu(alpha * a * x) * b / alpha)
    scaled = At(Second(f, a, b), a, alpha * a, b, b / alpha)
    assert check(scaled, "chain rule", Second(g, a, b)) == PROVED
    assert check(scaled, "chain rule", Second(g, a, b) / alpha) != PROVED
    assert check(At(First(f, a), a, alpha * a), "chain rule", First(PopMean(Relu(alpha * a * x) * b), a) / alpha) == (
        PROVED)
    # a shift is no rescaling, and values outside derivatives are not carried
    assert check(At(First(f, a), a, a + 1), "chain rule", First(f, a)) != PROVED
    assert check(At(a * First(f, a), a, alpha * a), "chain rule", a * First(g, a)) != PROVED


def test_positive_factors_come_out():
    assert check(Relu(alpha * a), "homogeneous", alpha * Relu(a)) == PROVED
    assert check(Relu(-alpha * a), "homogeneous", -alpha * Relu(a)) != PROVED
    assert check(Relu(a * b), "homogeneous", a * Relu(b)) != PROVED
    assert check(PopMean(alpha * x), "homogeneous", alpha * PopMean(x)) == PROVED
