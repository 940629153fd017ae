"""Numbers of the laws of Gaussian least squares."""

import math
from fractions import Fraction

import pytest

from theory import laws
from theory.domain import DomainError


def test_two_eigenvalues_and_single_examples():
    edge = laws.load("lms.stability").predict(B=1, h1=1, h2=2, d1=1, d2=1).value
    assert float(edge) == pytest.approx(4 / (9 + math.sqrt(17)), rel=1e-15)
    assert float(edge) == pytest.approx(0.30480589839889625, rel=1e-14)


def test_equal_eigenvalues_are_the_critical_batch_law():
    for size, d in [(1, 2), (3, 5), (10, 9)]:
        two = laws.load("lms.stability").predict(B=size, h1=2, h2=2, d1=1, d2=d - 1).value
        one = laws.load("lms.critical_batch").predict(B=size, h=2, d=d).value
        assert float(two) == pytest.approx(float(one))


def test_the_critical_batch():
    law = laws.load("lms.critical_batch")
    assert law.predict(B=1, h=1, d=99).value == Fraction(2, 101)
    assert law.predict(B=100, h=1, d=99).value == 1
    assert law.predict(part="scaled", B=100, k=2, d=99).value == Fraction(4, 3)


def test_the_best_rate_and_its_cost():
    law = laws.load("lms.best_rate")
    assert law.predict(part="attained", B=100, d=99).value == Fraction(1, 2)
    assert float(law.predict(part="cost", d=1).value) == pytest.approx(2 * math.log(1.5) / math.log(2))
    assert float(law.predict(part="cost", d=10**6).value) == pytest.approx(1 / math.log(2), rel=1e-5)
    assert float(law.predict(B=100, d=99, R=1024).value) == pytest.approx(10)


def test_one_step():
    law = laws.load("lms.contraction")
    assert law.predict(B=1, eta=Fraction(1, 2), h=1, d=1).value == Fraction(3, 4)  # E(1 - x^2/2)^2
    assert laws.load("lms.noise_scale").predict(B=1, h=1, d=9, sigma2=0, distance2=1).value == 10


def test_excess_risk():
    law = laws.load("lms.excess_risk")
    # One dimension, B = 1: m = (1 - 2 eta + 3 eta^2) m + eta^2, risk m/2.
    eta = Fraction(1, 4)
    assert law.predict(B=1, eta=eta, h=1, d=1, sigma2=1).value == eta**2 / (2 * eta - 3 * eta**2) / 2
    assert law.predict(part="any_spectrum", sigma2=1, chi=Fraction(1, 2)).value == Fraction(1, 2)
    with pytest.raises(DomainError, match="not stable"):
        law.predict(B=1, eta=1, h=1, d=3, sigma2=1)


def test_noise_is_loss_times_curvature():
    law = laws.load("noise.loss_curvature")
    assert law.predict(part="entry", B=2, L=3, G_a=1, G_b=2, H_ab=1).value == 4
    assert law.predict(L=Fraction(1, 2), G2=1, trH=10).value == 11  # d = 10, H = I, no label noise: d + 1
