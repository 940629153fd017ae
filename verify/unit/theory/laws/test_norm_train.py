"""Numbers of the laws on training with batch statistics, and units and networks trained by SGD that must meet them.

What a trained unit is held to is a mean over independent replicas, within five standard errors: a true law fails such
a check once in about two million seeds, and each seed is fixed.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
import pytest

from sim.accumulation import accumulate
from sim.blocks import Activation, Dense
from sim.data import load
from sim.norm_blocks import Norm
from sim.norms import Running
from sim.optimizers import Optimizer
from sim.populations import population
from sim.sequential import Network
from sim.training import train
from theory import laws
from theory.domain import DomainError
from theory.law import Law

BIAS, SHRINKAGE, LOSS, FLOOR, MICRO, GAUSSIAN = (laws.load(f"norm.train.{name}") for name in (
    "gradient_bias", "gamma_shrinkage", "loss_oscillation", "gradient_noise_floor", "accumulation", "gaussian"))
UNIT = Network((1,), (Norm("batch", eps=0.0),), "squared")
ERRORS, RATE = 5, 0.05


def number(law: Law, part: str, **values: Any) -> float:
    """Return what a law predicts."""
    return float(law.predict(part=part, **values).value)


def fidelity(size: int) -> float:
    """Return E[s]/sigma of Gaussian activations, from the law of the statistics."""
    return number(laws.load("norm.stat.inv_std_moments"), "fidelity", B=size, sigma=1)


def near(values: np.ndarray, claim: float) -> bool:
    """Say whether the mean of independent values lies within five standard errors of a claim."""
    return bool(abs(values.mean() - claim) < ERRORS * values.std(ddof=1) / np.sqrt(len(values)))


def deviations(x: np.ndarray, size: int) -> np.ndarray:
    """Return the standard deviation of every batch."""
    return np.array([x[list(batch)].std() for batch in itertools.combinations(range(len(x)), size)])


def eight(unit: int = 0) -> tuple[np.ndarray, float, float]:
    """Return pre-activations of eight digits, their mean and their standard deviation."""
    x = population(f"digits8:preactivation:{unit}")
    return x, float(x.mean()), float(x.std())


# Gaussian numbers. -----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("size, share", [
    (2, 0.4358), (3, 0.2764), (4, 0.2021), (8, 0.0973), (16, 0.0477), (64, 0.0118)])
def test_one_constant(size: int, share: float) -> None:
    assert 1 - fidelity(size) == pytest.approx(share, abs=6e-5)
    assert number(GAUSSIAN, "bias", B=size, a=1) == pytest.approx(1 - fidelity(size), rel=1e-12)
    floor = number(GAUSSIAN, "noise_floor", B=size, a=1)
    assert floor == pytest.approx(1 - 1 / size - fidelity(size) ** 2, rel=1e-9)


def test_halving_the_batch_doubles_the_oscillation() -> None:
    def deviation(size: int) -> float:
        return number(GAUSSIAN, "oscillation", B=size, a=1, gamma=1) ** 0.5

    assert 1000 * deviation(1000) == pytest.approx((5 / 8) ** 0.5, rel=2e-3)
    assert 1000 * number(GAUSSIAN, "loss", B=1000, a=1, gamma=1) == pytest.approx(3 / 4, rel=1e-3)
    assert deviation(64) / deviation(128) == pytest.approx(2, rel=0.01)
    assert deviation(2) / ((5 / 8) ** 0.5 / 2) == pytest.approx(0.9785, abs=1e-4)  # small batches are off it


@pytest.mark.parametrize("size", [2, 8])
def test_simulated_gaussian_batches(size: int) -> None:
    x = np.random.default_rng(size).standard_normal((200_000, size))
    s, m = x.std(axis=1), x.mean(axis=1)
    gamma, a = 1.5, 2.0
    loss = ((gamma - a * s) ** 2 + (a * m) ** 2) / 2
    mean = number(GAUSSIAN, "loss", B=size, a=a, gamma=gamma)
    assert near(loss, mean)
    assert near((loss - mean) ** 2, number(GAUSSIAN, "oscillation", B=size, a=a, gamma=gamma))
    assert near(a - a * s, number(GAUSSIAN, "bias", B=size, a=a))
    assert not near(a - a * s, 3 * a / (4 * size))


def test_domains() -> None:
    with pytest.raises(DomainError, match="one example has no batch standard deviation"):
        GAUSSIAN.predict(part="bias", B=1, a=1)
    with pytest.raises(DomainError, match="curvature 1"):
        SHRINKAGE.predict(N=8, B=2, a=1, sigma=1, sigma_hat=Fraction(1, 2), gamma0=0, eta=2, t=3)
    with pytest.raises(DomainError, match="Jensen"):
        BIAS.predict(N=8, B=2, a=1, sigma=1, sigma_hat=2)


# Exact numbers on a finite population. ---------------------------------------------------------------------------

def test_evenly_spaced_examples_in_pairs() -> None:
    # 0, 1, 2, 3: half differences 1/2, 1, 3/2 occur 3, 2 and 1 times; the variance is 5/4
    given = {"N": 4, "B": 2, "a": 1, "sigma": 1.25**0.5, "sigma_hat": Fraction(5, 6)}
    assert number(BIAS, "bias", **given) == pytest.approx(1 - (5 / 6) / 1.25**0.5)
    assert number(FLOOR, "noise", **given) == pytest.approx(2 / 3 - (25 / 36) / 1.25)
    assert number(LOSS, "fitted_mean", **given) == pytest.approx(1 - (5 / 6) / 1.25**0.5)


@pytest.mark.parametrize("size", [2, 3, 8])
def test_the_mean_gradient_of_a_real_unit_is_off_by_the_law(size: int) -> None:
    x, mean, sigma = eight()
    theta, target = np.array([[1.5, 0.25]]), 1.25 * (x - mean) / sigma
    pool = [list(batch) for batch in itertools.combinations(range(8), size)]

    def gradient(batch: list[int]) -> np.ndarray:
        return UNIT.gradient(theta, x[None, batch, None], target[None, batch, None])[1][0]

    off = np.mean([gradient(batch) for batch in pool], axis=0) - gradient(list(range(8)))
    law = number(BIAS, "bias", N=8, B=size, a=1.25, sigma=sigma, sigma_hat=deviations(x, size).mean())
    assert off == pytest.approx([law, 0], abs=1e-12)
    assert off[0] > 0.01 or size == 8


# Trained units. --------------------------------------------------------------------------------------------------

def draws(rng: np.random.Generator, N: int, size: int, *shape: int) -> np.ndarray:
    """Return independent batches without replacement."""
    return np.argpartition(rng.random((*shape, N)), size - 1, axis=-1)[..., :size]


@pytest.mark.parametrize("size, eta, t", [(2, 0.5, 3), (3, 1.2, 6), (2, 0.1, 40)])
def test_sgd_on_a_real_unit_follows_the_law_at_any_step_size(size: int, eta: float, t: int) -> None:
    """The gain's mean and variance after t steps, from 20000 replicas of a unit on eight digits."""
    x, mean, sigma = eight(3)
    a, R = 1.25, 20_000
    start = np.tile([[-1.0, 0.0]], (R, 1))
    batches = draws(np.random.default_rng(t), 8, size, R, t)
    theta = train(UNIT, start, x[:, None], a * (x[:, None] - mean) / sigma, batches,
                  optimizer=Optimizer("sgd", eta)).theta
    given = {"N": 8, "B": size, "a": a, "sigma": sigma, "sigma_hat": deviations(x, size).mean(), "eta": eta, "t": t}
    gain, path = theta[:, 0], number(SHRINKAGE, "path", gamma0=-1, **given)
    assert near(gain, path)
    assert near((gain - path) ** 2, number(SHRINKAGE, "spread", **given))
    assert not near(gain, a + (1 - eta) ** t * (-1 - a))


