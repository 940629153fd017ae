"""Hybrid normalization: numbers of the laws, and SGD that reaches them."""

from fractions import Fraction

import numpy as np
import pytest

from sim import hybrid
from theory import laws
from theory.domain import DomainError

GAUSSIAN = laws.load("norm.hybrid.alpha_gaussian")


def fixed(B, d, tau2=0.0, omega2=0.0):
    return float(GAUSSIAN.predict(part="optimum", B=B, d=d, tau2=float(tau2), omega2=float(omega2)).value)


def learned(B, d, tau2=0.0, omega2=0.0):
    return float(GAUSSIAN.predict(part="learned", B=B, d=d, tau2=float(tau2), omega2=float(omega2)).value)


def test_equal_sizes_are_mixed_equally():
    for size in (2, 3, 16, 200):
        assert fixed(size, size) == pytest.approx(0.5, abs=1e-12)
        assert learned(size, size) == pytest.approx(0.5, abs=1e-12)


@pytest.mark.parametrize(("tau2", "omega2", "expected"), [
    (0, 0, (.018, .044, .096, .189, .500, .803, .942)), (.1, 0, (.095, .206, .366, .549, .835, .954, .988)),
    (.5, 0, (.277, .487, .677, .815, .948, .987, .997)), (.1, .1, (.089, .177, .283, .381, .500, .540, .551)),
    (0, .3, (.016, .030, .046, .060, .076, .081, .082))])
def test_table_of_the_weight(tau2, omega2, expected):
    found = [fixed(B, 64, tau2, omega2) for B in (2, 4, 8, 16, 64, 256, 1024)]
    assert found == pytest.approx(expected, abs=5e-4)
    assert found == sorted(found)


def test_read_outs():
    assert [fixed(B, 16, .1) for B in (2, 8, 64)] == pytest.approx((.1427, .4850, .8947), abs=5e-5)
    assert [learned(B, 16, .1) for B in (2, 8, 64)] == pytest.approx((.1313, .4848, .8951), abs=5e-5)


def test_limits():
    assert fixed(2, 10**6) < 1e-3
    assert fixed(10**6, 8) > 0.999
    both = 1 / np.sqrt((1 + .1) * (1 + .3))
    limit = 0.5 + (1 / np.sqrt(1.3) - 1 / np.sqrt(1.1)) / (2 * (1 - both))
    assert fixed(10**7, 10**7, .1, .3) == pytest.approx(limit, abs=1e-5)
    assert limit == pytest.approx(.267, abs=5e-4)
    # One half at a batch of about 1/(1/d + 2 tau2/3), for small errors.
    assert fixed(64, 400, .02) < 0.5 < fixed(65, 400, .02)


def test_the_overlap_at_two_entries_is_an_arcsine():
    for rho in (0.2, 0.9, 1.0):
        q = GAUSSIAN.predict(part="overlap", B=2, d=2, rho=rho).value
        assert q == pytest.approx(2 / np.pi * np.arcsin(rho / 2), rel=1e-14)
    exact = GAUSSIAN.predict(part="overlap", B=2, d=2, rho=1).value
    assert float(exact) == pytest.approx(1 / 3, rel=1e-12)


def test_arrays_and_refusals():
    q = GAUSSIAN.predict(part="overlap", B=np.array([2, 3]), d=4, rho=0.5).value
    assert q.shape == (2,)
    with pytest.raises(DomainError, match="one example has no batch standard deviation"):
        GAUSSIAN.predict(B=1, d=4, tau2=0, omega2=0)
    identity = laws.load("norm.hybrid.alpha_identity")
    with pytest.raises(DomainError, match="are not the mean products of three quantities"):
        identity.predict(r_B=Fraction(9, 10), r_L=Fraction(9, 10), q=Fraction(-9, 10))
    point = {"r_B": Fraction(1, 2), "r_L": Fraction(1, 2), "q": Fraction(1, 3)}
    assert identity.predict(**point).value == identity.predict(part="learned", **point).value == Fraction(1, 2)


