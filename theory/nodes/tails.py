"""Chances of one-sided events, and the square that bounds them.

`AtMostZero(a)`   1 where a is at most 0, else 0; its expectation is a probability
"""

from __future__ import annotations

import random
from collections.abc import Iterator
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

__all__ = ["AtMostZero"]


class AtMostZero(nt.Node):
    """Indicator of the argument being at most 0."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return nt._power(rf"\mathbf{{1}}\left\{{{printer._print(self.args[0])}\le 0\right\}}", exp)


@registry.means(AtMostZero)
def _at_most_zero(node: AtMostZero, world: Context) -> Number:
    return Fraction(evaluate(node.args[0], world) <= 0)


@registry.worlds(AtMostZero)
def _worlds(law: Law, part: Part, rng: random.Random) -> Iterator[Context]:
    """Small populations of any mean, half of them of two values, 0 and another: the extreme case of the bound."""
    while True:
        design = rng.choice(law.designs)
        n = rng.randint(2, 7 if design == "wor" else 4)
        if rng.random() < Fraction(1, 2):
            column = [Fraction(rng.randint(-5, 9)) for _ in range(n)]
        else:
            zeros = rng.randint(1, n - 1)
            column = [Fraction(0)] * zeros + [Fraction(rng.randint(1, 6), rng.randint(1, 4))] * (n - zeros)
        size = rng.randint(1, n if design == "wor" else 3)
        yield Context({name: column for name in ("g", "x", "u", "v", "w")}, design, {nt.B: Fraction(size)}, law.where)


@registry.rule("square above", "an indicator of a <= 0 is at most (1 - k a)^2 for any k >= 0: the square is never "
               "negative, and at least 1 where a <= 0", bound=True)
def _square_above(at: Situation) -> Check:
    """Prove the bound; `where` gives k as ``slope``."""
    if at.part.relation != "<=":
        return Check(UNDECIDED, {"rule": "the square bounds from above only"})
    events = at.left.atoms(AtMostZero)
    expectations = at.left.atoms(nt.E)
    if len(events) != 1 or at.left not in expectations or at.left.args[0] not in events:
        raise ValueError("the line must be the expectation of one indicator")
    slope = sp.sympify(at.step.where.get("slope", 0))
    if not manifest(_inside(at, slope)):
        return Check(UNDECIDED, {"rule": f"the slope {slope} is not known to be at least 0"})
    (event,), size = events, at.left.args[1]
    if not isinstance(at.right, nt.E) or at.right.args[1] != size:
        return Check(UNDECIDED, {"rule": "the new line must be an expectation over the same batches"})
    square = rules.unfold((1 - slope * event.args[0]) ** 2, at.definitions)
    same = equal(square, rules.unfold(at.right.args[0], at.definitions))
    return Check(PROVED if same.answer == PROVED else same.answer, {**same.engines, "slope": PROVED})


def _inside(at: Situation, expr: sp.Expr) -> sp.Expr:
    """Return an expression with N >= B >= 1 written out, where the law demands that batches fit."""
    extra, left_out = sp.symbols("extra left_out", nonnegative=True)
    if at.design != "wor" or not any(c.relation == sp.Le(nt.B, nt.N) for c in at.law.constraints):
        return expr
    return expr.xreplace({nt.B: 1 + extra, nt.N: 1 + extra + left_out})
