"""Powers of the batch mean's error against every batch."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from sim import designs, probes
from sim.populations import facts, population
from verify.unit.sim.probes import enumeration


@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize("design", ["wor", "wr"])
@pytest.mark.parametrize(("name", "B"), [("ints:6:skewed", 2), ("ints:5:outlier", 3), ("ints:4:binary", 4)])
def test_against_every_batch(name: str, B: int, design: str, order: int) -> None:
    x = [Fraction(v) for v in population(name).tolist()]
    center = sum(x) / len(x) if order > 1 else 0
    cell = {"probe": "batch_mean_moment", "population": name, "B": B, "design": design, "order": order}
    values = enumeration.over_batches(x, B, design, lambda g: (sum(g) / B - center) ** order)
    enumeration.check(cell, values)
    known = probes.setting(cell).known
    assert known["B"] == B
    assert known["N"] == len(x)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_real_gradients_against_every_batch(order: int) -> None:
    name = "digits8:gradient:direction:0"
    x = population(name).tolist()
    center = enumeration.mean(x) if order > 1 else 0.0
    cell = {"probe": "batch_mean_moment", "population": name, "B": 3, "design": "wor", "order": order}
    enumeration.check(cell, enumeration.over_batches(x, 3, "wor", lambda g: (enumeration.mean(g) - center) ** order))


@pytest.mark.parametrize("B", [2, 64, 256, 1024])
def test_large_real_population_stays_in_its_range_with_the_brute_force_spread(B: int) -> None:
    name = "digits:gradient:direction:1"
    cell = {"probe": "batch_mean_moment", "population": name, "B": B, "design": "wor", "order": 2}
    x = enumeration.draw(cell, 3_000)
    assert x.max() <= probes.setting(cell).high
    values, rng = population(name), np.random.default_rng(3)
    plain = np.array([values[rng.permutation(len(values))[:B]].mean() for _ in range(1_500)])
    plain = (plain - values.mean()) ** 2
    error = np.hypot(x.std() / np.sqrt(x.size), plain.std() / np.sqrt(plain.size))
    assert abs(x.mean() - plain.mean()) < 5 * error


@pytest.mark.parametrize("name", ["ints:12:skewed", "digits:gradient:direction:0", "digits:preactivation:3"])
def test_the_whole_population_has_exactly_no_error(name: str) -> None:
    N = len(population(name))
    cell = {"probe": "batch_mean_moment", "population": name, "B": N, "design": "wor", "order": 2}
    assert (probes.setting(cell).low, probes.setting(cell).high) == (0.0, 0.0)
    assert not enumeration.draw(cell, 3).any()
    mean = enumeration.draw({**cell, "order": 1}, 3)
    assert mean == pytest.approx(float(facts(population(name))["gbar"]), rel=1e-15)


def test_a_broken_sampler_is_seen() -> None:
    def never_last(design: str, N: int, B: int, n: int, *, rng: np.random.Generator) -> np.ndarray:
        return designs.draw(design, N - 1, B, n, rng=rng)

    cell = {"probe": "batch_mean_moment", "population": "ints:8:even", "B": 2, "design": "wor", "order": 1}
    honest = enumeration.draw(cell, 20_000).mean()
    broken = enumeration.draw(cell, 20_000, sampler=never_last).mean()
    assert abs(honest - 3.5) < 0.05
    assert abs(broken - 3.0) < 0.05


def test_int64_is_guarded() -> None:
    cell = {
        "probe": "batch_mean_moment",
        "population": "ints:4096:even",
        "B": 32,
        "design": "wor",
        "order": 4,
    }
    with pytest.raises(ValueError, match="beyond int64"):
        probes.setting({**cell, "population": "ints:65537:even"})


def test_bad_cells_are_refused() -> None:
    cell = {"probe": "batch_mean_moment", "population": "ints:8:even", "B": 2, "design": "wor", "order": 2}
    for change, message in [
        ({"B": 9}, "batch size 9 exceeds the 8 samples"),
        ({"N": 9}, "N=9 but population"),
        ({"order": 5}, "order must be one of 1, 2, 3, 4; got 5"),
        ({"population": "digits8:gradient:all"}, "scalar population"),
        ({"eta": 1}, "unknown key 'eta': allowed keys are population, N, B, design, order"),
    ]:
        with pytest.raises(ValueError, match=message):
            probes.setting({**cell, **change})
        with pytest.raises(ValueError, match=message):
            probes.draw({**cell, **change}, 1, rng=np.random.default_rng(0))
