"""A concrete world in which a statement has a value, and the batches that can be drawn in it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import sympy as sp

from theory import notation as nt

__all__ = ["Context", "Number", "batches", "pairs"]

Number = Any  # Fraction, Surd where square roots occur, Ball where neither can say


@dataclass(frozen=True)
class Context:
    """A concrete world in which a statement has a value.

    Parameters
    ----------
    population : mapping of str to sequence of Fraction
        Values per example by symbol name (`u`, `v`, `w`, `g`, `x`), all of one length.
    design : {"wor", "wr"}
        Sampling design of the batch.
    values : mapping of sympy.Symbol to number
        Free parameters (`B`, `eta`, ...).
    where : mapping
        The law's definitions.
    weights : sequence of (probability, weights)
        Concrete exchangeable weights, if the statement speaks of them.
    batch : tuple of int or None
        The batch at hand, inside an expectation.
    example : int or None
        The example at hand, inside a sum.
    other : tuple of int or None
        The second batch at hand, where the expectation speaks of one.
    draw : tuple of Fraction or None
        The weights at hand, inside an expectation.
    state : mapping
        What the nodes of `theory.nodes` keep: the order of an epoch, the place in it, the path of a chain.
    facts : dict
        Values of symbols that do not depend on batch, example or weights, computed once a world.
    """

    population: Mapping[str, Sequence[Fraction]]
    design: str
    values: Mapping[sp.Symbol, Number]
    where: Mapping[Any, Any] = field(default_factory=dict)
    weights: Sequence[tuple[Fraction, tuple[Fraction, ...]]] = ()
    batch: tuple[int, ...] | None = None
    example: int | None = None
    other: tuple[int, ...] | None = None
    draw: tuple[Fraction, ...] | None = None
    state: Mapping[str, Any] = field(default_factory=dict)
    facts: dict[sp.Symbol, Number] = field(default_factory=dict, compare=False, repr=False)

    @property
    def size(self) -> int:
        """Population size N."""
        return len(next(iter(self.population.values())))


def batches(population: int, size: int, design: str) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Iterate over (number of equally likely outcomes, batch) for every batch of a size.

    Raises
    ------
    ValueError
        If the size does not fit the design.
    """
    if size < 1 or (design == "wor" and size > population):
        raise ValueError(f"batch size {size} does not fit {population} samples {nt.DESIGNS[design]}")
    if design == "wor":
        for batch in itertools.combinations(range(population), size):
            yield 1, batch
        return
    for batch in itertools.combinations_with_replacement(range(population), size):
        orders = math.factorial(size)
        for index in set(batch):
            orders //= math.factorial(batch.count(index))
        yield orders, batch


def pairs(population: int, size: int, design: str) -> Iterator[tuple[int, tuple[int, ...], tuple[int, ...]]]:
    """Iterate over (multiplicity, batch, second batch): disjoint without replacement, else independent."""
    for k, batch in batches(population, size, design):
        for j, other in batches(population, size, design):
            if design == "wr" or not set(batch) & set(other):
                yield k * j, batch, other
