"""The driver: from laws to missing blocks, through an executor, into the store, until every cell has its verdict.

Only the driver writes.  It writes each result as it arrives, so that an interrupted run keeps what was computed, and it
reads verdicts from the same records that a later run would read: which engine ran, how many blocks were in flight and
how often the run was killed leave no trace in them.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import platform
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from verify import blocks, canonical, channels, cost, engines, ledger, plan
from verify.account import Account
from verify.cells import Cell, cells, profile_rank
from verify.channels import drawn
from verify.store import Record, Store
from verify.tasks import CellState, Group, Task, closure, missing, named

if TYPE_CHECKING:
    from theory.law import Law

__all__ = ["Evidence", "TaskFailed", "WorkerKilled", "environment", "verify"]

Evidence = dict[str, Any]
"""The ledger document of a law, see `verify.ledger`."""

Progress = Callable[[int, int, str], None]

_CHUNK = 1 << 17  # draws of one task: long enough to be worth sending, short enough to lose
_TRIES = 4  # a task that is in flight at this many deaths of the pool, the last time alone, is the one that kills


class TaskFailed(RuntimeError):
    """A task raised an error; everything else was computed and stored before this was raised.

    Attributes
    ----------
    evidence : tuple of dict
        What `verify` would have returned, with the failed cells untested or unfinished.
    """

    evidence: tuple[Evidence, ...] = ()


class WorkerKilled(RuntimeError):
    """A task kills its worker every time."""


def environment() -> dict[str, str]:
    """Return the versions that go with every record."""
    found = {"python": platform.python_version()}
    for name in ("numpy", "scipy", "sympy", "batchlaws"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def verify(ids: Sequence[str], *, profile: str = "standard", store: Path | str, engine: str = "processes",
           jobs: int | None = None, salt: str = "", budget: float | None = None, progress: Progress | None = None,
           announce: Callable[[cost.Estimate], None] | None = None, probes: str = "sim.probes",
           populations: str = "sim.populations", laws: str = "theory.laws") -> tuple[Evidence, ...]:
    """Compute what is missing for the verdict of laws, and return their evidence.

    Parameters
    ----------
    ids : sequence of str
        Law ids; the laws they use are computed too.
    profile : {"smoke", "standard", "deep"}
        Which experiments.
    store : path-like
        The SQLite file; made if it is not there.
    engine : str
        A name of `verify.engines`.
    jobs : int, optional
        Workers; default one for each core.
    salt : str
        Another salt, other draws.
    budget : float, optional
        Seconds after which no new work is begun; what is missing is then reported as inconclusive.  Within it the
        cheapest laws come first.
    progress : callable, optional
        ``progress(done, total, text)``, in cells.
    announce : callable, optional
        Given what is left to draw, once, as soon as every plan is there.
    probes, populations, laws : str
        Modules of the house, by name.

    Returns
    -------
    tuple of dict
        One ledger document for each id, in the order given.

    Raises
    ------
    DesignError
        If no cell of a law can separate it from one of its rivals, before any draw.
    TaskFailed, WorkerKilled
        If a piece of work fails; the rest is stored.
    StoreError
        If the store cannot be used.
    ValueError
        For an unknown profile, engine or bad number.
    """
    profile_rank(profile)
    workers = engines.workers(engine, jobs)
    if budget is not None and not budget > 0:
        raise ValueError(f"budget = {budget} is not allowed: it must be a positive number of seconds")
    house = {"probes": probes, "populations": populations, "laws": laws}
    load = importlib.import_module(laws).load
    asked = [load(name) for name in ids]
    with Store(store) as opened:
        driver = _Driver(opened, profile, salt, house, engine, workers, budget, progress, announce)
        driver.gather(closure(asked, load))
        try:
            driver.run()
        except TaskFailed as failure:
            failure.evidence = ledger.evidences(asked, opened, profile=profile, salt=salt, **house)
            raise
        return ledger.evidences(asked, opened, profile=profile, salt=salt, **house)


class _Driver:
    """One run."""

    def __init__(self, store: Store, profile: str, salt: str, house: Mapping[str, str], engine: str, workers: int,
                 budget: float | None, progress: Progress | None,
                 announce: Callable[[cost.Estimate], None] | None) -> None:
        self.store, self.profile, self.salt, self.house = store, profile, salt, house
        self.engine, self.workers = engine, workers
        self.deadline = None if budget is None else time.monotonic() + budget
        self.progress, self.announce = progress, announce
        self.forecast = cost.Forecast(workers)
        self.planned, self.unknown = False, 0  # what was of unknown cost when last foreseen
        self.environment = environment()
        self.states: list[CellState] = []
        self.groups: list[Group] = []
        self.waiting: deque[Task] = deque()
        self.failures: list[tuple[str, Exception]] = []
        self.funerals = 0

    def gather(self, wanted: Sequence[Law]) -> None:
        """List what is missing; refuse a design that cannot do what it is for."""
        plans: list[Task] = []
        static: list[Task] = []
        for law in wanted:
            for cell in cells(law, profile=self.profile, salt=self.salt, **self.house):
                state = CellState(cell, self.store.records(cell.id))
                self.states.append(state)
                self.forecast.recall(state, self.store)
                if not cell.drawn:
                    if 0 not in state.records:
                        static.append(Task(state, self._static(cell)))
                    continue
                self._group(law, cell).states.append(state)
                task = self._planning(law, state)
                if task is not None:
                    plans.append(task)
            for group in self.groups:
                if group.law is law and group.channel in channels.QUANTITATIVE:
                    self._check_design(group)
        self.waiting.extend([*plans, *static])

    def _group(self, law: Law, cell: Cell) -> Group:
        for group in self.groups:
            if group.law is law and group.channel == cell.channel:
                return group
        self.groups.append(Group(law, cell.channel))
        return self.groups[-1]

    def _static(self, cell: Cell) -> dict[str, Any]:
        return {"kind": "static", "channel": cell.channel, "law": cell.record["law"], "laws": self.house["laws"],
                "part": cell.part, "setting": dict(cell.setting), "populations": self.house["populations"]}

    def _planning(self, law: Law, state: CellState) -> Task | None:
        record = state.records.get(drawn.PLAN_BLOCK)
        if record is not None:
            if record.payload["kind"] == "plan":
                state.planned = plan.Plan.read(record.payload)
                state.claim = state.planned.claim
            return None
        state.claim = drawn.claim(law, state.cell, self.house["probes"])
        return Task(state, {"kind": "plan", "cell": state.cell.id, "setting": dict(state.cell.setting),
                             "probes": self.house["probes"], "claim": asdict(state.claim),
                             "block": drawn.PLAN_BLOCK})

    def _check_design(self, group: Group) -> None:
        """Require for every rival of every tested part a cell that separates it from the law, in some profile."""
        told = {(s.cell.part, name) for s in group.states if s.claim for name in s.claim.rivals
                if drawn.separates(s.claim, name)}
        for part in dict.fromkeys(s.cell.part for s in group.states):
            for rival in group.law.part(part).rivals:
                if (part, rival.name) in told or self._told_by_longer_profile(group, part, rival.name):
                    continue
                raise drawn.DesignError(
                    f"{group.law.id}, part {part}: no {group.channel} cell separates the rival {rival.name!r} from the "
                    "law by more than twice its tolerance; take a smaller batch, population or delta")

    def _told_by_longer_profile(self, group: Group, part: str, rival: str) -> bool:
        here = {s.cell.id for s in group.states}
        for cell in cells(group.law, profile="deep", salt=self.salt, **self.house):
            if cell.drawn and cell.channel == group.channel and cell.part == part and cell.id not in here:
                if drawn.separates(drawn.claim(group.law, cell, self.house["probes"]), rival):
                    return True
        return False

    def run(self) -> None:
        """Work until every cell is done, the budget is spent or a task has failed for good."""
        self._report("resumed" if any(s.records for s in self.states) else "begun")
        flying: dict[Future[blocks.Result], Task] = {}
        executor: Executor | None = None
        try:
            while True:
                self._open_groups()
                # A task that may be killing workers runs alone, so that its name is certain.
                alone = any(t.strikes >= _TRIES - 1 for t in (*flying.values(), *self.waiting))
                room = 1 if alone or self.workers == 1 else 2 * self.workers
                while len(flying) < room and not self._late():
                    task = self._next(alone)
                    if task is None:
                        break
                    executor = executor or engines.executor(self.engine, self.workers)
                    try:
                        flying[executor.submit(blocks.perform, task.content)] = task
                    except BrokenExecutor:
                        self.waiting.appendleft(task)
                        break
                if not flying:
                    if executor is not None and self.waiting and not self._late():
                        executor = self._buried(executor, [])
                        continue
                    break
                finished, _ = wait(flying, return_when=FIRST_COMPLETED)
                lost = [task for task in (self._arrived(f, flying.pop(f)) for f in finished) if task is not None]
                if lost:
                    for future in list(flying):
                        task = flying.pop(future)
                        if future.done() and self._arrived(future, task) is None:
                            continue
                        lost.append(task)
                    executor = self._buried(executor, lost)
        except BaseException:
            for future, task in flying.items():
                if future.done() and not future.cancelled() and future.exception() is None:
                    self._keep(task, future.result())
            _kill(executor)
            raise
        if executor is not None:
            executor.shutdown(wait=True)
        self._report("done")
        if self.failures:
            label, problem = self.failures[0]
            more = f" (and {len(self.failures) - 1} more)" if len(self.failures) > 1 else ""
            raise TaskFailed(f"{label}: {type(problem).__name__}: {problem}{more}") from problem

    def _late(self) -> bool:
        return self.deadline is not None and time.monotonic() >= self.deadline

    def _buried(self, executor: Executor | None, lost: Sequence[Task]) -> Executor:
        """Replace a broken executor; its tasks wait again, with a strike each."""
        self.funerals += 1
        if self.funerals > 4 * _TRIES:
            raise WorkerKilled(f"engine {self.engine}: its workers died {self.funerals} times without finishing a task")
        for task in lost:
            task.strikes += 1
            if task.strikes >= _TRIES and len(lost) == 1:
                raise WorkerKilled(f"{task.state.cell.label}, {named(task)}: the worker was killed {task.strikes} "
                                   "times while it ran this; memory or a crash in a library are the usual reasons")
        self.waiting.extendleft(sorted(lost, key=lambda t: t.strikes))
        _kill(executor)
        return engines.executor(self.engine, self.workers)

    def _open_groups(self) -> None:
        """Share out the rivals of a group once all its plans are there; then its cells can be drawn."""
        for group in self.groups:
            if group.open or any(s.planned is None and not s.done for s in group.states):
                continue
            group.open = True
            planned = {s.cell.id: (s.cell.part, s.planned) for s in group.states if s.planned is not None}
            must = channels.duties(group.channel, planned)
            for s in group.states:
                if s.planned is not None:
                    s.account = Account(s.planned, must[s.cell.id], profile=self.profile)
                    s.finding = s.account.feed(s.records)
                    s.plan_hash = canonical.digest(s.planned.payload())
                    s.queue = missing(s)
        if not self.planned and all(group.open for group in self.groups):
            self.planned = True
            self._foresee()
            self.forecast.begin()

    def _foresee(self) -> None:
        """Say what is left to do; under a budget, put what it completes first."""
        left = None if self.deadline is None else max(0.0, self.deadline - time.monotonic())
        estimate = self.forecast.estimate(self.states, left)
        self.unknown = estimate.unknown
        if left is not None:
            self.states = self.forecast.order(self.states)
        if self.announce is not None:
            self.announce(estimate)

    def _next(self, alone: bool) -> Task | None:
        if self.waiting and (alone or self.deadline is None or not self.planned):
            return self.waiting.popleft()
        if alone:
            return None
        # Under a budget a law's checks wait for the law's turn, so that what is begun is also completed.
        waiting = {id(task.state): task for task in self.waiting}
        open_ = [s for s in self.states if not s.done and (s.queue is not None or id(s) in waiting)]
        # Fewest tasks in flight first; a cell draws beyond its plan only one task at a time.
        for state in sorted(open_, key=lambda s: s.flying):
            if id(state) in waiting:
                self.waiting.remove(waiting[id(state)])
                return waiting[id(state)]
            assert state.account is not None
            if state.flying and state.ahead >= state.account.asked:
                continue
            task = self._drawing(state)
            if task is not None:
                return task
        return None

    def _drawing(self, state: CellState) -> Task | None:
        assert state.queue is not None and state.account is not None and state.planned is not None
        chosen: list[tuple[int, int]] = []
        draws = 0
        for block, size in state.queue:
            chosen.append((block, size))
            draws += size
            if draws >= _CHUNK or state.ahead >= state.account.asked:
                break
        if not chosen:
            return None
        state.flying += 1
        return Task(state, {
            "kind": "draw", "cell": state.cell.id, "setting": dict(state.cell.setting), "probes": self.house["probes"],
            "plan": state.planned.payload(), "plan_hash": state.plan_hash, "blocks": chosen}, draws)

    def _arrived(self, future: Future[blocks.Result], task: Task) -> Task | None:
        """Store what a task brought; return the task if its worker died."""
        try:
            result = future.result()
        except BrokenExecutor:
            return task
        except Exception as problem:
            task.state.failed = True
            self.failures.append((f"{task.state.cell.label}, {named(task)}", problem))
            return None
        self.funerals = 0
        self._keep(task, result)
        return None

    def _keep(self, task: Task, result: blocks.Result) -> None:
        state = task.state
        self.store.put(state.cell.record, result, environment=self.environment)
        self.forecast.learn(state, result)
        for block, payload, _ in result:
            state.records[block] = Record(block, payload, self.environment)
        if task.content["kind"] == "plan" and result[0][1]["kind"] == "plan":
            state.planned = plan.Plan.read(result[0][1])
        elif task.content["kind"] == "draw":
            state.flying -= 1
            assert state.account is not None
            state.finding = state.account.feed(state.records)
        drawn_so_far = f": {state.account.n:,} draws" if state.account is not None else ""
        if self.planned and self.unknown and not self.forecast.estimate(self.states).unknown:
            self._foresee()
        self._report(f"{state.cell.label}{drawn_so_far}")

    def _report(self, text: str) -> None:
        if self.progress is not None:
            left = self.forecast.left(self.states) if self.planned else 0.0
            text = f"{cost.duration(left)} left, {text}" if left else text
            self.progress(sum(s.done for s in self.states), len(self.states), text)


def _kill(executor: Executor | None) -> None:
    """Drop an executor without waiting for what it still runs."""
    if executor is None:
        return
    stop: Callable[..., None] = executor.shutdown
    if type(executor).__module__.startswith("loky"):
        stop(wait=True, kill_workers=True)
    else:
        stop(wait=False, cancel_futures=True)
