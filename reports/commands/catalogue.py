"""The verbs `list` and `show`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reports.console import Refused, colored, default_store, print_json, say

if TYPE_CHECKING:
    from reports.status import Statuses
    from theory.law import Law

__all__ = ["list_laws", "load", "record", "select", "show", "status_of"]

STATUSES = ("verified", "refuted", "inconclusive", "untested", "stale")
STORE = click.option(
    "--store",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    metavar="FILE",
    help="Evidence store (default: $BATCHLAWS_CACHE or the user's cache folder).",
)
PROFILE = click.option(
    "--profile",
    type=click.Choice(["smoke", "standard", "deep"]),
    default="standard",
    show_default=True,
    help="Which plan of experiments counts.",
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


def load(law: str) -> Law:
    """Load a law by id, or refuse with the suggestion the catalogue gives."""
    from theory import laws

    try:
        return laws.load(law.removeprefix("batchlaws:").partition("@")[0])
    except KeyError as error:
        raise Refused(str(error.args[0]) if error.args else str(error)) from None


def select(patterns: tuple[str, ...]) -> tuple[Law, ...]:
    """Return the laws named by ids, families (``gradient``) or prefixes (``gradient.*``); all for none."""
    from theory import laws

    known = laws.ids()
    chosen: list[str] = []
    for pattern in patterns or known:
        prefix = pattern.removesuffix(".*").removesuffix(".") + "."
        matching = [pattern] if pattern in known else [law for law in known if law.startswith(prefix)]
        chosen += matching or [load(pattern).id]
    return tuple(laws.load(law) for law in dict.fromkeys(chosen))


def status_of(laws: Sequence[Law], store: Path | None, profile: str) -> Statuses:
    """Return the status of laws and say on stderr which evidence it stands on; refuse a damaged store."""
    from reports.status import statuses
    from verify.store import StoreError

    try:
        found = statuses(laws, store or default_store(), profile=profile)
    except (StoreError, ValueError) as error:
        raise Refused(str(error)) from error
    say(found.origin)
    return found


def record(law: Law, status: str) -> dict[str, Any]:
    """Return what `list --json` says of a law."""
    from theory import proof

    return {
        "id": law.id,
        "version": law.version,
        "title": law.title,
        "family": law.family,
        "exactness": str(law.exactness),
        "claims": list(law.claims),
        "status": status,
        "channels": list(law.requires),
        "rivals": [{"part": part.name, "name": rival.name, "near": rival.near} for part, rival in law.rivals],
        "sources": [{"key": s.key, "locator": s.locator, "read": s.read} for s in law.sources],
        "axioms": list(proof.axioms(law)),
    }


@click.command("list")
@click.option(
    "--family",
    default=None,
    metavar="NAME",
    help="Only this family and those below it (gradient, norm.stat).",
)
@click.option(
    "--status", "wanted", type=click.Choice(STATUSES), default=None, help="Only laws of this status."
)
@click.option("--axioms", "only_axioms", is_flag=True, help="Count the theorems cited and not derived, law by law.")
@STORE
@PROFILE
@JSON
def list_laws(
    family: str | None, wanted: str | None, only_axioms: bool, store: Path | None, profile: str, as_json: bool
) -> None:
    """List the laws with their status."""
    from theory import laws

    everything = laws.all_laws()
    chosen = [law for law in everything if family is None or f"{law.family}.".startswith(f"{family}.")]
    if family is not None and not chosen:
        raise Refused(
            f"no family {family!r}; the families are {', '.join(sorted({law.family for law in everything}))}"
        )
    found = status_of(chosen, store, profile)
    shown = [law for law in chosen if wanted in (None, found.words[law.id])]
    if as_json:
        print_json([record(law, found.words[law.id]) for law in shown])
        return
    width = max((len(law.id) for law in shown), default=0)
    if only_axioms:
        _axioms(shown, width)
        return
    for law in shown:
        word = found.words[law.id]
        click.echo(f"{law.id:<{width}}  {colored(f'{word:<12}', word)}  {law.exactness:<17}  {law.title}")
    say(f"{len(shown)} of {len(everything)} laws")


def _axioms(shown: Sequence[Law], width: int) -> None:
    from theory import proof

    cited = {law.id: proof.axioms(law) for law in shown}
    for law_id, found in cited.items():
        click.echo(f"{law_id:<{width}}  {len(found)}")
        for text in found:
            click.echo(f"{'':<{width}}     {text}")
    say(f"{sum(map(len, cited.values()))} theorems cited and not derived in {len(shown)} laws")


@click.command()
@click.argument("law_id", metavar="ID")
@STORE
@PROFILE
@JSON
def show(law_id: str, store: Path | None, profile: str, as_json: bool) -> None:
    """Show one law: statement, domain, assumptions, derivation, rivals, sources, status."""
    from reports import maths

    law = load(law_id)
    found = status_of([law], store, profile)
    word = found.words[law.id]
    if as_json:
        print_json({**record(law, word), **_details(law)})
        return
    click.echo(f"{law.handle}  {colored(word, word)}\n{law.title}\n\n{law.words.strip()}\n")
    for part in law.parts:
        click.echo(f"{part.name}:\n    {maths.text(part.lhs)}\n {part.relation:>2} {maths.text(part.rhs)}")
    click.echo("\nparameters")
    for param in law.params:
        click.echo(
            f"  {param.name:<8} {param.domain.text()}: {param.meaning}"
            + (f" ({param.why})" if param.why else "")
        )
    for heading, lines in (
        ("assumptions", [f"{a.name}: {a.text}" for a in law.assumptions]),
        (
            "derivation",
            [
                f"{part.name}, line {k}: {step.rule}" + (f" ({step.note})" if step.note else "")
                for part in law.parts
                for k, step in enumerate(part.derivation)
            ],
        ),
        (
            "rivals that the evidence must refute",
            [f"{part.name}: {rival.name}: {maths.text(rival.expr)}" for part, rival in law.rivals],
        ),
        ("uses", list(law.uses)),
        ("answers claims", [f"{number}: {text}" for number, text in sorted(law.answers.items())]),
        (
            "sources",
            [
                f"{'' if s.read else 'after '}{s.key}" + (f", {s.locator}" if s.locator else "")
                for s in law.sources
            ],
        ),
    ):
        if lines:
            click.echo(f"\n{heading}\n" + "\n".join(f"  {line}" for line in lines))


def _details(law: Law) -> dict[str, Any]:
    """Return what `show --json` adds to the record of `list --json`."""
    from reports import maths

    return {
        "handle": law.handle,
        "spec": law.spec_hash,
        "words": law.words.strip(),
        "uses": list(law.uses),
        "answers": {str(number): text for number, text in sorted(law.answers.items())},
        "parts": [
            {
                "name": part.name,
                "lhs": maths.text(part.lhs),
                "relation": part.relation,
                "rhs": maths.text(part.rhs),
                "latex": maths.equation(part.statement),
                "derivation": [
                    {"rule": s.rule, "expr": maths.text(s.expr), "note": s.note} for s in part.derivation
                ],
                "rivals": [
                    {"name": r.name, "expr": maths.text(r.expr), "text": r.text, "near": r.near}
                    for r in part.rivals
                ],
            }
            for part in law.parts
        ],
        "params": [
            {"name": p.name, "domain": p.domain.text(), "meaning": p.meaning, "why": p.why}
            for p in law.params
        ],
        "assumptions": [{"name": a.name, "text": a.text} for a in law.assumptions],
    }
