"""Random exchangeable weights against every scheme listed."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations
from math import lcm

import pytest

from sim import probes
from sim.populations import companion, population
from verify.unit.sim.probes import enumeration


@pytest.mark.parametrize(("name", "Bmax"), [("ints:5:skewed", 3), ("ints:6:even", 6), ("ints:4:binary", 1)])
def test_against_every_scheme(name: str, Bmax: int) -> None:
    u, v = population(name).tolist(), population(companion(name, "v")).tolist()
    N = len(u)
    sizes = {M: list(combinations(range(N), M)) for M in range(1, Bmax + 1)}
    # every size is as likely as another: its batches are repeated up to a common number
    common = lcm(*(len(s) for s in sizes.values()))
    schemes = [batch for s in sizes.values() for batch in s * (common // len(s))]
    w = [[Fraction(1, 4) if i in batch else Fraction(0) for i in range(N)] for batch in schemes]
    sums = [
        (sum(a * x for a, x in zip(row, u, strict=True)), sum(a * x for a, x in zip(row, v, strict=True))) for row in w
    ]
    means = [enumeration.mean([s[k] for s in sums]) for k in (0, 1)]
    cell = {"probe": "weighted_sum", "population": name, "Bmax": Bmax}
    enumeration.check(cell, [(a - means[0]) * (b - means[1]) for a, b in sums])
    known = probes.setting(cell).known
    first = enumeration.mean([row[0] for row in w])
    assert known["w_mean"] == first
    assert known["w_var"] == enumeration.mean([row[0] ** 2 for row in w]) - first**2
    assert known["w_cov"] == enumeration.mean([row[1] * row[2] for row in w]) - first**2
    totals = [sum(row) for row in w]
    center = enumeration.mean(totals)
    assert known["w_sumvar"] == enumeration.mean([(t - center) ** 2 for t in totals])


def test_order_of_replicates_does_not_follow_the_size() -> None:
    x = enumeration.draw({"probe": "weighted_sum", "population": "ints:8:even", "Bmax": 8}, 20_000)
    quarters = x.reshape(4, -1).mean(axis=1)
    assert abs(quarters - x.mean()).max() < 5 * x.std() / 5_000**0.5


def test_refusals() -> None:
    cell = {"probe": "weighted_sum", "population": "ints:8:even", "Bmax": 4}
    for change, message in [
        ({"Bmax": 9}, "Bmax=9 exceeds the 8 samples"),
        ({"population": "ints:16:even"}, "at most 12 are enumerated"),
        ({"B": 4}, "allowed keys are population, N, Bmax"),
    ]:
        with pytest.raises(ValueError, match=message):
            probes.setting({**cell, **change})
