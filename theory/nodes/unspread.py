"""Batches that may have no spread: outputs that are zero there.

`Filled(a, b)`   a/b, and 0 where b = 0
`Flat(b)`        1 where b = 0, else 0; as `Filled` it is meant for a standard deviation b
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import sympy as sp

from theory import moments, registry, rules
from theory import notation as nt
from theory.equality import UNDECIDED, Check, equal
from theory.evaluation import evaluate
from theory.law import Law, Part
from theory.registry import Situation
from theory.world import Context, Number

__all__ = ["Filled", "Flat", "deviation"]

deviation = sp.sqrt(nt.BatchSum(nt.x**2) / nt.B - (nt.BatchSum(nt.x) / nt.B) ** 2)
"""The batch's standard deviation written out: a statement that holds `s` says nothing of batches without spread."""


class Filled(nt.Node):
    """A quotient, zero where the divisor is."""

    nargs = 2
    transparent = True

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        above, below = (printer._print(a) for a in self.args)
        return nt._power(rf"\left[\frac{{{above}}}{{{below}}}\right]_0", exp, wrap=False)


class Flat(nt.Node):
    """Indicator of zero."""

    nargs = 1
    transparent = True

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return nt._power(rf"\mathbf{{1}}\left\{{{printer._print(self.args[0])}=0\right\}}", exp)


@registry.means(Filled)
def _filled(node: Filled, world: Context) -> Number:
    divisor = evaluate(node.args[1], world)
    return Fraction(0) if divisor == 0 else evaluate(node.args[0], world) / divisor


@registry.means(Flat)
def _flat(node: Flat, world: Context) -> Number:
    return Fraction(evaluate(node.args[0], world) == 0)


@registry.worlds(Filled)
def _worlds(law: Law, part: Part, rng: random.Random) -> Iterator[Context]:
    """Draw small populations, most of them with equal values, and every batch size."""
    while True:
        design = rng.choice(law.designs)
        n = rng.randint(2, 6 if design == "wor" else 4)
        column = [Fraction(rng.choice((0, 0, 0, rng.randint(-3, 5)))) for _ in range(n)]
        column[-1] += 2 * (len(set(column)) == 1)
        size = rng.randint(2, n if design == "wor" else 3)
        yield Context(dict.fromkeys(("x", "g", "u", "v", "w"), column), design, {nt.B: Fraction(size)}, law.where)


@registry.rule("flat or not", "two cases: where s > 0 the quotient is one; where s = 0 every example is at the mean, "
               "the quotient is 0 and the indicator 1")
def _cases(at: Situation) -> Check:
    left, right = (side.xreplace({deviation: nt.s}) for side in (at.left, at.right))
    if left.atoms(Flat) | right.atoms(Flat) - {Flat(nt.s)} or any(
            node.args[1] != nt.s for node in left.atoms(Filled) | right.atoms(Filled)):
        return Check(UNDECIDED, {"rule": "the cases are told by the batch's standard deviation"})
    sums = {nt.BatchSum(nt.x): nt.B * nt.m, nt.BatchSum(nt.x**2): nt.B * (nt.s**2 + nt.m**2)}

    def spread(side: sp.Basic) -> sp.Expr:
        shown = side.replace(Filled, lambda a, b: a / b).replace(Flat, lambda b: sp.S.Zero)
        return moments.expand_sums(shown, nt.B).xreplace(sums)

    def flat(side: sp.Basic) -> sp.Expr:
        shown = side.replace(Filled, lambda a, b: sp.S.Zero).replace(Flat, lambda b: sp.S.One)
        return moments.expand_sums(shown, nt.B).xreplace(sums).xreplace({nt.s: sp.S.Zero})

    return rules.worst(*(equal(case(left), case(right)) for case in (spread, flat)))


@registry.rule("flat means", "expectation is linear; the mean of s^2 + (m - mu)^2 is the variance of one example")
def _means(at: Situation) -> Check:
    """Carry expectations out by the moment calculus, with the indicator of flat batches as one more number."""
    def carried(side: sp.Basic) -> sp.Expr:
        def expectation(body: sp.Expr, size: sp.Expr) -> sp.Expr:
            letter = sp.Dummy("flat")
            plain = sp.expand(body.xreplace({Flat(nt.s): letter}))
            share = plain.coeff(letter)
            if share.free_symbols & {nt.s, nt.m} or share.has(nt.Node) or sp.degree(plain, letter) > 1:
                raise ValueError("the indicator must stand alone, with a constant factor")
            rest = moments.expect(plain.coeff(letter, 0), size, at.design)
            return rest + share * (nt.E(Flat(nt.s), size) if share != 0 else 0)

        done = rules.unfold(side, constants).replace(nt.E, expectation)
        return rules.unfold(moments.expand_sums(done, nt.B), constants)

    constants = {k: v for k, v in at.definitions.items() if not sp.sympify(v).has(nt.E)}
    return equal(*(carried(side.xreplace({deviation: nt.s})) for side in (at.left, at.right)))
