"""Experiments: from a cell to replicates of one bounded statistic.

One module a probe, found by walking this package; a new file is a new probe.  A probe holds ``FIELDS`` (the
keys of its cell), ``setting(cell)`` (facts of the population, the proved range of a replicate) and
``draw(cell, n, *, rng, sampler)``.  No probe holds the value that the mean should have.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import pkgutil
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from sim import designs
from sim.cells import Field, Sampler, Setting

__all__ = ["Setting", "describe", "draw", "fields", "fingerprint", "names", "setting"]


@lru_cache(maxsize=1)
def names() -> tuple[str, ...]:
    """Return the names of all probes, sorted."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_")))


def _module(probe: Any) -> ModuleType:
    if not isinstance(probe, str) or probe not in names():
        raise ValueError(f"unknown probe {probe!r}: allowed are {', '.join(names())}")
    return importlib.import_module(f"{__name__}.{probe}")


def _of(cell: Mapping[str, Any]) -> ModuleType:
    if "probe" not in cell:
        raise ValueError(f"missing key 'probe': allowed are {', '.join(names())}")
    return _module(cell["probe"])


def fields(probe: str) -> Mapping[str, Field]:
    """Return the keys of a probe's cell and what each may hold."""
    found: Mapping[str, Field] = _module(probe).FIELDS
    return found


def describe(probe: str) -> str:
    """Return in one line what a probe measures."""
    return (_module(probe).__doc__ or "").strip().splitlines()[0]


def setting(cell: Mapping[str, Any]) -> Setting:
    """Return what is known of a cell before any draw.

    Parameters
    ----------
    cell
        Flat mapping with the key ``probe`` and the probe's own keys.

    Returns
    -------
    Setting
        Facts, range and scale.

    Raises
    ------
    ValueError
        If a key is unknown or missing or a value is outside its range.
    """
    found: Setting = _of(cell).setting(cell)
    return found


def draw(
    cell: Mapping[str, Any], n: int, *, rng: np.random.Generator, sampler: Sampler = designs.draw
) -> np.ndarray:
    """Draw `n` independent replicates of a cell.

    Parameters
    ----------
    cell
        As for `setting`.
    n
        Number of replicates.
    rng
        The stream.
    sampler
        ``sampler(design, N, B, n, rng=rng)`` gives the batches; tests of the verifier pass broken ones.

    Returns
    -------
    numpy.ndarray, shape (n,)
        int64 where the setting has a scale, float64 otherwise.

    Raises
    ------
    ValueError
        As for `setting`.
    """
    found: np.ndarray = _of(cell).draw(cell, n, rng=rng, sampler=sampler)
    return found


@lru_cache(maxsize=64)
def fingerprint(probe: str) -> str:
    """Return a hash of the code a probe runs: a changed simulator makes a new cell.

    Parameters
    ----------
    probe
        Its name.

    Returns
    -------
    str
        SHA-256 over the syntax trees, without comments and docstrings, of the probe's module and of every
        module of this package it imports, directly or not.
    """
    _module(probe)
    root = Path(__file__).resolve().parent.parent
    waiting, seen = [f"sim.probes.{probe}"], {}
    while waiting:
        name = waiting.pop()
        path = root.joinpath(*name.split(".")[1:])
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        if name in seen or not path.is_file():
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        waiting += _imports(tree)
        seen[name] = ast.unparse(_without_docstrings(tree))
    text = "\n".join(f"# {name}\n{seen[name]}" for name in sorted(seen))
    return hashlib.sha256(text.encode()).hexdigest()


def _imports(tree: ast.Module) -> list[str]:
    """List the modules of this package that a module imports anywhere in its text."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "sim":
            found += [node.module, *(f"{node.module}.{name.name}" for name in node.names)]
        elif isinstance(node, ast.Import):
            found += [name.name for name in node.names if name.name.split(".")[0] == "sim"]
    return found


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            kept = [
                s for s in node.body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))
            ]
            node.body = kept or [ast.Pass()]
    return tree
