"""Numbers of the laws on what a normalization layer puts out, and simulations of the distributions they name.

Kolmogorov-Smirnov tests of true laws fail below 1e-9, once in a billion runs; those of wrong ones must fall below 1e-6.
"""

from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from theory import laws
from theory.domain import DomainError

SPHERE, NOISE, SHARE, EPS, PAIR, LARGEST, LINKED = (laws.load(f"norm.out.{name}") for name in (
    "sphere", "peer_noise", "noise_fraction", "eps", "degenerate", "samuelson", "exchangeable"))
FAILS, REJECTS = 1e-9, 1e-6


def outputs(n, count=50_000, first=None):
    """Return first outputs of simulated Gaussian groups, the first entry given or drawn."""
    x = np.random.default_rng(n).normal(size=(count, n))
    if first is not None:
        x[:, 0] = first
    return ((x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True))[:, 0], x


@pytest.mark.parametrize("n", [3, 4, 5, 8])
def test_student_of_the_outputs(n):
    """x sqrt((n-2)/(n-1-x^2)) has Student's law with n - 2 degrees, not one fewer or more, and x is not normal."""
    out, _ = outputs(n, 600_000)
    t = out * np.sqrt((n - 2) / (n - 1 - out**2))
    assert stats.kstest(t, stats.t(n - 2).cdf).pvalue > FAILS
    assert stats.kstest(t, stats.t(n - 1).cdf).pvalue < REJECTS
    assert n == 3 or stats.kstest(t, stats.t(n - 3).cdf).pvalue < REJECTS
    assert stats.kstest(out, stats.norm.cdf).pvalue < REJECTS


@pytest.mark.parametrize("part, n", [("arcsine", 3), ("uniform", 4), ("semicircle", 5)])
def test_named_laws(part, n):
    out, _ = outputs(n)
    places = out / np.sqrt(n - 1)
    cdf = stats.kstest(np.clip(places, -1 + 1e-12, 1 - 1e-12), lambda w: SPHERE.predict(part=part, w=w).value)
    assert cdf.pvalue > FAILS


def test_moments_on_the_sphere():
    assert SPHERE.predict(B=4, k=2).value == Fraction(9, 5)  # uniform on [-sqrt 3, sqrt 3]
    assert SPHERE.predict(B=5, k=2).value == 2  # semicircle of radius 2
    assert SPHERE.predict(part="kurtosis", B=5).value == -1
    assert SPHERE.predict(part="coin", w=Fraction(1, 3)).value == Fraction(1, 2)
    with pytest.raises(DomainError, match="beyond sqrt"):
        SPHERE.predict(part="uniform", w=1)


@pytest.mark.parametrize("n, z", [(4, 1.0), (8, -1.5)])
def test_given_the_input_the_output_is_a_map_of_a_noncentral_t(n, z):
    out, x = outputs(n, 100_000, first=z)
    peers = x[:, 1:]
    t = np.sqrt(n - 1) * (z - peers.mean(axis=1)) / peers.std(axis=1, ddof=1)
    assert np.allclose(out**2, NOISE.predict(B=n, T=t).value)
    assert np.all(out * t >= 0)
    assert stats.kstest(t, stats.nct(n - 2, np.sqrt(n - 1) * z).cdf).pvalue > FAILS
    assert stats.kstest(t, stats.nct(n - 1, np.sqrt(n - 1) * z).cdf).pvalue < REJECTS
    assert stats.kstest(t, stats.nct(n - 2, np.sqrt(n) * z).cdf).pvalue < REJECTS


def test_moments_of_a_noncentral_t():
    for part, order in (("t_mean", 1), ("t_square", 2)):
        value = float(NOISE.predict(part=part, n=9, z=1.5).value)
        assert value == pytest.approx(stats.nct(8, 3 * 1.5).moment(order))


def test_the_expansion_meets_large_batches_of_exponential_activations():
    """100000 batches of 64, own deviation 1: to first order, five standard errors and a tenth of the effect."""
    n, y = 64, 1.0
    x = np.random.default_rng(3).exponential(size=(100_000, n)) - 1
    x[:, 0] = y
    out = (y - x.mean(axis=1)) / x.std(axis=1)
    known = {"y": y, "mu2": 1.0, "mu3": 2.0, "mu4": 9.0}
    drift = NOISE.predict(part="drift", h=1 / n, **known).value - y
    spread = NOISE.predict(part="spread", B=n, **known).value
    assert abs(out.mean() - y - drift) < 5 * out.std() / np.sqrt(len(out)) + abs(drift) / 4
    assert abs(out.var() - spread) < 0.25 * spread


@pytest.mark.parametrize("B, value", [(2, 0.6667), (3, 0.4507), (4, 0.3383), (8, 0.1726), (16, 0.0890), (32, 0.0455)])
def test_share_of_peers(B, value):
    assert float(SHARE.predict(B=B).value) == pytest.approx(value, abs=5e-5)
    assert float(SHARE.predict(part="ceiling", B=B).value) > value


def test_small_laws():
    assert EPS.predict(v=1, eps=1).value == Fraction(1, 2)
    assert PAIR.predict(delta=3, eps=16).value == Fraction(3, 5)
    assert PAIR.predict(part="slope", delta=3, eps=16).value == Fraction(16, 250)
    assert LARGEST.predict(B=8).value == 7
    assert LARGEST.predict(part="distance", B=8).value == 16
    assert LINKED.predict(B=2, N=10, p0=0).value == -1
    assert LINKED.predict(part="square", B=4, N=10, p0=Fraction(1, 16)).value == Fraction(15, 16)


def test_bounds_are_met_by_lonely_outliers_and_opposite_pairs():
    def normalized(*x):
        x = np.array(x, dtype=float)
        return (x - x.mean()) / x.std()

    assert normalized(0, 0, 0, 0, 1e6)[4] == pytest.approx(2)
    pair = normalized(-5, 0, 0, 0, 5)
    assert (pair[4] - pair[0]) ** 2 == pytest.approx(10)
