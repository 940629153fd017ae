"""Writes an edition: one ledger document a law and `edition.json`, which dates, hashes and sources them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reports import __version__, released
from theory.law import Law

__all__ = ["edition", "write"]


def edition(
    laws: Sequence[Law], documents: Sequence[dict[str, Any]], *, date: str, profile: str
) -> dict[str, Any]:
    """Return the document that dates and names an edition.

    Parameters
    ----------
    laws : sequence of Law
        The catalogue; its sources are copied, so that a citation needs no mathematics.
    documents : sequence of dict
        The evidence of each law, in the same order.
    date : str
        Day of the release, ISO 8601.
    profile : str
        The plan that was run.

    Returns
    -------
    dict
    """
    return {
        "date": date,
        "version": __version__,
        "profile": profile,
        "ledger": {document["id"]: document["hash"] for document in documents},
        "verdicts": {document["id"]: document["verdict"] for document in documents},
        "sources": {
            law.id: [
                {"key": s.key, "locator": s.locator, "read": s.read, "note": s.note} for s in law.sources
            ]
            for law in laws
        },
    }


def write(
    laws: Sequence[Law], documents: Sequence[dict[str, Any]], folder: Path, *, date: str, profile: str
) -> None:
    """Write an edition into a folder; documents of laws that are no more are removed.

    Raises
    ------
    OSError
        If the folder cannot be written.
    """
    from verify import ledger

    folder.mkdir(parents=True, exist_ok=True)
    for document in documents:
        ledger.write(document, folder)
    known = {document["id"] for document in documents}
    for path in folder.glob("*.json"):
        if (
            path.name != released.EDITION
            and json.loads(path.read_text(encoding="utf-8")).get("id") not in known
        ):
            path.unlink()
    text = json.dumps(
        edition(laws, documents, date=date, profile=profile), indent=1, sort_keys=True, ensure_ascii=False
    )
    (folder / released.EDITION).write_text(text + "\n", encoding="utf-8")
