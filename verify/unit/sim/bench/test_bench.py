"""The race is fair: own processes, turns, answers compared first; no ratio is asserted, machines differ."""

from __future__ import annotations

import inspect
import math
import os
from importlib import import_module

import numpy as np
import pytest

from sim import bench

TOYS = "verify.unit.sim.bench.toys"


def race(setting: str = "n=1000", **options: object) -> dict:
    given = {"engines": ("numpy",), "repeats": 2, "shortest": 0.0, **options}
    return bench.measure("race", setting, package=TOYS, **given)


@pytest.fixture(scope="module")
def full() -> dict:
    return race(peers=True, shortest=0.01)


def rows(document: dict) -> dict[str, dict]:
    return {row["name"]: row for row in document["contenders"]}


@pytest.mark.parametrize("name", bench.workloads())
def test_every_workload_keeps_the_contract(name: str) -> None:
    module = import_module(f"sim.bench.{name}")
    found = bench.settings(name)
    assert found and len(set(found)) == len(found) and all(isinstance(setting, str) for setting in found)
    assert list(inspect.signature(module.prepare).parameters) == ["setting", "engine", "threads"]
    assert list(inspect.signature(module.peers).parameters) == ["setting", "threads"]
    for setting in found:
        assert all(callable(builder) for builder in module.peers(setting, threads=1).values())


def test_times_and_ratios(full: dict) -> None:
    ours = rows(full)["batchlaws (numpy)"]
    assert ours["ours"] and ours["status"] == "measured" and len(ours["times"]) == full["repeats"] == 2
    assert ours["seconds"] == min(ours["times"]) > 0
    assert ours["floor_ratio"] == ours["seconds"] / full["floor"]["seconds"]
    slow = rows(full)["slow"]
    assert slow["seconds"] > 20 * ours["seconds"]  # a Python loop over 30,000 numbers against one call
    assert full["best_peer"] == "slow" and full["best_ours"] == "batchlaws (numpy)"
    assert full["speedup"] == slow["seconds"] / ours["seconds"]
    assert {(row["threads"], row["scaling"]) for row in full["contenders"]} == {(1, None)}
    assert (full["unit"], full["units"], full["clock"], full["threads"]) == ("number", 1000, "cpu", 1)


@pytest.mark.skipif(len(getattr(os, "sched_getaffinity", lambda pid: {0})(0)) < 2, reason="one core")
def test_threads_are_measured_beside_one_alone() -> None:
    document = race(threads=2, shortest=0.01)
    found = rows(document)
    pair, alone = found["batchlaws (numpy)"], found["batchlaws (numpy), one thread"]
    assert (pair["threads"], alone["threads"]) == (2, 1)
    assert pair["scaling"] == alone["seconds"] / pair["seconds"]
    assert alone["scaling"] is None
    # what one thread does is never the figure of two, even where it is faster
    assert document["best_ours"] == "batchlaws (numpy)"


def test_memory_is_each_contenders_own(full: dict) -> None:
    ours, slow = rows(full)["batchlaws (numpy)"], rows(full)["slow"]
    assert 60e6 < slow["peak_bytes"] - ours["peak_bytes"] < 120e6  # its ballast: 67 MB


def test_who_computes_something_else_has_no_time(full: dict) -> None:
    for name, said in (("wrong", "differs from ours by 3e-06; allowed is 1e-06"), ("short", "in shape"),
                       ("lost", "finiteness")):
        row = rows(full)[name]
        assert row["status"] == "disagrees" and said in row["reason"]
        assert "seconds" not in row and "times" not in row
    assert rows(full)["slow"]["deviation"] == pytest.approx(1e-7)


def test_who_cannot_run_is_named_with_the_reason(full: dict) -> None:
    found = rows(full)
    assert found["missing"]["status"] == "missing" and "a_library_that_nobody_has" in found["missing"]["reason"]
    assert found["fails"]["status"] == "failed" and "too large" in found["fails"]["reason"]
    assert found["dies"]["status"] == "failed" and "ended with code 7" in found["dies"]["reason"]
    assert found["tires"]["status"] == "failed" and "StopIteration" in found["tires"]["reason"]


def test_contenders_take_turns(tmp_path, monkeypatch) -> None:
    notes = tmp_path / "notes"
    monkeypatch.setenv("RACE_NOTES", str(notes))
    race(peers=True, repeats=3)
    # one call each to prepare, then a round to warm up and three that count, each begun by another
    assert notes.read_text() == "abc" + "abc" + "abc" + "bca" + "cab"


def test_nothing_is_timed_without_an_answer_of_ours() -> None:
    with pytest.raises(bench.ContenderFailed, match="empty or not finite"):
        race("nan")
    with pytest.raises(bench.ContenderFailed, match=r"race, broken: .*RuntimeError: ours cannot do it"):
        race("broken")


@pytest.mark.parametrize(("ours", "theirs", "off"), [
    ([1.0, -2.0], [1.0, -2.0], 0.0), ([1.0, -2.0], [1.0, -2.2], 0.1), ([0.0, 1.0], [0.0, 1.0], 0.0),
    ([0.0, 1.0], [1e-300, 1.0], math.inf), ([1.0], [1.0, 1.0], math.inf), ([1.0], [math.nan], math.inf),
    ([], [], math.inf),
])
def test_deviation(ours: list[float], theirs: list[float], off: float) -> None:
    assert bench.deviation(np.array(ours), np.array(theirs)) == pytest.approx(off)


@pytest.mark.parametrize(("options", "message"), [
    ({"setting": "n=2"}, "no setting 'n=2'; its settings are n=1000, nan, broken"),
    ({"repeats": 0}, "repeats must be a whole number from 1 to 1000, got 0"),
    ({"repeats": True}, "repeats must be a whole number"),
    ({"threads": 4096}, "threads must be a whole number from 1 to"),
    ({"clock": "sun"}, "unknown clock 'sun': allowed are auto, cpu, wall"), ({"engines": ()}, "engines is empty"),
    ({"engines": ("steam",)}, "unknown engine 'steam'"), ({"shortest": math.nan}, "shortest must be from 0 to 60"),
])
def test_refusals(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        race(**options)


def test_an_unknown_workload_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no workload 'other'; the workloads are .*sampler"):
        bench.measure("other", "n=1")


def test_an_engine_that_is_missing_says_how_to_get_it(monkeypatch) -> None:
    from sim import engines

    monkeypatch.setattr(engines, "names", lambda: ("numpy",))
    with pytest.raises(bench.LibraryMissing, match=r"pip install batchlaws\[fast\]"):
        race(engines=("numba",))


def test_the_sampler_is_measured() -> None:
    found = bench.measure("sampler", "N=8 B=4", engines=("auto", "numpy"), repeats=1, shortest=0.0)
    (row,) = found["contenders"]  # it has one form, so it runs once
    assert row["name"] == "batchlaws" and row["seconds"] > 0 and found["unit"] == "index"
