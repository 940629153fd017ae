"""The interleaved products against the plain ones and against a Hessian by differences."""

from __future__ import annotations

import numpy as np
import pytest

from sim import engines, tangents
from sim import hessian as module
from sim.hessian import Hessian, hessian, matrix
from sim.networks import MLP
from verify.unit.sim.test_tangents import STEP, name

PLAIN = [
    MLP((3, 4, 2)),
    MLP((3, 2), loss="squared"),
    MLP((3, 2)),
    MLP((5, 7, 6, 3), activation="gelu"),
    MLP((5, 7, 6, 3), activation="relu"),
    MLP((5, 6, 7, 4, 3), activation="tanh", loss="squared"),
    MLP((5, 7, 3), activation="linear", loss="squared"),
]
NORMED = [MLP((4, 6, 3), activation="tanh", norm=kind, eps=0.1) for kind in ("batch", "layer", "rms")]


def point(network: MLP, N: int = 150) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    theta = network.initial(1, rng=rng)[0] + 0.1 * rng.standard_normal(network.size)
    x, K = rng.standard_normal((N, network.widths[0])), network.widths[-1]
    return theta, x, rng.standard_normal((N, K)) if network.loss == "squared" else rng.integers(0, K, N)


@pytest.mark.parametrize("engine", engines.names())
@pytest.mark.parametrize("network", [*PLAIN, *NORMED], ids=name)
def test_products_equal_those_of_the_plain_form(network: MLP, engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    theta, x, y = point(network)
    # chunks of 64: more than one, of different lengths
    monkeypatch.setattr(module, "_CHUNK_BYTES", 1)
    H = hessian(network, theta, x, y, engine=engine)
    at = tangents.primal(network, theta[None], x, y)
    for v in np.random.default_rng(4).standard_normal((3, network.size)):
        plain = tangents.product(at, v[None])[0]
        assert np.allclose(H.times(v), plain, rtol=0, atol=1e-13 * np.abs(plain).max())


@pytest.mark.parametrize("network", [PLAIN[0], PLAIN[1], NORMED[0]], ids=name)
def test_matrix_by_differences(network: MLP) -> None:
    theta, x, y = point(network, N=7)
    columns = []
    for e in np.eye(network.size):
        up, down = (network.gradient((theta + s * STEP * e)[None], x, y)[1][0] for s in (1, -1))
        columns.append((up - down) / (2 * STEP))
    found = matrix(hessian(network, theta, x, y))
    # third derivatives along a coordinate below 5000, gradients below 10
    assert np.allclose(found, columns, rtol=0, atol=5000 * STEP**2 / 6 + 100 * 1.2e-16 * 10 / STEP)
    assert np.allclose(found, found.T, rtol=0, atol=1e-13)


def test_linear_regression_by_hand() -> None:
    # loss (w x + b - y)^2 / 2 has the Hessian of the mean of (x, 1)(x, 1)'
    H = hessian(MLP((1, 1), loss="squared"), np.array([3.0, -1.0]), np.array([[1.0], [2.0]]), np.zeros((2, 1)))
    assert np.allclose(matrix(H), [[2.5, 1.5], [1.5, 1.0]], rtol=1e-15)


@pytest.mark.parametrize("engine", engines.names())
def test_float32_is_near_float64(engine: str) -> None:
    network = PLAIN[4]
    theta, x, y = point(network)
    v = np.random.default_rng(5).standard_normal(network.size)
    single = hessian(network, theta.astype(np.float32), x, y, engine=engine).times(v)
    double = hessian(network, theta.astype(np.float32).astype(np.float64), x.astype(np.float32), y).times(v)
    assert single.dtype == np.float32
    # sums of 150 terms in float32
    assert np.allclose(single, double, rtol=0, atol=1e-5 * np.abs(double).max())


def test_a_second_product_does_not_see_the_first() -> None:
    H, v = hessian(PLAIN[3], *point(PLAIN[3])), np.random.default_rng(6).standard_normal((2, PLAIN[3].size))
    first = H.times(v[0])
    H.times(v[1])
    assert (H.times(v[0]) == first).all()


@pytest.mark.parametrize("network", [PLAIN[3], NORMED[1]], ids=name)
def test_block_is_the_diagonal_block(network: MLP) -> None:
    H: Hessian = hessian(network, *point(network, N=9))
    within, times = H.block(1)
    whole = matrix(H)
    assert within.start == next(s.start for s in network.slots if s.layer == 1)
    v = np.arange(1.0, within.stop - within.start + 1)
    assert np.allclose(times(v), whole[within, within] @ v, rtol=0, atol=1e-10)
    with pytest.raises(ValueError, match=r"layer must lie in 0..\d, got 7"):
        H.block(7)


def test_bad_inputs_are_refused() -> None:
    network = PLAIN[0]
    theta, x, y = point(network)
    spoiled = x.copy()
    spoiled[3, 1] = np.nan
    for arguments, message in (
        ((theta[None], x, y), r"parameters must have shape \(26,\), got \(1, 26\)"),
        ((theta.astype(int), x, y), "parameters must be float32 or float64, got int64"),
        ((theta, x[:, :2], y), r"inputs must have shape \(N, 3\) with N >= 1, got \(150, 2\)"),
        ((theta, x[:0], y[:0]), r"got \(0, 3\)"),
        ((theta, x, y[:4]), r"labels or targets must have shape \(150,\), got \(4,\)"),
        ((theta, x, y + 1.5), "labels must be whole numbers, got float64"),
        ((theta, x, y + 1), r"labels must lie in 0..1, got 1..2"),
        ((theta, spoiled, y), r"inputs must be finite, got nan at index \(3, 1\)"),
        ((theta * np.inf, x, y), "parameters must be finite"),
    ):
        with np.errstate(invalid="ignore"), pytest.raises(ValueError, match=message):
            hessian(network, *arguments)
    with pytest.raises(ValueError, match="unknown engine 'x'"):
        hessian(network, theta, x, y, engine="x")
    with pytest.raises(ValueError, match=r"a direction must have shape \(26,\), got \(25,\)"):
        hessian(network, theta, x, y).times(np.zeros(25))
    with pytest.raises(ValueError, match="needs at least 2 samples per channel, got 1"):
        hessian(NORMED[0], *point(NORMED[0], N=1))
