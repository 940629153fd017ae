"""The law of rescaled layers on ReLU networks: Hessians, gradients and their noise, exact to rounding."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from sim import engines
from sim.curvature import extreme_eigenvalues
from sim.hessian import hessian, matrix
from sim.networks import MLP

NETWORKS = [MLP((3, 5, 2), activation="relu"), MLP((3, 6, 5, 2), activation="relu", loss="squared"),
            MLP((3, 4, 2), activation="linear", loss="squared")]


def name(network: MLP) -> str:
    return f"{network.widths}-{network.activation}-{network.loss}"


def point(network: MLP, N: int = 40) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(11)
    theta = network.initial(1, rng=rng)[0] + 0.2 * rng.standard_normal(network.size)
    x, K = rng.standard_normal((N, network.widths[0])), network.widths[-1]
    return theta, x, rng.standard_normal((N, K)) if network.loss == "squared" else rng.integers(0, K, N)


def scales(network: MLP, layer: int, alpha: float) -> np.ndarray:
    """The diagonal of D: alpha for a layer's weights and biases, one over it for the next layer's weights."""
    D = np.ones(network.size)
    for slot in network.slots:
        if slot.layer == layer:
            D[slot.start : slot.stop] = alpha
        elif slot.layer == layer + 1 and slot.name == "W":
            D[slot.start : slot.stop] = 1 / alpha
    return D


LAYERS = [(network, layer) for network in NETWORKS for layer in range(len(network.widths) - 2)]


@pytest.mark.parametrize("engine", engines.names())
@pytest.mark.parametrize(("network", "layer"), LAYERS, ids=lambda v: name(v) if isinstance(v, MLP) else str(v))
def test_products_with_the_rescaled_hessian(network: MLP, layer: int, engine: str) -> None:
    theta, x, y = point(network)
    H = hessian(network, theta, x, y, engine=engine)
    for alpha in (4.0, 1 / 8, 3.0):
        D = scales(network, layer, alpha)
        rescaled = hessian(network, D * theta, x, y, engine=engine)
        for v in np.random.default_rng(12).standard_normal((3, network.size)):
            expected = H.times(v / D) / D
            # powers of two change no digit of any intermediate result
            spread = 0.0 if alpha != 3.0 else 1e-13 * np.abs(expected).max()
            assert np.abs(rescaled.times(v) - expected).max() <= spread
            # neither the Hessian itself nor the inverse factors
            assert np.abs(rescaled.times(v) - H.times(v)).max() > 1e-3
            assert np.abs(rescaled.times(v) - H.times(v * D) * D).max() > 1e-3


@pytest.mark.parametrize("network", NETWORKS, ids=name)
def test_the_function_stays_and_gradients_and_their_noise_scale(network: MLP) -> None:
    theta, x, y = point(network)
    D = scales(network, 0, 4.0)
    assert (network.outputs((D * theta)[None], x) == network.outputs(theta[None], x)).all()
    each, rescaled = (network.example_gradients(t[None], x[None], y[None])[0] for t in (theta, D * theta))
    assert (rescaled == each / D).all()
    noise, changed = (np.cov(g.T, bias=True) for g in (each, rescaled))
    assert np.allclose(changed, noise / np.outer(D, D), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("network", NETWORKS[:2], ids=name)
def test_trace_and_sharpness_have_no_upper_limit(network: MLP) -> None:
    theta, x, y = point(network)
    plain = matrix(hessian(network, theta, x, y))
    inner, outer, rest = (scales(network, 0, 4.0) == s for s in (4.0, 0.25, 1.0))
    assert inner.sum() + outer.sum() + rest.sum() == network.size
    blocks = [np.trace(plain[np.ix_(part, part)]) for part in (inner, outer, rest)]
    sharpness = []
    for alpha in (1.0, 16.0, 256.0):
        D = scales(network, 0, alpha)
        whole = matrix(hessian(network, D * theta, x, y))
        trace = blocks[0] / alpha**2 + blocks[1] * alpha**2 + blocks[2]
        assert np.trace(whole) == pytest.approx(trace, rel=1e-11)
        (found,) = extreme_eigenvalues(network, (D * theta)[None], x, y, rtol=1e-6, rng=np.random.default_rng(0))
        sharpness.append(float(found.values[0]))
        # a diagonal entry bounds the largest eigenvalue from below
        assert sharpness[-1] >= alpha**2 * np.diag(plain)[outer].max() * (1 - 1e-5)
    for low, high in pairwise(sharpness):
        assert high > 50 * low


def test_the_determinant_stays_where_blocks_are_equal() -> None:
    # one weight before, one after: two blocks of one; squared loss off its minimum, so that mixed entries matter
    network = MLP((1, 1, 1), activation="relu", loss="squared")
    theta, x, y = np.array([1.5, 0.0, 0.5, 0.0]), np.array([[1.0], [2.0], [-1.0]]), np.array([[1.0], [0.5], [0.25]])
    weights = [slot.start for slot in network.slots if slot.name == "W"]
    found = []
    for alpha in (1.0, 8.0):
        whole = matrix(hessian(network, scales(network, 0, alpha) * theta, x, y))
        found.append(np.linalg.det(whole[np.ix_(weights, weights)]))
    assert found[1] == pytest.approx(found[0], rel=1e-12)
    assert found[0] != pytest.approx(0, abs=1e-3)
