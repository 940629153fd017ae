"""Array namespaces: what is found, what is refused, and that cupy is named in one file only."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import array_api_strict
import numpy as np
import pytest

import sim
from sim import arrays

ROOT = Path(sim.__file__).parent


def test_numpy_backend_computes() -> None:
    xp = arrays.backend("numpy")
    assert float(xp.sum(xp.asarray([1.0, 2.0]))) == 3.0


def test_unknown_backend_names_the_allowed_ones() -> None:
    with pytest.raises(ValueError, match=r"'torch'.*numpy, cupy"):
        arrays.backend("torch")


def test_missing_cupy_says_which_extra_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "array_api_compat.cupy", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install batchlaws\[gpu12\] \(CUDA 12\) or batchlaws\[gpu13\]"):
        arrays.backend("cupy")


def test_namespace_of_strict_arrays_is_strict() -> None:
    assert arrays.namespace(array_api_strict.asarray([1.0])) is array_api_strict


def test_namespace_refuses_a_mix() -> None:
    with pytest.raises(TypeError):
        arrays.namespace(array_api_strict.asarray([1.0]), np.ones(1))


def test_to_host_keeps_values() -> None:
    assert arrays.to_host(np.arange(3)).tolist() == [0, 1, 2]


def test_an_array_tells_its_place_and_what_its_library_can() -> None:
    elsewhere = array_api_strict.Device("device1")
    strict = array_api_strict.asarray([1.0], device=elsewhere)
    assert arrays.on_host(np.ones(1)) and not arrays.on_host(strict)
    assert arrays.takes_out(np.ones(1)) and not arrays.takes_out(strict)
    assert arrays.device(strict) == elsewhere
    assert arrays.backend("numpy").ones(1, device=arrays.device(np.ones(1))).tolist() == [1.0]


def test_importing_the_simulator_imports_neither_cupy_nor_the_house() -> None:
    names = sorted(
        ".".join(p.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__") for p in ROOT.rglob("*.py")
        if "peers" not in p.parts and "with_numba" not in p.parts  # these import what is optional
    )
    code = (
        f"import sys, importlib\nfor name in {names!r}: importlib.import_module(name)\n"
        "print([m for m in sys.modules if m.split('.')[0] in ('cupy', 'sklearn', 'theory', 'verify', 'reports')])"
    )
    done = subprocess.run([sys.executable, "-B", "-c", code], cwd=ROOT.parent, capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr


def test_only_one_file_names_cupy() -> None:
    naming = [
        path.name
        for path in ROOT.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, (ast.Name, ast.Constant, ast.alias, ast.Attribute))
        and "cupy" in str(getattr(node, "id", getattr(node, "value", getattr(node, "name", "")))).lower()
    ]
    assert set(naming) == {"arrays.py"}
