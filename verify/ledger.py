"""The ledger: the released evidence of a law, recomputed from the store's records only; same records, same bytes."""

from __future__ import annotations

import importlib
import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from verify import canonical, channels
from verify.cells import STATIC, Cell, cells
from verify.plan import EDITION_ALPHA
from verify.store import Store

if TYPE_CHECKING:
    from theory.law import Law

__all__ = ["LedgerError", "dumps", "evidence", "evidences", "read", "write"]


class LedgerError(ValueError):
    """A ledger file is damaged or not a ledger file."""


def evidence(law: Law, store: Store, *, profile: str = "standard", salt: str = "", probes: str = "sim.probes",
             populations: str = "sim.populations", laws: str = "theory.laws") -> dict[str, Any]:
    """Return the evidence of a law as the store has it.

    Parameters
    ----------
    law : Law
        The law.
    store : Store
        Where the records are.
    profile, salt : str
        Which cells.
    probes, populations, laws : str
        Modules of the house, by name.

    Returns
    -------
    dict
        The ledger document: plain JSON types, no dates or durations, floats to 12 digits, and its own hash.
    """
    return evidences((law,), store, profile=profile, salt=salt, probes=probes, populations=populations, laws=laws)[0]


def evidences(catalogue: Iterable[Law], store: Store, *, profile: str = "standard", salt: str = "",
              probes: str = "sim.probes", populations: str = "sim.populations", laws: str = "theory.laws") -> \
        tuple[dict[str, Any], ...]:
    """Return the evidence of several laws; those they use in common are read once."""
    account = _Account(store, profile, salt, {"probes": probes, "populations": populations, "laws": laws})
    return tuple(account.document(law) for law in catalogue)


class _Account:
    """Evidence of a law and, for their verdicts, of the laws it uses."""

    def __init__(self, store: Store, profile: str, salt: str, house: Mapping[str, str]) -> None:
        self.store, self.profile, self.salt, self.house = store, profile, salt, house
        self.known: dict[str, dict[str, Any]] = {}

    def document(self, law: Law, above: tuple[str, ...] = ()) -> dict[str, Any]:
        if law.id in self.known:
            return self.known[law.id]
        if law.id in above:
            raise ValueError(f"laws use one another in a circle: {' -> '.join((*above, law.id))}")
        load = importlib.import_module(self.house["laws"]).load
        uses = {name: self.document(load(name), (*above, law.id))["verdict"] for name in sorted(law.uses)}
        wanted = cells(law, profile=self.profile, salt=self.salt, **self.house)
        records = {cell.id: self.store.records(cell.id) for cell in wanted}
        readings = {name: channels.read(law, name, tuple(c for c in wanted if c.channel == name), records,
                                        profile=self.profile) for name in law.requires}
        rivals = _rivals(law, readings)
        verdict, reason = _verdict(readings, rivals, uses)
        document: dict[str, Any] = {
            "id": law.id, "version": law.version, "handle": law.handle, "title": law.title, "spec": law.spec_hash,
            "exactness": str(law.exactness), "claims": list(law.claims), "uses": uses, "requires": list(law.requires),
            "profile": self.profile, "salt": self.salt, "verdict": verdict, "reason": reason,
            "channels": {name: {"verdict": r.verdict, "summary": r.summary} for name, r in readings.items()},
            "derivation": {"lines": [], "axioms": []},
            "enumeration": {"cells": 0, "equal": 0, "rivals": {}, "examples": [], "points": []},
            "property": {"examples": 0, "checks": []}, "cells": [], "exact": [], "rivals": rivals,
            "environment": _environment(wanted, records), "edition_alpha": EDITION_ALPHA,
        }
        for name, r in readings.items():
            for key, value in r.detail.items():
                document[key] = [*document[key], *value] if name not in STATIC else value
        document = canonical.rounded(document)
        document["hash"] = canonical.digest(document)
        self.known[law.id] = document
        return document


