"""Workloads against the time that physics allows and against other libraries, all measured in the same run.

A workload is a module of this package, see `sim.bench.task`.  Every contender lives in a process of its own
(`sim.bench.worker`); timed runs alternate between them, so that a busy machine is busy for all of them.  Answers are
compared before anything is timed: who computes something else has no time.
"""

from __future__ import annotations

import importlib
import math
import os
import pkgutil
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import numpy as np

from sim.bench.task import Contender, Task
from sim.bench.worker import ContenderFailed, LibraryMissing, Worker
from sim.engines import choose

__all__ = [
    "CLOCKS",
    "Contender",
    "ContenderFailed",
    "LibraryMissing",
    "Task",
    "deviation",
    "measure",
    "settings",
    "workloads",
]

CLOCKS = ("auto", "cpu", "wall")
"""``auto``: seconds of the processor for one thread, which a busy machine hardly stretches; else of the wall."""

HARNESS = ("growth", "machine", "task", "worker")
"""Modules of this package that are no workloads."""

_ALONE = ", one thread"
_SHORTEST = 0.1
_MOST_CALLS = 10_000


def workloads() -> tuple[str, ...]:
    """Return the names of all workloads, sorted."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.ispkg and m.name not in HARNESS))


def settings(name: str, *, package: str = __name__) -> tuple[str, ...]:
    """Return the settings of a workload.

    Raises
    ------
    ValueError
        If there is no such workload.
    """
    if package == __name__ and name not in workloads():
        raise ValueError(f"no workload {name!r}; the workloads are {', '.join(workloads())}")
    return tuple(importlib.import_module(f"{package}.{name}").SETTINGS)


def deviation(ours: np.ndarray[Any, Any], theirs: np.ndarray[Any, Any]) -> float:
    """Return the largest relative difference of two answers, entry by entry; infinite where they cannot be compared.

    Parameters
    ----------
    ours, theirs : ndarray
        The differences are in units of the entries of `ours`; a zero there agrees with nothing but a zero.
    """
    if ours.shape != theirs.shape or not ours.size or not np.isfinite(ours).all() or not np.isfinite(theirs).all():
        return math.inf
    difference = np.abs(theirs - ours)
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.where(difference == 0, 0.0, difference / np.abs(ours)).max())


@dataclass(slots=True)
class _Entry:
    """A contender while it is measured."""

    worker: Worker
    row: dict[str, Any]
    calls: int = 1
    times: list[float] = field(default_factory=list)

    @property
    def runs(self) -> bool:
        return self.row["status"] == "measured"

    def drop(self, status: str, reason: str) -> None:
        self.row.update(status=status, reason=reason)
        self.worker.close()


def measure(name: str, setting: str, *, engines: Sequence[str] = ("auto",), threads: int = 1, peers: bool = False,
            repeats: int = 5, clock: str = "auto", shortest: float = _SHORTEST,
            tell: Callable[[str], None] = lambda text: None, package: str = __name__) -> dict[str, Any]:
    """Time a workload in one setting, its floor and, if wanted, the same work done by others.

    Parameters
    ----------
    name, setting
        One of `workloads`, one of its `settings`.
    engines
        Engines of ours that take part; the first gives the answer the others are compared with.
    threads
        Cores each contender may use; with more than one, each of ours also takes its turns with one alone.
    peers
        Whether other libraries take part.
    repeats
        Timed rounds; in each round every contender runs once, and the fastest run counts.
    clock
        One of `CLOCKS`.
    shortest
        Seconds that a timed run lasts at least: short calls are repeated within it.
    tell
        Called with what is being done.
    package
        Package of the workloads.

    Returns
    -------
    dict
        ``workload``, ``setting``, ``threads``, ``repeats``, ``clock``, ``unit``, ``units`` (of one call),
        ``tolerance``, ``floor`` (``words``, ``seconds`` a unit), ``contenders``, ``best_ours``, ``best_peer`` and
        ``speedup`` (time of the best peer over the best of ours; None without peers).  Of each contender: ``name``,
        ``ours``, ``threads``, ``scaling`` (time of its twin with one thread over its own; None but for ours with
        more), ``status`` (measured, missing, failed, disagrees), ``reason``, ``seconds`` a unit (fastest),
        ``median``, ``times``, ``floor_ratio``, ``deviation`` from our answer, ``peak_bytes``, ``prepare_seconds``,
        ``versions``, ``blas``.

    Raises
    ------
    ValueError
        For an unknown workload, setting or clock, or numbers out of range.
    LibraryMissing, ContenderFailed
        If an engine is not installed, or the first of ours cannot do the work: then there is nothing to compare.
    """
    _check(name, setting, package, engines, threads, repeats, clock, shortest)
    if clock == "auto":
        clock = "cpu" if threads == 1 else "wall"
    try:
        chosen = dict.fromkeys(choose(engine).name for engine in engines)
    except ModuleNotFoundError as problem:
        raise LibraryMissing(str(problem)) from problem
    module = importlib.import_module(f"{package}.{name}")
    ours = [(f"batchlaws ({engine})", engine) for engine in chosen]
    if getattr(module, "ONE_FORM", False):
        ours = [("batchlaws", engines[0])]
    entrants: list[tuple[str, str | None, str, int]] = [(label, None, engine, threads) for label, engine in ours]
    if threads > 1:
        entrants += [(label + _ALONE, None, engine, 1) for label, engine in ours]
    if peers:
        entrants += [(peer, peer, "", threads) for peer in module.peers(setting, threads=threads)]
    with ExitStack() as stack:
        entries = []
        for label, peer, engine, cores in entrants:
            tell(f"{name}, {setting}: {label} prepares")
            own = peer is None and not getattr(module, "BLAS_THREADS", False)
            worker = stack.enter_context(Worker(package, threads=cores, blas_threads=1 if own else cores))
            row = {"name": label, "ours": peer is None, "threads": cores, "status": "measured", "reason": ""}
            entries.append(_Entry(worker, row))
            try:
                told = worker.ask("prepare", workload=name, setting=setting, peer=peer, engine=engine)
                row.update(told, **worker.ask("memory"), **worker.ask("answer"))
            except ContenderFailed as problem:
                if len(entries) == 1:
                    raise type(problem)(f"{name}, {setting}: {label}: {problem}") from problem
                status = "missing" if isinstance(problem, LibraryMissing) else "failed"
                entries[-1].drop(status, str(problem))
        _compare(entries)
        tell(f"{name}, {setting}: timed rounds")
        floors = _rounds(entries, repeats, clock, shortest)
    return _document(name, setting, entries, floors, threads=threads, repeats=repeats, clock=clock)


def _check(name: str, setting: str, package: str, engines: Sequence[str], threads: int, repeats: int, clock: str,
           shortest: float) -> None:
    if setting not in (known := settings(name, package=package)):
        raise ValueError(f"workload {name} has no setting {setting!r}; its settings are {', '.join(known)}")
    if not engines:
        raise ValueError("engines is empty: name at least one engine, such as auto")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for word, value, most in (("threads", threads, cores), ("repeats", repeats, 1000)):
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
            raise ValueError(f"{word} must be a whole number from 1 to {most}, got {value!r}")
    if clock not in CLOCKS:
        raise ValueError(f"unknown clock {clock!r}: allowed are {', '.join(CLOCKS)}")
    if not 0 <= shortest <= 60:
        raise ValueError(f"shortest must be from 0 to 60 seconds, got {shortest!r}")


def _compare(entries: Sequence[_Entry]) -> None:
    """Drop whoever computes something else than the first of ours."""
    ours = entries[0].row
    expected = np.reshape(ours["values"], ours["shape"])
    tolerance = ours["tolerance"]
    if not np.isfinite(expected).all() or not expected.size:
        raise ContenderFailed(f"{ours['name']}: its answer is empty or not finite, so nothing can be compared with it")
    for entry in entries[1:]:
        if not entry.runs:
            continue
        found = np.reshape(entry.row["values"], entry.row["shape"])
        off = deviation(expected, found)
        entry.row["deviation"] = off if math.isfinite(off) else None
        if not off <= tolerance:
            how = f"by {off:.2g}" if math.isfinite(off) else f"in shape or finiteness ({expected.shape}, {found.shape})"
            entry.drop("disagrees", f"its answer differs from ours {how}; allowed is {tolerance:g}")


def _rounds(entries: Sequence[_Entry], repeats: int, clock: str, shortest: float) -> list[float]:
    """Run everybody once a round, each round begun by another; return the seconds of the floor."""
    floors: list[float] = []
    floor_calls = 1
    for number in range(repeats + 1):
        live = [entry for entry in entries if entry.runs]
        for entry in live[number % len(live) :] + live[: number % len(live)]:
            try:
                spent = entry.worker.ask("time", what="work", calls=entry.calls)[clock]
                if entry is entries[0]:
                    floor = entry.worker.ask("time", what="floor", calls=floor_calls)[clock]
            except ContenderFailed as problem:
                if entry is entries[0]:
                    raise
                entry.drop("failed", str(problem))
                continue
            if number == 0:  # a round to warm up, which says how many calls last long enough
                entry.calls = _calls(spent, shortest)
                if entry is entries[0]:
                    floor_calls = _calls(floor, shortest)
            else:
                entry.times.append(spent)
                if entry is entries[0]:
                    floors.append(floor)
    return floors


def _calls(seconds: float, shortest: float) -> int:
    return max(1, min(_MOST_CALLS, math.ceil(shortest / max(seconds, 1e-9))))


def _document(name: str, setting: str, entries: Sequence[_Entry], floors: Sequence[float], *, threads: int,
              repeats: int, clock: str) -> dict[str, Any]:
    first = entries[0].row
    units = first["units"]
    floor = min(floors) / units
    rows = []
    for entry in entries:
        row = {key: value for key, value in entry.row.items() if key not in _PRIVATE}
        if entry.runs:
            each = [seconds / units for seconds in entry.times]
            row.update(seconds=min(each), median=median(each), times=each, floor_ratio=min(each) / floor)
        rows.append(row)
    measured = {row["name"]: row for row in rows if row["status"] == "measured"}
    for row in rows:
        twin = measured.get(row["name"] + _ALONE)
        row["scaling"] = twin["seconds"] / row["seconds"] if twin and row["name"] in measured else None

    def best(ours: bool) -> dict[str, Any] | None:
        found = [row for row in measured.values() if row["ours"] == ours and row["threads"] == threads]
        return min(found, key=lambda row: row["seconds"], default=None)

    mine, theirs = best(True), best(False)
    assert mine is not None
    return {
        "workload": name, "setting": setting, "threads": threads, "repeats": repeats, "clock": clock,
        "unit": first["unit"], "units": units, "tolerance": first["tolerance"],
        "floor": {"words": first["floor_words"], "seconds": floor}, "contenders": rows, "best_ours": mine["name"],
        "best_peer": theirs and theirs["name"], "speedup": theirs and theirs["seconds"] / mine["seconds"],
    }  # fmt: skip


_PRIVATE = ("floor_words", "units", "unit", "tolerance", "shape", "values")
