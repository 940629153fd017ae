"""Products of batch means of companions against every batch."""

from __future__ import annotations

from fractions import Fraction

import pytest

from sim import probes
from sim.populations import companion, population
from verify.unit.sim.probes import enumeration


@pytest.mark.parametrize("center", ["mean", "zero", None])
@pytest.mark.parametrize("design", ["wor", "wr"])
@pytest.mark.parametrize(("name", "B"), [("ints:6:skewed", 3), ("ints:5:binary", 2)])
def test_pairs_against_every_batch(name: str, B: int, design: str, center: str | None) -> None:
    columns = [population(n).tolist() for n in (name, companion(name, "v"))]
    ubar, vbar = (Fraction(0) if center == "zero" else Fraction(sum(c), len(c)) for c in columns)
    cell = {"probe": "batch_mean_product", "population": name, "B": B, "design": design, "order": 2}
    values = enumeration.over_batches(
        list(zip(*columns, strict=True)),
        B,
        design,
        lambda g: (Fraction(sum(u for u, _ in g), B) - ubar) * (Fraction(sum(v for _, v in g), B) - vbar),
    )
    enumeration.check({**cell, "center": center}, values)


@pytest.mark.parametrize("design", ["wor", "wr"])
def test_triples_against_every_batch(design: str) -> None:
    name, B = "ints:6:skewed", 2
    columns = [population(n).tolist() for n in (name, companion(name, "v"), companion(name, "w"))]
    centered = [[Fraction(v) - Fraction(sum(c), len(c)) for v in c] for c in columns]
    cell = {"probe": "batch_mean_product", "population": name, "B": B, "design": design, "order": 3}

    def value(g: list[tuple[Fraction, Fraction, Fraction]]) -> Fraction:
        u, v, w = (sum(each) / B for each in zip(*g, strict=True))
        return Fraction(u * v * w)

    enumeration.check(cell, enumeration.over_batches(list(zip(*centered, strict=True)), B, design, value))
    assert "mu_uvw" in probes.setting(cell).known


@pytest.mark.parametrize("order", [2, 3])
def test_real_gradients_against_every_batch(order: int) -> None:
    name, B = "digits8:gradient:direction:0", 4
    columns = [population(n).tolist() for n in (name, companion(name, "v"), companion(name, "w"))][:order]
    centers = [enumeration.mean(c) for c in columns]
    cell = {"probe": "batch_mean_product", "population": name, "B": B, "design": "wor", "order": order}

    def value(g: list[tuple[float, ...]]) -> float:
        result = 1.0
        for each, center in zip(zip(*g, strict=True), centers, strict=True):
            result *= enumeration.mean(each) - center
        return result

    enumeration.check(cell, enumeration.over_batches(list(zip(*columns, strict=True)), B, "wor", value))


@pytest.mark.parametrize(("name", "order"), [("ints:64:skewed", 3), ("digits:gradient:direction:0", 2)])
def test_range_holds_where_batches_cannot_be_listed(name: str, order: int) -> None:
    cell = {"probe": "batch_mean_product", "population": name, "B": 8, "design": "wor", "order": order}
    x, found = enumeration.draw(cell, 5_000), probes.setting(cell)
    assert found.low <= x.min() <= x.max() <= found.high
    assert found.low < 0 < found.high
