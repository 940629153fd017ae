"""The product of the errors of two weighted sums under exchangeable weights of random number and biased sum.

The size M is uniform on 1..Bmax, the batch uniform of that size, and each of its examples weighs 1/4:
``X = (sum w_i u_i - E)(sum w_j v_j - E')`` with the exact means E, E'.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from sim import batches, cells, designs
from sim.cells import Field, Setting, Text, Whole
from sim.populations import companion, integer_population, joint_facts

__all__ = ["FIELDS", "draw", "setting"]

FIELDS: dict[str, Field] = {"population": Text(), "N": Whole(2, 12, optional=True), "Bmax": Whole(1, 12)}

_WEIGHT = Fraction(1, 4)


@dataclass(frozen=True, slots=True)
class _Cell:
    columns: tuple[np.ndarray, np.ndarray]
    Bmax: int

    def weight_facts(self) -> dict[str, Fraction]:
        """Return the moments of the weights, by listing every batch of every size."""
        N = len(self.columns[0])
        one = pair = size = size2 = Fraction(0)
        for M in range(1, self.Bmax + 1):
            listed, _ = batches.every(N, M, "wor")
            chance = Fraction(1, self.Bmax * len(listed))
            first, second = (listed == 0).any(axis=1), (listed == 1).any(axis=1)
            one += int(first.sum()) * chance
            pair += int((first & second).sum()) * chance
            size += M * len(listed) * chance
            size2 += M * M * len(listed) * chance
        mean, square = one * _WEIGHT, _WEIGHT**2
        return {
            "w_mean": mean,
            "w_var": one * square - mean**2,
            "w_cov": pair * square - mean**2,
            "w_sumvar": (size2 - size**2) * square,
        }

    def weights(self) -> tuple[tuple[int, int, int], ...]:
        """Whole a, b, d for each quantity with ``sum w_i u_i - E = (a S - b) / d``."""
        mean = self.weight_facts()["w_mean"]
        found = []
        for x in self.columns:
            center = mean * int(x.sum())
            d = math.lcm(_WEIGHT.denominator, center.denominator)
            found.append((int(_WEIGHT * d), int(center * d), d))
        return tuple(found)

    def product(self, totals: list[np.ndarray]) -> np.ndarray:
        (a, b, _), (a2, b2, _) = self.weights()
        found: np.ndarray = (a * totals[0] - b) * (a2 * totals[1] - b2)
        return found


def _read(cell: Mapping[str, Any]) -> _Cell:
    given = cells.read(cell, FIELDS)
    u = integer_population(given["population"], given["N"])
    if len(u) > 12:
        raise ValueError(
            f"population {given['population']!r} has {len(u)} examples, at most 12 are enumerated"
        )
    if given["Bmax"] > len(u):
        raise ValueError(f"largest batch size Bmax={given['Bmax']} exceeds the {len(u)} samples")
    return _Cell((u, integer_population(companion(given["population"], "v"))), given["Bmax"])


def setting(cell: Mapping[str, Any]) -> Setting:
    """Return facts, range and scale; the range is that of every batch of every size."""
    c = _read(cell)
    known = {**joint_facts(*c.columns), **c.weight_facts(), "Bmax": Fraction(c.Bmax)}
    low, high = [], []
    for M in range(1, c.Bmax + 1):
        listed, _ = batches.every(len(c.columns[0]), M, "wor")
        found = c.product([batches.sums(x, listed) for x in c.columns])
        low.append(int(found.min()))
        high.append(int(found.max()))
    scale = Fraction(1, c.weights()[0][2] * c.weights()[1][2])
    return Setting(known, *cells.outward(min(low) * scale, max(high) * scale), scale)


def draw(
    cell: Mapping[str, Any], n: int, *, rng: np.random.Generator, sampler: cells.Sampler = designs.draw
) -> np.ndarray:
    """Draw `n` replicates; see `sim.probes.draw`."""
    c = _read(cell)
    N = len(c.columns[0])

    def one(rows: int) -> np.ndarray:
        sizes = rng.integers(1, c.Bmax + 1, size=rows)
        totals = [np.empty(rows, dtype=np.int64) for _ in c.columns]
        for M in range(1, c.Bmax + 1):
            where = np.flatnonzero(sizes == M)
            indices = sampler("wor", N, M, where.size, rng=rng)
            for x, total in zip(c.columns, totals, strict=True):
                total[where] = batches.sums(x, indices)
        return c.product(totals)

    return cells.replicates(n, batches.chunk_of(c.Bmax), one, dtype=np.int64)
