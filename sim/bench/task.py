"""What a workload hands to the clock: its own piece of work, and the same work done by others.

A workload is a module of `sim.bench` with

``SETTINGS``
    Tuple of str; the first is the one that `prepare` takes by default in tests.
``prepare(setting, *, engine="auto", threads=1)``
    Returns a `Task`: everything is drawn, allocated and compiled before it returns.
``peers(setting, *, threads=1)``
    Returns a mapping from a name to a builder of a `Contender`; a builder imports its library when it is called,
    and an `ImportError` that it raises means that the library is not installed.
``ONE_FORM``
    True in a workload whose code is the same in every engine; it then runs once, under no engine's name.
``BLAS_THREADS``
    True in a workload whose threads are those of the linear algebra; in all others ours brings its own threads, and
    each of them calls linear algebra that keeps to one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Contender", "Task"]


@dataclass(frozen=True, slots=True)
class Task:
    """A piece of work, the least that any implementation must do for it, and what it computes.

    Parameters
    ----------
    work, floor
        Called without arguments; what they return is not used.
    floor_words
        What the floor does.
    units, unit
        How many of what one call of `work` gives.
    answer
        Returns an array of what the code behind `work` computes, perhaps of a smaller run; compared with the answers
        of others before any time is told.  Quantities far from zero (a loss, a trace), not single parameters:
        the comparison is relative, entry by entry.
    tolerance
        Allowed relative deviation of another's answer; finite and positive.
    """

    work: Callable[[], object]
    floor: Callable[[], object]
    floor_words: str
    units: int
    unit: str
    answer: Callable[[], np.ndarray[Any, Any]]
    tolerance: float

    def __post_init__(self) -> None:
        if self.units < 1:
            raise ValueError(f"units = {self.units} is not allowed: one call of the work gives at least 1")
        if not 0 < self.tolerance < 1:
            raise ValueError(f"tolerance = {self.tolerance} is not allowed: it must lie between 0 and 1")


@dataclass(frozen=True, slots=True)
class Contender:
    """The same piece of work, as many units a call, written with another library.

    Parameters
    ----------
    name
        Library and form, as the table names it: ``"JAX lax.map"``.
    work
        Called without arguments; it returns only when its result is there.
    answer
        As `Task.answer`.
    """

    name: str
    work: Callable[[], object]
    answer: Callable[[], np.ndarray[Any, Any]]
