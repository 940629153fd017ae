"""Tests of `theory.nodes.unspread`: batches without spread, and their rules."""

import itertools
from fractions import Fraction

import numpy as np
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


COLUMN = [Fraction(value) for value in (0, 0, 0, 2, 3)]


def number(value):
    """Return an exact number as a float."""
    return float(value) if isinstance(value, Fraction) else sum(
        float(factor) * float(radicand) ** 0.5 for radicand, factor in value.terms.items())


@pytest.mark.parametrize("size, design", [(2, "wor"), (3, "wor"), (2, "wr")])
def test_meaning_against_a_loop(size, design):
    values = [float(value) for value in COLUMN]
    draw = itertools.combinations(values, size) if design == "wor" else itertools.product(values, repeat=size)
    gaps, flats, center, spread = [], [], np.mean(values), np.std(values)
    for batch in map(np.array, draw):
        out = (batch - batch.mean()) / batch.std() if batch.std() > 0 else 0 * batch
        gaps.append(((out - (batch - center) / spread) ** 2).mean())
        flats.append(batch.std() == 0)
    here = Context({"x": COLUMN}, design, {B: Fraction(size)}, LAW.where)
    assert number(evaluate(LAW.part("expected").lhs, here)) == pytest.approx(np.mean(gaps))
    assert evaluate(E(Flat(deviation), B), here) == pytest.approx(np.mean(flats))
    assert any(flats)


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
