"""Pieces of work on threads: all of them, in order, each thread on cores of its own, errors told."""

from __future__ import annotations

import os
import threading
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from sim.threads import check, each

CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


@pytest.mark.parametrize(("count", "threads"), [(0, 1), (0, 3), (1, 4), (7, 1), (7, 2), (50, 7)])
def test_every_piece_is_done_once_and_told_in_order(count: int, threads: int) -> None:
    begun: list[int] = []

    def work(k: int) -> int:
        begun.append(k)
        return k * k

    assert each(work, count, threads=threads) == [k * k for k in range(count)]
    assert sorted(begun) == list(range(count))


def test_pieces_overlap() -> None:
    """Each waits for the other, so one thread alone would wait forever."""
    meet = threading.Barrier(2, timeout=30)
    assert each(lambda k: meet.wait() * 0 + k, 2, threads=2) == [0, 1]


@pytest.mark.skipif(len(CORES) < 2, reason="one core, or the system does not tell")
def test_threads_keep_to_cores_of_their_own() -> None:
    meet = threading.Barrier(2, timeout=30)

    def work(k: int) -> set[int]:
        meet.wait()
        return os.sched_getaffinity(0)

    first, second = each(work, 2, threads=2)
    assert not first & second
    assert first | second == set(CORES)
    assert sorted(os.sched_getaffinity(0)) == CORES


def test_linear_algebra_keeps_to_one_thread_meanwhile() -> None:
    np.ones((2, 2)) @ np.ones((2, 2))

    def used(k: int) -> list[int]:
        return [info["num_threads"] for info in threadpool_info() if info["user_api"] == "blas"]

    before = used(0)
    inside = each(used, 2, threads=2)
    assert before and inside[0] and all(n == 1 for found in inside for n in found)
    assert used(0) == before


def test_an_error_is_raised_and_what_has_not_begun_is_left() -> None:
    begun: list[int] = []

    def work(k: int) -> None:
        begun.append(k)
        if k == 1:
            raise KeyError("the second piece")

    with pytest.raises(KeyError, match="the second piece"):
        each(work, 10_000, threads=2)
    assert len(begun) < 10_000
    assert sorted(os.sched_getaffinity(0)) == CORES if CORES else True


@pytest.mark.parametrize("threads", [0, -1, True, 1.0, "2", None])
def test_refusals(threads: Any) -> None:
    with pytest.raises(ValueError, match=f"threads must be a whole number >= 1, got {threads!r}"):
        each(lambda k: k, 3, threads=threads)
    with pytest.raises(ValueError, match="threads must be"):
        check(threads)
