"""Tests of `theory.nodes.unspread`: batches without spread, and their rules."""

from fractions import Fraction

import pytest
import sympy as sp

from theory import laws, proof
from theory.equality import PROVED
from theory.evaluation import evaluate
from theory.law import Step
from theory.nodes.unspread import Filled, Flat, deviation
from theory.notation import B, BatchSum, E, m, mu, sigma, x
from theory.world import Context

LAW = laws.load("norm.gap.floor")


def answer(part, left, rule, right, **where):
    return proof.check_step(LAW, LAW.part(part), left, Step(rule, right, where=where)).answer


@pytest.mark.parametrize("batch, flat, output", [((0, 1), 1, 0), ((0, 2), 0, 1), ((2, 3), 0, -1)])
def test_outputs_of_batches_with_and_without_spread(batch, flat, output):
    """A pair's larger entry has the output 1, its smaller one -1; equal ones have 0."""
    world = Context({"x": [Fraction(v) for v in (1, 1, 4, 0)]}, "wor", {B: Fraction(2)}, batch=batch, example=batch[1])
    assert evaluate(Flat(deviation), world) == flat
    assert evaluate(Filled(x - m, deviation), world) == output


def test_two_cases():
    gap = BatchSum((Filled(x - m, deviation) - (x - mu) / sigma) ** 2) / B
    right = LAW.part("batch").rhs
    assert answer("batch", gap, "flat or not", right) == PROVED
    assert answer("batch", gap, "flat or not", right + Flat(deviation)) != PROVED  # wrong where flat
    assert answer("batch", gap, "flat or not", right * (1 - Flat(deviation))) != PROVED
    assert answer("batch", gap, "flat or not", right + m * (1 - Flat(deviation))) != PROVED  # wrong where spread
    assert answer("batch", gap, "flat or not", right + Flat(m)) != PROVED  # another divisor
    pole = BatchSum(x - m) / (B * deviation)
    assert answer("batch", pole, "flat or not", pole + Flat(deviation) / deviation) != PROVED


def test_means():
    p, line = E(Flat(deviation), B), E(2 - Flat(deviation), B)
    assert answer("expected", line, "flat means", 2 - p) == PROVED
    assert answer("expected", line, "flat means", 2 + p) != PROVED
    assert answer("expected", E(deviation * Flat(deviation), B), "flat means", sp.S.Zero) != PROVED


def test_in_every_batch():
    left = E((1 - m) ** 2 + deviation**2, B)
    assert answer("of_mean", left, "in every batch", E(deviation**2, B), difference=(1 - m) ** 2) == PROVED
    assert answer("of_mean", left, "in every batch", E(deviation**2, B), difference=m**2) != PROVED
    assert answer("of_mean", left, "in every batch", E(2 * deviation**2, B),
                  difference=(1 - m) ** 2 - deviation**2) != PROVED  # no sign
    assert answer("of_mean", left, "in every batch", E(deviation**2, B)) != PROVED
    assert answer("of_mean", left, "in every batch", E(deviation**2, B + 1), difference=(1 - m) ** 2) != PROVED
    assert answer("of_mean", left, "in every batch", sp.S.Zero, difference=(1 - m) ** 2) != PROVED