@lru_cache(maxsize=1)
def pool() -> tuple[np.ndarray, np.ndarray]:
    """Inputs of three dimensions, mean zero and unit covariance, and labels: twice a direction, and noise."""
    rng = np.random.default_rng(5)
    x = rng.standard_normal((40_000, 3))
    x -= x.mean(axis=0)
    x = x @ np.linalg.inv(np.linalg.cholesky(x.T @ x / len(x))).T
    noise = 0.5 * rng.standard_normal(len(x))
    noise -= x @ (x.T @ noise) / len(x)
    return x, 2 * x @ np.array([2, -1, 2]) / 3 + noise - noise.mean()


@dataclass(frozen=True)
class Accumulated:
    """A network whose gradient is accumulated over micro-batches of a size."""

    network: Network
    size: int

    def gradient(self, theta: Any, x: Any, y: Any) -> tuple[Any, Any]:
        return accumulate(self.network, theta, x, y, [self.size] * (x.shape[1] // self.size))


AXIS = np.array([2, -1, 2]) / 3


@lru_cache(maxsize=4)
def trained(size: int, micro: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, Network]:
    """Train weights, gain and shift of 300 units: (theta, gains along the target, losses of the last steps, unit)."""
    x, y = pool()
    unit = Network((3,), (Dense(1), Norm("batch", eps=0.0)), "squared")
    rng = np.random.default_rng(size)
    start = unit.initial(300, rng=rng)
    start[:, :3] *= 3 / np.linalg.norm(start[:, :3], axis=1, keepdims=True)
    batches = rng.integers(0, len(x), size=(300, 900, size))
    found = train(Accumulated(unit, micro) if micro else unit, start, x, y[:, None], batches,
                  optimizer=Optimizer("sgd", RATE))
    views = unit.views(found.theta)
    w = views["0.W"][:, :, 0]
    cosine = w @ AXIS / np.linalg.norm(w, axis=1)
    assert np.abs(cosine).min() > 0.998  # the direction is learned; either sign of it, with that of the gain, is right
    return found.theta, views["1.gamma"][:, 0] * np.sign(cosine), found.losses[-100:].mean(axis=0), unit


@pytest.mark.parametrize("size", [6, 12])
def test_a_trained_unit_has_the_gain_of_the_law(size: int) -> None:
    _, gain, _, _ = trained(size)
    c = fidelity(size)
    assert near(gain, 2 * c)
    for wrong in (2.0, 2 / (1 + 1.5 / size), 2 * (size / (size - 1)) ** 0.5 * c):  # the slope, a ridge, c4
        assert not near(gain, wrong)


def test_training_reports_a_larger_loss_than_inference() -> None:
    theta, _, losses, unit = trained(6)
    x, y = pool()
    spread = number(SHRINKAGE, "settled", N=len(x), B=6, a=2, sigma=1, sigma_hat=fidelity(6), eta=RATE)
    label_noise = 0.125  # half the variance
    train_floor = 2 * (1 - fidelity(6) ** 2)
    views = unit.views(theta[:40])
    running = [Running(views["0.b"], (views["0.W"] ** 2).sum(axis=1))]
    at_inference = unit.losses(theta[:40], x, y[:, None], running=running).mean()
    assert losses.mean() == pytest.approx(train_floor + label_noise, rel=0.03)
    assert at_inference == pytest.approx(2 * (1 - fidelity(6)) ** 2 + spread / 2 + label_noise, rel=0.1)
    rescaled = theta[:40].copy()
    rescaled[:, 4:] /= fidelity(6)
    assert unit.losses(rescaled, x, y[:, None], running=running).mean() < label_noise + 0.02 < at_inference


# Accumulation. ---------------------------------------------------------------------------------------------------

def test_accumulated_micro_batches_leave_the_gain_of_the_micro_batch() -> None:
    _, gain, _, _ = trained(12, 4)
    assert near(gain, 2 * fidelity(4))
    assert not near(gain, 2 * fidelity(12))


@pytest.mark.parametrize("sizes", [[8, 8], [4, 4, 4, 4], [2] * 8])
def test_a_network_on_digits_differs_from_the_whole_batch_by_the_law(sizes: list[int]) -> None:
    """Two replicas of 64-8-1 with a normalized output, whose target is linear in what that output's unit is given."""
    before = (Dense(8), Activation("tanh"), Dense(1))
    plain, network = (Network((64,), chain, "squared") for chain in (before, (*before, Norm("batch", eps=0.0))))
    theta, a = network.initial(2, rng=np.random.default_rng(3)), 1.5
    data = load("digits")[0].reshape(-1, 64)[:256]
    x = plain.outputs(theta[:, : plain.size], data)  # (2, 256, 1)
    mean, sigma = x.mean(axis=1, keepdims=True), x.std(axis=1, keepdims=True)
    batch = np.broadcast_to(data[:16], (2, 16, 64)), (a * (x - mean) / sigma)[:, :16]
    whole = network.views(network.gradient(theta, *batch)[1])
    parts = network.views(accumulate(network, theta, *batch, sizes)[1])
    s = np.mean([part.std(axis=1) for part in np.split(x[:, :16], len(sizes), axis=1)], axis=0)
    law = a * (x[:, :16].std(axis=1) - s) / sigma[:, 0]
    assert parts["3.gamma"] - whole["3.gamma"] == pytest.approx(law, abs=1e-12)
    assert parts["3.beta"] == pytest.approx(whole["3.beta"], abs=1e-12)
    assert law.min() > 1e-3


def test_over_all_batches_of_eight_digits_the_difference_is_that_of_two_sizes() -> None:
    x, mean, sigma = eight()
    theta, a = np.array([[1.5, 0.25]]), 1.25
    target, found = a * (x - mean) / sigma, []
    for batch in itertools.permutations(range(8), 4):  # every batch of 4, dealt in every way into two of 2
        if batch[0] < batch[1] and batch[2] < batch[3]:
            one = list(batch)
            pair = x[None, one, None], target[None, one, None]
            found.append(accumulate(UNIT, theta, *pair, [2, 2])[1][0] - UNIT.gradient(theta, *pair)[1][0])
    small, large = (number(MICRO, "gradient", N=8, B=size, k=2, gamma=1.5, a=a, sigma=sigma,
                           sigma_hat=deviations(x, size).mean()) for size in (2, 4))
    assert np.mean(found, axis=0) == pytest.approx([small - large, 0], abs=1e-12)
