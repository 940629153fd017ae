"""One normalization group, entry by entry: the group is the population, its entries are named by indices.

`Item(f, i)`       value of the per-example quantity f at entry i
`Hat(i, e)`        normalized value of entry i, (x_i - m) / sqrt(v + e)
`Sd(e)`            sqrt(v + e), what the layer divides by
`Delta(i, j)`      1 if i and j are the same entry, else 0
`Total(a, l)`      sum of a over all entries l of the group
`Mean(a, l)`       mean of a over all entries l of the group
`Slope(a, j)`      derivative of a by x_j, the other entries held
`Upstream(i, e)`   derivative of a loss by the output y_i = gamma Hat(i, e) + beta of the layer
`Back(j, e)`       derivative of that loss by the input x_j

The loss is any differentiable function of the outputs; brute force draws polynomials of degree two.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

import sympy as sp

from theory import notation as nt
from theory import registry
from theory.evaluation import evaluate
from theory.jets import Jet
from theory.law import Law, Part
from theory.nodes.places import drawn_values
from theory.world import Context, Number

__all__ = ["MEMBERS", "Back", "Delta", "Hat", "Index", "Item", "Mean", "OfGroup", "Sd", "Slope", "Total", "Upstream",
           "bind", "entries", "gamma", "group_worlds", "i", "j", "l", "moved_world", "normalized", "square_root"]


class Index(sp.Symbol):
    """The name of an entry of the group."""


i, j, l = (Index(name, integer=True, positive=True) for name in "ijl")  # noqa: E741

MEMBERS = sp.Symbol("members", integer=True, positive=True)
"""Number of entries of the group: B, unless a law's `where` says otherwise."""

gamma = sp.Symbol("gamma", real=True)
"""Learned gain of the layer."""

_RADICAND = sp.Symbol("radicand")


class OfGroup(nt.Node):
    """A node of this family; where a subclass brings worlds of its own, they are meant for every line that holds it."""

    @classmethod
    def worlds(cls, law: Law, part: Part, rng: random.Random) -> Iterator[Context]:
        """Draw a group of a few small integers, other quantities of its entries, a loss, an entry for every index."""
        return _group_worlds(law, part, rng)


class Item(OfGroup):
    """Value of a per-example quantity at an entry."""

    nargs = 2

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        f, at = self.args
        named = {s: sp.Symbol(f"{s.name}_{at.name}") for s in f.free_symbols if isinstance(s, nt.PerExample)}
        return nt._power(printer._print(f.xreplace(named)), exp, wrap=not f.is_Symbol)


class Hat(OfGroup):
    """Normalized value of an entry."""

    nargs = 2

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        at, e = (printer._print(a) for a in self.args)
        body = rf"\hat x_{{{at}}}" if self.args[1] == 0 else rf"\hat x^{{({e})}}_{{{at}}}"
        return nt._power(body, exp, wrap=self.args[1] != 0)


class Sd(OfGroup):
    """Root of the group's biased variance plus a regularizer."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        e = self.args[0]
        body = r"\hat\sigma" if e == 0 else rf"\sqrt{{\hat\sigma^2+{printer._print(e)}}}"
        return nt._power(body, exp, wrap=e != 0)


class Delta(OfGroup):
    """1 for the same entry, else 0."""

    nargs = 2

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return nt._power(r"\delta_{" + "".join(printer._print(a) for a in self.args) + "}", exp, wrap=False)


class Total(OfGroup):
    """Sum over the entries of the group."""

    nargs = 2

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        body, letter = (printer._print(a) for a in self.args)
        body = rf"\left({body}\right)" if isinstance(self.args[0], sp.Add) else f" {body}"
        return nt._power(rf"\sum_{{{letter}}}{body}", exp)


class Mean(OfGroup):
    """Mean over the entries of the group."""

    nargs = 2

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        body, letter = (printer._print(a) for a in self.args)
        return nt._power(rf"\left\langle {body}\right\rangle_{{{letter}}}", exp, wrap=False)


class Slope(OfGroup):
    """Derivative by an entry's input."""

    nargs = 2

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        body, at = (printer._print(a) for a in self.args)
        body = rf"\left({body}\right)" if isinstance(self.args[0], sp.Add) else f" {body}"
        return nt._power(rf"\frac{{\partial}}{{\partial x_{{{at}}}}}{body}", exp)


