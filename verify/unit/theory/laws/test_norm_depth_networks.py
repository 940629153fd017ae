"""Initialized networks of the simulator against the laws on depth: length of an input, growth of gradients.

Means are compared within five standard errors and distributions at a level of 1e-6, so each comparison raises a false
alarm in about one of a million seeds.  Where no variance exists, as of 1/s^2 at B = 4 and 5, distributions are compared
and no means; where a mean exists that no sample of this size shows, as of the length of deep narrow networks, the
logarithm is.
"""

import math
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import pytest
from scipy import special, stats

from sim.blocks import Activation, Dense
from sim.norm_blocks import Norm
from sim.sequential import Network
from theory import laws

ERRORS, LEVEL = 5, 1e-6
LENGTH, GROWTH = (laws.load(f"norm.depth.{name}") for name in ("log_width", "bn_explosion"))


@dataclass
class Tap:
    """A layer that does nothing but keep what passes, forward and, in the same order, backward."""

    forth: list = field(default_factory=list)
    back: list = field(default_factory=list)

    def output(self, shape):
        return shape

    def parameters(self, shape):
        return {}

    def forward(self, p, x, mode):
        self.forth.append(x)
        return x, None

    def backward(self, p, tape, dy, inputs):
        self.back.insert(0, dy)
        return dy, {}


def near(sample, expected):
    return abs(np.mean(sample) - expected) < ERRORS * np.std(sample) / math.sqrt(np.size(sample))


