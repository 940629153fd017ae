"""Tests of `theory.nodes.gauss`: expectations against direct enumeration, pairings, sums over coordinates."""

import itertools
import random
from fractions import Fraction

import pytest
import sympy as sp

from theory import laws, proof
from theory.equality import PROVED, equal
from theory.evaluation import evaluate
from theory.law import Step
from theory.nodes.gauss import CoordSum, Fresh, Largest, Moment, canonical, d, da, ha, res, worlds, xa
from theory.nodes.lms import AFTER
from theory.notation import B, BatchSum, PopMean, eta, sigma2

LAW = laws.load("lms.contraction")


def drawn(part, count=6):
    """Return a few worlds of a part of the contraction law, with few examples and small batches."""
    found = worlds(LAW, LAW.part(part), random.Random(5))
    small = (w for w in found if len(w.state["error"]) <= 2 and w.values[B] <= 2)
    return list(itertools.islice(small, count))


def squared_distance(world):
    """Expected squared distance after a step, over every sequence of examples, by hand."""
    size, step, error = int(world.values[B]), world.values[eta], world.state["error"]
    total = Fraction(0)
    for batch in itertools.product(world.state["examples"], repeat=size):
        chance, moved = Fraction(1), list(error)
        for p, x, noise in batch:
            chance *= p
            residual = sum(c * e for c, e in zip(x, error, strict=True)) - noise
            moved = [m - step * c * residual / size for m, c in zip(moved, x, strict=True)]
        total += chance * sum(m**2 for m in moved)
    return total


@pytest.mark.parametrize("part", ["step", "noisy", "factor"])
def test_a_step_is_what_an_enumeration_of_all_batches_gives(part):
    for world in drawn(part):
        assert evaluate(AFTER, world) == squared_distance(world)


def test_the_inputs_have_the_moments_of_a_gaussian():
    for world in drawn("step"):
        spectrum = world.state["spectrum"]
        assert sum(p for p, *_ in world.state["examples"]) == 1
        assert evaluate(Largest(ha), world) == max(spectrum)
        assert evaluate(CoordSum(Moment(xa**2)), world) == sum(spectrum)
        assert evaluate(CoordSum(Moment(xa**4)), world) == 3 * sum(h**2 for h in spectrum)
        assert evaluate(CoordSum(Moment(xa**3)), world) == 0
        assert evaluate(Moment(res**2), world) == sum(
            h * e**2 for h, e in zip(spectrum, world.state["error"], strict=True)) + world.values[sigma2]


def test_sums_over_coordinates_have_one_form():
    g = 1 + 1 / B
    both = CoordSum(ha / (2 - eta * ha * g)), (2 * CoordSum(1 / (2 - eta * ha * g)) - d) / (eta * g)
    assert equal(*(canonical(x) for x in both)).answer == PROVED
    assert equal(canonical(both[0]), canonical(both[1] + 1)).answer != PROVED
    nested = CoordSum((ha - 1) * da**2 * CoordSum(ha * da**2))
    apart = CoordSum(ha * da**2) * (CoordSum(ha * da**2) - CoordSum(da**2))
    assert equal(canonical(nested), canonical(apart)).answer == PROVED
    with pytest.raises(ValueError, match="polynomial"):
        canonical(CoordSum(1 / da))


@pytest.mark.parametrize("body, value", [
    (BatchSum(xa * res) ** 2, B * (Moment(xa**2) * Moment(res**2) + 2 * Moment(xa * res) ** 2)
     + B * (B - 1) * Moment(xa * res) ** 2),
    (BatchSum(xa), sp.S.Zero),
    (BatchSum(xa**4), 3 * B * Moment(xa**2) ** 2),
])
def test_pairings(body, value):
    part = LAW.part("step")
    assert proof.check_step(LAW, part, Fresh(body, B), Step("isserlis", value)).answer == PROVED
    assert proof.check_step(LAW, part, Fresh(body, B), Step("isserlis", value + Moment(xa**2))).answer != PROVED


def test_what_no_pairing_says_is_refused():
    part = LAW.part("step")
    for body in (BatchSum(res**4), BatchSum(PopMean(xa) * res)):  # the label noise need not be Gaussian
        claim = Step("isserlis", 3 * B * Moment(res**2) ** 2)
        assert proof.check_step(LAW, part, Fresh(body, B), claim).answer != PROVED
    assert proof.check_step(LAW, part, Moment(xa**4), Step("eigenbasis", 3 * ha**2)).answer != PROVED
    assert proof.check_step(LAW, part, CoordSum(ha), Step("spectrum", d * ha)).answer != PROVED
