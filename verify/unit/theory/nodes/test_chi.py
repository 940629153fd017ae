"""Tests of `theory.nodes.chi`: quadrature against enumerations and simulations, existence, the rules."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

from theory import laws, proof
from theory.equality import PROVED
from theory.evaluation import evaluate
from theory.law import Step
from theory.nodes.chi import ChiMean, GaussianMean, c, fidelity
from theory.nodes.gammas import GammaRatio
from theory.notation import B, m, mu, s, sigma
from theory.world import Context

LAW = laws.load("norm.stat.inv_std_moments")


def world(n, spread=Fraction(3, 2), center=Fraction(1)):
    """Return a Gaussian group."""
    return Context({"x": [Fraction(0), Fraction(1)]}, "wr", {B: Fraction(n), sigma: spread, mu: center})


@pytest.mark.parametrize("n", [2, 3, 4])
def test_polynomials_against_every_group_of_a_population_with_a_gaussians_moments(n):
    """Three points -q, 0, q with weights 1/6, 2/3, 1/6 have a Gaussian's moments up to the fifth."""
    q, found = 1.5 * math.sqrt(3), {"v": 0.0, "v2": 0.0, "m2v": 0.0}
    for signs in itertools.product((-1, 0, 1), repeat=n):
        chance = math.prod(2 / 3 if sign == 0 else 1 / 6 for sign in signs)
        x = [1 + q * sign for sign in signs]
        mean = sum(x) / n
        v = sum((a - mean) ** 2 for a in x) / n
        found["v"] += chance * v
        found["v2"] += chance * v**2
        found["m2v"] += chance * mean**2 * v
    for body, key in [(s**2, "v"), (s**4, "v2"), (m**2 * s**2, "m2v")]:
        assert float(evaluate(GaussianMean(body, B), world(n)).value.mid()) == pytest.approx(found[key], rel=1e-12)


def test_other_functions_against_a_simulation():
    """20000 groups of six: five standard errors, false alarms below one in a million each."""
    x = np.random.default_rng(7).normal(1, 1.5, (20_000, 6))
    spread = x.std(axis=1)
    for body, values in [(s, spread), (1 / s, 1 / spread), (sp.log(s**2), 2 * np.log(spread)),
                         (s ** sp.Rational(5, 2), spread**2.5), (1 / sp.sqrt(s**2 + 1), 1 / np.sqrt(spread**2 + 1))]:
        exact = float(evaluate(GaussianMean(body, B), world(6)).value.mid())
        assert abs(values.mean() - exact) < 5 * values.std() / math.sqrt(len(values))


@pytest.mark.parametrize("n, power, there", [(3, -2, False), (4, -2, True), (2, -1, False), (3, -1, True)])
def test_means_that_do_not_exist(n, power, there):
    if there:
        assert evaluate(GaussianMean(s**power, B), world(n)) > 0
        return
    with pytest.raises(ZeroDivisionError, match="does not exist"):
        evaluate(GaussianMean(s**power, B), world(n))


def test_a_single_entry_has_no_spread():
    with pytest.raises(ZeroDivisionError):
        evaluate(GaussianMean(s, B), world(1))


@pytest.mark.parametrize("n, value", [(2, 0.5642), (3, 0.7236), (4, 0.7979), (8, 0.9027), (16, 0.9523), (256, 0.9971)])
def test_fidelity(n, value):
    assert float(fidelity(sp.Integer(n)).evalf()) == pytest.approx(value, abs=5e-5)


def checked(rule, left, right):
    """Return the answer to one step in the law on moments of s."""
    return proof.check_step(LAW, LAW.part("fidelity"), left, Step(rule, right)).answer


def test_rotation():
    left = GaussianMean(s**2, B)
    assert checked("helmert", left, sigma**2 / B * ChiMean(c, B - 1)) == PROVED
    assert checked("helmert", left, sigma**2 / B * ChiMean(c, B)) != PROVED
    assert checked("helmert", left, sigma / B * ChiMean(c, B - 1)) != PROVED
    both = GaussianMean((m - mu) ** 2 * s, B)
    assert checked("helmert", both, sigma**2 / B * sigma * ChiMean(sp.sqrt(c), B - 1) / sp.sqrt(B)) == PROVED


def test_integral():
    assert checked("gamma integral", ChiMean(c, B - 1), B - 1) == PROVED
    assert checked("gamma integral", ChiMean(c**2, B - 1), (B - 1) * (B + 1)) == PROVED
    assert checked("gamma integral", ChiMean(c**2, B - 1), (B - 1) ** 2) != PROVED
    assert checked("gamma integral", ChiMean(sp.log(c), B - 1), sp.polygamma(0, (B - 1) / 2) + sp.log(2)) == PROVED
    # E[1/c] exists from 3 degrees on; the domain starts at 1.
    assert checked("gamma integral", ChiMean(1 / c, B - 1), 1 / (B - 3)) != PROVED
    assert checked("gamma integral", ChiMean(sp.exp(c), B - 1), GammaRatio(B, 1)) != PROVED
