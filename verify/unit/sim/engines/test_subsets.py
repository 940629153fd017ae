"""Samplers of the engines: uniform on the ordered batches, by enumeration and by chi-square; equal draws."""

from __future__ import annotations

from collections import Counter
from itertools import permutations
from math import perm
from typing import Any

import numpy as np
import pytest
from scipy import stats

from sim import engines
from sim.engines.with_numpy import subsets

ENGINES = [pytest.param(name, id=name) for name in engines.names()]


def _rng(seed: int = 0) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64DXSM(seed))


def _kernels(name: str) -> Any:
    return engines.choose(name).subsets


def _p_value(rows: np.ndarray, N: int) -> float:
    """Chi-square p-value of uniformity on the ordered batches."""
    counts = Counter(map(tuple, rows.tolist()))
    every = list(permutations(range(N), rows.shape[1]))
    assert set(counts) <= set(every)
    return float(stats.chisquare([counts[each] for each in every]).pvalue)


@pytest.mark.parametrize(("N", "B"), [(6, 1), (6, 2), (6, 3), (7, 3), (5, 4), (5, 5), (4, 2)])
@pytest.mark.parametrize("name", ENGINES)
def test_ordered_is_uniform_on_the_ordered_batches(name: str, N: int, B: int) -> None:
    rows = _kernels(name).ordered(N, B, 60 * perm(N, B), rng=_rng(N + B))
    assert _p_value(rows, N) > 1e-3


@pytest.mark.parametrize(("N", "B"), [(2, 2), (4, 2), (4, 3), (4, 4), (8, 3)])
@pytest.mark.parametrize("name", ENGINES)
def test_packed_is_uniform_on_the_ordered_batches(name: str, N: int, B: int) -> None:
    rows = _kernels(name).packed(N, B, 60 * perm(N, B), rng=_rng(N + B))
    assert (rows[:, B:] == 0).all()
    assert _p_value(rows[:, :B], N) > 1e-3


def test_sorting_fails_the_test_of_uniform_order() -> None:
    rows = np.sort(subsets.ordered(6, 3, 60 * perm(6, 3), rng=_rng()), axis=1)
    assert _p_value(rows, 6) < 1e-9


@pytest.mark.parametrize("b", [1, 16, 256])
@pytest.mark.parametrize("name", ENGINES)
def test_every_prefix_includes_every_index_alike(name: str, b: int) -> None:
    N, n = 1797, 2_000
    rows = _kernels(name).ordered(N, 256, n, rng=_rng(2))
    assert rows.dtype == np.uint16
    assert (np.diff(np.sort(rows, axis=1).astype(int), axis=1) > 0).all()
    counts, q = np.bincount(rows[:, :b].reshape(-1), minlength=N), b / N
    # chi-square with N - 1 degrees of freedom; see the tests of `sim.designs`
    statistic = float(((counts - n * q) ** 2).sum() / (n * q * (1 - q)) * (N - 1) / N)
    assert 1e-4 < stats.chi2.sf(statistic, N - 1) < 1 - 1e-4


def test_two_bytes_are_equal_exactly_where_found_so() -> None:
    """All pairs of bytes that differ in one bit or none, at all places, for every B."""
    for B in range(2, 9):
        bits, turns = subsets.word_masks(256, B)
        base = np.arange(1, 9, dtype=np.uint64) * np.uint64(29)
        for i in range(8):
            for j in range(i):
                for flip in (0, 1, 128):
                    row = base.copy()
                    row[i] = row[j] ^ np.uint64(flip)
                    word = (row << (np.arange(8, dtype=np.uint64) * np.uint64(8))).sum(dtype=np.uint64)
                    distinct = len(set(row[:B].tolist())) == B
                    assert subsets._repeats(np.array([word & bits]), turns)[0] == (not distinct)


SIZES = [(1797, 256), (1797, 1), (1797, 1000), (10, 5), (7, 2), (9, 8), (50_000, 20), (70_000, 4), (300_000, 3)]


@pytest.mark.parametrize(("N", "B"), SIZES)
def test_engines_draw_the_same_ordered_batches(N: int, B: int) -> None:
    pytest.importorskip("numba")
    one, two = _rng(N), _rng(N)
    a, b = (_kernels(e).ordered(N, B, 300, rng=r) for e, r in (("numpy", one), ("numba", two)))
    assert a.dtype == b.dtype
    assert (a == b).all()
    assert all(len(set(row)) == B for row in a.tolist())
    assert one.random() == two.random()


@pytest.mark.parametrize(("N", "B"), [(256, 8), (256, 1), (8, 8), (2, 1), (64, 5)])
def test_engines_draw_the_same_words(N: int, B: int) -> None:
    pytest.importorskip("numba")
    one, two = _rng(N), _rng(N)
    a, b = (_kernels(e).packed(N, B, 40_000, rng=r) for e, r in (("numpy", one), ("numba", two)))
    assert (a == b).all()
    assert a.max() < N
    assert one.random() == two.random()


@pytest.mark.parametrize("name", ENGINES)
def test_nothing_asked_nothing_drawn(name: str) -> None:
    assert _kernels(name).ordered(10, 3, 0, rng=_rng()).shape == (0, 3)
    assert _kernels(name).packed(16, 3, 0, rng=_rng()).shape == (0, 8)


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize(("N", "B"), [(255, 8), (512, 8), (256, 9), (4, 5), (1, 1)])
def test_what_does_not_fit_a_word_is_refused(name: str, N: int, B: int) -> None:
    assert not subsets.fits_a_word(N, B)
    with pytest.raises(ValueError, match=f"batches of {B} out of {N} do not fit a word"):
        _kernels(name).packed(N, B, 3, rng=_rng())
