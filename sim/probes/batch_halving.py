"""The squared error of half a batch, beside the exact variance of the whole batch's mean.

``X = (g_{B/2} - gbar)^2``; the fact ``V_B`` is Var(g_B) over every batch of B, listed, in rationals.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from sim import batches, cells, designs
from sim.cells import Choice, Field, Setting, Text, Whole
from sim.populations import integer_population
from sim.probes import batch_mean_moment

__all__ = ["FIELDS", "draw", "setting"]

FIELDS: dict[str, Field] = {
    "population": Text(),
    "N": Whole(high=10, optional=True),
    "B": Whole(2),
    "design": Choice(designs.DESIGNS),
}


def _read(cell: Mapping[str, Any]) -> tuple[np.ndarray, dict[str, Any]]:
    given = cells.read(cell, FIELDS)
    values = integer_population(given["population"], given["N"])
    if len(values) > 10:
        raise ValueError(
            f"population {given['population']!r} has {len(values)} examples, at most 10 are enumerated"
        )
    designs.check_sizes(len(values), given["B"], given["design"])
    if given["B"] % 2:
        raise ValueError(f"B must be even to be halved, got {given['B']}")
    half = {"population": given["population"], "B": given["B"] // 2, "design": given["design"], "order": 2}
    return values, {"B": given["B"], "design": given["design"], "half": half}


def setting(cell: Mapping[str, Any]) -> Setting:
    """Return facts, range and scale."""
    values, given = _read(cell)
    inner = batch_mean_moment.setting(given["half"])
    listed, times = batches.every(len(values), given["B"], given["design"])
    number = int(times.sum())
    sums = [Fraction(int(s)) for s in values[listed].sum(axis=1)]
    mean = sum((s * int(k) for s, k in zip(sums, times, strict=True)), Fraction(0)) / number
    second = sum(((s - mean) ** 2 * int(k) for s, k in zip(sums, times, strict=True)), Fraction(0)) / number
    known = {**inner.known, "B": Fraction(given["B"]), "V_B": second / given["B"] ** 2}
    return Setting(known, inner.low, inner.high, inner.scale)


def draw(
    cell: Mapping[str, Any], n: int, *, rng: np.random.Generator, sampler: cells.Sampler = designs.draw
) -> np.ndarray:
    """Draw `n` replicates; see `sim.probes.draw`."""
    return batch_mean_moment.draw(_read(cell)[1]["half"], n, rng=rng, sampler=sampler)
