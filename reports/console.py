"""What the verbs share at the terminal: refusals, JSON documents, where the store lies, a quiet progress line."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from theory.law import Law

__all__ = ["COLORS", "Refused", "colored", "default_store", "print_json", "progress", "say", "tracked"]

COLORS = {
    "verified": "green",
    "refuted": "red",
    "inconclusive": "yellow",
    "stale": "yellow",
    "untested": "white",
}


class Refused(click.ClickException):
    """Bad input or an unusable place: one clear sentence on stderr and exit code 2."""

    exit_code = 2


def say(message: str) -> None:
    """Write a message to stderr."""
    click.echo(message, err=True)


def print_json(document: Any) -> None:
    """Write one JSON document to stdout; a value that is no finite number is an error, not a `NaN`."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))


def colored(text: str, status: str) -> str:
    """Color a word by a verdict, on a terminal that wants colors."""
    if os.environ.get("NO_COLOR") or not sys.stdout.isatty():
        return text
    return click.style(text, fg=COLORS.get(status, "white"))


def default_store() -> Path:
    """Return the path of the evidence store: ``$BATCHLAWS_CACHE`` or the user's cache folder."""
    if folder := os.environ.get("BATCHLAWS_CACHE"):
        return Path(folder).expanduser() / "store.sqlite"
    import platformdirs

    return Path(platformdirs.user_cache_dir("batchlaws")) / "store.sqlite"


@contextmanager
def progress(title: str) -> Iterator[Callable[[int, int, str], None]]:
    """Show a bar on stderr while a run goes on; silent when stderr is no terminal.

    Yields
    ------
    callable
        ``advance(done, total, text)``, as the runner calls it.
    """
    if not sys.stderr.isatty():
        yield lambda done, total, text: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f}"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[what]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=1, what="")
        yield lambda done, total, text: bar.update(task, completed=done, total=max(total, 1), what=text[:60])


def tracked(laws: Sequence[Law], advance: Callable[[int, int, str], None]) -> Iterator[Law]:
    """Iterate over laws and tell the bar which one is at work."""
    for done, law in enumerate(laws):
        advance(done, len(laws), law.id)
        yield law
    advance(len(laws), len(laws), "done")


def exit_code(verdicts: Mapping[str, str]) -> int:
    """Return the exit code for the verdicts by law id: 0 all verified, 1 a refutation, 3 anything open."""
    if "refuted" in verdicts.values():
        return 1
    return 0 if all(v == "verified" for v in verdicts.values()) else 3
