"""Citations of a verified result: the result, its original source and this software, kept apart."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from reports import __version__, bibliography

__all__ = ["FORMATS", "Citation", "render"]

AUTHORS = "batchlaws contributors"
SOFTWARE = "batchlaws: machine-verified laws of mini-batch training"
LICENSE = "BSD-3-Clause"


def _in_order(document: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Channels in the order in which the law requires them; JSON files sort them by name."""
    return sorted(document["channels"].items(), key=lambda item: document["requires"].index(item[0]))


@dataclass(frozen=True, slots=True)
class Citation:
    """What a citation of a result states.

    Parameters
    ----------
    document : mapping
        The ledger document of the law.
    sources : sequence of mapping
        Original sources: key, locator, read, note.
    date : str
        Day of the evidence, ISO 8601.
    edition : str
        Version of this software whose edition (or whose user's store) holds the evidence.
    """

    document: Mapping[str, Any]
    sources: Sequence[Mapping[str, Any]]
    date: str
    edition: str = __version__

    @property
    def key(self) -> str:
        """A key every BibTeX program accepts."""
        return f"batchlaws_{self.document['id'].replace('.', '_')}_v{self.document['version']}"

    @property
    def tolerances(self) -> list[str]:
        """Distinct relative tolerances of the sampled cells, as fractions."""
        cells = self.document.get("cells", [])
        return [str(d) for d in sorted({Fraction(cell["delta"]) for cell in cells})]

    @property
    def error_rate(self) -> float | None:
        """Bound on a false verdict of one sampled cell, or None where nothing was sampled."""
        return max((cell["alpha"] for cell in self.document.get("cells", [])), default=None)

    @property
    def precision(self) -> str:
        """Tolerance and error rate in one phrase."""
        if not self.tolerances:
            return "exact: derivation and enumeration in rationals, nothing sampled"
        shares = " and ".join(f"{float(Fraction(d)) * 100:g} %" for d in self.tolerances)
        overall = self.document.get("edition_alpha")
        family = f", at most {overall:g} over the edition" if overall is not None else ""
        return f"sampled cells within {shares} (relative), error rate {self.error_rate:g} a cell{family}"

    @property
    def passed(self) -> list[str]:
        """Channels of evidence that were required, with their verdicts."""
        return [f"{name} {channel['verdict']}" for name, channel in _in_order(self.document)]

    def facts(self) -> dict[str, Any]:
        """Return the result as plain data."""
        law = self.document
        return {
            "id": law["id"],
            "version": law["version"],
            "handle": law["handle"],
            "title": law["title"],
            "verdict": law["verdict"],
            "reason": law["reason"],
            "tolerances": self.tolerances,
            "error_rate": self.error_rate,
            "edition_error_rate": law.get("edition_alpha"),
            "channels": {name: channel["verdict"] for name, channel in _in_order(law)},
            "date": self.date,
            "evidence_sha256": law["hash"],
            "statement_sha256": law["spec"],
        }


def relation(source: Mapping[str, Any]) -> str:
    """Say how a source stands to the statement: read, or known from memory only ("after")."""
    return "from" if source["read"] else "after"


def _note(citation: Citation) -> str:
    law = citation.document
    return f"{law['handle']}, verdict: {law['verdict']}; {citation.precision}; evidence sha256:{law['hash']}"


def as_text(citation: Citation) -> str:
    """Return the citation as a few labeled lines."""
    law = citation.document
    lines = [
        f"{law['handle']}  {law['title']}",
        f"verdict    {law['verdict']}, {citation.date}: {law['reason']}",
        f"evidence   {', '.join(citation.passed)}",
        f"precision  {citation.precision}",
        f"hash       sha256:{law['hash']}",
    ]
    for source in citation.sources:
        where = f" {source['locator']}." if source["locator"] else ""
        lines.append(f"statement  {relation(source)} {bibliography.text(source['key'])}{where}")
    lines.append(
        f"software   {AUTHORS} ({citation.date[:4]}). {SOFTWARE}, version {citation.edition}. {LICENSE}."
    )
    return "\n".join(lines)


