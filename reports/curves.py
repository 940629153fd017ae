"""What the figures show, taken from the ledger: measured points, the law between them, its rivals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from theory.law import Law, Part

__all__ = ["Curve", "Ratio", "Series", "curves", "ratios", "trace_curve"]

DESIGN_WORDS = {"wor": "without replacement", "wr": "with replacement"}
CHANNEL_WORDS = {"monte_carlo": "Simulation", "network": "Trained network"}
LETTERS = {
    "sigma2": r"$\sigma^2$",
    "kappa": r"$\kappa$",
    "eta": r"$\eta$",
    "mu4": r"$\mu_4$",
    "B": "$B$",
    "N": "$N$",
    "C": "$C$",
    "G": "$G$",
    "HW": "$HW$",
    "n": "$n$",
    "h": "$h$",
    "t": "$t$",
}


@dataclass(frozen=True, slots=True)
class Series:
    """One line or one set of points.

    Parameters
    ----------
    name : str
        What the reader sees.
    kind : {"law", "rival", "measured"}
        How it is drawn.
    design : str
        Sampling design, which picks the color.
    rows : tuple of (x, y, low, high)
        Points; the bounds are None on lines.
    refuted : bool
        A rival that at least one of the cells has refuted.
    """

    name: str
    kind: str
    design: str
    rows: tuple[tuple[float, float, float | None, float | None], ...]
    refuted: bool = False


@dataclass(frozen=True, slots=True)
class Curve:
    """Everything one figure shows; `verified` says that all its cells are."""

    name: str
    axis: str
    quantity: str
    series: tuple[Series, ...]
    caption: str
    verified: bool = False

    @property
    def measured(self) -> tuple[Series, ...]:
        """The series of measured points."""
        return tuple(s for s in self.series if s.kind == "measured")


def _number(value: Any) -> float:
    """Return a ledger number (float, integer, "p/q") as a float."""
    return float(Fraction(value)) if isinstance(value, str) else float(value)


def _drawn(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the cells that have something to draw; an interval without an end is left to the table."""
    needed = ("theta", "estimate", "low", "high")
    return [cell for cell in document["cells"] if cell["n"] and all(cell[key] is not None for key in needed)]


