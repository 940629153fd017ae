"""Tasks: what is missing of a cell, and the names of pieces of work."""

from __future__ import annotations

import numpy as np
import pytest

from verify import plan
from verify.account import Account
from verify.cells import cells
from verify.channels import drawn
from verify.store import Record
from verify.tasks import CellState, Task, closure, missing, named
from verify.unit.verify.house import DRAWN, HOUSE, LAWS, NAME, draw, load


@pytest.fixture
def state() -> CellState:
    cell = cells(DRAWN, **HOUSE)[0]
    claim = drawn.claim(DRAWN, cell, NAME)
    pilot = draw(cell.setting, plan.PILOT, rng=np.random.default_rng(0))
    planned = plan.make(claim, plan.in_units(pilot, claim.scale))
    found = CellState(cell, {}, claim=claim, planned=planned)
    found.account = Account(planned, (), profile="standard")
    found.finding = found.account.feed({})
    return found


def test_all_blocks_of_the_budget_are_missing_at_first(state: CellState) -> None:
    assert state.account is not None
    blocks = list(missing(state))
    assert [block for block, _ in blocks] == list(range(len(blocks)))
    total = sum(size for _, size in blocks)
    assert plan.BUDGET * state.account.asked <= total < (plan.BUDGET + 1) * state.account.asked


def test_stored_blocks_are_not_missing(state: CellState) -> None:
    state.records = {k: Record(k, {}, {}) for k in (0, 1, 3)}
    assert [block for block, _ in missing(state)][:3] == [2, 4, 5]


def test_a_cell_is_done_when_its_finding_is_final_or_it_cannot_go_on(state: CellState) -> None:
    assert not state.done
    state.failed = True
    assert state.done
    state.failed, state.finding = False, None
    assert not state.done
    state.records = {drawn.PLAN_BLOCK: Record(drawn.PLAN_BLOCK, {"kind": "out_of_range"}, {})}
    assert state.done


@pytest.mark.parametrize(("content", "name"), [
    ({"kind": "plan"}, "pilot"), ({"kind": "static"}, "static check"),
    ({"kind": "draw", "blocks": [(3, 9)]}, "block 3"), ({"kind": "draw", "blocks": [(3, 9), (4, 9)]}, "blocks 3 to 4"),
])
def test_names(state: CellState, content: dict[str, object], name: str) -> None:
    assert named(Task(state, content)) == name


def test_laws_come_with_all_they_use_each_once_used_ones_first() -> None:
    found = closure([LAWS["toy.above"], LAWS["toy.drawn"], LAWS["toy.wrong"]], load)
    assert [law.id for law in found] == ["toy.wrong", "toy.above", "toy.drawn"]
    with pytest.raises(ValueError, match=r"toy\.circle -> toy\.circle"):
        closure([LAWS["toy.circle"]], load)
