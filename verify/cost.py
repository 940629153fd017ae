"""What a run has still to do, in seconds: draws by probe and batch size, from the timings of pilots and blocks.

A cell that has been drawn tells its own cost.  One that has only a pilot tells it too, but the first pilot in a worker
also pays for loading data; so its rate is held against a power law in B through the pilots of the cells that differ
from it in B only, and the lower of the two counts.  Estimates decide the order of work under a budget and what the
user is told, never a verdict.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from verify import plan
from verify.channels.drawn import PLAN_BLOCK
from verify.store import Store
from verify.tasks import CellState

__all__ = ["Costs", "Estimate", "Forecast", "duration", "to_draw"]

_Family = tuple[tuple[str, str], ...]  # the probe and its parameters other than B


def to_draw(state: CellState) -> int:
    """Return the draws that a cell still needs by its plan, whole blocks.

    A cell that has used up what its plan asks for and is not done needs at least one block more.
    """
    if state.done or state.account is None or state.planned is None:
        return 0
    counted, total = state.account.n, 0
    target, largest = max(state.account.asked, counted + 1), state.planned.largest
    for size in plan.sizes(state.planned):
        total += size
        if total >= target or size == largest:
            break
    return total + math.ceil(max(0, target - total) / largest) * largest - counted


class Costs:
    """Seconds a draw, learned from timings."""

    def __init__(self) -> None:
        self._where: dict[str, tuple[_Family, int | None]] = {}
        self._drawn: dict[str, tuple[int, float]] = {}
        self._pilots: dict[str, float] = {}
        self._checks: dict[tuple[str, str], float] = {}
        self._fits: dict[_Family, tuple[float, float] | None] = {}

    def learn(self, state: CellState, timings: Iterable[tuple[int, int, float]]) -> None:
        """Take in timings of a drawn cell.

        Parameters
        ----------
        state : CellState
            The cell.
        timings : iterable of (int, int, float)
            Number, draws and seconds of each block; `PLAN_BLOCK` is the pilot.
        """
        cell = state.cell
        batch = cell.setting.get("B")
        family = tuple(sorted((name, str(value)) for name, value in cell.setting.items() if name != "B"))
        self._where[cell.id] = (family, batch if isinstance(batch, int) and batch > 0 else None)
        for block, draws, seconds in timings:
            if not seconds > 0:
                continue
            if block == PLAN_BLOCK:
                self._pilots[cell.id] = seconds / plan.PILOT
                self._fits.pop(family, None)
            elif draws > 0:
                n, spent = self._drawn.get(cell.id, (0, 0.0))
                self._drawn[cell.id] = (n + draws, spent + seconds)

    def learn_check(self, law: str, channel: str, seconds: float) -> None:
        """Take in what a check without draws took for a law; the latest of a law counts."""
        self._checks[law, channel] = seconds

    def check(self, state: CellState) -> float | None:
        """Return the seconds that a check without draws takes: as before for this law, else as for the median law."""
        law, channel = str(state.cell.record["law"]), state.cell.channel
        if (law, channel) in self._checks:
            return self._checks[law, channel]
        return median(others) if (others := [t for (_, c), t in self._checks.items() if c == channel]) else None

    def per_draw(self, state: CellState) -> float | None:
        """Return the seconds that a draw of a cell takes; None before anything of it has been timed."""
        cell = state.cell
        if cell.id in self._drawn:
            n, spent = self._drawn[cell.id]
            return spent / n
        if cell.id not in self._pilots:
            return None
        family, batch = self._where[cell.id]
        own, fit = self._pilots[cell.id], self._fit(family)
        if fit is None or batch is None:
            return own
        return min(own, math.exp(fit[0] + fit[1] * math.log(batch)))

    def _fit(self, family: _Family) -> tuple[float, float] | None:
        """Return (c, s) of the power law ``exp(c) B^s`` through the pilots of a family; None for fewer than three.

        Medians of slopes and levels, after Theil and Sen: a pilot that had to load its data does not move them.
        """
        if family not in self._fits:
            points = [(math.log(batch), math.log(self._pilots[cell])) for cell, (kin, batch) in self._where.items()
                      if kin == family and batch is not None and cell in self._pilots]
            slopes = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in itertools.combinations(points, 2) if a[0] != b[0]]
            steep = median(slopes) if slopes else 0.0
            self._fits[family] = (median(y - steep * x for x, y in points), steep) if len(points) >= 3 else None
        return self._fits[family]


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run has still to do, and how much of it a budget holds.

    Parameters
    ----------
    seconds : float
        Of the wall, for what has a known cost.
    cells, checks, laws : int
        Cells to draw, checks without draws, and the laws they belong to.
    unknown : int
        Cells and checks among them whose cost is not known.
    budget : float or None
        Seconds of the wall that are left.
    fit, fit_laws : int
        Cells and checks, and laws with all of theirs, that the budget holds, cheapest laws first.
    """

    seconds: float
    cells: int
    checks: int
    laws: int
    unknown: int
    budget: float | None
    fit: int
    fit_laws: int

    def words(self) -> str:
        """Say it in a sentence."""
        if not self.cells + self.checks:
            return "nothing is left to compute"
        both = [_count(n, word) for n, word in ((self.cells, "cell"), (self.checks, "check")) if n]
        said = f"left: {' and '.join(both)} of {_count(self.laws, 'law')}, about {duration(self.seconds)}"
        if self.unknown:
            said += f" and {self.unknown} of unknown cost"
        if self.budget is None:
            return said
        if self.unknown:
            return f"{said}; what the budget holds is told as soon as one check of each kind has been timed"
        left = f"what is left of the budget, {duration(self.budget)},"
        if self.fit == self.cells + self.checks:
            return f"{said}; {left} holds all of it"
        return (f"{said}; {left} holds about {self.fit} of {self.cells + self.checks} and completes "
                f"{_count(self.fit_laws, 'law')}; the rest stays open")


