"""The verb `new`: the blank form of a law."""

from __future__ import annotations

import keyword
import re
from pathlib import Path

import click

from reports.console import Refused, say

__all__ = ["new"]

_ID = re.compile(r"[a-z][a-z0-9_]{0,31}(?:\.[a-z][a-z0-9_]{0,31}){1,3}", re.ASCII)


def _folder() -> Path:
    """Return the folder of the catalogue."""
    from theory import laws

    return Path(laws.__path__[0])


@click.command()
@click.argument("law_id", metavar="FAMILY.NAME")
@click.option(
    "--into",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    metavar="DIR",
    help="Another catalogue folder than theory/laws of this installation.",
)
def new(law_id: str, into: Path | None) -> None:
    """Write the blank form of a law; fill it in and everything else follows.

    The checks, the tests, the page and the citation of the law are made from this one file.
    """
    if not _ID.fullmatch(law_id):
        raise Refused(
            f"{law_id!r} is not a law id; write family.name in lower-case letters, digits and underscores, "
            "such as gradient.variance"
        )
    parts = law_id.split(".")
    if reserved := [part for part in parts if keyword.iskeyword(part)]:
        raise Refused(f"{reserved[0]!r} in {law_id!r} is a word of Python and cannot name a module")
    form = _folder() / "_template.py"
    if not form.is_file():
        raise Refused(f"the blank form {form} is missing from this installation")
    root = into or _folder()
    target = root.joinpath(*parts).with_suffix(".py")
    if target.exists() or target.with_suffix("").exists():
        raise Refused(f"{target} exists already; a changed law is a new version in the same file")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        for depth in range(1, len(parts)):
            package = root.joinpath(*parts[:depth])
            if package.with_suffix(".py").exists():
                raise Refused(f"{'.'.join(parts[:depth])} is a law already and cannot be a family")
            marker = package / "__init__.py"
            if not marker.exists():
                marker.write_text(f'"""Laws of the family {".".join(parts[:depth])}."""\n', encoding="utf-8")
        with target.open("x", encoding="utf-8") as stream:
            stream.write(
                form.read_text(encoding="utf-8").replace("family.name", law_id).replace("{id}", law_id)
            )
    except OSError as error:
        raise Refused(f"{target} cannot be written: {error.strerror}") from error
    click.echo(str(target))
    say(f"fill it in, then run: batchlaws verify {law_id}")
