"""Tests of `theory.nodes.micro`: batches dealt in every way against permutations, and the rule."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

from theory import laws, proof
from theory.equality import PROVED
from theory.evaluation import evaluate
from theory.law import Step
from theory.nodes.micro import RATIONAL, Apart, Dealt, Micro, Pooled
from theory.nodes.unit import a, gamma
from theory.notation import B, BatchSum, E, k, m, s, sigma, sigma_hat, x
from theory.world import Context

LAW = laws.load("norm.train.accumulation")
COLUMN = [Fraction(value) for value in (0, 1, 3, 5, 9)]


def world(size, count, design="wor"):
    return Context({"x": COLUMN}, design, {B: Fraction(size), k: Fraction(count)}, LAW.where)


def number(value):
    """Return an exact number as a float."""
    return float(value) if isinstance(value, Fraction) else sum(
        float(factor) * float(radicand) ** 0.5 for radicand, factor in value.terms.items())


def by_hand(size, count, f):
    """Average f(parts, whole) over every ordered draw of the whole batch, cut into consecutive parts."""
    found = []
    for order in itertools.permutations([float(value) for value in COLUMN], size * count):
        found.append(f(np.array(order).reshape(count, size), np.array(order)))
    return np.mean(found)


@pytest.mark.parametrize("size, count", [(2, 2), (1, 3), (1, 2)])
def test_dealt_against_permutations(size, count):
    square = Micro(BatchSum(x) ** 2 / B)
    assert number(evaluate(Dealt(square**2, k), world(size, count))) == pytest.approx(
        by_hand(size, count, lambda parts, _: (parts.sum(axis=1) ** 2 / size).mean() ** 2))
    mixed = Dealt(square * Pooled(BatchSum(x**3) / B), k)
    assert number(evaluate(mixed, world(size, count))) == pytest.approx(
        by_hand(size, count, lambda parts, whole: (parts.sum(axis=1) ** 2 / size).mean() * (whole**3).mean()))


def test_spreads_of_parts_and_of_the_whole():
    value = evaluate(Dealt(Micro(s) - Pooled(s), k), world(2, 2))
    assert number(value) == pytest.approx(by_hand(2, 2, lambda parts, whole: parts.std(axis=1).mean() - whole.std()))
    assert number(value) < 0


def test_independent_micro_batches():
    pool = [np.mean(pair) for pair in itertools.combinations([float(value) for value in COLUMN], 2)]
    value = evaluate(Apart(Micro(m) ** 2, k), world(2, 2))
    assert number(value) == pytest.approx(np.mean([((p + q) / 2) ** 2 for p in pool for q in pool]))
    with_replacement = evaluate(Apart(Micro(m) ** 2, k), world(1, 2, "wr"))
    singles = [float(value) for value in COLUMN]
    assert number(with_replacement) == pytest.approx(np.mean([((p + q) / 2) ** 2 for p in singles for q in singles]))


def test_outside_of_an_expectation_they_have_no_value():
    for node in (Micro(s), Pooled(s)):
        with pytest.raises(KeyError, match="outside"):
            evaluate(node, world(2, 2))


def test_populations_of_rational_standard_deviation():
    for column in RATIONAL:
        assert (2 * np.std(column) * len(column)) == pytest.approx(round(2 * np.std(column) * len(column)))


def checked(left, right):
    return proof.check_step(LAW, LAW.part("gap"), left, Step("separate micro-batches", right)).answer


def test_means_are_those_of_one_micro_batch():
    assert checked(Dealt(Micro(gamma - a * s), k), gamma - a * E(s, B)) == PROVED
    assert checked(Dealt(Micro(s), k), E(s, k * B)) != PROVED
    assert checked(Dealt(Micro(s), k), E(s, B) / k) != PROVED
    assert checked(Dealt(Micro(s) ** 2, k), E(s, B) ** 2) != PROVED  # dealt parts are not independent
    assert checked(Dealt(gamma * Micro(s) + 1, k), gamma * E(s, B) + 1) == PROVED


def test_independent_ones_have_no_covariance():
    right = (E(s**2, B) + (k - 1) * E(s, B) ** 2) / k
    assert checked(Apart(Micro(s) ** 2, k), right) == PROVED
    for wrong in (E(s**2, B), E(s**2, B) / k, (E(s**2, B) + k * E(s, B) ** 2) / k):
        assert checked(Apart(Micro(s) ** 2, k), wrong) != PROVED
    assert checked(Apart(Micro(s) ** 3, k), right) != PROVED


def test_constants_leave_the_whole_batch_unless_they_know_its_size():
    assert checked(Dealt(Pooled(gamma - a * s / sigma), k), gamma - a * Dealt(Pooled(s), k) / sigma) == PROVED
    assert checked(Dealt(Pooled(s / B), k), Dealt(Pooled(s), k) / B) != PROVED
    assert checked(Dealt(Pooled(sigma_hat * s), k), sigma_hat * Dealt(Pooled(s), k)) != PROVED
    assert checked(Dealt(Pooled(s), k), E(s, B)) != PROVED
    assert checked(Apart(Pooled(s), k), E(s, B)) != PROVED
    assert checked(Dealt(Micro(s) * Pooled(s), k), E(s, B) * Dealt(Pooled(s), k)) != PROVED
    assert checked(sp.S.One, sp.S.One) == PROVED
