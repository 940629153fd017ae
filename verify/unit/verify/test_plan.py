"""Plans: cases, bets within their limits, and draws predicted against draws taken."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest

from verify import canonical, plan
from verify.judge import Bet, log_mixture, log_wealth
from verify.plan import Claim, Plan

VALUES = np.array([0.0, 1.0, 2.0, 9.0])
CHANCES = np.array([0.4, 0.3, 0.2, 0.1])
THETA = 1.6


def _claim(theta: float = THETA, *, delta: float = 0.1, rivals: dict[str, float | None] | None = None,
           low: float = 0.0, high: float = 9.0, scale: str | None = "1") -> Claim:
    return Claim(str(Fraction(theta).limit_denominator(1000)), theta, rivals or {}, low, high, scale, delta, 1e-6)


def _pilot(seed: int = 0, n: int = plan.PILOT) -> np.ndarray:
    return np.random.default_rng(seed).choice(VALUES, size=n, p=CHANCES)


def test_a_plan_survives_its_json() -> None:
    made = plan.make(_claim(rivals={"a": 2.0, "none": None, "far": 50.0}), _pilot())
    text = canonical.dumps(made.payload())
    assert Plan.read(canonical.loads(text)) == made
    assert canonical.dumps(Plan.read(canonical.loads(text)).payload()) == text


def test_no_planned_bet_can_be_ruined() -> None:
    made = plan.make(_claim(rivals={"a": 2.0, "b": 0.1, "end": 9.0}), _pilot())
    for bet in made.bets():
        assert min(1 + bet.stake * (x - bet.mean) for x in (0.0, 9.0)) > 0


def test_bets_point_the_right_way() -> None:
    made = plan.make(_claim(rivals={"large": 2.5, "small": 1.0}), _pilot())
    assert made.above.mean == pytest.approx(1.44) and made.above.stake > 0
    assert made.below.mean == pytest.approx(1.76) and made.below.stake < 0
    assert [s > 0 for s in made.equal] == [True] * 9 + [False] * 9
    assert all(s < 0 for s in made.rivals["large"].stakes) and all(s > 0 for s in made.rivals["small"].stakes)


def test_a_pilot_far_from_the_claim_costs_draws_only() -> None:
    made = plan.make(_claim(), np.full(plan.PILOT, 9.0))
    assert made.case == "bets" and 0 < made.needed < 10**9
    assert all(min(1 + b.stake * (x - b.mean) for x in (0.0, 9.0)) > 0 for b in made.bets())


def _first_look(made: Plan, bets: list[Bet], target: float, seed: int, *, mixture: bool) -> int:
    """Draw until the bets pay; return the number of draws, counted in steps of 1 percent."""
    rng, n, counts = np.random.default_rng(seed), 0, np.zeros(4)
    while n < 10**7:
        step = max(64, n // 100)
        counts += rng.multinomial(step, CHANCES)
        n += step
        logs = [log_wealth(VALUES, counts, bet) for bet in bets]
        if (log_mixture(logs) if mixture else min(logs)) >= target:
            return n
    return n


@pytest.mark.parametrize("factor", [0.8, 1.25])
def test_a_false_claim_is_refuted_about_as_soon_as_its_best_bet_allows(factor: float) -> None:
    made = plan.make(_claim(THETA * factor), _pilot())
    bets = [Bet(made.claim.value, stake) for stake in made.equal]
    growth = max(float(CHANCES @ np.log1p(bet.stake * (VALUES - bet.mean))) for bet in bets)
    taken = [_first_look(made, bets, math.log(1e6), seed, mixture=True) for seed in range(30)]
    assert 0.4 < np.median(taken) / (math.log(18e6) / growth) < 1.4
    relvar_over_gap = float(CHANCES @ (VALUES - THETA) ** 2) / (THETA * (factor - 1)) ** 2
    assert np.median(taken) < 2 * math.log(18e6) * 2 * relvar_over_gap


def test_the_draws_to_verify_are_a_98_percent_quantile() -> None:
    made = plan.make(_claim(), _pilot())
    taken = [_first_look(made, [made.above, made.below], math.log(1e6), seed, mixture=False) for seed in range(60)]
    within = sum(n <= made.needed for n in taken)
    # P(at most 53 of 60 | 0.98) < 1e-4, and a plan three times too generous is caught by the median.
    assert within >= 54 and np.median(taken) > made.needed / 3


@pytest.mark.parametrize("value", [1.2, 2.0, 1.9])
def test_the_draws_to_refute_a_rival_are_a_median(value: float) -> None:
    made = plan.make(_claim(rivals={"r": value}), _pilot())
    rival = made.rivals["r"]
    bets = [Bet(value, stake) for stake in rival.stakes]
    taken = [_first_look(made, bets, math.log(1e6), seed, mixture=True) for seed in range(40)]
    assert rival.planned is not None
    assert 0.5 < np.median(taken) / rival.planned < 1.5


@pytest.mark.parametrize(("theta", "low", "high", "scale", "case"), [
    (1.6, 0.0, 9.0, "1", "bets"), (0.0, 0.0, 0.0, "1", "constant"), (0.0, 0.0, 5.0, "1", "constant"),
    (5.0, 0.0, np.nextafter(5.0, 6), "1", "constant"), (0.0, -2.0, 2.0, "1", "bets"), (7.0, 0.0, 5.0, "1", "outside"),
    (0.0, 0.0, 1e-29, None, "rounding"), (2.0, 2 - 1e-12, 2 + 1e-12, None, "rounding"), (0.5, 0.0, 1.0, None, "bets"),
])
def test_cases(theta: float, low: float, high: float, scale: str | None, case: str) -> None:
    claim = _claim(theta, low=low, high=high, scale=scale, rivals={"other": 3.5})
    made = plan.make(claim, np.clip(_pilot(), low, high))
    assert made.case == case
    assert Plan.read(made.payload()) == made


def test_a_claim_of_zero_has_a_tolerance_in_units_of_the_spread() -> None:
    pilot = np.where(np.arange(plan.PILOT) % 2, 1.0, -1.0)
    made = plan.make(_claim(0.0, low=-2.0, high=2.0), pilot)
    assert made.tolerance == pytest.approx(0.1) and made.above.mean == pytest.approx(-0.1)


def test_the_tolerance_bets_stay_inside_a_narrow_range() -> None:
    made = plan.make(_claim(1.6, low=1.58, high=1.62, delta=0.1), np.full(plan.PILOT, 1.6))
    assert made.above.mean == pytest.approx(1.59) and made.below.mean == pytest.approx(1.61)


def test_rivals_are_sorted_by_what_can_be_told_of_them() -> None:
    rivals = {"same": THETA, "near": 1.7, "between": 1.85, "far": 2.0, "outside": 20.0, "below": -1.0,
              "undefined": None}
    made = plan.make(_claim(rivals=rivals), _pilot()).rivals
    assert {name: r.case for name, r in made.items()} == {
        "same": "same", "near": "bets", "between": "bets", "far": "bets", "outside": "outside", "below": "outside",
        "undefined": "undefined"}
    assert {name for name, r in made.items() if r.resolved} == {"far", "outside", "below"}
    assert made["outside"].planned == 0 and made["same"].planned is None


def test_blocks_grow_from_small_to_the_largest() -> None:
    made = plan.make(_claim(delta=0.02), _pilot())
    sizes = list(itertools.islice(plan.sizes(made), 12))
    assert sizes[:4] == [1024, 1024, 2048, 4096]
    assert max(sizes) == made.largest <= max(1024, made.needed // 4)


def test_hits_takes_the_dearest_duty() -> None:
    made = plan.make(_claim(rivals={"near": 1.65, "far": 2.0}), _pilot())
    assert plan.hits(made, ()) == made.needed
    assert plan.hits(made, ("near",)) == max(made.needed, made.rivals["near"].planned or 0)


def test_integers_are_scaled_and_floats_are_not() -> None:
    assert plan.in_units(np.array([2, 3]), "1/4").tolist() == [0.5, 0.75]
    assert plan.in_units(np.array([2.0, 3.0]), None).tolist() == [2.0, 3.0]
