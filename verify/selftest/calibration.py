"""How often the judge errs: measured at coarse levels by repetition, at the working level by change of measure.

The statistic is the squared error of a batch mean, without replacement, from the integers 0..N-1; its distribution is
enumerated, so data are drawn as counts and a run of a million replicates costs a few multinomial draws.

``python -m verify.selftest.calibration`` prints the table.
"""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from verify import plan
from verify.judge import Bet
from verify.plan import Claim, Plan

__all__ = ["Rate", "claim_for", "distribution", "false_refutations", "false_verifications", "main", "tail_refutation"]

_LOOKS = 24
_PER_PLAN = 200


@dataclass(frozen=True, slots=True)
class Rate:
    """How often something happened, with the exact upper 99 % limit of its probability (Clopper-Pearson)."""

    hits: int
    runs: int

    @property
    def share(self) -> float:
        """Observed frequency."""
        return self.hits / self.runs

    @property
    def upper(self) -> float:
        """Upper limit of the one-sided 99 % interval."""
        from scipy.stats import beta

        return 1.0 if self.hits == self.runs else float(beta.ppf(0.99, self.hits + 1, self.runs - self.hits))


def distribution(N: int = 12, B: int = 3) -> tuple[list[Fraction], list[Fraction]]:
    """Enumerate the squared error of a batch mean from 0..N-1.

    Returns
    -------
    (list of Fraction, list of Fraction)
        Values and their probabilities.
    """
    counts: dict[Fraction, int] = {}
    center = Fraction(N - 1, 2)
    for batch in itertools.combinations(range(N), B):
        value = (Fraction(sum(batch), B) - center) ** 2
        counts[value] = counts.get(value, 0) + 1
    total = sum(counts.values())
    return sorted(counts), [Fraction(counts[v], total) for v in sorted(counts)]


def claim_for(theta: Fraction, values: Sequence[Fraction], *, delta: float, alpha: float) -> Claim:
    """Return the claim that the mean is theta."""
    return Claim(str(theta), float(theta), {}, float(min(values)), float(max(values)), "1/36", delta, alpha)


def _mean(values: Sequence[Fraction], chances: Sequence[Fraction]) -> Fraction:
    return sum((v * p for v, p in zip(values, chances, strict=True)), Fraction(0))


def _returns(values: Sequence[Fraction], bets: Sequence[Bet]) -> np.ndarray:
    """Log-return of each bet at each value, shape (values, bets)."""
    x = np.array([float(v) for v in values])
    return np.array([np.log1p(bet.stake * (x - bet.mean)) for bet in bets]).T


def _mixture(logs: np.ndarray) -> np.ndarray:
    """Log of the average over the last axis."""
    top = logs.max(axis=-1, keepdims=True)
    return top[..., 0] + np.log(np.exp(logs - top).mean(axis=-1))


def _planned(theta: Fraction, delta: float, alpha: float, rng: np.random.Generator) -> tuple[Plan, np.ndarray]:
    values, chances = distribution()
    pilot = rng.choice([float(v) for v in values], size=plan.PILOT, p=[float(p) for p in chances])
    return plan.make(claim_for(theta, values, delta=delta, alpha=alpha), pilot), np.array([float(p) for p in chances])


def _first(theta: Fraction, delta: float, alpha: float, runs: int, what: str, rng: np.random.Generator) -> Rate:
    """Count the runs in which a verdict is reached at some look while the data follow the enumerated distribution."""
    values, _ = distribution()
    hits = done = 0
    while done < runs:
        planned, chances = _planned(theta, delta, alpha, rng)
        count = min(_PER_PLAN, runs - done)
        equal = _returns(values, [Bet(planned.claim.value, s) for s in planned.equal])
        sides = _returns(values, [planned.above, planned.below])
        counts = np.zeros((count, len(values)))
        ever = np.zeros(count, dtype=bool)
        for size in itertools.islice(plan.sizes(planned), _LOOKS):
            counts += rng.multinomial(size, chances, size=count)
            paid = _mixture(counts @ equal) if what == "refuted" else (counts @ sides).min(axis=1)
            ever |= paid >= -math.log(alpha)
        hits += int(ever.sum())
        done += count
    return Rate(hits, runs)


def false_refutations(alpha: float, runs: int, *, rng: np.random.Generator, delta: float = 0.05) -> Rate:
    """Count the runs of a true law that are ever refuted.

    Parameters
    ----------
    alpha : float
        Level of the cell.
    runs : int
        Number of runs, each with all looks.
    rng : Generator
        The stream.
    delta : float
        Tolerance of the plan.

    Returns
    -------
    Rate
    """
    return _first(_mean(*distribution()), delta, alpha, runs, "refuted", rng)


def false_verifications(alpha: float, runs: int, *, rng: np.random.Generator, delta: float = 0.05) -> Rate:
    """Count the runs ever verified although the claimed mean is exactly `delta` off the true one."""
    theta = _mean(*distribution()) / (1 + Fraction(str(delta)))
    return _first(theta, delta, alpha, runs, "verified", rng)


def tail_refutation(alpha: float, runs: int, *, rng: np.random.Generator, delta: float = 0.05) -> tuple[float, float]:
    """Return the probability that a true law is ever refuted, and its standard error, by exact change of measure.

    The wealth of a bet is the likelihood ratio of the tilted distribution ``p(v) (1 + b (v - theta))`` to p.  So the
    probability under p of ever reaching 1/alpha is the mean, under the mixture of the tilted distributions, of
    1/wealth at the first look that reaches it: every run counts, however small alpha is.

    Parameters
    ----------
    alpha : float
        Level; 1e-6 in the ledger.
    runs : int
        Number of runs.
    rng : Generator
        The stream.
    delta : float
        Tolerance of the plan.

    Returns
    -------
    tuple of float
        Estimate and standard error, in units of 1 (not of alpha).
    """
    values, chances = distribution()
    theta = _mean(values, chances)
    planned, p = _planned(theta, delta, alpha, rng)
    returns = _returns(values, [Bet(planned.claim.value, s) for s in planned.equal])
    tilted = p[:, None] * np.exp(returns)
    tilted /= tilted.sum(axis=0)
    weights = np.zeros(runs)
    for run in range(runs):
        component = run % len(planned.equal)
        counts = np.zeros(len(values))
        for size in itertools.islice(plan.sizes(planned), 200):
            counts += rng.multinomial(size, tilted[:, component])
            wealth = float(_mixture(counts @ returns))
            if wealth >= -math.log(alpha):
                weights[run] = math.exp(-wealth)
                break
    return float(weights.mean()), float(weights.std(ddof=1) / math.sqrt(runs))


def main() -> int:
    """Print the measured error rates; return 1 if one exceeds its level."""
    rng = np.random.default_rng(20261124)
    wrong = 0
    print(f"{'alpha':>8}{'false refutation':>20}{'upper 99 %':>14}{'false verification':>22}{'upper 99 %':>14}")
    for alpha, runs in ((0.05, 20_000), (0.01, 20_000)):
        a, b = false_refutations(alpha, runs, rng=rng), false_verifications(alpha, runs, rng=rng)
        wrong += a.upper > alpha or b.upper > alpha
        print(f"{alpha:8}{a.share:20.5f}{a.upper:14.5f}{b.share:22.5f}{b.upper:14.5f}")
    for alpha in (1e-3, 1e-6, 1e-9):
        estimate, error = tail_refutation(alpha, 1800, rng=rng)
        wrong += estimate - 3 * error > alpha
        print(f"{alpha:8}{estimate / alpha:14.3f} alpha +- {error / alpha:.3f} (change of measure)")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
