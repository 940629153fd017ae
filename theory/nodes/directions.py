"""A vector whose entries change sign, or that points anywhere.

`Signs(f)`       expectation of f when every entry of the group has a fair sign of its own, the sizes held
`Direction(f)`   expectation of f when the group, as a vector, points in a uniformly random direction
`Alone(i, e)`    normalized value of entry i in a group that holds nothing else

f is made of the group's mean and of its means of squares and fourth powers.  Directions are averaged over a set of
points, all of one weight, that averages polynomials of degree five as the sphere does: a hexagon, an icosahedron, a
24-cell.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any

import sympy as sp

from theory import notation as nt
from theory import registry, rules
from theory.equality import Check, equal
from theory.evaluation import evaluate
from theory.law import Law, Part
from theory.nodes.entries import Item, Mean, OfGroup, entries, entry, group_worlds, l, moved_world, normalized
from theory.registry import Situation
from theory.surds import Surd
from theory.world import Context, Number

__all__ = ["Alone", "Direction", "Signs"]


class Signs(nt.Node):
    """Expectation over the signs of the entries."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return nt._power(rf"\operatorname{{E}}_{{\pm}}\left[{printer._print(self.args[0])}\right]", exp, wrap=False)


class Direction(nt.Node):
    """Expectation over the direction of the vector."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return nt._power(rf"\operatorname{{E}}_{{x/|x|}}\left[{printer._print(self.args[0])}\right]", exp, wrap=False)


class Alone(OfGroup):
    """Normalized value in a group of one."""

    nargs = 2

    def in_algebra(self, algebra: Any) -> sp.Expr:
        """Return the normal form: that of a list normalized by its mean and variance which holds one entry."""
        values = [Item(nt.x, self.args[0])]
        mean = sp.Add(*values) / len(values)
        spread = sp.Add(*[(v - mean) ** 2 for v in values]) / len(values)
        found: sp.Expr = algebra.form((values[0] - mean) / sp.sqrt(spread + self.args[1]))
        return found

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        at, e = (printer._print(a) for a in self.args)
        return nt._power(rf"\hat x_{{{at}}}^{{\{{{at}\}}}}({e})", exp)


@registry.means(Alone)
def _alone(node: Alone, world: Context) -> Number:
    return normalized([entries(world)[entry(node.args[0], world)]], evaluate(node.args[1], world))[0]


registry.worlds(Alone)(group_worlds)


def _mean_over(vectors: Sequence[Sequence[Number]], body: sp.Basic, world: Context) -> Number:
    total = sum((evaluate(body, moved_world(world, vector)) for vector in vectors), Fraction(0))
    return total / len(vectors)


@registry.means(Signs)
def _signs(node: Signs, world: Context) -> Number:
    x = entries(world)
    flipped = [[s * v for s, v in zip(signs, x, strict=True)] for signs in itertools.product((1, -1), repeat=len(x))]
    return _mean_over(flipped, node.args[0], world)


@lru_cache(maxsize=4)
def _points(size: int) -> tuple[tuple[Number, ...], ...]:
    """Return a set of directions."""
    if size == 2:
        half, high = Fraction(1, 2), Surd({3: Fraction(1, 2)})
        corners: list[tuple[Number, ...]] = [(Fraction(1), Fraction(0)), (half, high), (-half, high)]
        return tuple(corners + [tuple(-v for v in corner) for corner in corners])
    if size == 3:
        golden = Surd({1: Fraction(1, 2), 5: Fraction(1, 2)})
        first = [(Fraction(0), Fraction(s), golden * t) for s in (1, -1) for t in (1, -1)]
        return tuple((*p[k:], *p[:k]) for p in first for k in range(3))
    if size == 4:
        return tuple(tuple(Fraction({i: s, j: t}.get(k, 0)) for k in range(4))
                     for i, j in itertools.combinations(range(4), 2) for s in (1, -1) for t in (1, -1))
    raise KeyError(f"no set of directions in {size} dimensions is at hand")


@registry.means(Direction)
def _direction(node: Direction, world: Context) -> Number:
    return _mean_over(_points(world.size), node.args[0], world)


@registry.worlds(Signs, Direction)
def _worlds(law: Law, part: Part, rng: random.Random) -> Iterator[Context]:
    """Groups of two to four entries, not all of one size."""
    for world in group_worlds(law, part, rng):
        if world.size <= 4 and len({abs(v) for v in world.population["x"]}) > 1:
            yield world


_MEAN = Mean(Item(nt.x, l), l)
_SQUARES, _FOURTHS = Mean(Item(nt.x, l) ** 2, l), Mean(Item(nt.x, l) ** 4, l)


@registry.rule("fair signs", "the mean of a product of entries with fair signs is zero unless each occurs evenly often")
def _fair_signs(at: Situation) -> Check:
    """Carry out the expectation of polynomials in the mean, of degree four at most."""
    size = nt.n

    def carried(body: sp.Expr) -> sp.Expr:
        plain = rules.unfold(body, at.definitions).xreplace({_MEAN: nt.m})
        if plain.replace(Mean, lambda *_: sp.S.One).free_symbols & {*nt.BATCH_STATISTICS} - {nt.m}:
            raise ValueError("only the mean may depend on the signs")
        # Sums over entries coincide in pairs, or all four.
        squares, fourths = size * _SQUARES, size * _FOURTHS
        known = {0: sp.S.One, 2: squares / size**2, 4: (3 * squares**2 - 2 * fourths) / size**4}
        total = sp.S.Zero
        for (power,), factor in sp.Poly(plain, nt.m).terms():
            if not (power % 2 or power in known):
                raise ValueError("a degree in the mean above four")
            if any(mean not in (_SQUARES, _FOURTHS) for mean in factor.atoms(Mean)) or factor.has(nt.BatchSum):
                raise ValueError("beside the mean, only sums of squares and of fourth powers may occur")
            total += factor * known.get(power, sp.S.Zero)
        return total

    return equal(*(rules.unfold(side.replace(Signs, carried), at.definitions) for side in (at.left, at.right)))


@registry.rule("flip", "the signs of a uniformly random direction are fair, whatever the sizes of its entries")
def _flip(at: Situation) -> Check:
    return equal(at.left.replace(Direction, lambda body: Direction(Signs(body))), at.right)


@lru_cache(maxsize=1)
def _fourth() -> sp.Expr:
    """Return the mean fourth power of an entry of a random unit vector in n dimensions.

    The squares add up to one, and their square is one; a turn by an eighth in a plane of two entries takes the one to
    (x_1 + x_2)/sqrt(2) and must leave its mean fourth power as it is.
    """
    one, two = sp.symbols("one two", real=True)
    a, b = sp.symbols("a b", real=True)
    turned = sp.Poly(sp.expand(((a + b) / sp.sqrt(2)) ** 4), a, b)
    means = {(4, 0): one, (0, 4): one, (2, 2): two}
    after = sum((factor * means.get(powers, sp.S.Zero) for powers, factor in turned.terms()), sp.S.Zero)
    found = sp.solve([after - one, nt.n * one + nt.n * (nt.n - 1) * two - 1], [one, two], dict=True)
    return found[0][one]


@registry.rule("turn", "the mean fourth power of an entry of a random unit vector: it stays when the vector is turned, "
               "and squares add up to one")
def _turn(at: Situation) -> Check:
    """Replace the mean of the fourth powers over the squared mean of the squares, in expectation."""
    letter = sp.Dummy("ratio")

    def carried(body: sp.Expr) -> sp.Expr:
        plain = sp.cancel(rules.unfold(body, at.definitions).xreplace({_FOURTHS: letter * _SQUARES**2}))
        if plain.has(Mean, nt.m, nt.BatchSum) or not plain.is_polynomial(letter) or sp.degree(plain, letter) > 1:
            raise ValueError("the body must be linear in the ratio of fourth powers to squares")
        # n entries: the ratio is n times the sum of fourth powers of the unit vector.
        return plain.xreplace({letter: nt.n * nt.n * _fourth()})

    return equal(at.left.replace(Direction, carried), at.right.replace(Direction, carried))
