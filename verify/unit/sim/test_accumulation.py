"""Accumulated gradients against those of the whole batch; the wrong weights; ghost batch norm; refusals."""

from __future__ import annotations

import numpy as np
import pytest

from sim.accumulation import accumulate
from sim.blocks import Activation, Dense
from sim.networks import MLP
from sim.norm_blocks import Norm
from sim.sequential import Network


def _case(network: MLP | Network, B: int = 6) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return network.initial(2, rng=rng), rng.standard_normal((2, B, 3)), rng.integers(0, 3, size=(2, B))


@pytest.mark.parametrize("sizes", [[6], [2, 2, 2], [1, 2, 3], [1] * 6])
def test_weighted_by_size_it_is_the_whole_batch(sizes: list[int]) -> None:
    network = MLP((3, 5, 3), norm="layer")
    theta, x, y = _case(network)
    losses, gradient = network.gradient(theta, x, y)
    parts, total = accumulate(network, theta, x, y, sizes)
    # the same products in sums of another order: a few roundoffs of gradients below 10
    assert np.allclose(parts, losses, rtol=1e-14)
    assert np.allclose(total, gradient, rtol=0, atol=1e-14)


def test_the_mean_of_means_is_off_for_unequal_sizes_only() -> None:
    network = MLP((3, 5, 3))
    theta, x, y = _case(network)
    gradient = network.gradient(theta, x, y)[1]
    equal = accumulate(network, theta, x, y, [3, 3], weights="micro_batches")[1]
    assert np.allclose(equal, gradient, rtol=0, atol=1e-14)
    unequal = accumulate(network, theta, x, y, [1, 5], weights="micro_batches")[1]
    assert np.abs(unequal - gradient).max() > 0.01
    # by hand: half the first example's gradient and half the mean of the others'
    each = network.example_gradients(theta, x, y)
    assert np.allclose(unequal, (each[:, 0] + each[:, 1:].mean(axis=1)) / 2, rtol=0, atol=1e-14)


def test_under_batch_norm_it_is_ghost_batch_norm() -> None:
    batch, ghost = (
        Network((3,), (Dense(4), norm, Activation("tanh"), Dense(3))) for norm in (Norm("batch"), Norm("ghost", size=2))
    )
    theta, x, y = _case(batch)
    losses, gradient = ghost.gradient(theta, x, y)
    parts, total = accumulate(batch, theta, x, y, [2, 2, 2])
    # at B = 2 normalized differences divide by themselves, so roundoffs grow by up to 1 / sqrt(eps)
    assert np.allclose(parts, losses, rtol=0, atol=1e-12)
    assert np.allclose(total, gradient, rtol=0, atol=1e-11)
    assert np.abs(total - batch.gradient(theta, x, y)[1]).max() > 0.01


def test_bad_arguments_are_refused() -> None:
    network = MLP((3, 5, 3))
    theta, x, y = _case(network)
    with pytest.raises(ValueError, match=r"whole numbers >= 1 that add up to 6, got \[2, 3\]"):
        accumulate(network, theta, x, y, [2, 3])
    with pytest.raises(ValueError, match=r"got \[6, 0\]"):
        accumulate(network, theta, x, y, [6, 0])
    with pytest.raises(ValueError, match="examples, micro_batches"):
        accumulate(network, theta, x, y, [6], weights="tokens")
    with pytest.raises(ValueError, match=r"x and y must begin with \(2, B\)"):
        accumulate(network, theta, x[0], y, [6])
