"""Gradient noise against the per-example gradients written out; intervals against repeated sampling."""

from __future__ import annotations

from itertools import combinations, pairwise

import array_api_strict as strict
import numpy as np
import pytest

from sim import noise_scale, observables
from sim.hessian import hessian
from sim.networks import MLP
from verify.unit.sim.test_networks import NETWORKS, problem
from verify.unit.sim.test_tangents import name

FREE = [n for n in NETWORKS if n.norm != "batch"]


@pytest.mark.parametrize("network", FREE, ids=name)
def test_gram_and_spectrum_without_forming_the_gradients(network: MLP) -> None:
    theta, x, y = problem(network, B=12)
    each = network.example_gradients(theta, x, y)
    K = noise_scale.gram(network, theta, x, y)
    assert np.allclose(K, each @ each.transpose(0, 2, 1), rtol=0, atol=1e-12 * np.abs(K).max())
    found = noise_scale.spectrum(network, theta, x, y)
    for r in range(2):
        exact = np.linalg.eigvalsh(np.cov(each[r].T, bias=True))[::-1]
        wide = np.zeros(max(len(exact), 12))
        wide[: len(exact)] = exact
        assert np.allclose(found[r], wide[:12], rtol=0, atol=1e-12 * exact[0])
        assert not wide[12:].round(12).any()
    trace = observables.gradient_trace(network, theta, x, y)[0]
    assert np.allclose(found.sum(axis=1), trace, rtol=1e-11)


@pytest.mark.parametrize("network", FREE, ids=name)
def test_moments_layer_by_layer(network: MLP) -> None:
    theta, x, y = problem(network)
    each, found = network.example_gradients(theta, x, y), noise_scale.moments(network, theta, x, y)
    ends = [0, *(max(s.stop for s in network.slots if s.layer == n) for n in range(len(network.widths) - 1))]
    for layer, (start, stop) in enumerate(pairwise(ends)):
        part = each[:, :, start:stop]
        G = part.mean(axis=1)
        assert np.allclose(found.squares[:, layer], (part**2).sum(axis=2), rtol=1e-12)
        assert np.allclose(found.along[:, layer], np.vecdot(part, G[:, None]), rtol=1e-10, atol=1e-13)
        assert np.allclose(found.square[:, layer], (G**2).sum(axis=1), rtol=1e-11)
        assert np.allclose(found.trace[:, layer], observables.covariance_trace(part), rtol=1e-9)


def test_strict_array_api_gives_the_same() -> None:
    network = FREE[1]
    arrays = problem(network)
    theirs = [strict.asarray(a) for a in arrays]
    spectrum = noise_scale.spectrum(network, *theirs)
    assert np.allclose(noise_scale.spectrum(network, *arrays), np.asarray(spectrum), rtol=0, atol=1e-13)
    ours = noise_scale.moments(network, *arrays)
    assert np.allclose(ours.trace, np.asarray(noise_scale.moments(network, *theirs).trace), rtol=1e-11)


def test_batch_norm_has_no_example_gradients() -> None:
    for function in (noise_scale.gram, noise_scale.moments, noise_scale.spectrum):
        with pytest.raises(ValueError, match="do not exist under batch norm"):
            function(NETWORKS[4], *problem(NETWORKS[4]))


