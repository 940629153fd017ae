"""LayerNorm of three numbers that a plane affine map makes of two, on the corners of a square.

`Third(p, q)`     third output of LayerNorm on (p, q, -p - q)
`Corners(f)`      sum of f over the four corners x1 = 1 or -1, x2 = 1 or -1
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import sympy as sp

from theory import notation as nt
from theory import registry
from theory.equality import Check, equal
from theory.evaluation import evaluate
from theory.law import Law, Part
from theory.nodes.entries import OfGroup, group_worlds, normalized
from theory.nodes.group import Algebra, in_roots
from theory.nodes.places import drawn_values
from theory.registry import Situation
from theory.rules import worst
from theory.world import Context, Number

__all__ = ["Corners", "Third", "x1", "x2"]

x1, x2 = sp.symbols("x1 x2", real=True)
"""The two inputs, each 1 or -1."""


class Third(OfGroup):
    """Third output of LayerNorm on three numbers that sum to zero."""

    nargs = 2

    def in_algebra(self, algebra: Algebra) -> sp.Expr:
        """Return the normal form of the definition: the mean is zero, the variance the mean square."""
        first, second = self.args
        third = -first - second
        return algebra.form(third / sp.sqrt((first**2 + second**2 + third**2) / 3))

    @classmethod
    def worlds(cls, law: Law, part: Part, rng: random.Random) -> Iterator[Context]:
        """Draw the law's parameters, and a corner."""
        while True:
            drawn = drawn_values(law, rng, most=4)
            corner = {s: Fraction(rng.choice((-1, 1))) for s in (x1, x2)}
            yield Context({"x": [Fraction(0)] * 2}, law.designs[0], {**drawn, **corner}, law.where)

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        first, second = (printer._print(a) for a in self.args)
        total = printer._print(-self.args[0] - self.args[1])
        return nt._power(rf"\mathrm{{LN}}_3\left({first},\,{second},\,{total}\right)", exp, wrap=False)


class Corners(OfGroup):
    """Sum over the four corners."""

    nargs = 1

    def in_algebra(self, algebra: Algebra) -> sp.Expr:
        """Return the sum, corner by corner."""
        return sp.Add(*[algebra.form(self.args[0].xreplace(corner)) for corner in corners()])

    @classmethod
    def worlds(cls, law: Law, part: Part, rng: random.Random) -> Iterator[Context]:
        """Draw the law's parameters, and a corner."""
        return Third.worlds(law, part, rng)

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return nt._power(rf"\sum_{{x\in\{{-1,1\}}^2}}\left({printer._print(self.args[0])}\right)", exp)


def corners() -> list[dict[sp.Basic, sp.Expr]]:
    """Return the four corners."""
    return [dict(zip((x1, x2), map(sp.Integer, signs), strict=True)) for signs in itertools.product((1, -1), repeat=2)]


@registry.means(Third)
def _third(node: Third, world: Context) -> Number:
    first, second = (evaluate(a, world) for a in node.args)
    return normalized([first, second, -first - second], Fraction(0))[2]


@registry.means(Corners)
def _sum(node: Corners, world: Context) -> Number:
    total: Number = Fraction(0)
    for signs in itertools.product((1, -1), repeat=2):
        here = {s: Fraction(k) for s, k in zip((x1, x2), signs, strict=True)}
        total = total + evaluate(node.args[0], replace(world, values={**world.values, **here}, facts={}))
    return total


registry.worlds(Third, Corners)(group_worlds)


@registry.rule("corners", "both lines are equal at each of the four corners")
def check(at: Situation) -> Check:
    """Prove an equality at x1, x2 = 1 or -1, one corner after the other."""
    return worst(*(equal(*in_roots(at, at.left.xreplace(corner), at.right.xreplace(corner))) for corner in corners()))
