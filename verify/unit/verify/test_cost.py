"""The cost of what is left: learned from pilots and blocks, told before it is spent."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from verify import cost, plan, run
from verify.account import Account
from verify.cells import cells
from verify.channels import drawn
from verify.store import Record, Store
from verify.tasks import CellState
from verify.unit.verify.house import DRAWN, HOUSE, NAME, TRUE, draw


@lru_cache(maxsize=1)
def _planned() -> tuple[Any, plan.Claim, plan.Plan]:
    cell = cells(DRAWN, **HOUSE)[0]
    claim = drawn.claim(DRAWN, cell, NAME)
    pilot = draw(cell.setting, plan.PILOT, rng=np.random.default_rng(0))
    return cell, claim, plan.make(claim, plan.in_units(pilot, claim.scale))


def state(number: int = 0, *, law: str = "toy.drawn", B: Any = 2) -> CellState:
    """Return an open cell with its plan, renamed so that there can be many of them."""
    cell, claim, planned = _planned()
    renamed = replace(cell, id=f"{law}-{number}", setting={**cell.setting, "B": B}, record={**cell.record, "law": law})
    found = CellState(renamed, {}, claim=claim, planned=planned)
    found.account = Account(planned, (), profile="standard")
    found.finding = found.account.feed({})
    return found


def check(law: str = "toy.drawn") -> CellState:
    """Return a check without draws that has not been run."""
    cell = next(cell for cell in cells(TRUE, **HOUSE) if not cell.drawn)
    return CellState(replace(cell, id=f"{law}-check", record={**cell.record, "law": law}), {})


def test_whole_blocks_are_to_be_drawn() -> None:
    s = state()
    asked, sizes = s.account.asked, []
    for size in plan.sizes(s.planned):
        sizes.append(size)
        if sum(sizes) >= asked:
            break
    assert cost.to_draw(s) == sum(sizes) >= asked
    s.account.n = sizes[0]
    assert cost.to_draw(s) == sum(sizes[1:])
    s.account.n = sum(sizes)  # all drawn and still not done: one block more
    assert cost.to_draw(s) > 0
    s.failed = True
    assert cost.to_draw(s) == 0


@pytest.mark.parametrize("asked", [1, 1024, 1025, 5000, 2**18, 2**19, 2**19 + 1, 10**7])
@pytest.mark.parametrize("counted", [0, 1024, 2**19])
def test_many_blocks_are_counted_as_few_are(asked: int, counted: int) -> None:
    s = state()
    s.account.asked, s.account.n = asked, counted
    total = 0
    for size in plan.sizes(s.planned):
        total += size
        if total >= asked and total > counted:
            break
    assert cost.to_draw(s) == total - counted


def test_own_blocks_count_before_the_pilot() -> None:
    costs, s = cost.Costs(), state()
    assert costs.per_draw(s) is None
    costs.learn(s, [(drawn.PLAN_BLOCK, 0, plan.PILOT * 1e-4)])
    assert costs.per_draw(s) == pytest.approx(1e-4)
    costs.learn(s, [(0, 1000, 0.02), (1, 1000, 0.04)])
    assert costs.per_draw(s) == pytest.approx(3e-5)


def test_a_pilot_that_loaded_its_data_is_held_against_the_others() -> None:
    costs, states = cost.Costs(), {B: state(B, B=B) for B in (1, 2, 4, 8, 16, 32)}
    for B, s in states.items():
        late = 3.0 if B == 2 else 0.0
        costs.learn(s, [(drawn.PLAN_BLOCK, 0, plan.PILOT * 1e-6 * B**0.5 + late)])
    for B, s in states.items():
        assert costs.per_draw(s) == pytest.approx(1e-6 * B**0.5, rel=0.01)


def test_two_pilots_give_no_law() -> None:
    costs, a, b = cost.Costs(), state(0, B=2), state(1, B=4)
    costs.learn(a, [(drawn.PLAN_BLOCK, 0, plan.PILOT * 3e-6)])
    costs.learn(b, [(drawn.PLAN_BLOCK, 0, plan.PILOT * 5e-6)])
    assert costs.per_draw(a) == pytest.approx(3e-6) and costs.per_draw(b) == pytest.approx(5e-6)


def test_a_check_costs_what_it_did_or_what_it_does_elsewhere() -> None:
    costs = cost.Costs()
    assert costs.check(check()) is None
    channel = check().cell.channel
    for law, seconds in (("a", 1.0), ("b", 2.0), ("c", 9.0)):
        costs.learn_check(law, channel, seconds)
    costs.learn_check("d", "another", 100.0)
    assert costs.check(check()) == 2.0
    costs.learn_check("toy.drawn", channel, 5.0)
    assert costs.check(check()) == 5.0


def forecast(workers: int = 2) -> tuple[cost.Forecast, list[CellState]]:
    """Return three laws: dear (two cells), cheap (one cell and a check), unknown."""
    found = cost.Forecast(workers)
    states = [state(0, law="dear"), state(1, law="dear"), state(2, law="cheap"), check("cheap"), state(3, law="new")]
    draws = cost.to_draw(states[0])
    for s, seconds in zip(states[:3], (50.0, 30.0, 4.0), strict=True):
        found.costs.learn(s, [(0, draws, seconds)])
    found.costs.learn_check("cheap", states[3].cell.channel, 6.0)
    return found, states


def test_cheap_laws_come_first_and_whole() -> None:
    found, states = forecast()
    assert [s.cell.id for s in found.order(states)] == ["cheap-check", "cheap-2", "dear-1", "dear-0", "new-3"]
    assert found.left(states) == pytest.approx((50 + 30 + 4 + 6) / 2)


@pytest.mark.parametrize(("budget", "fit", "laws"), [
    (1.0, 0, 0), (3.1, 1, 0), (5.1, 2, 1), (20.1, 3, 1), (45.1, 4, 2), (None, 4, 2), (1e9, 4, 2)])
def test_what_fits_a_budget(budget: float | None, fit: int, laws: int) -> None:
    found, states = forecast()
    told = found.estimate(states, budget)
    assert (told.fit, told.fit_laws) == (fit, laws)
    assert (told.cells, told.checks, told.laws, told.unknown) == (4, 1, 3, 1)
    assert told.seconds == pytest.approx(45)


def test_what_is_done_is_not_left() -> None:
    found, states = forecast()
    for s in states:
        s.failed = True
    assert found.left(states) == 0
    assert found.estimate(states).words() == "nothing is left to compute"


def test_the_pace_of_the_run_counts_once_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(cost.time, "monotonic", lambda: now[0])
    found, states = forecast(workers=4)
    before = found.left(states)
    found.begin()
    now[0] += 10.0
    found.learn(states[3], [(0, {"n": 0}, 5.0)])  # 5 seconds of work took 10 of the wall; the check cost 5, not 6
    assert before == pytest.approx(90 / 4)
    assert found.left(states) == pytest.approx(89 * 2)


@pytest.mark.parametrize(("told", "words"), [
    (cost.Estimate(45, 4, 1, 3, 0, None, 5, 3), "left: 4 cells and 1 check of 3 laws, about 45 s"),
    (cost.Estimate(900, 1, 0, 1, 0, 1e4, 1, 1),
     "left: 1 cell of 1 law, about 15 min; what is left of the budget, 2.8 h, holds all of it"),
    (cost.Estimate(900, 9, 0, 3, 0, 60, 4, 1),
     "left: 9 cells of 3 laws, about 15 min; what is left of the budget, 60 s, holds about 4 of 9 and completes 1 law; "
     "the rest stays open"),
    (cost.Estimate(2, 2, 3, 3, 3, 60, 0, 0),
     "left: 2 cells and 3 checks of 3 laws, about 2 s and 3 of unknown cost; what the budget holds is told as soon as "
     "one check of each kind has been timed"),
])
def test_words(told: cost.Estimate, words: str) -> None:
    assert told.words() == words


def _verify(tmp_path: Path, *ids: str, **more: Any) -> tuple[list[cost.Estimate], tuple[run.Evidence, ...]]:
    told: list[cost.Estimate] = []
    options = {"engine": "serial", "store": tmp_path / "s", "announce": told.append, **HOUSE, **more}
    found = run.verify(ids, **options)
    return told, found


def test_a_run_tells_what_is_left_before_it_draws_and_again_once_all_costs_are_known(tmp_path: Path) -> None:
    seen: list[str] = []
    told, _ = _verify(tmp_path, "toy.variance", progress=lambda done, total, text: seen.append(text))
    assert [(t.cells, t.unknown) for t in told] == [(3, 4), (3, 0)]
    assert told[0].seconds > 0 and told[1].seconds > 0 and told[0].budget is None
    assert any(re.match(r"[\d.e-]+ s left, toy", text) for text in seen)
    assert _verify(tmp_path, "toy.variance")[0][0].words() == "nothing is left to compute"


def test_costs_are_remembered_across_runs(tmp_path: Path) -> None:
    _verify(tmp_path, "toy.drawn")
    with Store(tmp_path / "s") as store:
        store._db.execute("DELETE FROM blocks WHERE block > 2")
    (told,), _ = _verify(tmp_path, "toy.drawn")
    assert told.cells >= 1 and told.unknown == 0 and told.seconds > 0


def test_the_foretold_seconds_are_those_that_are_spent(tmp_path: Path) -> None:
    (told, *_), _ = _verify(tmp_path, "toy.slow")  # every block sleeps for 20 ms: by its pilot a cell is slow too
    assert told.unknown == 0 and told.seconds > 0.005


def test_a_budget_completes_the_cheap_law_first(tmp_path: Path) -> None:
    order: list[str] = []

    def progress(done: int, total: int, text: str) -> None:
        found = re.search(r"toy\.\w+", text)
        if found and "draws" in text and not text.endswith(": 0 draws"):
            order.append(found[0])

    with_budget = tmp_path / "a"
    _verify(with_budget, "toy.slow", "toy.drawn", budget=1e6, progress=progress)
    assert order[0] == "toy.drawn" and list(dict.fromkeys(order)) == ["toy.drawn", "toy.slow"]
    order.clear()
    _verify(tmp_path / "b", "toy.slow", "toy.drawn", progress=progress)
    assert order[0] == "toy.slow"


def test_a_budget_changes_no_ledger(tmp_path: Path) -> None:
    assert _verify(tmp_path / "a", "toy.variance", "toy.drawn", budget=1e6)[1] == _verify(
        tmp_path / "b", "toy.variance", "toy.drawn")[1]


def test_draws_of_a_payload_without_a_count_are_none() -> None:
    found, s = cost.Forecast(1), state()
    found.learn(s, [(drawn.PLAN_BLOCK, {"kind": "plan"}, plan.PILOT * 1e-6), (0, {"kind": "tally", "n": 10}, 1e-3)])
    assert found.costs.per_draw(s) == pytest.approx(1e-4)
    assert found.work(s) == pytest.approx(cost.to_draw(s) * 1e-4)


@pytest.mark.parametrize(("seconds", "words"), [(0.5, "0.5 s"), (42.2, "42 s"), (120, "2 min"), (9000, "2.5 h")])
def test_duration(seconds: float, words: str) -> None:
    assert cost.duration(seconds) == words


def test_records_of_a_done_cell_cost_nothing() -> None:
    s = check()
    s.records = {0: Record(0, {}, {})}
    assert cost.Forecast(1).work(s) == 0.0
    assert math.isfinite(cost.Forecast(1).left([s]))
