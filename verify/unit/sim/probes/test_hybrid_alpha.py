"""The learned weight of a hybrid normalization against every sequence of batches."""

from __future__ import annotations

import itertools
import math

import pytest

from sim import probes
from sim.populations import population
from verify.unit.sim.probes import enumeration


def _normal(values: list[float]) -> list[float]:
    middle = sum(values) / len(values)
    spread = math.sqrt(sum((v - middle) ** 2 for v in values) / len(values))
    return [(v - middle) / spread for v in values]


def _columns(table: list[list[float]]) -> list[list[float]]:
    return [list(row) for row in zip(*table, strict=True)]


def _tables(name: str, B: int, d: int) -> list[list[tuple[float, float, float]]]:
    x = [float(v) for v in population(name).tolist()]
    found = []
    for order in itertools.permutations(range(len(x)), B * d):
        table = [[x[order[b * d + c]] for c in range(d)] for b in range(B)]
        down = _columns([_normal(column) for column in _columns(table)])
        across = [_normal(row) for row in table]
        whole = _normal(x)
        target = [[whole[order[b * d + c]] for c in range(d)] for b in range(B)]
        found.append([entry for rows in zip(down, across, target, strict=True) for entry in zip(*rows, strict=True)])
    return found


def _step(alpha: float, eta: float, entries: list[tuple[float, float, float]]) -> float:
    slope = sum((alpha * n + (1 - alpha) * s - t) * (n - s) for n, s, t in entries) / len(entries)
    return alpha - eta * slope


@pytest.mark.parametrize(("name", "B", "d", "t"), [("ints:4:skewed", 2, 2, 2), ("ints:6:skewed", 2, 3, 1)])
def test_against_every_batch(name: str, B: int, d: int, t: int) -> None:
    tables, eta = _tables(name, B, d), 0.75
    alphas = [0.25]
    for _ in range(t):
        alphas = [_step(a, eta, entries) for a in alphas for entries in tables]
    cell = {"probe": "hybrid_alpha", "population": name, "B": B, "d": d, "eta": eta, "t": t, "start": 0.25}
    enumeration.check(cell, alphas)
    entries = [entry for table in tables for entry in table]
    known = probes.setting(cell).known
    for fact, (i, j) in {"r_B": (0, 2), "r_L": (1, 2), "q": (0, 1)}.items():
        assert known[fact] == pytest.approx(sum(e[i] * e[j] for e in entries) / len(entries), rel=1e-12)


def test_refusals() -> None:
    cell = {"probe": "hybrid_alpha", "population": "ints:8:binary", "B": 2, "d": 2, "eta": 0.5, "t": 1, "start": 0}
    with pytest.raises(ValueError, match="equal values"):
        probes.setting(cell)
    with pytest.raises(ValueError, match="in more than 50000 ways"):
        probes.setting({**cell, "population": "ints:12:even", "d": 3})
