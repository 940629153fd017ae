"""What a law says, as a picture where nothing was drawn by chance: its line over the domain, or both sides in worlds.

The line is the law's right-hand side against the parameter that the domain makes most of, the others at their typical
values; gray lines are rivals.  A law without parameters to move, or one that equates two statistics, is shown by the
small worlds in which both sides were computed by brute force.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp

from reports.curves import Curve, Series
from theory import exact, notation
from theory.domain import DomainError, Integers, Reals
from theory.law import Law, Part

__all__ = ["sketch", "worlds_curve"]

_MOST_RIVALS = 3
_POINTS = 60
_WHOLE = 400
"""Largest population of which every batch size is shown."""
_FIRST = ("B", "n", "N", "eta", "rho", "T", "t", "k", "L")
"""Letters that are moved first."""
_SEEN = 0.03  # a rival that stays nearer to the law than this share of the picture's height is not seen

Rows = tuple[tuple[float, float, None, None], ...]


def sketch(law: Law) -> Curve | None:
    """Return a law's line, or None where no part of it moves with a parameter.

    Parameters
    ----------
    law : Law
        The law; its headline is drawn if it can be, else the first part that can.
    """
    head = law.part()
    for part in (head, *(p for p in law.parts if p is not head)):
        expr = law.closed_form(part=part.name)
        letters = {s.name for s in expr.free_symbols}
        known = {p.name for p in law.params}
        if not letters or not letters <= known or expr.has(*notation.NODES):
            continue
        held = {p.name: p.typical for p in law.params}
        movable = [p for p in law.params if p.name in letters and isinstance(p.domain, (Integers, Reals))]
        movable.sort(key=lambda p: _FIRST.index(p.name) if p.name in _FIRST else len(_FIRST))
        for param in movable:
            assert isinstance(param.domain, (Integers, Reals))
            grid = _grid(param.domain, param.typical, held.get("N") if param.name == "B" else None)
            found = _lines(law, part, param.name, grid, held)
            if found is not None:
                return found
    return None


def _grid(domain: Integers | Reals, typical: Any, most: Any) -> list[Any]:
    """Return places on an axis: all that a short range has, else some on a scale that fits."""
    middle = Fraction(typical)
    if isinstance(domain, Integers):
        high = domain.high if domain.high is not None else max(domain.low + 15, 4 * int(middle))
        if most is not None:  # a batch goes up to the population, where that can be shown
            high = int(most) if most <= _WHOLE else min(high, int(most))
        if high - domain.low < _POINTS:
            return list(range(domain.low, high + 1))
        ratio = (high / max(domain.low, 1)) ** (1 / _POINTS)
        return sorted({domain.low, high, *(round(max(domain.low, 1) * ratio**k) for k in range(_POINTS + 1))})
    reach = abs(middle) or Fraction(1)
    left = Fraction(domain.low) if domain.low > -math.inf else middle - 3 * reach
    right = Fraction(domain.high) if domain.high < math.inf else max(middle + 3 * reach, left + 3 * reach)
    inner = range(1, _POINTS) if domain.open else range(_POINTS + 1)
    return [left + (right - left) * Fraction(k, _POINTS) for k in inner]


def _inside(law: Law, part: Part, values: Mapping[str, Any]) -> bool:
    try:
        law.validate({k: v for k, v in values.items() if k in _needed(law, part)}, part=part.name)
    except DomainError:
        return False
    return True


def _needed(law: Law, part: Part) -> set[str]:
    """Return the parameters that a part takes: those of its right-hand side and, with them, of its constraints."""
    letters = {s.name for s in law.closed_form(part=part.name).free_symbols}
    for constraint in law.constraints:
        more = {s.name for s in constraint.relation.free_symbols}
        letters |= more if more & letters else set()
    return letters & {p.name for p in law.params} | ({"design"} if len(law.designs) > 1 else set())


def _value(law: Law, expr: sp.Basic, values: Mapping[str, Any]) -> float | None:
    """Return a side's value at a point, or None at a pole."""
    resolved = notation.resolve(law.closed_form(rhs=expr), str(values.get("design", "wor")))
    try:
        with np.errstate(all="ignore"):
            found = float(exact.value(resolved, {s.name: float(values[s.name]) for s in resolved.free_symbols}))
    except ZeroDivisionError:
        return None
    return found if math.isfinite(found) else None


