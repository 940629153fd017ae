"""One entry among peers: what its normalized value owes to them.

`Shared(n)`     two groups of n independent Gaussian entries with one entry in common: mean product of its two
                normalized values, the part of the mean square that does not depend on the peers
`Student(i)`    entry i against its peers: sqrt(n - 1) times its distance from the mean of the n - 1 others, in units
                of their unbiased standard deviation
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from typing import Any

import flint
import sympy as sp

from theory import laws, registry
from theory import notation as nt
from theory.balls import Ball
from theory.equality import PROVED, UNDECIDED, Check, equal
from theory.evaluation import evaluate
from theory.law import Law, Part
from theory.nodes.bound import slack
from theory.nodes.cosines import WORKING, cosine_given
from theory.nodes.entries import Delta, Item, Mean, OfGroup, Total, entries, entry, l, square_root
from theory.nodes.gammas import same
from theory.nodes.group import Algebra
from theory.nodes.kernel import Hyper, channels
from theory.registry import Situation
from theory.world import Context, Number

__all__ = ["Shared", "Student"]

KERNEL = "norm.hybrid.alpha_gaussian"

STEP, LOW, HIGH = Fraction(2, 25), Fraction(-24, 5), Fraction(16)
"""Steps of the quadrature along an axis, and its ends."""


class Shared(nt.Node):
    """Mean product of the two normalized values of a common entry."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        size = printer._print(self.args[0])
        return nt._power(rf"\operatorname{{E}}_{{{size}}}\left[\operatorname{{E}}[\hat x_1\mid x_1]^2\right]", exp)


class Student(OfGroup):
    """Studentized distance of an entry from its peers."""

    nargs = 1

    def in_algebra(self, algebra: Algebra) -> sp.Expr:
        """Return the normal form of the definition, places counted from the mean of all."""
        (at,), n = self.args, algebra.size
        center = Mean(Item(nt.x, l), l)
        mean = Total((1 - Delta(at, l)) * (Item(nt.x, l) - center), l) / (n - 1)
        squares = Total((1 - Delta(at, l)) * (Item(nt.x, l) - center) ** 2, l) - (n - 1) * mean**2
        return algebra.form(sp.sqrt(n - 1) * (Item(nt.x, at) - center - mean) / sp.sqrt(squares / (n - 2)))

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return nt._power(f"T_{{{printer._print(self.args[0])}}}", exp)


# Meaning. --------------------------------------------------------------------------------------------------------

@registry.means(Student)
def _student(node: Student, world: Context) -> Number:
    at, values = entry(node.args[0], world), list(entries(world))
    own = values.pop(at)
    if len(values) < 2:
        raise ZeroDivisionError("one peer has no spread")
    mean = sum(values, Fraction(0)) / len(values)
    variance = sum(((a - mean) ** 2 for a in values), Fraction(0)) / (len(values) - 1)
    if variance == 0:
        raise ZeroDivisionError("peers without spread")
    return (own - mean) * square_root(Fraction(len(values))) / square_root(variance)


def _places(shift: int) -> Iterator[tuple[Any, Any]]:
    """Iterate over (place, slope) along the half-line, crowded at 0, where means of cosines may be singular."""
    at = LOW + STEP * Fraction(shift, 2)
    while at < HIGH:
        t = flint.arb(flint.fmpq(at.numerator, at.denominator))
        e = (-t).exp()
        away = (t - e).exp()
        yield away.log1p().mid(), away / (1 + away) * (1 + e)
        at += STEP


@lru_cache(maxsize=32)
def common(n: int) -> flint.arb:
    """Return the mean product by a double sum over the two distances from the peers' means.

    In units of their standard deviation these are Gaussian with correlation 1 - 1/n; given a distance u the cosine of
    the vector of deviations has a mean that is odd in u.
    """
    with flint.ctx.workprec(WORKING):
        r = flint.arb(n - 1) / n
        rest, step = 1 - r * r, flint.arb(flint.fmpq(STEP.numerator, STEP.denominator))

        def total(shift: int) -> flint.arb:
            points = [(u, slope * step * cosine_given(n - 1, u) * (-u * u / (2 * rest)).exp())
                      for u, slope in _places(shift)]
            found = flint.arb(0)
            for k, (u, weight) in enumerate(points):
                by = r * u / rest
                inner = sum((other * (by * v).sinh() for v, other in points[:k]), flint.arb(0))
                found += weight * (2 * inner + weight * (by * u).sinh())
            return 2 * found * (n - 1) / (flint.arb.pi() * rest.sqrt())

        one, other = total(0), total(1)
        middle = (one + other) / 2
        return flint.arb(middle.mid(), (middle.rad() + 4 * abs(one - other)).upper())


@registry.means(Shared)
def _shared(node: Shared, world: Context) -> Number:
    n = evaluate(node.args[0], world)
    if n.denominator != 1 or n < 2:
        raise ZeroDivisionError("a group of two entries at least")
    return Ball(common(int(n)))


@registry.worlds(Shared)
def _worlds(law: Law, part: Part, rng: random.Random) -> Iterator[Context]:
    while True:
        yield Context({"x": [Fraction(0), Fraction(1)]}, law.designs[0], {nt.B: Fraction(rng.randint(2, 7))}, law.where)


# Proof. ----------------------------------------------------------------------------------------------------------

def _overlap(law: Law, size: sp.Expr) -> sp.Expr:
    """Return the mean product of two normalized entries that are equal: the cited law at correlation one."""
    other = laws.load(KERNEL)
    if other.id not in law.uses:
        raise ValueError(f"{KERNEL} is not listed in uses")
    return other.part("overlap").rhs.xreplace({channels: size, nt.B: size, nt.rho: sp.S.One})


@registry.rule("common entry", "an entry that two groups have in common has correlation one with itself: "
               f"{KERNEL}/overlap with both groups of one size")
def _by_kernel(at: Situation) -> Check:
    return same(at.left.replace(Shared, lambda size: _overlap(at.law, size)), at.right)


@registry.rule("signs of differences", "in groups of two the outputs are signs; two Gaussians of correlation 1/2 agree "
               "in sign unless a random direction falls between two axes at an angle of pi/3")
def _by_signs(at: Situation) -> Check:
    v = sp.Symbol("v", positive=True)
    correlation = equal(v / (2 * v), sp.S.Half)  # of x_1 - x' and x_1 - x'': they have x_1 in common
    if correlation.answer != PROVED:
        return correlation
    product = 1 - 2 * sp.acos(sp.S.Half) / sp.pi
    return equal(at.left.xreplace({Shared(2): product}), at.right)


@registry.rule("first term of 3F2", "a hypergeometric series of nonnegative terms is at least its first term, 1",
               bound=True)
def _by_first_term(at: Situation) -> Check:
    (function,) = at.left.atoms(Hyper)
    letter = sp.Symbol("series", positive=True)
    slope = sp.diff(at.left.xreplace({function: letter}), letter)
    grows = slack(at.part.relation, sp.S.Zero, -slope)  # the bound moves up as the series falls to 1
    if slope.has(letter) or not _positive(grows):
        return Check(UNDECIDED, {"rule": "the line is not known to fall with the series"})
    return same(at.left.xreplace({function: sp.S.One}), at.right)


def _positive(expr: sp.Expr) -> bool:
    return all(f.is_positive or isinstance(f, sp.Function) or (isinstance(f, sp.Pow) and f.exp.is_even)
               for f in sp.Mul.make_args(expr))
