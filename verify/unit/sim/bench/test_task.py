"""A task says what it gives and how close others must come."""

from __future__ import annotations

import numpy as np
import pytest

from sim.bench.task import Task


def task(units: int = 1, tolerance: float = 0.1) -> Task:
    return Task(int, int, "nothing", units, "call", lambda: np.ones(1), tolerance)


def test_a_task_gives_something() -> None:
    assert task().units == 1
    with pytest.raises(ValueError, match="units = 0 is not allowed"):
        task(units=0)


@pytest.mark.parametrize("tolerance", [0.0, -1.0, 1.0, float("inf"), float("nan")])
def test_a_tolerance_can_fail(tolerance: float) -> None:
    with pytest.raises(ValueError, match="must lie between 0 and 1"):
        task(tolerance=tolerance)
