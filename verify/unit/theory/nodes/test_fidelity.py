"""Tests of `theory.nodes.fidelity`: bounds on c_n = E s / sigma that hold at every size."""

import math

import pytest
import sympy as sp

from theory import laws, proof
from theory.equality import PROVED
from theory.law import Part, Step
from theory.nodes.chi import fidelity
from theory.notation import B, N

LAW = laws.load("norm.gap.gaussian")
TWO, THREE = LAW.part("lower").rhs, LAW.part("upper").rhs
GAP = 2 * (1 - fidelity(B))


def answer(relation, right, left=GAP):
    part = Part("bound", {"<=": sp.Le, ">=": sp.Ge}[relation](left, right, evaluate=False))
    return proof.check_step(LAW, part, left, Step("two entries more", right)).answer


def c(n):
    return math.sqrt(2 / n) * math.exp(math.lgamma(n / 2) - math.lgamma((n - 1) / 2))


@pytest.mark.parametrize("n", [2, 3, 4, 10, 100])
def test_the_steps_of_two(n):
    assert (c(n + 2) / c(n)) ** 2 == pytest.approx(n**3 / ((n + 2) * (n - 1) ** 2))
    assert c(n) * c(n + 1) == pytest.approx((n - 1) / math.sqrt(n * (n + 1)))


def test_bounds():
    assert answer(">=", TWO) == PROVED
    assert answer("<=", THREE) == PROVED
    assert answer("<=", 1 - sp.Rational(3, 4) / B, fidelity(B)) == PROVED
    assert answer(">=", (B - sp.Rational(5, 4)) / B, fidelity(B)) == PROVED


@pytest.mark.parametrize("relation, right", [
    (">=", THREE), ("<=", TWO), (">=", sp.Rational(3, 2) / B + sp.Rational(1, 2) / B**2),
    ("<=", sp.Rational(3, 2) / B), (">=", sp.S.Half),
    (">=", (N - 1) / N),
])
def test_wrong_bounds(relation, right):
    assert answer(relation, right) != PROVED


def test_other_lines():
    assert answer(">=", TWO, TWO) != PROVED  # no fidelity
    assert answer(">=", TWO, GAP**2) != PROVED  # not linear in it
    assert answer(">=", TWO, B * GAP) != PROVED  # the factor moves
