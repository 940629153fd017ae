"""Tests of `theory.nodes.calculus`: derivatives against differences, values inserted, and the mean of a root."""

from __future__ import annotations

from fractions import Fraction

import pytest
import sympy as sp

from theory import laws, proof
from theory.equality import PROVED, UNDECIDED
from theory.evaluation import evaluate
from theory.law import Part, Step
from theory.nodes.calculus import First, carried, derivative
from theory.nodes.unit import a, beta, gamma, square_share
from theory.notation import At, B, BatchSum, E, N, PopMean, m, s, sigma, v, x
from theory.world import Context

LAW = laws.load("norm.train.gradient_bias")
BODIES = (gamma**3 - 2 * gamma + a, 1 / (1 + gamma**2), BatchSum((gamma * x - v) ** 2) / B, sp.sqrt(1 + gamma**2),
          PopMean(gamma * x) * gamma, E(BatchSum(gamma**2 * x), B) / N)


@pytest.mark.parametrize("body", BODIES)
def test_against_a_difference(body):
    column = [Fraction(value) for value in (1, 3, -2)]
    step = Fraction(1, 10**6)

    def value(expr, at):
        here = Context({"x": column, "v": column[::-1]}, "wor", {B: Fraction(2), a: Fraction(1), gamma: at},
                       batch=(0, 2))
        return evaluate(expr, here)

    def number(found):
        return float(found) if isinstance(found, Fraction) else float(sp.N(sp.Add(*[
            sp.Rational(c.numerator, c.denominator) * sp.sqrt(k) for k, c in found.terms.items()]), 30))

    there = Fraction(3, 4)
    difference = number(value(body, there + step)) - number(value(body, there - step))
    assert number(value(derivative(body, gamma), there)) == pytest.approx(difference / float(2 * step), abs=1e-6)


def test_what_has_no_rule_is_refused():
    for body in (gamma**B * gamma**gamma, sp.exp(gamma), E(x, gamma)):
        with pytest.raises(ValueError, match="no derivative"):
            derivative(body, gamma)
    assert derivative(sp.exp(beta), gamma) == 0


def test_values_are_inserted_after_the_derivative():
    assert carried(At(First(gamma**2, gamma), gamma, 3), {}) == 6
    assert carried(First(At(gamma**2, gamma, 3), gamma), {}) == 0
    assert carried(At(gamma * beta, gamma, a, beta, 0), {}) == 0
    # a letter that stands for something with the parameter in it is written out first
    assert carried(First(a, gamma), {a: gamma**2}) == 2 * gamma


def checked(rule, left, right, relation=sp.Eq, **where):
    part = Part("line", relation(left, right, evaluate=False))
    return proof.check_step(LAW, part, left, Step(rule, right, where=where)).answer


def test_differentiate():
    left = First(BatchSum((gamma * (x - m) / s + beta) ** 2), gamma)
    assert checked("differentiate", left, BatchSum(2 * (gamma * (x - m) / s + beta) * (x - m) / s)) == PROVED
    assert checked("differentiate", left, BatchSum((gamma * (x - m) / s + beta) * (x - m) / s)) != PROVED
    assert checked("differentiate", left, BatchSum(2 * (gamma * (x - m) / s + beta))) != PROVED


def test_root_mean_square():
    second = square_share(B) * sigma**2
    mean, root = E(s, B), sp.sqrt(second)
    assert checked("root mean square", mean, root, sp.Le, second=second) == PROVED
    assert checked("root mean square", 1 - mean / sigma, 1 - root / sigma, sp.Ge, second=second) == PROVED
    for left, right, relation, given in (
        (mean, root, sp.Ge, second),  # the other way
        (-mean, -root, sp.Le, second),
        (mean, root, sp.Eq, second),  # a bound is no equation
        (mean, sp.sqrt(second * 2), sp.Le, second * 2),  # not the mean square
        (mean, sigma, sp.Le, second),
        (mean**2, second, sp.Le, second),  # not linear
        (gamma * mean, gamma * root, sp.Le, second),  # a factor of unknown sign
    ):
        assert checked("root mean square", left, right, relation, second=given) != PROVED
    assert checked("root mean square", mean, root, sp.Le) == UNDECIDED
