"""Tests of `theory.nodes.tradeoff`: walks counted by hand, greedy steps against a grid of steps, and the rules."""

from dataclasses import replace
from fractions import Fraction

import pytest
import sympy as sp

from theory import laws, proof
from theory.equality import PROVED
from theory.evaluation import evaluate
from theory.law import Step
from theory.nodes.tradeoff import GreedyLoss, Walk
from theory.notation import B, N, PopMean, delta0, h, t, u, v
from theory.world import Context, batches

HYPERBOLA, ADDITIVE = laws.load("tradeoff.hyperbola"), laws.load("tradeoff.additive")
STAGES = {"u": [Fraction(1), Fraction(3)], "v": [Fraction(2), Fraction(1)], "w": [Fraction(1), Fraction(1)]}
PATH = Context(STAGES, "wr", {B: Fraction(2)})
G = [Fraction(k) for k in (0, 1, 5)]
CHAIN = Context({"g": G}, "wor", {B: Fraction(2), h: Fraction(1, 2), delta0: Fraction(3), t: Fraction(2)})


def test_walks():
    assert evaluate(Walk(sp.S.One), PATH) == 4 + 1
    assert evaluate(Walk(1 / (1 + u / B)), PATH) == 4 * Fraction(3, 2) + 1 * Fraction(5, 2)
    assert evaluate(Walk(1 / (B + u)), PATH) == 4 * 3 + 1 * 5
    with pytest.raises(ZeroDivisionError):
        evaluate(Walk(u - 1), PATH)


def loss_after(step, first, second, design):
    """Expected squares after a step, batch by batch."""
    pool = [(k, sum(G[i] for i in b) / 2 - 2) for k, b in batches(3, 2, design)]
    count, a = sum(k for k, _ in pool), 1 - step * Fraction(1, 2)
    second = sum(k * (a * a * second - 2 * a * step * x * first + (step * x) ** 2) for k, x in pool) / count
    return a * first, second


@pytest.mark.parametrize("design", ["wor", "wr"])
def test_no_step_on_a_grid_does_better_than_the_greedy_one(design):
    world = replace(CHAIN, design=design)
    first, second = Fraction(3), Fraction(9)
    for steps in (0, 1, 2, 3):
        mine = evaluate(GreedyLoss(t), replace(world, values={**world.values, t: Fraction(steps)}))
        assert mine <= second / 4
        tried = [(loss_after(Fraction(k, 200), first, second, design)) for k in range(401)]
        first, second = min(tried, key=lambda pair: pair[1])
    assert evaluate(GreedyLoss(t), world) > 0


@pytest.mark.parametrize("speed, value", [
    (1 / (1 + u / B), N * (PopMean(v**2) + PopMean(u * v**2) / B)),
    (1 / u, N * PopMean(u * v**2)),
])
def test_the_rule_of_walks(speed, value):
    part = HYPERBOLA.part("product")
    assert proof.check_step(HYPERBOLA, part, Walk(speed), Step("walk", value)).answer == PROVED
    assert proof.check_step(HYPERBOLA, part, Walk(speed), Step("walk", value + PopMean(v**2))).answer != PROVED


def test_a_sum_of_squares_must_be_shown_and_must_be_one():
    part = HYPERBOLA.part("adaptive")
    previous, step = part.derivation[0].expr, part.derivation[1]
    assert proof.check_step(HYPERBOLA, part, previous, step).answer == PROVED
    assert proof.check_step(HYPERBOLA, part, previous, replace(step, where={})).answer != PROVED
    shown = {"difference": -step.where["difference"]}
    assert proof.check_step(HYPERBOLA, part, previous, replace(step, where=shown)).answer != PROVED


def test_greedy_needs_what_it_rests_on():
    part = ADDITIVE.part("steps")
    assert proof.check_step(ADDITIVE, part, part.lhs, part.derivation[0]).answer == PROVED
    without = replace(ADDITIVE, parts=tuple(p for p in ADDITIVE.parts if p.name != "least"))
    assert proof.check_step(without, part, part.lhs, part.derivation[0]).answer != PROVED
    wrong = part.rhs.xreplace({t: 2 * t})
    assert proof.check_step(ADDITIVE, part, part.lhs, Step("greedy", wrong)).answer != PROVED