def _axis(cells: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the numeric parameter that varies most, the batch size first among equals."""
    counts = {}
    for name in cells[0]["params"]:
        values = {cell["params"].get(name) for cell in cells}
        if all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values):
            counts[name] = len(values)
    best = sorted(counts, key=lambda name: (-counts[name], name != "B", name))
    return best[0] if best and counts[best[0]] >= 3 else None


def _facts(cell: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values a law needs at a cell: its parameters and what the probe knows of the population."""
    from sim import probes

    setting = {
        name: Fraction(v) if isinstance(v, str) and "/" in v else v for name, v in cell["params"].items()
    }
    return {**setting, **probes.setting({"probe": cell["probe"], **setting}).known}


def _dense(low: float, high: float) -> list[float]:
    """Return points between two ends, spaced for a logarithmic axis where both are positive."""
    if low <= 0:
        return [low + (high - low) * k / 120 for k in range(121)]
    return [low * (high / low) ** (k / 120) for k in range(120)] + [high]


def _line(
    law: Law,
    part: Part,
    cells: Sequence[Mapping[str, Any]],
    axis: str,
    expr: Any,
    at_cells: Sequence[float],
    times: Any,
) -> list[tuple[float, float, None, None]]:
    """Evaluate a right-hand side between the measured points, if the population stays the same along the axis.

    Where it does not (or where the values disagree with the ledger), the line joins the ledger's own values.
    """
    xs = [float(cell["params"][axis]) for cell in cells]
    joined: list[tuple[float, float, None, None]] = [
        (x, y, None, None) for x, y in zip(xs, at_cells, strict=True)
    ]
    first, last = _facts(cells[0]), _facts(cells[-1])
    moving = {name for name in first if name != axis and first[name] != last.get(name)}
    if moving & {s.name for s in part.rhs.free_symbols} or axis not in {
        s.name for s in part.rhs.free_symbols
    }:
        return joined

    def value(x: float) -> float | None:
        try:
            return float(law.value({**first, axis: x}, part=part.name, rhs=expr)) * float(times)
        except (ZeroDivisionError, TypeError, ValueError):
            return None

    for x, y in zip(xs, at_cells, strict=True):
        repeated = value(x)
        if repeated is None or not math.isclose(
            repeated, y, rel_tol=1e-6, abs_tol=1e-12 * max(map(abs, at_cells))
        ):
            return joined
    grid = sorted({*_dense(min(xs), max(xs)), *xs})
    found = [(x, value(x)) for x in grid]
    return [(x, y, None, None) for x, y in found if y is not None and math.isfinite(y)]


def curves(law: Law, document: Mapping[str, Any], *, limit: int = 3) -> tuple[Curve, ...]:
    """Return the curves that a law's measured cells support.

    Parameters
    ----------
    law : Law
        The law.
    document : mapping
        Its ledger document.
    limit : int
        At most so many, those with the most points first.
    """
    groups: dict[tuple[str, str, str], dict[str, list[Mapping[str, Any]]]] = {}
    for cell in _drawn(document):
        kind = (cell["part"], cell["channel"], cell["probe"])
        groups.setdefault(kind, {}).setdefault(str(cell["params"].get("population", "")), []).append(cell)
    found = []
    for (part, channel, probe), populations in groups.items():
        # One picture a kind of measurement: the population with the most cells stands for the others.
        population, cells = max(populations.items(), key=lambda item: len(item[1]))
        axis = _axis(cells)
        if axis is not None:
            name = f"{part}-{channel}-{probe}"
            found.append(_curve(law, name, cells, axis, _caption(channel, probe, population)))
    found.sort(key=lambda curve: -sum(len(s.rows) for s in curve.measured))
    return tuple(found[:limit])


def _caption(channel: str, probe: str, population: str) -> str:
    """Say what was measured and on what, in the simulator's own words."""
    from sim import populations, probes

    what = probes.describe(probe)
    where = f" Population {population}: {populations.describe(population)}" if population else ""
    return f"{CHANNEL_WORDS[channel]}. {what}{where}" + ("" if where.endswith(".") or not where else ".")


def _curve(law: Law, name: str, cells: Sequence[Mapping[str, Any]], axis: str, caption: str) -> Curve:
    part = law.part(cells[0]["part"])
    others = sorted({k for cell in cells for k in cell["params"]} - {axis, "population", "design"})
    varying = [k for k in others if len({str(cell["params"].get(k)) for cell in cells}) > 1]
    split: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for cell in cells:
        key = (str(cell["params"].get("design", "")), *(f"{k}={cell['params'].get(k)}" for k in varying))
        split.setdefault(key, []).append(cell)
    series: list[Series] = []
    for (design, *rest), members in split.items():
        members.sort(key=lambda cell: float(cell["params"][axis]))
        label = ", ".join([DESIGN_WORDS.get(design, "")] * bool(design) + list(rest))
        thetas = [_number(cell["theta"]) for cell in members]
        times = _times(law, members[0])
        series.append(
            Series(
                label,
                "measured",
                design,
                tuple(
                    (float(c["params"][axis]), _number(c["estimate"]), _number(c["low"]), _number(c["high"]))
                    for c in members
                ),
            )
        )
        series.append(
            Series(label, "law", design, tuple(_line(law, part, members, axis, None, thetas, times)))
        )
        if len(split) <= 2 and not any(s.kind == "rival" for s in series):
            for rival in part.rivals:
                if all(cell["rivals"].get(rival.name, {}).get("value") is not None for cell in members):
                    at_cells = [_number(cell["rivals"][rival.name]["value"]) for cell in members]
                    rows = _line(law, part, members, axis, rival.expr, at_cells, times)
                    gone = any(cell["rivals"][rival.name]["refuted"] for cell in members)
                    series.append(Series(rival.name, "rival", design, tuple(rows), gone))
    verified = all(cell["verdict"] == "verified" for cell in cells)
    return Curve(name, axis, part.name, tuple(series), caption, verified)


def _times(law: Law, cell: Mapping[str, Any]) -> float:
    """Return the known factor of the probe's mean, from the ledger's value and the law's at this cell."""
    value = float(law.value(_facts(cell), part=cell["part"]))
    return _number(cell["theta"]) / value if value else 1.0


@dataclass(frozen=True, slots=True)
class Ratio:
    """Measured over predicted in one cell, with its interval, its tolerance and what its rivals would give."""

    label: str
    ratio: float
    low: float
    high: float
    delta: float
    design: str
    rivals: Mapping[str, float] = field(default_factory=dict)


def _constant(cells: Sequence[Mapping[str, Any]]) -> set[str]:
    """Return the parameters that are the same in all of several cells."""
    names = {name for cell in cells for name in cell["params"]}
    return {
        name for name in names if len({str(c["params"][name]) for c in cells if name in c["params"]}) == 1
    }


def ratios(document: Mapping[str, Any]) -> tuple[Ratio, ...]:
    """Return measured over predicted for every cell whose prediction is not zero."""
    rows = []
    drawn = _drawn(document)
    fixed = {
        part: _constant([cell for cell in drawn if cell["part"] == part])
        for part in {c["part"] for c in drawn}
    }
    for cell in drawn:
        theta = _number(cell["theta"])
        if theta == 0:
            continue
        # A negative prediction swaps the ends of the interval.
        low, high = sorted((_number(cell["low"]) / theta, _number(cell["high"]) / theta))
        varied = [
            f"{LETTERS.get(k, k)} = {v}"
            for k, v in cell["params"].items()
            if k not in ("population", "design", *fixed[cell["part"]])
        ]
        design = str(cell["params"].get("design", ""))
        where = str(cell["params"].get("population", ""))
        shown = [*varied, design if "design" not in fixed[cell["part"]] else "", where]
        rows.append(
            Ratio(
                f"{cell['part']}: " + ", ".join(piece for piece in shown if piece),
                _number(cell["estimate"]) / theta,
                low,
                high,
                _number(cell["delta"]),
                design,
                {
                    name: _number(r["value"]) / theta
                    for name, r in cell["rivals"].items()
                    if r["value"] is not None
                },
            )
        )
    return tuple(rows)


def trace_curve(law: Law, document: Mapping[str, Any]) -> Curve | None:
    """Return the curve of the front picture: the covariance trace of a trained network and one rival.

    Returns
    -------
    Curve or None
        None while the evidence holds fewer than three such cells.
    """
    cells = [c for c in _drawn(document) if c["probe"] == "batch_mean_trace"]
    if len(cells) < 3:
        return None
    curve = _curve(law, "front", cells, "B", "")
    popular = next((r.name for r in law.part(cells[0]["part"]).rivals if r.name.startswith("1/B")), None)
    keep = tuple(s for s in curve.series if s.kind != "rival" or s.name == popular)
    return replace(curve, series=keep)
