"""The contract that every probe keeps, and the registry."""

from __future__ import annotations

import ast
import importlib
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sim
from sim import designs, probes

CELLS: dict[str, dict[str, Any]] = {
    "batch_halving": {"population": "ints:8:even", "B": 4, "design": "wor"},
    "batch_mean_moment": {"population": "ints:8:skewed", "B": 4, "design": "wor", "order": 2},
    "batch_mean_product": {"population": "ints:8:skewed", "B": 4, "design": "wr", "order": 3},
    "batch_mean_trace": {"population": "digits8:gradient:all", "B": 4, "design": "wor"},
    "batch_variance": {
        "population": "ints:8:even",
        "B": 4,
        "design": "wor",
        "kind": "biased",
        "statistic": "error",
    },
    "group_variance": {"population": "ints:8:even", "norm": "layer", "B": 2, "C": 2, "HW": 2},
    "hybrid_alpha": {"population": "ints:6:skewed", "B": 2, "d": 3, "eta": 0.5, "t": 2, "start": 0},
    "inclusion": {"N": 8, "B": 4, "design": "wor", "items": "two"},
    "normalized_gap": {"population": "ints:8:even", "B": 4, "design": "wor"},
    "sgd_quadratic": {
        "population": "ints:8:even",
        "B": 4,
        "design": "wor",
        "eta": 0.5,
        "h": 1,
        "t": 3,
        "start": 1,
        "order": 2,
    },
    "weighted_sum": {"population": "ints:8:even", "Bmax": 4},
}


def test_every_probe_has_a_cell_here() -> None:
    assert set(probes.names()) == set(CELLS)


@pytest.mark.parametrize("name", sorted(CELLS))
def test_contract(name: str) -> None:
    cell = {"probe": name, **CELLS[name]}
    found = probes.setting(cell)
    assert found.low < found.high
    assert probes.describe(name).endswith((".", ":"))
    assert set(CELLS[name]) <= set(probes.fields(name))
    one = probes.draw(cell, 500, rng=np.random.default_rng(0))
    assert (one == probes.draw(cell, 500, rng=np.random.default_rng(0))).all()
    assert one.dtype == (np.float64 if found.scale is None else np.int64)
    assert probes.draw(cell, 0, rng=np.random.default_rng(0)).shape == (0,)
    with pytest.raises(ValueError, match="unknown key 'law'"):
        probes.setting({**cell, "law": "x"})
    required = next(key for key, field in probes.fields(name).items() if not field.optional)
    with pytest.raises(ValueError, match=f"missing key '{required}'"):
        probes.draw({k: v for k, v in cell.items() if k != required}, 1, rng=np.random.default_rng(0))


@pytest.mark.parametrize("name", sorted(CELLS))
def test_every_batch_comes_through_the_sampler(name: str) -> None:
    asked: list[tuple[str, int, int, int]] = []

    def sampler(design: str, N: int, B: int, n: int, *, rng: np.random.Generator) -> np.ndarray:
        asked.append((design, N, B, n))
        return designs.draw(design, N, B, n, rng=rng)

    probes.draw({"probe": name, **CELLS[name]}, 10, rng=np.random.default_rng(0), sampler=sampler)
    assert asked


def test_unknown_probe_names_the_allowed_ones() -> None:
    with pytest.raises(ValueError, match="unknown probe 'x': allowed are batch_halving, "):
        probes.setting({"probe": "x"})
    with pytest.raises(ValueError, match="missing key 'probe'"):
        probes.setting({})
    with pytest.raises(ValueError, match="unknown probe"):
        probes.fingerprint("../probes")


def test_fingerprint_follows_code_and_not_comments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(Path(sim.__file__).parent, tmp_path / "sim", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(probes, "__file__", str(tmp_path / "sim" / "probes" / "__init__.py"))

    def fingerprint(name: str) -> str:
        probes.fingerprint.cache_clear()
        return probes.fingerprint(name)

    def change(module: str, old: str, new: str) -> None:
        path = tmp_path / "sim" / module
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    before = {name: fingerprint(name) for name in ("inclusion", "batch_variance", "group_variance")}
    assert len(set(before.values())) == 3
    change("subsets.py", "from __future__", "# a comment\nfrom __future__")
    change("probes/inclusion.py", '"""Whether one given', '"""If one given')
    assert {name: fingerprint(name) for name in before} == before
    change("norms.py", "1.0 / xp.sqrt", "2.0 / xp.sqrt")
    assert fingerprint("inclusion") == before["inclusion"]
    assert fingerprint("group_variance") != before["group_variance"]
    change("subsets.py", "> 0.3", "> 0.4")
    assert fingerprint("inclusion") != before["inclusion"]
    probes.fingerprint.cache_clear()


def test_no_simulator_knows_a_law_or_the_house() -> None:
    for path in Path(sim.__file__).parent.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {n.split(".")[0] for n in names} & {"theory", "verify", "reports", "sympy", "flint"}, path


OPTIONAL = {"numba", "jax", "torch", "backpack", "pyhessian", "curvlinops"}


def test_modules_say_what_they_export() -> None:
    root = Path(sim.__file__).parent
    for path in root.rglob("*.py"):
        if path.name == "__init__.py" and path.parent == root:
            continue
        name = ".".join(path.relative_to(root.parent).with_suffix("").parts).removesuffix(".__init__")
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError as missing:
            assert missing.name in OPTIONAL, name
            continue
        assert all(hasattr(module, export) for export in module.__all__), name