def _count(number: int, word: str) -> str:
    return f"{number} {word}" + ("" if number == 1 else "s")


def duration(seconds: float) -> str:
    """Return a duration in words: ``"40 s"``, ``"12 min"``, ``"3.1 h"``."""
    if seconds < 90:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


class Forecast:
    """The cost of what a run has still to do.

    Parameters
    ----------
    workers : int
        Blocks in work at once.

    Notes
    -----
    At first ``workers`` seconds of work are taken to pass in one of the wall; once blocks have come in, what this run
    has really managed counts.
    """

    def __init__(self, workers: int) -> None:
        self.costs = Costs()
        self._workers = workers
        self._begun: float | None = None
        self._worked = 0.0

    def recall(self, state: CellState, store: Store) -> None:
        """Take in what a store knows of the cost of a cell, or of an older version of a check."""
        cell = state.cell
        if cell.drawn:
            self.costs.learn(state, store.timings(cell.id))
            return
        law = str(cell.record["law"])
        for old, record in store.cells(law).items():
            if record["channel"] == cell.channel and record["probe"] == cell.record["probe"]:
                for _, _, seconds in store.timings(old):
                    self.costs.learn_check(law, cell.channel, seconds)

    def learn(self, state: CellState, result: Sequence[tuple[int, Mapping[str, object], float]]) -> None:
        """Take in what a task brought."""
        if state.cell.drawn:
            self.costs.learn(state, [(block, _draws(payload), seconds) for block, payload, seconds in result])
        else:
            self.costs.learn_check(str(state.cell.record["law"]), state.cell.channel, result[0][2])
        if self._begun is not None:
            self._worked += sum(seconds for _, _, seconds in result)

    def begin(self) -> None:
        """Start the clock against which the work is held."""
        self._begun, self._worked = time.monotonic(), 0.0

    def work(self, state: CellState) -> float | None:
        """Return the seconds of work that a cell still needs; None where nothing is known."""
        if state.done:
            return 0.0
        if not state.cell.drawn:
            return self.costs.check(state)
        draws, rate = to_draw(state), self.costs.per_draw(state)
        return None if rate is None else draws * rate

    def left(self, states: Sequence[CellState]) -> float:
        """Return the seconds of the wall that the cells still take, those without timings left out."""
        return sum(self.work(state) or 0.0 for state in states) * self._pace()

    def _pace(self) -> float:
        """Return seconds of the wall for a second of work."""
        if self._begun is None or self._worked < 1.0:
            return 1 / self._workers
        return max(time.monotonic() - self._begun, 1e-9) / self._worked

    def order(self, states: Sequence[CellState]) -> list[CellState]:
        """Return the cells with the cheapest laws first, each law whole: its checks, then its draws.

        So that a budget completes as many laws as it can; laws with something of unknown cost go last.
        """
        laws: dict[str, tuple[bool, float]] = {}
        for state in states:
            law, cost = str(state.cell.record["law"]), self.work(state)
            open_, so_far = laws.get(law, (False, 0.0))
            laws[law] = (open_ or cost is None, so_far + (cost or 0.0))
        return sorted(states, key=lambda s: (laws[str(s.cell.record["law"])], s.cell.record["law"], s.cell.drawn,
                                             self.work(s) or 0.0))

    def estimate(self, states: Sequence[CellState], budget: float | None = None) -> Estimate:
        """Return what is left, and what of it a budget holds.

        Parameters
        ----------
        states : sequence of CellState
            All cells of the run.
        budget : float, optional
            Seconds of the wall that are left.
        """
        open_ = self.order([state for state in states if not state.done])
        works, pace = [self.work(state) for state in open_], self._pace()
        spent, fit = 0.0, 0
        for work in works:
            spent += math.inf if work is None else work * pace
            if spent > (math.inf if budget is None else budget) or math.isinf(spent):
                break
            fit += 1
        laws = {str(state.cell.record["law"]) for state in open_}
        late = {str(state.cell.record["law"]) for state in open_[fit:]}
        drawn = sum(state.cell.drawn for state in open_)
        return Estimate(sum(work or 0.0 for work in works) * pace, drawn, len(open_) - drawn, len(laws),
                        works.count(None), budget, fit, len(laws - late))


def _draws(payload: Mapping[str, object]) -> int:
    n = payload.get("n", 0)
    return n if isinstance(n, int) else 0
