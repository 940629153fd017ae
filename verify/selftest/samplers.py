"""The sampler's own laws: every item is drawn with probability B/N, every pair with B(B-1)/(N(N-1)).

A law of batch statistics is a poor judge of the sampler below it: a biased shuffle moves a variance by a fraction of a
percent.  Here each item, and each pair, has bets of its own; their wealths are averaged, which is valid although they
depend on one another.  Broken samplers must be caught and the honest one must not.

``python -m verify.selftest.samplers`` prints the table.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from verify.judge import CAP
from verify.plan import ALPHA

__all__ = ["FAULTY_SIZE", "HONEST", "MUTANTS", "Finding", "examine", "main", "table"]

Sampler = Callable[[int, int, int, np.random.Generator], np.ndarray]

_STEPS = tuple(2.0**-k for k in range(10))
_PAIRS_UP_TO = 80


@dataclass(frozen=True, slots=True)
class Finding:
    """What the batches of a sampler show.

    Parameters
    ----------
    broken : str
        A batch that is not a set of B of the N items, in words; empty if there is none.
    items, pairs : float or None
        Average log-wealth against the inclusion laws; None where it was not computed.
    n : int
        Batches.
    """

    broken: str
    items: float | None
    pairs: float | None
    n: int

    @property
    def caught(self) -> bool:
        """Whether the sampler is refuted at `verify.plan.ALPHA`, split over the two laws."""
        threshold = math.log(2 / ALPHA)
        return bool(self.broken) or any(w is not None and w >= threshold for w in (self.items, self.pairs))


def examine(sampler: Sampler, N: int, B: int, n: int, *, rng: np.random.Generator) -> Finding:
    """Hold a sampler without replacement against the inclusion laws.

    Parameters
    ----------
    sampler : callable
        ``sampler(N, B, n, rng)`` gives n batches, shape (n, B).
    N, B, n : int
        Population, batch size, batches.
    rng : Generator
        The stream.

    Returns
    -------
    Finding
    """
    batches = np.asarray(sampler(N, B, n, rng))
    broken = _broken(batches, N, B, n)
    if broken:
        return Finding(broken, None, None, n)
    member = np.zeros((n, N), dtype=np.float32)
    np.put_along_axis(member, batches, np.float32(1), axis=1)
    items = _wealth(np.rint(member.sum(axis=0, dtype=np.float64)), n, B / N)
    pairs = None
    if N <= _PAIRS_UP_TO and B > 1:
        # Sums of zeros and ones below 2^24 are exact in float32.
        together = np.zeros((N, N))
        for piece in np.array_split(member, -(-n // (1 << 23))):
            together += piece.T @ piece
        upper = np.triu_indices(N, k=1)
        pairs = _wealth(together[upper], n, B * (B - 1) / (N * (N - 1)))
    return Finding("", items, pairs, n)


def _broken(batches: np.ndarray, N: int, B: int, n: int) -> str:
    if batches.shape != (n, B):
        return f"shape {batches.shape} where ({n}, {B}) was asked for"
    if batches.min() < 0 or batches.max() >= N:
        return f"an index outside 0..{N - 1}"
    ordered = np.sort(batches, axis=1)
    repeated = (ordered[:, 1:] == ordered[:, :-1]).any(axis=1)
    if repeated.any():
        return f"batch {int(np.argmax(repeated))} repeats an item"
    return ""


def _wealth(counts: np.ndarray, n: int, p: float) -> float:
    """Return the log of the average wealth of bets against "probability p", over items, sizes and directions."""
    if p >= 1:
        return 0.0 if (counts == n).all() else math.inf
    logs = []
    for step in _STEPS:
        for sign in (1, -1):
            # The stake of fastest growth if the probability is p (1 + sign step), within the cap.
            stake = min(max(sign * step / (1 - p), -CAP / (1 - p)), CAP / p)
            logs.append(counts * math.log1p(stake * (1 - p)) + (n - counts) * math.log1p(-stake * p))
    stacked = np.array(logs)
    top = float(stacked.max())
    return top + math.log(float(np.exp(stacked - top).mean()))


def _honest(N: int, B: int, n: int, rng: np.random.Generator) -> np.ndarray:
    from sim import designs

    return designs.without_replacement(N, B, n, rng=rng)


def _naive_shuffle(N: int, B: int, n: int, rng: np.random.Generator) -> np.ndarray:
    """Swap every place with a place from all of them, not from those that are left."""
    order = np.tile(np.arange(N), (n, 1))
    rows = np.arange(n)
    for i in range(N):
        j = rng.integers(0, N, size=n)
        order[rows, i], order[rows, j] = order[rows, j], order[rows, i].copy()
    return order[:, :B]


def _modulo(N: int, B: int, n: int, rng: np.random.Generator) -> np.ndarray:
    """Take a random byte modulo what is left: small places come up more often."""
    order = np.tile(np.arange(N), (n, 1))
    rows = np.arange(n)
    for i in range(B):
        j = i + rng.integers(0, 256, size=n) % (N - i)
        order[rows, i], order[rows, j] = order[rows, j], order[rows, i].copy()
    return order[:, :B]


def _with_replacement(N: int, B: int, n: int, rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, N, size=(n, B))


def _last_never(N: int, B: int, n: int, rng: np.random.Generator) -> np.ndarray:
    return _honest(N - 1, B, n, rng)


def _one_short(N: int, B: int, n: int, rng: np.random.Generator) -> np.ndarray:
    return _honest(N, B - 1, n, rng)


def _neighbors(N: int, B: int, n: int, rng: np.random.Generator) -> np.ndarray:
    """Take B neighbors from a random place on: every item is right, no pair is."""
    return (rng.integers(0, N, size=(n, 1)) + np.arange(B)) % N


HONEST: Sampler = _honest
"""The simulator's own sampler."""

