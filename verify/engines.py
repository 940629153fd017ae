"""Engines: a name to an executor.  Results never depend on the choice; only the time does."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any

__all__ = ["NAMES", "executor", "workers"]

NAMES = ("serial", "threads", "processes")
_LATER = ("dask", "mpi")


class Serial(Executor):
    """Runs each task at once in the calling thread."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run ``fn`` and return a finished future."""
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as problem:
            future.set_exception(problem)
        return future


def _one_thread() -> None:
    """Keep numerical libraries of a worker to one thread: workers already fill the cores."""
    import threadpoolctl

    threadpoolctl.threadpool_limits(1)


def workers(name: str, jobs: int | None = None) -> int:
    """Return how many tasks an engine runs at once.

    Parameters
    ----------
    name : str
        The engine.
    jobs : int, optional
        What was asked for; default one for each core.

    Raises
    ------
    ValueError
        For an unknown engine or ``jobs < 1``.
    """
    if name not in NAMES:
        later = f"; {name} is planned for a later release" if name in _LATER else ""
        raise ValueError(f"unknown engine {name!r}: allowed are {', '.join(NAMES)}{later}")
    if jobs is not None and jobs < 1:
        raise ValueError(f"jobs = {jobs} is not allowed: jobs must be at least 1")
    if name == "serial":
        return 1
    return jobs or len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else jobs or os.cpu_count() or 1


def executor(name: str, jobs: int | None = None) -> Executor:
    """Return a fresh executor.

    Parameters
    ----------
    name : {"serial", "threads", "processes"}
        Which engine.
    jobs : int, optional
        Number of workers.

    Raises
    ------
    ValueError
        For an unknown engine or ``jobs < 1``.
    """
    count = workers(name, jobs)
    if name == "serial":
        return Serial()
    if name == "threads":
        return ThreadPoolExecutor(count)
    import loky

    limits = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    return loky.ProcessPoolExecutor(count, initializer=_one_thread, env=limits, timeout=None)
