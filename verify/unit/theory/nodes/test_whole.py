"""Tests of `theory.nodes.whole`: one number outside, opened by one rule alone."""

from fractions import Fraction

import sympy as sp

from theory import laws, proof
from theory.equality import PROVED, equal
from theory.evaluation import evaluate
from theory.law import Step
from theory.nodes.bound import manifest
from theory.nodes.whole import Whole
from theory.world import Context

a, b = sp.symbols("a b", positive=True)
LAW = laws.load("noise_scale.optimum")


def test_it_is_the_number_and_opaque():
    world = Context({"x": [Fraction(1)]}, "wor", {a: Fraction(2), b: Fraction(3)})
    assert evaluate(Whole(a + b) ** 2, world) == 25
    assert equal(Whole(a + b), Whole(a + b)).answer == PROVED
    assert equal(Whole(a + b), a + b).answer != PROVED
    assert manifest(Whole(a * b**2))
    assert not manifest(Whole(a - b))


def test_writing_out():
    def check(left, right):
        return proof.check_step(LAW, LAW.parts[0], left, Step("write out", right)).answer

    assert check(Whole(a + b) ** 2, a**2 + 2 * a * b + b**2) == PROVED
    assert check(Whole(a + b) ** 2, a**2 + b**2) != PROVED
