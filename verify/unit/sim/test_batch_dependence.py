"""Peers and modes: exact cases, and what must not depend on the batch at all."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from sim import batch_dependence, norms
from sim.networks import MLP

NETWORK = MLP((3, 4, 4, 2), activation="tanh", norm="batch", eps=0.1)


def problem() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    theta = NETWORK.initial(2, rng=rng) + 0.1 * rng.standard_normal((2, NETWORK.size))
    return theta, rng.standard_normal((24, 3)), rng.integers(0, 2, 24)


def test_peer_noise_against_every_set_of_peers() -> None:
    x = np.random.default_rng(2).standard_normal((6, 2))
    found = batch_dependence.peer_noise("batch", x, 3, draws=20_000, eps=0.0, rng=np.random.default_rng(3))
    for i in range(6):
        rest = [j for j in range(6) if j != i]
        batches = x[[(i, *pair) for pair in combinations(rest, 2)]]
        outputs = norms.forward("batch", batches, eps=0.0)[0][:, 0]
        error = outputs.std(axis=0) / 20_000**0.5
        assert (np.abs(found.mean[i] - outputs.mean(axis=0)) < 5 * error + 1e-12).all()
        assert np.allclose(found.variance[i], outputs.var(axis=0), rtol=0.1, atol=1e-12)


def test_a_pair_is_a_coin_two_thirds_of_it_the_peer() -> None:
    # for B = 2 the output is the sign of the difference: given the rank u in (0, 1) its mean is 2 u - 1, so that
    # peers carry 1 - E (2 u - 1)^2 = 2/3 of a variance of 1, up to terms in 1/N and an error of 1e-3
    x = np.random.default_rng(4).standard_normal((400, 1))
    found = batch_dependence.peer_noise("batch", x, 2, draws=400, eps=0.0, rng=np.random.default_rng(5))
    assert abs(found.share[0] - 2 / 3) < 0.01


@pytest.mark.parametrize(("kind", "groups"), [("layer", None), ("group", 2), ("rms", None)])
def test_norms_of_a_sample_owe_nothing_to_peers(kind: str, groups: int | None) -> None:
    x = np.random.default_rng(6).standard_normal((5, 4))
    for B in (1, 3):
        found = batch_dependence.peer_noise(kind, x, B, draws=7, groups=groups, rng=np.random.default_rng(7))
        assert not found.variance.any()
        assert (found.mean == norms.forward(kind, x[None], groups=groups)[0][0]).all()
        assert (found.share == 0).all()


def test_share_is_nan_where_nothing_varies() -> None:
    found = batch_dependence.peer_noise("batch", np.ones((4, 1)), 2, draws=3, rng=np.random.default_rng(8))
    assert np.isnan(found.share).all()


def test_running_statistics_are_means_of_the_batches() -> None:
    theta, X, _ = problem()
    batches = np.arange(24).reshape(6, 4)
    found = batch_dependence.running_statistics(NETWORK, theta, X, batches)
    assert len(found) == 2
    hidden = NETWORK.hidden(theta, X).reshape(2, 6, 4, 4)
    assert np.allclose(found[0].mean, hidden.mean(axis=(1, 2)), rtol=1e-12, atol=1e-14)
    assert np.allclose(found[0].var, hidden.var(axis=2, ddof=1).mean(axis=1), rtol=1e-12)
    moved = batch_dependence.running_statistics(NETWORK, theta, X, batches[:2], new_weight=0.25, bessel=False)
    variances = hidden.var(axis=2)
    assert np.allclose(moved[0].var, 0.75 * variances[:, 0] + 0.25 * variances[:, 1], rtol=1e-12)


def test_one_full_batch_leaves_no_gap() -> None:
    theta, X, y = problem()
    whole = np.stack([np.arange(24)] * 2)
    running = batch_dependence.running_statistics(NETWORK, theta, X, whole[:1], bessel=False)
    found = batch_dependence.train_eval_gap(NETWORK, theta, X, y, whole, running=running)
    assert np.allclose(found.gap, 0, atol=1e-13)
    assert np.allclose(found.train, NETWORK.losses(theta, X, y).mean(axis=1), rtol=1e-13)


def test_gap_of_small_batches_by_its_definition() -> None:
    theta, X, y = problem()
    batches = np.random.default_rng(9).permutation(24).reshape(12, 2)
    running = batch_dependence.running_statistics(NETWORK, theta, X, batches)
    found = batch_dependence.train_eval_gap(NETWORK, theta, X, y, batches, running=running)
    moving = np.stack([NETWORK.losses(theta, X[b], y[b]).mean(axis=1) for b in batches])
    fixed = batch_dependence.inference_losses(NETWORK, theta, X, y, running)
    assert np.allclose(found.train, moving.mean(axis=0), rtol=1e-12)
    assert np.allclose(found.inference, fixed.mean(axis=1), rtol=1e-12)
    assert (np.abs(found.gap) > 1e-3).all()
    assert (found.error > 0).all()


def test_bad_arguments_are_refused() -> None:
    theta, X, y = problem()
    batches, rng = np.arange(24).reshape(12, 2), np.random.default_rng(10)
    running = batch_dependence.running_statistics(NETWORK, theta, X, batches)
    plain = MLP((3, 4, 4, 2))
    for call, message in (
        (lambda: batch_dependence.peer_noise("batch", X[0], 2, draws=2, rng=rng), r"shape \(N, C\), got \(3,\)"),
        (lambda: batch_dependence.peer_noise("batch", X, 25, draws=2, rng=rng), "batch size 25 exceeds the 24"),
        (lambda: batch_dependence.peer_noise("batch", X, 2, draws=1, rng=rng), "draws must be a whole number >= 2"),
        (lambda: batch_dependence.peer_noise("batch", X, 1, draws=2, rng=rng), "at least 2 samples per channel"),
        (lambda: batch_dependence.running_statistics(plain, theta, X, batches), "belong to batch norm, got norm None"),
        (lambda: batch_dependence.running_statistics(NETWORK, theta, X, batches[0]), r"got \(2,\)"),
        (lambda: batch_dependence.running_statistics(NETWORK, theta, X, batches + 1), r"must lie in 0..23, got 1..24"),
        (lambda: batch_dependence.inference_losses(NETWORK, theta, X, y, running[:1]), "2 layers are needed, got 1"),
        (
            lambda: batch_dependence.train_eval_gap(NETWORK, theta, X, y, batches[:1], running=running),
            r"T >= 2, got \(1, 2\)",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            call()
