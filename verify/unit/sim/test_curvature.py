"""Eigenvalues and traces of an ensemble against the Hessians written out."""

from __future__ import annotations

import numpy as np
import pytest

from sim import curvature, data
from sim.hessian import hessian, matrix
from sim.networks import MLP
from verify.unit.sim.test_hessian import NORMED, PLAIN, point
from verify.unit.sim.test_tangents import name


def ensemble(network: MLP, N: int = 20) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    theta, x, y = point(network, N)
    return np.stack([theta, -0.5 * theta, theta[::-1]]), x, y


@pytest.mark.parametrize("end", ["largest", "smallest"])
@pytest.mark.parametrize("layer", [None, 0, 1])
@pytest.mark.parametrize("network", [PLAIN[0], PLAIN[3], NORMED[0], NORMED[1]], ids=name)
def test_eigenvalues_of_every_replica_and_layer(network: MLP, layer: int | None, end: str) -> None:
    theta, x, y = ensemble(network)
    found = curvature.extreme_eigenvalues(
        network, theta, x, y, k=2, end=end, layer=layer, rtol=1e-7, rng=np.random.default_rng(1)
    )
    for row, ritz in zip(theta, found, strict=True):
        H = hessian(network, row, x, y)
        within = slice(None) if layer is None else H.block(layer)[0]
        exact = np.linalg.eigvalsh(matrix(H)[within, within])
        rounding = 1e-13 * np.abs(exact).max()
        assert ritz.converged
        assert abs(ritz.values[0] - exact[-1 if end == "largest" else 0]) <= ritz.residuals[0] + rounding
        # the outer layer's smallest eigenvalue is a multiple 0, met once
        nearest = np.abs(exact[:, None] - ritz.values).min(axis=0)
        assert (nearest <= ritz.residuals + rounding).all()


def test_a_subsample_saves_products_and_finds_the_same() -> None:
    X, y = data.load("digits")
    network = MLP((64, 16, 10), activation="relu")
    theta = network.initial(2, rng=np.random.default_rng(2))
    for k in (1, 2):
        helped, alone = (
            curvature.extreme_eigenvalues(
                network, theta, X, y, k=k, rtol=1e-6, subsample=subsample, rng=np.random.default_rng(3)
            )
            for subsample in (True, False)
        )
        for one, other in zip(helped, alone, strict=True):
            # certified to 1e-6 of the value each, and both are the same eigenvalues
            assert (np.abs(one.values - other.values) <= one.residuals + other.residuals).all()
            assert one.products < other.products
            assert one.converged
            assert other.converged


def test_data_of_its_own_for_each_replica_and_any_number_of_threads() -> None:
    network = PLAIN[0]
    theta, x, y = ensemble(network)
    own_x, own_y = np.stack([x, x + 1, 2 * x]), np.stack([y, 1 - y, y])
    one, three = (
        curvature.extreme_eigenvalues(network, theta, own_x, own_y, threads=n, rng=np.random.default_rng(4))
        for n in (1, 3)
    )
    for r in range(3):
        assert (one[r].values == three[r].values).all()
        exact = np.linalg.eigvalsh(matrix(hessian(network, theta[r], own_x[r], own_y[r])))[-1]
        assert abs(one[r].values[0] - exact) <= one[r].residuals[0]


@pytest.mark.parametrize("network", [PLAIN[3], NORMED[1]], ids=name)
def test_trace_within_its_error(network: MLP) -> None:
    theta, x, y = ensemble(network)
    found = curvature.trace(network, theta, x, y, probes=200, rng=np.random.default_rng(5))
    for row, traces in zip(theta, found, strict=True):
        H = hessian(network, row, x, y)
        diagonal = np.diag(matrix(H))
        assert set(traces) == {None, *range(len(network.widths) - 1)}
        for layer, estimate in traces.items():
            exact = diagonal.sum() if layer is None else diagonal[H.block(layer)[0]].sum()
            assert abs(estimate.value - exact) < 5 * estimate.standard_error
            assert 0 < estimate.standard_error < 0.2 * np.abs(diagonal).sum()


def test_trace_is_exact_where_the_hessian_is_diagonal() -> None:
    # inputs 1 and -1 in turn: the Hessian of (w, b) is the identity, and z'z is 2 for signs
    network, x = MLP((1, 1), loss="squared"), np.array([[1.0], [-1.0]])
    found = curvature.trace(network, np.zeros((1, 2)), x, x, probes=2, rng=np.random.default_rng(6))[0]
    assert (found[None].value, found[None].standard_error) == (2.0, 0.0)


def test_bad_arguments_are_refused() -> None:
    network = PLAIN[0]
    theta, x, y = ensemble(network)
    rng = np.random.default_rng(7)
    with pytest.raises(ValueError, match="threads must be a whole number >= 1, got 0"):
        curvature.extreme_eigenvalues(network, theta, x, y, threads=0, rng=rng)
    with pytest.raises(ValueError, match=r"parameters must have shape \(R, P\)"):
        curvature.extreme_eigenvalues(network, theta[0], x, y, rng=rng)
    with pytest.raises(ValueError, match="with 3 replicas in front"):
        curvature.extreme_eigenvalues(network, theta, x[None], y[None], rng=rng)
    with pytest.raises(ValueError, match="probes must be a whole number >= 2, got 1"):
        curvature.trace(network, theta, x, y, probes=1, rng=rng)
    with pytest.raises(ValueError, match=r"layer must lie in 0..1, got 5"):
        curvature.extreme_eigenvalues(network, theta, x, y, layer=5, rng=rng)
