"""Fingerprints of code: blind to prose, awake to meaning."""

from __future__ import annotations

import sys

import pytest

from verify import fingerprint

CODE = '''
"""A module."""
import math

def area(r):
    """Area of a disc."""
    return math.pi * r ** 2  # with a comment

class Disc:
    """A disc."""
    r = 1
'''


@pytest.mark.parametrize(("old", "new"), [
    ('"""A module."""', '"""Another text."""'), ('    """Area of a disc."""\n', ""), ("  # with a comment", ""),
    ("math.pi * r ** 2", "(math.pi *\n            r ** 2)"), ('    """A disc."""\n', ""),
])
def test_prose_and_layout_do_not_count(old: str, new: str) -> None:
    assert old in CODE
    assert fingerprint.source(CODE.replace(old, new)) == fingerprint.source(CODE)


@pytest.mark.parametrize(("old", "new"), [
    ("r ** 2", "r ** 3"), ("math.pi * r", "math.pi + r"), ("def area", "def areas"), ("r = 1", "r = 1.0"),
    ("r = 1", "r = '1'"), ("r ** 2", "r ** -2"), ("import math", "import cmath as math"), ("r = 1", "r = None"),
])
def test_every_change_of_meaning_counts(old: str, new: str) -> None:
    assert old in CODE
    assert fingerprint.source(CODE.replace(old, new)) != fingerprint.source(CODE)


def test_the_closure_follows_imports_within_the_house() -> None:
    found = fingerprint.closure("theory.proof")
    assert {"theory.proof", "theory.oracle", "theory.exact", "theory.notation"} <= set(found)
    assert not any(name.startswith("sympy") for name in found)
    assert list(found) == sorted(found) and all(len(v) == 16 for v in found.values())


def test_a_module_is_read_and_not_run(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(tmp_path)
    with open(f"{path}/trap_module.py", "w", encoding="utf-8") as file:
        file.write("raise SystemExit('it was run')\n")
    monkeypatch.syspath_prepend(path)
    assert len(fingerprint.module("trap_module")) == 64
    assert "trap_module" not in sys.modules


def test_an_unknown_module_is_named() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"verify\.absent"):
        fingerprint.module("verify.absent")
