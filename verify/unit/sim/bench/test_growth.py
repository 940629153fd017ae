"""Slopes are those of power laws; every curve can be measured."""

from __future__ import annotations

import numpy as np
import pytest

from sim.bench import growth


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0, 2.0])
def test_a_power_law_has_its_slope(power: float) -> None:
    sizes = [2, 4, 8, 32, 64]
    found = growth.slope(sizes, [3.0 * size**power for size in sizes])
    assert found.all == pytest.approx(power, abs=1e-12) and found.upper == pytest.approx(power, abs=1e-12)
    assert found.error == pytest.approx(0, abs=1e-7)


def test_a_floor_at_small_sizes_shows_in_the_upper_half() -> None:
    sizes = [2**k for k in range(10)]
    found = growth.slope(sizes, [30.0 + size for size in sizes])
    assert 0.2 < found.all < 0.5 < 0.6 < found.upper < 1 and found.error > 0.02


def test_the_error_is_that_of_least_squares() -> None:
    rng = np.random.default_rng(0)
    x = np.log([1, 2, 4, 8, 16, 32])
    sd = 0.1
    fits = [growth.slope(np.exp(x), np.exp(x + sd * rng.standard_normal(6))) for _ in range(4000)]
    law = sd / np.sqrt(((x - x.mean()) ** 2).sum())
    assert np.std([f.all for f in fits]) == pytest.approx(law, rel=0.05)
    assert np.sqrt(np.mean([f.error**2 for f in fits])) == pytest.approx(law, rel=0.05)


@pytest.mark.parametrize(("sizes", "values", "message"), [
    ([1, 2], [1, 2], "at least 3"), ([1, 2, 3], [1, 2], "as many values as sizes"),
    ([1, 2, 3], [1, 0, 3], "values must be"),
    ([1, 2, -3], [1, 2, 3], "sizes must be"), ([2, 2, 2], [1, 2, 3], "all the same"),
])
def test_no_slope(sizes: list[float], values: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        growth.slope(sizes, values)


@pytest.mark.parametrize("name", list(growth.CURVES))
def test_every_curve_is_measured(name: str) -> None:
    sizes = growth.CURVES[name].sizes[:3]
    found = growth.measure(name, repeats=1, shortest=0.0, sizes=sizes, engine="numpy")
    assert found["sizes"] == list(sizes) and len(found["seconds"]) == len(found["bytes"]) == 3
    assert min(found["seconds"]) >= 0 and min(found["bytes"]) > 1000


def test_memory_does_not_depend_on_the_load_of_the_machine() -> None:
    draws = growth.measure("design wr", repeats=1, shortest=0.0, sizes=(64, 128, 256), engine="numpy")
    assert draws["memory"]["all"] == pytest.approx(1, abs=0.05)  # one index a draw
    nets = growth.measure("R", repeats=1, shortest=0.0, sizes=(128, 256, 512), engine="numpy")
    assert 0.85 < nets["memory"]["all"] < 1.02  # parameters of R networks, beside one chunk's fixed workspace


def test_refusals() -> None:
    with pytest.raises(ValueError, match="no curve 'hope'; the curves are R, B, N, width, depth"):
        growth.measure("hope")
    with pytest.raises(ValueError, match="repeats must be a whole number >= 1, got 0"):
        growth.measure("R", repeats=0)
    with pytest.raises(ValueError, match="at least 3 sizes"):
        growth.measure("R", sizes=(1, 2))
