"""The method of Davidson against dense eigenvalues, with good, bad and misleading likenesses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.davidson import davidson
from sim.lanczos import lanczos


def symmetric(seed: int, P: int) -> np.ndarray:
    A = np.random.default_rng(seed).standard_normal((P, P))
    return (A + A.T) / 2


def likeness(A: np.ndarray, kind: str) -> np.ndarray:
    """Return a good likeness, and three that are none."""
    noise = symmetric(99, len(A))
    return {"good": A + 0.05 * noise, "zero": 0 * A, "negative": -A, "unrelated": noise}[kind]


@pytest.mark.parametrize("end", ["largest", "smallest"])
@pytest.mark.parametrize("kind", ["good", "zero", "negative", "unrelated"])
def test_finds_the_outermost_eigenvalue_whatever_the_likeness(kind: str, end: str) -> None:
    for seed in range(4):
        A = symmetric(seed, 60)
        like, exact = likeness(A, kind), np.linalg.eigvalsh(A)
        start = np.random.default_rng(seed + 10).standard_normal(60)
        found = davidson(lambda v, A=A: A @ v, lambda v, L=like: L @ v, start, end=end, rtol=1e-8)
        assert found.converged
        assert found.products <= 60
        assert abs(found.values[0] - exact[-1 if end == "largest" else 0]) < 1e-10
        y = found.vectors[0]
        assert abs(np.linalg.norm(y) - 1) < 1e-12
        assert found.residuals[0] == pytest.approx(np.linalg.norm(A @ y - found.values[0] * y), rel=1e-3, abs=1e-13)


def test_a_good_likeness_saves_products() -> None:
    # a spectrum with few large values, as Hessians have, and a likeness that is off by a tenth of the largest
    saved = []
    for seed in range(6):
        Q = np.linalg.qr(symmetric(seed, 200))[0]
        A = (Q / (1 + np.arange(200) / 4)) @ Q.T
        like, start = A + 0.1 * symmetric(50, 200) / 20, np.random.default_rng(seed).standard_normal(200)
        found = davidson(lambda v, A=A: A @ v, lambda v, L=like: L @ v, start, rtol=1e-6, inner=8)
        saved.append(lanczos(lambda v, A=A: A @ v, start, rtol=1e-6).products / found.products)
    assert min(saved) > 1.5


@pytest.mark.parametrize("most", [1, 2, 5, 9])
def test_residual_bounds_the_error_before_convergence(most: int) -> None:
    A = symmetric(3, 40)
    found = davidson(lambda v: A @ v, lambda v: 0 * v, np.ones(40), most=most, rtol=1e-12)
    assert found.products == most
    assert not found.converged
    assert np.abs(np.linalg.eigvalsh(A) - found.values[0]).min() <= found.residuals[0] * (1 + 1e-12) + 1e-13


def test_float32_stays_float32() -> None:
    A = symmetric(5, 80).astype(np.float32)
    found = davidson(lambda v: A @ v, lambda v: A @ v, np.ones(80, np.float32), rtol=1e-5)
    assert found.vectors.dtype == np.float32
    assert found.converged
    assert found.values[0] == pytest.approx(np.linalg.eigvalsh(A.astype(float))[-1], rel=1e-5)


def test_goes_on_beyond_an_invariant_subspace() -> None:
    D = np.diag([1.0, 2, 3, 4, 5])
    found = davidson(lambda v: D @ v, lambda v: 0 * v, np.array([1.0, 1, 0, 0, 0]), rtol=1e-12, most=5)
    assert found.values[0] == pytest.approx(2)  # hidden from this start, as from that of Lanczos
    assert found.residuals[0] < 1e-12


@pytest.mark.parametrize(("arguments", "message"), [
    ({"inner": 0}, "inner must be a whole number >= 1, got 0"),
    ({"inner": True}, "inner must be a whole number >= 1, got True"),
    ({"rtol": 0.0}, "rtol must lie in"),
    ({"end": "middle"}, "unknown end 'middle'"),
])
def test_bad_arguments_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        davidson(lambda v: v, lambda v: v, np.ones(3), **arguments)


def test_bad_products_are_named() -> None:
    with pytest.raises(ValueError, match="not finite at step 0"):
        davidson(lambda v: v * np.inf, lambda v: v, np.ones(3))
    with pytest.raises(ValueError, match="must have shape"):
        davidson(lambda v: v[:2], lambda v: v, np.ones(3))
