"""Tests of `theory.tensors`: products contract one index, and what has no one meaning equals nothing."""

from fractions import Fraction

import pytest

from theory.jets import Jet
from theory.tensors import NONSENSE, Tensor

X, Y = (Tensor({(0,): Fraction(a), (1,): Fraction(b)}) for a, b in ((1, 2), (3, -1)))
H = Tensor.symmetric(2, 2, lambda k: Fraction(1 + sum(k)))  # [[1, 2], [2, 3]]
V = Tensor.symmetric(3, 2, lambda k: Fraction(sum(k)))


def test_products_contract():
    assert X * Y == 1
    assert X**2 == 5
    assert X * H == H * X == Tensor({(0,): Fraction(5), (1,): Fraction(8)})
    assert (V * X).rank == 2
    assert V * X * Y == V * Y * X


def test_sums_and_scaling():
    assert X + Y - Y == X
    assert 0 + X == X
    assert 0 * X == 0
    assert X - X == 0
    assert (Fraction(1, 2) * X) * 2 == X == 0 - (-X)
    assert X / 2 + X / 2 == X
    assert X != H
    assert str(H) == "(1, 2, 3)"
    assert len({X, X + 0}) == 1


def test_coefficients_of_series():
    series = Jet([X, Y])
    assert (H * series)[1] == H * Y
    assert (series + X)[0] == X + X


@pytest.mark.parametrize("wrong", [H * H, H + X, X + 1, X**3, H**2, 1 - H, (H * V) * X])
def test_what_has_no_meaning_equals_nothing(wrong):
    assert wrong is NONSENSE
    for value in (X, 0, wrong, wrong + X, X - wrong, 2 * wrong, -wrong / 3):
        assert wrong != value
    assert str(wrong) == "nonsense"
    assert Jet([X, H + X]) != Jet([X, H + X])
