"""The squared error of the variance that a normalization layer estimates.

Activations (B, C, HW) are independent draws from a scalar population; ``X = (v - sigma2)^2`` with the
variance v of the layer's first block.  The fact ``n`` is the number of entries that block pools.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from sim import batches, cells, designs, norms
from sim.cells import Choice, Field, Setting, Text, Whole
from sim.populations import facts, scalar_population

__all__ = ["FIELDS", "draw", "setting"]

FIELDS: dict[str, Field] = {
    "population": Text(),
    "N": Whole(optional=True),
    "norm": Choice(("batch", "layer", "group", "instance")),
    "B": Whole(1, 4096),
    "C": Whole(1, 4096),
    "G": Whole(1, 4096, optional=True),
    "HW": Whole(1, 4096),
}

_ENTRIES = 2048  # counting the pooled entries takes an array of this squared


@dataclass(frozen=True, slots=True)
class _Cell:
    values: np.ndarray
    norm: str
    shape: tuple[int, int, int]
    groups: int | None

    def variance(self, x: np.ndarray) -> np.ndarray:
        """Return the variance of the first block of each array of a stack (n, B, C, HW)."""
        _, var = norms.statistics(self.norm, x, groups=self.groups)
        first: np.ndarray = var.reshape(len(x), -1)[:, 0]
        return first

    def pooled(self) -> int:
        """Count the entries that move the first block's variance when they alone are moved."""
        entries = int(np.prod(self.shape))
        return int((self.variance(np.eye(entries).reshape(entries, *self.shape)) > 0).sum())


def _read(cell: Mapping[str, Any]) -> _Cell:
    given = cells.read(cell, FIELDS)
    shape = given["B"], given["C"], given["HW"]
    if np.prod(shape) > _ENTRIES:
        raise ValueError(f"B C HW = {np.prod(shape)} exceeds the {_ENTRIES} entries an array may have here")
    groups = given["G"]
    if given["norm"] != "group":
        if groups not in (None, 1):
            raise ValueError(f"G must be 1 or absent where norm={given['norm']} has no groups, got {groups}")
        groups = None
    return _Cell(scalar_population(given["population"], given["N"]), given["norm"], shape, groups)


def setting(cell: Mapping[str, Any]) -> Setting:
    """Return facts and range; the variance of n values is largest when they sit at the two ends."""
    c = _read(cell)
    n = c.pooled()
    known = {**facts(c.values), "n": Fraction(n), "B": Fraction(c.shape[0])}
    sigma2 = float(known["sigma2"])
    largest = float(batches.variance_range(c.values, n, "wr")[1])
    slack = 8 * (n + 4) * sys.float_info.epsilon * (largest + sigma2)
    reach = max(sigma2, largest - sigma2) + slack
    return Setting(known, *cells.outward(0.0, reach * reach), None)


def draw(
    cell: Mapping[str, Any], n: int, *, rng: np.random.Generator, sampler: cells.Sampler = designs.draw
) -> np.ndarray:
    """Draw `n` replicates; see `sim.probes.draw`."""
    c = _read(cell)
    sigma2, entries = float(facts(c.values)["sigma2"]), int(np.prod(c.shape))
    values = c.values.astype(np.float64)

    def one(rows: int) -> np.ndarray:
        x = values[sampler("wr", len(values), entries, rows, rng=rng)]
        error = c.variance(x.reshape(rows, *c.shape)) - sigma2
        return error * error

    return cells.replicates(n, batches.chunk_of(entries), one)
