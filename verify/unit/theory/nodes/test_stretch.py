"""Tests of `theory.nodes.stretch`: the spectral radius against NumPy, and the rule of positive maps."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

from theory import laws, proof
from theory.equality import PROVED
from theory.evaluation import evaluate
from theory.law import Step
from theory.nodes.stretch import SpectralRadius, stretch, y1, y2
from theory.notation import B, eta
from theory.world import Context

NESTED = laws.load("stability.nested")
COLUMNS = {"u": [1, 4, 2], "v": [0, -1, 3], "w": [5, 1, 2]}


def world(size: int) -> Context:
    return Context({k: [Fraction(x) for x in v] for k, v in COLUMNS.items()}, "wor", {
        B: Fraction(size), eta: Fraction(1, 2), y1: Fraction(2), y2: Fraction(-3)})


def steps(size: int) -> list[np.ndarray]:
    found = []
    for batch in itertools.combinations(range(3), size):
        u, v, w = (sum(COLUMNS[k][i] for i in batch) / size for k in "uvw")
        found.append(np.eye(2) - 0.5 * np.array([[u, v], [v, w]]))
    return found


@pytest.mark.parametrize("size", [1, 2, 3])
def test_the_radius_and_the_stretch_are_those_of_the_kronecker_matrix(size):
    operator = np.mean([np.kron(a, a) for a in steps(size)], axis=0)
    found = evaluate(SpectralRadius(B), world(size))
    assert abs(float(str(found).split()[0].strip("[")) - np.abs(np.linalg.eigvals(operator)).max()) < 1e-9
    y, x = np.array([2.0, -3.0]), np.array([1.0, 0.0])
    direct = np.mean([(y @ a @ x) ** 2 for a in steps(size)])
    assert abs(float(evaluate(stretch(B), world(size))) - direct) < 1e-9


def test_radii_are_ordered_only_by_the_part_that_orders_the_maps():
    part, order = NESTED.part("radius"), {"part": sp.Symbol("order")}

    def check(left: sp.Basic, right: sp.Basic, where: dict[str, sp.Basic]) -> str:
        return proof.check_step(NESTED, part, left, Step("positive maps", right, where=where)).answer

    smaller, larger = SpectralRadius(B + 1), SpectralRadius(B)
    assert check(smaller, larger, order) == PROVED
    assert check(larger, smaller, order) != PROVED
    assert check(smaller, larger, {}) != PROVED
    assert check(smaller, larger, {"part": sp.Symbol("congruence")}) != PROVED
    assert check(SpectralRadius(B + 2), larger, order) != PROVED
    assert proof.replay(NESTED, points=1).axioms
