"""Populations: pure functions of their names, facts in rationals, refusals."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from sim import populations
from sim.populations import companion, describe, facts, joint_facts, population


def test_integer_populations_are_pinned() -> None:
    assert population("ints:8:even").tolist() == list(range(8))
    assert population("ints:8:skewed").tolist() == [0, 1, 2, 3, 5, 6, 9, 12]
    assert population("ints:8:outlier").tolist() == [0, 1, 2, 0, 1, 2, 0, 9]
    assert population("ints:8:binary").tolist() == [1, 0, 0, 0, 1, 0, 0, 0]
    assert population("ints:5:even:v").tolist() == [0, 7, 9, 16, 18]
    assert population("ints:5:even:w").tolist() == [0, 6, 14, 17, 22]


def test_populations_are_cached_and_read_only() -> None:
    values = population("ints:8:even")
    assert values is population("ints:8:even")
    with pytest.raises(ValueError, match="read-only"):
        values[0] = 1


@pytest.mark.parametrize("N", [2, 3, 6, 16, 64, 1000])
@pytest.mark.parametrize("kind", populations.KINDS)
def test_every_kind_has_companions_that_go_along(N: int, kind: str) -> None:
    name = f"ints:{N}:{kind}"
    u, v, w = population(name), population(companion(name, "v")), population(companion(name, "w"))
    assert u.dtype == v.dtype == w.dtype == np.int64
    assert joint_facts(u, v)["cov_uv"] > 0
    assert joint_facts(u, w)["cov_uv"] > 0


def test_even_and_skewed_values_are_distinct() -> None:
    for N in (2, 5, 8, 64, 500):
        for kind in ("even", "skewed"):
            assert len(set(population(f"ints:{N}:{kind}").tolist())) == N


def test_facts_of_a_small_population_by_hand() -> None:
    known = facts(np.array([0, 0, 0, 4]))
    assert known == {
        "N": 4,
        "gbar": 1,
        "sigma2": 3,
        "mu2": 3,
        "mu3": 6,
        "mu4": 21,
        "kappa": Fraction(-2, 3),
        "gamma3": pytest.approx(6 / 3**1.5),
    }
    assert all(isinstance(value, Fraction) for name, value in known.items() if name != "gamma3")


def test_joint_facts_by_hand() -> None:
    u, v, w = np.array([0, 2]), np.array([0, 4]), np.array([6, 0])
    assert joint_facts(u, v, w) == {"N": 2, "ubar": 1, "vbar": 2, "cov_uv": 2, "wbar": 3, "mu_uvw": 0}
    known = joint_facts(np.array([0, 0, 3]), np.array([0, 0, 3]), np.array([0, 0, 3]))
    assert known["mu_uvw"] == 2


def test_float_facts_are_floats_close_to_the_rational_ones() -> None:
    values = np.array([0.5, -1.25, 3.0, 2.5])
    exact = facts((values * 4).astype(np.int64))
    known = facts(values)
    assert all(isinstance(value, float) for value in known.values())
    for name, power in (("gbar", 1), ("mu2", 2), ("mu3", 3), ("mu4", 4), ("kappa", 0)):
        assert known[name] == pytest.approx(float(exact[name]) / 4**power, rel=1e-13), name


@pytest.mark.parametrize(
    "name",
    [
        "ints:8:other",
        "ints:8",
        "ints:1:even",
        "ints:-3:even",
        "ints:8:even:z",
        "ints:08x:even",
        "ints:\u0668:even",
        "ints:99999999999:even",
        "digits",
        "digits:gradient:all:1",
        "digits:gradient:coordinate:760",
        "digits:gradient:direction:x",
        "digits:preactivation:10",
        "normal:8",
        "",
        3,
    ],
)
def test_bad_names_are_refused_with_the_allowed_ones(name: object) -> None:
    with pytest.raises(ValueError, match=r"population .*allowed are ints:<N>:"):
        population(name)  # type: ignore[arg-type]


def test_constant_population_is_refused() -> None:
    with pytest.raises(ValueError, match="is constant"):
        population("digits:gradient:coordinate:0")


def test_scalar_and_integer_populations_are_checked() -> None:
    with pytest.raises(ValueError, match="N=9 but population 'ints:8:even' has 8"):
        populations.scalar_population("ints:8:even", 9)
    with pytest.raises(ValueError, match="holds vectors of 760"):
        populations.scalar_population("digits8:gradient:all")
    with pytest.raises(ValueError, match="not of integers"):
        populations.integer_population("digits8:preactivation:1")


def test_companions() -> None:
    assert companion("ints:8:even", "w") == "ints:8:even:w"
    assert companion("digits:gradient:direction:3", "v") == "digits:gradient:direction:4"
    assert companion("digits8:preactivation:3", "w") == "digits8:preactivation:5"
    for name, which in [("ints:8:even:v", "v"), ("digits:gradient:all", "v"), ("ints:8:even", "x")]:
        with pytest.raises(ValueError, match="companion"):
            companion(name, which)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ints:8:binary", "8 zeros and a quarter of ones"),
        ("ints:8:even:v", "companion v"),
        ("digits8:gradient:all", "all 760 coordinates"),
        ("digits8:gradient:coordinate:300", "coordinate 300"),
        ("digits8:gradient:direction:2", "unit direction 2"),
        ("digits8:preactivation:2", "hidden unit 2"),
    ],
)
def test_descriptions_are_plain_words(name: str, words: str) -> None:
    assert words in describe(name)
