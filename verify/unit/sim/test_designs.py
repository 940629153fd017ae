"""Samplers: shapes, uniformity on the sets by every method, refusals, pinned draws."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from itertools import combinations
from math import comb, factorial

import numpy as np
import pytest
from scipy import stats

from sim import designs, subsets

Sampler = Callable[..., np.ndarray]


def _rng(seed: int = 0) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64DXSM(seed))


def _p_value(counts: Counter[tuple[int, ...]], cells: int, n: int) -> float:
    """Chi-square p-value of uniformity, counting cells never seen."""
    observed = np.array([*counts.values(), *[0] * (cells - len(counts))])
    return float(stats.chisquare(observed, np.full(cells, n / cells)).pvalue)


def _sets(batches: np.ndarray) -> Counter[tuple[int, ...]]:
    return Counter(map(tuple, np.sort(batches, axis=1).tolist()))


METHODS: list[tuple[str, Sampler]] = [
    ("uniform", subsets.uniform),
    ("rejection", subsets._by_rejection),
    ("stamps", subsets._by_stamps),
    ("bitmap", subsets._by_bitmap),
]


@pytest.mark.parametrize(("N", "B"), [(6, 1), (6, 2), (6, 3), (6, 4), (7, 5)])
@pytest.mark.parametrize(("name", "method"), METHODS)
def test_every_method_is_uniform_on_the_sets(name: str, method: Sampler, N: int, B: int) -> None:
    n = 20_000
    counts = _sets(method(N, B, n, rng=_rng(5)))
    assert set(counts) <= set(combinations(range(N), B)), name
    assert _p_value(counts, comb(N, B), n) > 1e-4, name


@pytest.mark.parametrize(("N", "B"), [(16, 8), (64, 8), (64, 20), (300, 20), (300, 200), (1797, 30), (1797, 1700)])
def test_larger_sizes_have_distinct_indices_and_even_inclusion(N: int, B: int) -> None:
    n = 4_000
    batches = designs.without_replacement(N, B, n, rng=_rng(2))
    assert batches.shape == (n, B)
    assert batches.dtype == np.int64
    assert batches.min() >= 0
    assert batches.max() < N
    assert (np.diff(np.sort(batches, axis=1), axis=1) > 0).all()
    counts = np.bincount(batches.reshape(-1), minlength=N)
    # inclusion indicators of a set are negatively correlated with variance q (1 - q) each; the factor
    # (N - 1) / N makes the statistic chi-square with N - 1 degrees of freedom
    q = B / N
    statistic = float(((counts - n * q) ** 2).sum() / (n * q * (1 - q)) * (N - 1) / N)
    assert 1e-4 < stats.chi2.sf(statistic, N - 1) < 1 - 1e-4


def test_a_broken_sampler_fails_the_uniformity_test() -> None:
    def naive(N: int, B: int, n: int, *, rng: np.random.Generator) -> np.ndarray:
        order = np.tile(np.arange(N), (n, 1))
        rows = np.arange(n)
        for k in range(N):
            other = rng.integers(0, N, size=n)
            order[rows, k], order[rows, other] = order[rows, other], order[rows, k].copy()
        return order[:, :B]

    n = 20_000
    assert _p_value(_sets(naive(6, 3, n, rng=_rng(5))), comb(6, 3), n) < 1e-6


def test_whole_population_and_no_batches() -> None:
    assert designs.without_replacement(4, 4, 2, rng=_rng()).tolist() == [[0, 1, 2, 3]] * 2
    for N, B in [(5, 2), (64, 8), (300, 20), (300, 200)]:
        assert designs.without_replacement(N, B, 0, rng=_rng()).shape == (0, B)


def test_with_replacement_is_uniform_on_the_tuples() -> None:
    n = 20_000
    counts = Counter(map(tuple, designs.with_replacement(4, 3, n, rng=_rng(1)).tolist()))
    assert _p_value(counts, 4**3, n) > 1e-4
    assert designs.with_replacement(2, 5, 10, rng=_rng()).shape == (10, 5)


def test_reshuffled_epochs_are_uniform_permutations() -> None:
    n = 20_000
    epochs = designs.reshuffled(4, 2, n, rng=_rng(3))
    assert epochs.shape == (n, 2, 2)
    counts = Counter(map(tuple, epochs.reshape(n, 4).tolist()))
    assert all(sorted(order) == [0, 1, 2, 3] for order in counts)
    assert _p_value(counts, factorial(4), n) > 1e-4


def test_poisson_includes_independently() -> None:
    n = 20_000
    mask = designs.poisson(3, Fraction(1, 3), n, rng=_rng(4))
    counts = Counter(map(tuple, mask.tolist()))
    sizes = np.array([sum(key) for key in counts])
    expected = n * (1 / 3) ** sizes * (2 / 3) ** (3 - sizes)
    assert len(counts) == 8
    assert stats.chisquare(np.array(list(counts.values())), expected).pvalue > 1e-4
    assert designs.poisson(3, 1, 5, rng=_rng()).all()
    assert not designs.poisson(3, 0, 5, rng=_rng()).any()


def test_stratified_draws_from_each_stratum() -> None:
    batches = designs.stratified([3, 5], [2, 1], 5_000, rng=_rng(6))
    assert batches.shape == (5_000, 3)
    assert (batches[:, :2] < 3).all()
    assert (batches[:, 2] >= 3).all()
    assert _p_value(_sets(batches), comb(3, 2) * 5, 5_000) > 1e-4


def test_draw_names_the_design() -> None:
    same = designs.draw("wor", 9, 4, 50, rng=_rng(7)) == designs.without_replacement(9, 4, 50, rng=_rng(7))
    assert same.all()
    assert designs.draw("wr", 2, 4, 5, rng=_rng()).shape == (5, 4)
    with pytest.raises(ValueError, match="wor, wr"):
        designs.draw("srs", 9, 4, 50, rng=_rng())


@pytest.mark.parametrize(
    ("N", "B", "message"),
    [
        (5, 9, "batch size 9 exceeds the 5 samples"),
        (5, 0, "batch size B must be a whole number >= 1, got 0"),
        (5, -2, "got -2"),
        (5, 2.0, "batch size B must be a whole number >= 1, got 2.0"),
        (5, True, "got True"),
        (0, 1, "population size N must be a whole number >= 1, got 0"),
        ("5", 1, "got '5'"),
        (2**24 + 1, 1, "at most 2\\^24"),
    ],
)
def test_bad_sizes_are_refused(N: object, B: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        designs.draw("wor", N, B, 1, rng=_rng())  # type: ignore[arg-type]


def test_other_refusals() -> None:
    with pytest.raises(ValueError, match="does not divide the 7 samples"):
        designs.reshuffled(7, 2, 1, rng=_rng())
    with pytest.raises(ValueError, match=r"0\.\.1, got 1\.5"):
        designs.poisson(7, 1.5, 1, rng=_rng())
    with pytest.raises(ValueError, match=r"0\.\.1, got nan"):
        designs.poisson(7, float("nan"), 1, rng=_rng())
    with pytest.raises(ValueError, match="2 strata and 1 counts"):
        designs.stratified([3, 4], [1], 1, rng=_rng())
    with pytest.raises(ValueError, match="number of batches n"):
        designs.with_replacement(7, 2, -1, rng=_rng())


@pytest.mark.parametrize(
    ("design", "N", "B", "expected"),
    [
        ("wor", 8, 4, "97a5dd489ffce231"),
        ("wor", 64, 8, "d8414279d7bf4829"),
        ("wor", 1797, 64, "33d27f7d56395c28"),
        ("wor", 1797, 256, "cdcfb4dcb4f7919f"),
        ("wor", 1797, 1024, "22adec2920d022f2"),
        ("wr", 8, 4, "67d6932d76019f6a"),
        ("wr", 1797, 4, "5d82ff1d675038fe"),
    ],
)
def test_draws_are_pinned(design: str, N: int, B: int, expected: str) -> None:
    batches = np.ascontiguousarray(designs.draw(design, N, B, 200, rng=_rng(11)))
    assert hashlib.sha256(batches.tobytes()).hexdigest()[:16] == expected


def test_class_pure_blocks_take_classes_by_share_and_members_evenly() -> None:
    labels = np.array([5] * 2 + [9] * 4 + [0] * 6)
    n = 30_000
    found = designs.class_pure(labels, 4, n, blocks=2, rng=_rng(7)).reshape(n, 2, 2)
    pairs = Counter((int(a), int(b)) for a, b in labels[found[:, :, 0]])
    shares = {5: 2 / 12, 9: 4 / 12, 0: 6 / 12}
    expected = np.array([shares[a] * shares[b] * n for a in shares for b in shares])
    observed = np.array([pairs[a, b] for a in shares for b in shares])
    assert stats.chisquare(observed, expected).pvalue > 1e-4
    for label, size in ((9, 4), (0, 6)):
        blocks = found[labels[found[:, :, 0]] == label]
        assert _p_value(_sets(blocks), comb(size, 2), len(blocks)) > 1e-4


def test_class_pure_with_replacement_repeats() -> None:
    found = designs.class_pure(np.array([1, 1, 2]), 6, 200, design="wr", rng=_rng(8))
    assert {len(set(row)) for row in found.tolist()} == {1, 2}


@pytest.mark.parametrize(
    ("labels", "B", "more", "message"),
    [
        (np.zeros((2, 2), dtype=int), 1, {}, r"labels must be whole numbers of shape \(N,\), got int64 \(2, 2\)"),
        (np.zeros(3), 1, {}, "labels must be whole numbers"),
        (np.zeros(9, dtype=int), 4, {"blocks": 3}, "a batch of 4 cannot be split into 3 blocks"),
        (np.zeros(9, dtype=int), 4, {"blocks": 0}, "number of blocks must be a whole number >= 1, got 0"),
        (np.array([0, 0, 1]), 2, {}, "a block of 2 exceeds the 1 samples of class 1"),
        (np.array([0, 0, 1]), 1, {"design": "poisson"}, "unknown design 'poisson'"),
    ],
)
def test_class_pure_refuses(labels: np.ndarray, B: int, more: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        designs.class_pure(labels, B, 1, rng=_rng(), **more)


def test_micro_batches_are_uniform_over_ordered_parts() -> None:
    n = 30_000
    one, two = designs.micro_batches(5, [1, 2], n, rng=_rng(9))
    counts = Counter((int(a), *sorted(b)) for (a,), b in zip(one.tolist(), two.tolist(), strict=True))
    assert len(counts) == 30
    assert _p_value(counts, 5 * comb(4, 2), n) > 1e-4
    with pytest.raises(ValueError, match="at least one micro-batch"):
        designs.micro_batches(5, [], 1, rng=_rng())
    with pytest.raises(ValueError, match="batch size 6 exceeds the 5 samples"):
        designs.micro_batches(5, [3, 3], 1, rng=_rng())
