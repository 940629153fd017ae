"""SGD on a quadratic against every sequence of batches."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import Any

import pytest

from sim import probes
from sim.populations import population
from verify.unit.sim.probes import enumeration


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize(
    ("design", "eta", "h", "t", "start"),
    [("wor", "1/4", 2, 3, 3), ("wr", 0.5, "1/2", 2, -1), ("wor", "3/2", 1, 3, 0), ("wor", 3, 1, 2, 1)],
)
def test_against_every_sequence(design: str, eta: Any, h: Any, t: int, start: int, order: int) -> None:
    name, B = "ints:4:skewed", 2
    x = [Fraction(v) for v in population(name).tolist()]
    optimum = sum(x) / len(x)
    means = enumeration.over_batches(x, B, design, lambda g: sum(g) / B)
    values = []
    for path in product(means, repeat=t):
        theta = optimum + start
        for batch_mean in path:
            theta -= Fraction(eta) * Fraction(h) * (theta - batch_mean)
        values.append((theta - optimum) ** order)
    cell = {"probe": "sgd_quadratic", "population": name, "B": B, "design": design, "order": order}
    cell |= {"eta": eta, "h": h, "t": t, "start": start}
    enumeration.check(cell, values)
    known = probes.setting(cell).known
    gradients = [Fraction(h) * (optimum - v) for v in x]
    assert known["sigma2"] == enumeration.mean([g * g for g in gradients])
    assert known["delta0"] == start


def test_divergent_step_sizes_stay_in_range_until_they_overflow() -> None:
    cell = {"probe": "sgd_quadratic", "population": "ints:8:even", "B": 2, "design": "wor", "order": 2}
    cell |= {"eta": 5, "h": 1, "t": 40, "start": 1}
    x, found = enumeration.draw(cell, 2_000), probes.setting(cell)
    assert x.max() <= found.high < float("inf")
    with pytest.raises(ValueError, match="overflows float64"):
        probes.setting({**cell, "t": 400})


def test_refusals() -> None:
    cell = {"probe": "sgd_quadratic", "population": "ints:8:even", "B": 2, "design": "wor", "order": 2}
    cell |= {"eta": 0.5, "h": 1, "t": 4, "start": 1}
    for change, message in [
        ({"eta": 0}, r"eta must be a number in \(0, 1000\], got 0"),
        ({"h": -1}, "h must be a number"),
        ({"t": 0}, r"t must be a whole number in 1\.\.10000, got 0"),
        ({"start": None}, "missing key 'start'"),
        ({"order": 3}, "order must be one of 1, 2; got 3"),
    ]:
        with pytest.raises(ValueError, match=message):
            probes.setting({**cell, **change})
