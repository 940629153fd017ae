"""Tests of `theory.nodes.linear`: stationary moments are those that long chains reach, and the rule of balance."""

from dataclasses import replace
from fractions import Fraction
from itertools import product

import pytest
import sympy as sp

from theory import laws, proof
from theory.equality import PROVED
from theory.evaluation import evaluate
from theory.law import Step
from theory.nodes import linear
from theory.nodes.linear import BELOW_ONE, Coupled, h12
from theory.notation import B, e1, e2, eta, h1, h2
from theory.world import Context

LAW = laws.load("quadratic.trace")
VALUES = {B: Fraction(1), eta: Fraction(1, 2), h1: Fraction(1), h2: Fraction(3, 2), h12: Fraction(1, 2)}
WORLD = Context({q: [Fraction(v) for v in values] for q, values in (
    ("u", (3, -1, -2)), ("v", (1, 4, -5)), ("g", (0, 1, 2)))}, "wor", VALUES)


def moments(steps: int, start: tuple[float, float]) -> tuple[float, float, float]:
    """Second moments after all sequences of single-example steps, by a plain loop."""
    paths = []
    for sequence in product(range(3), repeat=steps):
        x, y = start
        for i in sequence:
            u, v = (float(WORLD.population[q][i]) for q in "uv")
            x, y = x - 0.5 * (x + 0.5 * y + u), y - 0.5 * (0.5 * x + 1.5 * y + v)
        paths.append((x * x, x * y, y * y))
    return tuple(sum(column) / len(paths) for column in zip(*paths, strict=True))


def test_stationary_moments_are_where_chains_from_any_start_go():
    settled = [float(evaluate(Coupled(f), WORLD)) for f in (e1**2, e1 * e2, e2**2)]
    near, far = moments(9, (0.0, 0.0)), moments(9, (2.0, -1.0))
    for a, b, c in zip(settled, near, far, strict=True):
        assert b == pytest.approx(a, rel=1e-2)
        assert c == pytest.approx(a, rel=1e-2)


def test_no_stationary_state_beyond_the_edge_or_of_a_cubic():
    with pytest.raises(ZeroDivisionError, match="contract"):
        evaluate(Coupled(e1**2), replace(WORLD, values={**VALUES, eta: Fraction(2)}))
    with pytest.raises(KeyError, match="quadratic"):
        evaluate(Coupled(e1**3), WORLD)


def test_points_with_weights_average_every_quadratic():
    known = tuple(map(Fraction, (1, 2, 5, 3, 7)))
    points = linear.expectation(known)
    monomials = (lambda x, y: x, lambda x, y: y, lambda x, y: x * x, lambda x, y: x * y, lambda x, y: y * y)
    assert tuple(sum(w * f(*p) for w, p in points) for f in monomials) == known
    assert sum(w for w, _ in points) == 1


def test_systems_without_one_solution_are_refused():
    with pytest.raises(ZeroDivisionError):
        linear.solve([[Fraction(1), Fraction(2)], [Fraction(2), Fraction(4)]], [Fraction(1), Fraction(2)])


@pytest.mark.parametrize("where", [
    {},
    {"function": (e1**2 + e2**2) / eta},
    {"function": (e1**2 + e2**2) / eta, "below_one": BELOW_ONE + eta},
    {"function": e1**2 + e2**2, "below_one": BELOW_ONE},
    {"function": e1**2 + e2**2 + 1, "over": eta, "below_one": BELOW_ONE},
    {"function": e1**2 + e2**2 + e1, "over": eta, "below_one": BELOW_ONE},
    {"function": e1**4, "over": eta, "below_one": BELOW_ONE},
    {"function": e1**2, "over": sp.S.Zero, "below_one": BELOW_ONE},
])
def test_the_balance_needs_the_right_function_and_a_chain_that_settles(where):
    part = LAW.part("distance")
    right = part.derivation[0]
    assert proof.check_step(LAW, part, part.lhs, right).answer == PROVED
    assert proof.check_step(LAW, part, part.lhs, Step("balance", right.expr, where=where)).answer != PROVED


def test_without_the_constraints_nothing_settles():
    part = LAW.part("distance")
    for left_out in range(1, 5):
        fewer = replace(LAW, constraints=[c for i, c in enumerate(LAW.constraints) if i != left_out])
        assert proof.check_step(fewer, part, part.lhs, part.derivation[0]).answer != PROVED
