"""Taylor's remainder of a function whose second derivative does not jump.

`Excess(s)`          f(s) minus its Taylor polynomial of degree two at 0
`AgainstThird(k, q, s)`   integral of ``k(q) f'''(q)`` over q from 0 to s
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import sympy as sp

from theory import notation as nt
from theory import registry, rules
from theory.equality import PROVED, UNDECIDED, Check, equal
from theory.evaluation import evaluate
from theory.law import Law, Part
from theory.nodes.bound import manifest
from theory.registry import Situation
from theory.world import Context, Number

__all__ = ["AgainstThird", "Excess", "distance", "lipschitz", "place"]

distance = sp.Symbol("s", nonnegative=True)
"""Length of the shift."""

lipschitz = sp.Symbol("rho_H", nonnegative=True)
"""Largest rate of change of the second derivative: the Lipschitz constant of the Hessian."""

place = sp.Symbol("q", real=True)
"""Place on the way, inside an integral."""

WIDTH = Fraction(1, 3)
"""In a world the third derivative is constant on pieces of this length."""


class Excess(nt.Node):
    """The function at a distance, minus its Taylor polynomial of degree two."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        s = printer._print(self.args[0])
        return nt._power(rf"f({s})-f(0)-f'(0)\,{s}-\tfrac12f''(0)\,{s}^2", exp)


class AgainstThird(nt.Node):
    """Integral of a kernel times the third derivative."""

    nargs = 3

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        kernel, q, s = (printer._print(a) for a in self.args)
        return nt._power(rf"\int_0^{{{s}}}{kernel}\,f'''({q})\,d{q}", exp)


def _pieces(world: Context, upto: Fraction) -> Iterator[tuple[Fraction, Fraction, Fraction]]:
    """Iterate over (start, end, third derivative) of the pieces up to a distance; the last one goes on."""
    start, third = Fraction(0), list(world.state["third"])
    while start < upto:
        end = min(start + WIDTH, upto)
        yield start, end, third.pop(0) if len(third) > 1 else third[0]
        start = end


@registry.means(Excess)
def _excess(node: Excess, world: Context) -> Number:
    """Follow f, f' and f'' from piece to piece."""
    upto = evaluate(node.args[0], world)
    start = world.state["start"]
    value, slope, bend = start
    for a, b, third in _pieces(world, upto):
        w = b - a
        value += slope * w + bend * w**2 / 2 + third * w**3 / 6
        slope, bend = slope + bend * w + third * w**2 / 2, bend + third * w
    return value - start[0] - start[1] * upto - start[2] * upto**2 / 2


@registry.means(AgainstThird)
def _against_third(node: AgainstThird, world: Context) -> Number:
    """Integrate piece by piece, by Boole's rule: exact for kernels of degree five in the place."""
    kernel, variable, end = node.args
    total = Fraction(0)
    for a, b, third in _pieces(world, evaluate(end, world)):
        values = [evaluate(kernel, replace(world, values={**world.values, variable: a + (b - a) * Fraction(k, 4)}))
                  for k in range(5)]
        total += third * (b - a) * sum(w * v for w, v in zip((7, 32, 12, 32, 7), values, strict=True)) / 90
    return total


@registry.worlds(Excess)
def _worlds(law: Law, part: Part, rng: random.Random) -> Iterator[Context]:
    """Functions with a third derivative of a few pieces within the bound; every third one a cubic at the bound."""
    while True:
        rate, upto = Fraction(rng.randint(0, 6), 2), Fraction(rng.randint(0, 15), 6)
        third = [rate * Fraction(rng.randint(-4, 4), 4) for _ in range(rng.randint(2, 8))]
        if rng.randrange(3) == 0:
            third = [rate * rng.choice((-1, 1))]
        start = tuple(Fraction(rng.randint(-4, 4)) for _ in range(3))
        yield Context({"x": [Fraction(0), Fraction(1)]}, "wor", {distance: upto, lipschitz: rate}, law.where,
                      state={"third": third, "start": start})


def _integral(expr: sp.Basic) -> AgainstThird:
    found = expr.atoms(AgainstThird)
    if len(found) != 1:
        raise ValueError("the line must hold one integral against the third derivative")
    (node,) = found
    return node


@registry.rule("integral remainder", "Taylor's remainder by parts: the kernel, its slope and its bend have the values "
               "0, 0, 1 at the end, and the kernel's third derivative vanishes")
def _integral_remainder(at: Situation) -> Check:
    node = _integral(at.right)
    kernel, q, s = node.args
    # Parts: the integral is [k f'' - k' f' + k'' f] from 0 to s, minus that of k''' f.
    ends: list[tuple[sp.Expr, sp.Expr]] = [(sp.diff(kernel, q, 3), sp.S.Zero)]
    for order, at_end, at_start in ((0, sp.S.Zero, s**2 / 2), (1, sp.S.Zero, -s), (2, sp.S.One, sp.S.One)):
        derivative = sp.diff(kernel, q, order)
        ends += [(derivative.xreplace({q: s}), at_end), (derivative.xreplace({q: sp.S.Zero}), at_start)]
    parts = rules.worst(*(equal(a, b) for a, b in ends))
    if parts.answer != PROVED:
        return parts
    return equal(at.left.xreplace({Excess(s): node}), at.right)


@registry.rule("lipschitz", "the third derivative is at most rho_H in size, the kernel nowhere negative", bound=True)
def _lipschitz(at: Situation) -> Check:
    if at.part.relation != "<=":
        return Check(UNDECIDED, {"rule": "it bounds from above only"})
    node = _integral(at.left)
    if at.left != sp.Abs(node):
        raise ValueError("the line must be the size of one integral")
    kernel, q, s = node.args
    if not (manifest(kernel) and s.is_nonnegative):
        return Check(UNDECIDED, {"rule": "the kernel is not known to be nonnegative"})
    return equal(lipschitz * sp.integrate(sp.expand(kernel), (q, 0, s)), at.right)
