r"""The judge: wealth of fixed bets on bounded replicates, and what it says of a claimed mean.

A bet with stake b against "the mean is m" multiplies its wealth by ``1 + b (x - m)`` at every replicate x.  If the
mean is m (or lies on the side the bet is placed against), the chance that wealth *ever* reaches 1/alpha is at most
alpha (after Ville 1939), whatever the number of looks.  The bets are fixed by the plan before the counted data, so
log-wealth is a sum over the data: blocks merge in any order, and a resumed run says what an unbroken one says.

Three sets of bets judge one cell, theta the claimed mean and ``tol`` the tolerance:

``above``  one bet against "mean <= theta - tol"
``below``  one bet against "mean >= theta + tol"
``equal``  a mixture of 18 bets against "mean = theta"

The claim is *verified* when both tolerance bets have paid 1/alpha at one look, *refuted* when the mixture has.
The scheme follows Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting" (2023).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["CAP", "Bet", "bounds_from_grid", "bounds_from_values", "log_mixture", "log_wealth", "stake_limits",
           "summed_log_wealth"]

CAP = 0.9
"""No bet stakes more than this share of what would ruin it: one replicate costs a factor 1 - CAP at worst."""

Grid = tuple[Sequence[float], Sequence[float]]

_GROUP = 8
_SLICE = 1 << 15


@dataclass(frozen=True, slots=True)
class Bet:
    """A stake against one mean.

    Parameters
    ----------
    mean : float
        The hypothesis "the mean is `mean`"; a positive stake also bets against every smaller mean, a negative one
        against every larger mean.
    stake : float
        In units of 1/x; see `stake_limits`.
    """

    mean: float
    stake: float


def stake_limits(mean: float, low: float, high: float, *, cap: float = CAP) -> tuple[float, float]:
    """Return the most negative and the most positive stake against a mean.

    Parameters
    ----------
    mean : float
        The hypothesis, strictly between `low` and `high`.
    low, high : float
        Range of a replicate.
    cap : float
        Share of the ruinous stake, in (0, 1).

    Returns
    -------
    tuple of float
        Wealth stays positive for every stake between them and every replicate in the range.

    Raises
    ------
    ValueError
        If the mean is outside the open range or `cap` outside (0, 1).
    """
    if not 0 < cap < 1:
        raise ValueError(f"cap = {cap} is not allowed: cap must lie strictly between 0 and 1")
    if not low < mean < high:
        raise ValueError(f"mean = {mean} is not allowed: it must lie strictly between {low} and {high}")
    return -cap / (high - mean), cap / (mean - low)


def log_wealth(values: np.ndarray, counts: np.ndarray, bet: Bet) -> float:
    """Return the log-wealth of a bet on a tally.

    Parameters
    ----------
    values, counts : ndarray, shape (k,)
        Distinct replicates and how often each occurred.
    bet : Bet
        The bet.

    Returns
    -------
    float
        ``sum counts log(1 + b (values - m))``, correctly rounded from its terms.

    Raises
    ------
    ValueError
        If the stake is ruinous for one of the values.
    """
    gain = bet.stake * (values - bet.mean)
    if len(gain) and gain.min() <= -1:
        raise ValueError(f"stake {bet.stake} against mean {bet.mean} is ruined by the replicate "
                         f"{values[int(np.argmin(gain))]}")
    return math.fsum((counts * np.log1p(gain)).tolist())


def summed_log_wealth(values: np.ndarray, bets: Sequence[Bet]) -> list[float]:
    """Return the log-wealth of each bet on single replicates, fast for many.

    Parameters
    ----------
    values : ndarray of float64, shape (n,)
        Replicates within the range for which the stakes were fixed.
    bets : sequence of Bet
        The bets.

    Returns
    -------
    list of float

    Notes
    -----
    The factors of eight replicates are multiplied before one logarithm is taken.  Each factor lies between
    ``1 - CAP`` and a ratio of the range, so the product neither underflows nor overflows for ranges below 1e30; it adds
    at most eight roundings of 1.1e-16 to each logarithm, 1e-9 in all for a million replicates, against thresholds
    near 14.
    """
    parts: list[list[float]] = [[] for _ in bets]
    for start in range(0, len(values), _SLICE):
        piece = values[start : start + _SLICE]
        whole = len(piece) // _GROUP * _GROUP
        grouped = piece[:whole].reshape(_GROUP, -1)
        rest = piece[whole:]
        for bet, sums in zip(bets, parts, strict=True):
            offset = 1.0 - bet.stake * bet.mean
            product = bet.stake * grouped[0] + offset
            for row in grouped[1:]:
                product *= bet.stake * row + offset
            sums.append(float(np.log(product).sum()))
            if len(rest):
                sums.append(float(np.log(bet.stake * rest + offset).sum()))
    return [math.fsum(sums) for sums in parts]


def log_mixture(logs: Sequence[float]) -> float:
    """Return the log-wealth of capital split evenly over bets."""
    top = max(logs)
    return top + math.log(math.fsum(math.exp(v - top) for v in logs) / len(logs))


def bounds_from_values(values: np.ndarray, counts: np.ndarray, stakes: tuple[float, float], *, alpha: float,
                       low: float, high: float) -> tuple[float, float]:
    """Return the means that two one-sided bets have not ruled out.

    Parameters
    ----------
    values, counts : ndarray
        Tally.
    stakes : (float, float)
        The planned positive and negative stake.
    alpha : float
        Level a side.
    low, high : float
        Range of a replicate; a bound is never outside it.

    Returns
    -------
    tuple of float
        Lower and upper bound, each right with probability at least ``1 - alpha``.
    """
    up, down = stakes
    threshold = -math.log(alpha)

    def excess(stake: float) -> Callable[[float], float]:
        return lambda m: log_wealth(values, counts, Bet(m, stake)) - threshold

    # A bet may be placed against m only while no replicate of the range, seen or not, could ruin it.
    lower = _crossing(excess(up), low, min(high, low + 0.999 / up))
    upper = _crossing(excess(down), high, max(low, high - 0.999 / -down))
    return lower, upper


def _crossing(excess: Callable[[float], float], start: float, end: float) -> float:
    """Return the last mean ruled out on the way from `start` to `end`; `start` if none is."""
    from scipy.optimize import brentq

    if excess(start) <= 0:
        return start
    if excess(end) >= 0:
        return end
    return float(brentq(excess, start, end, xtol=abs(end - start) * 1e-13))


def bounds_from_grid(above: Grid, below: Grid, *, alpha: float, low: float, high: float) -> tuple[float, float]:
    """Return the same bounds from log-wealths on grids of means, interpolated on the safe side.

    Parameters
    ----------
    above, below : (sequence of float, sequence of float)
        Increasing means, and the log-wealth against each, of the planned positive and of the negative stake.
    alpha, low, high
        As for `bounds_from_values`.

    Returns
    -------
    tuple of float

    Notes
    -----
    At a fixed stake log-wealth is concave in the mean, so a chord lies below it and its crossing of the threshold comes
    before the true one: the interval is never too short.
    """
    threshold = -math.log(alpha)

    def walk(means: Sequence[float], logs: Sequence[float], start: float) -> float:
        reached = start
        for i, (mean, value) in enumerate(zip(means, logs, strict=True)):
            if value < threshold:
                if i:
                    reached += (logs[i - 1] - threshold) / (logs[i - 1] - value) * (mean - reached)
                break
            reached = mean
        return reached

    lower = walk(above[0], above[1], low)
    upper = walk(below[0][::-1], below[1][::-1], high)
    return lower, upper
