"""Every sampler gives batches of its design, for all sizes; probes stay in their proved range."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sim import batches, designs, probes, subsets
from verify.properties import strategies


@given(strategies.sizes(), st.integers(0, 40), strategies.streams())
@example((1797, 256), 3, np.random.default_rng(0))
@example((1797, 20), 3, np.random.default_rng(0))
@example((64, 1), 0, np.random.default_rng(0))
def test_without_replacement_gives_sets(sizes: tuple[int, int], n: int, rng: np.random.Generator) -> None:
    N, B = sizes
    drawn = designs.draw("wor", N, B, n, rng=rng)
    assert drawn.shape == (n, B)
    assert drawn.dtype == np.int64
    assert ((drawn >= 0) & (drawn < N)).all()
    assert all(len(set(row)) == B for row in drawn.tolist())


@given(st.integers(2, 60), st.data(), strategies.streams())
def test_every_method_gives_sets(N: int, data: st.DataObject, rng: np.random.Generator) -> None:
    B = data.draw(st.integers(1, min(N - 1, 8)))
    for method in (subsets._by_rejection, subsets._by_stamps, subsets._by_bitmap):
        drawn = method(N, B, 20, rng=rng)
        assert all(len(set(row)) == B and 0 <= min(row) and max(row) < N for row in drawn.tolist())


@given(st.integers(1, 400), st.integers(1, 400), st.integers(0, 40), strategies.streams())
def test_with_replacement_stays_in_range(N: int, B: int, n: int, rng: np.random.Generator) -> None:
    drawn = designs.draw("wr", N, B, n, rng=rng)
    assert drawn.shape == (n, B)
    assert ((drawn >= 0) & (drawn < N)).all()


@given(strategies.sizes(), st.sampled_from(designs.DESIGNS), st.integers(0, 2**32))
def test_same_stream_same_batches(sizes: tuple[int, int], design: str, seed: int) -> None:
    one, two = (designs.draw(design, *sizes, 5, rng=np.random.default_rng(seed)) for _ in range(2))
    assert (one == two).all()


@given(st.integers(1, 100), st.integers(1, 100), strategies.streams())
def test_too_large_a_batch_is_refused(N: int, more: int, rng: np.random.Generator) -> None:
    with pytest.raises(ValueError, match=f"batch size {N + more} exceeds the {N} samples"):
        designs.draw("wor", N, N + more, 1, rng=rng)


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 8), strategies.streams())
def test_an_epoch_visits_every_example_once(m: int, B: int, n: int, rng: np.random.Generator) -> None:
    epochs = designs.reshuffled(m * B, B, n, rng=rng)
    assert epochs.shape == (n, m, B)
    assert all(sorted(row) == list(range(m * B)) for row in epochs.reshape(n, m * B).tolist())


@given(st.integers(1, 50), st.fractions(0, 1, max_denominator=1000), strategies.streams())
def test_poisson_masks(N: int, q: Fraction, rng: np.random.Generator) -> None:
    mask = designs.poisson(N, q, 9, rng=rng)
    assert mask.shape == (9, N)
    assert mask.dtype == bool
    assert q < 1 or mask.all()
    assert q > 0 or not mask.any()


@given(st.lists(strategies.sizes(20), min_size=1, max_size=4), strategies.streams())
def test_strata_give_what_they_are_asked_for(strata: list[tuple[int, int]], rng: np.random.Generator) -> None:
    drawn = designs.stratified([N for N, _ in strata], [B for _, B in strata], 6, rng=rng)
    edges = np.cumsum([0, *(N for N, _ in strata)])
    for row in drawn.tolist():
        assert len(set(row)) == len(row)
        counts = np.histogram(row, bins=edges)[0] if len(strata) > 1 else [len(row)]
        assert list(counts) == [B for _, B in strata]


@given(strategies.integer_populations(), st.data(), st.sampled_from(designs.DESIGNS))
def test_extremes_of_a_batch_are_those_of_the_list(population: list[int], data: st.DataObject, design: str) -> None:
    x = np.array(population)
    B = data.draw(st.integers(1, min(5, len(population))))
    listed, times = batches.every(len(x), B, design)
    sums, squares = x[listed].sum(axis=1), (x[listed] ** 2).sum(axis=1)
    assert batches.sum_range(x, B, design) == (sums.min(), sums.max())
    scaled = B * squares - sums**2
    low, high = batches.variance_range(x, B, design)
    assert (low * B * B, high * B * B) == (scaled.min(), scaled.max())
    assert design == "wor" or times.sum() == len(x) ** B


@given(strategies.probe_cells(), strategies.streams())
def test_replicates_lie_in_the_proved_range(cell: dict[str, object], rng: np.random.Generator) -> None:
    found = probes.setting(cell)
    x = probes.draw(cell, 300, rng=rng)
    if found.scale is None:
        assert x.dtype == np.float64
        assert found.low <= x.min() <= x.max() <= found.high
    else:
        assert x.dtype == np.int64
        assert Fraction(found.low) <= int(x.min()) * found.scale
        assert int(x.max()) * found.scale <= Fraction(found.high)
