"""Tests of `theory.jets` against known series."""

from fractions import Fraction

import pytest

from theory.jets import Jet

X = Jet([Fraction(0), Fraction(1), *[Fraction(0)] * 6])


def test_quotients_powers_and_functions():
    assert (1 / (1 - X)).terms == [Fraction(1)] * 8
    assert ((1 - X**2) / (1 - X)).terms[:4] == [1, 1, 0, 0]
    assert ((1 + X) ** 3).terms[:5] == [1, 3, 3, 1, 0]
    assert ((1 - X) ** -2).terms == [Fraction(k + 1) for k in range(8)]
    half = (1 + X).power(Fraction(1, 2), lambda one: one)
    assert (half * half).terms == (1 + X).terms
    logarithm = (1 + X).log(lambda one: Fraction(0))
    assert logarithm.terms[1:] == [Fraction((-1) ** (k + 1), k) for k in range(1, 8)]
    assert logarithm.exp(lambda zero: Fraction(1)) == 1 + X


def test_division_by_what_vanishes_costs_an_order():
    quotient = (1 - (1 - X) ** 3) / X
    assert [quotient[k] for k in range(-1, 4)] == [0, 3, -3, 1, 0]
    assert (quotient * (1 / X))[-1] == 3
    with pytest.raises(ZeroDivisionError, match="pole"):
        (1 / X).at(Fraction(1), 0)
    with pytest.raises(ZeroDivisionError, match="order 6"):
        quotient.at(Fraction(1), 7)
    assert quotient.at(Fraction(2), 1) == 3 - 6
