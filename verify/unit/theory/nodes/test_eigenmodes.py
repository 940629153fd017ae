"""Tests of `theory.nodes.eigenmodes`: sums and largest values, and which bounds follow from them."""

from dataclasses import replace
from fractions import Fraction

import sympy as sp

from theory import laws, oracle, proof
from theory.equality import PROVED
from theory.evaluation import evaluate
from theory.law import Step
from theory.nodes.eigenmodes import Greatest, ModeSum
from theory.notation import u, v, x
from theory.world import Context

LAW = laws.load("flat.worst_shift")
PART = LAW.part("bound")


def world(curvatures, shift):
    columns = {"u": [Fraction(a) for a in curvatures], "x": [Fraction(a) for a in shift]}
    return Context(columns, "wor", {}, LAW.where)


def test_meanings():
    here = world([1, 3, 2], [2, 0, 5])
    assert evaluate(ModeSum(u * x**2), here) == 4 + 50
    assert evaluate(Greatest(u * x), here) == 10


def test_only_the_sharpest_mode_attains_the_bound():
    assert oracle.compare(LAW, PART, world([1, 3], [0, 2])).tight
    off = oracle.compare(LAW, PART, world([1, 3], [1, 2]))
    assert off.equal
    assert not off.tight


def check(left, rule, right, part=PART):
    return proof.check_step(LAW, part, left, Step(rule, right)).answer


def test_the_largest_value_bounds_nonnegative_weights_only():
    top = Greatest(u)
    assert check(ModeSum(u * x**2), "largest", top * ModeSum(x**2)) == PROVED
    assert check(ModeSum(u * x), "largest", top * ModeSum(x)) != PROVED
    assert check(ModeSum(u * x**2), "largest", Greatest(v) * ModeSum(x**2)) != PROVED
    assert check(ModeSum(u * x**2), "largest", top * ModeSum(x**2) / 2) != PROVED
    assert check(ModeSum(v * x**2), "largest", top * ModeSum(x**2)) != PROVED
    turned = replace(PART, statement=sp.Ge(PART.lhs, PART.rhs, evaluate=False))
    assert check(ModeSum(u * x**2), "largest", top * ModeSum(x**2), turned) != PROVED


def test_common_factors():
    c, n = sp.Symbol("c", nonnegative=True), sp.Symbol("n0", real=True)
    assert check(ModeSum(3 * x**2), "common factor", 3 * ModeSum(x**2)) == PROVED
    assert check(Greatest(c * u), "scale", c * Greatest(u)) == PROVED
    assert check(Greatest(n * u), "scale", n * Greatest(u)) != PROVED
