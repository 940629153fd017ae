"""Observables against the per-example gradients written out."""

from __future__ import annotations

import numpy as np
import pytest

from sim import observables
from sim.networks import MLP
from verify.unit.sim.test_networks import NETWORKS, problem


@pytest.mark.parametrize(
    "network", [n for n in NETWORKS if n.norm != "batch"], ids=lambda n: f"{n.widths}-{n.norm}-{n.loss}"
)
def test_norms_and_trace_without_forming_the_gradients(network: MLP) -> None:
    theta, x, y = problem(network)
    each = network.example_gradients(theta, x, y)
    assert np.allclose(observables.square_norms(network, theta, x, y), (each**2).sum(axis=2), rtol=1e-12)
    trace, square = observables.gradient_trace(network, theta, x, y)
    assert np.allclose(trace, observables.covariance_trace(each), rtol=1e-10)
    assert np.allclose(square, (each.mean(axis=1) ** 2).sum(axis=1), rtol=1e-12)
    assert np.allclose(observables.noise_scale(trace, square), trace / square)


def test_trace_by_hand() -> None:
    assert observables.covariance_trace(np.array([[[0.0, 0.0], [2.0, 4.0]]])).tolist() == [5.0]


def test_batch_norm_has_no_example_norms() -> None:
    with pytest.raises(ValueError, match="do not exist under batch norm"):
        observables.square_norms(NETWORKS[4], *problem(NETWORKS[4]))


def test_noise_scale_refuses_a_zero_gradient() -> None:
    with pytest.raises(ValueError, match=r"must be > 0, got 0\.0"):
        observables.noise_scale(np.ones(2), np.array([1.0, 0.0]))


def test_statistic_errors_by_hand() -> None:
    mean, var = observables.statistic_errors("batch", np.array([[[0.0], [2.0]]]), 0.5, 3.0)
    assert (mean.tolist(), var.tolist()) == ([[0.25]], [[4.0]])
