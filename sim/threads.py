"""Independent pieces of work on several threads, each of which keeps to cores of its own.

A thread that has just begun, or just woken, may share a core with another for many milliseconds before the system
moves it to an idle one: as long as a whole short simulation takes.  Where the system allows it, each thread is
therefore told which of the cores it may use.  Linear algebra keeps to one thread meanwhile: a matrix product that asked
for all cores would wait for the other threads' work.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from threading import Thread
from typing import Any, TypeVar

from threadpoolctl import ThreadpoolController

__all__ = ["check", "each"]

_Found = TypeVar("_Found")


def check(threads: Any) -> int:
    """Return a number of threads.

    Parameters
    ----------
    threads
        A whole number, at least 1.

    Raises
    ------
    ValueError
        If it is anything else.
    """
    if isinstance(threads, bool) or not isinstance(threads, int) or threads < 1:
        raise ValueError(f"threads must be a whole number >= 1, got {threads!r}")
    return threads


@cache
def _linear_algebra() -> ThreadpoolController:
    """Return the libraries of linear algebra that are loaded; to look for them takes a millisecond."""
    return ThreadpoolController()


def _cores() -> list[int]:
    """Return the cores that this thread may use; none where the system does not tell."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_setaffinity") else []


@contextmanager
def _kept_to(cores: list[int]) -> Iterator[None]:
    """Keep this thread, and no other, to some cores; to those it has if none are given."""
    before = _cores()
    if not cores:
        yield
        return
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def each(work: Callable[[int], _Found], count: int, *, threads: int) -> list[_Found]:
    """Do every piece of work, some at the same time.

    Parameters
    ----------
    work
        Called with 0, 1, ..., `count` - 1, begun in that order; it gains from threads as far as it lets go of the
        interpreter.
    count
        Number of pieces.
    threads
        Pieces done at once; the caller's own thread is one of them.  The cores that it may use are dealt out among
        the threads; where there are fewer cores than threads, some go where the system puts them.

    Returns
    -------
    list
        What `work` returned, in order.

    Raises
    ------
    ValueError
        If `threads` is not a whole number >= 1.
    BaseException
        The first that `work` raised; pieces not yet begun are then left undone.
    """
    threads = min(check(threads), count)
    if threads <= 1:
        return [work(k) for k in range(count)]
    left, cores = deque(range(count)), _cores()
    found: dict[int, _Found] = {}
    raised: list[BaseException] = []

    def following() -> int | None:
        try:
            return left.popleft()
        except IndexError:
            return None

    def take(thread: int) -> None:
        try:
            with _kept_to(cores[thread::threads]):
                while (k := following()) is not None:
                    found[k] = work(k)
        except BaseException as error:
            left.clear()
            raised.append(error)

    helpers = [Thread(target=take, args=(k,)) for k in range(1, threads)]
    with _linear_algebra().limit(limits=1, user_api="blas"):
        for helper in helpers:
            helper.start()
        take(0)
        for helper in helpers:
            helper.join()
    if raised:
        raise raised[0]
    return [found[k] for k in range(count)]
