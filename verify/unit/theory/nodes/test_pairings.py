"""Tests of `theory.nodes.correlated` and `theory.nodes.pairings` against matrices of floats and simulations."""

import itertools
import random

import numpy as np
import pytest
import sympy as sp

from theory import laws, proof
from theory.equality import PROVED
from theory.evaluation import evaluate
from theory.law import Step
from theory.nodes.correlated import Centered, CenteredForm, Correlated, Form, Sigma, Trace, means, ones
from theory.nodes.pairings import _wick
from theory.notation import m, n, s
from theory.registry import WORLDS

LAW = laws.load("norm.stat.group_heterogeneous")


def drawn(part="spread", count=4):
    """Return a few worlds with their covariance matrix and means as floats."""
    found = []
    for world in itertools.islice(WORLDS[Correlated](LAW, LAW.part(part), random.Random(3)), count):
        mixing = np.array(world.state["mixing"], dtype=float)
        half = float(world.state["half"])
        found.append((world, mixing @ mixing.T * half**2 / 3, np.array(world.state["means"], dtype=float)))
    return found


def test_traces_and_forms_are_those_of_the_matrix():
    for world, sigma, mu in drawn():
        size = len(mu)
        h, e = np.eye(size) - 1 / size, np.ones(size)
        for node, value in [
            (Trace(Sigma, 2), np.trace(sigma @ sigma)), (Form(ones, Sigma, 2, ones), e @ sigma @ sigma @ e),
            (Form(means, Sigma, 1, ones), mu @ sigma @ e), (Form(means, Sigma, 0, means), mu @ mu),
            (Centered(Sigma, 2), np.trace(h @ sigma @ h @ sigma)), (CenteredForm(Sigma), mu @ h @ sigma @ h @ mu),
        ]:
            assert float(evaluate(node, world)) == pytest.approx(value, abs=1e-9)


def test_moments_are_those_of_a_gaussian_group():
    """200000 draws, five standard errors: false alarms below one in a million each."""
    rng = np.random.default_rng(5)
    for world, sigma, mu in drawn(count=2):
        x = rng.multivariate_normal(mu, sigma, size=200_000)
        v, mean = x.var(axis=1), x.mean(axis=1)
        for body, values in [(s**2, v), (s**4, v**2), (m**2 * s**2, mean**2 * v), (m**3, mean**3)]:
            error = values.std() / np.sqrt(len(values)) + 1e-12
            assert abs(values.mean() - float(evaluate(Correlated(body), world))) < 5 * error


def test_powers_that_three_points_do_not_know():
    world, *_ = drawn(count=1)[0]
    with pytest.raises(KeyError, match="up to the fifth"):
        evaluate(Correlated(s**6), world)


def test_pairings():
    tr = [Trace(Sigma, k) for k in (1, 2)]
    one = Form(ones, Sigma, 1, ones)
    start = Form(ones, Sigma, 0, means)
    assert sp.expand(_wick(0, 4) - 3 * one**2 - 6 * one * start**2 - start**4) == 0
    own = Form(means, Sigma, 0, means)
    assert sp.expand(_wick(2, 0) - (tr[0] + own) ** 2 - 2 * tr[1] - 4 * Form(means, Sigma, 1, means)) == 0


def checked(right):
    """Return the answer to a line on the variance of v around its mean."""
    part = LAW.part("mean")
    return proof.check_step(LAW, part, part.lhs, Step("pairings", right)).answer


def test_the_rule_proves_the_mean_and_no_variant():
    inside = (Trace(Sigma, 1) - Form(ones, Sigma, 1, ones) / n) / n
    between = Form(means, Sigma, 0, means) / n - (Form(ones, Sigma, 0, means) / n) ** 2
    assert checked(inside + between) == PROVED
    assert checked(inside) != PROVED
    assert checked(inside - between) != PROVED
    assert checked(inside + between + 1 / n) != PROVED
