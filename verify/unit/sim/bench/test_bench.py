"""Workloads run, state their floor, and refuse nonsense; no ratio is asserted, machines differ."""

from __future__ import annotations

import pytest

from sim import bench


def test_names() -> None:
    assert bench.workloads() == ("gradients", "sampler", "statistics")


@pytest.mark.parametrize("name", ["gradients", "sampler", "statistics"])
def test_each_workload_is_measured_against_its_floor(name: str) -> None:
    found = bench.run(name, repeats=1)
    assert found["seconds"] > 0
    assert found["floor_seconds"] > 0
    assert found["ratio"] == found["seconds"] / found["floor_seconds"]
    assert found["peak_bytes"] > 10_000
    assert found["floor"]
    assert found["units"] > 1000


def test_refusals() -> None:
    with pytest.raises(ValueError, match="gradients, sampler, statistics"):
        bench.run("other")
    with pytest.raises(ValueError, match="repeats must be a whole number >= 1, got 0"):
        bench.run("sampler", repeats=0)
