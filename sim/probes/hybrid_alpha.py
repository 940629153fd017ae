"""SGD on the weight of a hybrid normalization, after exactly t steps.

A batch of B examples with d channels is filled with different values of the population, in random order, and
normalized by channel over the batch and by example over the channels, with eps = 0.  The loss is half the mean
square of ``alpha`` times the one result plus ``1 - alpha`` times the other, minus the values normalized by the
population; a fresh batch each step, from ``start``.  ``X = alpha_t``.  The facts ``r_B``, ``r_L`` and ``q`` are mean
products over all batches, listed.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from sim import batches, cells, designs, hybrid
from sim.cells import Field, Number, Setting, Text, Whole
from sim.populations import facts, integer_population

__all__ = ["FIELDS", "draw", "setting"]

FIELDS: dict[str, Field] = {
    "population": Text(),
    "N": Whole(optional=True),
    "B": Whole(2),
    "d": Whole(2),
    "eta": Number(0, 1000, open_low=True),
    "t": Whole(1, 10_000),
    "start": Number(0, 1),
}

_MOST = 50_000
"""Batches that are listed."""


@dataclass(frozen=True, slots=True)
class _Cell:
    values: np.ndarray
    B: int
    d: int
    eta: Fraction
    t: int
    start: Fraction


def _read(cell: Mapping[str, Any]) -> _Cell:
    given = cells.read(cell, FIELDS)
    values = integer_population(given.pop("population"), given.pop("N"))
    size = given["B"] * given["d"]
    designs.check_sizes(len(values), size)
    if len(np.unique(values)) < len(values):
        raise ValueError(
            "the population has equal values: a channel or an example may be constant, where normalization "
            "with eps = 0 is undefined"
        )
    if math.perm(len(values), size) > _MOST:
        raise ValueError(
            f"{len(values)} values fill B = {given['B']} examples of d = {given['d']} channels in more than "
            f"{_MOST} ways"
        )
    return _Cell(values, **given)


def _normalized(c: _Cell, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what batch and sample normalization make of the values, and the target; shape (n, B, d)."""
    known = facts(c.values)
    x = c.values[indices].astype(np.float64).reshape(-1, c.B, c.d)
    by_batch, by_sample = (hybrid.forward(x, alpha=a, reading="outputs", eps=0.0)[0] for a in (1.0, 0.0))
    return by_batch, by_sample, (x - float(known["gbar"])) / math.sqrt(known["sigma2"])


def setting(cell: Mapping[str, Any]) -> Setting:
    """Return facts and range: an interval of weights maps to an interval, and both ends are attained."""
    c = _read(cell)
    listed = np.array(list(itertools.permutations(range(len(c.values)), c.B * c.d)))
    by_batch, by_sample, target = _normalized(c, listed)
    known: dict[str, Fraction | float] = {"eta": c.eta, "alpha0": c.start, "t": Fraction(c.t)}
    for name, one, other in (
        ("r_B", by_batch, target),
        ("r_L", by_sample, target),
        ("q", by_batch, by_sample),
    ):
        known[name] = math.fsum((one * other).ravel().tolist()) / one.size
    apart = by_batch - by_sample
    bend = np.mean(apart * apart, axis=(1, 2))
    pull = np.mean(apart * (target - by_sample), axis=(1, 2))
    keep, add = 1 - float(c.eta) * bend, float(c.eta) * pull
    low = high = size = float(c.start)
    for _ in range(c.t):
        ends = np.concatenate([keep * low + add, keep * high + add])
        low, high = float(ends.min()), float(ends.max())
        size = float(np.abs(keep).max()) * size + abs(low) + abs(high) + 1
    if not math.isfinite(size):
        raise ValueError(f"the range of alpha after t={c.t} steps with eta={c.eta} overflows float64")
    return Setting(known, *cells.outward(low, high, 1e-13 * size), None)


def draw(
    cell: Mapping[str, Any], n: int, *, rng: np.random.Generator, sampler: cells.Sampler = designs.draw
) -> np.ndarray:
    """Draw `n` replicates; see `sim.probes.draw`."""
    c = _read(cell)
    size = c.B * c.d

    def one(rows: int) -> np.ndarray:
        alpha = np.full(rows, float(c.start))
        for _ in range(c.t):
            indices = rng.permuted(sampler("wor", len(c.values), size, rows, rng=rng), axis=1)
            by_batch, by_sample, target = _normalized(c, indices)
            apart = by_batch - by_sample
            error = alpha[:, None, None] * apart + by_sample - target
            alpha -= float(c.eta) * np.mean(error * apart, axis=(1, 2))
        return alpha

    return cells.replicates(n, batches.chunk_of(size), one)
