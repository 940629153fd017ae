"""Numbers of the laws of steps against examples."""

import math
from fractions import Fraction

import pytest

from theory import laws


def test_hyperbola():
    law = laws.load("tradeoff.hyperbola")
    assert law.predict(B=100, B_crit=100).value == 2
    assert law.predict(part="product").value == 1


@pytest.mark.parametrize("B", [1, 10, 100])
def test_the_hyperbola_is_off_by_a_twelfth_of_the_square_of_the_step(B):
    noise, goal = 10.0, math.log(100)

    def product(c):
        steps = -goal / math.log1p(-c / (1 + noise / B))
        return (steps / (-goal / math.log1p(-c)) - 1) * (B * steps / (goal * noise / c) - 1)

    for c in (0.2, 0.1, 0.05):
        predicted = float(laws.load("tradeoff.next_order").predict(part="product", c=c).value)
        assert abs(product(c) - predicted) < 0.1 * c**4


def test_the_third_term_of_the_steps():
    steps = laws.load("tradeoff.next_order").predict(B=10, B_noise=10, c=0.1, R=100).value / 0.1
    assert steps == pytest.approx(-math.log(100) / math.log1p(-0.05), rel=1e-5)


def test_greedy_steps():
    law = laws.load("tradeoff.greedy")
    assert float(law.predict(B=100, B_noise=100, R=1024).value) == pytest.approx(10)
    assert float(law.predict(part="at_noise_scale").value) == pytest.approx(1.4426950408889634)


def test_additive_noise_counts_examples():
    law = laws.load("tradeoff.additive")
    point = {"h": Fraction(1, 2), "sigma2": 4, "delta0": 2, "N": 64}
    small, large = (law.predict(B=b, t=t, design="wr", **point).value for b, t in ((2, 12), (8, 3)))
    assert small == large == 1 / (1 + Fraction(24, 4))
    small, large = (law.predict(B=b, t=t, design="wor", **point).value for b, t in ((2, 12), (8, 3)))
    assert large < small
