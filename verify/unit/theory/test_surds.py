"""Sums of square roots: exact arithmetic against floats and against hand values."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory.surds import Surd, root

numbers = st.builds(lambda a, b, c, k: root(Fraction(k)) * c + Fraction(a, b),
                    st.integers(-9, 9), st.integers(1, 9), st.integers(-5, 5), st.integers(0, 30))


def real(surd: Surd) -> float:
    return math.fsum(float(c) * math.sqrt(k) for k, c in surd.terms.items())


@given(numbers, numbers, numbers)
def test_ring_laws_are_exact(a, b, c):
    assert (a + b) * c == a * c + b * c
    assert a - a == 0
    assert (a * b) * c == a * (b * c)


@given(numbers, numbers)
def test_values_agree_with_floats(a, b):
    scale = 1 + abs(real(a)) + abs(real(b)) + abs(real(a) * real(b))
    # Eight operations of unit roundoff on numbers of this size.
    assert abs(real(a * b) - real(a) * real(b)) <= 64 * 2.0**-53 * scale * scale
    assert abs(real(a + b) - real(a) - real(b)) <= 64 * 2.0**-53 * scale


@given(numbers)
def test_inverses_multiply_to_one(a):
    if a == 0:
        with pytest.raises(ZeroDivisionError):
            a**-1
    else:
        assert a * a**-1 == 1
        assert 1 / a == a**-1


def test_normal_form_pulls_out_squares():
    assert root(Fraction(8)) == 2 * root(Fraction(2))
    assert root(Fraction(1, 2)) == root(Fraction(2)) / 2
    assert root(Fraction(9, 4)) == Fraction(3, 2)
    assert root(Fraction(2)) * root(Fraction(8)) == 4
    assert root(Fraction(2)) != root(Fraction(3))
    assert str(root(Fraction(0))) == "0"
    assert hash(root(Fraction(8))) == hash(2 * root(Fraction(2)))
    with pytest.raises(ValueError, match="not real"):
        root(Fraction(-1))