MUTANTS: Mapping[str, Sampler] = {
    "naive shuffle": _naive_shuffle,
    "modulo-biased index": _modulo,
    "with replacement": _with_replacement,
    "last item never drawn": _last_never,
    "one item short": _one_short,
    "neighbors": _neighbors,
}
"""Samplers with one fault each."""

FAULTY_SIZE = (48, 12)
"""Population and batch size at which the mutants are examined; 48 does not divide the 256 values of a byte."""

_SIZES = ((12, 4), (20, 7), (64, 3), (64, 32), (12, 12))


def table(n: int = 100_000, *, seed: int = 20261124) -> list[tuple[str, int, int, Finding]]:
    """Examine the honest sampler at several sizes and every mutant.

    Parameters
    ----------
    n : int
        Batches for each.
    seed : int
        Of the streams.

    Returns
    -------
    list of (name, N, B, Finding)
        The honest ones first.
    """
    streams = np.random.SeedSequence(seed).spawn(len(_SIZES) + len(MUTANTS))
    rows = []
    for (N, B), stream in zip(_SIZES, streams, strict=False):
        rows.append(("honest", N, B, examine(HONEST, N, B, n, rng=np.random.default_rng(stream))))
    for (name, sampler), stream in zip(MUTANTS.items(), streams[len(_SIZES):], strict=True):
        rows.append((name, *FAULTY_SIZE, examine(sampler, *FAULTY_SIZE, n, rng=np.random.default_rng(stream))))
    return rows


def main() -> int:
    """Print the table; return 1 if a mutant lives or the honest sampler is refuted."""
    wrong = 0
    print(f"{'sampler':24}{'N':>5}{'B':>5}{'batches':>10}{'items':>10}{'pairs':>10}  verdict")
    for name, N, B, f in table():
        wrong += f.caught == (name == "honest")
        shown = ["-" if w is None else f"{w:.1f}" for w in (f.items, f.pairs)]
        print(f"{name:24}{N:5}{B:5}{f.n:10,}{shown[0]:>10}{shown[1]:>10}  "
              f"{('refuted' + (': ' + f.broken if f.broken else '')) if f.caught else 'not refuted'}")
    print(f"log-wealth; refuted from {math.log(2 / ALPHA):.1f} on")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
