"""A law's domain in nonnegative symbols, read off its parameters and constraints: what signs are shown in."""

from __future__ import annotations

import math

import sympy as sp

from theory.domain import Integers, Reals
from theory.law import Law

__all__ = ["charts"]


def charts(law: Law) -> dict[sp.Basic, sp.Expr]:
    """Return what the parameters of a law are in fresh nonnegative symbols, by their domains and the constraints.

    A parameter with a lowest value is that plus something; where a constraint says ``a >= f``, a is f plus something,
    and where it says ``f <= a + c`` of linear expressions, a is f - c plus something.
    """
    found: dict[sp.Basic, sp.Expr] = {}
    above = {param.symbol: sp.Symbol(f"{param.name}_above", nonnegative=True) for param in law.params}
    for param in law.params:
        domain = param.domain
        if isinstance(domain, (Integers, Reals)) and domain.low > -math.inf:
            found[param.symbol] = sp.sympify(domain.low) + above[param.symbol]
    for constraint in law.constraints:
        relation = constraint.relation
        if constraint.design is not None or not isinstance(relation, (sp.Ge, sp.Le)):
            continue
        if isinstance(relation, sp.Ge) and relation.lhs in above:
            found[relation.lhs] = relation.rhs + above[relation.lhs]
            continue
        rest = sp.expand(relation.gts - relation.lts)
        known = sorted(rest.free_symbols, key=str)
        if known and all(sp.degree(rest, symbol) == 1 for symbol in known) and found.keys() >= set(known):
            top = [symbol for symbol in known if rest.coeff(symbol) == 1]
            if top and sp.Poly(rest, *known).total_degree() == 1:
                found[top[0]] = sp.expand(top[0] - rest) + above[top[0]]
    for _ in range(4):
        found = {symbol: value.xreplace(found) for symbol, value in found.items()}
    return found
