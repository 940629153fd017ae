"""A layer that mixes two normalizations of the same activations, entry by entry.

`Average(f)`   mean of f over the entries of the layer: the examples of the batch and their channels

f is a polynomial in what the normalizations make of an entry, `by_batch` (with the statistics of its channel in the
batch) and `by_sample` (with those of its example over the channels), and in what the layer should have made of it,
the `target`.  All three have mean square one over the entries.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

import sympy as sp

from theory import notation as nt
from theory import registry, rules
from theory.equality import Check, equal
from theory.evaluation import evaluate
from theory.law import Law, Part
from theory.nodes.entries import normalized
from theory.nodes.places import drawn_values
from theory.registry import Situation
from theory.surds import Surd
from theory.world import Context, Number

__all__ = ["MODELS", "OVERLAPS", "UNIT", "Average", "alpha", "averaged", "by_batch", "by_sample", "fit_batch",
           "fit_sample", "overlap", "target"]


class OfEntry(nt.PerExample):
    """A quantity of an entry of the layer."""

    def _latex(self, printer: Any) -> str:
        return {"batch": "N", "sample": "L", "target": "t"}[self.name.rpartition("_")[2]]


by_batch, by_sample, target = (OfEntry(n, real=True) for n in ("by_batch", "by_sample", "target"))

alpha = sp.Symbol("alpha", real=True)
"""Weight of the batch's normalization; the sample's has the weight 1 - alpha."""

fit_batch, fit_sample, overlap = sp.symbols("r_B r_L q", real=True)
"""Mean products: of the batch's normalization and the target, of the sample's and the target, and of the two."""


class Average(nt.Node):
    """Mean over the entries of the layer."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return nt._power(rf"\left\langle {printer._print(self.args[0])}\right\rangle", exp, wrap=False)


OVERLAPS = {fit_batch: Average(by_batch * target), fit_sample: Average(by_sample * target),
            overlap: Average(by_batch * by_sample)}
"""What the three letters stand for."""

UNIT = {Average(f**2): sp.S.One for f in (by_batch, by_sample, target)}
"""Mean squares are one."""


MODELS: dict[str, registry.Worlds] = {}
"""Worlds of a model of the layer's entries, by the population a law names; their state holds ``moments``."""


@registry.means(Average)
def _average(node: Average, world: Context) -> Number:
    if "moments" in world.state:
        return _expected(node, world)
    count = world.size
    total = sum((evaluate(node.args[0], _at_entry(world, i)) for i in range(count)), Fraction(0))
    return total / count


def _at_entry(world: Context, i: int) -> Context:
    return Context(world.population, world.design, world.values, world.where, example=i, state=world.state)


def _expected(node: Average, world: Context) -> Number:
    """Return the expectation under a model, which knows the mean products of two."""
    letters = (by_batch, by_sample, target)
    terms = sp.Poly(node.args[0], *letters).terms()
    return sum((evaluate(factor, world) * world.state["moments"](powers) for powers, factor in terms), Fraction(0))


def reflected(ones: Sequence[int]) -> list[Fraction]:
    """Return a vector of mean square one: that of ones, reflected."""
    length = sum(k * k for k in ones)
    twice = Fraction(2 * sum(ones), length)
    return [1 - twice * k for k in ones]


def _table(rng: random.Random) -> dict[str, list[Number]]:
    """Normalize a table of two examples and four channels both ways; its standard deviations are rational."""
    while True:
        rows = []
        for _ in range(2):
            row = list(rng.choice(((1, -1, 7, -7), (1, 1, -1, -1), (3, -3, 21, -21))))
            rng.shuffle(row)
            shift = rng.randint(-3, 3)
            rows.append([Fraction(k + shift) for k in row])
        columns = list(zip(*rows, strict=True))
        if all(len(set(column)) > 1 for column in columns):
            break
    across = [normalized(row, Fraction(0)) for row in rows]
    down = [normalized(column, Fraction(0)) for column in columns]
    return {by_sample.name: [_rational(v) for row in across for v in row],
            by_batch.name: [_rational(down[c][i]) for i in range(2) for c in range(4)]}


def _rational(number: Number) -> Fraction:
    return number.terms.get(1, Fraction(0)) if isinstance(number, Surd) else number


@registry.worlds(Average)
def _worlds(law: Law, part: Part, rng: random.Random) -> Iterator[Context]:
    """Small tables normalized both ways, or any three vectors of mean square one; or the worlds of a model."""
    if law.population in MODELS:
        yield from MODELS[law.population](law, part, rng)
    names = [s.name for s in (by_batch, by_sample, target)]
    while True:
        size = rng.choice((3, 4, 5, 6))
        columns: dict[str, list[Number]] = {}
        if rng.random() < 1 / 4:
            columns = _table(rng)
            size = len(columns[by_batch.name])
        for name in names:
            if name not in columns:
                columns[name] = list(reflected([rng.choice((-3, -2, -1, 1, 2, 3)) for _ in range(size)]))
        if any(_same(columns[a], columns[b]) for a, b in ((names[0], names[1]), (names[0], names[2]))):
            continue
        yield Context(columns, rng.choice(law.designs), dict(drawn_values(law, rng, most=4)), law.where)


def _same(one: Sequence[Number], other: Sequence[Number]) -> bool:
    """Say whether two vectors are equal up to sign."""
    product = sum((a * b for a, b in zip(one, other, strict=True)), Surd({}))
    return product * product == len(one) ** 2


def averaged(expr: sp.Basic) -> sp.Expr:
    """Write averages as combinations of averages of monomials."""
    def split(body: sp.Expr) -> sp.Expr:
        letters = sorted((s for s in body.free_symbols if isinstance(s, nt.PerExample)), key=str)
        if not letters:
            return body
        if not body.is_polynomial(*letters):
            raise ValueError(f"{body} is no polynomial in what the layer holds")
        total = sp.S.Zero
        for powers, factor in sp.Poly(body, *letters).terms():
            monomial = sp.Mul(*[s**k for s, k in zip(letters, powers, strict=True)])
            total += factor * (sp.S.One if monomial == 1 else Average(monomial))
        return total

    return expr.replace(Average, split)


@registry.rule("average", "averages are linear; mean squares are one")
def _linear(at: Situation) -> Check:
    left, right = (rules.unfold(averaged(rules.unfold(side, at.definitions)), at.definitions)
                   for side in (at.left, at.right))
    return equal(left, right)
