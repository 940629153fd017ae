"""The judge: the identity that makes a bet fair, agreement of its two forms, and its bounds."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify import judge
from verify.judge import Bet

ALPHA = 1e-6


@given(st.lists(st.tuples(st.fractions(-5, 5, max_denominator=20), st.integers(1, 30)), min_size=2, max_size=6),
       st.fractions(-1, 1, max_denominator=50))
def test_a_bet_is_fair_if_the_mean_is_right(rows: list[tuple[Fraction, int]], share: Fraction) -> None:
    values = [v for v, _ in rows]
    total = sum(k for _, k in rows)
    mean = sum((v * Fraction(k, total) for v, k in rows), Fraction(0))
    stake = share / (max(values) - min(values) + 1)
    expected = sum((Fraction(k, total) * (1 + stake * (v - mean)) for v, k in rows), Fraction(0))
    assert expected == 1
    off = sum((Fraction(k, total) * (1 + stake * (v - mean - 1)) for v, k in rows), Fraction(0))
    assert (off == 1) == (stake == 0)


def test_log_wealth_is_the_logarithm_of_the_product() -> None:
    values, counts, bet = [Fraction(0), Fraction(1, 2), Fraction(3)], [5, 4, 2], Bet(0.75, 0.25)
    product = Fraction(1)
    for v, k in zip(values, counts, strict=True):
        product *= (1 + Fraction(1, 4) * (v - Fraction(3, 4))) ** k
    got = judge.log_wealth(np.array([float(v) for v in values]), np.array(counts), bet)
    assert math.isclose(got, math.log(product), rel_tol=1e-14)


@pytest.mark.parametrize("n", [1, 7, 8, 9, 1000, (1 << 15) + 5])
def test_single_replicates_and_tallies_give_the_same_wealth(n: int) -> None:
    rng = np.random.default_rng(n)
    x = rng.integers(0, 50, size=n) / 7
    values, counts = np.unique(x, return_counts=True)
    bets = [Bet(1.0, 0.3), Bet(3.3, -0.2), Bet(2.0, 0.0), Bet(3.5, 0.2571)]
    fast = judge.summed_log_wealth(x, bets)
    slow = [judge.log_wealth(values, counts, bet) for bet in bets]
    assert np.allclose(fast, slow, rtol=1e-12, atol=1e-12 * n)


def test_no_replicate_of_the_range_ruins_a_stake_within_its_limits() -> None:
    down, up = judge.stake_limits(2.0, -1.0, 11.0)
    for stake, x in itertools.product((down, up), (-1.0, 11.0)):
        assert 1 + stake * (x - 2.0) >= 0.1 - 1e-12
    assert math.isclose(1 + up * (-1.0 - 2.0), 0.1) and math.isclose(1 + down * (11.0 - 2.0), 0.1)


@pytest.mark.parametrize(("mean", "cap", "says"), [(0.0, 0.9, "mean = 0.0"), (1.0, 0.9, "mean = 1.0"),
                                                   (0.5, 1.0, "cap = 1.0"), (0.5, 0.0, "cap = 0.0")])
def test_stake_limits_refuse_what_cannot_be_bet_on(mean: float, cap: float, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        judge.stake_limits(mean, 0.0, 1.0, cap=cap)


def test_a_ruined_stake_is_an_error_that_names_the_replicate() -> None:
    with pytest.raises(ValueError, match=r"ruined by the replicate 9\.0"):
        judge.log_wealth(np.array([1.0, 9.0]), np.array([1, 1]), Bet(1.0, -0.125))


def test_the_mixture_is_the_average_of_wealths() -> None:
    assert math.isclose(judge.log_mixture([math.log(2), math.log(4), math.log(0.5)]), math.log(6.5 / 3))
    assert math.isclose(judge.log_mixture([1000.0, 0.0]), 1000 - math.log(2))


def _sample(n: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(5).binomial(6, 0.3, size=n) / 6
    return np.unique(x, return_counts=True)


def test_bounds_are_where_the_bets_reach_the_threshold() -> None:
    values, counts = _sample()
    low, high = judge.bounds_from_values(values, counts, (0.8, -0.8), alpha=ALPHA, low=0.0, high=1.0)
    assert math.isclose(judge.log_wealth(values, counts, Bet(low, 0.8)), -math.log(ALPHA), rel_tol=1e-6)
    assert math.isclose(judge.log_wealth(values, counts, Bet(high, -0.8)), -math.log(ALPHA), rel_tol=1e-6)
    mean = float((values * counts).sum() / counts.sum())
    assert 0.0 < low < mean < high < 1.0


def test_bounds_stay_at_the_range_while_nothing_is_ruled_out() -> None:
    values, counts = np.array([0.3]), np.array([1])
    assert judge.bounds_from_values(values, counts, (0.8, -0.8), alpha=ALPHA, low=0.0, high=1.0) == (0.0, 1.0)


def test_bounds_from_a_grid_enclose_the_exact_ones_closely() -> None:
    values, counts = _sample()
    exact = judge.bounds_from_values(values, counts, (0.8, -0.8), alpha=ALPHA, low=0.0, high=1.0)
    grid = [0.3 + k / 100 for k in range(-12, 13)]
    up = [judge.log_wealth(values, counts, Bet(m, 0.8)) for m in grid]
    down = [judge.log_wealth(values, counts, Bet(m, -0.8)) for m in grid]
    low, high = judge.bounds_from_grid((grid, up), (grid, down), alpha=ALPHA, low=0.0, high=1.0)
    assert low <= exact[0] and high >= exact[1]
    assert exact[0] - low < 1e-4 and high - exact[1] < 1e-4


def test_a_grid_that_rules_nothing_out_leaves_the_range() -> None:
    grid = ([0.2, 0.4], [1.0, 0.5])
    assert judge.bounds_from_grid(grid, grid, alpha=ALPHA, low=0.0, high=1.0) == (0.0, 1.0)
    assert judge.bounds_from_grid(([], []), ([], []), alpha=ALPHA, low=-1.0, high=1.0) == (-1.0, 1.0)
