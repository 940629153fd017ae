"""What lies between the matrix products of a Hessian product, by its definition and in both engines."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.engines import choose, names


def kernels(engine: str) -> Any:
    return choose(engine).tangent_rows


def arrays(dtype: type) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    n, K = 7, 5
    p = rng.dirichlet(np.ones(K), n)
    found = [rng.standard_normal((n, K)), rng.standard_normal(K), p, rng.standard_normal((n, K))]
    return [a.astype(dtype) for a in (*found, rng.standard_normal((n, K)), rng.standard_normal(K))]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("engine", names("tangent_rows"))
def test_ahead(engine: str, dtype: type) -> None:
    Rz, c, slope, *_ = arrays(dtype)
    into = np.full((7, 10), 3, dtype)
    z = Rz + c
    kernels(engine).ahead(Rz, c, slope, into, 5)
    assert (Rz == z).all()
    assert (into[:, 5:] == z * slope).all()
    assert (into[:, :5] == 3).all()


@pytest.mark.parametrize("soft", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("engine", names("tangent_rows"))
def test_outputs(engine: str, dtype: type, soft: bool) -> None:
    Rz, c, p, _, _, sums = arrays(dtype)
    into, before = np.full((7, 10), 3, dtype), sums.copy()
    exact = (Rz + c) * 0.125
    if soft:
        exact = np.stack([(np.diag(q) - np.outer(q, q)) @ row for q, row in zip(p, exact, strict=True)])
    kernels(engine).outputs(Rz, c, p if soft else None, 0.125, into, 5, sums)
    # a dozen roundings of entries below 1
    bound = 20 * np.finfo(dtype).eps
    assert np.allclose(into[:, 5:], exact, rtol=0, atol=bound)
    assert np.allclose(sums - before, exact.sum(axis=0), rtol=0, atol=7 * bound)
    assert (into[:, :5] == 3).all()


@pytest.mark.parametrize("bends", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("engine", names("tangent_rows"))
def test_back(engine: str, dtype: type, bends: bool) -> None:
    Rh, _, slope, bent, Rz, sums = arrays(dtype)
    exact, before = Rh * slope + (bent * Rz if bends else 0), sums.copy()
    into = np.full((7, 10), 3, dtype)
    kernels(engine).back(Rh.copy(), slope, bent if bends else None, Rz.copy(), into, 5, sums)
    bound = 50 * np.finfo(dtype).eps
    assert np.allclose(into[:, 5:], exact, rtol=0, atol=bound)
    assert np.allclose(sums - before, exact.sum(axis=0), rtol=0, atol=7 * bound)
    assert (into[:, :5] == 3).all()
    # onto itself, as for the lowest layer
    kernels(engine).back(Rh, slope, bent if bends else None, Rz, Rh, 0, sums)
    assert np.allclose(Rh, exact, rtol=0, atol=bound)
