"""The product of the batch means of two or three quantities of the same examples.

Order 2: ``X = (u_B - ubar)(v_B - vbar)``; order 3 has the factor ``w_B - wbar`` as well.  With ``center`` =
zero the means are not taken off: ``X = u_B v_B``.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from typing import Any

import numpy as np

from sim import batches, cells, designs
from sim.cells import Choice, Field, Setting, Text, Whole
from sim.populations import companion, joint_facts, population, scalar_population

__all__ = ["FIELDS", "draw", "setting"]

FIELDS: dict[str, Field] = {
    "population": Text(),
    "N": Whole(optional=True),
    "B": Whole(),
    "design": Choice(designs.DESIGNS),
    "order": Choice((2, 3)),
    "center": Choice(("mean", "zero"), optional=True),
}

_ENUMERATED = 5_000  # below this many batches the range is that of all of them


@dataclass(frozen=True, slots=True)
class _Cell:
    columns: tuple[np.ndarray, ...]
    B: int
    design: str
    centered: bool

    @property
    def exact(self) -> bool:
        return all(np.issubdtype(x.dtype, np.integer) for x in self.columns)

    @property
    def divisor(self) -> int:
        """What one factor is divided by."""
        N = len(self.columns[0])
        return N * self.B // self._common(N) if self.centered else self.B

    def _common(self, N: int) -> int:
        return math.gcd(N, self.B) if self.exact else 1

    @property
    def weights(self) -> tuple[int, list[Any]]:
        """Numbers a and b for each column with ``(a S - b) / divisor`` its factor, exact but for that."""
        if not self.centered:
            return 1, [0] * len(self.columns)
        N = len(self.columns[0])
        common = self._common(N)
        return N // common, [self.B // common * x.sum().item() for x in self.columns]

    def product(self, indices: np.ndarray) -> np.ndarray:
        """Return the replicate of each batch, integer where the populations are."""
        a, shifts = self.weights
        terms = [a * batches.sums(x, indices) - b for x, b in zip(self.columns, shifts, strict=True)]
        return reduce(np.multiply, terms if self.exact else [term / self.divisor for term in terms])


def _read(cell: Mapping[str, Any]) -> _Cell:
    given = cells.read(cell, FIELDS)
    u = scalar_population(given["population"], given["N"])
    others = [population(companion(given["population"], which)) for which in "vw"[: given["order"] - 1]]
    designs.check_sizes(len(u), given["B"], given["design"])
    return _Cell((u, *others), given["B"], given["design"], given["center"] != "zero")


def setting(cell: Mapping[str, Any]) -> Setting:
    """Return facts, range and scale; the range is exact where all batches can be listed."""
    c = _read(cell)
    N = len(c.columns[0])
    known = {**joint_facts(*c.columns), "B": Fraction(c.B)}
    a, shifts = c.weights
    ranges = []
    for x, b in zip(c.columns, shifts, strict=True):
        low, high = batches.sum_range(x, c.B, c.design)
        ranges.append((a * low - b, a * high - b))
    ends = batches.product_range(ranges)
    scale = Fraction(1, c.divisor ** len(c.columns))
    if c.exact:
        cells.integer_limit(int(max(map(abs, ends))), "the product of batch means")
    else:
        ends = ends[0] * float(scale), ends[1] * float(scale)
    if batches.count(N, c.B, c.design) <= _ENUMERATED:
        found = c.product(batches.every(N, c.B, c.design)[0])
        ends = found.min().item(), found.max().item()
    if c.exact:
        return Setting(known, *cells.outward(int(ends[0]) * scale, int(ends[1]) * scale), scale)
    # each factor is exact but for one division, the product but for its roundings
    slack = 4 * len(c.columns) * sys.float_info.epsilon * max(map(abs, ends))
    return Setting(known, *cells.outward(*ends, slack), None)


def draw(
    cell: Mapping[str, Any], n: int, *, rng: np.random.Generator, sampler: cells.Sampler = designs.draw
) -> np.ndarray:
    """Draw `n` replicates; see `sim.probes.draw`."""
    c = _read(cell)
    N = len(c.columns[0])

    def one(rows: int) -> np.ndarray:
        return c.product(sampler(c.design, N, c.B, rows, rng=rng))

    return cells.replicates(n, batches.chunk_of(c.B), one, dtype=np.int64 if c.exact else np.float64)
