"""SGD on a one-dimensional quadratic, after exactly t steps.

Example i has the loss ``h/2 (theta - x_i)^2``; the chain is ``theta <- theta - eta h (theta - x_B)``, a
fresh batch each step, from ``theta* + start`` with ``theta*`` the population mean.  ``X = (theta_t -
theta*)^order``.
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
from sim.cells import Choice, Field, Number, Setting, Text, Whole
from sim.populations import facts, integer_population

__all__ = ["FIELDS", "draw", "setting"]

FIELDS: dict[str, Field] = {
    "population": Text(),
    "N": Whole(optional=True),
    "B": Whole(),
    "design": Choice(designs.DESIGNS),
    "eta": Number(0, 1000, open_low=True),
    "h": Number(0, 1000, open_low=True),
    "t": Whole(1, 10_000),
    "start": Number(-(10**6), 10**6),
    "order": Choice((1, 2)),
}


@dataclass(frozen=True, slots=True)
class _Cell:
    values: np.ndarray
    B: int
    design: str
    eta: Fraction
    h: Fraction
    t: int
    start: Fraction
    order: int


def _read(cell: Mapping[str, Any]) -> _Cell:
    given = cells.read(cell, FIELDS)
    values = integer_population(given.pop("population"), given.pop("N"))
    designs.check_sizes(len(values), given["B"], given["design"])
    return _Cell(values, **given)


def setting(cell: Mapping[str, Any]) -> Setting:
    """Return facts and range.

    ``sigma2`` is the variance of the per-example gradients at the optimum, ``delta0`` the offset of the
    start. The range follows the extreme errors of the batch mean through the t steps: an interval of
    errors maps to an interval, and both ends are attained.
    """
    c = _read(cell)
    population = facts(c.values)
    mean = Fraction(population["gbar"])
    gradients = [c.h * (mean - int(x)) for x in c.values]
    known = {
        "N": population["N"],
        "B": Fraction(c.B),
        "sigma2": sum((g * g for g in gradients), Fraction(0)) / len(gradients),
        "delta0": c.start,
    }
    sums = batches.sum_range(c.values, c.B, c.design)
    error_low, error_high = (float(Fraction(int(s), c.B) - mean) for s in sums)
    step = float(c.eta * c.h)
    keep = float(1 - c.eta * c.h)
    low = high = float(c.start)
    size = given = abs(low) + float(np.abs(c.values).max())
    for _ in range(c.t):
        ends = keep * low, keep * high
        low, high = min(ends) + step * error_low, max(ends) + step * error_high
        # each step adds a few roundings of the numbers it handles and carries the earlier ones on
        size = abs(keep) * size + (1 + step) * (given + max(abs(low), abs(high)))
    slack = 8 * sys.float_info.epsilon * size
    largest = max(abs(low), abs(high)) + slack
    if not math.isfinite(largest * largest):
        raise ValueError(
            f"the range of theta after t={c.t} steps with eta={c.eta}, h={c.h} overflows float64"
        )
    if c.order == 1:
        return Setting(known, *cells.outward(low, high, slack), None)
    return Setting(known, *cells.outward(0.0, largest * largest), None)


def draw(
    cell: Mapping[str, Any], n: int, *, rng: np.random.Generator, sampler: cells.Sampler = designs.draw
) -> np.ndarray:
    """Draw `n` replicates; see `sim.probes.draw`."""
    c = _read(cell)
    optimum = float(facts(c.values)["gbar"])
    step = float(c.eta * c.h)

    def one(rows: int) -> np.ndarray:
        theta = np.full(rows, optimum + float(c.start))
        for _ in range(c.t):
            batch_mean = batches.sums(c.values, sampler(c.design, len(c.values), c.B, rows, rng=rng)) / c.B
            theta -= step * (theta - batch_mean)
        error = theta - optimum
        return error if c.order == 1 else error * error

    return cells.replicates(n, batches.chunk_of(c.B), one)
