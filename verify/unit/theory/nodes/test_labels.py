"""Tests of `theory.nodes.labels`: least squares by hand, the gap by another route, rules and refusals."""

from fractions import Fraction

import pytest
import sympy as sp

from theory import laws, proof
from theory.equality import PROVED
from theory.evaluation import evaluate
from theory.law import Step
from theory.nodes.labels import FitCov, FitMean, Gap, LabelCov, fits, tau
from theory.notation import B, N, PopMean, eta, g, h1, t, u, v, w
from theory.world import Context

LAW = laws.load("gap.optimism")


def world(steps=1, size=1, design="wor", labels=(3, -1)):
    columns = {"u": [1, 2], "v": [2, -1], "g": [1, 0], "w": labels}
    values = {B: Fraction(size), t: Fraction(steps), eta: Fraction(1, 4), tau: Fraction(2)}
    return Context({k: [Fraction(x) for x in c] for k, c in columns.items()}, design, values, LAW.where)


def test_one_step_by_hand():
    # from zero, one example a step: eta w_i (u_i, v_i)
    found = fits(((Fraction(1), Fraction(2)), (Fraction(2), Fraction(-1))), (Fraction(3), Fraction(-1)), Fraction(1, 4),
                 1, "wor", 1)
    assert found == ((Fraction(1, 2), (Fraction(3, 4), Fraction(3, 2))), (Fraction(1, 2), (Fraction(-1, 2),
                                                                                          Fraction(1, 4))))
    assert evaluate(FitMean(u, t), world()) == Fraction(1, 8)
    assert evaluate(FitMean(v, t), world()) == Fraction(7, 8)


def test_the_covariance_of_a_label_with_itself_is_its_variance():
    here = world()
    assert evaluate(LabelCov(w), here) == 4
    assert evaluate(LabelCov(g), here) == 0
    assert evaluate(LabelCov(u * PopMean(u * w)), here) == 4 * Fraction(5, 2) / 2


@pytest.mark.parametrize(("size", "design"), [(1, "wor"), (2, "wor"), (1, "wr"), (2, "wr")])
@pytest.mark.parametrize("steps", [0, 1, 2])
def test_the_gap_is_twice_the_covariance_at_every_batch_size(steps, size, design):
    here = world(steps, size, design)
    h = Fraction(5, 2)  # of both modes
    assert evaluate(Gap(t), here) == 2 * evaluate(FitCov(t), here) == 2 * 4 * (1 - (1 - h / 4) ** steps)


def check(part, left, rule, right, by=None):
    where = {"part": sp.Symbol(by)} if by else {}
    return proof.check_step(LAW, LAW.part(part), left, Step(rule, right, where=where)).answer


def test_rules_and_refusals():
    step = LAW.part("step")
    assert check("step", step.lhs, "fresh batch", step.rhs) == PROVED
    assert check("step", FitMean(u, t), "fresh batch", step.rhs) != PROVED
    mean = LAW.part("mean")
    assert check("mean", mean.lhs, "label steps", mean.rhs, by="step") == PROVED
    assert check("mean", mean.lhs, "label steps", mean.rhs, by="gap") != PROVED
    assert check("mean", mean.lhs, "label steps", mean.rhs) != PROVED
    assert check("mean", mean.lhs, "label steps", mean.rhs + 1, by="step") != PROVED
    assert check("gap", Gap(t), "covariance penalty", FitCov(t)) != PROVED
    assert check("gap", FitCov(t), "labels apart", LabelCov(u * FitMean(u, t))) != PROVED
    one = LabelCov(u * PopMean(u * w))
    assert check("gap", one, "label noise", tau**2 * h1 / N) == PROVED
    assert check("gap", one, "label noise", tau**2 * h1) != PROVED
    assert check("gap", LabelCov(u * PopMean(u * w**2)), "label noise", tau**2 * h1 / N) != PROVED
    assert check("gap", LabelCov(u * FitMean(u, t)), "label noise", tau**2 * h1 / N) != PROVED
