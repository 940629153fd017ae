"""The variance a normalization layer estimates, against all draws of the pooled entries."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from sim import probes
from sim.populations import population
from verify.unit.sim.probes import enumeration


@pytest.mark.parametrize(
    ("layout", "n"),
    [
        ({"norm": "batch", "B": 4, "C": 3, "HW": 1}, 4),
        ({"norm": "batch", "B": 2, "C": 2, "HW": 2}, 4),
        ({"norm": "layer", "B": 3, "C": 2, "HW": 2, "G": 1}, 4),
        ({"norm": "group", "B": 2, "C": 4, "G": 2, "HW": 2}, 4),
        ({"norm": "instance", "B": 2, "C": 3, "HW": 3}, 3),
    ],
)
def test_against_all_draws(layout: dict[str, Any], n: int) -> None:
    name = "ints:5:skewed"
    x = [Fraction(v) for v in population(name).tolist()]
    center = sum(x) / len(x)
    sigma2 = sum((v - center) ** 2 for v in x) / len(x)

    def error(g: list[Fraction]) -> Fraction:
        middle = sum(g) / len(g)
        return (sum((v - middle) ** 2 for v in g) / len(g) - sigma2) ** 2

    cell = {"probe": "group_variance", "population": name, **layout}
    enumeration.check(cell, enumeration.over_batches(x, n, "wr", error))
    assert probes.setting(cell).known["n"] == n


def test_refusals() -> None:
    cell = {"probe": "group_variance", "population": "ints:5:even", "norm": "group", "B": 2, "C": 6, "HW": 2}
    for change, message in [
        ({"G": 4}, "6 channels cannot be split into 4 groups"),
        ({}, "number of groups"),
        ({"norm": "layer", "G": 2}, "G must be 1 or absent where norm=layer has no groups, got 2"),
        ({"norm": "batch", "B": 1, "HW": 1}, "at least 2 samples per channel"),
        ({"norm": "rms"}, "batch, layer, group, instance"),
        ({"B": 64, "C": 64, "G": 2}, "exceeds the 2048 entries"),
    ]:
        with pytest.raises(ValueError, match=message):
            probes.setting({**cell, **change})
