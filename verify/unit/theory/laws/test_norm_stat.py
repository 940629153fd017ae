"""Numbers of the laws on the statistics of a normalization group, and simulations of what they say."""

import math
from fractions import Fraction

import numpy as np
import pytest

from theory import laws
from theory.domain import DomainError

COV, MOMENTS, LOG, SIZES, UNLIKE = (laws.load(f"norm.stat.{name}") for name in (
    "mean_var_cov", "inv_std_moments", "log_var", "ess", "group_heterogeneous"))


def test_exponential_activations_link_mean_and_variance():
    values = {"mu2": 1, "mu3": 2, "mu4": 9, "design": "wr"}
    assert COV.predict(B=4, N=8, **values).value == Fraction(3, 16) * 2
    squared = COV.predict(part="correlation", B=10**6, N=8, **values).value
    assert float(squared) == pytest.approx(0.5, rel=1e-5)
    assert COV.predict(part="covariance", B=4, N=8, mu2=1, mu3=0, mu4=3).value == 0
    with pytest.raises(DomainError, match="mu4 = 4 is not allowed"):
        COV.predict(part="correlation", B=4, N=8, mu2=1, mu3=2, mu4=4)


@pytest.mark.parametrize("q, B, value", [(-1, 3, 2.1708), (-1, 4, 1.5958), (1, 2, 0.5642), (1, 8, 0.9027), (2, 5, 0.8)])
def test_moments_of_the_deviation(q, B, value):
    assert float(MOMENTS.predict(q=q, B=B, sigma=1).value) == pytest.approx(value, abs=5e-5)


def test_inverse_variances():
    assert MOMENTS.predict(part="inverse_square", n=4, sigma=1).value == 4
    # Var(1/v) = 2 n^2/((n-3)^2 (n-5)) at n = 7.
    assert float(MOMENTS.predict(part="spread", p=-2, B=7, sigma=1).value) == pytest.approx(98 / 32)
    fidelities = [float(MOMENTS.predict(part="fidelity", B=B, sigma=1).value) for B in (8, 9)]
    assert math.prod(fidelities) == pytest.approx(7 / math.sqrt(72))


@pytest.mark.parametrize("part, values, said", [
    ("moment", {"q": -1, "B": 2}, "is infinite unless q > 1 - B"),
    ("moment", {"q": -2, "B": 3}, "is infinite unless q > 1 - B"),
    ("spread", {"p": -2, "B": 5}, "is infinite unless 2 p > 1 - B"),
    ("inverse_square", {"n": 3}, "infinite for n <= 3"),
])
def test_moments_that_do_not_exist(part, values, said):
    with pytest.raises(DomainError, match=said):
        MOMENTS.predict(part=part, sigma=1, **values)


def test_the_logarithm():
    assert float(LOG.predict(B=2).value) == pytest.approx(math.pi**2 / 2)
    assert float(LOG.predict(B=3).value) == pytest.approx(math.pi**2 / 6)
    assert float(LOG.predict(part="mean", B=3, sigma=1).value) == pytest.approx(math.log(2 / 3) - np.euler_gamma)
    for B in (2, 5, 40):
        low, value, high = (float(LOG.predict(part=part, B=B).value) for part in ("floor", "spread", "ceiling"))
        assert low < value < high


def test_two_effective_sizes():
    # One image of two positions with correlation 3/5 by hand: R = [[1, .6], [.6, 1]].
    known = {"B": 1, "P": 2, "sigma2": 1, "r1": Fraction(4, 5), "r2": Fraction(16, 25), "q2": Fraction(17, 25)}
    assert SIZES.predict(part="noise", **known).value == Fraction(4, 5)
    assert SIZES.predict(part="bias", **known).value == Fraction(1, 5)
    assert SIZES.predict(part="spread", **known).value == 2 * Fraction(1, 5) ** 2
    alike = {"B": 1, "P": 2, "sigma2": 1, "rho": Fraction(3, 5)}
    assert SIZES.predict(part="alike", **alike).value == 2 * Fraction(1, 5) ** 2
    many = SIZES.predict(part="alike", B=8, P=10**6, sigma2=1, rho=Fraction(1, 2)).value
    assert 2 / float(many) == pytest.approx(8 / 0.5**2 / (1 - 1 / 8), rel=1e-3)  # B/rho^2, but for what the mean takes
    with pytest.raises(DomainError, match="a single entry"):
        SIZES.predict(part="noise", B=1, P=1, sigma2=1, r1=1)


def test_unlike_channels():
    zero = {"inside": 1, "between": 0, "common": Fraction(1, 8), "tr": 7, "quad": 0, "target": 1, "n": 8}
    assert UNLIKE.predict(**zero).value == Fraction(15, 64)  # (2n - 1)/n^2
    assert UNLIKE.predict(part="independent", n=8, sigma2=1, between=0).value == Fraction(15, 64)
    large = UNLIKE.predict(part="independent", n=10**9, sigma2=1, between=Fraction(1, 4)).value
    assert float(large) == pytest.approx(1 / 16, rel=1e-6)


def test_unlike_channels_by_simulation():
    """100000 samples of five channels, five standard errors: a false alarm below one in a million each."""
    rng = np.random.default_rng(11)
    mixing, mu = rng.normal(size=(5, 5)), rng.normal(size=5)
    sigma = mixing @ mixing.T
    h = np.eye(5) - 1 / 5
    v = (mu + rng.normal(size=(100_000, 5)) @ mixing.T).var(axis=1)
    known = {"n": 5, "inside": np.trace(sigma) / 5, "between": mu.var(), "common": sigma.sum() / 25,
             "tr": np.trace(h @ sigma @ h @ sigma), "quad": mu @ h @ sigma @ h @ mu, "target": 1.0}
    mean = UNLIKE.predict(part="mean", **{k: known[k] for k in ("inside", "between", "common")}).value
    error = (v - 1) ** 2
    assert abs(v.mean() - mean) < 5 * v.std() / math.sqrt(len(v))
    assert abs(error.mean() - UNLIKE.predict(**known).value) < 5 * error.std() / math.sqrt(len(v))


def test_correlated_positions_by_simulation():
    """50000 batches of three images at four positions, five standard errors."""
    rng = np.random.default_rng(12)
    places = np.arange(4)
    R = 0.7 ** np.abs(places[:, None] - places[None, :])
    x = rng.multivariate_normal(np.zeros(4), R, size=(50_000, 3)).reshape(50_000, 12)
    known = {"B": 3, "P": 4, "sigma2": 1.0, "r1": R.mean(), "r2": (R.mean(axis=1) ** 2).mean(), "q2": (R**2).mean()}
    v = x.var(axis=1)
    square = (v - SIZES.predict(part="bias", **known).value) ** 2
    assert abs(square.mean() - SIZES.predict(part="spread", **known).value) < 5 * square.std() / math.sqrt(len(v))