def as_bibtex(citation: Citation) -> str:
    """Return three kinds of entries: the result, its sources, the software."""
    from pybtex.database import BibliographyData, Entry, Person

    law, year = citation.document, citation.date[:4]
    keys = ", ".join(f"{relation(s)} {s['key']}" for s in citation.sources)
    authors = {"author": [Person(last=f"{{{AUTHORS}}}")]}
    result = Entry(
        "misc",
        fields={
            "title": f"{{{law['title']}}} (machine-verified law {law['id']}, version {law['version']})",
            "howpublished": f"batchlaws, edition {citation.edition}",
            "year": year,
            "month": str(int(citation.date[5:7])),
            "note": _note(citation) + (f"; statement {keys}" if keys else ""),
        },
        persons=authors,
    )
    software = Entry(
        "software",
        fields={"title": f"{{{SOFTWARE}}}", "version": citation.edition, "year": year, "license": LICENSE},
        persons=authors,
    )
    own = BibliographyData(
        {citation.key: result, f"batchlaws_{citation.edition.replace('.', '_')}": software}
    )
    blocks = [*own.to_string("bibtex").strip().split("\n\n")]
    blocks[1:1] = [bibliography.bibtex(s["key"]) for s in citation.sources]
    return "\n\n".join(block.strip() for block in blocks)


def csl_items(citation: Citation) -> list[dict[str, Any]]:
    """Return CSL-JSON items: the result, its sources, the software."""
    law = citation.document
    year, month, day = (int(piece) for piece in citation.date.split("-"))
    issued = {"date-parts": [[year, month, day]]}
    author = [{"literal": AUTHORS}]
    result = {
        "id": citation.key,
        "type": "dataset",
        "title": law["title"],
        "author": author,
        "issued": issued,
        "number": law["handle"],
        "version": str(law["version"]),
        "note": _note(citation),
        "container-title": f"batchlaws, edition {citation.edition}",
    }
    software = {
        "id": f"batchlaws_{citation.edition.replace('.', '_')}",
        "type": "software",
        "title": SOFTWARE,
        "author": author,
        "issued": issued,
        "version": citation.edition,
    }
    sources = [
        {**bibliography.csl(s["key"]), "note": f"statement {relation(s)} this source"}
        for s in citation.sources
    ]
    return [result, *sources, software]


def as_cff(citation: Citation) -> str:
    """Return a Citation File Format document: the software, the result preferred, the sources as references."""
    import yaml  # type: ignore[import-untyped]

    law = citation.document
    author = [{"name": AUTHORS}]
    return str(
        yaml.safe_dump(
            {
                "cff-version": "1.2.0",
                "message": f"If you use the law {law['id']}, please cite the result, its source and this software.",
                "title": SOFTWARE,
                "type": "software",
                "authors": author,
                "version": citation.edition,
                "date-released": citation.date,
                "license": LICENSE,
                "preferred-citation": {
                    "type": "data",
                    "title": law["title"],
                    "authors": author,
                    "version": str(law["version"]),
                    "year": int(citation.date[:4]),
                    "month": int(citation.date[5:7]),
                    "collection-title": f"batchlaws, edition {citation.edition}",
                    "notes": _note(citation),
                },
                "references": [_cff_reference(source) for source in citation.sources],
            },
            sort_keys=False,
            allow_unicode=True,
            width=110,
        )
    ).rstrip()


def _cff_reference(source: Mapping[str, Any]) -> dict[str, Any]:
    item = bibliography.csl(source["key"])
    kinds = {
        "article-journal": "article",
        "book": "book",
        "paper-conference": "conference-paper",
        "thesis": "thesis",
        "report": "report",
        "chapter": "book",
    }
    people = [
        {"name": p["literal"]} if "literal" in p else {"family-names": p["family"], "given-names": p["given"]}
        for p in item.get("author", item.get("editor", []))
    ]
    reference: dict[str, Any] = {
        "type": kinds.get(item["type"], "generic"),
        "title": item["title"],
        "authors": people,
        "notes": f"the statement is given {relation(source)} this source",
    }
    if "issued" in item:
        reference["year"] = item["issued"]["date-parts"][0][0]
    for name, field in (("DOI", "doi"), ("URL", "url"), ("container-title", "journal")):
        if name in item:
            reference[field] = item[name]
    return reference


FORMATS = {
    "text": as_text,
    "bibtex": as_bibtex,
    "csl": lambda citation: json.dumps(csl_items(citation), indent=2, ensure_ascii=False),
    "cff": as_cff,
}


def render(citation: Citation, style: str) -> str:
    """Return a citation in one of `FORMATS`."""
    return FORMATS[style](citation)


def document(citation: Citation) -> dict[str, Any]:
    """Return what `cite --json` prints: result, sources and software as separate objects."""
    items = csl_items(citation)
    sources = [
        {**{k: s[k] for k in ("key", "locator", "note")}, "relation": relation(s), "csl": item}
        for s, item in zip(citation.sources, items[1:-1], strict=True)
    ]
    return {
        "result": citation.facts(),
        "sources": sources,
        "software": {"title": SOFTWARE, "version": citation.edition, "authors": AUTHORS, "license": LICENSE},
    }
