"""The verb `bench`: workloads of the simulator against what the machine can do."""

from __future__ import annotations

from typing import Any

import click

from reports.commands.catalogue import JSON
from reports.console import Refused, print_json, say

__all__ = ["bench"]


@click.command()
@click.argument("workloads", metavar="[WORKLOAD...]", nargs=-1)
@click.option(
    "--repeats", type=click.IntRange(1, 1000), default=5, show_default=True, help="Timed repetitions."
)
@JSON
def bench(workloads: tuple[str, ...], repeats: int, as_json: bool) -> None:
    """Time the simulator against the physical floor of the same machine, measured in the same run."""
    from sim import bench as benchmarks

    known = tuple(benchmarks.workloads())
    if unknown := [name for name in workloads if name not in known]:
        raise Refused(f"no workload {unknown[0]!r}; the workloads are {', '.join(known)}")
    results: list[dict[str, Any]] = []
    for name in workloads or known:
        say(f"{name} ...")
        results.append({"workload": name, **benchmarks.run(name, repeats=repeats)})
    if as_json:
        print_json(results)
        return
    for result in results:
        click.echo(
            f"{result['workload']:<12} {result['seconds']:.4g} s, floor {result['floor_seconds']:.4g} s "
            f"({result['floor']}), ratio {result['ratio']:.3g}"
        )