def _rows(law: Law, part: Part, expr: sp.Basic, axis: str, grid: Sequence[Any], held: Mapping[str, Any]) -> Rows:
    rows = []
    for x in grid:
        at = {**held, axis: x}
        y = _value(law, expr, at) if _inside(law, part, at) else None
        if y is not None:
            rows.append((float(x), y, None, None))
    return tuple(rows)


def _lines(law: Law, part: Part, axis: str, grid: Sequence[Any], held: Mapping[str, Any]) -> Curve | None:
    series: list[Series] = []
    for design in law.designs:
        rows = _rows(law, part, part.rhs, axis, grid, {**held, "design": design})
        ys = [row[1] for row in rows]
        if len(rows) < 3 or max(ys) - min(ys) <= 1e-9 * max(map(abs, ys)):
            continue
        if all(rows != other.rows for other in series):
            series.append(Series("", "law", design if len(law.designs) > 1 else "", rows))
    if not series:
        return None
    if len(series) == 1:
        series = [Series("", "law", "", series[0].rows)]
    else:
        words = {"wor": "without replacement", "wr": "with replacement"}
        series = [Series(words[s.design], "law", s.design, s.rows) for s in series]
    design = law.designs[0]
    height = max(r[1] for s in series for r in s.rows) - min(r[1] for s in series for r in s.rows)
    for rival in sorted(part.rivals, key=lambda r: r.near):
        if not {s.name for s in law.closed_form(rhs=rival.expr).free_symbols} <= set(held):
            continue  # it speaks of single examples, not of the parameters
        rows = _rows(law, part, rival.expr, axis, grid, {**held, "design": design})
        known = {row[0]: row[1] for row in series[0].rows}
        apart = max((abs(y - known[x]) for x, y, *_ in rows if x in known), default=0.0)
        if len(rows) >= 3 and apart > _SEEN * height:
            series.append(Series(rival.name, "rival", design, rows))
        if sum(s.kind == "rival" for s in series) == _MOST_RIVALS:
            break
    return Curve(f"law-{part.name}", axis, part.name, tuple(series), _caption(law, part, axis, held))


def _caption(law: Law, part: Part, axis: str, held: Mapping[str, Any]) -> str:
    """Say what is on the axes and what is held."""
    (param,) = (p for p in law.params if p.name == axis)
    used = {s.name for s in law.closed_form(part=part.name).free_symbols}
    others = [f"{p.name} = {exact.show(held[p.name])}" for p in law.params if p.name in used - {axis, "design"}]
    bound = {"<=": " The law is an upper bound: the truth lies on the line or below.",
             ">=": " The law is a lower bound: the truth lies on the line or above."}.get(part.relation, "")
    at = f" Held: {', '.join(others)}." if others else ""
    return f"The law over its domain; on the axis {param.name}, {param.meaning}.{at}{bound} Gray: wrong variants."


def worlds_curve(law: Law, document: Mapping[str, Any]) -> Curve | None:
    """Return both sides of the headline in the enumerated worlds, or None if there are none.

    Parameters
    ----------
    law : Law
        The law.
    document : mapping
        Its ledger document.
    """
    points = [p for p in document["enumeration"].get("points", ()) if all(map(math.isfinite, p.values()))]
    part = law.part()
    if not points:
        return None
    series = [Series("", "measured", "", tuple((p["rhs"], p["lhs"], None, None) for p in points))]
    for rival in sorted(part.rivals, key=lambda r: r.near)[:_MOST_RIVALS]:
        rows = tuple((p["rhs"], p[rival.name], None, None) for p in points if rival.name in p)
        if rows:
            series.append(Series(rival.name, "rival", "", rows))
    told = {"=": "every point lies on the diagonal", "<=": "no point lies above the diagonal",
            ">=": "no point lies below the diagonal"}[part.relation]
    caption = (f"Both sides of the law in {len(points)} small worlds, computed by brute force: {told}. Gray crosses: "
               "what wrong variants would give.")
    return Curve("worlds", "rhs", part.name, tuple(series), caption)
