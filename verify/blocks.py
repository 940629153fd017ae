"""The work of one task: a pilot and its plan, or counted blocks of one cell, or one static check.

A task is a plain dict that names everything; workers import only what the task needs, so a worker that draws never
imports a law.
"""

from __future__ import annotations

import importlib
import math
import time
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from verify import judge, plan

__all__ = ["TALLY_LIMIT", "perform"]

TALLY_LIMIT = 4096
"""A block of integer replicates is stored as value counts while it has at most this many distinct values."""

Result = list[tuple[int, dict[str, Any], float]]


def perform(task: Mapping[str, Any]) -> Result:
    """Run a task.

    Parameters
    ----------
    task : mapping
        ``kind`` is "plan", "draw" or "static"; the rest is for the function of that kind.

    Returns
    -------
    list of (int, dict, float)
        Number, payload and seconds of each block.
    """
    if task["kind"] == "static":
        from verify.channels import static

        begun = time.perf_counter()
        payload = static.perform(task)
        return [(0, payload, time.perf_counter() - begun)]
    return _plan(task) if task["kind"] == "plan" else _draw(task)


def _replicates(task: Mapping[str, Any], block: int, n: int, kind: str) -> np.ndarray:
    from sim import streams

    rng = streams.generator(task["cell"], block, kind)
    return np.asarray(importlib.import_module(task["probes"]).draw(task["setting"], n, rng=rng))


def _plan(task: Mapping[str, Any]) -> Result:
    begun = time.perf_counter()
    claim = plan.Claim(**task["claim"])
    pilot = _replicates(task, 0, plan.PILOT, "pilot")
    drawn = time.perf_counter() - begun  # the draws alone: from this the cost of the cell is foretold
    wrong = _outside(pilot, claim.low, claim.high, claim.scale)
    if wrong is not None:
        payload = {"kind": "out_of_range", "n": len(pilot), "value": wrong, "low": claim.low, "high": claim.high}
    else:
        payload = plan.make(claim, plan.in_units(pilot, claim.scale)).payload()
    return [(task["block"], payload, drawn)]


def _draw(task: Mapping[str, Any]) -> Result:
    planned = plan.Plan.read(task["plan"])
    out: Result = []
    for block, n in task["blocks"]:
        begun = time.perf_counter()
        payload = summarize(_replicates(task, block, n, "block"), planned, task["plan_hash"])
        out.append((block, payload, time.perf_counter() - begun))
        if payload["kind"] == "out_of_range":
            break
    return out


def _outside(replicates: np.ndarray, low: float, high: float, scale: str | None) -> float | None:
    """Return the first replicate outside the proved range, or None; NaN is outside every range."""
    unit = 1.0 if scale is None else float(Fraction(scale))
    inside = (replicates * unit >= low) & (replicates * unit <= high)
    if inside.all():
        return None
    value = float(replicates[int(np.argmin(inside))]) * unit
    return value if math.isfinite(value) else math.copysign(1e308, value)


def summarize(replicates: np.ndarray, planned: plan.Plan, plan_hash: str) -> dict[str, Any]:
    """Return the payload of a block.

    Parameters
    ----------
    replicates : ndarray, shape (n,)
        int64 where the claim has a scale, float64 otherwise.
    planned : Plan
        Its range is checked; its bets are recorded where there is no tally.
    plan_hash : str
        Digest of the stored plan: log-wealths are worth nothing without it.

    Returns
    -------
    dict
        A tally, sums with log-wealths, or what fell outside the proved range.
    """
    claim, n = planned.claim, len(replicates)
    if (claim.scale is not None) != bool(np.issubdtype(replicates.dtype, np.integer)):
        raise TypeError(f"replicates of type {replicates.dtype} do not fit scale {claim.scale}: whole replicates need "
                        "a scale, float replicates have none")
    wrong = _outside(replicates, claim.low, claim.high, claim.scale)
    if wrong is not None:
        return {"kind": "out_of_range", "n": n, "value": wrong, "low": claim.low, "high": claim.high}
    if claim.scale is not None:
        values, counts = _tally(replicates)
        if len(values) <= TALLY_LIMIT:
            return {"kind": "tally", "n": n, "values": values.tolist(), "counts": counts.tolist()}
    x = plan.in_units(replicates, claim.scale)
    pieces = [x[start : start + 4096] for start in range(0, n, 4096)]
    return {
        "kind": "sums", "n": n, "plan": plan_hash,
        "sum": math.fsum(float(p.sum()) for p in pieces), "square": math.fsum(float((p * p).sum()) for p in pieces),
        "low": float(x.min()), "high": float(x.max()), "wealth": judge.summed_log_wealth(x, planned.bets()),
    }


def _tally(replicates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    low, high = int(replicates.min()), int(replicates.max())
    if high - low < 4 * len(replicates):
        counts = np.bincount(replicates - low)
        at = np.flatnonzero(counts)
        return at + low, counts[at]
    return np.unique(replicates, return_counts=True)
