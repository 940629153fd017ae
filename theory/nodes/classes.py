"""Batches that are not independent draws: blocks of examples of one class.

`ClassMean(f)`      mean of f over the class of the example at hand
`Blocks(f)`         expectation over a batch of `G` blocks of `b` examples: the class of each block is drawn with the
                    classes' shares, its examples are independent draws from that class; f is a polynomial in sums
                    over the batch

One block is a class-pure batch; blocks of one example are independent draws.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import sympy as sp

from theory import moments, registry, rules
from theory import notation as nt
from theory.equality import Check, equal
from theory.evaluation import evaluate
from theory.law import Law, Part
from theory.registry import Situation
from theory.world import Context, Number

__all__ = ["Blocks", "ClassMean"]

SIZES = ((1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (3, 1), (2, 3), (1, 4))
"""Blocks a batch and examples a block of the worlds tried."""


class ClassMean(nt.Node):
    """Mean over the class of the example at hand."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return nt._power(rf"\left\langle {printer._print(self.args[0])}\right\rangle_{{k(i)}}", exp, wrap=False)


class Blocks(nt.Node):
    """Expectation over a batch of blocks."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return nt._power(rf"\operatorname{{E}}_{{\text{{blocks}}}}\left[{printer._print(self.args[0])}\right]", exp,
                         wrap=False)


@registry.means(ClassMean)
def _class_mean(node: ClassMean, world: Context) -> Number:
    if world.example is None:
        raise KeyError("the mean of a class stands outside a sum over examples")
    members = next(c for c in world.state["classes"] if world.example in c)
    return sum((evaluate(node.args[0], replace(world, example=i)) for i in members), Fraction(0)) / len(members)


@registry.means(Blocks)
def _blocks(node: Blocks, world: Context) -> Number:
    """Carry the law of the sums from block to block, each found by visiting every class and every sequence of draws."""
    body = node.args[0]
    sums = sorted(body.atoms(nt.BatchSum), key=str)
    count, size = int(evaluate(nt.G, world)), int(evaluate(nt.b, world))
    one: dict[tuple[Number, ...], Fraction] = {}
    for members in world.state["classes"]:
        chance = Fraction(len(members), world.size) / len(members) ** size
        for draws in itertools.product(members, repeat=size):
            outcome = tuple(evaluate(s, replace(world, batch=draws)) for s in sums)
            one[outcome] = one.get(outcome, Fraction(0)) + chance
    total = {(Fraction(0),) * len(sums): Fraction(1)}
    for _ in range(count):
        grown: dict[tuple[Number, ...], Fraction] = {}
        for (before, p), (drawn, q) in itertools.product(total.items(), one.items()):
            after = tuple(x + y for x, y in zip(before, drawn, strict=True))
            grown[after] = grown.get(after, Fraction(0)) + p * q
        total = grown
    letters = [sp.Dummy() for _ in sums]
    shown = body.xreplace(dict(zip(sums, letters, strict=True)))
    return sum((p * evaluate(shown, replace(world, values={**world.values, **dict(zip(letters, at, strict=True))}))
                for at, p in total.items()), Fraction(0))


@registry.worlds(Blocks)
def _worlds(law: Law, part: Part, rng: random.Random) -> Iterator[Context]:
    """Draw two or three classes of a few small integers each."""
    while True:
        sizes = [rng.randint(1, 3) for _ in range(rng.randint(2, 3))]
        column = [Fraction(rng.randint(-6, 9)) for _ in range(sum(sizes))]
        places, classes = iter(range(len(column))), []
        for size in sizes:
            classes.append(tuple(itertools.islice(places, size)))
        count, size = rng.choice([g for g in SIZES if g[0] == 1 or part.statement.has(nt.G)])
        values = {nt.G: Fraction(count), nt.b: Fraction(size), nt.B: Fraction(count * size)}
        if not any(c.relation == sp.Eq(nt.B, nt.G * nt.b) for c in law.constraints):
            values.pop(nt.B)
        yield Context(dict.fromkeys(("x", "g", "u", "v", "w"), column), "wr", values, law.where,
                      state={"classes": tuple(classes)})


def _pair(f: sp.Expr, h: sp.Expr) -> sp.Expr:
    """Expectation of a product of two sums: the same draw, two of a block, two of different blocks."""
    mean = moments.mean_of
    same = nt.PopMean(ClassMean(f) * ClassMean(h))
    return nt.G * nt.b * mean(f * h) + nt.G * nt.b * (nt.b - 1) * same + nt.G * (nt.G - 1) * nt.b**2 * mean(f) * mean(h)


def _expected(body: sp.Expr) -> sp.Expr:
    """Expectation of a polynomial of degree two at most in sums over the batch.

    Raises
    ------
    ValueError
        If it is none.
    """
    total = sp.S.Zero
    for term in sp.Add.make_args(sp.expand(moments.expand_sums(body, nt.G * nt.b))):
        constant, factors = sp.S.One, []
        for factor in moments._factors(term):
            if isinstance(factor, nt.BatchSum):
                factors.append(factor.args[0])
            elif factor.has(nt.BatchSum):
                raise ValueError(f"{factor} is no polynomial in sums over the batch")
            else:
                constant *= factor
        if len(factors) > 2:
            raise ValueError("beyond the moments of two sums")
        if len(factors) == 2:
            constant *= _pair(*factors)
        elif factors:
            constant *= nt.G * nt.b * moments.mean_of(factors[0])
        total += constant
    return total


@registry.rule("blocks", "two sums over a batch meet in the same draw, in two of one block, or in two of different "
               "blocks, which are independent")
def _rule(at: Situation) -> Check:
    left, right = (rules.unfold(rules.unfold(side, at.definitions).replace(Blocks, _expected), at.definitions)
                   for side in (at.left, at.right))
    return equal(left, right)


@registry.rule("classes", "the mean over the population is that of the classes' means, which are constant in a class")
def _tower(at: Situation) -> Check:
    """Write the mean of what varies in a class, times means of classes, with the class's mean in its place."""
    def mean(body: sp.Expr) -> sp.Expr:
        total = sp.S.Zero
        for term in sp.Add.make_args(sp.expand(body)):
            factors = list(moments._factors(term))
            fixed = [f for f in factors if isinstance(f, ClassMean)]
            varying = sp.Mul(*(f for f in factors if isinstance(f, nt.PerExample)))
            rest = sp.Mul(*(f for f in factors if f not in fixed and not isinstance(f, nt.PerExample)))
            if rest.has(nt.PerExample):
                raise ValueError(f"{rest} is no product of quantities of an example and means of its class")
            inner = sp.Mul(*fixed) * (ClassMean(varying) if fixed and varying != 1 else varying)
            total += rest * (nt.PopMean(inner) if inner != 1 else sp.S.One)
        return total

    left, right = (rules.unfold(side, at.definitions).replace(nt.PopMean, mean) for side in (at.left, at.right))
    return equal(left, right)
