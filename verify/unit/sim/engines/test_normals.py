"""Normal variates: the stream itself, the law of the float32 ones, equal draws of both engines; the tree by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from sim import engines
from sim.engines.with_numpy import normals
from sim.engines.with_numpy.normals import PAIRS

ENGINES = [pytest.param(name, id=name) for name in engines.names()]


def _rng(seed: int = 0) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64DXSM(seed))


def _kernels(name: str) -> Any:
    return engines.choose(name).normals


@pytest.mark.parametrize("name", ENGINES)
def test_double_is_the_stream_of_the_generator(name: str) -> None:
    one, two = _rng(), _rng()
    out = _kernels(name).double(np.empty((3, 67)), rng=one)
    assert (out == two.standard_normal((3, 67))).all()
    assert one.random() == two.random()


@pytest.mark.parametrize("name", ENGINES)
def test_single_is_normal(name: str) -> None:
    x = _kernels(name).single(np.empty(200_000, dtype=np.float32), rng=_rng(3))
    assert x.dtype == np.float32
    assert stats.kstest(x, "norm").pvalue > 1e-3
    # the halves of a pair are independent: their squares and their product as well
    c, s = x[:PAIRS].astype(np.float64), x[PAIRS : 2 * PAIRS].astype(np.float64)
    for product in (c * s, (c * c - 1) * (s * s - 1) / 2):
        assert abs(product.mean()) < 4 / np.sqrt(PAIRS)
    assert abs((x.astype(np.float64) ** 4).mean() - 3) < 4 * np.sqrt(96 / x.size)


def test_single_by_the_formula() -> None:
    """In float64, from the same words; the layout is cosines, then sines."""
    n = 2 * PAIRS + 5
    found = normals.single(np.empty(n, dtype=np.float32), rng=_rng(1))
    words = _rng(1).integers(0, 2**64 - 1, size=PAIRS + 3, dtype=np.uint64, endpoint=True)
    u = ((words & np.uint64(0xFFFFFFFF)) >> np.uint64(1)).astype(np.float64) + 0.5
    v = (words >> np.uint64(32)).astype(np.uint32).view(np.int32).astype(np.float64)
    radius, angle = np.sqrt(-2 * np.log(u * 2.0**-31)), v * 2.0**-31 * np.pi
    first, last = slice(0, PAIRS), slice(PAIRS, PAIRS + 3)
    expected = [f(angle[part]) * radius[part] for part in (first, last) for f in (np.cos, np.sin)]
    assert np.allclose(found, np.concatenate(expected)[:n], rtol=0, atol=4e-6)


@pytest.mark.parametrize("n", [1, 2, 3, 2 * PAIRS - 1, 2 * PAIRS, 2 * PAIRS + 1, 70_001])
def test_engines_turn_the_same_words(n: int) -> None:
    pytest.importorskip("numba")
    one, two = _rng(n), _rng(n)
    a = _kernels("numpy").single(np.empty(n, dtype=np.float32), rng=one)
    b = _kernels("numba").single(np.empty(n, dtype=np.float32), rng=two)
    assert np.abs(a - b).max() <= 4e-6
    assert one.random() == two.random()


class _Words:
    """A stream of chosen words."""

    def __init__(self, *words: int) -> None:
        self._words = words

    def integers(self, low: int, high: int, *, size: int, dtype: Any, endpoint: bool) -> np.ndarray:
        return np.resize(np.array(self._words, dtype=np.uint64), size)


@pytest.mark.parametrize("name", ENGINES)
def test_the_ends_of_the_grid_are_finite(name: str) -> None:
    ends = (0, 2**64 - 1, 0xFFFFFFFF, 1 << 63, 0xFFFFFFFF << 32, (1 << 63) | 0xFFFFFFFF)
    x = _kernels(name).single(np.empty(12, dtype=np.float32), rng=_Words(*ends))
    assert np.isfinite(x).all()
    assert np.abs(x).max() == pytest.approx(np.sqrt(-2 * np.log(0.5 * 2.0**-31)), rel=1e-6)


@pytest.mark.parametrize("name", ENGINES)
def test_tree_is_the_moments_of_the_batches_written_out(name: str) -> None:
    rng, P, n = _rng(4), 3, 5
    x = rng.standard_normal((P, 8 * n)).astype(np.float32)
    mean, square, sums = np.empty(8 * n, np.float32), np.empty(8 * n, np.float32), np.full((3, 4), 10.0)
    kernels = _kernels(name)
    kernels.collapse(x.copy(), mean, square)
    assert np.allclose(mean, x.mean(axis=0), atol=1e-6)
    assert np.allclose(square, x.var(axis=0) * P, rtol=1e-5)
    kernels.tree(mean, square, P, sums)
    for level in range(3):
        B = 2 ** (level + 1)
        # batch i of B joins the entries a B-th of the array apart
        batches = x.astype(np.float64).reshape(P, B, -1).transpose(2, 0, 1).reshape(8 * n // B, -1)
        m, v = batches.mean(axis=1), batches.var(axis=1)
        expected = 10 + np.array([m.sum(), (m * m).sum(), v.sum(), (v * v).sum()])
        assert np.allclose(sums[level], expected, rtol=1e-5)


@pytest.mark.parametrize("name", ENGINES)
def test_refusals(name: str) -> None:
    with pytest.raises(ValueError, match="contiguous float64 array, got float32"):
        _kernels(name).double(np.empty(3, np.float32), rng=_rng())
    with pytest.raises(ValueError, match="contiguous float32 array, got float64"):
        _kernels(name).single(np.empty(3), rng=_rng())
