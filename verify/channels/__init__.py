"""The kinds of evidence, behind one interface: what a channel asks to be done, and what its records say.

Each channel is a row of `KINDS`: a name and a function that reads the records of its cells into a `Reading`.  Static
channels (`derivation`, `enumeration`, `property`) have one record; drawn ones (`monte_carlo`, `network`) have a plan
and blocks for each cell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from verify.account import Finding, find
from verify.cells import Cell
from verify.channels import drawn
from verify.plan import Plan
from verify.store import Record

if TYPE_CHECKING:
    from theory.law import Law

__all__ = ["KINDS", "QUANTITATIVE", "Reading", "Records", "duties", "plans", "read"]

Records = Mapping[str, Mapping[int, Record]]
"""Stored blocks by number, by cell id."""

QUANTITATIVE = ("enumeration", "monte_carlo")
"""Channels that must refute every rival of the parts they test."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the records of one channel say.

    Parameters
    ----------
    verdict : {"verified", "refuted", "inconclusive", "untested"}
        Of the channel.
    summary : str
        One plain sentence.
    detail : mapping
        Entries for the ledger document.
    rivals : mapping of str to (bool, object)
        By "part/name", for the rivals it tests: whether refuted, and by what.
    """

    verdict: str
    summary: str
    detail: Mapping[str, Any] = field(default_factory=dict)
    rivals: Mapping[str, tuple[bool, Any]] = field(default_factory=dict)


def read(law: Law, channel: str, cells: tuple[Cell, ...], records: Records, *, profile: str) -> Reading:
    """Read a channel's records.

    Parameters
    ----------
    law : Law
        The law.
    channel : str
        Key of `KINDS`.
    cells : tuple of Cell
        The law's cells of this channel in the profile.
    records : mapping
        What the store holds of them.
    profile : str
        For the most draws allowed.

    Returns
    -------
    Reading
    """
    if not cells:
        return Reading("untested", f"no cell of this channel in profile {profile}")
    return KINDS[channel](law, cells, records, profile)


def _single(cells: tuple[Cell, ...], records: Records) -> Mapping[str, Any] | None:
    found = records.get(cells[0].id, {}).get(0)
    return None if found is None else found.payload


def _derivation(law: Law, cells: tuple[Cell, ...], records: Records, profile: str) -> Reading:
    payload = _single(cells, records)
    if payload is None:
        return Reading("untested", "the derivation has not been replayed")
    detail = {"derivation": {"lines": payload["lines"], "axioms": payload["axioms"]}}
    lines = payload["lines"]
    parts = {line["part"] for line in lines}
    bare = [part.name for part in law.parts if part.name not in parts]
    wrong = [line for line in lines if line["answer"] == "refuted"]
    open_ = [line for line in lines if line["answer"] != "proved"]
    if wrong:
        where = f"line {wrong[0]['index']} of {wrong[0]['part']} ({wrong[0]['rule']})"
        return Reading("refuted", f"{where} does not follow from the line before", detail)
    if open_ or bare or payload["answer"] != "proved":
        what = f"line {open_[0]['index']} of {open_[0]['part']} is undecided" if open_ else (
            f"part {bare[0]} has no derivation" if bare else f"the replay says {payload['answer']}")
        return Reading("inconclusive", what, detail)
    axioms = f"; rests on {', '.join(payload['axioms'])}" if payload["axioms"] else ""
    return Reading("verified", f"all {len(lines)} lines proved{axioms}", detail)


def _told(payload: Mapping[str, Any]) -> dict[str, tuple[bool, Any]]:
    return {name: (entry["differs"] > 0, f"{entry['differs']} of {entry['cells']} cells differ")
            for name, entry in payload["rivals"].items()}


def _enumeration(law: Law, cells: tuple[Cell, ...], records: Records, profile: str) -> Reading:
    payload = _single(cells, records)
    if payload is None:
        return Reading("untested", "no population has been enumerated")
    detail = {"enumeration": {k: payload[k] for k in ("cells", "equal", "rivals", "examples", "points")}}
    rivals = _told(payload)
    unequal = payload["cells"] - payload["equal"]
    if unequal:
        first = payload["examples"][0]
        return Reading("refuted", f"{unequal} of {payload['cells']} enumerated cells differ from the law: brute force "
                       f"gives {first['lhs']}, the law {first['rhs']}", detail, rivals)
    bare = [part.name for part in law.parts if not payload["parts"].get(part.name)]
    if bare:
        return Reading("inconclusive", f"no population could be enumerated for part {', '.join(bare)}", detail, rivals)
    alive = [name for name, (gone, _) in rivals.items() if not gone]
    if alive:
        return Reading("inconclusive", f"rival {alive[0]} equals the law in every enumerated cell", detail, rivals)
    balls = any("+/-" in e["lhs"] + e["rhs"] for e in payload["examples"])
    how = "in rationals and in balls that agree to 1e-40" if balls else "in exact arithmetic"
    return Reading("verified", f"{payload['cells']} cells enumerated {how}, all equal; every rival differs",
                   detail, rivals)


def _property(law: Law, cells: tuple[Cell, ...], records: Records, profile: str) -> Reading:
    payload = _single(cells, records)
    if payload is None:
        return Reading("untested", "no property has been tried")
    checks = payload["checks"]
    detail = {"property": {"examples": payload["examples"], "checks": checks}}
    failed = [check for check in checks if check["failure"]]
    if failed:
        return Reading("refuted", f"{failed[0]['name']}: {failed[0]['failure']}", detail)
    empty = [check["name"] for check in checks if not check["examples"]]
    if empty or not checks:
        return Reading("inconclusive", f"no example was found for: {', '.join(empty) or 'any property'}", detail)
    return Reading("verified", f"{payload['examples']} examples of {len(checks)} properties, no counterexample", detail)


def plans(cells: tuple[Cell, ...], records: Records) -> dict[str, tuple[str, Plan]]:
    """Return (part, plan) of every drawn cell whose plan is stored, by cell id."""
    out = {}
    for cell in cells:
        record = records.get(cell.id, {}).get(drawn.PLAN_BLOCK)
        if cell.drawn and record is not None and record.payload["kind"] == "plan":
            out[cell.id] = (cell.part, Plan.read(record.payload))
    return out


def duties(channel: str, planned: Mapping[str, tuple[str, Plan]]) -> Mapping[str, tuple[str, ...]]:
    """Return the rivals that each cell of a channel must refute: none where the channel need not refute any."""
    return drawn.duties(planned) if channel in QUANTITATIVE else {cell: () for cell in planned}


def _drawn(law: Law, cells: tuple[Cell, ...], records: Records, profile: str) -> Reading:
    planned = plans(cells, records)
    must = duties(cells[0].channel, planned)
    rows: list[dict[str, Any]] = []
    exact: list[dict[str, Any]] = []
    verdicts: list[tuple[str, str]] = []
    rivals: dict[str, tuple[bool, Any]] = {}
    for cell in cells:
        found = records.get(cell.id, {})
        if not cell.drawn:
            entry, verdict, reason = _exact(cell, found)
            exact.append(entry)
            for name, seen in entry["rivals"].items():
                if seen["differs"]:
                    rivals.setdefault(name, (True, f"{seen['differs']} of {seen['cells']} exact comparisons differ"))
        else:
            finding = _finding(cell, found, planned, must, profile)
            rows.append(_row(cell, planned.get(cell.id), finding))
            verdict, reason = finding.verdict, finding.reason
            _merge(rivals, cell.part, finding)
        verdicts.append((verdict, f"{cell.label}: {reason}"))
    for cell in cells:
        for rival in law.part(cell.part).rivals if cell.drawn else ():
            rivals.setdefault(f"{cell.part}/{rival.name}", (False, None))
    return _conclude(verdicts, rows, exact, rivals)


def _finding(cell: Cell, found: Mapping[int, Record], planned: Mapping[str, tuple[str, Plan]],
             must: Mapping[str, tuple[str, ...]], profile: str) -> Finding:
    if cell.id in planned:
        return find(planned[cell.id][1], found, must[cell.id], profile=profile)
    pilot = found.get(drawn.PLAN_BLOCK)
    if pilot is not None:
        p = pilot.payload
        return Finding("refuted", "rigorous", 0, 0, None, None, None, None, {}, True, 0,
                             f"the pilot holds the replicate {p['value']:.17g} outside the proved range "
                             f"[{p['low']:.17g}, {p['high']:.17g}]: the simulator or the bound is wrong")
    return Finding("untested", "rigorous", 0, 0, None, None, None, None, {}, False, 0, "not planned yet")


def _row(cell: Cell, planned: tuple[str, Plan] | None, f: Finding) -> dict[str, Any]:
    rivals = {name: {"value": r.value, "planned": r.planned, "n": r.n, "log_wealth": r.log_wealth, "refuted": r.refuted}
              for name, r in f.rivals.items()}
    return {
        "id": cell.id, "channel": cell.channel, "part": cell.part, "probe": cell.record["probe"],
        "params": dict(cell.record["params"]), "theta": planned[1].claim.theta if planned else None,
        "tolerance": planned[1].tolerance if planned else None, "delta": cell.record["delta"],
        "alpha": cell.record["alpha"], "n": f.n, "planned": f.planned, "estimate": f.estimate, "low": f.low,
        "high": f.high, "log_wealth": None if f.log_wealth is None else dict(f.log_wealth), "verdict": f.verdict,
        "grade": f.grade, "reason": f.reason, "rivals": rivals,
    }


def _merge(rivals: dict[str, tuple[bool, Any]], part: str, finding: Finding) -> None:
    """Keep, for each rival, the fewest draws with which some cell has refuted it."""
    for name, r in finding.rivals.items():
        key = f"{part}/{name}"
        if r.refuted:
            before, n = rivals.get(key, (False, None))[1], r.n or 0
            rivals[key] = (True, min(n, before) if isinstance(before, int) else n)


def _exact(cell: Cell, found: Mapping[int, Record]) -> tuple[dict[str, Any], str, str]:
    names = [v for k, v in sorted(cell.record["params"].items()) if k.startswith("population")]
    entry: dict[str, Any] = {"id": cell.id, "population": ", ".join(map(str, names)), "part": cell.part,
                             "params": dict(cell.record["params"])}
    record = found.get(0)
    if record is None:
        return {**entry, "cells": 0, "equal": 0, "examples": [], "rivals": {}}, "untested", "not enumerated yet"
    p = record.payload
    entry |= {k: p[k] for k in ("cells", "equal", "examples", "rivals")}
    if not p["cells"]:
        return entry, "inconclusive", "no batch of this population is inside the law's domain"
    if p["equal"] < p["cells"]:
        return entry, "refuted", f"{p['cells'] - p['equal']} of {p['cells']} batch sizes differ from the law"
    return entry, "verified", ""


def _conclude(verdicts: list[tuple[str, str]], rows: list[dict[str, Any]], exact: list[dict[str, Any]],
              rivals: Mapping[str, tuple[bool, Any]]) -> Reading:
    detail = {"cells": rows, "exact": exact}
    for verdict in ("refuted", "inconclusive", "untested"):
        hit = [text for found, text in verdicts if found == verdict]
        if verdict == "untested" and len(hit) < len(verdicts) and hit:
            text = f"{len(hit)} of {len(verdicts)} cells are untested; {hit[0]}"
            return Reading("inconclusive", text, detail, rivals)
        if hit:
            return Reading(verdict, f"{len(hit)} of {len(verdicts)} cells {verdict}; {hit[0]}", detail, rivals)
    draws = sum(row["n"] for row in rows)
    said = []
    if rows:
        said.append(f"{len(rows)} cells within their tolerance in {draws:,} draws")
    if exact:
        said.append(f"{sum(e['equal'] for e in exact)} comparisons on real populations exact")
    return Reading("verified", "; ".join(said), detail, rivals)


KINDS: dict[str, Callable[[Any, tuple[Cell, ...], Records, str], Reading]] = {
    "derivation": _derivation,
    "enumeration": _enumeration,
    "property": _property,
    "monte_carlo": _drawn,
    "network": _drawn,
}
"""Name of a channel to the function that reads its records."""
