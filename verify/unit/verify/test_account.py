"""The account of one cell: looks, verdicts, and what each kind of claim needs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from verify import blocks, canonical, plan
from verify.account import Account, Finding, find
from verify.judge import Bet, log_mixture, log_wealth
from verify.plan import Claim, Plan
from verify.store import Record

VALUES = np.array([0, 1, 2, 9])
CHANCES = np.array([0.4, 0.3, 0.2, 0.1])


def _plan(theta: float = 1.6, *, rivals: Mapping[str, float | None] | None = None, delta: float = 0.1,
          low: float = 0.0, high: float = 9.0, scale: str | None = "1") -> Plan:
    pilot = np.random.default_rng(0).choice(VALUES, size=plan.PILOT, p=CHANCES)
    claim = Claim(str(theta), theta, rivals or {}, low, high, scale, delta, 1e-6)
    return plan.make(claim, np.clip(pilot, low, high))


def _records(planned: Plan, count: int, *, mean_shift: float = 0.0, seed: int = 1, fix: int | None = None) -> \
        dict[int, Record]:
    rng, out = np.random.default_rng(seed), {}
    chances = CHANCES + mean_shift / 9 * np.array([-1, 0, 0, 1])
    for block, size in zip(range(count), plan.sizes(planned), strict=False):
        x = rng.choice(VALUES, size=size, p=chances) if fix is None else np.full(size, fix)
        x = x if planned.claim.scale else x.astype(float)
        payload = blocks.summarize(x, planned, canonical.digest(planned.payload()))
        out[block] = Record(block, payload, {})
    return out


def _find(planned: Plan, records: Mapping[int, Record], must: tuple[str, ...] = (), profile: str = "deep") -> \
        Finding:
    return find(planned, records, must, profile=profile)


@pytest.mark.parametrize("scale", ["1", None])
def test_a_true_claim_is_verified_inside_its_tolerance(scale: str | None) -> None:
    planned = _plan(scale=scale, rivals={"r": 2.0})
    found = _find(planned, _records(planned, 30), ("r",))
    assert found.verdict == "verified" and found.final and found.grade == "rigorous"
    assert found.n <= 3 * found.planned
    assert found.low is not None and found.high is not None and found.estimate is not None
    assert 1.44 <= found.low < found.estimate < found.high <= 1.76
    assert found.log_wealth is not None
    assert min(found.log_wealth["above"], found.log_wealth["below"]) >= math.log(1e6) > found.log_wealth["equal"]
    rival = found.rivals["r"]
    assert rival.refuted and rival.n is not None and rival.n <= found.n


def test_tallies_and_sums_reach_the_same_look() -> None:
    a, b = _plan(), _plan(scale=None)
    tallied, summed = _find(a, _records(a, 30)), _find(b, _records(b, 30))
    assert (tallied.n, tallied.verdict) == (summed.n, summed.verdict)
    assert tallied.log_wealth is not None and summed.log_wealth is not None
    assert tallied.log_wealth["equal"] == pytest.approx(summed.log_wealth["equal"], abs=1e-8)
    # The interpolated bounds are a little wider, never narrower.
    assert summed.low is not None and tallied.low is not None and tallied.low - 1e-3 < summed.low <= tallied.low
    assert summed.high is not None and tallied.high is not None and tallied.high <= summed.high < tallied.high + 1e-3


def test_a_false_claim_is_refuted_and_says_by_what() -> None:
    planned = _plan()
    found = _find(planned, _records(planned, 30, mean_shift=0.3))
    assert found.verdict == "refuted" and found.final
    assert "the mean is not 1.6" in found.reason
    before = _records(planned, found.looks - 1, mean_shift=0.3)
    assert not _find(planned, before).final
    assert found.log_wealth is not None
    earlier = _find(planned, before).log_wealth
    assert earlier is not None and earlier["equal"] < math.log(1e6) <= found.log_wealth["equal"]
    assert found.estimate == pytest.approx(1.9, abs=0.1)


def test_each_rival_has_its_own_account() -> None:
    planned = _plan(rivals={"a": 1.8, "b": 1.5, "outside": 30.0, "c": 1.55})
    records = _records(planned, 3)
    found = _find(planned, records)
    values = np.array(records[0].payload["values"], dtype=float)
    for name in ("a", "b", "c"):
        logs = [math.fsum(log_wealth(values, np.array(r.payload["counts"]), Bet(planned.rivals[name].value or 0, stake))
                          for r in records.values()) for stake in planned.rivals[name].stakes]
        assert found.rivals[name].log_wealth == pytest.approx(log_mixture(logs), rel=1e-9)
    assert found.rivals["outside"].refuted and found.rivals["outside"].n == 0


def test_a_block_of_another_size_is_an_error() -> None:
    planned = _plan()
    records = _records(planned, 3)
    records[2] = Record(2, {**records[2].payload, "n": 7}, {})
    with pytest.raises(ValueError, match="block 2 holds 7 replicates where the plan has 2048"):
        _find(planned, records)


def test_blocks_after_the_final_look_do_not_count() -> None:
    planned = _plan()
    records = _records(planned, 30)
    whole = _find(planned, records)
    short = {block: r for block, r in records.items() if block < whole.looks}
    assert whole.looks < 30 and _find(planned, short) == whole
    assert not _find(planned, {b: r for b, r in short.items() if b < whole.looks - 1}).final


def test_a_gap_ends_the_count() -> None:
    planned = _plan()
    records = _records(planned, 30)
    del records[2]
    found = _find(planned, records)
    assert found.looks == 2 and found.verdict == "inconclusive" and not found.final
    assert "more draws needed" in found.reason


def test_feeding_in_steps_is_feeding_at_once() -> None:
    planned = _plan(rivals={"r": 1.8})
    records = _records(planned, 30)
    account = Account(planned, ("r",), profile="deep")
    for block in range(30):
        stepwise = account.feed({b: r for b, r in records.items() if b <= block})
    assert stepwise == _find(planned, records, ("r",))


def test_a_duty_keeps_the_cell_going() -> None:
    planned = _plan(rivals={"near": 1.63})
    records = _records(planned, 60)
    free, bound = _find(planned, records), _find(planned, records, ("near",))
    assert free.verdict == "verified" and bound.n > free.n
    assert bound.rivals["near"].refuted or bound.verdict == "inconclusive"


def test_a_spent_budget_says_how_much_is_missing() -> None:
    planned = _plan()
    records = _records(planned, 40, mean_shift=0.155)  # almost at the edge: neither verified nor soon refuted
    found = _find(replace(planned, equal=(1e-9,)), records)
    assert found.verdict == "inconclusive" and found.final
    assert "its budget of draws is spent" in found.reason and "more draws needed" in found.reason


def test_a_plan_beyond_the_profile_is_inconclusive_before_any_draw() -> None:
    planned = replace(_plan(), needed=3_000_000)
    found = _find(planned, {}, profile="smoke")
    assert found.verdict == "inconclusive" and found.final and found.n == 0
    assert "asks for 3,000,000 draws; profile smoke allows 2,000,000" in found.reason
    assert _find(planned, {}, profile="standard").verdict == "untested"


def test_a_constant_claim_holds_only_if_every_replicate_equals_it() -> None:
    planned = _plan(0.0, high=5.0, rivals={"r": 2.0, "outside": 9.0})
    good = _find(planned, _records(planned, 1, fix=0))
    assert (good.verdict, good.grade, good.n) == ("verified", "exact", 1024)
    assert good.rivals["r"].refuted and good.rivals["outside"].n == 0
    bad = _find(planned, _records(planned, 1, fix=2))
    assert bad.verdict == "refuted" and "every replicate must equal it" in bad.reason


def test_a_claim_whose_range_is_rounding_is_verified_by_the_range() -> None:
    planned = _plan(0.0, low=0.0, high=1e-12, scale=None, rivals={"r": 1.0})
    x = np.full(1024, 3e-13)
    found = _find(planned, {0: Record(0, blocks.summarize(x, planned, ""), {})})
    assert (found.verdict, found.grade) == ("verified", "rounding") and found.rivals["r"].refuted
    worse = blocks.summarize(x + 1e-11, planned, "")
    assert _find(planned, {0: Record(0, worse, {})}).verdict == "refuted"


def test_a_claim_outside_the_range_is_refuted_without_a_draw() -> None:
    found = _find(_plan(20.0), {})
    assert found.verdict == "refuted" and found.final and "outside the proved range [0, 9]" in found.reason


def test_a_replicate_outside_the_range_refutes_with_its_value() -> None:
    planned = _plan()
    records = _records(planned, 2)
    records[1] = Record(1, {"kind": "out_of_range", "n": 1024, "value": 9.5, "low": 0.0, "high": 9.0}, {})
    found = _find(planned, records)
    assert found.verdict == "refuted" and "block 1 holds the replicate 9.5 outside" in found.reason


def test_a_block_drawn_under_another_plan_is_an_error() -> None:
    planned = _plan(scale=None)
    other = replace(planned, needed=planned.needed + 1)
    with pytest.raises(ValueError, match="under another plan"):
        _find(other, _records(planned, 1))


def test_the_same_block_twice_refutes() -> None:
    planned = _plan(scale=None)
    records = _records(planned, 2)
    records[1] = Record(1, records[0].payload, {})
    assert "blocks 0 and 1 hold the same data" in _find(planned, records).reason
