"""Least-squares chains: exact moments by enumeration, simulation against them, streams, divergence, refusals."""

from __future__ import annotations

from itertools import combinations, product
from typing import Any

import numpy as np
import pytest

from sim import engines, least_squares
from sim.least_squares import Problem

ENGINES = [pytest.param(name, id=name) for name in engines.names()]


def _problem(N: int = 32, d: int = 4, B: int = 3, eta: float = 0.05, design: str = "wor") -> Problem:
    rng = np.random.default_rng(N + d)
    A = rng.standard_normal((N, d))
    return Problem(A, A @ np.ones(d) + rng.standard_normal(N), B, eta, design)


def _rng(seed: int = 0) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64DXSM(seed))


@pytest.mark.parametrize("design", ["wor", "wr"])
@pytest.mark.parametrize("B", [1, 2, 4])
def test_moments_by_listing_every_pair_of_batches(design: str, B: int) -> None:
    p = _problem(N=4, d=2, B=B, design=design)
    every = list(combinations(range(4), B) if design == "wor" else product(range(4), repeat=B))
    points, start = [np.array([0.3, -0.7])], np.array([0.3, -0.7])
    for _ in range(2):
        points = [
            t - p.eta / B * p.A[list(b)].T @ (p.A[list(b)] @ t - p.y[list(b)]) for t in points for b in every
        ]
    error = np.array(points) - p.optimum
    m, S = least_squares.moments_after(p, start, 2)
    assert np.allclose(m, error.mean(axis=0), rtol=1e-10)
    assert np.allclose(S, error.T @ error / len(error), rtol=1e-10)


@pytest.mark.parametrize("design", ["wor", "wr"])
def test_stationary_is_where_the_moments_settle(design: str) -> None:
    p = _problem(design=design)
    _, S = least_squares.moments_after(p, p.optimum + 1.0, 3_000)
    assert np.allclose(least_squares.stationary(p), S, rtol=1e-9, atol=1e-14)


def test_stationary_in_one_dimension_by_hand() -> None:
    # h = 1 for all: s = (1 - eta)^2 s + eta^2 k v
    y = np.array([0.0, 1.0, 2.0, 5.0])
    p = Problem(np.ones((4, 1)), y, 2, 0.1)
    k, v = 2 / (2 * 3), y.var()
    assert least_squares.stationary(p)[0, 0] == pytest.approx(0.01 * k * v / (1 - 0.81), rel=1e-12)


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize(("N", "B", "design"), [(32, 3, "wor"), (30, 3, "wor"), (30, 12, "wor"), (30, 3, "wr")])
def test_simulated_moments_are_the_exact_ones(name: str, N: int, B: int, design: str) -> None:
    p = _problem(N=N, B=B, design=design)
    start = p.optimum + np.array([0.5, -0.5, 0.2, 0.0])
    found = least_squares.simulate(p, 4_000, 40, start=start, engine=name, rng=_rng(1))
    m, S = least_squares.moments_after(p, start, 40)
    error = found.theta.astype(np.float64) - p.optimum
    each = error[:, :, None] * error[:, None, :]
    assert found.recorded == 1
    assert np.allclose(found.second, each.mean(axis=0), rtol=1e-10, atol=1e-14)
    assert (np.abs(found.mean - m) < 5 * error.std(axis=0) / np.sqrt(4_000)).all()
    assert (np.abs(found.second - S) < 5 * each.std(axis=0) / np.sqrt(4_000)).all()
    if design == "wor" and B == 12:
        # the near miss, noise as with replacement, is told apart
        _, other = least_squares.moments_after(Problem(p.A, p.y, B, p.eta, "wr"), start, 40)
        assert (np.abs(found.second - other) > 15 * each.std(axis=0) / np.sqrt(4_000)).any()


def test_records_average_the_stationary_state() -> None:
    p = _problem(eta=0.2)
    found = least_squares.simulate(p, 300, 2_000, burn=200, every=20, rng=_rng(2))
    assert found.recorded == 90
    assert np.trace(found.second) == pytest.approx(np.trace(least_squares.stationary(p)), rel=0.05)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_engines_and_threads_agree(dtype: str) -> None:
    pytest.importorskip("numba")
    p = _problem()
    a, b, c = (
        least_squares.simulate(p, 1_500, 60, engine=e, threads=t, dtype=dtype, rng=_rng(3))
        for e, t in (("numpy", 1), ("numba", 1), ("numba", 2))
    )
    assert a.theta.dtype == dtype
    assert (b.theta == c.theta).all()
    assert (b.second == c.second).all()
    assert np.abs(a.theta - b.theta).max() < (1e-5 if dtype == "float32" else 1e-13)


def test_blocks_do_not_see_how_many_follow() -> None:
    few, many = (least_squares.simulate(_problem(), n, 5, engine="numpy", rng=_rng(4)) for n in (1_024, 2_000))
    assert (few.theta == many.theta[:1_024]).all()


@pytest.mark.parametrize("name", ENGINES)
def test_divergence_is_recorded(name: str) -> None:
    p = _problem(eta=3.0)
    with np.errstate(all="raise"):
        found = least_squares.simulate(p, 50, 300, engine=name, rng=_rng(5))
    assert found.diverged
    assert ((found.diverged_at > 5) & (found.diverged_at < 300)).all()
    assert np.isnan(found.second).all()
    other = least_squares.simulate(p, 50, int(found.diverged_at.min()), engine=name, rng=_rng(5))
    assert not other.diverged
    with pytest.raises(ValueError, match=r"no stationary covariance: with eta = 3.0, B = 3 .* must be below 1"):
        least_squares.stationary(p)


def _with(**changed: Any) -> Problem:
    p = _problem()
    return Problem(**{"A": p.A, "y": p.y, "B": 3, "eta": 0.1, **changed})


def test_refusals() -> None:
    p = _problem()
    flat = p.A.copy()
    flat[:, 1] = flat[:, 0]
    for changed, words in (
        ({"eta": 0.0}, "eta must be finite and > 0, got 0.0"),
        ({"eta": np.inf}, "eta must be finite and > 0, got inf"),
        ({"B": 33}, "batch size 33 exceeds the 32 samples"),
        ({"A": flat}, "rank d = 4 .* got rank 3"),
        ({"y": p.y[1:]}, r"shapes \(N, d\) and \(N,\), got \(32, 4\) and \(31,\)"),
        ({"y": np.full(32, np.nan)}, "y must be finite"),
        ({"design": "other"}, "unknown design 'other'"),
    ):
        with pytest.raises(ValueError, match=words):
            _with(**changed)
    for given, words in (
        ({"chains": 0}, "chains must be a whole number >= 1, got 0"),
        ({"steps": 1.5}, "steps must be a whole number >= 1, got 1.5"),
        ({"burn": 10}, r"burn must be a whole number in 0..9, got 10"),
        ({"every": 0}, "every must be a whole number >= 1, got 0"),
        ({"threads": True}, "threads must be a whole number >= 1, got True"),
        ({"dtype": "float16"}, "allowed are float32, float64"),
        ({"start": np.ones(3)}, r"start must have shape \(4,\), got \(3,\)"),
    ):
        with pytest.raises(ValueError, match=words):
            least_squares.simulate(p, **{"chains": 5, "steps": 10, **given}, rng=_rng())
    with pytest.raises(ValueError, match="t must be a whole number >= 0, got -1"):
        least_squares.moments_after(p, p.optimum, -1)
    with pytest.raises(ValueError, match="at most 64 features, got 65"):
        least_squares.stationary(_problem(N=70, d=65))
