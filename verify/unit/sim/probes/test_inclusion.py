"""Inclusion of one or two examples against every batch."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from sim import probes
from verify.unit.sim.probes import enumeration


@pytest.mark.parametrize("design", ["wor", "wr"])
@pytest.mark.parametrize(
    ("items", "more", "wanted"),
    [("one", {}, {4}), ("one", {"i": 0}, {0}), ("two", {}, {4, 0}), ("two", {"i": 1, "j": 2}, {1, 2})],
)
def test_against_every_batch(items: str, more: dict[str, Any], wanted: set[int], design: str) -> None:
    cell = {"probe": "inclusion", "N": 5, "B": 3, "design": design, "items": items, **more}
    values = [Fraction(wanted <= set(batch)) for batch in enumeration.listed(5, 3, design)]
    enumeration.check(cell, values)
    assert probes.setting(cell).known == {"N": 5, "B": 3}


def test_refusals() -> None:
    cell = {"probe": "inclusion", "N": 5, "B": 3, "design": "wor", "items": "two"}
    for change, message in [
        ({"i": 5}, r"i must be an example in 0\.\.4, got 5"),
        ({"i": 1, "j": 1}, "two examples, got i=j=1"),
        ({"items": "one", "j": 1}, "got also j=1"),
        ({"items": "three"}, "one, two"),
        ({"B": 6}, "batch size 6 exceeds the 5 samples"),
    ]:
        with pytest.raises(ValueError, match=message):
            probes.setting({**cell, **change})
