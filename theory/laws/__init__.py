"""The catalogue: one file a law, found by walking the package; the dotted path is the law's id."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from functools import cache, lru_cache

import sympy as sp

from theory.law import Law

__all__ = ["UnknownLaw", "all_laws", "ids", "load"]


class UnknownLaw(KeyError):
    """No law of that id; the message suggests the closest ones."""

    def __str__(self) -> str:
        return str(self.args[0])


@lru_cache(maxsize=1)
def ids() -> tuple[str, ...]:
    """Return every law id, sorted; no law is imported for it."""
    return tuple(sorted(_walk(__path__, "")))


def _walk(path: list[str], prefix: str) -> list[str]:
    found = []
    for module in pkgutil.iter_modules(path):
        if module.name.startswith("_"):
            continue
        name = prefix + module.name
        if module.ispkg:
            found += _walk([f"{p}/{module.name}" for p in path], name + ".")
        else:
            found.append(name)
    return found


@cache
def load(law_id: str) -> Law:
    """Import one law.

    Parameters
    ----------
    law_id : str
        Dotted id such as ``gradient.variance``.

    Returns
    -------
    Law

    Raises
    ------
    UnknownLaw
        If there is none, with the closest ids.
    """
    if law_id not in ids():
        close = difflib.get_close_matches(law_id, ids(), n=3, cutoff=0.4)
        hint = f"; did you mean {' or '.join(close)}?" if close else ""
        raise UnknownLaw(f"unknown law {law_id!r}{hint}")
    # the first to ask may be another law that is writing its lines down without evaluation
    with sp.evaluate(True):
        law = importlib.import_module(f"theory.laws.{law_id}").LAW
    if law.id != law_id:
        raise ValueError(f"theory/laws/{law_id.replace('.', '/')}.py calls its law {law.id!r}; the id is the path")
    return law


def all_laws() -> tuple[Law, ...]:
    """Import the whole catalogue, sorted by id."""
    return tuple(load(law_id) for law_id in ids())
