"""Tests of `theory.nodes.outputs`: drawn groups against all orders, rescaled groups, and the rules."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

from theory import laws, proof
from theory.equality import PROVED
from theory.evaluation import evaluate
from theory.law import Part, Step
from theory.nodes.outputs import Drawn, Flat, Hat, Rescaled, Total, first, i, l, second, squares, whole
from theory.notation import B, eps
from theory.world import Context

LAW, BOUND = laws.load("norm.out.exchangeable"), laws.load("norm.out.samuelson")
POPULATION = [Fraction(v) for v in (1, 1, 4, 6)]


def as_float(number):
    """Return a rational or a sum of square roots as a float."""
    return float(number) if isinstance(number, Fraction) else sum(
        float(factor) * float(radicand) ** 0.5 for radicand, factor in number.terms.items())


def by_hand(size, design, f):
    """Average over all ordered groups, in floats."""
    groups = itertools.permutations(range(4), size) if design == "wor" else itertools.product(range(4), repeat=size)
    values = []
    for group in groups:
        x = np.array([float(POPULATION[k]) for k in group])
        values.append(f((x - x.mean()) / x.std() if x.std() > 0 else 0 * x))
    return float(np.mean(values))


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("design", ["wor", "wr"])
def test_drawn_groups_against_all_orders(size, design):
    world = Context({"x": POPULATION}, design, {B: Fraction(size)})
    for body, f in [(first, lambda x: x[0]), (first**2, lambda x: x[0] ** 2), (first * second, lambda x: x[0] * x[1]),
                    (first**3 * second, lambda x: x[0] ** 3 * x[1]), (squares, lambda x: x @ x)]:
        assert as_float(evaluate(Drawn(body), world)) == pytest.approx(by_hand(size, design, f), abs=1e-12)
    flat = by_hand(size, design, lambda x: float(not x.any()))
    assert float(evaluate(Flat(), world)) == pytest.approx(flat)


def test_rescaled_groups():
    world = Context({"x": POPULATION}, "wr", {B: Fraction(4), i: Fraction(3), eps: Fraction(9)})
    x = np.array([float(v) for v in POPULATION]) * -2
    value = (x[2] - x.mean()) / np.sqrt(x.var() + 9)
    assert as_float(evaluate(Rescaled(i, sp.Integer(-2), eps), world)) == pytest.approx(value)


def checked(rule, left, right, part="product"):
    return proof.check_step(LAW, LAW.part(part), left, Step(rule, right)).answer


def test_exchangeable_places():
    pair = Drawn((whole**2 - squares) / (B * (B - 1)))
    assert checked("exchangeable places", Drawn(first * second), pair) == PROVED
    assert checked("exchangeable places", Drawn(first * second), Drawn((whole**2 - squares) / B**2)) != PROVED
    assert checked("exchangeable places", Drawn(first**3), pair) != PROVED
    assert checked("normalized sums", pair, -(1 - Flat()) / (B - 1)) == PROVED
    assert checked("normalized sums", pair, -1 / (B - 1)) != PROVED


def bounded(left, right, difference):
    part = Part("bound", sp.Le(left, right, evaluate=False))
    return proof.check_step(BOUND, part, left, Step("output squares", right, where={"difference": difference})).answer


def test_a_bound_needs_its_squares():
    shown = BOUND.part("value").derivation[0].where["difference"]
    assert bounded(Hat(i, 0) ** 2, B - 1, shown) == PROVED
    assert bounded(Hat(i, 0) ** 2, B - 2, shown) != PROVED
    assert bounded(Hat(i, 0) ** 2, B - 1, B - 1 - Hat(i, 0) ** 2) != PROVED  # equal, but its sign does not show
    assert bounded(Hat(i, 0) ** 2, B, Total(Hat(l, 0) ** 2, l) - Hat(i, 0) ** 2) != PROVED
