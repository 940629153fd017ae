"""Tests of `theory.nodes.running`: running averages, readings, fresh points, and their rules."""

from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

from theory import laws, oracle, proof
from theory.equality import PROVED
from theory.evaluation import evaluate
from theory.law import Step
from theory.nodes.chi import GaussianMean
from theory.nodes.running import (
    Averaged,
    FreshPoint,
    OneReading,
    alpha,
    point,
    r0,
    reading,
    root_about_mean,
    running,
)
from theory.notation import B, E, m, mu, n, s, sigma, t
from theory.world import Context

AVERAGE, SPLIT, FRESH = (laws.load(f"norm.gap.{name}") for name in ("ema", "split", "student"))
READINGS = [(Fraction(1, 4), Fraction(2)), (Fraction(3, 4), Fraction(-1))]


def world(**values):
    letters = {"alpha": alpha, "r0": r0, "t": t}
    given = {letters[k]: Fraction(v) for k, v in values.items()}
    return Context({"x": [Fraction(0)]}, "wor", given, state={"readings": READINGS})


def answer(law, part, left, rule, right, **where):
    return proof.check_step(law, law.part(part), left, Step(rule, right, where=where)).answer


@pytest.mark.parametrize("steps", [0, 1, 2, 3])
def test_the_average_over_every_sequence(steps):
    """Against the weights of the readings, (1 - alpha)^t of the start and alpha (1 - alpha)^k of the k-th last."""
    weights = 0.25 * 0.75 ** np.arange(steps)
    values, chances = np.array([2.0, -1.0]), np.array([0.25, 0.75])
    mean = values @ chances
    spread = values**2 @ chances - mean**2
    expected = 3 * 0.75**steps + weights.sum() * mean
    here = world(alpha="1/4", r0=3, t=steps)
    assert float(evaluate(Averaged(running, t), here)) == pytest.approx(expected)
    square = float(evaluate(Averaged(running**2, t), here))
    assert square - expected**2 == pytest.approx((weights**2).sum() * spread)
    assert evaluate(OneReading(reading**2), here) == Fraction(7, 4)


def test_a_fresh_point_has_mean_zero_and_variance_one():
    here = world()
    assert evaluate(FreshPoint(1 + point + 2 * point**2 + 5 * point**3), here) == 3


def test_running_average_by_induction():
    law, mean = AVERAGE, AVERAGE.part("mean")
    assert answer(law, "mean", mean.lhs, "running average", mean.rhs, closed=mean.rhs) == PROVED
    for wrong in (mean.rhs.xreplace({alpha: 1 - alpha}), mean.rhs.xreplace({t: t + 1}), mean.rhs + alpha * t):
        assert answer(law, "mean", mean.lhs, "running average", wrong, closed=wrong) != PROVED
    assert answer(law, "mean", mean.lhs, "running average", mean.rhs) != PROVED  # no closed form
    assert answer(law, "mean", mean.rhs, "running average", mean.rhs, closed=mean.rhs) != PROVED  # no average


def test_a_second_moment_needs_the_first():
    law, second = AVERAGE, Averaged(running**2, t)
    closed = AVERAGE.part("variance").rhs + AVERAGE.part("mean").rhs ** 2
    given = {"closed": closed, "lower": "mean"}
    assert answer(law, "variance", second, "running average", closed, **given) == PROVED
    assert answer(law, "variance", second, "running average", closed, closed=closed) != PROVED
    assert answer(law, "mean", second, "running average", closed, **given) != PROVED  # not proved before
    assert answer(law, "variance", second, "running average", closed, closed=closed, lower="nothing") != PROVED


def test_known_mean():
    root = root_about_mean()
    left = E((1 - root / sigma) ** 2, B)
    right = 2 - 2 * E(root, B) / sigma
    assert answer(SPLIT, "std_only", left, "known mean", right) == PROVED
    assert answer(SPLIT, "std_only", left, "known mean", 2 - E(root, B) / sigma) != PROVED
    assert answer(SPLIT, "std_only", left, "known mean", 1 - 2 * E(root, B) / sigma + (B - 1) / B) != PROVED
    assert answer(SPLIT, "std_only", E(root * s, B), "known mean", right) != PROVED


def test_fresh_point():
    left = FreshPoint(GaussianMean((sigma * point + mu - m) ** 2 / s**2, n))
    right = sigma**2 * GaussianMean(1 / s**2, n) + GaussianMean((mu - m) ** 2 / s**2, n)
    assert answer(FRESH, "output", left, "fresh point", right) == PROVED
    assert answer(FRESH, "output", left, "fresh point", 2 * right) != PROVED
    assert answer(FRESH, "output", left, "fresh point", sigma * GaussianMean(1 / s**2, n)) != PROVED
    fourth = FreshPoint(GaussianMean(point**4, n))
    assert answer(FRESH, "output", fourth, "fresh point", sp.S.One) != PROVED  # two points do not have it
    assert answer(FRESH, "output", FreshPoint(point**2), "fresh point", sp.S.One) != PROVED  # no statistics


def test_worlds_meet_the_stored_statistics_that_attain_a_bound():
    law = laws.load("norm.gap.train_eval")
    found = [c for c in oracle.enumerate_law(law, seed=1, limit=12) if c.part == "floor"]
    assert all(c.equal for c in found)
    assert any(c.tight for c in found)
    assert not all(c.tight for c in found)
