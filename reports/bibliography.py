"""The literature: `theory/sources.bib`, read and formatted by pybtex."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib import resources
from typing import Any

from pybtex.database import BibliographyData, Entry, parse_string

__all__ = ["bibtex", "csl", "html", "load", "text"]

_CSL_TYPES = {
    "article": "article-journal",
    "book": "book",
    "inproceedings": "paper-conference",
    "incollection": "chapter",
    "phdthesis": "thesis",
    "techreport": "report",
    "misc": "article",
    "software": "software",
    "online": "webpage",
    "unpublished": "manuscript",
    "inbook": "chapter",
}
_CSL_FIELDS = {
    "doi": "DOI",
    "url": "URL",
    "journal": "container-title",
    "booktitle": "container-title",
    "volume": "volume",
    "number": "issue",
    "publisher": "publisher",
    "edition": "edition",
    "isbn": "ISBN",
}
_BRACES = re.compile(r"[{}]")


@lru_cache(maxsize=1)
def load() -> BibliographyData:
    """Read the bibliography of the catalogue."""
    source = (resources.files("theory") / "sources.bib").read_text(encoding="utf-8")
    return parse_string(source, "bibtex")


def _entry(key: str) -> Entry:
    entries = load().entries
    if key not in entries:
        raise KeyError(f"{key!r} is not in theory/sources.bib")
    return entries[key]


def bibtex(key: str) -> str:
    """Return one entry as BibTeX."""
    return str(BibliographyData({key: _entry(key)}).to_string("bibtex")).strip()


def _formatted(key: str, backend: str) -> str:
    from pybtex.plugin import find_plugin

    style = find_plugin("pybtex.style.formatting", "plain")(abbreviate_names=True)
    (formatted,) = style.format_entries([_entry(key)], load())
    return str(formatted.text.render(find_plugin("pybtex.backends", backend)("utf-8")))


def text(key: str) -> str:
    """Return one entry as a line of plain text."""
    return " ".join(_formatted(key, "text").split())


def html(key: str) -> str:
    """Return one entry as HTML."""
    return " ".join(_formatted(key, "html").split())


def csl(key: str) -> dict[str, Any]:
    """Return one entry as a CSL-JSON item."""
    entry = _entry(key)
    item: dict[str, Any] = {
        "id": key,
        "type": _CSL_TYPES.get(entry.type, "document"),
        "title": _BRACES.sub("", entry.fields.get("title", "")),
    }
    authors = [_person(p) for p in entry.persons.get("author", [])]
    if authors:
        item["author"] = authors
    if editors := [_person(p) for p in entry.persons.get("editor", [])]:
        item["editor"] = editors
    if (year := entry.fields.get("year", "")).isdecimal():
        item["issued"] = {"date-parts": [[int(year)]]}
    for field, name in _CSL_FIELDS.items():
        if field in entry.fields:
            item[name] = _BRACES.sub("", entry.fields[field])
    if "pages" in entry.fields:
        item["page"] = entry.fields["pages"].replace("--", "-")
    if "eprint" in entry.fields:
        item["number"] = f"arXiv:{entry.fields['eprint']}"
    return item


def _person(person: Any) -> dict[str, str]:
    family = _BRACES.sub("", " ".join([*person.prelast_names, *person.last_names]))
    given = _BRACES.sub("", " ".join([*person.first_names, *person.middle_names]))
    return {"family": family, "given": given} if given else {"literal": family}
