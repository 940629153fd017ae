"""The released evidence: the ledger committed beside this package, read without importing any mathematics."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

__all__ = ["EDITION", "Release", "folder", "read"]

EDITION = "edition.json"


@dataclass(frozen=True, slots=True)
class Release:
    """An edition of the evidence.

    Parameters
    ----------
    edition : dict
        The document `edition.json`: date, version, hashes and sources by law; empty before the first release.
    laws : dict
        Ledger documents by law id.
    """

    edition: dict[str, Any] = field(default_factory=dict)
    laws: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def date(self) -> str | None:
        """Day of the release, ISO 8601, or None before the first one."""
        return self.edition.get("date")

    def sources(self, law: str) -> list[dict[str, Any]]:
        """Return the sources of a law as the edition records them."""
        recorded: list[dict[str, Any]] = self.edition.get("sources", {}).get(law, [])
        return recorded


def folder() -> Traversable:
    """Return the folder of the released ledger."""
    return resources.files("reports") / "ledger"


def read(place: Path | Traversable | None = None) -> Release:
    """Read an edition.

    Parameters
    ----------
    place : path, optional
        Folder with ``edition.json`` and one document a law; the released ledger by default.

    Returns
    -------
    Release
        Empty when the folder does not exist.

    Raises
    ------
    ValueError
        If a document is damaged; the message names the file.
    """
    place = folder() if place is None else place
    if not place.is_dir():
        return Release()
    documents = {}
    for entry in place.iterdir():
        if entry.name.endswith(".json"):
            documents[entry.name] = _load(entry)
    edition = documents.pop(EDITION, {})
    return Release(edition, {document["id"]: document for _, document in sorted(documents.items())})


def _load(entry: Path | Traversable) -> dict[str, Any]:
    """Load one strict JSON object: no NaN, no key twice."""

    def refuse(token: str) -> None:
        raise ValueError(f"{entry.name}: {token} is no number of a ledger")

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        mapping = dict(pairs)
        if len(mapping) != len(pairs):
            raise ValueError(f"{entry.name}: a key occurs twice")
        return mapping

    try:
        document = json.loads(
            entry.read_text(encoding="utf-8"), parse_constant=refuse, object_pairs_hook=unique
        )
    except json.JSONDecodeError as error:
        raise ValueError(f"{entry.name}: not a JSON document ({error})") from None
    if not isinstance(document, dict) or (entry.name != EDITION and "id" not in document):
        raise ValueError(f"{entry.name}: not a ledger document")
    return document