def sample(g: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.vecdot(g, g), g @ g.mean(axis=0)


def test_jackknife_is_that_of_the_estimates_themselves() -> None:
    g = np.random.default_rng(1).standard_normal((9, 4)) + 3

    def estimates(part: np.ndarray) -> np.ndarray:
        trace = np.trace(np.cov(part.T))
        return np.array([trace, part.mean(axis=0) @ part.mean(axis=0) - trace / len(part)])

    without = np.array([estimates(np.delete(g, i, axis=0)) for i in range(9)])
    errors = np.sqrt(8 / 9 * ((without - without.mean(axis=0)) ** 2).sum(axis=0))
    found = noise_scale.from_examples(*sample(g))
    assert np.allclose([found.trace, found.square], estimates(g), rtol=1e-13)
    assert np.allclose([found.trace_error, found.square_error], errors, rtol=1e-12)
    assert found.value == found.trace / found.square
    # at both ends the difference is 2.306 of its errors: Student's t with 8 degrees of freedom at 0.975
    spread = without - without.mean(axis=0)
    covariance = 8 / 9 * spread.T @ spread
    assert found.high < np.inf
    for end in (found.low, found.high):
        along = np.array([1, -end])
        assert np.isclose(abs(along @ estimates(g)), 2.306004 * (along @ covariance @ along) ** 0.5, rtol=1e-6)


def test_estimates_are_unbiased_over_every_sample() -> None:
    # every sample of 4 with replacement from 3 gradients, by enumeration
    g = np.array([[1.0, 0.0], [2.0, -1.0], [0.5, 3.0]])
    tuples = np.stack(np.meshgrid(*[range(3)] * 4), axis=-1).reshape(-1, 4)
    found = [noise_scale.from_examples(*sample(g[list(t)])) for t in tuples]
    trace, G = g.var(axis=0).sum(), g.mean(axis=0)
    assert np.isclose(np.mean([f.trace for f in found]), trace, rtol=1e-13)
    assert np.isclose(np.mean([f.square for f in found]), G @ G, rtol=1e-13)


@pytest.mark.parametrize("method", noise_scale.METHODS)
def test_interval_covers_as_often_as_it_says(method: str) -> None:
    # trace 10 over |G|^2 = 0.5, so that 200 examples tell the gradient from 0 by ten of its errors
    rng, hits, unbounded = np.random.default_rng(2), 0, 0
    mean = np.full(10, 0.05**0.5)
    for _ in range(1000):
        found = noise_scale.from_examples(*sample(mean + rng.standard_normal((200, 10))), method=method)
        hits += found.low <= 20 <= found.high
        unbounded += found.high == np.inf
    # 950 +- 7 if exact; five of these, and one part in a hundred for the approximation
    assert 905 <= hits <= 995
    assert unbounded < 10


def test_interval_is_unbounded_where_the_gradient_may_be_zero() -> None:
    rng = np.random.default_rng(3)
    found = [noise_scale.from_examples(*sample(rng.standard_normal((50, 10)))) for _ in range(200)]
    assert sum(f.high == np.inf for f in found) > 150
    negative = [f for f in found if f.square <= 0]
    assert len(negative) > 50
    assert all(f.value == f.high == np.inf and 0 <= f.low < np.inf for f in negative)
    assert sum(f.low > 0 for f in negative) > 0.9 * len(negative)


@pytest.mark.parametrize("seed", range(20))
def test_interval_is_the_set_of_ratios_not_rejected(seed: int) -> None:
    rng = np.random.default_rng(seed)
    trace, square = 1 + rng.random(), rng.standard_normal() + 0.5
    A = 0.4 * rng.standard_normal((2, 2))
    covariance, q = A @ A.T, 2.0
    low, high = noise_scale._interval(trace, square, covariance, q)
    rho = np.concatenate([np.linspace(0, 20, 20001)[1:], [1e3, 1e6, 1e9]])
    error = q * np.sqrt(covariance[0, 0] - 2 * rho * covariance[0, 1] + rho**2 * covariance[1, 1])
    kept = rho[np.abs(trace - rho * square) <= error]
    inside = rho[(low <= rho) & (rho <= high)]
    assert set(kept) <= set(inside)
    if len(kept):
        assert kept.min() - low < 2e-3
        assert (high == np.inf) == (kept.max() == 1e9)


def test_two_sizes_over_every_pair_of_batches() -> None:
    # nested batches of 2 in 3 of 5, all equally often: the trace is that with divisor N - 1, the square too small
    g = np.random.default_rng(4).standard_normal((5, 3)) + 1
    big = [c for c in combinations(range(5), 3) for _ in range(3)]
    small = [pair for c in combinations(range(5), 3) for pair in combinations(c, 2)]
    norms = [[np.sum(g[list(c)].mean(axis=0) ** 2) for c in batches] for batches in (small, big)]
    found = noise_scale.from_batches(np.array(norms[0]), np.array(norms[1]), b=2, B=3)
    trace, G = g.var(axis=0, ddof=1).sum(), g.mean(axis=0)
    assert np.isclose(found.trace, trace, rtol=1e-12)
    assert np.isclose(found.square, G @ G - trace / 5, rtol=1e-12)
    assert found.low < found.value < found.high


@pytest.mark.parametrize("network", [NETWORKS[0], NETWORKS[1], NETWORKS[4]], ids=name)
def test_batch_sharpness_against_hessians_of_each_batch(network: MLP) -> None:
    theta, x, y = problem(network, B=9)
    X, labels = x[0], y[0]
    batches = np.random.default_rng(5).integers(0, 9, (7, 3))
    found = noise_scale.batch_sharpness(network, theta, X, labels, batches)
    for r in range(2):
        top, bottom = [], []
        for batch in batches:
            g = network.gradient(theta[r : r + 1], X[batch], labels[batch])[1][0]
            top.append(g @ hessian(network, theta[r], X[batch], labels[batch]).times(g))
            bottom.append(g @ g)
        value = np.mean(top) / np.mean(bottom)
        assert np.isclose(found.value[r], value, rtol=1e-11)
        spread = np.std(np.array(top) - value * np.array(bottom), ddof=1)
        assert np.isclose(found.standard_error[r], spread / 7**0.5 / np.mean(bottom), rtol=1e-9)


def test_batch_sharpness_of_linear_regression_by_hand() -> None:
    # loss (w x - y)^2 / 2 without a bias to speak of: curvature of a batch along its gradient is its mean of x^2 + 1
    network = MLP((1, 1), loss="squared")
    x = np.array([[2.0]])
    found = noise_scale.batch_sharpness(network, np.zeros((1, 2)), x, np.array([[1.0]]), np.zeros((2, 1), int))
    assert np.isclose(found.value[0], 5.0)
    assert found.standard_error[0] == 0.0


def test_bad_arguments_are_refused() -> None:
    ok, rng = np.ones(4), np.random.default_rng(6)
    for call, message in (
        (lambda: noise_scale.from_examples(ok[:2], ok[:2]), r"n >= 3, got \(2,\)"),
        (lambda: noise_scale.from_examples(ok, ok[:3]), "one shape"),
        (lambda: noise_scale.from_examples(ok, ok * np.nan), "along must be finite, got nan at index 0"),
        (lambda: noise_scale.from_examples(ok, ok, confidence=1), r"confidence must lie in \(0, 1\), got 1"),
        (lambda: noise_scale.from_examples(ok, ok, method="x"), "unknown method 'x'"),
        (lambda: noise_scale.from_batches(ok, ok, b=4, B=4), "1 <= b < B, got b=4, B=4"),
        (lambda: noise_scale.from_batches(ok, -ok, b=1, B=4), r"large must hold finite squares >= 0, got -1.0"),
        (lambda: noise_scale.from_batches(ok[:2], ok[:2], b=1, B=4), "m >= 3"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    network = NETWORKS[0]
    theta, x, y = problem(network)
    for batches, message in (
        (rng.integers(0, 5, (1, 3)), r"m >= 2, got \(1, 3\)"),
        (np.full((2, 3), 5), r"must lie in 0..4, got 5..5"),
    ):
        with pytest.raises(ValueError, match=message):
            noise_scale.batch_sharpness(network, theta, x[0], y[0], batches)
    still = MLP((1, 1), loss="squared")
    with pytest.raises(ValueError, match="every batch gradient of replica 0 is 0"):
        noise_scale.batch_sharpness(still, np.zeros((1, 2)), np.ones((2, 1)), np.zeros((2, 1)), np.zeros((2, 2), int))
