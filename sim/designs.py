"""Batch sampling: with and without replacement, reshuffled epochs, Poisson, stratified, class-pure, in parts.

Every sampler is exact: it uses whole random numbers only, so a uniform law on batches is uniform, not
uniform to 53 bits.  A batch without replacement is a *set*: the order of the indices within a row says
nothing and is not random.  Reshuffled epochs are ordered.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from operator import index as whole
from typing import Any

import numpy as np

from sim import subsets
from sim.subsets import smallest

__all__ = [
    "DESIGNS",
    "check_sizes",
    "class_pure",
    "draw",
    "micro_batches",
    "poisson",
    "reshuffled",
    "stratified",
    "with_replacement",
    "without_replacement",
]

LARGEST = 1 << 24
"""Largest population that is sampled: a batch takes memory in proportion to it."""

DESIGNS = ("wor", "wr")
"""Names of the designs `draw` knows: without and with replacement."""


def _whole(name: str, value: Any, low: int) -> int:
    if isinstance(value, (bool, np.bool_)):
        raise ValueError(f"{name} must be a whole number >= {low}, got {value!r}")
    try:
        number = whole(value)
    except TypeError:
        raise ValueError(f"{name} must be a whole number >= {low}, got {value!r}") from None
    if number < low:
        raise ValueError(f"{name} must be a whole number >= {low}, got {number}")
    return number


def check_sizes(N: int, B: int, design: str = "wor") -> tuple[int, int]:
    """Validate a population size and a batch size under a design.

    Parameters
    ----------
    N
        Population size, in 1..2^24.
    B
        Batch size, at least 1; at most `N` without replacement.
    design
        ``"wor"`` or ``"wr"``.

    Returns
    -------
    tuple of int
        `N` and `B` as Python integers.

    Raises
    ------
    ValueError
        Naming the value and what is allowed.
    """
    if design not in DESIGNS:
        raise ValueError(f"unknown design {design!r}: allowed are {', '.join(DESIGNS)}")
    N, B = _whole("population size N", N, 1), _whole("batch size B", B, 1)
    if N > LARGEST:
        raise ValueError(f"population size N must be at most 2^24 to be sampled, got {N}")
    if design == "wor" and B > N:
        raise ValueError(f"batch size {B} exceeds the {N} samples")
    return N, B


def with_replacement(N: int, B: int, n: int, *, rng: np.random.Generator) -> np.ndarray:
    """Draw `n` batches of `B` independent uniform indices.

    Parameters
    ----------
    N, B
        Population size and batch size, each at least 1.
    n
        Number of batches.
    rng
        The stream.

    Returns
    -------
    numpy.ndarray of int64, shape (n, B)
        The indices.
    """
    N, B = check_sizes(N, B, "wr")
    n = _whole("number of batches n", n, 0)
    return rng.integers(0, N, size=(B, n), dtype=smallest(N)).astype(np.int64).T


def without_replacement(N: int, B: int, n: int, *, rng: np.random.Generator) -> np.ndarray:
    """Draw `n` uniform batches of `B` distinct indices.

    Parameters
    ----------
    N, B
        Population size and batch size, ``1 <= B <= N``.
    n
        Number of batches.
    rng
        The stream.

    Returns
    -------
    numpy.ndarray of int64, shape (n, B)
        The batches as sets: the order within a row is arbitrary.

    Raises
    ------
    ValueError
        If ``B > N`` or a size is not a whole number.
    """
    N, B = check_sizes(N, B, "wor")
    n = _whole("number of batches n", n, 0)
    return subsets.uniform(N, B, n, rng=rng)


def draw(design: str, N: int, B: int, n: int, *, rng: np.random.Generator) -> np.ndarray:
    """Draw `n` batches under a design; probes take this function as their `sampler`.

    Parameters
    ----------
    design
        ``"wor"`` or ``"wr"``.
    N, B, n, rng
        As in `without_replacement` and `with_replacement`.

    Returns
    -------
    numpy.ndarray of int64, shape (n, B)
        The indices.
    """
    check_sizes(N, B, design)
    sampler = without_replacement if design == "wor" else with_replacement
    return sampler(N, B, n, rng=rng)


def reshuffled(N: int, B: int, n: int, *, rng: np.random.Generator) -> np.ndarray:
    """Draw `n` reshuffled epochs, each a uniform permutation cut into ``m = N / B`` batches.

    Parameters
    ----------
    N, B
        Population size and batch size; `B` divides `N`.
    n
        Number of epochs.
    rng
        The stream.

    Returns
    -------
    numpy.ndarray of int64, shape (n, m, B)
        The batches in order.

    Raises
    ------
    ValueError
        If `B` does not divide `N`.
    """
    N, B = check_sizes(N, B, "wor")
    n = _whole("number of epochs n", n, 0)
    if N % B:
        raise ValueError(f"batch size {B} does not divide the {N} samples of an epoch")
    order = np.repeat(np.arange(N, dtype=np.int64)[:, None], n, axis=1)
    _shuffle(order, rng=rng)
    return np.ascontiguousarray(order.T).reshape(n, N // B, B)


def _shuffle(order: np.ndarray, *, rng: np.random.Generator) -> None:
    """Permute each column of `order` uniformly, in place, after Fisher and Yates."""
    column, n = np.arange(order.shape[1]), order.shape[1]
    for last in range(len(order) - 1, 0, -1):
        other = rng.integers(0, last + 1, size=n)
        moved = order[other, column]
        order[other, column] = order[last]
        order[last] = moved


def poisson(N: int, q: Fraction | float, n: int, *, rng: np.random.Generator) -> np.ndarray:
    """Include each example independently with probability `q`.

    Parameters
    ----------
    N
        Population size, at least 1.
    q
        Probability in 0..1; a Fraction is exact, a float is taken as the dyadic rational it is.
    n
        Number of batches.
    rng
        The stream.

    Returns
    -------
    numpy.ndarray of bool, shape (n, N)
        True where the example is in the batch.

    Raises
    ------
    ValueError
        If `q` is outside 0..1 or its denominator is above 2^53.
    """
    N, _ = check_sizes(N, 1, "wr")
    n = _whole("number of batches n", n, 0)
    if not 0 <= q <= 1:
        raise ValueError(f"inclusion probability q must lie in 0..1, got {q}")
    chance = Fraction(q)
    if chance.denominator > 2**53:
        raise ValueError(f"inclusion probability q must have a denominator of at most 2^53, got {chance}")
    return rng.integers(0, chance.denominator, size=(n, N)) < chance.numerator


def stratified(sizes: Sequence[int], counts: Sequence[int], n: int, *, rng: np.random.Generator) -> np.ndarray:
    """Draw without replacement within each stratum; strata are consecutive ranges of indices.

    Parameters
    ----------
    sizes
        Number of examples in each stratum.
    counts
        Number drawn from each, ``1 <= counts[s] <= sizes[s]``.
    n
        Number of batches.
    rng
        The stream.

    Returns
    -------
    numpy.ndarray of int64, shape (n, sum(counts))
        The indices, stratum after stratum.

    Raises
    ------
    ValueError
        If the two lists differ in length, are empty, or a count exceeds its stratum.
    """
    if len(sizes) != len(counts) or not len(sizes):
        raise ValueError(f"{len(sizes)} strata and {len(counts)} counts: one count for each stratum is needed")
    parts, first = [], 0
    for size, count in zip(sizes, counts, strict=True):
        parts.append(without_replacement(size, count, n, rng=rng) + first)
        first += size
    return np.concatenate(parts, axis=1)


def class_pure(
    labels: np.ndarray,
    B: int,
    n: int,
    *,
    blocks: int = 1,
    design: str = "wor",
    rng: np.random.Generator,
) -> np.ndarray:
    """Draw batches made of blocks of one class each.

    Parameters
    ----------
    labels
        Class of each example, whole numbers, shape (N,).
    B
        Batch size, a multiple of `blocks`.
    n
        Number of batches.
    blocks
        Blocks in a batch.  Each block's class is drawn on its own, by the classes' shares of the population,
        so two blocks may have one class and share examples.
    design
        How a block is drawn from its class: ``"wor"`` or ``"wr"``.
    rng
        The stream.

    Returns
    -------
    numpy.ndarray of int64, shape (n, B)
        The indices, block after block.

    Raises
    ------
    ValueError
        If `labels` is not a vector of whole numbers, `blocks` does not divide `B`, or a block without
        replacement exceeds the smallest class.
    """
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"labels must be whole numbers of shape (N,), got {labels.dtype} {labels.shape}")
    N, B = check_sizes(len(labels), B, "wr")
    n, blocks = _whole("number of batches n", n, 0), _whole("number of blocks", blocks, 1)
    if B % blocks:
        raise ValueError(f"a batch of {B} cannot be split into {blocks} blocks")
    size = B // blocks
    classes, counts = np.unique(labels, return_counts=True)
    if design == "wor" and size > counts.min():
        rare = classes[counts.argmin()]
        raise ValueError(f"a block of {size} exceeds the {counts.min()} samples of class {rare}")
    chosen = labels[rng.integers(0, N, size=n * blocks)]
    found = np.empty((n * blocks, size), dtype=np.int64)
    for each, count in zip(classes.tolist(), counts.tolist(), strict=True):
        rows, members = np.flatnonzero(chosen == each), np.flatnonzero(labels == each)
        found[rows] = members[draw(design, count, size, len(rows), rng=rng)]
    return found.reshape(n, B)


def micro_batches(N: int, sizes: Sequence[int], n: int, *, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Draw batches without replacement and cut each, in random order, into micro-batches.

    Parameters
    ----------
    N
        Population size.
    sizes
        Examples in each micro-batch, equal or not; together at most `N`.
    n
        Number of batches.
    rng
        The stream.

    Returns
    -------
    tuple of numpy.ndarray of int64
        One array of shape (n, sizes[k]) for each micro-batch; those of one row are disjoint.

    Raises
    ------
    ValueError
        If there are no sizes, one is below 1, or they exceed the population together.
    """
    if not len(sizes):
        raise ValueError("at least one micro-batch is needed, got none")
    parts = [_whole("micro-batch size", size, 1) for size in sizes]
    order = np.ascontiguousarray(without_replacement(N, sum(parts), n, rng=rng).T)
    _shuffle(order, rng=rng)
    ends = np.cumsum(parts)
    return tuple(np.ascontiguousarray(part.T) for part in np.split(order, ends[:-1]))
