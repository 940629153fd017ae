"""The verb `cite`: quick, because a citation of released evidence needs no mathematics."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from reports.commands.catalogue import JSON, STORE, load
from reports.console import Refused, default_store, print_json, say

if TYPE_CHECKING:
    from reports.cite import Citation

__all__ = ["cite"]


@click.command()
@click.argument("law_id", metavar="ID")
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "bibtex", "csl", "cff"]),
    default="text",
    show_default=True,
    help="Plain text, BibTeX, CSL-JSON or a Citation File Format document.",
)
@STORE
@JSON
def cite(law_id: str, style: str, store: Path | None, as_json: bool) -> None:
    """Cite a law: the result with its evidence, the original source, and this software.

    The released evidence is cited; with --store, or for a law that is not released, your own.
    """
    from reports import cite as citations
    from reports import released

    law = law_id.removeprefix("batchlaws:").partition("@")[0]
    try:
        release = released.read()
    except ValueError as error:
        raise Refused(f"the released ledger is damaged: {error}") from error
    wanted = law_id.partition("@")[2]
    if store is None and law in release.laws and release.date:
        document = release.laws[law]
        citation = citations.Citation(
            document, release.sources(law), release.date, release.edition["version"]
        )
    else:
        citation = _own(law, store or default_store())
    if wanted and wanted != str(citation.document["version"]):
        raise Refused(
            f"version {wanted} of {law} is not here; the evidence is for version "
            f"{citation.document['version']}"
        )
    if citation.document["verdict"] != "verified":
        say(f"note: {law} is {citation.document['verdict']}, not verified")
    if as_json:
        print_json(citations.document(citation))
    else:
        click.echo(citations.render(citation, style))


def _own(law_id: str, store: Path) -> Citation:
    """Cite the evidence of a user's own store."""
    from reports.cite import Citation

    law = load(law_id)
    if not store.exists():
        raise Refused(
            f"{law.id} is not in the released evidence and there is no store at {store}; "
            f"run: batchlaws verify {law.id}"
        )
    from verify import ledger
    from verify.store import Store, StoreError

    try:
        with Store(store) as records:
            document = ledger.evidence(law, records, profile="standard", salt="")
            last = records.totals(law.id).last
    except StoreError as error:
        raise Refused(str(error)) from error
    if last is None:
        raise Refused(f"the store {store} holds no evidence of {law.id}; run: batchlaws verify {law.id}")
    say(f"citing your own evidence in {store}")
    sources = [{"key": s.key, "locator": s.locator, "read": s.read, "note": s.note} for s in law.sources]
    return Citation(document, sources, last[:10])
