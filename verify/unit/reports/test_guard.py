"""A foreign package in the place of ours is noticed."""

import subprocess
import sys
from pathlib import Path

from reports import guard

ROOT = Path(guard.__file__).parent.parent


def test_silent_when_all_four_stand_side_by_side():
    assert guard.shadows() == []
    assert set(guard.locations()) == set(guard.PACKAGES)


def test_names_the_foreign_package(tmp_path):
    (tmp_path / "sim").mkdir()
    (tmp_path / "sim" / "__init__.py").write_text("")
    path = f"import sys; sys.path[:0] = [{str(tmp_path)!r}, {str(ROOT)!r}]; "
    code = path + "from reports import guard; print(guard.shadows())"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    assert "foreign package 'sim'" in done.stdout
    assert str(tmp_path / "sim") in done.stdout
    assert "'theory'" not in done.stdout


def test_another_home_is_reported_for_every_package(tmp_path):
    assert len(guard.shadows(home=tmp_path)) == len(guard.PACKAGES)
