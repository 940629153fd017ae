"""Channels judged on draws: what a law claims of a cell, and which rivals the cell must refute."""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from verify.cells import Cell
from verify.plan import Claim, Plan

if TYPE_CHECKING:
    from theory.law import Law

__all__ = ["PLAN_BLOCK", "DesignError", "claim", "duties", "separates"]

PLAN_BLOCK = -1
"""Number under which the plan of a cell is stored."""


class DesignError(ValueError):
    """The cells of a law cannot do what they are for; found before any draw."""


_COUNTS = ("N", "B", "C", "G", "HW", "n", "t", "m", "k", "d")


def claim(law: Law, cell: Cell, probes: str = "sim.probes") -> Claim:
    """Return what the law and its rivals claim of a cell.

    Parameters
    ----------
    law : Law
        The law.
    cell : Cell
        A drawn cell.
    probes : str
        Module of the probes.

    Returns
    -------
    Claim

    Raises
    ------
    DesignError
        If the cell is outside the law's domain, lacks a value the law needs, or the mean is not a finite number.
    """
    from theory import exact, notation

    experiment = cell.experiment
    assert experiment is not None
    try:
        setting = importlib.import_module(probes).setting(cell.setting)
    except ValueError as problem:
        raise DesignError(f"{cell.label}: the probe {cell.record['probe']} refuses this cell: {problem}") from problem
    known = {k: v for k, v in cell.setting.items() if k != "probe"} | dict(setting.known)
    names = {param.name for param in law.params}
    # A simulator of real data may report its counts as floats.
    known = {k: int(v) if isinstance(v, float) and k in _COUNTS and v.is_integer() else v for k, v in known.items()}
    if "sigma2" in known and "sigma" not in known:
        known["sigma"] = math.sqrt(float(known["sigma2"]))
    try:
        law.validate({k: v for k, v in known.items() if k in names}, part=cell.part)
        times = exact.value(notation.resolve(experiment.times, str(known.get("design", "wor"))), known)
        theta = law.value(known, part=cell.part)
    except (ValueError, KeyError, ZeroDivisionError) as problem:
        raise DesignError(f"{cell.label}: the claimed mean has no value: {problem}") from problem
    theta = _times(theta, times)
    value = _finite(theta)
    if value is None:
        raise DesignError(f"{cell.label}: the claimed mean {theta} is not a finite real number")
    rivals: dict[str, float | None] = {}
    for rival in law.part(cell.part).rivals:
        try:
            rivals[rival.name] = _finite(_times(law.value(known, part=cell.part, rhs=rival.expr), times))
        except (KeyError, ZeroDivisionError):
            rivals[rival.name] = None
    return Claim(
        theta=exact.as_text(theta) or repr(value), value=value, rivals=rivals, low=float(setting.low),
        high=float(setting.high), scale=None if setting.scale is None else str(Fraction(setting.scale)),
        delta=float(Fraction(cell.record["delta"])), alpha=float(cell.record["alpha"]))


def _times(value: Any, factor: Any) -> Any:
    """Multiply, keeping rationals exact; a SymPy number and a Fraction have no common product."""
    if isinstance(value, Fraction) and isinstance(factor, Fraction):
        return value * factor
    if factor == 1:
        return value
    return float(value) * float(factor)


def _finite(number: Any) -> float | None:
    try:
        value = float(number)
    except (TypeError, ValueError, OverflowError):
        return None
    return value if math.isfinite(value) else None


def duties(plans: Mapping[str, tuple[str, Plan]]) -> dict[str, tuple[str, ...]]:
    """Give every resolved rival to the cell that is planned to refute it with the fewest draws.

    Parameters
    ----------
    plans : mapping of cell id to (part, Plan)
        Of one channel of one law, in the order of its cells.

    Returns
    -------
    dict of cell id to tuple of str
        Names of the rivals that each cell must refute before it is done.
    """
    best: dict[tuple[str, str], tuple[int, str]] = {}
    for cell, (part, planned) in plans.items():
        for name, rival in planned.rivals.items():
            if rival.resolved and rival.planned is not None:
                offer = (rival.planned, cell)
                if (part, name) not in best or offer[0] < best[part, name][0]:
                    best[part, name] = offer
    out: dict[str, list[str]] = {cell: [] for cell in plans}
    for (_, name), (_, cell) in best.items():
        out[cell].append(name)
    return {cell: tuple(sorted(names)) for cell, names in out.items()}


def separates(c: Claim, name: str) -> bool:
    """Say whether a cell can tell a rival from the law: they differ by more than twice the tolerance.

    Where the law claims 0 the tolerance follows from the pilot; any other mean counts as different then.
    """
    value = c.rivals[name]
    return value is not None and abs(value - c.value) > 2 * c.delta * abs(c.value)
