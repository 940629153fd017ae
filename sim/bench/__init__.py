"""Workloads against the time that physics allows, both measured in the same run.

A workload is a module with ``prepare()``, which returns the work, the floor, what the floor is, and how many
units one call does.  Ratios are of one machine and one run; nothing is compared with stored times.
"""

from __future__ import annotations

import importlib
import pkgutil
import platform
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
from threadpoolctl import threadpool_info

from sim.bench.task import Task

__all__ = ["Task", "run", "workloads"]


def workloads() -> tuple[str, ...]:
    """Return the names of all workloads, sorted."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules(__path__) if m.name != "task"))


def _fastest(call: Callable[[], object], repeats: int) -> float:
    """Return the least time of one call: disturbances only ever add."""
    call()
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
    return best


def run(name: str, *, repeats: int = 5) -> dict[str, Any]:
    """Time one workload and its floor.

    Parameters
    ----------
    name
        One of `workloads`.
    repeats
        Calls timed, at least 1; the fastest counts.

    Returns
    -------
    dict
        ``name``, ``seconds`` a call, ``floor_seconds`` a call, their ``ratio``, ``floor`` in words, ``units``
        a call and ``unit``, ``peak_bytes`` allocated in a call, ``repeats``, ``blas`` (library, kernel,
        threads), ``machine`` and ``numpy``.

    Raises
    ------
    ValueError
        If the name is unknown or `repeats` is below 1.
    """
    if name not in workloads():
        raise ValueError(f"unknown workload {name!r}: allowed are {', '.join(workloads())}")
    if isinstance(repeats, bool) or not isinstance(repeats, int) or repeats < 1:
        raise ValueError(f"repeats must be a whole number >= 1, got {repeats!r}")
    task: Task = importlib.import_module(f"{__name__}.{name}").prepare()
    seconds, floor = _fastest(task.work, repeats), _fastest(task.floor, repeats)
    tracemalloc.start()
    task.work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    blas = [info for info in threadpool_info() if info.get("user_api") == "blas"]
    return {
        "name": name,
        "seconds": seconds,
        "floor_seconds": floor,
        "ratio": seconds / floor,
        "floor": task.floor_words,
        "units": task.units,
        "unit": task.unit,
        "peak_bytes": peak,
        "repeats": repeats,
        "blas": [
            f"{b['internal_api']} {b.get('architecture', '?')} {b['num_threads']} threads" for b in blas
        ],
        "machine": platform.machine(),
        "numpy": np.__version__,
    }
