"""The trace probe against every batch of eight digits and against plain sums of rows."""

from __future__ import annotations

import numpy as np
import pytest

from sim import designs, probes
from sim.populations import population
from verify.unit.sim.probes import enumeration


@pytest.mark.parametrize(("B", "design"), [(1, "wor"), (3, "wor"), (7, "wor"), (2, "wr")])
def test_against_every_batch_of_eight(B: int, design: str) -> None:
    g = population("digits8:gradient:all")
    centered = list(g - g.mean(axis=0))
    cell = {"probe": "batch_mean_trace", "population": "digits8:gradient:all", "B": B, "design": design}
    values = enumeration.over_batches(centered, B, design, lambda rows: float((np.mean(rows, axis=0) ** 2).sum()))
    x, found = enumeration.draw(cell, 20_000), probes.setting(cell)
    assert max(values) <= found.high
    assert found.low == 0.0
    assert np.isin(np.round(x, 9), np.round(values, 9)).all()
    assert abs(x.mean() - np.mean(values)) < 5 * np.std(values) / np.sqrt(x.size)
    assert found.known["sigma2"] == pytest.approx(float((np.array(centered) ** 2).sum() / 8), rel=1e-12)


@pytest.mark.parametrize(("B", "design"), [(2, "wor"), (100, "wor"), (256, "wr"), (1797, "wor")])
def test_rows_of_all_digits_are_summed_exactly(B: int, design: str) -> None:
    name = "digits:gradient:all"
    g = population(name)
    kept: list[np.ndarray] = []

    def sampler(design: str, N: int, B: int, n: int, *, rng: np.random.Generator) -> np.ndarray:
        kept.append(designs.draw(design, N, B, n, rng=rng))
        return kept[-1]

    cell = {"probe": "batch_mean_trace", "population": name, "B": B, "design": design}
    x = enumeration.draw(cell, 40, sampler=sampler)
    expected = [float(((g[rows].sum(axis=0) - B * g.mean(axis=0)) ** 2).sum()) / B**2 for rows in kept[0]]
    assert x == pytest.approx(np.array(expected), rel=1e-10, abs=1e-20)
    assert x.max() <= probes.setting(cell).high
    assert B < 1797 or not x.any()


def test_extreme_batches_stay_in_the_range() -> None:
    name = "digits:gradient:all"
    g = population(name)
    centered = g - g.mean(axis=0)
    first = np.linalg.svd(centered, full_matrices=False)[2][0]
    order = np.argsort(centered @ first)
    for B in (1, 2, 16, 300, 1200, 1796):
        high = probes.setting({"probe": "batch_mean_trace", "population": name, "B": B, "design": "wor"}).high
        for chosen in (order[:B], order[-B:], np.argsort((centered**2).sum(axis=1))[-B:]):
            assert float((centered[chosen].mean(axis=0) ** 2).sum()) <= high


def test_refusals() -> None:
    cell = {"probe": "batch_mean_trace", "population": "digits:gradient:all", "B": 8, "design": "wor"}
    for change, message in [
        ({"B": 1798}, "batch size 1798 exceeds the 1797 samples"),
        ({"population": "ints:8:even"}, "population must be one of digits:gradient:all"),
        ({"N": 8}, "N=8 but population"),
        ({"B": 10**6, "design": "wr"}, "not exact in float32"),
    ]:
        with pytest.raises(ValueError, match=message):
            probes.setting({**cell, **change})