def _rivals(law: Law, readings: Mapping[str, channels.Reading]) -> list[dict[str, Any]]:
    """List every rival with what refuted it; refuted means by every quantitative channel that tests its part."""
    out = []
    for part, rival in law.rivals:
        key = f"{part.name}/{rival.name}"
        said = {name: r.rivals[key] for name, r in readings.items() if key in r.rivals}
        judges = [gone for name, (gone, _) in said.items() if name in channels.QUANTITATIVE]
        out.append({
            "part": part.name, "name": rival.name, "near": rival.near, "text": rival.text,
            "refuted": bool(judges) and all(judges), "by": {name: by for name, (gone, by) in said.items() if gone},
        })
    return out


def _verdict(readings: Mapping[str, channels.Reading], rivals: list[dict[str, Any]], uses: Mapping[str, str]) -> \
        tuple[str, str]:
    """Return the law's verdict and the sentence that explains it."""
    if not readings:
        return "untested", "the law requires no channel of evidence, so nothing can verify it"
    for verdict in ("refuted", "inconclusive"):
        for name, r in readings.items():
            if r.verdict == verdict:
                return verdict, f"{name}: {r.summary}"
    untested = [name for name, r in readings.items() if r.verdict == "untested"]
    if untested:
        verdict = "untested" if len(untested) == len(readings) else "inconclusive"
        return verdict, f"{untested[0]}: {readings[untested[0]].summary}"
    alive = [r for r in rivals if not r["refuted"]]
    if alive:
        return "inconclusive", f"the rival {alive[0]['name']!r} of part {alive[0]['part']} is not refuted by every " \
                               "quantitative channel that tests it"
    weak = {name: verdict for name, verdict in uses.items() if verdict != "verified"}
    if weak:
        name = next(iter(weak))
        return "inconclusive", f"it uses {name}, which is {weak[name]}"
    return "verified", "every required channel passed, every rival is refuted and every law it uses is verified"


def _environment(wanted: tuple[Cell, ...], records: channels.Records) -> dict[str, str]:
    """Return the versions under which the records were made; several of one are listed in order."""
    found: dict[str, set[str]] = {}
    for cell in wanted:
        for record in records[cell.id].values():
            for name, version in record.environment.items():
                found.setdefault(name, set()).add(version)
    return {name: ", ".join(sorted(versions)) for name, versions in sorted(found.items())}


def dumps(document: Mapping[str, Any]) -> str:
    """Return the text of a ledger file: canonical order, one entry a line so that a change shows as one."""
    import json

    return json.dumps(document, sort_keys=True, indent=1, allow_nan=False) + "\n"


def write(document: Mapping[str, Any], directory: Path | str) -> Path:
    """Write one law's file, whole or not at all.

    Parameters
    ----------
    document : mapping
        From `evidence`.
    directory : path-like
        Made if it is not there.

    Returns
    -------
    Path
        Of the file ``<law id>.json``.

    Raises
    ------
    OSError
        If it cannot be written; an old file is then untouched.
    """
    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{document['id']}.json"
    handle, name = tempfile.mkstemp(dir=folder, prefix=f".{document['id']}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(dumps(document))
        Path(name).chmod(0o644)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return target


def read(directory: Path | str) -> dict[str, dict[str, Any]]:
    """Read every law's file of a folder.

    Parameters
    ----------
    directory : path-like
        Holds ``<law id>.json`` files; an absent folder holds none.

    Returns
    -------
    dict
        Documents by law id.

    Raises
    ------
    LedgerError
        If a file is not strict JSON, its hash does not match its content, or its name is not its id.
    """
    out = {}
    for path in sorted(Path(directory).glob("*.json")):
        if path.name == "edition.json":
            continue
        try:
            document = canonical.loads(path.read_text(encoding="utf-8"))
        except (canonical.BadJson, UnicodeDecodeError) as problem:
            raise LedgerError(f"{path.name}: {problem}") from None
        if not isinstance(document, dict) or "hash" not in document or document.get("id") != path.stem:
            raise LedgerError(f"{path.name} is not the ledger file of a law named {path.stem}")
        content = {key: value for key, value in document.items() if key != "hash"}
        if canonical.digest(content) != document["hash"]:
            raise LedgerError(f"{path.name}: the hash does not match the content; the file was changed by hand")
        out[document["id"]] = document
    return out
