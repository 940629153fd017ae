"""Sums and largest values over the eigenmodes of a Hessian, which stand in for the examples of a population.

`ModeSum(f)`    sum of f over the modes
`Greatest(f)`   largest value of f over the modes
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
from theory.equality import UNDECIDED, Check, equal
from theory.evaluation import evaluate
from theory.law import Law, Part
from theory.nodes.bound import manifest
from theory.registry import Situation
from theory.world import Context, Number

__all__ = ["Greatest", "ModeSum"]


class ModeSum(nt.Node):
    """Sum over the modes."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return nt._power(rf"\sum_i{nt._indexed(printer, self.args[0])}", exp)


class Greatest(nt.Node):
    """Largest value over the modes."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return nt._power(rf"\max_i{nt._indexed(printer, self.args[0])}", exp)


@registry.means(Greatest)
def _greatest(node: Greatest, world: Context) -> Number:
    return max(evaluate(node.args[0], replace(world, example=i)) for i in range(world.size))


@registry.means(ModeSum)
def _mode_sum(node: ModeSum, world: Context) -> Number:
    return sum((evaluate(node.args[0], replace(world, example=i)) for i in range(world.size)), Fraction(0))


@registry.worlds(ModeSum, Greatest)
def _worlds(law: Law, part: Part, rng: random.Random) -> Iterator[Context]:
    """Curvatures u of a few modes and a shift x, in every other world along the sharpest mode alone."""
    while True:
        n = rng.randint(2, 6)
        columns = {name: [Fraction(rng.randint(-5, 9), rng.randint(1, 3)) for _ in range(n)] for name in "gxuvw"}
        columns["u"] = [abs(h) for h in columns["u"]]
        if rng.random() < Fraction(1, 2):
            top = columns["u"].index(max(columns["u"]))
            columns["x"] = [x if i == top else Fraction(0) for i, x in enumerate(columns["x"])]
        columns["x"][0] += not any(columns["x"])
        yield Context(columns, "wor", {}, law.where)


@registry.rule("largest", "a sum weighted by nonnegative numbers is at most the largest value times the sum of the "
               "weights", bound=True)
def _largest(at: Situation) -> Check:
    if at.part.relation != "<=":
        return Check(UNDECIDED, {"rule": "the largest value bounds from above only"})
    if not isinstance(at.left, ModeSum):
        raise ValueError("the line must be one sum over the modes")
    factors = sp.Mul.make_args(at.left.args[0])
    weight = sp.Mul(*(f for f in factors if f != nt.u))
    if nt.u not in factors or not manifest(weight):
        return Check(UNDECIDED, {"rule": "the weights of u are not known to be nonnegative"})
    return equal(*(rules.unfold(side, at.definitions) for side in (Greatest(nt.u) * ModeSum(weight), at.right)))


@registry.rule("common factor", "a factor common to all modes comes out of their sum")
def _common_factor(at: Situation) -> Check:
    def out(inner: sp.Expr) -> sp.Expr:
        constant, varying = _split(inner)
        return constant * ModeSum(varying)

    return equal(*(rules.unfold(side, at.definitions).replace(ModeSum, out) for side in (at.left, at.right)))


def _split(expr: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """Split a product into what is the same for all modes and what is not."""
    split: tuple[sp.Expr, sp.Expr] = expr.as_independent(
        *(s for s in expr.free_symbols if isinstance(s, nt.PerExample)), as_Add=False)
    return split


@registry.rule("scale", "a nonnegative factor common to all modes comes out of the largest value")
def _scale(at: Situation) -> Check:
    def out(inner: sp.Expr) -> sp.Expr:
        constant, varying = _split(inner)
        if not manifest(constant):
            raise ValueError(f"{constant} is not known to be nonnegative")
        return constant * Greatest(varying)

    return equal(rules.unfold(at.left.replace(Greatest, out), at.definitions), rules.unfold(at.right, at.definitions))
