"""The status of every law: computed from the store where there is one, else read from the released ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reports import released
from reports.console import progress, tracked
from theory.law import Law

__all__ = ["Statuses", "statuses"]


@dataclass(frozen=True, slots=True)
class Statuses:
    """Verdicts by law id, with the sentence that says where they come from.

    Parameters
    ----------
    words : dict
        ``verified``, ``refuted``, ``inconclusive``, ``untested``, or ``stale`` where evidence exists but
        belongs to inputs that have changed since (statement, code, streams).
    origin : str
        For the user: which evidence these words stand on.
    documents : dict
        The ledger documents the words were read from.
    """

    words: dict[str, str]
    origin: str
    documents: dict[str, dict[str, Any]]


def statuses(laws: Sequence[Law], store: Path, *, profile: str = "standard", salt: str = "") -> Statuses:
    """Return the status of each law.

    Parameters
    ----------
    laws : sequence of Law
        The laws asked about.
    store : Path
        The evidence store; read if it exists, never created.
    profile, salt : str
        Which plan of the cells counts.
    """
    if store.exists():
        from verify import ledger, why
        from verify.store import Store

        with Store(store) as records, progress(f"reading the evidence of {len(laws)} laws") as advance:
            evidence = ledger.evidences(tracked(laws, advance), records, profile=profile, salt=salt)
            documents = {document["id"]: document for document in evidence}
            words = {law: document["verdict"] for law, document in documents.items()}
            for law in laws:
                # Evidence under inputs that have changed since is neither none nor current.
                if words[law.id] in ("untested", "inconclusive") and why.stale(
                    law, records, profile=profile, salt=salt
                ):
                    words[law.id] = "stale"
        return Statuses(words, f"status from the store {store} ({profile} profile)", documents)
    release = released.read()
    words, documents = {}, {}
    for law in laws:
        document = release.laws.get(law.id)
        if document is None:
            words[law.id] = "untested"
        else:
            documents[law.id] = document
            words[law.id] = document["verdict"] if document["spec"] == law.spec_hash else "stale"
    origin = f"status from the released ledger of {release.date}" if release.date else "no evidence yet"
    return Statuses(words, f"{origin}; no store at {store}", documents)
