"""What the driver keeps in mind: the state of each cell, groups of cells, and tasks in flight."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from verify import plan
from verify.account import Account, Finding
from verify.cells import Cell
from verify.channels import drawn
from verify.store import Record

if TYPE_CHECKING:
    from theory.law import Law

__all__ = ["CellState", "Group", "Task", "closure", "missing", "named"]


@dataclass(slots=True)
class CellState:
    """What the driver knows of one cell."""

    cell: Cell
    records: dict[int, Record]
    claim: plan.Claim | None = None
    planned: plan.Plan | None = None
    plan_hash: str = ""
    account: Account | None = None
    finding: Finding | None = None
    queue: Iterator[tuple[int, int]] | None = None
    ahead: int = 0
    flying: int = 0
    failed: bool = False

    @property
    def done(self) -> bool:
        """Whether nothing more is to be computed for the cell."""
        if self.failed:
            return True
        if not self.cell.drawn:
            return 0 in self.records
        if self.finding is not None:
            return self.finding.final
        record = self.records.get(drawn.PLAN_BLOCK)
        return record is not None and record.payload["kind"] == "out_of_range"


@dataclass(slots=True)
class Task:
    """A piece of work for a worker."""

    state: CellState
    content: dict[str, Any]
    draws: int = 0
    strikes: int = 0


@dataclass(slots=True)
class Group:
    """The drawn cells of one channel of one law: they share out the rivals among them."""

    law: Law
    channel: str
    states: list[CellState] = field(default_factory=list)
    open: bool = False


def missing(state: CellState) -> Iterator[tuple[int, int]]:
    """Iterate over (block, size) of the blocks of a cell that are not stored, up to its budget."""
    assert state.account is not None and state.planned is not None
    for block, size in enumerate(plan.sizes(state.planned)):
        if state.ahead >= plan.BUDGET * state.account.asked:
            return
        state.ahead += size
        if block not in state.records:
            yield block, size


def named(task: Task) -> str:
    """Name the piece of work of a task, for messages."""
    if task.content["kind"] != "draw":
        return {"plan": "pilot", "static": "static check"}[task.content["kind"]]
    first, last = task.content["blocks"][0][0], task.content["blocks"][-1][0]
    return f"block {first}" if first == last else f"blocks {first} to {last}"


def closure(asked: Sequence[Law], load: Callable[[str], Law]) -> list[Law]:
    """Return the laws and all they use, each once, used ones first."""
    out: dict[str, Law] = {}

    def visit(law: Law, above: tuple[str, ...]) -> None:
        if law.id in above:
            raise ValueError(f"laws use one another in a circle: {' -> '.join((*above, law.id))}")
        for name in law.uses:
            if name not in out:
                visit(load(name), (*above, law.id))
        out.setdefault(law.id, law)

    for law in asked:
        visit(law, ())
    return list(out.values())
