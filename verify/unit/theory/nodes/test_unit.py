"""Tests of `theory.nodes.unit`: the unit's loss and its path under SGD against plain loops, and the rules."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

from theory import laws, oracle, proof
from theory.equality import PROVED
from theory.evaluation import evaluate
from theory.law import Step
from theory.nodes.unit import (
    RATIONAL,
    BySlope,
    Trained,
    UnitLoss,
    a,
    batch_loss,
    beta,
    full_loss,
    gamma,
    gamma0,
    square_share,
)
from theory.notation import B, BatchSum, E, N, eta, m, s, sigma, t, v, x
from theory.world import Context

SHRINKAGE, BIAS = laws.load("norm.train.gamma_shrinkage"), laws.load("norm.train.gradient_bias")
COLUMN = [Fraction(value) for value in (0, 5, 8, 9)]  # standard deviation 7/2
LABELS = [Fraction(value) for value in (1, -2, 0, 4)]
VALUES = {B: Fraction(2), gamma: Fraction(3, 2), beta: Fraction(1, 4), a: Fraction(5, 4), eta: Fraction(1, 2),
          gamma0: Fraction(-1)}


def world(**changes):
    return Context({"x": COLUMN, "v": LABELS}, "wor", VALUES | changes.pop("values", {}), SHRINKAGE.where, **changes)


def number(value):
    """Return an exact number as a float."""
    return float(value) if isinstance(value, Fraction) else sum(
        float(factor) * float(radicand) ** 0.5 for radicand, factor in value.terms.items())


def loss(batch, gain, shift, target):
    z = np.array([float(COLUMN[i]) for i in batch])
    out = gain * (z - z.mean()) / z.std() + shift
    return ((out - target[list(batch)]) ** 2).mean() / 2


ALL = np.array([float(value) for value in COLUMN])
LINEAR, LABEL = 1.25 * (ALL - ALL.mean()) / ALL.std(), np.array([float(value) for value in LABELS])


@pytest.mark.parametrize("batch", [(0, 1), (1, 3), (0, 2)])
@pytest.mark.parametrize("target, column", [(None, LINEAR), (v, LABEL)])
def test_loss_and_slopes_of_a_batch(batch, target, column):
    of_batch = batch_loss() if target is None else batch_loss(target)
    here = world(batch=batch)
    assert number(evaluate(UnitLoss(of_batch), here)) == pytest.approx(loss(batch, 1.5, 0.25, column))
    for p, moved in ((gamma, (1e-4, 0)), (beta, (0, 1e-4))):
        up, down = (loss(batch, 1.5 + sign * moved[0], 0.25 + sign * moved[1], column) for sign in (1, -1))
        assert number(evaluate(BySlope(of_batch, p), here)) == pytest.approx((up - down) / 2e-4, abs=1e-9)


def test_loss_of_the_population():
    assert number(evaluate(full_loss(), world())) == pytest.approx(loss(range(4), 1.5, 0.25, LINEAR))
    assert number(evaluate(full_loss(v), world())) == pytest.approx(loss(range(4), 1.5, 0.25, LABEL))


def test_sgd_visits_every_sequence_of_batches():
    pool = list(itertools.combinations(range(4), 2))
    ends = []
    for sequence in itertools.product(pool, repeat=2):
        gain = -1.0
        for batch in sequence:
            gain -= 0.5 * (loss(batch, gain + 1e-4, 0, LINEAR) - loss(batch, gain - 1e-4, 0, LINEAR)) / 2e-4
        ends.append(gain)
    for power in (1, 2):
        value = evaluate(Trained(gamma**power, t), world(values={t: Fraction(2)}))
        assert number(value) == pytest.approx((np.array(ends) ** power).mean(), abs=1e-8)
    assert evaluate(Trained(gamma, t), world(values={t: Fraction(0)})) == -1


def test_mean_square_share():
    mean = evaluate(E(BatchSum(x**2) / B - (BatchSum(x) / B) ** 2, B), world())
    assert mean / Fraction(49, 4) == evaluate(square_share(B), world())


def test_worlds_have_spread_and_meet_the_best_unit():
    assert all(np.std(column) == round(2 * np.std(column)) / 2 for column in RATIONAL)
    for part in (part for part in SHRINKAGE.parts if part.statement.has(BySlope, UnitLoss, Trained)):
        found = list(oracle.cases(SHRINKAGE, part, seed=4, limit=20))
        assert len(found) == 20
        assert all(len({w.population["x"][i] for i in batch}) > 1 for w in found
                   for batch in itertools.combinations(range(w.size), int(w.values[B])))
    floor = SHRINKAGE.part("floor")
    assert any(oracle.compare(SHRINKAGE, floor, w).tight for w in oracle.cases(SHRINKAGE, floor, seed=4, limit=20))


def checked(part, left, right, **where):
    return proof.check_step(SHRINKAGE, SHRINKAGE.part(part), left, Step("sgd on the gain", right, where=where)).answer


def test_sgd_on_the_gain_proves_the_path_and_no_other():
    part = SHRINKAGE.part("path")
    closed = part.rhs
    assert checked("path", part.lhs, closed, gradient="gradient", closed=closed) == PROVED
    for wrong in (2 * closed, closed.xreplace({t: t + 1}), closed.xreplace({gamma0: gamma0 + 1}),
                  closed.xreplace({eta: eta / 2})):
        assert checked("path", part.lhs, wrong, gradient="gradient", closed=wrong) != PROVED
    assert checked("path", part.lhs, 2 * closed, gradient="gradient", closed=closed) != PROVED
    assert checked("path", part.lhs, closed, gradient="loss", closed=closed) != PROVED  # that part is no gradient
    assert checked("path", part.lhs, closed, gradient="spread", closed=closed) != PROVED  # nor is it proved before
    assert checked("path", part.lhs, closed, gradient="gradient") != PROVED


def test_second_moment_needs_the_first():
    square, line = Trained(gamma**2, t), SHRINKAGE.part("spread").derivation[1]
    closed = line.where["closed"]
    assert checked("spread", square, closed, gradient="gradient", lower="path", closed=closed) == PROVED
    assert checked("spread", square, closed, gradient="gradient", closed=closed) != PROVED
    assert checked("spread", square, 2 * closed, gradient="gradient", lower="path", closed=2 * closed) != PROVED


def constant_part(left, right):
    return proof.check_step(BIAS, BIAS.part("label"), left, Step("constant part", right)).answer


def test_constant_part_comes_out():
    q = BatchSum((x - m) * v) / s
    assert constant_part(E(gamma - a * q / N, B), gamma - a / N * E(q, B)) == PROVED
    assert constant_part(E(gamma - a * q, B), gamma - a * E(q * s, B) / s) != PROVED
    assert constant_part(E(q * m, B), E(q, B) * E(m, B)) != PROVED
    assert constant_part(E(q / sigma, B), E(q, B)) != PROVED
    assert constant_part(E(gamma, B), sp.S.Zero) != PROVED
