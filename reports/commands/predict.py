"""The verb `predict`: ask a law for a number inside its domain."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import click

from reports.commands.catalogue import JSON, load
from reports.console import Refused, print_json
from reports.numbers import BadNumber, parse_assignment

if TYPE_CHECKING:
    from theory.law import Law, Prediction

__all__ = ["predict"]


@click.command(epilog="Example: batchlaws predict gradient.variance N=8 B=3 sigma2=1")
@click.argument("law_id", metavar="ID")
@click.argument("assignments", metavar="NAME=VALUE...", nargs=-1)
@click.option("--part", default="", metavar="NAME", help="Another equation of the law than its headline.")
@JSON
def predict(law_id: str, assignments: tuple[str, ...], part: str, as_json: bool) -> None:
    """Evaluate a law at given values.

    Values are integers, decimals or fractions p/q, read exactly (0.1 is one tenth). A list (B=1,2,4) or an
    inclusive range (B=1:8) asks for several numbers; lists must have equal lengths.
    """
    law = load(law_id)
    values = _values(assignments)
    try:
        name = law.part(part).name
    except KeyError as error:
        raise Refused(error.args[0]) from None
    rows = [_ask(law, name, row) for row in _rows(values)]
    single = not any(isinstance(v, list) for v in values.values())
    if as_json:
        print_json(_document(law, name, rows, single=single))
        return
    for row in rows:
        _print(row, varied=[] if single else [k for k, v in values.items() if isinstance(v, list)])
    from reports import maths
    from theory import notation

    design = str(rows[0].inputs.get("design", "wor"))
    click.echo(f"\n{law.handle}/{name} = {maths.text(notation.resolve(law.part(name).rhs, design))}")
    for assumption in law.assumptions:
        click.echo(f"  assuming {assumption.name}: {assumption.text}")


def _values(assignments: tuple[str, ...]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for assignment in assignments:
        try:
            name, value = parse_assignment(assignment)
        except BadNumber as error:
            raise Refused(str(error)) from None
        if name in values:
            raise Refused(f"{name} is given twice")
        values[name] = value
    return values


def _rows(values: dict[str, Any]) -> list[dict[str, Any]]:
    """Spread lists over rows; single values repeat."""
    lengths = {name: len(v) for name, v in values.items() if isinstance(v, list)}
    if len(set(lengths.values())) > 1:
        raise Refused(
            "lists must have equal lengths; " + ", ".join(f"{k} has {n}" for k, n in lengths.items())
        )
    count = next(iter(lengths.values()), 1)
    return [{name: v[k] if isinstance(v, list) else v for name, v in values.items()} for k in range(count)]


def _ask(law: Law, part: str, values: dict[str, Any]) -> Prediction:
    from theory.domain import DomainError

    try:
        return law.predict(part=part, **values)
    except DomainError as error:
        raise Refused("\n".join(dict.fromkeys([*_broken(law, values), str(error)]))) from None
    except ZeroDivisionError:
        shown = ", ".join(f"{k}={v}" for k, v in values.items())
        raise Refused(f"{law.id}: the formula divides by zero at {shown}") from None


def _broken(law: Law, values: dict[str, Any]) -> list[str]:
    """Return the relations that the given values break already, though others may be missing."""
    from theory.domain import DomainError

    known = {p.name: p for p in law.params}
    try:
        checked = {name: known[name].check(law.id, value) for name, value in values.items() if name in known}
    except DomainError:
        return []
    return [f"{law.id}: " + c.message.format(**checked) for c in law.constraints if not c.holds(checked)]


def _shown(value: Any) -> Any:
    """Return an input as JSON carries it: integers as numbers, other rationals as p/q, words as they are."""
    if isinstance(value, Fraction):
        return int(value) if value.denominator == 1 else str(value)
    return value


def _document(law: Law, part: str, rows: list[Prediction], *, single: bool) -> dict[str, Any]:
    inputs = {name: [_shown(row.inputs[name]) for row in rows] for name in rows[0].inputs}
    inputs = {
        name: column if not single and len(set(map(str, column))) > 1 else column[0]
        for name, column in inputs.items()
    }
    values, exact = [float(row.value) for row in rows], [row.exact for row in rows]
    return {
        "id": law.id,
        "version": law.version,
        "part": part,
        "inputs": inputs,
        "value": values[0] if single else values,
        "exact": exact[0] if single else exact,
        "assumptions": [{"name": a.name, "text": a.text} for a in law.assumptions],
    }


def _print(row: Prediction, *, varied: list[str]) -> None:
    head = "".join(f"{name}={_shown(row.inputs[name])}  " for name in varied)
    # An exact value that is no rational (a radical) is shown as it is, beside its decimal.
    exact = row.exact or (str(row.value) if hasattr(row.value, "free_symbols") else None)
    decimal = f"{float(row.value):.12g}"
    click.echo(head + (decimal if exact in (None, decimal) else f"{exact} = {decimal}"))
