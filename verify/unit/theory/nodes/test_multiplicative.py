"""Tests of `theory.nodes.multiplicative`: paths by hand, tail indices by their definition, rules that refuse."""

import math
from fractions import Fraction

import pytest
import sympy as sp

from theory import laws, oracle, proof
from theory.equality import PROVED
from theory.evaluation import evaluate
from theory.law import Step
from theory.nodes.levels import factor
from theory.nodes.multiplicative import EdgeExponent, PathProduct, PathSum, TailIndex, chances, tail_index
from theory.notation import B, E, eta, t
from theory.world import Context

KESTEN = laws.load("tail.kesten")


def world(column: list[int], size: int, step: Fraction, design: str = "wor", steps: int = 2) -> Context:
    return Context({"u": [Fraction(c) for c in column]}, design, {
        B: Fraction(size), eta: step, t: Fraction(steps)})


def check(part: str, left: sp.Basic, step: Step) -> str:
    return proof.check_step(KESTEN, KESTEN.part(part), left, step).answer


def test_paths_visit_every_sequence_of_batches():
    here, m = world([1, 4], 1, Fraction(1, 2)), [Fraction(1, 2), Fraction(-1)]
    product = sum(abs(a * b) ** 3 for a in m for b in m) / 4
    assert evaluate(PathProduct(sp.Abs(factor(B)) ** 3, t), here) == product
    total = sum(a + b for a in m for b in m) / 4
    assert evaluate(PathSum(factor(B), t), here) == total
    with pytest.raises(ZeroDivisionError):
        evaluate(PathSum(factor(B), t), world([1, 2, 4], 1, Fraction(1, 2), steps=20))


def test_the_tail_index_is_where_the_mean_power_is_one():
    law = [(Fraction(3, 4), Fraction(1, 2)), (Fraction(1, 4), Fraction(2))]
    found = tail_index(law)
    assert abs(float(str(found).split()[0].strip("[")) - math.log2(3)) < 1e-12
    assert sum((p * m**found for p, m in law), Fraction(0)) == 1


@pytest.mark.parametrize("law", [
    [(Fraction(1), Fraction(1, 2))],
    [(Fraction(1, 2), Fraction(1, 2)), (Fraction(1, 2), Fraction(2))],
    [(Fraction(1, 4), Fraction(1, 2)), (Fraction(3, 4), Fraction(2))],
])
def test_no_index_without_growth_or_without_decay(law):
    with pytest.raises(ZeroDivisionError):
        tail_index(law)


def test_chances_are_those_of_batches():
    here = world([1, 2, 6], 2, Fraction(1, 3))
    assert sorted(chances(B, [], here)) == sorted((Fraction(1, 3), abs(1 - Fraction(s, 6))) for s in (3, 7, 8))
    levels = [(sp.Integer(1), sp.Integer(1)), (sp.Integer(6), sp.Integer(3))]
    assert sum(p for p, m in chances(sp.Integer(1), levels, here) if m == 1) == Fraction(3, 4)


def test_an_index_below_one_can_fall_with_the_batch_size():
    here = world([1, 2, 3], 1, Fraction(17, 16), "wr")
    one, two = (float(str(evaluate(TailIndex(size), here)).split()[0].strip("[")) for size in (B, B + 1))
    assert (round(one, 2), round(two, 2)) == (0.74, 0.48)


def test_the_edge_exponent_is_that_of_the_batches():
    here = world([2, 3, 4], 2, Fraction(1))
    expected = sum(math.log(abs(1 - 2 * m / 3)) for m in (2.5, 3, 3.5)) / 3
    assert abs(float(str(evaluate(EdgeExponent(B), here)).split()[0].strip("[")) - expected) < 1e-12


def test_steps_are_independent():
    left, q = KESTEN.part("moments").lhs, sp.Symbol("q", positive=True)
    mean = E(sp.Abs(factor(B)) ** q, B)
    assert check("moments", left, Step("steps", mean**t)) == PROVED
    assert check("moments", left, Step("steps", mean ** (t + 1))) != PROVED
    assert check("moments", left, Step("steps", t * mean)) != PROVED


def test_the_convex_order_needs_a_power_of_at_least_one_and_the_right_batches():
    stated = KESTEN.part("order")
    assert check("order", stated.lhs, Step("convex order", stated.rhs)) == PROVED
    assert check("order", stated.rhs, Step("convex order", stated.lhs)) != PROVED
    low = stated.lhs.xreplace({sp.Symbol("q", positive=True): sp.Rational(1, 2)})
    assert check("order", low, Step("convex order", stated.rhs)) != PROVED


def test_the_order_of_indices_needs_the_maximum_and_the_proved_part():
    left, part = sp.Max(1, TailIndex(B + 1)), {"part": sp.Symbol("order")}
    assert check("index", left, Step("index order", TailIndex(B), where=part)) == PROVED
    assert check("index", TailIndex(B + 1), Step("index order", TailIndex(B), where=part)) != PROVED
    assert check("index", left, Step("index order", TailIndex(B))) != PROVED
    assert check("index", left, Step("index order", TailIndex(B), where={"part": sp.Symbol("lattice")})) != PROVED


def test_a_lattice_has_the_claimed_index_only():
    stated = KESTEN.part("lattice")
    for rival in stated.rivals:
        assert check("lattice", stated.lhs, Step("tail index", rival.expr)) != PROVED
    assert check("lattice", stated.lhs, Step("tail index", stated.rhs)) == PROVED


def test_worlds_have_the_indices_that_are_stated():
    for here in oracle.cases(KESTEN, KESTEN.part("index"), seed=5, limit=5):
        assert evaluate(TailIndex(B), here) > 0
