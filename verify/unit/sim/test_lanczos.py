"""Lanczos against dense eigenvalues; the residual is a bound whatever the iteration did."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.lanczos import lanczos


def symmetric(seed: int, P: int) -> np.ndarray:
    A = np.random.default_rng(seed).standard_normal((P, P))
    return (A + A.T) / 2


@pytest.mark.parametrize("end", ["largest", "smallest"])
@pytest.mark.parametrize("seed", range(4))
def test_finds_the_extreme_eigenvalues(seed: int, end: str) -> None:
    A = symmetric(seed, 50)
    exact = np.linalg.eigvalsh(A)
    exact = exact[::-1][:3] if end == "largest" else exact[:3]
    start = np.random.default_rng(seed + 10).standard_normal(50)
    found = lanczos(lambda v: A @ v, start, k=3, end=end, rtol=1e-8)
    assert found.converged
    assert found.products <= 50
    # an error of the second order in the residual, over gaps that exceed 0.01 here
    assert np.allclose(found.values, exact, rtol=0, atol=1e-10)
    measured = np.linalg.norm(found.vectors @ A - found.values[:, None] * found.vectors, axis=1)
    assert np.allclose(found.residuals, measured, rtol=1e-3, atol=1e-13)
    assert np.allclose(found.vectors @ found.vectors.T, np.eye(3), atol=1e-12)


@pytest.mark.parametrize("most", [1, 2, 4, 8, 16])
def test_residual_bounds_the_error_before_convergence(most: int) -> None:
    for seed in range(10):
        A = symmetric(seed, 30)
        found = lanczos(lambda v, A=A: A @ v, np.random.default_rng(seed).standard_normal(30), most=most, rtol=1e-12)
        nearest = np.abs(np.linalg.eigvalsh(A) - found.values[0]).min()
        assert nearest <= found.residuals[0] * (1 + 1e-12) + 1e-13
        assert not found.converged
        assert found.products == most


def test_float32_keeps_its_orthogonality() -> None:
    # a spectrum over six decades, where the plain recurrence loses it
    values = 10.0 ** np.linspace(-6, 0, 200)
    Q = np.linalg.qr(np.random.default_rng(1).standard_normal((200, 200)))[0]
    A = ((Q * values) @ Q.T).astype(np.float32)
    found = lanczos(lambda v: A @ v, np.ones(200, np.float32), k=5, rtol=1e-5, most=60)
    assert found.vectors.dtype == np.float32
    assert np.allclose(found.values, values[::-1][:5], rtol=1e-5)


def test_goes_on_beyond_an_invariant_subspace() -> None:
    D = np.diag([1.0, 1, 1, 2, 2, 3])
    found = lanczos(lambda v: D @ v, np.ones(6), k=6)
    assert np.allclose(found.values, [3, 2, 2, 1, 1, 1])
    assert (found.residuals < 1e-14).all()


def test_zero_operator() -> None:
    found = lanczos(lambda v: 0 * v, np.ones(4), k=2)
    assert found.values.tolist() == [0.0, 0.0]
    assert found.converged


def test_one_product_for_one_dimension() -> None:
    found = lanczos(lambda v: -2 * v, np.array([3.0]))
    assert (found.values[0], found.residuals[0], found.products) == (-2.0, 0.0, 1)


@pytest.mark.parametrize(
    ("start", "arguments", "message"),
    [
        (np.ones((2, 2)), {}, "float32 or float64 vector"),
        (np.ones(2, int), {}, "got int64"),
        (np.zeros(2), {}, "finite and not zero"),
        (np.array([1.0, np.nan]), {}, "finite and not zero"),
        (np.ones(2), {"k": 3}, r"k must be a whole number in 1..2, got 3"),
        (np.ones(2), {"end": "top"}, "unknown end 'top'"),
        (np.ones(2), {"rtol": 0}, r"rtol must lie in \(0, 1\), got 0"),
        (np.ones(2), {"k": 2, "most": 1}, "most must be a whole number >= k = 2, got 1"),
    ],
)
def test_bad_arguments_are_refused(start: np.ndarray, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        lanczos(lambda v: v, start, **arguments)


def test_bad_products_are_refused() -> None:
    with pytest.raises(ValueError, match="not finite at Lanczos step 0"):
        lanczos(lambda v: v * np.inf, np.ones(3))
    with pytest.raises(ValueError, match=r"shape \(3,\), got \(2,\)"):
        lanczos(lambda v: v[:2], np.ones(3))
