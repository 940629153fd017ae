"""The account of one cell: stored blocks in, verdict out, look by look."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from verify import canonical, judge, plan
from verify.plan import Plan
from verify.store import Record

__all__ = ["LIMITS", "Account", "Finding", "RivalFinding", "find"]

LIMITS = {"smoke": 2_000_000, "standard": 100_000_000, "deep": 10_000_000_000}
"""Most draws that a cell may plan in a profile; a costlier one is reported as inconclusive before any draw."""


@dataclass(frozen=True, slots=True)
class RivalFinding:
    """What the draws of one cell say of a rival."""

    value: float | None
    planned: int | None
    n: int | None
    log_wealth: float | None
    refuted: bool


@dataclass(frozen=True, slots=True)
class Finding:
    """What the draws of one cell say.

    Parameters
    ----------
    verdict : {"verified", "refuted", "inconclusive", "untested"}
        Of the law at this cell.
    grade : {"rigorous", "exact", "rounding"}
        Bets on bounded replicates; every replicate equals the claim; the same up to the proved rounding.
    n, planned : int
        Draws counted and planned.
    estimate, low, high : float or None
        Mean of the replicates and the means not ruled out at level alpha a side.
    log_wealth : mapping or None
        Of the bets ``above``, ``below`` and ``equal``.
    rivals : mapping of str to RivalFinding
        By name.
    final : bool
        Nothing more needs to be drawn.
    looks : int
        Blocks counted.
    reason : str
        Why it is not verified, in plain words.
    """

    verdict: str
    grade: str
    n: int
    planned: int
    estimate: float | None
    low: float | None
    high: float | None
    log_wealth: Mapping[str, float] | None
    rivals: Mapping[str, RivalFinding]
    final: bool
    looks: int
    reason: str


def find(planned: Plan, records: Mapping[int, Record], must: Sequence[str], *, profile: str) -> Finding:
    """Judge a cell on its stored blocks; see `Account`."""
    return Account(planned, must, profile=profile).feed(records)


def _plain(planned: Plan, verdict: str, n: int, looks: int, estimate: float | None, reason: str, *,
           final: bool = True, refuted: bool = False) -> Finding:
    """Return a finding that rests on no bets; `refuted` says that the data contradict every rival with another mean."""
    grade = {"constant": "exact", "rounding": "rounding"}.get(planned.case, "rigorous")
    rivals = {}
    for name, r in planned.rivals.items():
        out = r.case == "outside"
        gone = out or (refuted and r.case == "bets")
        rivals[name] = RivalFinding(r.value, r.planned, (0 if out else n) if gone else None, None, gone)
    theta = planned.claim.value if verdict == "verified" else None
    return Finding(verdict, grade, n, planned.needed, estimate, theta, theta, None, rivals, final, looks, reason)


class Account:
    """The running account of one cell.

    Parameters
    ----------
    planned : Plan
        The stored plan.
    must : sequence of str
        Rivals to refute before the cell is done; see `verify.channels.drawn.duties`.
    profile : str
        Sets the most draws that may be planned.

    Notes
    -----
    Looks are taken after each block, in order.  The first look at which the cell is done is final and later blocks are
    not counted: what is counted depends on the data alone, not on how many blocks an engine had in flight.
    """

    def __init__(self, planned: Plan, must: Sequence[str], *, profile: str) -> None:
        self.plan = planned
        self.must = tuple(must)
        self.asked = plan.hits(planned, must)
        self.limit = LIMITS[profile]
        self.profile = profile
        self.n = 0
        self.looks = 0
        self._sizes = plan.sizes(planned)
        self._final: Finding | None = None
        self._seen: dict[str, int] = {}
        self._hash = canonical.digest(planned.payload())
        self._threshold = -math.log(planned.claim.alpha)
        self._bets_placed = planned.bets()
        self._wealth: list[list[float]] = [[] for _ in self._bets_placed]
        self._sums: list[float] = []
        self._tally: dict[int, int] | None = {}
        self._refuted_at: dict[str, int] = {n: 0 for n, r in planned.rivals.items() if r.case == "outside"}

    def feed(self, records: Mapping[int, Record]) -> Finding:
        """Count the blocks that follow those counted so far, up to the first missing one, and say what they show."""
        c = self.plan.claim
        if self.plan.case == "outside":
            return _plain(self.plan, "refuted", 0, 0, None,
                          f"the claimed mean {c.value:.6g} lies outside the proved range [{c.low:.6g}, {c.high:.6g}] "
                          "of a replicate")
        if self.asked > self.limit:
            return _plain(self.plan, "inconclusive", 0, 0, None,
                          f"the plan asks for {self.asked:,} draws; profile {self.profile} allows {self.limit:,} "
                          "a cell")
        while self._final is None and self.n < plan.BUDGET * self.asked and self.looks in records:
            self._final = self._add(records[self.looks].payload, next(self._sizes), self.looks)
        return self._final or self._unfinished()

    def _add(self, payload: Mapping[str, Any], size: int, block: int) -> Finding | None:
        """Count a block; return the finding if it is final."""
        claim = self.plan.claim
        self.looks += 1
        if payload["kind"] == "out_of_range":
            return _plain(self.plan, "refuted", self.n, self.looks, None,
                          f"block {block} holds the replicate {payload['value']:.17g} outside the proved range "
                          f"[{claim.low:.17g}, {claim.high:.17g}]: the simulator or the bound is wrong")
        if payload["n"] != size:
            raise ValueError(f"block {block} holds {payload['n']} replicates where the plan has {size}")
        self.n += size
        twin = self._twin(payload, block)
        if twin is not None:
            return _plain(self.plan, "refuted", self.n, self.looks, None,
                          f"blocks {twin} and {block} hold the same data: a stream is used twice")
        return self._bets(payload) if self.plan.case == "bets" else self._constant(payload, block)

    def _twin(self, payload: Mapping[str, Any], block: int) -> int | None:
        """Return an earlier block with the same content, where chance cannot explain it.

        Twelve counts of at least 16 agree by chance with a probability below 1e-10.
        """
        if payload["kind"] == "tally" and sum(count >= 16 for count in payload["counts"]) < 12:
            return None
        if payload["kind"] == "sums" and payload["low"] == payload["high"]:
            return None
        earlier = self._seen.setdefault(canonical.digest(dict(payload)), block)
        return None if earlier == block else earlier

    def _constant(self, payload: Mapping[str, Any], block: int) -> Finding | None:
        claim = self.plan.claim
        if self.plan.case == "rounding":
            # The block was checked against the proved range, which is rounding around theta.
            return _plain(self.plan, "verified", self.n, self.looks, claim.value, "", refuted=True)
        if payload["kind"] == "tally":
            unit, theta = Fraction(claim.scale or 1), Fraction(claim.theta)
            odd = [float(v * unit) for v in payload["values"] if v * unit != theta]
        else:
            odd = [v for v in (payload["low"], payload["high"]) if v != claim.value]
        if odd:
            return _plain(self.plan, "refuted", self.n, self.looks, None,
                          f"the claimed mean {claim.theta} is an end of the range, so every replicate must equal it; "
                          f"block {block} holds {odd[0]:.17g}")
        if self.n >= self.plan.needed:
            return _plain(self.plan, "verified", self.n, self.looks, claim.value, "", refuted=True)
        return None

    def _bets(self, payload: Mapping[str, Any]) -> Finding | None:
        if payload["kind"] == "tally":
            unit = float(Fraction(self.plan.claim.scale or 1))
            values = np.asarray(payload["values"], dtype=np.float64) * unit
            counts = np.asarray(payload["counts"], dtype=np.float64)
            logs = [judge.log_wealth(values, counts, bet) for bet in self._bets_placed]
            self._sums.append(math.fsum((values * counts).tolist()))
            if self._tally is not None:
                for v, k in zip(payload["values"], payload["counts"], strict=True):
                    self._tally[v] = self._tally.get(v, 0) + k
        else:
            if payload["plan"] != self._hash:
                raise ValueError("a block was drawn under another plan than the stored one")
            logs = payload["wealth"]
            self._sums.append(payload["sum"])
            self._tally = None
        for account, value in zip(self._wealth, logs, strict=True):
            account.append(value)
        return self._look()

    def _logs(self) -> tuple[float, float, float, dict[str, float]]:
        logs = [math.fsum(account) for account in self._wealth]
        at = 2 + len(self.plan.equal)
        rivals = {}
        for name in sorted(self.plan.rivals):
            count = len(self.plan.rivals[name].stakes)
            if count:
                rivals[name] = judge.log_mixture(logs[at : at + count])
            at += count
        return logs[0], logs[1], judge.log_mixture(logs[2 : 2 + len(self.plan.equal)]), rivals

    def _look(self) -> Finding | None:
        above, below, equal, rivals = self._logs()
        for name, value in rivals.items():
            if value >= self._threshold:
                self._refuted_at.setdefault(name, self.n)
        if equal >= self._threshold:
            return self._finding("refuted", f"the mean is not {self.plan.claim.theta}: the bets against it paid "
                                 f"e^{equal:.1f}, more than 1/alpha = e^{self._threshold:.1f}", final=True)
        if min(above, below) >= self._threshold and all(name in self._refuted_at for name in self.must):
            return self._finding("verified", "", final=True)
        return None

    def _unfinished(self) -> Finding:
        """Return the finding when the blocks end before the cell is done."""
        spent, asked = self.n >= plan.BUDGET * self.asked, self.asked
        if self.plan.case != "bets" or self.n == 0:
            more = asked - self.n
            return _plain(self.plan, "untested" if self.n == 0 else "inconclusive", self.n, self.looks, None,
                          f"about {more:,} more draws needed", final=False)
        above, below, _, _ = self._logs()
        left = [name for name in self.must if name not in self._refuted_at]
        paid = min(above, below) >= self._threshold
        share = max(0.05, min(above, below)) / self._threshold
        more = max(asked - self.n, math.ceil(self.n * (1 / min(1.0, share) - 1)), 1)
        what = f"not yet refuted here: {', '.join(left)}; " if left else ""
        budget = "its budget of draws is spent; " if spent else ""
        return self._finding("verified" if paid and spent else "inconclusive",
                             f"{budget}{what}about {more:,} more draws needed", final=spent)

    def _finding(self, verdict: str, reason: str, *, final: bool) -> Finding:
        claim, planned = self.plan.claim, self.plan
        above, below, equal, rivals = self._logs()
        if self._tally is not None:
            values = np.asarray(sorted(self._tally), dtype=np.float64) * float(Fraction(claim.scale or 1))
            counts = np.asarray([self._tally[v] for v in sorted(self._tally)], dtype=np.float64)
            low, high = judge.bounds_from_values(values, counts, (planned.above.stake, planned.below.stake),
                                                 alpha=claim.alpha, low=claim.low, high=claim.high)
        else:
            logs = [math.fsum(account) for account in self._wealth]
            end = len(logs) - len(planned.grid_below)
            begin = end - len(planned.grid_above)
            low, high = judge.bounds_from_grid(
                (planned.grid_above, logs[begin:end]), (planned.grid_below, logs[end:]), alpha=claim.alpha,
                low=claim.low, high=claim.high)
        found = {name: RivalFinding(r.value, r.planned, self._refuted_at.get(name), rivals.get(name),
                                    name in self._refuted_at) for name, r in planned.rivals.items()}
        return Finding(verdict, "rigorous", self.n, planned.needed, math.fsum(self._sums) / self.n, low, high,
                       {"above": above, "below": below, "equal": equal}, found, final, self.looks, reason)
