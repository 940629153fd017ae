"""Tests of `theory.nodes.stored`: a fresh batch against statistics stored from earlier ones."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

from theory import laws, proof
from theory.equality import PROVED
from theory.evaluation import evaluate
from theory.law import Step
from theory.nodes.running import alpha
from theory.nodes.stored import ERROR, UNBIASED, Stored, kept, moment, off
from theory.notation import B, BatchSum, E, PopMean, dx, sigma2, t
from theory.world import Context

LAW = laws.load("norm.gap.averaged")
VALUES = (1, 4, -2)


def world(steps):
    given = {B: Fraction(2), alpha: Fraction(1, 4), t: Fraction(steps)}
    return Context({"x": [Fraction(v) for v in VALUES]}, "wr", given, {sigma2: PopMean(dx**2)})


def answer(left, rule, right, part="stored"):
    return proof.check_step(LAW, LAW.part(part), left, Step(rule, right)).answer


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_every_sequence_of_pairs(steps):
    """Against a visit of every ordered draw, in floating point."""
    x = np.array(VALUES, dtype=float)
    found = []
    for path in itertools.product(range(3), repeat=2 * (steps + 1)):
        pairs = x[list(path)].reshape(-1, 2)
        error, variance = 0.0, x.var()
        for pair in pairs[:-1]:
            error += (pair.mean() - x.mean() - error) / 4
            variance += (pair.var(ddof=1) - variance) / 4
        found.append((pairs[-1].var(ddof=1) - variance) ** 2 + pairs[-1].sum() * error + error**2)
    body = (UNBIASED - kept) ** 2 + (BatchSum(dx) + 2) * off + off**2
    assert float(evaluate(Stored(body, t), world(steps))) == pytest.approx(np.mean(found))


def test_moments_by_the_law_of_running_averages():
    for letter, power in itertools.product((off, kept), (1, 2)):
        assert evaluate(moment(letter, power), world(2)) == evaluate(Stored(letter**power, t), world(2))


def test_stored_statistics():
    left = Stored((ERROR - off) ** 2, t)
    right = E(ERROR**2, B) - 2 * E(ERROR, B) * moment(off, 1) + moment(off, 2)
    assert answer(left, "stored statistics", right) == PROVED
    assert answer(left, "stored statistics", E(ERROR**2, B) + E(ERROR**2, B)) != PROVED
    assert answer(left, "stored statistics", right - moment(off, 2)) != PROVED
    assert answer(Stored((ERROR - off) ** 2, t + 1), "stored statistics", right) != PROVED
    assert answer(Stored(kept * off, t), "stored statistics", sp.S.Zero) != PROVED  # one batch gave both
    assert answer(Stored(off**3, t), "stored statistics", sp.S.Zero) != PROVED
