"""Batch variances, their spread and their error against every batch."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from sim import probes
from sim.populations import population
from verify.unit.sim.probes import enumeration


def _values(x: list[Any], B: int, design: str, kind: str, statistic: str) -> list[Any]:
    def variance(g: list[Any]) -> Any:
        center = sum(g) / len(g)
        return sum((v - center) ** 2 for v in g) / (B if kind == "biased" else B - 1)

    v = enumeration.over_batches(x, B, design, variance)
    center = sum(x) / len(x)
    sigma2 = sum((a - center) ** 2 for a in x) / len(x)
    match statistic:
        case "value":
            return v
        case "spread":
            return [(a - b) ** 2 / 2 for a in v for b in v]
    return [(a - sigma2) ** 2 for a in v]


@pytest.mark.parametrize("statistic", ["value", "spread", "error"])
@pytest.mark.parametrize("kind", ["biased", "unbiased"])
@pytest.mark.parametrize(("name", "B", "design"), [("ints:6:skewed", 3, "wor"), ("ints:5:outlier", 3, "wr")])
def test_integers_against_every_batch(name: str, B: int, design: str, kind: str, statistic: str) -> None:
    cell = {"probe": "batch_variance", "population": name, "B": B, "design": design}
    x = [Fraction(v) for v in population(name).tolist()]
    enumeration.check({**cell, "kind": kind, "statistic": statistic}, _values(x, B, design, kind, statistic))


@pytest.mark.parametrize("statistic", ["value", "spread", "error"])
def test_real_preactivations_against_every_batch(statistic: str) -> None:
    name = "digits8:preactivation:2"
    cell = {"probe": "batch_variance", "population": name, "B": 4, "design": "wor", "kind": "unbiased"}
    values = _values(population(name).tolist(), 4, "wor", "unbiased", statistic)
    enumeration.check({**cell, "statistic": statistic}, values)


def test_spread_is_the_variance_by_definition() -> None:
    x = [Fraction(v) for v in population("ints:6:even").tolist()]
    v = _values(x, 3, "wor", "biased", "value")
    spread = enumeration.mean(_values(x, 3, "wor", "biased", "spread"))
    assert spread == enumeration.mean([a * a for a in v]) - enumeration.mean(v) ** 2


def test_large_real_population_stays_in_its_range() -> None:
    for statistic in ("value", "spread", "error"):
        cell = {
            "probe": "batch_variance",
            "population": "digits:preactivation:0",
            "B": 16,
            "design": "wor",
            "kind": "biased",
            "statistic": statistic,
        }
        x, found = enumeration.draw(cell, 5_000), probes.setting(cell)
        assert found.low <= x.min() <= x.max() <= found.high
        assert np.isfinite(found.high)


def test_refusals() -> None:
    cell = {
        "probe": "batch_variance",
        "population": "ints:8:even",
        "B": 2,
        "design": "wor",
        "kind": "biased",
        "statistic": "value",
    }
    for change, message in [
        ({"B": 1}, r"B must be a whole number in 2\.\."),
        ({"kind": "other"}, "biased, unbiased"),
        ({"statistic": "other"}, "value, spread, error"),
        ({"population": "ints:1000000:even", "B": 4000}, "beyond int64"),
    ]:
        with pytest.raises(ValueError, match=message):
            probes.setting({**cell, **change})


@pytest.mark.parametrize("statistic", ["value", "spread", "error"])
@pytest.mark.parametrize("unit", range(10))
def test_the_most_spread_out_batch_lies_in_the_range(unit: int, statistic: str) -> None:
    """Of 1797 real values, where sums over all of them are rounded."""
    name = f"digits:preactivation:{unit}"
    x = population(name)
    ends, pair = [int(x.argmin()), int(x.argmax())], []

    def extreme(design: str, N: int, B: int, n: int, *, rng: np.random.Generator) -> np.ndarray:
        # the two batches of a spread are as far apart as can be
        pair.append(ends if len(pair) % 2 == 0 else [ends[0], ends[0]])
        return np.array(n * [pair[-1]])

    cell = {
        "probe": "batch_variance", "population": name, "N": len(x), "B": 2, "design": "wr", "kind": "unbiased",
        "statistic": statistic,
    }  # fmt: skip
    for design in ("wr", "wor") if statistic != "spread" else ("wr",):
        pair.clear()
        found = probes.setting({**cell, "design": design})
        drawn = probes.draw({**cell, "design": design}, 1, rng=np.random.default_rng(0), sampler=extreme)
        assert found.low <= drawn[0] <= found.high
