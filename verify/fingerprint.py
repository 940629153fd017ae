"""Fingerprints of code: a hash of what a module does, blind to its comments and docstrings."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
from functools import lru_cache
from pathlib import Path
from typing import Any

__all__ = ["closure", "module", "source"]

HOUSE = ("theory", "sim", "verify")


def _plain(node: Any) -> Any:
    """Write a syntax tree as nested lists, leaving out empty fields, so that it is the same for all Python versions."""
    if isinstance(node, ast.Constant):
        return ["Constant", type(node.value).__name__, repr(node.value)]
    if isinstance(node, ast.AST):
        fields = [[name, _plain(value)] for name, value in ast.iter_fields(node) if value not in (None, [])]
        return [type(node).__name__, *fields]
    if isinstance(node, list):
        return [_plain(entry) for entry in node]
    return repr(node)


def _strip(tree: ast.AST) -> None:
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and body:
            first = body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) \
                    and isinstance(first.value.value, str):
                node.body = body[1:]


def source(text: str) -> str:
    """Return the fingerprint of a Python source text, 64 hexadecimal digits."""
    tree = ast.parse(text)
    _strip(tree)
    return hashlib.sha256(repr(_plain(tree)).encode()).hexdigest()


@lru_cache(maxsize=1024)
def module(name: str) -> str:
    """Return the fingerprint of an importable module, without running it.

    Raises
    ------
    ModuleNotFoundError
        If there is no such module with a source file.
    """
    return source(_path(name).read_text(encoding="utf-8"))


def _path(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"no module {name!r} with a source file", name=name)
    return Path(spec.origin)


@lru_cache(maxsize=1024)
def closure(*names: str) -> dict[str, str]:
    """Return the fingerprints of modules and of every module of the house they import, directly or not.

    Parameters
    ----------
    names : str
        Importable modules.

    Returns
    -------
    dict of str to str
        The first 16 hexadecimal digits of each, by name, sorted.
    """
    waiting, seen = list(names), {}
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen[name] = module(name)[:16]
        waiting += [other for other in _imports(name) if other not in seen]
    return dict(sorted(seen.items()))


@lru_cache(maxsize=1024)
def _imports(name: str) -> tuple[str, ...]:
    """List the house's modules that a module imports anywhere in its text, packages excepted unless named."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(_path(name).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in HOUSE:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.split(".")[0] in HOUSE}
    return tuple(sorted(other for other in found if _is_module(other)))


def _is_module(name: str) -> bool:
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError:
        return False
    return spec is not None and spec.origin is not None
