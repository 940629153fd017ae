"""Why a law has no current verdict: what is missing, what is stale, and which inputs changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from verify import ledger
from verify.cells import Cell, cells
from verify.store import Store

if TYPE_CHECKING:
    from theory.law import Law

__all__ = ["stale", "why"]

_INPUTS = {
    "version": "the law's version",
    "spec": "the law's statement, domain, derivation or rivals",
    "salt": "the salt",
    "statistic": "the way blocks are summarized",
    "stream": "the way streams are seeded",
    "delta": "the tolerance",
    "alpha": "the error rate",
    "times": "the known factor of the experiment",
    "uses": "a law it uses",
    "code": "the code",
}
_PLACE = ("channel", "part", "probe", "params")


def why(law: Law, store: Store, *, profile: str = "standard", salt: str = "", probes: str = "sim.probes",
        populations: str = "sim.populations", laws: str = "theory.laws") -> list[str]:
    """Explain the state of a law in plain sentences.

    Parameters
    ----------
    law : Law
        The law.
    store : Store
        Where its records are.
    profile, salt : str
        Which cells.
    probes, populations, laws : str
        Modules of the house, by name.

    Returns
    -------
    list of str
        First the verdict and its reason, then one sentence for each cell that is missing, stale or unfinished.
    """
    house = {"probes": probes, "populations": populations, "laws": laws}
    document = ledger.evidence(law, store, profile=profile, salt=salt, **house)
    out = [f"{law.id} is {document['verdict']}: {document['reason']}."]
    rows = {row["id"]: row for row in document["cells"]}
    old = store.cells(law.id)
    for cell in cells(law, profile=profile, salt=salt, **house):
        place = _place(cell)
        if not store.records(cell.id):
            changed = _changes(cell, old)
            if changed:
                out.append(f"{place} is stale: {', '.join(changed)} changed since its records were made.")
            else:
                out.append(f"{place} is missing: it has never been computed.")
        elif cell.id in rows and rows[cell.id]["verdict"] != "verified":
            row = rows[cell.id]
            out.append(f"{place} is {row['verdict']} after {row['n']:,} draws: {row['reason']}.")
    return out


def stale(law: Law, store: Store, *, profile: str = "standard", salt: str = "", probes: str = "sim.probes",
          populations: str = "sim.populations", laws: str = "theory.laws") -> bool:
    """Say whether some cell has records only under inputs that have changed since."""
    old = store.cells(law.id)
    wanted = cells(law, profile=profile, salt=salt, probes=probes, populations=populations, laws=laws)
    return any(not store.records(cell.id) and bool(_changes(cell, old)) for cell in wanted)


def _place(cell: Cell) -> str:
    return cell.label.removeprefix(f"{cell.record['law']} ")


def _changes(cell: Cell, old: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Name the inputs in which a cell differs from the stored cell in the same place that is closest to it."""
    peers = [r for r in old.values() if all(r.get(k) == cell.record.get(k) for k in _PLACE)]
    if not peers:
        return []
    differences = [_differences(cell.record, peer) for peer in peers]
    return min(differences, key=len)


def _differences(new: Mapping[str, Any], old: Mapping[str, Any]) -> list[str]:
    out = []
    for key, words in _INPUTS.items():
        a, b = new.get(key), old.get(key)
        if a == b:
            continue
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            names = sorted(k for k in {*a, *b} if a.get(k) != b.get(k))
            out.append(f"{words} ({', '.join(names)})")
        else:
            out.append(words)
    return out
