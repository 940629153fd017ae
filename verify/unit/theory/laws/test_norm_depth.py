"""Numbers of the laws on depth, and their domains."""

import math

import numpy as np
import pytest
from scipy import special, stats

from theory import laws
from theory.domain import DomainError


def value(law: str, part: str = "", **inputs) -> float:
    return float(laws.load(f"norm.depth.{law}").predict(part=part, **inputs).value)


def test_one_rectifier():
    assert value("distortion", sigma=1) == pytest.approx(0.3408, abs=1e-4)
    assert value("distortion", "mean", sigma=1) == pytest.approx(0.3989, abs=1e-4)


@pytest.mark.parametrize(("size", "rate"), [(4, 3.08), (8, 1.788), (16, 1.590), (64, 1.493), (10**6, 1.4669)])
def test_growth_behind_batchnorm(size, rate):
    assert value("bn_explosion", B=size) == pytest.approx(rate, abs=5e-3 if size == 4 else 6e-4)


def test_growth_is_infinite_up_to_three_examples():
    with pytest.raises(DomainError, match="infinite for B <= 3"):
        value("bn_explosion", B=3)


def test_tanh_by_quadrature():
    z = np.linspace(-12, 12, 240001)
    weight = np.exp(-(z**2) / 2) / np.exp(-(z**2) / 2).sum()
    rate = (weight / np.cosh(z) ** 4).sum() / (weight * np.tanh(z) ** 2).sum()
    assert rate == pytest.approx(1.178, abs=5e-4)


def test_correlations_creep_to_one():
    assert value("relu_recursion", "correlation", q=1, sigma_w2=2, sigma_b2=0, c=0) == pytest.approx(1 / math.pi)
    angle = math.pi / 2
    for _ in range(20_000):
        angle = math.acos((math.sin(angle) + (math.pi - angle) * math.cos(angle)) / math.pi) if angle > 0.01 else (
            angle - angle**2 / (3 * math.pi))
    assert (1 - math.cos(angle)) * 20_000**2 == pytest.approx(9 * math.pi**2 / 2, rel=0.02)


def test_spread_of_finite_width():
    assert value("log_width", n=64, L=30, sigma_w2=2) == pytest.approx((1 + 5 / 64) ** 30)
    assert value("log_width", "dead", n=4, L=10) == pytest.approx(1 - (15 / 16) ** 10)


@pytest.mark.parametrize("width", [64, 256, 1024])
def test_the_logarithm_drifts_and_spreads_as_in_the_words(width):
    """A layer's ratio is (2/n) chi-square with K open units; given K the logarithm has mean psi(K/2) + ln(4/n)."""
    k = np.arange(1, width + 1)
    chance = stats.binom.pmf(k, width, 0.5)
    mean = special.psi(k / 2) + math.log(4 / width)
    drift = (chance * mean).sum()
    spread = (chance * (special.polygamma(1, k / 2) + mean**2)).sum() - drift**2
    assert drift == pytest.approx(-5 / (2 * width), rel=12 / width)
    assert spread == pytest.approx(5 / width, rel=12 / width)
