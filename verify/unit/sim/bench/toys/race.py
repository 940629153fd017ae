"""A sum of squares, done well and badly."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from sim.bench.task import Contender, Task

SETTINGS = ("n=1000", "nan", "broken")

TOTAL = np.array([1.0, 333833500.0])


def prepare(setting: str, *, engine: str = "auto", threads: int = 1) -> Task:
    if setting == "broken":
        raise RuntimeError("ours cannot do it")
    numbers = np.arange(1001.0)
    answer = np.full(2, np.nan) if setting == "nan" else TOTAL
    print("a library that talks")
    return Task(lambda: numbers @ numbers, lambda: numbers.sum(), "a sum of the numbers", 1000, "number",
                lambda: answer, 1e-6)


def _large() -> Contender:
    ballast = np.ones(8 << 20)
    return Contender("slow", lambda: [k * k for k in range(30_000)], lambda: TOTAL * (1 + 1e-7) + 0 * ballast[0])


def _missing() -> Contender:
    import a_library_that_nobody_has  # noqa: F401

    raise AssertionError


def _fails() -> Contender:
    raise MemoryError("too large")


def _dies() -> Contender:
    os._exit(7)


def _tires() -> Contender:
    calls = iter(range(2))
    return Contender("tires", lambda: next(calls), lambda: TOTAL)


def _note(name: str) -> Contender:
    """Note every timed call in the file that the test names."""
    def work() -> None:
        with Path(os.environ["RACE_NOTES"]).open("a") as notes:
            notes.write(name)

    return Contender(name, work, lambda: TOTAL)


def peers(setting: str, *, threads: int = 1) -> Mapping[str, Callable[[], Contender]]:
    if "RACE_NOTES" in os.environ:
        return {name: (lambda name=name: _note(name)) for name in "abc"}
    return {
        "slow": _large, "missing": _missing, "fails": _fails, "dies": _dies, "tires": _tires,
        "wrong": lambda: Contender("wrong", int, lambda: TOTAL * [1, 1 + 3e-6]),
        "short": lambda: Contender("short", int, lambda: TOTAL[:1]),
        "lost": lambda: Contender("lost", int, lambda: TOTAL * np.inf),
    }  # fmt: skip
