"""Tests of `theory.nodes.dichotomies`: counts against linear programs, the rules of Cover's recursion."""

import itertools
import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
from scipy.optimize import linprog

from theory import laws, proof
from theory.equality import PROVED
from theory.law import Step
from theory.nodes.dichotomies import BehindLayer, BinomialSum, Cells, P, Raw, count_cells, d, pascal_rule, r

LAW = laws.load("norm.capacity.cover")
POINTS = np.random.default_rng(3).integers(-9, 9, (6, 3))


def separable(vectors):
    """Count labelings by linear programs: y_i (w v_i) >= 1 for some w."""
    count = 0
    for signs in itertools.product((1, -1), repeat=len(vectors)):
        rows = -np.array(signs)[:, None] * vectors
        found = linprog(np.zeros(vectors.shape[1]), A_ub=rows, b_ub=-np.ones(len(vectors)), bounds=(None, None))
        count += found.status == 0
    return count


def exact(vectors):
    return [tuple(Fraction(int(v)) for v in row) for row in vectors]


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_counts_are_those_of_linear_programs(dimension):
    points = POINTS[:, :dimension]
    lifted = np.hstack([points, np.ones((6, 1), int)])
    assert count_cells(exact(lifted)) == separable(lifted) == 2 * sum(math.comb(5, k) for k in range(dimension + 1))


def test_behind_layer_norm_one_dimension_is_lost():
    centered = 3 * POINTS - POINTS.sum(1, keepdims=True)
    outputs = centered / np.sqrt((centered**2).mean(1, keepdims=True))
    assert separable(np.hstack([outputs, np.ones((6, 1))])) == 32
    rms = POINTS / np.sqrt((POINTS**2).mean(1, keepdims=True))
    assert separable(np.hstack([rms, np.ones((6, 1))])) == 52
    assert separable(np.hstack([POINTS, np.ones((6, 1))])) == 52


def test_dependent_points_are_refused():
    with pytest.raises(ZeroDivisionError, match="general position"):
        count_cells(exact(np.array([[1, 0], [2, 0], [0, 1]])))
    with pytest.raises(ZeroDivisionError, match="zero"):
        count_cells(exact(np.zeros((2, 2))))


def test_sums_of_binomials():
    assert BinomialSum(5, 2) == 16
    assert BinomialSum(0, 3) == 1
    compiled = sp.lambdify([P, r], BinomialSum(P - 1, r), modules=["scipy", "numpy"])
    assert compiled(6.0, 2.0) == pytest.approx(16)


@pytest.mark.parametrize("claim, good", [
    (2 * BinomialSum(P - 1, r - 1), True),
    (2 * BinomialSum(P - 1, r), False),
    (2 * BinomialSum(P, r - 1), False),
    (3 * BinomialSum(P - 1, r - 1), False),
    (2 * BinomialSum(P - 1, r - 1) + P - 1, False),
])
def test_the_recursion_has_one_solution(claim, good):
    assert pascal_rule().answer == PROVED
    part = LAW.part("cells")
    assert (proof.check_step(LAW, part, part.lhs, Step("recursion", claim)).answer == PROVED) == good


def test_the_closed_form_needs_the_recursion():
    part = LAW.part("cells")
    alone = replace(LAW, parts=(part,))
    assert proof.check_step(alone, part, part.lhs, part.derivation[0]).answer != PROVED


@pytest.mark.parametrize("rule, left, right, good", [
    ("homogeneous dichotomies", Raw(P, d), Cells(P, d + 1), True),
    ("homogeneous dichotomies", Raw(P, d), Cells(P, d), False),
    ("homogeneous dichotomies", BehindLayer(P, d), Cells(P, d), True),
    ("homogeneous dichotomies", BehindLayer(P, d), Cells(P, d + 1), False),
    ("half row", BinomialSum(2 * d - 1, d - 1), sp.Integer(2) ** (2 * d - 2), True),
    ("half row", BinomialSum(2 * d, d), sp.Integer(2) ** (2 * d - 1), False),
    ("extend", Cells(P, r), Cells(P - 1, r) + Cells(P - 1, r), False),
])
def test_rules(rule, left, right, good):
    assert (proof.check_step(LAW, LAW.part("raw"), left, Step(rule, right)).answer == PROVED) == good
