"""A batch with strangers in it: honest entries, and others that sit wherever they like.

`Pushed(i, t, k)`   normalized value of honest entry i when k more entries join the group, all of them t of the
                    group's standard deviations from its mean

The group of `theory.nodes.entries` is the honest one, of B - k entries; the statistics are of all B.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import sympy as sp

from theory import notation as nt
from theory import registry
from theory.equality import UNDECIDED, Check, equal
from theory.evaluation import evaluate
from theory.jets import Jet
from theory.law import Law, Part
from theory.nodes.bound import manifest, slack
from theory.nodes.charts import charts
from theory.nodes.entries import (
    Item,
    Mean,
    OfGroup,
    Sd,
    draw_entries,
    entries,
    entry,
    group_worlds,
    i,
    l,
    normalized,
    square_root,
)
from theory.nodes.group import Algebra, in_roots
from theory.nodes.places import drawn_values
from theory.registry import Situation
from theory.world import Context, Number

__all__ = ["Pushed", "h", "tau", "u_i"]

tau = sp.Symbol("tau", real=True)
"""Where the strangers sit, in standard deviations of the honest entries from their mean."""

h = sp.Symbol("h", positive=True)
"""One over that distance."""

u_i = sp.Symbol("u_i", real=True)
"""The honest entry's normalized value among the honest ones."""


class Pushed(OfGroup):
    """Normalized value of an honest entry in company; see the module docstring."""

    nargs = 3

    def definition(self, size: sp.Expr) -> sp.Expr:
        """Return the value by mean and variance of all entries, `size` of them honest."""
        at, where, count = self.args
        place = Mean(Item(nt.x, l), l) + where * Sd(0)
        mean = (size * Mean(Item(nt.x, l), l) + count * place) / (size + count)
        variance = (size * Mean((Item(nt.x, l) - mean) ** 2, l) + count * (place - mean) ** 2) / (size + count)
        return (Item(nt.x, at) - mean) / sp.sqrt(variance)

    def in_algebra(self, algebra: Algebra) -> sp.Expr:
        """Return the normal form of the definition."""
        return algebra.form(self.definition(algebra.size))

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        at, where, count = (printer._print(a) for a in self.args)
        return nt._power(rf"\hat x_{{{at}}}\left({where};\,{count}\right)", exp)

    @classmethod
    def worlds(cls, law: Law, part: Part, rng: random.Random) -> Iterator[Context]:
        """Draw honest entries and strangers."""
        return _worlds(law, rng)


@registry.means(Pushed)
def _pushed(node: Pushed, world: Context) -> Number:
    at, where, count = entry(node.args[0], world), evaluate(node.args[1], world), evaluate(node.args[2], world)
    if count.denominator != 1 or count < 1:
        raise KeyError(f"{count} is no number of entries")
    values = entries(world)
    mean = sum(values, Fraction(0)) / len(values)
    centered = [a - mean for a in values]
    spread = square_root(sum((a * a for a in centered), Fraction(0)) / len(values))
    if isinstance(where, Jet):  # far away: measured in units of that distance, which are positive and change nothing
        unit = Fraction(1) / where
        return normalized([*(a * unit for a in centered), *[unit * 0 + spread] * int(count)], Fraction(0))[at]
    return normalized([*centered, *[where * spread] * int(count)], Fraction(0))[at]


def _worlds(law: Law, rng: random.Random) -> Iterator[Context]:
    """Draw honest entries, the one spoken of above their mean where the law says so, and strangers near and far."""
    above = any(q.name == u_i.name and q.domain.reject(-1) for q in law.params)
    while True:
        size = rng.choice((2, 3, 3, 4, 5))
        values = draw_entries(size, rng)
        if rng.random() < 1 / 3:  # normalized values that are rational
            values = [Fraction(v) for v in rng.choice(((-2, 2), (1, 1, 4, 4), (0, 0, 0, 0, 5)))]
            size = len(values)
        drawn: dict[sp.Symbol, Number] = {**drawn_values(law, rng, most=2)}
        at = max(range(size), key=values.__getitem__) if above else rng.randrange(size)
        world = Context({"x": values}, law.designs[0], {
            **drawn, nt.B: size + drawn.get(nt.k, Fraction(1)), i: Fraction(at + 1)}, law.where)
        if tau in drawn:
            where: Number = rng.choice((drawn[tau], rng.choice((-1, 1)) * Fraction(10) ** rng.randint(1, 4)))
            own = normalized(values, Fraction(0))[at].terms
            if own.keys() == {1} and rng.random() < 1 / 2:
                where = -1 / own[1]
            world.values[tau] = where  # type: ignore[index]
        yield world


def _signed(at: Situation, shown: sp.Expr) -> bool:
    """Say whether a product is nonnegative by its form, on the law's domain."""
    known = charts(at.law)
    bases = [f.base if isinstance(f, sp.Pow) and not f.exp.is_Integer else f for f in sp.Mul.make_args(shown)]
    return all(manifest(sp.expand(f.xreplace(known)) if isinstance(f, sp.Add) else f.xreplace(known)) for f in bases)


@registry.rule("apart", "what is left between two lines with roots is a product of nonnegative factors", bound=True)
def check_apart(at: Situation) -> Check:
    """Prove a bound; `where` holds the product, under ``difference``."""
    shown = sp.sympify(at.step.where.get("difference", -1))
    same = equal(*in_roots(at, slack(at.part.relation, at.left, at.right), shown))
    return same if _signed(at, shown) else Check(UNDECIDED, {**same.engines, "sign": UNDECIDED})


@registry.rule("compared squares", "two numbers stand as their squares do, if the larger is not negative", bound=True)
def check_squares(at: Situation) -> Check:
    """Prove ``left <= right`` from ``right >= 0`` and ``right^2 >= left^2``, or the mirror image.

    `where` holds, under ``difference``, a product that is right^2 - left^2.
    """
    larger = at.right if at.part.relation == "<=" else -at.right
    shown = sp.sympify(at.step.where.get("difference", -1))
    same = equal(*in_roots(at, larger**2 - at.left**2, shown))
    return same if _signed(at, shown) and _signed(at, larger) else Check(UNDECIDED, {**same.engines, "sign": UNDECIDED})


registry.worlds(Pushed)(group_worlds)