class Upstream(OfGroup):
    """Derivative of the loss by an output of the layer."""

    nargs = 2

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return nt._power(rf"\frac{{\partial L}}{{\partial y_{{{printer._print(self.args[0])}}}}}", exp)


class Back(OfGroup):
    """Derivative of the loss by an input of the layer."""

    nargs = 2

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return nt._power(rf"\frac{{\partial L}}{{\partial x_{{{printer._print(self.args[0])}}}}}", exp)


def square_root(number: Number) -> Number:
    """Return the square root of a number of any kind the oracle computes with."""
    return evaluate(sp.sqrt(_RADICAND), Context({}, "wor", {_RADICAND: number}))


def bind(world: Context, letter: sp.Basic, entry: int) -> Context:
    """Return the world in which an index names an entry (counted from 1).

    Raises
    ------
    KeyError
        If the letter is no index.
    """
    if not isinstance(letter, Index):
        raise KeyError(f"{letter} is no index")
    return replace(world, values={**world.values, letter: Fraction(entry)}, facts={})


def entries(world: Context) -> Sequence[Number]:
    """Return the values of x in the group."""
    return world.population["x"]


def moved_world(world: Context, values: Sequence[Number]) -> Context:
    """Return the world in which x takes other values."""
    return replace(world, population={**world.population, "x": list(values)}, facts={})


def normalized(values: Sequence[Number], e: Number) -> Sequence[Number]:
    """Normalize numbers by their own mean and biased variance.

    Raises
    ------
    ZeroDivisionError
        If they are all equal and nothing regularizes the division.
    """
    return _normalized(tuple((a.low, *a.terms) if isinstance(a, Jet) else a for a in values), e)


@lru_cache(maxsize=4096)
def _normalized(values: tuple[Any, ...], e: Number) -> Sequence[Number]:
    numbers = [Jet(a[1:], a[0]) if isinstance(a, tuple) else a for a in values]
    mean = sum(numbers, Fraction(0)) / len(numbers)
    centered = [a - mean for a in numbers]
    spread = sum((a * a for a in centered), Fraction(0)) / len(numbers) + e
    if not isinstance(spread, Jet) and spread == 0:
        raise ZeroDivisionError("a group without spread has no normalized values")
    inverse = Fraction(1) / square_root(spread)
    return tuple(a * inverse for a in centered)


def entry(letter: sp.Basic, world: Context) -> int:
    """Return the place, counted from 0, of the entry that an index names."""
    if letter not in world.values or not isinstance(letter, Index):
        raise KeyError(f"{letter} names no entry")
    return int(world.values[letter]) - 1


@registry.means(Item)
def _item(node: Item, world: Context) -> Number:
    return evaluate(node.args[0], replace(world, example=entry(node.args[1], world)))


@registry.means(Hat)
def _hat(node: Hat, world: Context) -> Number:
    return normalized(entries(world), evaluate(node.args[1], world))[entry(node.args[0], world)]


@registry.means(Sd)
def _sd(node: Sd, world: Context) -> Number:
    values = entries(world)
    mean = sum(values, Fraction(0)) / len(values)
    spread = sum(((a - mean) ** 2 for a in values), Fraction(0)) / len(values)
    return square_root(spread + evaluate(node.args[0], world))


@registry.means(Delta)
def _delta(node: Delta, world: Context) -> Number:
    return Fraction(entry(node.args[0], world) == entry(node.args[1], world))


@registry.means(Total, Mean)
def _total(node: Total | Mean, world: Context) -> Number:
    body, letter = node.args
    total = sum((evaluate(body, bind(world, letter, k + 1)) for k in range(world.size)), Fraction(0))
    return total / world.size if isinstance(node, Mean) else total


