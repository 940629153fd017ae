"""The judge errs no more often than it says."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from verify import plan
from verify.judge import Bet, log_mixture, log_wealth
from verify.selftest import calibration
from verify.selftest.calibration import Rate


def test_a_true_law_is_refuted_less_often_than_alpha() -> None:
    rate = calibration.false_refutations(0.05, 3000, rng=np.random.default_rng(1))
    assert 0 < rate.hits and rate.upper < 0.05


def test_a_law_at_the_edge_of_its_tolerance_is_verified_less_often_than_alpha() -> None:
    rate = calibration.false_verifications(0.05, 3000, rng=np.random.default_rng(2))
    assert 0 < rate.hits and rate.upper < 0.05


def test_the_measurement_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    # A judge that bets on means 5 % off theta is refuted far more often than alpha although the law is true.
    honest = calibration.claim_for
    monkeypatch.setattr(calibration, "claim_for", lambda theta, values, **more: honest(
        theta * Fraction(105, 100), values, **more))
    assert calibration.false_refutations(0.05, 400, rng=np.random.default_rng(1)).share > 0.5


def test_the_error_at_the_working_level_by_change_of_measure() -> None:
    estimate, error = calibration.tail_refutation(1e-6, 360, rng=np.random.default_rng(3))
    assert 0 < estimate - 3 * error and estimate + 3 * error < 1e-6
    assert error < 0.1 * 1e-6


def test_the_fast_wealth_is_the_judges() -> None:
    values, chances = calibration.distribution()
    planned, _ = calibration._planned(sum(v * p for v, p in zip(values, chances, strict=True)), 0.05, 0.05,
                                      np.random.default_rng(0))
    counts = np.random.default_rng(4).multinomial(5000, [float(p) for p in chances])
    bets = [Bet(planned.claim.value, s) for s in planned.equal]
    fast = float(calibration._mixture(counts @ calibration._returns(values, bets)))
    x = np.array([float(v) for v in values])
    assert math.isclose(fast, log_mixture([log_wealth(x, counts, bet) for bet in bets]), rel_tol=1e-9, abs_tol=1e-9)


def test_the_distribution_is_enumerated() -> None:
    values, chances = calibration.distribution(4, 2)
    assert sum(chances) == 1 and values == [0, Fraction(1, 4), 1]
    assert chances == [Fraction(1, 3), Fraction(1, 3), Fraction(1, 3)]


def test_upper_limits() -> None:
    assert Rate(0, 100).upper == pytest.approx(1 - 0.01 ** (1 / 100), rel=1e-6)
    assert Rate(5, 5).upper == 1.0
    assert plan.ALPHA * 1000 <= plan.EDITION_ALPHA * (1 + 1e-12)
