"""Channels without draws: derivation, enumeration, property, and exact evaluation on real populations."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from theory.law import Law
    from theory.oracle import Comparison

__all__ = ["ENUMERATION_SEED", "perform"]

ENUMERATION_SEED = 20261124
"""Seed of the populations that are enumerated."""

_EXAMPLES = 4
_POINTS = 24
"""Worlds of which both sides of the headline are kept as numbers, for the figure."""


def perform(task: Mapping[str, Any]) -> dict[str, Any]:
    """Run the static check of a task.

    Parameters
    ----------
    task : mapping
        ``channel``, ``law``, ``laws`` (the catalogue's module) and, for exact evaluation, ``part``, ``setting`` and
        ``populations``.

    Returns
    -------
    dict
        The payload.
    """
    law = importlib.import_module(task["laws"]).load(task["law"])
    if task["channel"] == "derivation":
        return _derivation(law)
    if task["channel"] == "enumeration":
        return _enumeration(law)
    if task["channel"] == "property":
        from verify.properties import laws

        return {"kind": "property", **laws.examine(law)}
    return _exact(law, task["part"], task["setting"], task["populations"])


def _derivation(law: Law) -> dict[str, Any]:
    from theory import proof

    replay = proof.replay(law)
    lines = [{"part": line.part, "index": line.index, "rule": line.rule, "answer": line.answer,
              "engines": dict(line.engines), "meaning": line.meaning} for line in replay.lines]
    return {"kind": "derivation", "lines": lines, "answer": replay.answer, "axioms": list(replay.axioms)}


def _enumeration(law: Law) -> dict[str, Any]:
    from theory import oracle

    found = oracle.enumerate_law(law, seed=ENUMERATION_SEED)
    headline = [c.numbers for c in found if c.part == law.part().name and {"lhs", "rhs"} <= set(c.numbers)]
    return {"kind": "enumeration", **summary(found), "points": [dict(n) for n in headline[:_POINTS]]}


def summary(comparisons: Sequence[Comparison]) -> dict[str, Any]:
    """Return counts and a few examples of brute-force comparisons.

    Parameters
    ----------
    comparisons : sequence of Comparison
        From the oracle.

    Returns
    -------
    dict
        ``cells``, ``equal`` (where the statement holds), ``tight`` (where both sides agree), ``parts`` (cells of
        each), ``rivals`` by "part/name" (cells, cells where it differs, the first such), ``examples`` (the first few,
        and every one in which the statement fails up to the same number).
    """
    rivals: dict[str, dict[str, Any]] = {}
    parts: dict[str, int] = {}
    for c in comparisons:
        parts[c.part] = parts.get(c.part, 0) + 1
        for name, same in c.rivals.items():
            entry = rivals.setdefault(f"{c.part}/{name}", {"cells": 0, "differs": 0, "example": None})
            entry["cells"] += 1
            if not same:
                entry["differs"] += 1
                entry["example"] = entry["example"] or _shown(c)
    unequal = [_shown(c) for c in comparisons if not c.equal][:_EXAMPLES]
    firsts = {c.part: c for c in reversed(comparisons)}
    examples = unequal or [_shown(firsts[part]) for part in parts][:_EXAMPLES]
    return {"cells": len(comparisons), "equal": sum(c.equal for c in comparisons),
            "tight": sum(c.tight for c in comparisons), "parts": parts, "rivals": rivals, "examples": examples}


def _shown(c: Comparison) -> dict[str, Any]:
    return {"part": c.part, "values": dict(c.values), "lhs": c.lhs, "rhs": c.rhs, "equal": c.equal}


def _exact(law: Law, part: str, setting: Mapping[str, Any], populations: str) -> dict[str, Any]:
    """Evaluate a part on a real population by enumerating its batches; floats are the rationals they are."""
    from theory import oracle

    source = importlib.import_module(populations)
    columns: dict[str, list[Fraction]] = {}
    sizes: tuple[int, ...] | None = None
    designs: tuple[str, ...] | None = None
    values: dict[str, Fraction] = {}
    for key, value in setting.items():
        if key == "population" or key.startswith("population_"):
            columns[key.partition("_")[2]] = [Fraction(v) for v in source.population(value).tolist()]
        elif key in ("B", "sizes"):
            sizes = (value,) if key == "B" else tuple(value)
        elif key in ("design", "designs"):
            designs = (value,) if key == "design" else tuple(value)
        elif key != "probe":
            values[key] = Fraction(value)
    if not columns:
        raise ValueError(f"{law.id}: an exact experiment names no population (key 'population')")
    columns = dict(sorted(columns.items()))
    comparisons = oracle.on_population(law, population=columns, part=part, sizes=sizes, values=values, designs=designs)
    return {"kind": "exact", **summary(comparisons)}
