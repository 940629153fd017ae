"""A site is written whole or not at all."""

import os

import pytest

from reports import site

FILES = {"index.html": b"new", "static/style.css": b"", "laws/a.html": b"a"}


def tree(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_writes_a_new_site(tmp_path):
    site.write(FILES, tmp_path / "deep" / "site")
    assert tree(tmp_path / "deep" / "site") == FILES
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["site"]


def test_replaces_an_older_site_and_its_forgotten_pages(tmp_path):
    site.write({**FILES, "laws/old.html": b"old"}, tmp_path / "site")
    site.write(FILES, tmp_path / "site")
    assert tree(tmp_path / "site") == FILES
    assert [p.name for p in tmp_path.iterdir()] == ["site"]


def test_leaves_a_folder_of_other_things_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("dear")
    with pytest.raises(site.SiteUnwritable, match="other things"):
        site.write(FILES, tmp_path)
    assert tree(tmp_path) == {"thesis.txt": b"dear"}


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "site").write_text("x")
    with pytest.raises(site.SiteUnwritable, match="not a folder"):
        site.write(FILES, tmp_path / "site")


def test_a_full_disk_leaves_the_old_site(tmp_path, monkeypatch):
    site.write(FILES, tmp_path / "site")

    def full(path, content):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    with pytest.raises(site.SiteUnwritable, match="No space left"):
        site.write({"index.html": b"newer", "static/style.css": b""}, tmp_path / "site")
    monkeypatch.undo()
    assert tree(tmp_path / "site") == FILES
    assert [p.name for p in tmp_path.iterdir()] == ["site"]


def test_a_failed_swap_brings_the_old_site_back(tmp_path, monkeypatch):
    site.write(FILES, tmp_path / "site")
    rename = os.rename
    calls = []

    def second_fails(source, target):
        calls.append(source)
        if len(calls) == 2:
            raise OSError(13, os.strerror(13))
        rename(source, target)

    monkeypatch.setattr("pathlib.Path.rename", lambda self, target: second_fails(self, target))
    with pytest.raises(site.SiteUnwritable):
        site.write({"index.html": b"newer", "static/style.css": b""}, tmp_path / "site")
    monkeypatch.undo()
    assert tree(tmp_path / "site") == FILES
