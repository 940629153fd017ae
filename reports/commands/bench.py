"""The verb `bench`: workloads of the simulator against the machine's limits and against other libraries."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from reports.commands.catalogue import JSON
from reports.console import Refused, print_json, say

__all__ = ["bench"]


@click.command()
@click.argument("workloads", metavar="[WORKLOAD...]", nargs=-1)
@click.option(
    "--setting",
    "chosen",
    multiple=True,
    metavar="TEXT",
    help="Only settings that contain this text; repeat for several. A setting is named in full in the output.",
)
@click.option(
    "--engine",
    "engines",
    multiple=True,
    default=("auto",),
    show_default=True,
    metavar="NAME",
    help="Engine of ours: auto, numpy, numba, or cupy, which only trains and is not yet run on a device; "
    "repeat to compare them.",
)
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Cores for each contender; with more than one, each of ours also takes turns with one alone.",
)
@click.option(
    "--peers", is_flag=True, help="Also run the same work in other libraries (pip install batchlaws[peers])."
)
@click.option("--repeats", type=click.IntRange(1, 1000), default=5, show_default=True, help="Timed rounds.")
@click.option(
    "--clock",
    type=click.Choice(["auto", "cpu", "wall"]),
    default="auto",
    show_default=True,
    help="Seconds of the processor or of the wall; auto takes the processor's for one thread.",
)
@click.option(
    "--growth",
    "curves",
    multiple=True,
    metavar="CURVE",
    help="Measure how cost grows instead: the name of a curve, or all.",
)
@click.option(
    "--record",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    metavar="FILE",
    help="Add the figures to this file, in place of older ones of the same machine.",
)
@JSON
@click.pass_context
def bench(
    ctx: click.Context,
    workloads: tuple[str, ...],
    chosen: tuple[str, ...],
    engines: tuple[str, ...],
    threads: int,
    peers: bool,
    repeats: int,
    clock: str,
    curves: tuple[str, ...],
    record: Path | None,
    as_json: bool,
) -> None:
    """Time the simulator against the physical floor of the same machine, measured in the same run.

    Contenders run in processes of their own, in turns; nobody is timed whose answer differs from ours. Exit code 1: a
    contender failed or disagrees; a library that is not installed is only named.
    """
    from reports import speed
    from sim.bench import machine

    if curves and (workloads or chosen or peers):
        raise Refused("--growth measures our own cost curves: leave out workloads, --setting and --peers")
    old = None
    try:
        old = speed.read(record) if record is not None and record.exists() else None
    except speed.BadRecord as error:
        raise Refused(str(error)) from error
    told = machine.describe()
    say(f"{told['processor']}, {speed.cores(told)}, linear algebra kernels: {told['kernel']}")
    if warning := machine.held_back():
        say(f"warning: {warning}")
    pairs = [] if curves else _settings(workloads, chosen)
    results: list[dict[str, Any]] = []
    grown: list[dict[str, Any]] = []
    problems: list[str] = []
    for measured in _measured(pairs, curves, engines, threads, peers, repeats, clock):
        if isinstance(measured, str):
            problems.append(measured)
            continue
        fresh: tuple[list[dict[str, Any]], list[dict[str, Any]]] = ([], [measured]) if curves else ([measured], [])
        results += fresh[0]
        grown += fresh[1]
        if not as_json:
            for line in speed.lines(speed.document(told, *fresh)):
                click.echo(line)
        if record is not None:
            _record(speed.merge(old, speed.document(told, results, grown)), record)
    if as_json:
        print_json(speed.document(told, results, grown))
    problems += [
        f"{r['workload']}, {r['setting']}: {c['name']} {c['status']}: {c['reason']}"
        for r in results
        for c in r["contenders"]
        if c["status"] in ("failed", "disagrees")
    ]
    for problem in problems:
        say(f"problem: {problem}")
    if record is not None and (results or grown):
        say(f"recorded in {record}")
    ctx.exit(1 if problems else 0)


def _record(document: dict[str, Any], path: Path) -> None:
    from reports import speed

    try:
        speed.write(document, path)
    except OSError as error:
        raise Refused(f"{path} cannot be written: {error.strerror or error}") from error


def _measured(
    pairs: list[tuple[str, str]],
    curves: tuple[str, ...],
    engines: tuple[str, ...],
    threads: int,
    peers: bool,
    repeats: int,
    clock: str,
) -> Iterator[dict[str, Any] | str]:
    """Yield what is measured as it comes; a workload of ours that breaks down yields its sentence."""
    from sim import bench as benchmarks
    from sim.bench import growth

    if unknown := [name for name in curves if name not in (*growth.CURVES, "all")]:
        raise Refused(f"no curve {unknown[0]!r}; the curves are {', '.join(growth.CURVES)}, or all of them: all")
    for name in growth.CURVES if "all" in curves else curves:
        say(f"growth in {name}")
        try:
            yield growth.measure(name, repeats=repeats, engine=engines[0])
        except (ValueError, ModuleNotFoundError) as error:
            raise Refused(str(error)) from error
    for name, setting in pairs:
        try:
            yield benchmarks.measure(
                name,
                setting,
                engines=engines,
                threads=threads,
                peers=peers,
                repeats=repeats,
                clock=clock,
                tell=say,
            )
        except (ValueError, benchmarks.LibraryMissing) as error:
            raise Refused(str(error)) from error
        except benchmarks.ContenderFailed as error:
            yield str(error)


def _settings(workloads: tuple[str, ...], chosen: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return the (workload, setting) pairs that are asked for."""
    from sim import bench as benchmarks

    known = benchmarks.workloads()
    if unknown := [name for name in workloads if name not in known]:
        raise Refused(f"no workload {unknown[0]!r}; the workloads are {', '.join(known)}")
    pairs = [(name, setting) for name in workloads or known for setting in benchmarks.settings(name)]
    for text in chosen:
        if not any(text in setting for _, setting in pairs):
            raise Refused(f"no setting contains {text!r}; the settings are {', '.join(s for _, s in pairs)}")
    return [(name, setting) for name, setting in pairs if not chosen or any(text in setting for text in chosen)]
