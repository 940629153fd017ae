"""Taylor polynomials: what a law says of small steps, large batches or any other small parameter.

`Taylor(f, x, n)`  the terms of f through order n in x, at 0.  A claim on it states its last coefficient.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import sympy as sp

from theory import registry, rules
from theory.equality import UNDECIDED, Check, equal
from theory.evaluation import evaluate
from theory.jets import Jet
from theory.notation import Node
from theory.registry import Situation
from theory.world import Context, Number

__all__ = ["Taylor"]

SPARE = 6
"""Orders beyond the last one asked for, which divisions by what vanishes at 0 use up."""


class Taylor(Node):
    """The Taylor polynomial of the first argument in the second at 0, through the order of the third."""

    nargs = 3

    @property
    def order(self) -> int:
        """Last order kept."""
        return int(self.args[2])

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        body, variable, order = (printer._print(a) for a in self.args)
        text = rf"\left[{body}\right]_{{{variable}^{{\le {order}}}}}"
        return rf"\left({text}\right)^{{{exp}}}" if exp else text


@registry.means(Taylor)
def _taylor(node: Taylor, world: Context) -> Number:
    variable = node.args[1]
    point = evaluate(variable, world)
    jet = Jet([Fraction(0), Fraction(1)] + [Fraction(0)] * (node.order + SPARE - 1))
    found = evaluate(node.args[0], replace(world, values={**world.values, variable: jet}, facts={}))
    return found.at(point, node.order) if isinstance(found, Jet) else found


@registry.rule("series", "the coefficients of the power series, order by order")
def check(at: Situation) -> Check:
    """Prove the value of every Taylor polynomial in the left line, order by order."""
    nodes = at.left.atoms(Taylor)
    if len(nodes) != 1:
        return Check(UNDECIDED, {"rule": f"one Taylor polynomial at a time; the line holds {len(nodes)}"})
    (node,) = nodes
    if at.left != node:
        return Check(UNDECIDED, {"rule": "the line must be the Taylor polynomial alone"})
    variable, order = node.args[1], node.order
    body = rules.unfold(node.args[0], at.definitions)
    claimed = sp.expand(rules.unfold(at.right, at.definitions))
    if not claimed.is_polynomial(variable) or sp.degree(claimed, variable) > order:
        return Check(UNDECIDED, {"rule": f"the new line is no polynomial in {variable} through order {order}"})
    for spare in (0, 2, SPARE):  # what is lost to denominators shows only when carried: as little as will do
        rational, used = _truncated(body, variable, order + spare)
        if used <= spare:
            break
    else:
        return Check(UNDECIDED, {"rule": f"denominators vanish to order {used} at {variable} = 0; {SPARE} allowed"})
    found = _coefficients(rational, variable, order)
    return rules.worst(*(equal(found[k], claimed.coeff(variable, k)) for k in range(order + 1)))


def _truncated(expr: sp.Expr, variable: sp.Symbol, order: int) -> tuple[sp.Expr, int]:
    """Return a rational function that agrees through an order, and how many orders its denominators use up."""
    used = 0

    def visit(node: sp.Expr) -> sp.Expr:
        nonlocal used
        if not node.has(variable) or node.is_Symbol:
            return node
        if isinstance(node, sp.Pow) and node.exp.is_Integer:
            base = visit(node.base)
            if node.exp < 0 and sp.cancel(base) == 0:  # nothing of it is left at this order
                used += SPARE + 1
                return sp.S.One
            if node.exp < 0:
                used += -int(node.exp) * _valuation(base, variable)
            return base**node.exp
        if isinstance(node, (sp.Add, sp.Mul)):
            return node.func(*[visit(a) for a in node.args])
        inner = visit(node.base if isinstance(node, sp.Pow) else node.args[0])
        small = inner - inner.xreplace({variable: sp.S.Zero})
        start = sp.cancel(inner - small)
        if isinstance(node, sp.Pow) and not node.exp.has(variable):
            return start**node.exp * _binomial(sp.cancel(small / start), node.exp, order)
        if isinstance(node, sp.log):
            ratio = sp.cancel(small / start)
            return sp.log(start) + sum(-((-ratio) ** j) / j for j in range(1, order + 1))
        if isinstance(node, sp.exp):
            return sp.exp(start) * sum(small**j / sp.factorial(j) for j in range(order + 1))
        raise ValueError(f"no power series is known for {node}")

    return visit(expr), used


def _binomial(ratio: sp.Expr, power: sp.Expr, order: int) -> sp.Expr:
    """Return ``(1 + ratio)**power`` through an order in the ratio."""
    return sum(sp.prod([power - i for i in range(j)]) / sp.factorial(j) * ratio**j for j in range(order + 1))


def _valuation(expr: sp.Expr, variable: sp.Symbol) -> int:
    top, bottom = (sp.Poly(side, variable) for side in sp.fraction(sp.cancel(sp.together(expr))))
    return max(0, min(m[0] for m in top.monoms()) - min(m[0] for m in bottom.monoms()))


def _coefficients(rational: sp.Expr, variable: sp.Symbol, order: int) -> list[sp.Expr]:
    """Divide two polynomials as power series."""
    top, bottom = (sp.Poly(side, variable) for side in sp.fraction(sp.cancel(sp.together(rational))))
    if bottom.coeff_monomial(1) == 0:
        raise ValueError(f"the function has a pole at {variable} = 0")
    a = [top.coeff_monomial(variable**k) for k in range(order + 1)]
    b = [bottom.coeff_monomial(variable**k) for k in range(order + 1)]
    found: list[sp.Expr] = []
    for k in range(order + 1):
        found.append(sp.cancel((a[k] - sum(found[i] * b[k - i] for i in range(k))) / b[0]))
    return found


