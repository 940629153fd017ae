"""The order of an epoch: sums over the batch at a place, over the batches so far, and expectation over all orders.

`Place(f, k)`        sum of f over the k-th batch of the epoch at hand
`Past(f, t)`         sum of f over its first t batches
`RestMean(f, t)`     mean of f over the examples that are not among them
`Steps(f, j, n)`     sum of f over j = 1, ..., n
`OrderMean(f)`       expectation over the orders of an epoch: a uniformly random sequence of disjoint batches
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import sympy as sp

from theory import notation as nt
from theory import registry
from theory.domain import Choice, Integers
from theory.evaluation import evaluate
from theory.world import Context, Number

if TYPE_CHECKING:
    from theory.law import Law, Part

__all__ = ["OfOrder", "OrderMean", "Past", "Place", "RestMean", "Steps", "SumOver", "drawn_values", "epochs", "j", "m",
           "whole", "worlds"]

Order = tuple[tuple[int, ...], ...]

j = sp.Symbol("j", integer=True, positive=True)
"""A place in the epoch, bound by `Steps`."""

m = sp.Symbol("m", integer=True, positive=True)
"""Batches an epoch, N/B."""

SIZES = ((2, 1), (3, 1), (4, 1), (4, 2), (5, 1), (5, 2), (6, 1), (6, 2), (6, 3), (3, 3), (4, 4))
"""Population and batch sizes whose orders are enumerated."""


class OfOrder(nt.Node):
    """What depends on the order of the epoch at hand."""


class SumOver(OfOrder):
    """A sum of the first argument over examples that the second one names."""

    nargs = 2

    @property
    def count(self) -> sp.Expr:
        """Value of the sum over 1."""
        return nt.B


class Place(SumOver):
    """Sum of the first argument over the batch at the place of the second."""

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        place = printer._print(self.args[1])
        return nt._power(rf"\sum_{{i\in\mathcal{{B}}_{{{place}}}}}{nt._indexed(printer, self.args[0])}", exp)


class Past(SumOver):
    """Sum of the first argument over as many first batches as the second says."""

    @property
    def count(self) -> sp.Expr:
        """Value of the sum over 1."""
        return self.args[1] * nt.B

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        batches = rf"\mathcal{{B}}_1\cup\dots\cup\mathcal{{B}}_{{{printer._print(self.args[1])}}}"
        return nt._power(rf"\sum_{{i\in {batches}}}{nt._indexed(printer, self.args[0])}", exp)


class RestMean(SumOver):
    """Mean of the first argument over the examples not seen in the first batches."""

    @property
    def count(self) -> sp.Expr:
        """Value of the mean of 1."""
        return sp.S.One

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        body, t = (printer._print(a) for a in self.args)
        return nt._power(rf"\overline{{{body}}}_{{>{t}}}", exp)


class Steps(nt.Node):
    """Sum of the first argument over values of the second from 1 to the third."""

    nargs = 3

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        body, letter, last = (printer._print(a) for a in self.args)
        body = rf"\left({body}\right)" if isinstance(self.args[0], sp.Add) else f" {body}"
        return nt._power(rf"\sum_{{{letter}=1}}^{{{last}}}{body}", exp)


class OrderMean(nt.Node):
    """Expectation over the orders of an epoch."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return nt._power(rf"\operatorname{{E}}\left[{printer._print(self.args[0])}\right]", exp, wrap=False)


def epochs(examples: Sequence[int], size: int) -> Iterator[Order]:
    """Iterate over every sequence of disjoint batches of a size, as many as fit."""
    if len(examples) < size:
        yield ()
        return
    for batch in itertools.combinations(examples, size):
        rest = [i for i in examples if i not in batch]
        for later in epochs(rest, size):
            yield (batch, *later)


def whole(expr: sp.Basic, world: Context) -> int:
    """Return the value of an expression that is a whole number in a world."""
    value = evaluate(expr, world)
    if not isinstance(value, Fraction) or value.denominator != 1:
        raise KeyError(f"{expr} is no whole number here")
    return int(value)


def _seen(node: sp.Basic, world: Context) -> Sequence[int]:
    order, t = world.state["order"], whole(node.args[1], world)
    if not 0 <= t <= len(order):
        raise KeyError(f"the epoch has no {t} batches")
    return [i for batch in order[:t] for i in batch]


def _total(f: sp.Basic, examples: Sequence[int], world: Context) -> Number:
    return sum((evaluate(f, replace(world, example=i)) for i in examples), Fraction(0))


@registry.means(Place)
def _place(node: Place, world: Context) -> Number:
    order, k = world.state["order"], whole(node.args[1], world)
    if not 1 <= k <= len(order):
        raise KeyError(f"the epoch has no batch {k}")
    return _total(node.args[0], order[k - 1], world)


@registry.means(Past)
def _past(node: Past, world: Context) -> Number:
    return _total(node.args[0], _seen(node, world), world)


@registry.means(RestMean)
def _rest_mean(node: RestMean, world: Context) -> Number:
    rest = set(range(world.size)) - set(_seen(node, world))
    if not rest:
        raise ZeroDivisionError("no example is left")
    return _total(node.args[0], sorted(rest), world) / len(rest)


@registry.means(Steps)
def _steps(node: Steps, world: Context) -> Number:
    body, letter, last = node.args
    if not letter.is_Symbol:
        raise KeyError(f"{letter} is no letter to sum over")
    return sum((evaluate(body, replace(world, values={**world.values, letter: Fraction(k)}))
                for k in range(1, whole(last, world) + 1)), Fraction(0))


@registry.means(OrderMean)
def _order_mean(node: OrderMean, world: Context) -> Number:
    found = list(epochs(range(world.size), whole(nt.B, world)))
    memory: dict[Any, Any] = {}
    total = sum((evaluate(node.args[0], replace(world, state={**world.state, "order": order, "memory": memory}))
                 for order in found), Fraction(0))
    return total / len(found)


def drawn_values(law: Law, rng: random.Random, *, most: int) -> Mapping[sp.Symbol, Fraction]:
    """Draw the parameters that population and batch do not determine; whole ones up to `most` above their lowest."""
    determined = {*law.where, *nt.MEAN_OF.values(), nt.N, nt.B, nt.design}
    found: dict[sp.Symbol, Fraction] = {}
    for param in law.params:
        domain = param.domain
        if param.symbol in determined or isinstance(domain, Choice):
            continue
        if isinstance(domain, Integers):
            found[param.symbol] = Fraction(rng.randint(domain.low, min(domain.low + most, domain.high or most + 1)))
        else:
            low = Fraction(domain.low) if domain.low > -math.inf else Fraction(-2)
            high = Fraction(domain.high) if domain.high < math.inf else low + 3
            found[param.symbol] = low + (high - low) * Fraction(rng.randint(1, 15), 16)
    return found


@registry.worlds(OrderMean)
def worlds(law: Law, part: Part, rng: random.Random) -> Iterator[Context]:
    """Small populations, batch sizes and a random order of the epoch."""
    del part
    while True:
        n, size = rng.choice(SIZES)
        population = {q: [Fraction(rng.randint(-6, 9)) for _ in range(n)] for q in ("g", "u", "v", "w", "x")}
        for column in population.values():
            column[-1] += len(set(column)) == 1
        examples = rng.sample(range(n), n)
        order = tuple(tuple(sorted(examples[k:k + size])) for k in range(0, n - size + 1, size))
        values = {nt.B: Fraction(size), **drawn_values(law, rng, most=n // size)}
        yield Context(population, rng.choice(law.designs), values, law.where, state={"order": order})
