"""The verbs `verify` and `why`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reports.commands.catalogue import JSON, PROFILE, STORE, load, select
from reports.console import Refused, colored, default_store, exit_code, print_json, progress, say

if TYPE_CHECKING:
    from theory.law import Law

__all__ = ["ENGINE", "JOBS", "gather", "verify", "why"]

ENGINE = click.option(
    "--engine",
    default="processes",
    show_default=True,
    metavar="NAME",
    help="Where blocks are computed: serial, threads or processes; the result is the same.",
)
JOBS = click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=None,
    metavar="N",
    help="Workers at once (default: one a core).",
)
BUDGET = click.option(
    "--budget",
    type=click.FloatRange(min=0, min_open=True),
    default=None,
    metavar="SECONDS",
    help="Start no new block after so many seconds; what fits is told before, what is open stays inconclusive.",
)
SALT = click.option(
    "--salt",
    default="",
    metavar="WORD",
    help="Fresh random streams: part of every cell's name, printed with the evidence.",
)


def gather(
    laws: tuple[Law, ...],
    *,
    profile: str,
    store: Path,
    engine: str,
    jobs: int | None,
    salt: str,
    budget: float | None,
) -> list[dict[str, Any]]:
    """Run what is missing for some laws and return their evidence, as the ledger states it.

    A check that breaks down is told on stderr; its law is judged on what the store holds.

    Raises
    ------
    Refused
        For an unusable store or an unknown engine, with the sentence of its owner.
    """
    from verify import ledger, run
    from verify.store import Store, StoreError

    say(f"evidence store: {store}" + (f", salt {salt!r}" if salt else ""))
    try:
        store.parent.mkdir(parents=True, exist_ok=True)
        with progress(f"verifying {len(laws)} laws") as advance:
            return list(
                run.verify(
                    [law.id for law in laws],
                    profile=profile,
                    store=store,
                    engine=engine,
                    jobs=jobs,
                    salt=salt,
                    budget=budget,
                    progress=advance,
                    announce=lambda left: say(left.words()) if left.cells or left.checks else None,
                )
            )
    except (run.TaskFailed, run.WorkerKilled) as error:
        say(f"a check broke down: {error}")
        with Store(store) as records:
            return list(ledger.evidences(laws, records, profile=profile, salt=salt))
    except (StoreError, OSError, ValueError) as error:
        raise Refused(str(error)) from error


@click.command()
@click.argument("patterns", metavar="[ID...]", nargs=-1)
@PROFILE
@ENGINE
@JOBS
@STORE
@SALT
@BUDGET
@click.option(
    "--ledger",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    metavar="DIR",
    help="Write one ledger document a law into this folder.",
)
@click.option(
    "--release", is_flag=True, help="Write the edition committed with this package (whole catalogue only)."
)
@JSON
@click.pass_context
def verify(
    ctx: click.Context,
    patterns: tuple[str, ...],
    profile: str,
    engine: str,
    jobs: int | None,
    store: Path | None,
    salt: str,
    budget: float | None,
    folder: Path | None,
    release: bool,
    as_json: bool,
) -> None:
    """Check laws: compute the evidence that is missing, judge all of it.

    ID is a law (gradient.variance) or a family (gradient or gradient.*); without one, the whole catalogue is
    checked. Interrupted runs go on where they stopped. Exit code 0: all verified; 1: something refuted;
    3: something inconclusive.
    """
    if release and (patterns or salt):
        raise Refused("--release takes the whole catalogue and no salt: leave out the ids and --salt")
    laws = select(patterns)
    documents = gather(
        laws,
        profile=profile,
        store=store or default_store(),
        engine=engine,
        jobs=jobs,
        salt=salt,
        budget=budget,
    )
    try:
        if folder is not None:
            from verify import ledger

            folder.mkdir(parents=True, exist_ok=True)
            for document in documents:
                ledger.write(document, folder)
            say(f"ledger: {len(documents)} documents in {folder}")
        if release:
            _release(laws, documents, profile)
    except OSError as error:
        raise Refused(f"the ledger cannot be written: {error}; the evidence is kept in the store") from error
    verdicts = {document["id"]: document["verdict"] for document in documents}
    if as_json:
        print_json(
            {
                "profile": profile,
                "salt": salt,
                "verdicts": dict(Counter(verdicts.values())),
                "laws": documents,
            }
        )
    else:
        _print(documents)
    ctx.exit(exit_code(verdicts))


def _release(laws: tuple[Law, ...], documents: list[dict[str, Any]], profile: str) -> None:
    import datetime

    from reports import release as edition

    target = Path(edition.__file__).parent / "ledger"
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    edition.write(laws, documents, target, date=today, profile=profile)
    say(f"edition of {today}: {len(documents)} documents in {target}")


def _print(documents: list[dict[str, Any]]) -> None:
    width = max((len(document["id"]) for document in documents), default=0)
    for document in documents:
        word = document["verdict"]
        click.echo(f"{document['id']:<{width}}  {colored(f'{word:<12}', word)}  {document['reason']}")
    counts = Counter(document["verdict"] for document in documents)
    click.echo(f"{len(documents)} laws: " + ", ".join(f"{n} {word}" for word, n in sorted(counts.items())))


@click.command()
@click.argument("law_id", metavar="ID")
@PROFILE
@STORE
@SALT
def why(law_id: str, profile: str, store: Path | None, salt: str) -> None:
    """Say what a law's verdict stands on: what is missing, what is stale and which inputs changed."""
    from verify import why as reasons
    from verify.store import Store, StoreError

    law = load(law_id)
    place = store or default_store()
    if not place.exists():
        say(f"no evidence store at {place}")
        click.echo(f"{law.id}: nothing has been computed; run: batchlaws verify {law.id}")
        return
    try:
        with Store(place) as records:
            lines = reasons.why(law, records, profile=profile, salt=salt)
    except StoreError as error:
        raise Refused(str(error)) from error
    for line in lines:
        click.echo(line)
