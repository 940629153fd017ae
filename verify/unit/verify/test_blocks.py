"""Blocks: what a task stores of its replicates."""

from __future__ import annotations

import math

import numpy as np
import pytest

from verify import blocks, plan
from verify.judge import log_wealth
from verify.plan import Claim


def _plan(scale: str | None, *, low: float = 0.0, high: float = 1000.0) -> plan.Plan:
    claim = Claim("300", 300.0, {"r": 330.0}, low, high, scale, 0.1, 1e-6)
    return plan.make(claim, np.random.default_rng(0).integers(0, 600, size=plan.PILOT).astype(float))


def test_few_distinct_integers_are_tallied() -> None:
    got = blocks.summarize(np.array([4, 2, 4, 4, 900]), _plan("1"), "h")
    assert got == {"kind": "tally", "n": 5, "values": [2, 4, 900], "counts": [1, 3, 1]}


def test_widely_spread_integers_are_tallied_too() -> None:
    got = blocks.summarize(np.array([10**15, 3, 10**15]), _plan("1/1000000000000000", high=3000.0), "h")
    assert got["values"] == [3, 10**15] and got["counts"] == [1, 2]


def test_many_distinct_values_become_sums_with_the_wealth_of_every_bet() -> None:
    x = np.random.default_rng(1).integers(0, 600_000, size=50_000)
    planned = _plan("1/1000")
    got = blocks.summarize(x, planned, "h")
    assert got["kind"] == "sums" and got["n"] == 50_000 and got["plan"] == "h"
    assert got["sum"] == pytest.approx(x.sum() / 1000, rel=1e-14)
    assert got["square"] == pytest.approx((x.astype(float) ** 2).sum() / 1e6, rel=1e-13)
    assert (got["low"], got["high"]) == (pytest.approx(x.min() / 1000), pytest.approx(x.max() / 1000))
    expected = [log_wealth(x / 1000, np.ones(len(x)), bet) for bet in planned.bets()]
    assert np.allclose(got["wealth"], expected, rtol=1e-9, atol=1e-9)
    assert len(expected) == 2 + 18 + 3 + len(planned.grid_above) + len(planned.grid_below)


def test_floats_become_sums() -> None:
    got = blocks.summarize(np.array([1.5, 2.5]), _plan(None), "h")
    assert got["kind"] == "sums" and got["sum"] == 4.0 and got["square"] == 8.5


@pytest.mark.parametrize(("x", "value"), [([1.0, 1001.0], 1001.0), ([-0.5, 2.0], -0.5), ([1.0, math.inf], 1e308)])
def test_a_replicate_outside_the_range_is_the_whole_content(x: list[float], value: float) -> None:
    got = blocks.summarize(np.array(x), _plan(None), "h")
    assert got == {"kind": "out_of_range", "n": 2, "value": value, "low": 0.0, "high": 1000.0}


def test_nan_is_outside_every_range() -> None:
    assert blocks.summarize(np.array([math.nan]), _plan(None), "h")["kind"] == "out_of_range"


def test_types_must_fit_the_scale() -> None:
    with pytest.raises(TypeError, match="float64 do not fit scale 1"):
        blocks.summarize(np.array([1.0]), _plan("1"), "h")
    with pytest.raises(TypeError, match="int64 do not fit scale None"):
        blocks.summarize(np.array([1]), _plan(None), "h")


def test_drawing_workers_need_no_law() -> None:
    import subprocess
    import sys

    code = ("import sys, verify.blocks, sim.streams; verify.blocks.perform; "
            "bad = [m for m in ('sympy', 'theory', 'hypothesis', 'scipy.stats', 'flint') if m in sys.modules]; "
            "sys.exit(bad or 0)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
