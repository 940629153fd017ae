"""Steps of least-squares chains against the update written out, and between engines; divergence with its step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim import engines
from sim.engines.with_numpy.chains import padded_width

ENGINES = [pytest.param(name, id=name) for name in engines.names()]


def _setup(d: int, B: int, dtype: Any, columns: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng, N, C, T = np.random.default_rng(d + B), 30, 700, 6
    rows, theta = np.zeros((N, padded_width(d)), dtype), np.zeros((C, padded_width(d)), dtype)
    rows[:, : d + 1] = rng.standard_normal((N, d + 1))
    theta[:, :d], theta[:, d] = rng.standard_normal((C, d)), -1
    return rows, theta, rng.integers(0, N, size=(T, C, columns), dtype=np.uint8)


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-12), (np.float32, 1e-4)])
@pytest.mark.parametrize(
    ("d", "B", "columns"), [(3, 1, 8), (20, 8, 8), (7, 3, 3), (8, 5, 8), (15, 11, 11), (31, 12, 12)]
)
def test_steps_written_out(name: str, dtype: Any, rtol: float, d: int, B: int, columns: int) -> None:
    rows, theta, indices = _setup(d, B, dtype, columns)
    expected = theta[:, :d].astype(np.float64)
    A, y = rows[:, :d].astype(np.float64), rows[:, d].astype(np.float64)
    for chosen in indices[:, :, :B]:
        residual = (A[chosen] @ expected[:, :, None])[:, :, 0] - y[chosen]
        expected = expected - 0.02 * np.einsum("cb,cbd->cd", residual, A[chosen])
    noted = np.full(len(theta), -1)
    engines.choose(name).chains.advance(rows, theta, indices, B, 0.02, last=d, first=0, diverged_at=noted)
    assert (noted == -1).all()
    assert (theta[:, d] == -1).all()
    assert (theta[:, d + 1 :] == 0).all()
    assert np.abs(theta[:, :d] - expected).max() <= rtol * np.abs(expected).max()


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("B", [3, 10])
def test_divergence_is_noted_with_its_step_and_stays(name: str, B: int) -> None:
    rows, theta, indices = _setup(5, B, np.float32, 10)
    theta[13, :5] = 3e38
    rows[:, :5] = 2.0
    noted = np.full(len(theta), -1)
    before = theta[13].copy()
    with np.errstate(over="ignore", invalid="ignore"):
        engines.choose(name).chains.advance(
            rows, theta, indices, B, 1e-3, last=5, first=40, diverged_at=noted
        )
    assert noted[13] == 40
    assert (np.delete(noted, 13) == -1).all()
    assert (theta[13] == before).all()
    assert np.isfinite(theta).all()


@pytest.mark.parametrize("name", ENGINES)
def test_a_chain_far_away_but_finite_walks_on(name: str) -> None:
    rows, theta, indices = _setup(5, 8, np.float32, 8)
    # squares of its residuals overflow, their sum does not
    theta[13, :5] = 1e25
    expected = theta[13, :5].astype(np.float64)
    A, y = rows[:, :5].astype(np.float64), rows[:, 5].astype(np.float64)
    for chosen in indices[:, 13]:
        expected = expected - 0.02 * (A[chosen] @ expected - y[chosen]) @ A[chosen]
    noted = np.full(len(theta), -1)
    engines.choose(name).chains.advance(rows, theta, indices, 8, 0.02, last=5, first=0, diverged_at=noted)
    assert (noted == -1).all()
    assert np.abs(theta[13, :5] - expected).max() <= 1e-4 * np.abs(expected).max()


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("B", [1, 5, 8])
def test_walking_packed_batches_is_drawing_and_advancing(name: str, B: int) -> None:
    rows, theta, _ = _setup(5, B, np.float64, 8)
    rows, other = rows[:16], theta.copy()
    kernels = engines.choose(name)
    one, two = (np.random.Generator(np.random.PCG64DXSM(7)) for _ in range(2))
    # a chain that starts beyond all bounds, and a row that ends every chain whose batch holds it, sooner or later
    theta[3, :5] = other[3, :5] = np.inf
    rows[0, :5] = 1e308 * np.array([1, 1, 1, -1, 1])
    noted, told = np.full(len(theta), -1), np.full(len(theta), -1)
    with np.errstate(over="ignore", invalid="ignore"):
        kernels.chains.walk_packed(
            rows, theta, B, 0.02, steps=7, at_once=3, last=5, first=10, diverged_at=noted, rng=one
        )
        for start, some in ((0, 3), (3, 3), (6, 1)):
            drawn = kernels.subsets.packed(16, B, some * len(other), rng=two).reshape(some, len(other), 8)
            kernels.chains.advance(rows, other, drawn, B, 0.02, last=5, first=10 + start, diverged_at=told)
    assert (theta == other).all()
    assert (noted == told).all() and noted[3] == 10
    assert len(set(noted)) > 3  # not at one step, and not all of them
    assert (noted == -1).any()
    assert one.random() == two.random()
