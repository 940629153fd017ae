"""Tests of `theory.nodes.matching`: matched settings reproduce k steps, and equations are not taken on trust."""

from dataclasses import replace
from fractions import Fraction

import pytest
import sympy as sp

from theory import laws, proof
from theory.equality import PROVED
from theory.evaluation import evaluate
from theory.law import Step
from theory.nodes.indicator import Same
from theory.nodes.matching import MatchedBatch, MatchedRate
from theory.notation import At, B, ChainCov, ChainMean, delta0, eta, h, h1, h2, k
from theory.world import Context

EXACT, NO_GO = laws.load("scaling.linear.exact"), laws.load("scaling.linear.no_go")


@pytest.mark.parametrize(("design", "n", "size", "factor", "wanted"), [
    ("wr", 2, 5, 2, 1), ("wor", 6, 5, 2, 3), ("wor", 6, 3, 2, 1)])
def test_where_the_matched_batch_is_whole_one_step_does_what_k_do(design, n, size, factor, wanted):
    """At eta h = 3/2 the exact batch is a fifth of the noise's: few cases are whole numbers, and these are checked."""
    values = {B: Fraction(size), eta: Fraction(3, 2), h: Fraction(1), k: Fraction(factor), delta0: Fraction(2)}
    world = Context({"g": [Fraction(i * i) for i in range(n)]}, design, values)
    rate, batch = evaluate(MatchedRate(k), world), evaluate(MatchedBatch(k), world)
    assert batch == wanted
    at = {eta: rate, B: batch}
    settings = [x for pair in at.items() for x in (pair[0], sp.Rational(pair[1].numerator, pair[1].denominator))]
    for node, many in ((ChainMean(sp.S.One), ChainMean(k)), (ChainCov(1, 1, sp.S.One), ChainCov(1, 1, k))):
        assert evaluate(At(node, *settings), world) == evaluate(many, world)
    assert EXACT.predict(N=n, B=size, eta=Fraction(3, 2), h=1, k=factor, design=design).value == wanted


@pytest.mark.parametrize("name", ["rate", "batch"])
def test_other_settings_do_not_match(name):
    part = EXACT.part(name)
    step = part.derivation[0]
    assert proof.check_step(EXACT, part, part.lhs, step).answer == PROVED
    for rival in part.rivals:
        assert proof.check_step(EXACT, part, part.lhs, replace(step, expr=rival.expr)).answer != PROVED
    if name == "batch":
        assert proof.check_step(EXACT, part, part.lhs, replace(step, where={"rate": k * eta})).answer != PROVED
        assert proof.check_step(EXACT, part, part.lhs, replace(step, where={})).answer != PROVED
    elsewhere = replace(EXACT, uses=())
    assert proof.check_step(elsewhere, part, part.lhs, step).answer != PROVED


def test_two_curvatures_may_ask_for_one_step_size_and_then_not_for_one_batch():
    law = EXACT.predict
    same = {"N": 64, "B": 8, "eta": Fraction(1), "k": 3}
    low, high = Fraction(5, 4), Fraction(7, 4)
    rates = [law(part="rate", h=c, **same).value for c in (low, high)]
    sizes = [law(part="batch", h=c, **same).value for c in (low, high)]
    assert rates[0] == rates[1] == Fraction(13, 16)
    assert sizes[0] != sizes[1]


LINE = Same(h1**2, h2**2) * Same(eta * h1, eta * h2)


@pytest.mark.parametrize(("left", "right", "where"), [
    (LINE, Same(h1, h2), {}),
    (Same(h1**2, h2**2), Same(h1, h2), {"unit": h1 - h2, "power": 1, "cofactor1": 1 - h1 + h2}),
    (Same(h1**2, h2**2), Same(h1, h2), {"unit": h1 + h2, "power": 2, "cofactor1": 1}),
    (Same(h1 * (h1 - h2), sp.S.One), Same(h1, h2), {"unit": h1, "power": 1, "cofactor1": 1}),
    (Same(h1, 2 * h2), Same(h1, h2), {"unit": 1, "power": 1, "cofactor1": (h1 - h2) / (h1 - 2 * h2)}),
    (h1, Same(h1, h2), {"unit": 1, "power": 1, "cofactor1": 1}),
])
def test_equations_need_a_certificate_both_ways(left, right, where):
    part = NO_GO.part()
    step = Step("equations", right, where={k: sp.sympify(v) for k, v in where.items()})
    assert proof.check_step(NO_GO, part, left, step).answer != PROVED


def test_a_certificate_that_holds_is_accepted():
    step = Step("equations", Same(h1, h2), where={"unit": h1 + h2, "power": sp.S.One, "cofactor1": sp.S.One})
    assert proof.check_step(NO_GO, NO_GO.part(), Same(h1**2, h2**2), step).answer == PROVED
