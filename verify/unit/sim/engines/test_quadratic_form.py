"""The Gram matrix and its sums against the gradients written out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim import engines

ENGINES = [pytest.param(name, id=name) for name in engines.names()]
SIZES = (1, 2, 16, 45, 100)


def _kernels(name: str) -> Any:
    return engines.choose(name).quadratic_form


def _problem(N: int, dtype: Any) -> tuple[list[tuple[np.ndarray, np.ndarray]], list[np.ndarray], np.ndarray]:
    """Factors of two dense layers and of one norm, and the Gram matrix of their gradients, written out."""
    rng = np.random.default_rng(N)
    dense = [(rng.standard_normal((N, i)), rng.standard_normal((N, o))) for i, o in ((5, 7), (7, 3))]
    others = [rng.standard_normal((N, 7))]
    parts = [(np.concatenate([x, np.ones((N, 1))], axis=1)[:, :, None] * d[:, None]).reshape(N, -1) for x, d in dense]
    each = np.concatenate([*parts, *others], axis=1)
    cast = [(x.astype(dtype), d.astype(dtype)) for x, d in dense]
    return cast, [e.astype(dtype) for e in others], each @ each.T


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-13), (np.float32, 1e-5)])
@pytest.mark.parametrize("N", [1, 7, 128, 700])
def test_half_gram(name: str, dtype: Any, rtol: float, N: int) -> None:
    dense, others, K = _problem(N, dtype)
    half = _kernels(name).half_gram(dense, others)
    assert half.dtype == dtype
    assert (half == np.tril(half)).all()
    assert np.abs(half + half.T - K).max() <= rtol * np.abs(K).max()


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-12), (np.float32, 1e-4)])
@pytest.mark.parametrize("N", [101, 331, 1700])
def test_prefix_forms(name: str, dtype: Any, rtol: float, N: int) -> None:
    dense, others, K = _problem(N, dtype)
    half = _kernels(name).half_gram(dense, others)
    rng = np.random.default_rng(1)
    batches = np.array([rng.permutation(N)[:100] for _ in range(30)], dtype=np.uint16)
    found = _kernels(name).prefix_forms(half, batches, SIZES)
    for k, b in enumerate(SIZES):
        expected = np.array([K[np.ix_(row[:b], row[:b])].sum() for row in batches.astype(int)])
        assert np.abs(found[:, k] - expected).max() <= rtol * np.abs(expected).max()


@pytest.mark.parametrize("name", ENGINES)
def test_a_batch_of_all(name: str) -> None:
    dense, others, K = _problem(64, np.float64)
    half = _kernels(name).half_gram(dense, others)
    batches = np.arange(64, dtype=np.uint8)[None]
    assert _kernels(name).prefix_forms(half, batches, (64,))[0, 0] == pytest.approx(K.sum(), rel=1e-12)


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("sizes", [(), (0, 2), (2, 2), (3, 2), (2, 5)])
def test_sizes_are_refused(name: str, sizes: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"increasing and in 1..4"):
        _kernels(name).prefix_forms(np.eye(9), np.zeros((1, 4), dtype=np.uint8), sizes)


@pytest.mark.parametrize("name", ENGINES)
def test_indices_are_refused(name: str) -> None:
    for bad in (np.zeros((1, 4), dtype=np.int64), np.full((1, 4), 9, dtype=np.uint8)):
        with pytest.raises(ValueError, match="unsigned indices below 9"):
            _kernels(name).prefix_forms(np.eye(9), bad, (2,))
