"""The variance of a batch, its spread between two independent batches, or its squared error.

``value``: ``X = v``.  ``spread``: ``X = (v_1 - v_2)^2 / 2`` of two independent batches, whose mean is
Var(v) by definition.  ``error``: ``X = (v - sigma2)^2``.  Kind ``biased`` divides by B, ``unbiased`` by
B - 1.
"""

from __future__ import annotations

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
    "B": Whole(2),
    "design": Choice(designs.DESIGNS),
    "kind": Choice(("biased", "unbiased")),
    "statistic": Choice(("value", "spread", "error")),
}


@dataclass(frozen=True, slots=True)
class _Cell:
    values: np.ndarray
    B: int
    design: str
    kind: str
    statistic: str

    @property
    def exact(self) -> bool:
        return bool(np.issubdtype(self.values.dtype, np.integer))

    @property
    def divisor(self) -> int:
        """The variance is ``(B sum x^2 - (sum x)^2)`` over this."""
        return self.B * (self.B if self.kind == "biased" else self.B - 1)


def _read(cell: Mapping[str, Any]) -> _Cell:
    given = cells.read(cell, FIELDS)
    values = scalar_population(given["population"], given["N"])
    designs.check_sizes(len(values), given["B"], given["design"])
    return _Cell(values, given["B"], given["design"], given["kind"], given["statistic"])


def _target(c: _Cell) -> tuple[int, int, int]:
    """Whole a, b, d with ``v - sigma2 = (a k - b) / d`` for ``k = B sum x^2 - (sum x)^2``."""
    error = Fraction(1, c.divisor), Fraction(facts(c.values)["sigma2"])
    d = int(np.lcm(error[0].denominator, error[1].denominator))
    return int(error[0] * d), int(error[1] * d), d


def setting(cell: Mapping[str, Any]) -> Setting:
    """Return facts, range and scale; the range follows from the least and the most spread-out batch."""
    c = _read(cell)
    known = {**facts(c.values), "B": Fraction(c.B)}
    B2 = c.B * c.B
    low, high = batches.variance_range(c.values, c.B, c.design)
    if c.exact:
        k_low, k_high = int(low * B2), int(high * B2)
        largest = int(np.abs(c.values).max())
        cells.integer_limit(2 * B2 * largest * largest, "the batch variance")
        a, b, d = _target(c)
        ends, scale = {
            "value": ((k_low, k_high), Fraction(1, c.divisor)),
            "spread": ((0, (k_high - k_low) ** 2), Fraction(1, 2 * c.divisor**2)),
            "error": ((0, max(abs(a * k_low - b), abs(a * k_high - b)) ** 2), Fraction(1, d * d)),
        }[c.statistic]
        cells.integer_limit(max(ends[1], a * k_high, b), "the batch variance")
        return Setting(known, *cells.outward(ends[0] * scale, ends[1] * scale), scale)
    bessel = B2 / c.divisor
    v_low, v_high, s2 = float(low) * bessel, float(high) * bessel, float(known["sigma2"])
    slack = 8 * (c.B + 4) * sys.float_info.epsilon * v_high
    match c.statistic:
        case "value":
            return Setting(known, *cells.outward(max(0.0, v_low - slack), v_high + slack), None)
        case "spread":
            return Setting(known, *cells.outward(0.0, (v_high - v_low + 2 * slack) ** 2 / 2), None)
    reach = max(abs(v_low - s2), abs(v_high - s2)) + slack
    return Setting(known, *cells.outward(0.0, reach * reach), None)


def draw(
    cell: Mapping[str, Any], n: int, *, rng: np.random.Generator, sampler: cells.Sampler = designs.draw
) -> np.ndarray:
    """Draw `n` replicates; see `sim.probes.draw`."""
    c = _read(cell)
    N, B = len(c.values), c.B
    a, b, _ = _target(c) if c.exact else (1, 0, 1)
    s2 = float(facts(c.values)["sigma2"])

    def variance(rows: int) -> np.ndarray:
        x = c.values[sampler(c.design, N, B, rows, rng=rng)]
        if c.exact:
            total = x.sum(axis=1)
            found: np.ndarray = B * (x * x).sum(axis=1) - total * total
            return found
        centered = x - x.mean(axis=1, keepdims=True)
        found = (centered * centered).sum(axis=1) * (B / c.divisor)
        return found

    def one(rows: int) -> np.ndarray:
        v = variance(rows)
        if c.statistic == "value":
            return v
        if c.statistic == "spread":
            gap = v - variance(rows)
            found: np.ndarray = gap * gap if c.exact else gap * gap / 2
            return found
        error = a * v - b if c.exact else v - s2
        found = error * error
        return found

    return cells.replicates(n, batches.chunk_of(B), one, dtype=c.values.dtype.type)
