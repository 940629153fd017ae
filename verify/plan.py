"""Plans: from a pilot to bets that are fixed before the counted data, and to the number of draws they need.

A plan is stored before the first counted draw.  It rests on the claimed mean, on the proved range of a replicate and on
a pilot of fixed size with a stream of its own; a poor pilot costs draws, never validity.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from verify import canonical
from verify.judge import CAP, Bet, stake_limits

__all__ = ["ALPHA", "EDITION_ALPHA", "PILOT", "Claim", "Plan", "RivalPlan", "hits", "in_units", "make", "sizes"]

ALPHA = 1e-6
"""Error rate of a cell, each way."""

EDITION_ALPHA = 1e-3
"""Error rate of a whole edition: the union bound over at most 1000 cells."""

PILOT = 1 << 14
"""Replicates of a pilot.

A quarter of it saw too little of the tail of a fourth power: its stakes were so large that one plan in fifteen spent
its budget without an answer; with this many none of 150 did.
"""

BUDGET = 3
"""A cell is given this many times the draws its plan asks for."""

SIGNIFICANT = 6
"""Digits of a bet: enough for its growth, few enough to be the same on every machine."""

_POWER_Z = 2.3263478740408408  # 99 % quantile: both tolerance bets have paid in time with probability 98 %
_LADDER = tuple(range(-2, 7))
_RIVAL_STEPS = (0.5, 1.0, 2.0)
_GRID = (-16.0, -8.0, -4.0, -2.0, -1.5, -1.25, -1.0, -0.75, -0.5, -0.25, 0.0,
         0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 4.0, 8.0, 16.0)
_FIRST = 1024
_LARGEST = 1 << 18
_CONSTANT_DRAWS = 1024


@dataclass(frozen=True, slots=True)
class Claim:
    """What is claimed of one cell before any draw.

    Parameters
    ----------
    theta : str
        The claimed mean, exact ("p/q") where the population is.
    value : float
        The same as a float.
    rivals : mapping of str to float or None
        Mean claimed by each rival; None where it has no value.
    low, high : float
        Proved range of a replicate.
    scale : str or None
        Replicates are integers times this fraction; None for floats.
    delta : float
        Relative tolerance.
    alpha : float
        Error rate.
    """

    theta: str
    value: float
    rivals: Mapping[str, float | None]
    low: float
    high: float
    scale: str | None
    delta: float
    alpha: float


@dataclass(frozen=True, slots=True)
class RivalPlan:
    """How a rival is tested at a cell.

    Parameters
    ----------
    value : float or None
        Its mean; None where it has no value.
    mean : float or None
        The mean bet against: its value, or just inside the range where that is an end of the range.
    case : {"bets", "same", "outside", "undefined"}
        Tested by bets; equal to the law here; outside the proved range, so wrong without a draw; without a value.
    resolved : bool
        It differs from the law by more than twice the tolerance.
    stakes : tuple of float
        A mixture of bets against "the mean is the rival's", aimed at the law's.
    planned : int or None
        Median number of draws that refute it if the law holds.
    """

    value: float | None
    mean: float | None
    case: str
    resolved: bool
    stakes: tuple[float, ...]
    planned: int | None


@dataclass(frozen=True, slots=True)
class Plan:
    """The bets of one cell and the draws they need.

    Parameters
    ----------
    claim : Claim
        What is claimed.
    case : {"bets", "constant", "rounding", "outside"}
        ``constant``: the claimed mean is an end of the range, so the law holds iff every replicate equals it;
        ``rounding``: float replicates whose whole proved range is rounding around the claimed mean;
        ``outside``: the claimed mean is outside the proved range.
    tolerance : float
        Largest difference called equal: ``delta |theta|``, or ``delta`` times the spread of a replicate if theta is 0.
    above, below : Bet
        The tolerance bets.
    equal : tuple of float
        Stakes of the mixture against theta.
    grid_above, grid_below : tuple of float
        Means against which blocks without a tally record the two tolerance stakes, for the bounds.
    rivals : mapping of str to RivalPlan
        By name.
    needed : int
        Draws after which both tolerance bets have paid with probability 98 %, if the law holds.
    first, largest : int
        Sizes of blocks, see `sizes`.
    """

    claim: Claim
    case: str
    tolerance: float
    above: Bet
    below: Bet
    equal: tuple[float, ...]
    grid_above: tuple[float, ...]
    grid_below: tuple[float, ...]
    rivals: Mapping[str, RivalPlan]
    needed: int
    first: int
    largest: int

    def payload(self) -> dict[str, Any]:
        """Return the plan as plain JSON types."""
        return {"kind": "plan", **canonical.loads(canonical.dumps(asdict(self)))}

    @classmethod
    def read(cls, payload: Mapping[str, Any]) -> Plan:
        """Return the plan of a stored payload."""
        fields = {k: v for k, v in payload.items() if k != "kind"}
        rivals = {name: RivalPlan(**{**r, "stakes": tuple(r["stakes"])}) for name, r in fields["rivals"].items()}
        return cls(**{**fields, "claim": Claim(**fields["claim"]), "above": Bet(**fields["above"]),
                      "below": Bet(**fields["below"]), "equal": tuple(fields["equal"]),
                      "grid_above": tuple(fields["grid_above"]), "grid_below": tuple(fields["grid_below"]),
                      "rivals": rivals})

    def bets(self) -> list[Bet]:
        """Return every bet of the plan in the order in which blocks without a tally record them."""
        theta = self.claim.value
        found = [self.above, self.below, *(Bet(theta, stake) for stake in self.equal)]
        for name in sorted(self.rivals):
            rival = self.rivals[name]
            found += [Bet(rival.mean, stake) for stake in rival.stakes if rival.mean is not None]
        found += [Bet(m, self.above.stake) for m in self.grid_above]
        found += [Bet(m, self.below.stake) for m in self.grid_below]
        return found


def sizes(plan: Plan) -> Iterator[int]:
    """Iterate over the sizes of blocks 0, 1, 2, ...: small first, so that an early refutation says how early it was."""
    size, total = plan.first, 0
    while True:
        yield size
        total += size
        size = min(plan.largest, total)


def make(claim: Claim, pilot: np.ndarray) -> Plan:
    """Plan a cell.

    Parameters
    ----------
    claim : Claim
        The claimed mean and the range.
    pilot : ndarray, shape (n,)
        Replicates that are not counted, in units of the statistic (integers already scaled).

    Returns
    -------
    Plan
        Bets, draws needed, sizes of blocks.
    """
    low, high = claim.low, claim.high
    case = _case(claim)
    tolerance = claim.delta * abs(claim.value) or claim.delta * _spread(pilot, claim.value)
    tolerance = tolerance or claim.delta * (high - low)
    if case == "bets":
        return _with_bets(claim, tolerance, np.asarray(pilot, dtype=np.float64))
    nothing = Bet(claim.value, 0.0)
    rivals = {name: _constant_rival(claim, value, tolerance) for name, value in claim.rivals.items()}
    needed = 0 if case == "outside" else _CONSTANT_DRAWS
    return Plan(claim, case, tolerance, nothing, nothing, (), (), (), rivals, needed, _CONSTANT_DRAWS, _CONSTANT_DRAWS)


def _spread(pilot: np.ndarray, center: float) -> float:
    return math.sqrt(float(np.mean((np.asarray(pilot, dtype=np.float64) - center) ** 2)))


def _case(claim: Claim) -> str:
    """Say how the claim can be tested at all; see `Plan`."""
    low, high, theta = claim.low, claim.high, claim.value
    if not low <= theta <= high:
        return "outside"
    if claim.scale is None:
        others = [abs(v) for v in claim.rivals.values() if v is not None]
        if high - low <= 1e-9 * max([abs(theta), *others]):
            return "rounding"
        return "bets" if low < theta < high else "constant"
    # Bounds of integer replicates are rounded outward by an ulp or two; the end itself is what counts.
    slack = 1e-12 * max(abs(low), abs(high), 1e-250)
    return "bets" if low + slack < theta < high - slack else "constant"


def _constant_rival(claim: Claim, value: float | None, tolerance: float) -> RivalPlan:
    """Test a rival where the law says that every replicate is the same number.

    Once every replicate has equalled theta, a rival with another mean is wrong: no bets are needed.
    """
    if value is None:
        return RivalPlan(None, None, "undefined", False, (), None)
    width = claim.high - claim.low
    if abs(value - claim.value) <= max(1e-12 * max(abs(value), abs(claim.value)), width if claim.scale is None else 0):
        return RivalPlan(value, None, "same", False, (), None)
    outside = not claim.low <= value <= claim.high
    resolved = outside or abs(value - claim.value) > 2 * tolerance
    return RivalPlan(value, None, "outside" if outside else "bets", resolved, (), 0 if outside else _CONSTANT_DRAWS)


def _round(number: float) -> float:
    return float(f"{number:.{SIGNIFICANT}g}")


def _moved(pilot: np.ndarray, mean: float, claim: Claim) -> np.ndarray:
    """Move the pilot to a mean, within the range: how data would look if that were the truth."""
    shifted = np.clip(pilot - pilot.mean() + mean, claim.low, claim.high)
    # What the range cuts off is made up by a pull towards one end; a mean outside the range becomes that end.
    center = float(shifted.mean())
    end = claim.high if mean > center else claim.low
    return shifted + min(1.0, (mean - center) / (end - center)) * (end - shifted) if mean != center != end else shifted


def _stake(sample: np.ndarray, mean: float, claim: Claim, *, positive: bool) -> float:
    """Return the stake of fastest growth on a sample, on one side and within the cap."""
    from scipy.optimize import brentq

    limit = stake_limits(mean, claim.low, claim.high, cap=CAP)[1 if positive else 0]
    gap = sample - mean

    def slope(share: float) -> float:
        return float(np.mean(gap / (1 + share * limit * gap))) * (1 if positive else -1)

    if slope(0.0) <= 0:
        return _round(limit * 1e-3)
    share = 1.0 if slope(1.0) >= 0 else float(brentq(slope, 0.0, 1.0, xtol=1e-9))
    return _round(limit * share)


def _growth(sample: np.ndarray, bet: Bet) -> tuple[float, float]:
    """Return mean and standard deviation of the log-return of a bet on a sample."""
    logs = np.log1p(bet.stake * (sample - bet.mean))
    return float(logs.mean()), float(logs.std())


def _draws(growth: float, spread: float, target: float, z: float) -> int:
    """Solve ``n growth - z sqrt(n) spread = target``."""
    if growth <= 0:
        return 10**15
    root = (z * spread + math.sqrt((z * spread) ** 2 + 4 * growth * target)) / (2 * growth)
    return min(10**15, math.ceil(root**2))


def _with_bets(claim: Claim, tolerance: float, pilot: np.ndarray) -> Plan:
    theta, low, high = claim.value, claim.low, claim.high
    here = _moved(pilot, theta, claim)
    # Where the range ends inside the tolerance, halfway to its end is a stricter claim that still can be bet on.
    lower, upper = max(theta - tolerance, (low + theta) / 2), min(theta + tolerance, (high + theta) / 2)
    above = Bet(lower, _stake(here, lower, claim, positive=True))
    below = Bet(upper, _stake(here, upper, claim, positive=False))
    equal = []
    for sign in (1, -1):
        for k in _LADDER:
            shifted = _moved(pilot, theta + sign * tolerance * 2.0**k, claim)
            equal.append(_stake(shifted, theta, claim, positive=sign > 0))
    target = -math.log(claim.alpha)
    needed = max(_draws(*_growth(here, bet), target, _POWER_Z) for bet in (above, below))
    rivals = {name: _rival(claim, value, tolerance, pilot, here) for name, value in claim.rivals.items()}
    first = max(64, min(_FIRST, 1 << (needed // 8).bit_length()))
    largest = max(first, min(_LARGEST, 1 << (needed // 8).bit_length()))
    grid = [m for m in (theta + tolerance * step for step in _GRID) if low < m < high]
    grid_above = tuple(m for m in grid if above.stake * (m - low) < 0.999)
    grid_below = tuple(m for m in grid if -below.stake * (high - m) < 0.999)
    return Plan(claim, "bets", tolerance, above, below, tuple(equal), grid_above, grid_below, rivals, needed,
                first, largest)


def _rival(claim: Claim, value: float | None, tolerance: float, pilot: np.ndarray, here: np.ndarray) -> RivalPlan:
    if value is None:
        return RivalPlan(None, None, "undefined", False, (), None)
    aim = claim.value - value
    if abs(aim) <= 1e-12 * max(abs(value), abs(claim.value)):
        return RivalPlan(value, None, "same", False, (), None)
    resolved = abs(aim) > 2 * tolerance
    # The range is proved: no mean outside it is possible, and one at its end would make every replicate constant.
    slack = 1e-9 * (claim.high - claim.low)
    if not claim.low - slack <= value <= claim.high + slack:
        return RivalPlan(value, None, "outside", True, (), 0)
    inside = min(max(value, claim.low + slack), claim.high - slack)
    stakes = tuple(_stake(_moved(pilot, inside + step * aim, claim), inside, claim, positive=aim > 0)
                   for step in _RIVAL_STEPS)
    target = math.log(len(stakes) / claim.alpha)
    planned = min(_draws(*_growth(here, Bet(inside, stake)), target, 0.0) for stake in stakes)
    return RivalPlan(value, inside, "bets", resolved, stakes, planned)


def in_units(replicates: np.ndarray, scale: str | None) -> np.ndarray:
    """Return replicates in units of the statistic as float64."""
    if scale is None:
        return np.asarray(replicates, dtype=np.float64)
    return np.asarray(replicates, dtype=np.float64) * float(Fraction(scale))


def hits(plan: Plan, names: Sequence[str]) -> int:
    """Return the draws that a cell is planned to take: to verify, and to refute the named rivals."""
    return max([plan.needed, *(plan.rivals[name].planned or 0 for name in names)])
