"""A law and its evidence as the ledger states it, small and complete, for tests that must not draw."""

from __future__ import annotations

import copy
from functools import lru_cache
from typing import Any

from sim import probes
from theory import laws
from theory.law import Law

__all__ = ["LAW_ID", "cells", "document", "law"]

LAW_ID = "gradient.variance"


def law() -> Law:
    """Return the real law the evidence speaks of."""
    return laws.load(LAW_ID)


@lru_cache(maxsize=1)
def cells() -> tuple[dict[str, Any], ...]:
    """Return cells of the real probe and population, "measured" 1 % above the law, with intervals of 3 %."""
    found = []
    for number, batch in enumerate((1, 4, 16, 64, 256, 1024, 1797)):
        params = {"population": "digits:gradient:all", "design": "wor", "B": batch}
        facts = {**params, **probes.setting({"probe": "batch_mean_trace", **params}).known}
        theta = float(law().value(facts, part="variance"))
        rivals = {
            rival.name: {
                "value": float(law().value(facts, part="variance", rhs=rival.expr)),
                "planned": 4000,
                "n": 3000,
                "log_wealth": 20.0,
                "refuted": True,
            }
            for rival in law().part().rivals
        }
        estimate = 1.01 * theta
        found.append(
            {
                "id": f"{number:064x}",
                "channel": "network",
                "part": "variance",
                "probe": "batch_mean_trace",
                "params": params,
                "theta": repr(theta),
                "tolerance": 0.1 * theta,
                "delta": "1/10",
                "alpha": 1e-6,
                "n": 16000 + number,
                "planned": 15000,
                "estimate": estimate,
                "low": 0.97 * estimate,
                "high": 1.03 * estimate,
                "log_wealth": {"above": 15.0, "below": 15.2, "equal": -3.0},
                "verdict": "verified",
                "grade": "rigorous" if theta else "exact",
                "reason": "",
                "rivals": rivals,
            }
        )
    return tuple(found)


def document(**changes: Any) -> dict[str, Any]:
    """Return a ledger document of the law, with some entries replaced."""
    member = law()
    lines = [
        {
            "part": part.name,
            "index": k,
            "rule": rule,
            "answer": "proved",
            "engines": {"sympy": "proved"},
            "meaning": 4,
        }
        for part in member.parts
        for k, rule in enumerate(["statement", *[step.rule for step in part.derivation]])
    ]
    example = {
        "part": "variance",
        "values": {"N": "3", "B": "2", "design": "wor"},
        "lhs": "1/6",
        "rhs": "1/6",
        "equal": True,
    }
    found = {
        "id": member.id,
        "version": member.version,
        "handle": member.handle,
        "title": member.title,
        "spec": member.spec_hash,
        "exactness": str(member.exactness),
        "claims": list(member.claims),
        "uses": dict.fromkeys(member.uses, "verified"),
        "requires": list(member.requires),
        "profile": "standard",
        "salt": "",
        "verdict": "verified",
        "reason": "every required channel passed",
        "channels": {name: {"verdict": "verified", "summary": f"{name} passed"} for name in member.requires},
        "derivation": {"lines": lines, "axioms": []},
        "enumeration": {"cells": 40, "equal": 40, "rivals": {}, "examples": [example]},
        "property": {"examples": 200, "checks": []},
        "cells": list(cells()),
        "exact": [
            {
                "id": "e" * 64,
                "population": "digits8:gradient:coordinate:0",
                "part": "variance",
                "params": {},
                "cells": 8,
                "equal": 8,
                "examples": [],
                "rivals": {"variance/B-1 for B": {"differs": 7, "cells": 8}},
            }
        ],
        "rivals": [
            {
                "part": part.name,
                "name": rival.name,
                "near": rival.near,
                "text": rival.text,
                "refuted": True,
                "by": {"enumeration": "37 of 40 cells differ", "monte_carlo": 3000},
            }
            for part, rival in member.rivals
        ],
        "environment": {
            "python": "3.11",
            "numpy": "2.4",
            "sympy": "1.14",
            "scipy": "1.17",
            "batchlaws": "0.1.0",
        },
        "edition_alpha": 0.001,
        "hash": "ab" * 32,
    }
    return copy.deepcopy({**found, **changes})
