"""Whether one given example, or both of two, are in the batch: the sampler's own laws.

``X = 1`` if example i (``items`` = one), or both i and j (``items`` = two), occur in the batch; 0 otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from sim import batches, cells, designs
from sim.cells import Choice, Field, Setting, Whole

__all__ = ["FIELDS", "draw", "setting"]

FIELDS: dict[str, Field] = {
    "N": Whole(),
    "B": Whole(),
    "design": Choice(designs.DESIGNS),
    "items": Choice(("one", "two")),
    "i": Whole(0, optional=True),
    "j": Whole(0, optional=True),
}


def _read(cell: Mapping[str, Any]) -> tuple[int, int, str, tuple[int, ...]]:
    """Return sizes, design and the examples asked for: the last, and the first, where the cell names none."""
    given = cells.read(cell, FIELDS)
    N, B = designs.check_sizes(given["N"], given["B"], given["design"])
    if given["items"] == "one" and given["j"] is not None:
        raise ValueError(f"items=one asks for one example, got also j={given['j']}")
    i = N - 1 if given["i"] is None else given["i"]
    j = 0 if given["j"] is None else given["j"]
    wanted = (i,) if given["items"] == "one" else (i, j)
    for name, item in zip("ij", wanted, strict=False):
        if item >= N:
            raise ValueError(f"{name} must be an example in 0..{N - 1}, got {item}")
    if len(set(wanted)) < len(wanted):
        raise ValueError(f"items=two needs two examples, got i=j={i}")
    return N, B, given["design"], wanted


def setting(cell: Mapping[str, Any]) -> Setting:
    """Return facts, range and scale."""
    N, B, _, _ = _read(cell)
    return Setting({"N": Fraction(N), "B": Fraction(B)}, 0.0, 1.0, Fraction(1))


def draw(
    cell: Mapping[str, Any], n: int, *, rng: np.random.Generator, sampler: cells.Sampler = designs.draw
) -> np.ndarray:
    """Draw `n` replicates; see `sim.probes.draw`."""
    N, B, design, wanted = _read(cell)

    def one(rows: int) -> np.ndarray:
        indices = sampler(design, N, B, rows, rng=rng)
        held = np.ones(rows, dtype=bool)
        for item in wanted:
            held &= (indices == item).any(axis=1)
        return held.astype(np.int64)

    return cells.replicates(n, batches.chunk_of(B), one, dtype=np.int64)
