"""Training: replicas do not touch each other; divergence is recorded with its step."""

from __future__ import annotations

import numpy as np
import pytest

from sim import designs
from sim.networks import MLP
from sim.optimizers import Optimizer
from sim.training import train

NETWORK = MLP((1, 1), loss="squared", activation="linear")
X, Y = np.array([[1.0], [2.0]]), np.array([[1.0], [2.0]])


def test_one_step_by_hand() -> None:
    theta = np.array([[0.0, 0.0]])
    outcome = train(NETWORK, theta, X, Y, np.array([[0, 1]]), optimizer=Optimizer("sgd", 0.1))
    # residuals -1 and -2: gradient of w is -(1 + 4) / 2, of b -(1 + 2) / 2
    assert outcome.theta == pytest.approx(np.array([[0.25, 0.15]]))
    assert outcome.losses.tolist() == [[(0.5 + 2.0) / 2]]
    assert outcome.diverged_at.tolist() == [-1]
    assert not theta.any()


def test_divergence_is_an_outcome_with_its_step() -> None:
    theta = np.zeros((3, 2))
    optimizer = Optimizer("sgd", np.array([0.1, 5.0, 1e200]))
    outcome = train(NETWORK, theta, X, Y, np.tile([[0, 1]], (60, 1)), optimizer=optimizer, limit=1e6)
    at = outcome.diverged_at
    assert at[0] == -1
    assert 2 <= at[1] < 20
    assert at[2] == 1
    assert outcome.diverged == 2
    assert np.isfinite(outcome.theta).all()
    assert (outcome.losses[at[1] :, 1] == np.inf).all()
    assert np.isfinite(outcome.losses[: at[1], 1]).all()
    alone = train(NETWORK, theta[:1], X, Y, np.tile([[0, 1]], (60, 1)), optimizer=Optimizer("sgd", 0.1))
    assert (outcome.theta[0] == alone.theta[0]).all()


def test_all_diverged_stops_early_with_everything_recorded() -> None:
    outcome = train(NETWORK, np.zeros((1, 2)), X, Y, np.tile([[0, 1]], (50, 1)), optimizer=Optimizer("sgd", 50.0))
    assert outcome.diverged == 1
    assert np.isinf(outcome.losses[-1, 0])


def test_batches_by_replica() -> None:
    rng = np.random.Generator(np.random.PCG64DXSM(1))
    network = MLP((2, 3, 2))
    X = rng.standard_normal((8, 2))
    y = (X[:, 0] > 0).astype(np.int64)
    theta = network.initial(2, rng=rng)
    batches = designs.reshuffled(8, 2, 2, rng=rng)
    both = train(network, theta, X, y, batches, optimizer=Optimizer("heavy_ball", 0.3, 0.5))
    for r in range(2):
        one = train(network, theta[r : r + 1], X, y, batches[r], optimizer=Optimizer("heavy_ball", 0.3, 0.5))
        assert np.allclose(both.theta[r], one.theta[0], rtol=1e-12)
        assert np.allclose(both.losses[:, r], one.losses[:, 0], rtol=1e-12)


def test_bad_arguments_are_refused() -> None:
    theta, optimizer = np.zeros((1, 2)), Optimizer("sgd", 0.1)
    with pytest.raises(ValueError, match=r"0\.\.1, got 0\.\.2"):
        train(NETWORK, theta, X, Y, np.array([[0, 2]]), optimizer=optimizer)
    with pytest.raises(ValueError, match=r"shape \(T, B\) or \(1, T, B\)"):
        train(NETWORK, theta, X, Y, np.zeros((2, 1, 1), dtype=int), optimizer=optimizer)
    with pytest.raises(ValueError, match="limit must be > 0"):
        train(NETWORK, theta, X, Y, np.array([[0]]), optimizer=optimizer, limit=0)
