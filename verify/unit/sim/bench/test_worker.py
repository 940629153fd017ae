"""A worker answers in its own process, on its own cores, whatever its library prints."""

from __future__ import annotations

import os

import numpy as np
import pytest

from sim.bench.worker import ContenderFailed, Worker, peak_bytes

TOYS = "verify.unit.sim.bench.toys"
READY = {"workload": "race", "setting": "n=1000", "peer": None, "engine": "numpy"}


def test_questions_and_answers() -> None:
    with Worker(TOYS, threads=1) as worker:
        told = worker.ask("prepare", **READY)
        assert (told["units"], told["unit"], told["tolerance"]) == (1000, "number", 1e-6)
        assert told["versions"]["numpy"] == np.__version__
        assert told["blas"] and all("1 threads" in kernel for kernel in told["blas"])
        assert worker.ask("answer")["values"] == [1.0, 333833500.0]
        spent = worker.ask("time", what="work", calls=50)
        assert 0 < spent["cpu"] < 1 and 0 < spent["wall"] < 1
        assert worker.ask("memory")["peak_bytes"] > 10e6


def test_a_failure_is_told_and_the_worker_goes_on() -> None:
    with Worker(TOYS, threads=1) as worker:
        with pytest.raises(ContenderFailed, match="KeyError"):
            worker.ask("answer")
        worker.ask("prepare", **READY)
        assert worker.ask("answer")["shape"] == [2]


def test_memory_of_a_worker_does_not_start_from_its_parents() -> None:
    ballast = np.ones(40 << 20)  # 336 MB here; a child that counted from the size of its parent would have them too
    here = peak_bytes()
    with Worker(TOYS, threads=1) as worker:
        worker.ask("prepare", **READY)
        there = worker.ask("memory")["peak_bytes"]
    assert here > ballast.nbytes > 300e6
    assert there < 150e6


def test_linear_algebra_may_keep_to_fewer_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for wanted, found in ((1, 1), (None, cores)):
        with Worker(TOYS, threads=cores, blas_threads=wanted) as worker:
            (kernel, *_) = worker.ask("prepare", **READY)["blas"]
        assert kernel.endswith(f" {found} threads")


def test_closing_twice_is_closing() -> None:
    worker = Worker(TOYS, threads=1)
    worker.close()
    with pytest.raises((ContenderFailed, ValueError)):
        worker.ask("memory")
    worker.close()