@lru_cache
def ratios(width, depth, count, chunk=500):
    """Return the squared length of an input behind `depth` rectified layers of He networks, over that of the input."""
    rng = np.random.Generator(np.random.PCG64DXSM([width, depth]))
    network = Network((width,), (Dense(width, gain=2.0), Activation("relu")) * depth)
    found = []
    for _ in range(count // chunk):
        x = rng.standard_normal((1, width))
        out = network.outputs(network.initial(chunk, rng=rng), x)
        found.append((out[:, 0] ** 2).sum(axis=1) / (x**2).sum())
    return np.concatenate(found)


def layer_logarithm(width):
    """Return mean and variance of the logarithm of a layer's ratio, (2/n) chi-square with K open units, K >= 1."""
    k = np.arange(1, width + 1)
    chance = stats.binom.pmf(k, width, 0.5)
    chance /= chance.sum()
    mean = special.psi(k / 2) + math.log(4 / width)
    drift = (chance * mean).sum()
    return drift, (chance * (special.polygamma(1, k / 2) + mean**2)).sum() - drift**2


@pytest.mark.parametrize(("width", "count"), [(16, 2000), (32, 1000), (64, 500)])
def test_the_logarithm_of_the_length_over_widths(width, count):
    """Drift and spread at depth 20, the whole distribution, and that the mean, which stays 1, is not what is seen."""
    depth, ratio = 20, ratios(width, 20, count)
    log = np.log(ratio[ratio > 0])
    drift, spread = layer_logarithm(width)
    assert near(log, depth * drift)
    assert near((log - depth * drift) ** 2, depth * spread)
    assert not near((log - depth * drift) ** 2, depth * 2 / width)  # the constant of linear networks
    assert not near(log, 0)
    rng = np.random.default_rng(width)
    opened = np.maximum(rng.binomial(width, 0.5, (100_000, depth)), 1)
    assert stats.ks_2samp(log, np.log(2 / width * rng.chisquare(opened)).sum(axis=1)).pvalue > LEVEL
    assert np.median(ratio) < 1


def test_spread_times_width_over_depth_tends_to_five():
    found = [np.log(ratios(width, 20, count)).var() * width / 20 for width, count in ((32, 1000), (64, 500))]
    # the variance of a sample variance of nearly Gaussian logarithms is 2/count of its square
    assert abs(found[0] - 5) < 5 * 12 / 32 + ERRORS * 5 * math.sqrt(2 / 1000)
    assert abs(found[1] - 5) < 5 * 12 / 64 + ERRORS * 5 * math.sqrt(2 / 500)


def test_mean_and_mean_square_where_samples_show_them():
    """At width 8 and depth 2 the squared ratio has a relative deviation of about 3.5: 200000 networks show its mean."""
    ratio = ratios(8, 2, 200_000, chunk=20_000)
    assert near(ratio, float(LENGTH.predict(part="mean", n=8, L=2, sigma_w2=2).value))
    assert near(ratio**2, float(LENGTH.predict(part="square", n=8, L=2, sigma_w2=2).value))
    for constant in (2, 3, 6):
        assert not near(ratio**2, (1 + constant / 8) ** 2)


def test_inputs_that_die():
    dead = ratios(4, 10, 20_000, chunk=20_000) == 0
    assert near(dead, float(LENGTH.predict(part="dead", n=4, L=10).value))
    assert not near(dead, 10 / 16)


def gradients(size, rectified, seed, width=300, layers=16):
    """Return what passes the norms of a network: before them, behind them and behind the activation."""
    rng = np.random.Generator(np.random.PCG64DXSM([seed, size]))
    taps = Tap(), Tap(), Tap()
    layer = (Dense(width), taps[0], Norm("batch", eps=0.0, affine=False), taps[1],
             Activation("relu" if rectified else "linear"), taps[2])
    network = Network((width,), (*layer * layers, Dense(width)), "squared")
    x, y = rng.standard_normal((2, size, width))
    network.gradient(network.initial(1, rng=rng), x, 100 * y)
    return taps


def rate(size, rectified):
    return float(GROWTH.predict(part="relu" if rectified else "linear", B=size).value)


@pytest.mark.parametrize(("size", "rectified"), [(8, False), (8, True), (16, True), (32, True)])
def test_gradients_grow_at_the_stated_rate(size, rectified):
    """Growth of the squared gradient a layer in four networks of width 300, whose means lie within 1% of wide ones.

    Six layers at the input settle the forward pass, two at the output the backward pass.
    """
    growth = []
    for seed in range(4):
        squares = np.array([(found**2).sum() for found in gradients(size, rectified, seed)[0].back])
        growth.append((squares[:-1] / squares[1:])[6:-2])
    assert near(growth, rate(size, rectified))
    assert not near(growth, 1)
    if rectified and size < 32:
        assert not near(growth, math.pi / (math.pi - 1))  # large batches


def test_gradients_explode_with_depth():
    """Over 50 layers at B = 16 the squared gradient grows by 1.59^50, a factor of ten billion."""
    squares = np.array([(found**2).sum() for found in gradients(16, True, 7, width=128, layers=56)[0].back])
    logs = np.diff(np.log(squares[::-1]))[2:52]
    assert len(logs) == 50
    # the logarithm of a layer's factor lies below that of its mean by half its relative variance
    assert near(logs, math.log(rate(16, True)) - logs.var() / 2)
    assert logs.sum() > math.log(1e9)


def spread(size):
    """Return the variance that the rectifier leaves between two entries of a normalized batch: 1/2 - b."""
    c = -1 / (size - 1)
    return 0.5 - (math.sqrt(1 - c * c) + c * (math.pi - math.acos(c))) / (2 * math.pi)


@pytest.mark.parametrize("rectified", [False, True])
@pytest.mark.parametrize("size", [4, 5])
def test_rates_whose_samples_jump(size, rectified):
    """At B = 4 and 5 the mean of 1/s^2 exists, B/(B-3), and its variance does not: the two factors are tested apart.

    B s^2 over the variance of an input of a norm is chi-square with B - 1 degrees, which has that mean inverse; the
    share of the squared gradient that passes gates and projection has all moments, and its mean is the rate without
    1/s^2.
    """
    left = spread(size) if rectified else size / (size - 1)
    squares, shares = [], []
    for seed in range(2):
        before, _, behind = gradients(size, rectified, seed)
        for layer in range(6, 14):
            s2 = before.forth[layer][0].var(axis=0)
            squares.append(size * s2 / left)
            passed = (before.back[layer][0] ** 2).sum(axis=0) * s2
            shares.append(passed / (behind.back[layer][0] ** 2).sum(axis=0).mean())
    share = rate(size, rectified) * left * (size - 3) / size
    assert near(shares, share)
    assert not near(shares, share * (size - 1) / (size - 2))  # without the projection off the normalized batch
    assert stats.kstest(np.concatenate(squares), stats.chi2(size - 1).cdf).pvalue > LEVEL
    assert stats.kstest(np.concatenate(squares), stats.chi2(size).cdf).pvalue < LEVEL
