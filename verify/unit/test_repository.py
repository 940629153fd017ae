"""Tests of the repository itself: what it says of itself, its layers, its size, what it imports."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from theory import laws

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("theory", "sim", "verify", "reports")
MODULES = sorted(p for package in PACKAGES for p in (ROOT / package).rglob("*.py"))
ALLOWED = {
    "theory": {"theory"},
    "sim": {"sim"},
    "verify": {"verify", "theory", "sim"},
    "reports": {"reports", "verify", "theory", "sim"},
}


def imports(path: Path) -> set[str]:
    """Top-level names a module imports anywhere in its text."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_module(path):
    text = path.read_text(encoding="utf-8")
    package = path.relative_to(ROOT).parts[0]
    assert text.count("\n") <= 400
    assert path.stem not in {"utils", "helpers", "base", "manager", "misc", "common"}
    tests = path.relative_to(ROOT).parts[:2] == ("verify", "unit")  # tests of the reports stand beside the others
    assert (imports(path) & set(PACKAGES)) <= (set(PACKAGES) if tests else ALLOWED[package])
    assert ast.get_docstring(ast.parse(text)), "every module says what it is for"
    if path.name != "arrays.py":
        assert "cupy" not in imports(path)


def test_evaluation_of_text_is_nowhere():
    """No user text reaches an evaluator, and nothing is unpickled."""
    for path in (p for p in MODULES if p.relative_to(ROOT).parts[:2] != ("verify", "unit")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call)
                  and isinstance(node.func, ast.Name)}
        assert not called & {"eval", "exec"}, path
        assert not imports(path) & {"pickle", "dill"}, path


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout


@pytest.mark.parametrize(("imported", "absent"), [
    ("theory.laws", {"numpy", "sim", "verify", "reports"}),
    ("sim.probes", {"cupy", "theory", "verify", "reports", "sympy", "sklearn"}),
    ("reports.cli", {"sympy", "pandas", "matplotlib", "scipy", "sklearn"}),
])
def test_imports_stay_light(imported, absent):
    loaded = run(f"import sys, {imported}; print(*sys.modules)").split()
    assert not absent & set(loaded)


def test_versions_and_names_agree():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    citation = (ROOT / "CITATION.cff").read_text()
    assert re.search(rf"^version: \"?{re.escape(project['version'])}\"?$", citation, re.M)
    assert f"[{project['version']}]" in (ROOT / "CHANGELOG.md").read_text()
    assert project["license"] == "BSD-3-Clause"
    assert "BSD 3-Clause" in (ROOT / "LICENSE").read_text()


def test_the_readme_names_the_two_commands_and_ci_runs_the_second():
    readme = (ROOT / "README.md").read_text()
    command = "python -m pip install tox && python -m tox run -e {}"
    assert command.format("report") in readme
    assert command.format("test") in readme
    assert command.format("test") in (ROOT / ".ci" / "run").read_text()


def test_every_tox_environment_is_described():
    text = (ROOT / "tox.ini").read_text()
    for name in re.search(r"env_list = (.*)", text)[1].split(", "):
        section = text.split(f"[testenv:{name}]")[1].split("[testenv")[0]
        assert "description" in section, name


def test_required_packages_are_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {line.split("==")[0].lower().replace("_", "-") for line in lines if "==" in line}
    wanted = project["project"]["dependencies"] + project["dependency-groups"]["test"]
    assert {re.split(r"[<>=~]", d)[0].lower() for d in wanted} <= pinned


def test_the_catalogue_is_released_as_it_is():
    """A released ledger belongs to a law and to its current specification; a new law may wait for the next edition."""
    from verify import ledger

    released = ledger.read(ROOT / "reports" / "ledger")
    assert released
    for law_id, document in released.items():
        assert document["spec"] == laws.load(law_id).spec_hash, f"{law_id}: run `batchlaws verify --release`"
        assert document["verdict"] == "verified"
