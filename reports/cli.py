"""The command `batchlaws`: a group whose verbs are imported only when they are used.

Exit codes: 0 done and all verified, 1 something refuted, 2 usage or bad input, 3 inconclusive, 130 interrupted.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
import warnings
from typing import Any

import click

from reports import __version__

__all__ = ["CRASH", "VERBS", "cli", "main"]

CRASH = 70
"""Exit code of an error of the program itself; the codes 0 to 3 and 130 speak of laws and users."""

VERBS = {
    "list": "reports.commands.catalogue:list_laws",
    "show": "reports.commands.catalogue:show",
    "predict": "reports.commands.predict:predict",
    "verify": "reports.commands.verify:verify",
    "report": "reports.commands.report:report",
    "cite": "reports.commands.cite:cite",
    "why": "reports.commands.verify:why",
    "new": "reports.commands.new:new",
    "bench": "reports.commands.bench:bench",
    "doctor": "reports.commands.doctor:doctor",
}


class Verbs(click.Group):
    """A group that knows its verbs by name and imports the module of one only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order a newcomer meets them."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one verb."""
        if cmd_name not in VERBS:
            return None
        module, _, attribute = VERBS[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run a verb; a reader that closes the pipe (`batchlaws list | head`) has seen enough."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(0)

    def main(self, *args: Any, standalone_mode: bool = True, **extra: Any) -> Any:
        """Run the command line.

        An interruption ends with code 130 and the records stay.  An error of the program itself ends with its
        traceback and code 70, so that no script takes it for a refutation (1).
        """
        run: Any = super().main
        if not standalone_mode:
            return run(*args, standalone_mode=False, **extra)
        try:
            code = run(*args, standalone_mode=False, **extra)
        except click.ClickException as error:
            error.show()
            sys.exit(error.exit_code)
        except (click.Abort, KeyboardInterrupt):
            click.echo(
                "interrupted; every block computed so far is kept, run the same command to go on", err=True
            )
            sys.exit(130)
        except Exception:
            traceback.print_exc()
            sys.exit(CRASH)
        sys.exit(code if isinstance(code, int) else 0)


@click.group(
    cls=Verbs,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done, all verified; 1 something refuted; 2 usage or bad input; 3 inconclusive; "
    "130 interrupted. Results go to stdout, progress and messages to stderr.",
)
@click.version_option(__version__, "-V", "--version", prog_name="batchlaws")
def cli() -> None:
    """Machine-checked laws of mini-batch training: ask, check, cite, extend."""
    from reports import guard

    for message in guard.shadows():
        click.echo(f"warning: {message}", err=True)


def main() -> None:
    """Entry point of the console script."""
    # A warning of the store (a damaged record set aside) is a message to the user, not a line of source.
    warnings.formatwarning = lambda message, *place, **line: f"warning: {message}\n"
    cli(prog_name="batchlaws")
