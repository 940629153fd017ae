"""Tests of `theory.nodes.remainder`: a cubic by hand, pieces by steps, kernels that are not Taylor's."""

from fractions import Fraction

import pytest
import sympy as sp

from theory import laws, proof
from theory.equality import PROVED
from theory.evaluation import evaluate
from theory.law import Step
from theory.nodes.remainder import AgainstThird, Excess, distance, lipschitz, place
from theory.world import Context

LAW = laws.load("flat.remainder")
PART = LAW.parts[0]
s, q = distance, place


def world(third, upto, start=(1, -2, 3)):
    values = {distance: Fraction(upto), lipschitz: Fraction(9)}
    return Context({"x": [Fraction(0)]}, "wor", values,
                   state={"third": [Fraction(c) for c in third], "start": tuple(map(Fraction, start))})


def test_a_cubic():
    assert evaluate(Excess(s), world([5], 2)) == Fraction(5 * 8, 6)


def test_two_pieces_by_hand():
    # f''' is 6 up to 1/3, then 0: f'' is 2 from there, f' 1/3 at 1/3, f 1/27
    w = Fraction(2, 3)
    assert evaluate(Excess(s), world([6, 0], 1)) == Fraction(1, 27) + w / 3 + w**2
    integral = AgainstThird((s - q) ** 2 / 2, q, s)
    assert evaluate(integral, world([6, 0], 1)) == evaluate(Excess(s), world([6, 0], 1))


@pytest.mark.parametrize("degree", range(6))
def test_integrals_of_powers(degree):
    upto = Fraction(7, 4)
    assert evaluate(AgainstThird(q**degree, q, s), world([2], upto)) == 2 * upto ** (degree + 1) / (degree + 1)


def check(left, rule, right):
    return proof.check_step(LAW, PART, left, Step(rule, right)).answer


def test_taylors_kernel_and_no_other():
    for kernel, answer in (((s - q) ** 2 / 2, PROVED), ((s - q) ** 2, "refuted"), ((s + q) ** 2 / 2, "refuted"),
                           ((s - q) ** 3 / 6, "refuted"), (s * (s - q) / 2, "refuted")):
        assert check(PART.lhs, "integral remainder", sp.Abs(AgainstThird(kernel, q, s))) == answer


def test_the_bound_needs_a_kernel_of_one_sign():
    kernel = (s - q) ** 2 / 2
    assert check(sp.Abs(AgainstThird(kernel, q, s)), "lipschitz", lipschitz * s**3 / 6) == PROVED
    assert check(sp.Abs(AgainstThird(kernel, q, s)), "lipschitz", lipschitz * s**3 / 12) != PROVED
    assert check(sp.Abs(AgainstThird(s - 2 * q, q, s)), "lipschitz", sp.S.Zero) != PROVED
    assert check(AgainstThird(kernel, q, s), "lipschitz", lipschitz * s**3 / 6) != PROVED
