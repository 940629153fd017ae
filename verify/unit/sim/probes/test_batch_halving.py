"""Half a batch against every half batch; the whole batch's variance against every batch."""

from __future__ import annotations

from fractions import Fraction

import pytest

from sim import probes
from sim.populations import population
from verify.unit.sim.probes import enumeration


@pytest.mark.parametrize("design", ["wor", "wr"])
@pytest.mark.parametrize(("name", "B"), [("ints:6:skewed", 4), ("ints:6:even", 2)])
def test_against_every_batch(name: str, B: int, design: str) -> None:
    x = [Fraction(v) for v in population(name).tolist()]
    center = sum(x) / len(x)
    cell = {"probe": "batch_halving", "population": name, "B": B, "design": design}
    half = enumeration.over_batches(x, B // 2, design, lambda g: (sum(g) / len(g) - center) ** 2)
    enumeration.check(cell, half)
    whole = enumeration.over_batches(x, B, design, lambda g: (sum(g) / len(g) - center) ** 2)
    assert probes.setting(cell).known["V_B"] == enumeration.mean(whole)


def test_refusals() -> None:
    cell = {"probe": "batch_halving", "population": "ints:8:even", "B": 4, "design": "wor"}
    for change, message in [
        ({"B": 3}, "B must be even to be halved, got 3"),
        ({"population": "ints:12:even"}, "at most 10 are enumerated"),
        ({"population": "digits8:preactivation:1"}, "not of integers"),
        ({"B": 10}, "batch size 10 exceeds"),
    ]:
        with pytest.raises(ValueError, match=message):
            probes.setting({**cell, **change})
