"""Engines: the same answers by every name, and clear refusals."""

from __future__ import annotations

import os

import pytest

from verify import engines


def _square(x: int) -> int:
    if x < 0:
        raise ValueError("negative")
    return x * x


@pytest.mark.parametrize("name", engines.NAMES)
def test_every_engine_gives_results_and_errors(name: str) -> None:
    with engines.executor(name, 1) as executor:
        futures = [executor.submit(_square, k) for k in (3, -1, 4)]
        assert [futures[0].result(), futures[2].result()] == [9, 16]
        with pytest.raises(ValueError, match="negative"):
            futures[1].result()


def test_workers_of_processes_have_one_thread_each() -> None:
    with engines.executor("processes", 1) as executor:
        assert executor.submit(os.getenv, "OMP_NUM_THREADS").result() == "1"


def test_the_number_of_workers() -> None:
    assert engines.workers("serial", 8) == 1
    assert engines.workers("threads", 3) == 3
    assert engines.workers("processes") >= 1


@pytest.mark.parametrize(("name", "jobs", "says"), [
    ("dusk", None, "unknown engine 'dusk': allowed are serial, threads, processes"), ("dask", None, "later release"),
    ("threads", 0, "jobs = 0 is not allowed"),
])
def test_refusals(name: str, jobs: int | None, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        engines.executor(name, jobs)
