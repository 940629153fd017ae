"""The squared distance of the batch gradient from the full gradient of a trained network.

``X = |g_B - G|^2``; the fact ``sigma2`` is the trace of the covariance of the per-example gradients
(divisor N).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from scipy import sparse

from sim import cells, designs
from sim.cells import Choice, Field, Setting, Whole
from sim.frozen import GRADIENT_GRID
from sim.populations import population

__all__ = ["FIELDS", "draw", "setting"]

FIELDS: dict[str, Field] = {
    "population": Choice(("digits:gradient:all", "digits8:gradient:all")),
    "N": Whole(optional=True),
    "B": Whole(),
    "design": Choice(designs.DESIGNS),
}

_DENSE_RATIO = 12  # below N / 12 adding the batch's rows costs less than a product with all rows


@lru_cache(maxsize=2)
def _rows(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the gradients in float32 and their total, without the constant coordinates."""
    g = population(name)
    g = g[:, (g != g[0]).any(axis=0)]
    return g.astype(np.float32), g.sum(axis=0)


@lru_cache(maxsize=2)
def _spread(name: str) -> tuple[np.ndarray, float]:
    """Return the sorted distances from the mean and the largest eigenvalue of the covariance."""
    rows, total = _rows(name)
    centered = rows.astype(np.float64) - total / len(rows)
    square = centered.T @ centered if len(rows) > rows.shape[1] else centered @ centered.T
    return np.sort(np.sqrt(np.vecdot(centered, centered))), float(np.linalg.eigvalsh(square)[-1]) / len(rows)


def _read(cell: Mapping[str, Any]) -> tuple[str, int, str]:
    given = cells.read(cell, FIELDS)
    name, B = given["population"], given["B"]
    N = len(population(name))
    if given["N"] not in (None, N):
        raise ValueError(f"N={given['N']} but population {name!r} has {N} examples")
    designs.check_sizes(N, B, given["design"])
    size = np.abs(_rows(name)[0])
    largest = float(size.max()) * GRADIENT_GRID * B
    if given["design"] == "wor":
        largest = min(largest, float(size.sum(axis=0).max()) * GRADIENT_GRID)
    if largest >= 2**24:
        raise ValueError(
            f"B={B} is too large here: sums of {largest:.3g} grid steps are not exact in float32"
        )
    return name, B, given["design"]


def setting(cell: Mapping[str, Any]) -> Setting:
    """Return facts and range.

    Notes
    -----
    Three proved bounds, the least is taken.  The triangle inequality: ``|g_B - G|`` is at most the mean
    of the B largest distances.  The same for the batch's complement C, since
    ``B (g_B - G) = -(N - B) (g_C - G)``.  And Cauchy-Schwarz on the batch and on its complement along the
    error's own direction u: the centered projections sum to zero, so that ``(u'(g_B - G))^2`` is at most
    ``u' Sigma u (N - B) / B``, and that at most ``(N - B) / B`` times the largest eigenvalue.  A batch
    of all has no error, exactly.
    """
    name, B, design = _read(cell)
    distances, eigenvalue = _spread(name)
    N = len(distances)
    known = {"N": float(N), "B": float(B), "sigma2": math.fsum((distances * distances).tolist()) / N}
    if design == "wr":
        high = float(distances[-1]) ** 2
    elif B == N:
        return Setting(known, 0.0, 0.0, None)
    else:
        direct = float(distances[-B:].mean())
        complement = float(distances[B - N :].mean()) * (N - B) / B
        high = min(direct**2, complement**2, eigenvalue * (N - B) / B)
    # eigenvalue and norms carry a relative error below (N + P) times the unit roundoff; the mean G one
    # of that size too
    slack = 1e-12 * (high + known["sigma2"])
    return Setting(known, 0.0, cells.outward(0.0, high, slack)[1], None)


def draw(
    cell: Mapping[str, Any], n: int, *, rng: np.random.Generator, sampler: cells.Sampler = designs.draw
) -> np.ndarray:
    """Draw `n` replicates; see `sim.probes.draw`."""
    name, B, design = _read(cell)
    rows, total = _rows(name)
    N = len(rows)

    def one(count: int) -> np.ndarray:
        batches = sampler(design, N, B, count, rng=rng)
        if _DENSE_RATIO * B < N:
            ends = np.arange(0, batches.size + 1, batches.shape[1])
            ones = np.ones(batches.size, dtype=np.float32)
            sums = sparse.csr_array((ones, batches.reshape(-1), ends), shape=(count, N)) @ rows
        else:
            places = batches + np.arange(count)[:, None] * N
            times = np.bincount(places.reshape(-1), minlength=count * N).astype(np.float32)
            sums = times.reshape(count, N) @ rows
        # exact: sums are whole multiples of the grid below 2^24 of it, N and B times them below 2^53
        error = N * sums.astype(np.float64) - B * total
        found: np.ndarray = np.vecdot(error, error) / float(N * B) ** 2
        return found

    return cells.replicates(n, 256, one)
