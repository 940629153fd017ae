"""The verb `report`: verify the catalogue, then write the site."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reports.commands.catalogue import PROFILE, STORE, select
from reports.commands.verify import BUDGET, ENGINE, JOBS, SALT, gather
from reports.console import Refused, default_store, exit_code, progress, say, tracked

if TYPE_CHECKING:
    from theory.law import Law

__all__ = ["report"]


@click.command()
@PROFILE
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("site"),
    show_default=True,
    metavar="DIR",
    help="Folder of the site; an older report there is replaced.",
)
@ENGINE
@JOBS
@STORE
@SALT
@BUDGET
@click.pass_context
def report(
    ctx: click.Context,
    profile: str,
    out: Path,
    engine: str,
    jobs: int | None,
    store: Path | None,
    salt: str,
    budget: float | None,
) -> None:
    """Verify every law and write the report as a static site.

    The pages need no network and no script. The same evidence gives the same bytes. Exit code 0: all verified;
    1: something refuted; 3: something inconclusive; the site is written in each case.
    """
    from reports import site

    started = time.monotonic()
    place = store or default_store()
    laws = select(())
    documents = gather(laws, profile=profile, store=place, engine=engine, jobs=jobs, salt=salt, budget=budget)
    say("writing the pages ...")
    files = render(laws, documents, place)
    try:
        site.write(files, out)
    except site.SiteUnwritable as error:
        raise Refused(f"{error}; the evidence is kept in {place}") from error
    verdicts = {document["id"]: document["verdict"] for document in documents}
    counts = Counter(verdicts.values())
    words = [f"{counts[word]} {word}" for word in ("verified", "refuted", "inconclusive")]
    if counts["untested"]:
        words.append(f"{counts['untested']} untested")
    click.echo(
        f"report: {out / 'index.html'} ({len(files)} files, {sum(map(len, files.values())) / 1e6:.1f} MB)"
    )
    click.echo(f"{len(laws)} laws: {', '.join(words)}")
    click.echo(f"took {time.monotonic() - started:.0f} s")
    ctx.exit(exit_code(verdicts))


def render(laws: tuple[Law, ...], documents: list[dict[str, Any]], store: Path) -> dict[str, bytes]:
    """Return the files of the site for the evidence of a store."""
    from reports import page, selftest
    from verify.store import Store

    with Store(store) as records:
        totals = [records.totals(law.id) for law in laws]
    with progress("breaking things on purpose") as advance:
        sections = selftest.sections(tracked(laws, advance))
    with progress("drawing and writing the pages") as advance:
        return page.render(
            _site(laws, documents, totals, sections), watch=lambda members: tracked(members, advance)
        )


def _site(laws: tuple[Law, ...], documents: list[dict[str, Any]], totals: list[Any], sections: list[Any]) -> Any:
    """Return what the pages show."""
    from reports import page, speed
    from theory.claims import CLAIMS
    from verify import ledger

    return page.Site(
        laws=laws,
        documents={document["id"]: document for document in documents},
        claims=CLAIMS,
        ledger={document["id"]: ledger.dumps(document) for document in documents},
        last=max((t.last for t in totals if t.last), default="")[:10],
        draws=sum(t.draws for t in totals),
        seconds=sum(t.seconds for t in totals),
        sections=sections,
        bench=speed.committed(),
    )
