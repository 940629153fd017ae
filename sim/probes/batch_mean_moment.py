"""A power of the batch mean's error, or the batch mean itself.

Order 1: ``X = g_B``.  Order r = 2, 3, 4: ``X = (g_B - gbar)^r``.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from sim import batches, cells, designs
from sim.cells import Choice, Field, Setting, Text, Whole
from sim.populations import facts, scalar_population

__all__ = ["FIELDS", "draw", "setting"]

FIELDS: dict[str, Field] = {
    "population": Text(),
    "N": Whole(optional=True),
    "B": Whole(),
    "design": Choice(designs.DESIGNS),
    "order": Choice((1, 2, 3, 4)),
}


@dataclass(frozen=True, slots=True)
class _Cell:
    values: np.ndarray
    B: int
    design: str
    order: int

    @property
    def exact(self) -> bool:
        return bool(np.issubdtype(self.values.dtype, np.integer))

    @property
    def weights(self) -> tuple[int, Any, int]:
        """Numbers a, b, c with ``g_B - gbar = (a S_B - b) / c`` for the sum S_B of a batch.

        Both products are exact: whole for an integer population, on the grid of `sim.frozen` for a real
        one.
        """
        N, B = len(self.values), self.B
        if self.order == 1:
            return 1, 0, B
        total = B * self.values.sum().item()
        if isinstance(total, float):
            return N, total, N * B
        common = math.gcd(N, total)
        return N // common, total // common, N * B // common


def _read(cell: Mapping[str, Any]) -> _Cell:
    given = cells.read(cell, FIELDS)
    values = scalar_population(given["population"], given["N"])
    designs.check_sizes(len(values), given["B"], given["design"])
    return _Cell(values, given["B"], given["design"], given["order"])


def _range(low: Any, high: Any, order: int) -> tuple[Any, Any]:
    if order % 2:
        return low**order, high**order
    return low * 0, max(abs(low), abs(high)) ** order


def setting(cell: Mapping[str, Any]) -> Setting:
    """Return facts, range and scale; the range is that of the extreme batches, both ends attained or 0."""
    c = _read(cell)
    known = {**facts(c.values), "B": Fraction(c.B)}
    low, high = batches.sum_range(c.values, c.B, c.design)
    a, b, divisor = c.weights
    ends = _range(a * low - b, a * high - b, c.order)
    if c.exact:
        cells.integer_limit(
            max(abs(a * int(low)), abs(a * int(high)), abs(b), *map(abs, ends)), "the batch error"
        )
        scale = Fraction(1, divisor**c.order)
        return Setting(known, *cells.outward(ends[0] * scale, ends[1] * scale), scale)
    low, high = (end / divisor**c.order for end in ends)
    # the error is exact but for one division, its power but for `order` roundings
    slack = 4 * c.order * sys.float_info.epsilon * max(abs(low), abs(high))
    if c.order % 2:
        return Setting(known, *cells.outward(low, high, slack), None)
    return Setting(known, 0.0, cells.outward(0.0, high, slack)[1] if high else 0.0, None)


def draw(
    cell: Mapping[str, Any], n: int, *, rng: np.random.Generator, sampler: cells.Sampler = designs.draw
) -> np.ndarray:
    """Draw `n` replicates; see `sim.probes.draw`."""
    c = _read(cell)
    a, b, divisor = c.weights

    def one(rows: int) -> np.ndarray:
        total = batches.sums(c.values, sampler(c.design, len(c.values), c.B, rows, rng=rng))
        error = a * total - b if c.exact else (a * total - b) / divisor
        power = error
        for _ in range(c.order - 1):
            power = power * error
        return power

    return cells.replicates(n, batches.chunk_of(c.B), one, dtype=c.values.dtype.type)
