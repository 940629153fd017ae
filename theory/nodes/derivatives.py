"""Derivatives of a loss in its parameters, and the rectifier.

`First(f, p)`       derivative of f in a parameter p, where p stands
`Second(f, p, q)`   second derivative of f in p and q
`Relu(a)`           the larger of a and 0
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import sympy as sp

from theory import notation as nt
from theory import registry
from theory.equality import Check
from theory.evaluation import evaluate
from theory.jets import Jet
from theory.nodes.convex import agree
from theory.registry import Situation
from theory.world import Context, Number

__all__ = ["First", "Relu", "Second"]


class First(nt.Node):
    """First derivative."""

    nargs = 2
    transparent = True

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        body, p = (printer._print(a) for a in self.args)
        return nt._power(rf"\frac{{\partial}}{{\partial {p}}}{body}", exp)


class Second(nt.Node):
    """Second derivative."""

    nargs = 3
    transparent = True

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        body, p, q = (printer._print(a) for a in self.args)
        variables = rf"{p}^2" if p == q else rf"{p}\,\partial {q}"
        return nt._power(rf"\frac{{\partial^2}}{{\partial {variables}}}{body}", exp)


class Relu(nt.Node):
    """The larger of the argument and 0."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return nt._power(rf"\left({printer._print(self.args[0])}\right)_+", exp)


@registry.means(Relu)
def _relu(node: Relu, world: Context) -> Number:
    value = evaluate(node.args[0], world)
    if not isinstance(value, Jet):
        return max(value, Fraction(0))
    if value[0] == 0 and any(term != 0 for term in value.terms):
        raise ZeroDivisionError("a rectifier has no derivative at its kink")
    return value if value[0] > 0 else value * Fraction(0)


def _coefficient(body: sp.Basic, moved: tuple[sp.Basic, ...], order: int, world: Context) -> Number:
    """Return a Taylor coefficient of the body when some parameters move together."""
    jets = {p: Jet([evaluate(p, world), Fraction(1), *[Fraction(0)] * (order - 1)]) for p in moved}
    found = evaluate(body, replace(world, values={**world.values, **jets}, facts={}))
    return found[order] if isinstance(found, Jet) else Fraction(0)


@registry.means(First)
def _first(node: First, world: Context) -> Number:
    return _coefficient(node.args[0], (node.args[1],), 1, world)


@registry.means(Second)
def _second(node: Second, world: Context) -> Number:
    body, p, q = node.args
    if p == q:
        return 2 * _coefficient(body, (p,), 2, world)
    return (_coefficient(body, (p, q), 2, world) - _coefficient(body, (p,), 2, world)
            - _coefficient(body, (q,), 2, world))


@registry.rule("chain rule", "derivatives at rescaled parameters are derivatives of the rescaled function, over the "
               "scales")
def _chain_rule(at: Situation) -> Check:
    def carried(*args: sp.Basic) -> sp.Basic:
        settings = nt.At(*args).settings
        scales = {p: value / p for p, value in settings.items()}
        if any(scale.has(*settings) for scale in scales.values()):
            raise ValueError("the parameters must be rescaled, each by a number")

        def derivative(node: sp.Basic) -> sp.Basic:
            body, *variables = node.args
            factor = sp.Mul(*(scales.get(v, sp.S.One) for v in variables))
            return node.func(body.xreplace(settings), *variables) / factor

        inside = {node: derivative(node) for node in args[0].atoms(First, Second)}
        if args[0].xreplace(dict.fromkeys(inside, sp.S.One)).has(*settings):
            raise ValueError("the parameters stand outside derivatives too")
        return args[0].xreplace(inside)

    return agree(at.left.replace(nt.At, carried), at.right)


@registry.rule("homogeneous", "a positive factor comes out of a rectifier, and out of a mean")
def _homogeneous(at: Situation) -> Check:
    def split(inner: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
        factors = sp.Mul.make_args(inner)
        scales = [f for f in factors if f.is_positive and not f.has(nt.Node, nt.PerExample)]
        return sp.Mul(*scales), sp.Mul(*(f for f in factors if f not in scales))

    def rectifier(inner: sp.Expr) -> sp.Expr:
        scale, rest = split(inner)
        return scale * Relu(rest)

    def mean(inner: sp.Expr) -> sp.Expr:
        scale, rest = split(inner)
        return scale * nt.PopMean(rest)

    return agree(*(side.replace(Relu, rectifier).replace(nt.PopMean, mean) for side in (at.left, at.right)))
