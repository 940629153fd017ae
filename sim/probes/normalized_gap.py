"""How far batch normalization is from normalization by the population.

``X = (1/B) sum (x_hat - z)^2``: ``x_hat`` from the batch-norm layer with eps = 0, ``z = (x - gbar) / sigma``.
The facts are ``sigma``, the population's standard deviation, and ``sigma_hat``, the mean of the batch's over
every batch, listed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from sim import batches, cells, designs, norms
from sim.cells import Choice, Field, Setting, Text, Whole
from sim.populations import facts, integer_population

__all__ = ["FIELDS", "draw", "setting"]

FIELDS: dict[str, Field] = {
    "population": Text(),
    "N": Whole(optional=True),
    "B": Whole(2),
    "design": Choice(designs.DESIGNS),
}

_SLACK = (
    1e-12  # the gap is at most 4 and of order B roundings; B is at most 16 where all batches can be listed
)


def _read(cell: Mapping[str, Any]) -> tuple[np.ndarray, int, str]:
    given = cells.read(cell, FIELDS)
    values = integer_population(given["population"], given["N"])
    B, design = given["B"], given["design"]
    designs.check_sizes(len(values), B, design)
    if batches.variance_range(values, B, design)[0] == 0:
        raise ValueError(
            f"a batch of {B} from {given['population']!r} ({design}) may have zero variance, where batch "
            "norm with eps = 0 is undefined: use distinct values without replacement"
        )
    return values, B, design


def _gap(values: np.ndarray, indices: np.ndarray, known: Mapping[str, Any]) -> np.ndarray:
    x = values[indices].astype(np.float64)
    x_hat, _ = norms.forward("batch", x[:, :, None], eps=0.0)
    z = (x - float(known["gbar"])) / math.sqrt(known["sigma2"])
    gap = x_hat[:, :, 0] - z
    found: np.ndarray = np.mean(gap * gap, axis=1)
    return found


def setting(cell: Mapping[str, Any]) -> Setting:
    """Return facts and range; both the fact ``sigma_hat`` and the range come from the list of every batch."""
    values, B, design = _read(cell)
    known = {**facts(values), "B": Fraction(B)}
    listed, times = batches.every(len(values), B, design)
    x = values[listed]
    scaled = B * (x * x).sum(axis=1) - x.sum(axis=1) ** 2
    deviations = (math.sqrt(v) * k for v, k in zip(scaled.tolist(), times.tolist(), strict=True))
    known["sigma"] = math.sqrt(known["sigma2"])
    known["sigma_hat"] = math.fsum(deviations) / (B * int(times.sum()))
    gaps = _gap(values, listed, known)
    low, high = cells.outward(float(gaps.min()), float(gaps.max()), _SLACK)
    return Setting(known, max(0.0, low), high, None)


def draw(
    cell: Mapping[str, Any], n: int, *, rng: np.random.Generator, sampler: cells.Sampler = designs.draw
) -> np.ndarray:
    """Draw `n` replicates; see `sim.probes.draw`."""
    values, B, design = _read(cell)
    known = facts(values)

    def one(rows: int) -> np.ndarray:
        return _gap(values, sampler(design, len(values), B, rows, rng=rng), known)

    return cells.replicates(n, batches.chunk_of(B), one)
