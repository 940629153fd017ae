"""Tests of `theory.balls`: exact where it must be, unequal where numbers differ, undecided where it cannot know."""

from fractions import Fraction

import flint
import pytest

from theory.balls import Ball, Undecided, ball, elementary
from theory.surds import root


def test_a_square_root_and_its_ball_agree_and_a_neighbor_does_not():
    two = ball(root(Fraction(2)))
    assert two * two == 2
    assert two**2 != Fraction(2) + Fraction(1, 10**38)
    assert two < Fraction(3, 2) < ball(Fraction(3, 2)) + Fraction(1, 10**30)


def test_functions_keep_their_identities():
    a, b = Fraction(3, 7), Fraction(5, 2)
    assert elementary("log", a) + elementary("log", b) == elementary("log", a * b)
    assert elementary("exp", elementary("log", a)) == a
    assert ball(a) ** b == elementary("exp", b * elementary("log", a))
    assert elementary("gamma", a + 1) == a * elementary("gamma", a)
    assert 1 / ball(a) == Fraction(7, 3)
    assert 2 - ball(a) == Fraction(11, 7)
    assert abs(ball(-a)) == a


def test_what_has_no_finite_value_is_refused():
    with pytest.raises(ZeroDivisionError):
        elementary("log", 0)
    with pytest.raises(ZeroDivisionError):
        1 / (ball(root(Fraction(2))) ** 2 - 2)
    with pytest.raises(ValueError, match="real"):
        ball(-2) ** Fraction(1, 2)


def test_wide_balls_are_not_called_equal():
    wide = Ball(flint.arb(1, 0.25))
    with pytest.raises(Undecided):
        bool(wide == 1)
    assert wide < 2


def test_powers_of_a_ball_around_zero_are_finite():
    around = Ball(flint.arb("0 +/- 1e-50"))
    for power in (1, 2, 5):
        assert (around**power).value.is_finite() and around**power == 0
