"""Writes a site whole or not at all: into a folder beside the target, then in its place."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

__all__ = ["MARK", "SiteUnwritable", "write"]

MARK = "static/style.css"


class SiteUnwritable(OSError):
    """The output folder cannot be written or holds something that is no report."""


def write(files: Mapping[str, bytes], out: Path) -> None:
    """Write the files of a site into a folder; an older site there is replaced.

    Parameters
    ----------
    files : mapping of str to bytes
        Content by relative path.
    out : Path
        Folder; it may be missing, empty, or hold an older site.

    Raises
    ------
    SiteUnwritable
        If the place cannot be written, is full, or holds other things than a site; what was there is left as it was.
    """
    out = out.absolute()
    if out.exists() and not out.is_dir():
        raise SiteUnwritable(f"{out} is not a folder")
    if out.is_dir() and any(out.iterdir()) and not (out / MARK).is_file():
        raise SiteUnwritable(
            f"{out} holds other things than a report and is not replaced; choose another --out"
        )
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    except OSError as error:
        raise SiteUnwritable(f"{out.parent} cannot be written: {error.strerror}") from error
    try:
        for name, content in files.items():
            path = fresh / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        fresh.chmod(0o755)
        _swap(fresh, out)
    except OSError as error:
        raise SiteUnwritable(f"{out} cannot be written: {error.strerror}") from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _swap(fresh: Path, out: Path) -> None:
    """Put the fresh folder in the place of the old one; the old one comes back if that fails."""
    if not out.exists():
        fresh.rename(out)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{out.name}.old.", dir=out.parent)) / out.name
    out.rename(old)
    try:
        fresh.rename(out)
    except OSError:
        old.rename(out)
        raise
    finally:
        shutil.rmtree(old.parent, ignore_errors=True)