def _bumped(values: Sequence[Number], place: int) -> list[Number]:
    """Add a small number to one of the values; all become series in it."""
    zero, one = Fraction(0), Fraction(1)
    return [Jet([a, one if k == place else zero]) for k, a in enumerate(values)]


def _first(number: Number) -> Number:
    """Return the coefficient of the small number."""
    return number[1] if isinstance(number, Jet) else Fraction(0)


@registry.means(Slope)
def _slope(node: Slope, world: Context) -> Number:
    return _first(evaluate(node.args[0], moved_world(world, _bumped(entries(world), entry(node.args[1], world)))))


def _outputs(values: Sequence[Number], e: sp.Basic, world: Context) -> list[Number]:
    gain, shift = evaluate(gamma, world), world.state["shift"]
    return [gain * a + shift for a in normalized(values, evaluate(e, world))]


def _loss(outputs: Sequence[Number], world: Context) -> Number:
    """Value of the drawn loss: a polynomial of degree two that couples all outputs."""
    one, two = (sum((y * a for y, a in zip(outputs, weights, strict=True)), Fraction(0))
                for weights in world.state["loss"])
    return one + two * two


def _remembered(name: str, node: sp.Basic, world: Context, compute: Callable[[int], Number]) -> Number:
    """Return a derivative at an entry, computed once a world: sums ask for it again and again."""
    place = entry(node.args[0], world)
    key = (name, place, evaluate(node.args[1], world), evaluate(gamma, world), tuple(entries(world)))
    memory = world.state["memory"]
    if key not in memory:
        memory[key] = compute(place)
    return memory[key]


@registry.means(Upstream)
def _upstream(node: Upstream, world: Context) -> Number:
    return _remembered("upstream", node, world, lambda place: _first(
        _loss(_bumped(_outputs(entries(world), node.args[1], world), place), world)))


@registry.means(Back)
def _back(node: Back, world: Context) -> Number:
    return _remembered("back", node, world, lambda place: _first(
        _loss(_outputs(_bumped(entries(world), place), node.args[1], world), world)))


def draw_entries(size: int, rng: random.Random) -> list[Fraction]:
    """Draw small integers that are not all equal; now and then all but one are."""
    values = [Fraction(rng.randint(-6, 9)) for _ in range(size)]
    if rng.random() < 1 / 6:
        values = [values[0]] * size
    values[-1] += 3 * (len(set(values)) == 1)
    rng.shuffle(values)
    return values


@registry.worlds(Slope, Back, Upstream, Hat, Sd, Total, Mean, Item, Delta)
def group_worlds(law: Law, part: Part, rng: random.Random) -> Iterator[Context]:
    """Draw the worlds that the statement's most particular node is meant for."""
    kinds = {type(node) for node in part.statement.atoms(OfGroup)}
    own = sorted((kind for kind in kinds if kind.worlds.__func__ is not OfGroup.worlds.__func__),  # type: ignore[attr-defined]
                 key=lambda kind: kind.__name__)
    return (own[0] if own else OfGroup).worlds(law, part, rng)


def _group_worlds(law: Law, part: Part, rng: random.Random) -> Iterator[Context]:
    letters = sorted({*part.statement.atoms(Index), *(a for r in part.rivals for a in r.expr.atoms(Index)),
                      *(a for value in law.where.values() for a in sp.sympify(value).atoms(Index))}, key=str)
    while True:
        size = rng.choice((2, 3, 3, 4, 4, 5))
        population = {name: [Fraction(rng.randint(-6, 9)) for _ in range(size)] for name in ("g", "u", "v", "w")}
        population["x"] = draw_entries(size, rng)
        drawn = drawn_values(law, rng, most=4)
        counts = {s: Fraction(size) for s in (nt.B, nt.n) if s == nt.B or s in drawn}
        named = {letter: Fraction(rng.randint(1, size)) for letter in letters}
        loss = [[rng.randint(-4, 4) for _ in range(size)] for _ in range(2)]
        state = {"shift": Fraction(rng.randint(-3, 3)), "loss": loss, "memory": {}}
        yield Context(population, law.designs[0], {**drawn, **counts, **named}, law.where, batch=tuple(range(size)),
                      state=state)
