"""Tests of `theory.nodes.spheres`: normalized Gaussian groups by simulation, and the rules."""

from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

from theory import laws, proof
from theory.equality import PROVED
from theory.evaluation import evaluate
from theory.law import Part, Step
from theory.nodes.spheres import Below, Output, SphereMean, w, xhat, z
from theory.notation import B, k
from theory.world import Context

LAW = laws.load("norm.out.sphere")


def number(node, **values):
    """Evaluate a node as a float."""
    letters = {"B": B, "k": k, "w": w}
    world = Context({"x": [Fraction(0)]}, "wr", {letters[name]: Fraction(v) for name, v in values.items()})
    found = evaluate(node, world)
    return float(found) if isinstance(found, Fraction) else float(found.value.mid())


@pytest.mark.parametrize("n", [2, 3, 4, 5, 8])
def test_outputs_of_simulated_groups(n):
    """100000 groups, five standard errors: false alarms below one in a million each."""
    x = np.random.default_rng(n).normal(size=(100_000, n))
    out = ((x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True))[:, 0]
    for body, values in [(xhat**2, out**2), (xhat**4, out**4), (xhat**3, out**3)]:
        error = values.std() / np.sqrt(len(values)) + 1e-12
        assert abs(values.mean() - number(Output(body, B), B=n)) < 5 * error
    for place in (Fraction(-1, 2), Fraction(1, 4)):
        share = (out <= float(place) * np.sqrt(n - 1)).mean()
        assert abs(share - number(Below(w, B), B=n, w=place)) < 5 * 0.5 / np.sqrt(len(out))


def test_coordinates_have_mean_square_one_over_the_dimension():
    for d in (1, 2, 3, 6):
        assert number(SphereMean(z**2, sp.Integer(d))) == pytest.approx(1 / d)


def checked(rule, left, right, part="moment"):
    return proof.check_step(LAW, LAW.part(part), left, Step(rule, right)).answer


def test_direction_and_beta():
    assert checked("direction", Output(xhat**2, B), (B - 1) * SphereMean(z**2, B - 1)) == PROVED
    assert checked("direction", Output(xhat**2, B), (B - 1) * SphereMean(z**2, B)) != PROVED
    assert checked("direction", Output(xhat**2, B), B * SphereMean(z**2, B - 1)) != PROVED
    assert checked("beta integral", SphereMean(z**4, B - 1), 3 / ((B - 1) * (B + 1))) == PROVED
    assert checked("beta integral", SphereMean(z**4, B - 1), 3 / ((B - 1) * B)) != PROVED
    assert checked("beta integral", SphereMean(z**3, B - 1), sp.S.Zero) == PROVED


def chance(n, value):
    """Return the answer to a claimed distribution function."""
    left = Below(w, sp.Integer(n))
    part = Part("chance", sp.Eq(left, value, evaluate=False))
    return proof.check_step(LAW, part, left, Step("antiderivative", value)).answer


def test_distribution_functions():
    half = sp.Rational(1, 2)
    assert chance(6, half + (3 * w - w**3) / 4) == PROVED
    assert chance(4, (1 + w) / 2) == PROVED
    assert chance(5, (1 + w) / 2) != PROVED
    assert chance(4, w / 2) != PROVED
    assert chance(3, half + sp.asin(w) / (2 * sp.pi)) != PROVED
    assert chance(2, (1 + w) / 2) != PROVED
