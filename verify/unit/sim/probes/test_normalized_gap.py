"""The gap between batch and population normalization against every batch."""

from __future__ import annotations

import math

import pytest

from sim import probes
from sim.populations import population
from verify.unit.sim.probes import enumeration


def _deviation(g: list[float]) -> float:
    center = sum(g) / len(g)
    return math.sqrt(sum((v - center) ** 2 for v in g) / len(g))


@pytest.mark.parametrize(("name", "B"), [("ints:6:skewed", 3), ("ints:5:even", 2), ("ints:5:even", 5)])
def test_against_every_batch(name: str, B: int) -> None:
    x = [float(v) for v in population(name).tolist()]
    center, sigma = sum(x) / len(x), _deviation(x)

    def gap(g: list[float]) -> float:
        middle, spread = sum(g) / len(g), _deviation(g)
        return sum(((v - middle) / spread - (v - center) / sigma) ** 2 for v in g) / B

    cell = {"probe": "normalized_gap", "population": name, "B": B, "design": "wor"}
    enumeration.check(cell, enumeration.over_batches(x, B, "wor", gap))
    mean = enumeration.mean(enumeration.over_batches(x, B, "wor", _deviation))
    assert probes.setting(cell).known["sigma_hat"] == pytest.approx(mean, rel=1e-13)
    assert probes.setting(cell).known["sigma"] == pytest.approx(sigma, rel=1e-13)


def test_batches_that_may_be_constant_are_refused() -> None:
    cell = {"probe": "normalized_gap", "population": "ints:8:even", "B": 4, "design": "wr"}
    with pytest.raises(ValueError, match="may have zero variance"):
        probes.setting(cell)
    with pytest.raises(ValueError, match="may have zero variance"):
        probes.setting({**cell, "design": "wor", "population": "ints:8:binary"})