def test_statistics():
    law = laws.load("norm.hybrid.alpha_stats")
    assert law.predict(B=10, d=10, V=0).value == Fraction(1, 2)
    assert law.predict(B=1, d=7, V=0).value == 0
    assert law.predict(B=5, d=10, V=Fraction(1, 10)).value == Fraction(1, 2)  # 1/B = V + 1/d
    assert law.predict(part="var_optimum", B=8, d=8, V=0, kappa=0).value == Fraction(1, 2)


def test_what_the_learned_weight_costs():
    law = laws.load("norm.hybrid.train_eval")
    point = {"r_B": Fraction(9, 10), "r_L": Fraction(8, 10), "q": Fraction(7, 10)}
    best = laws.load("norm.hybrid.alpha_identity").predict(**point).value
    assert law.predict(**point).value == 2 * (1 - best) ** 2 * Fraction(2, 10) > 0
    assert law.predict(part="evaluation", alpha=1, r_L=Fraction(8, 10)).value == 0


# SGD on Gaussian activations. ------------------------------------------------------------------------------------

WIDTH, LEVELS, REPLICAS = 16, 0.1, 64


def passes(B, steps, seed):
    """Yield, for every step, both outputs and the target of independent batches."""
    rng = np.random.default_rng(seed)
    for _ in range(steps):
        signal = rng.standard_normal((REPLICAS, B, WIDTH))
        x = signal + np.sqrt(LEVELS) * rng.standard_normal((REPLICAS, 1, WIDTH))
        by_batch, by_sample = (hybrid.forward(x, alpha=a, reading="outputs", eps=0.0)[0] for a in (1.0, 0.0))
        yield by_batch, by_sample, signal


def judged(values, claim, slack=0.0):
    """Say whether the mean of independent values is a claimed one: wrongly not once in two million times."""
    error = values.std(ddof=1) / np.sqrt(len(values))
    return abs(values.mean() - claim) <= 5 * error + slack


@pytest.mark.parametrize("B", [2, 8, 64])
def test_sgd_reaches_the_weight_of_the_fixed_read_out(B):
    alpha, late = np.full(REPLICAS, 0.5), []
    for by_batch, by_sample, target in passes(B, 160, seed=B):
        apart = by_batch - by_sample
        error = alpha[:, None, None] * apart + by_sample - target
        alpha = alpha - 0.4 * np.mean(error * apart, axis=(1, 2))
        late.append(alpha)
    found = np.mean(late[80:], axis=0)
    # What is left of the start: (1 - 2 eta (1 - q))^80 is below 1e-3 for q < .9.
    assert judged(found, fixed(B, WIDTH, LEVELS), slack=1e-3)
    assert not judged(found, 1 - fixed(B, WIDTH, LEVELS), slack=1e-3) or B == 8


@pytest.mark.parametrize("B", [2, 8, 64])
def test_sgd_reaches_the_weight_of_the_learned_read_out(B):
    """The slack is for the noise of the steps, which enters a product of two learned numbers at first order."""
    alpha, gain, late = np.full(REPLICAS, 0.5), np.ones(REPLICAS), []
    for by_batch, by_sample, target in passes(B, 300, seed=100 + B):
        mixed = alpha[:, None, None] * (by_batch - by_sample) + by_sample
        error = gain[:, None, None] * mixed - target
        alpha, gain = (alpha - 0.2 * gain * np.mean(error * (by_batch - by_sample), axis=(1, 2)),
                       gain - 0.2 * np.mean(error * mixed, axis=(1, 2)))
        late.append(alpha)
    found = np.mean(late[150:], axis=0)
    assert judged(found, learned(B, WIDTH, LEVELS), slack=3e-3)
    if B == 2:
        assert not judged(found, fixed(B, WIDTH, LEVELS), slack=3e-3)
