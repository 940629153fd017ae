"""Tests of `theory.nodes.unspread`: outputs of batches without spread, and the two rules."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest

from theory import laws, proof
from theory.equality import PROVED
from theory.evaluation import evaluate
from theory.law import Step
from theory.nodes.unspread import Filled, Flat, deviation
from theory.notation import B, BatchSum, E, m, mu, s, sigma, x
from theory.world import Context

LAW = laws.load("norm.gap.floor")
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


def checked(rule, left, right, part="batch"):
    return proof.check_step(LAW, LAW.part(part), left, Step(rule, right)).answer


def test_two_cases():
    filled = BatchSum(Filled(x - m, deviation) ** 2) / B
    assert checked("flat or not", filled, 1 - Flat(deviation)) == PROVED
    assert checked("flat or not", filled, 1 + 0 * s) != PROVED  # wrong where flat
    assert checked("flat or not", filled, 2 - Flat(deviation)) != PROVED
    assert checked("flat or not", filled, 1 - 2 * Flat(deviation)) != PROVED
    assert checked("flat or not", BatchSum(Filled(x, m)), 1 - Flat(deviation)) != PROVED  # m tells no cases
    assert checked("flat or not", Flat(m), Flat(m)) != PROVED


def test_means():
    body = (s**2 + (m - mu) ** 2) / sigma**2 - 2 * s - Flat(deviation)
    right = 1 - 2 * E(s, B) - E(Flat(deviation), B)
    assert checked("flat means", E(body, B), right, "expected") == PROVED
    assert checked("flat means", E(body, B), right + 1, "expected") != PROVED
    assert checked("flat means", E(body, B), 1 - 2 * E(s, B) - 2 * E(Flat(deviation), B), "expected") != PROVED
    assert checked("flat means", E(s * Flat(deviation), B), E(s, B) * E(Flat(deviation), B), "expected") != PROVED
