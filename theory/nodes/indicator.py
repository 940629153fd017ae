"""Indicators: 1 where a condition holds, 0 where it does not; and signs that follow from a law's domain.

`Positive(x)`  1 if x > 0, else 0.
`Same(x, y)`   1 if x = y, else 0.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
import sympy as sp

from theory import registry, rules
from theory.domain import Constraint, Param, Reals
from theory.equality import PROVED, UNDECIDED, Check, nonnegative
from theory.evaluation import evaluate
from theory.law import Law
from theory.registry import Situation
from theory.world import Context, Number

__all__ = ["Positive", "Same", "form", "positive", "positive_factors"]


Params = tuple[Param, ...]
Constraints = tuple[Constraint, ...]


class _Indicator(sp.Function):
    """A condition as a number."""

    is_commutative = True

    def _eval_is_extended_real(self) -> bool:
        return True

    def _eval_is_integer(self) -> bool:
        return True

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        body = rf"\left[{self._condition(*(printer._print(a) for a in self.args))}\right]"
        return f"{body}^{{{exp}}}" if exp else body

    def _condition(self, *args: str) -> str:
        raise NotImplementedError


class Positive(_Indicator):
    """1 where the argument is above zero, else 0."""

    nargs = 1
    _imp_: Callable[..., Any] = staticmethod(lambda x: np.where(np.asarray(x) > 0, 1.0, 0.0)[()])

    @classmethod
    def eval(cls, x: sp.Expr) -> sp.Expr | None:
        """Give numbers their value."""
        return sp.Integer(int(bool(x > 0))) if x.is_number and x.is_comparable else None

    def _condition(self, *args: str) -> str:
        return f"{args[0]} > 0"


class Same(_Indicator):
    """1 where both arguments are equal, else 0."""

    nargs = 2
    _imp_: Callable[..., Any] = staticmethod(lambda x, y: np.where(np.equal(x, y), 1.0, 0.0)[()])

    @classmethod
    def eval(cls, x: sp.Expr, y: sp.Expr) -> sp.Expr | None:
        """Give rational numbers their value."""
        return sp.Integer(int(x == y)) if x.is_Rational and y.is_Rational else None

    def _condition(self, *args: str) -> str:
        return " = ".join(args)


@registry.means(Positive)
def _positive(node: Positive, world: Context) -> Number:
    return Fraction(int(evaluate(node.args[0], world) > 0))


@registry.means(Same)
def _same(node: Same, world: Context) -> Number:
    left, right = (evaluate(a, world) for a in node.args)
    return Fraction(int(left == right))


def _above_zero(params: Params, constraints: Constraints, factor: sp.Expr) -> bool:
    """Say whether an expression is above zero on the domain: by its symbols, a constraint, or charts of (0, 1)."""
    if factor.is_positive or sp.expand(factor).is_positive:
        return True
    for constraint in constraints:
        if constraint.design is None and isinstance(constraint.relation, (sp.StrictLessThan, sp.StrictGreaterThan)):
            room = constraint.relation.gts - constraint.relation.lts
            ratio = sp.cancel(factor / room) if room.free_symbols <= factor.free_symbols else sp.S.Zero
            if ratio.is_positive:
                return True
    charts = {}
    for param in params:
        below_one = any(c.design is None and c.relation == sp.Lt(param.symbol, 1) for c in constraints)
        if below_one and isinstance(param.domain, Reals) and param.domain.low >= 0:
            q = sp.Dummy("q", nonnegative=True)
            charts[param.symbol] = q / (1 + q)
    shown = sp.cancel(sp.together(factor.xreplace(charts)))
    if not shown.is_rational_function():
        return False
    lowest = sp.numer(shown).xreplace(dict.fromkeys((c.free_symbols.pop() for c in charts.values()), sp.S.Zero))
    return bool(nonnegative(shown) == PROVED and sp.expand(lowest).is_positive)


def positive(law: Law, expr: sp.Basic) -> bool:
    """Say whether an expression is above zero on a law's domain, factor by factor."""
    return _known(tuple(law.params), tuple(law.constraints), sp.sympify(expr))


@lru_cache(maxsize=4096)
def _known(params: Params, constraints: Constraints, expr: sp.Expr) -> bool:
    sign = 1
    for factor in sp.Mul.make_args(sp.factor(sp.cancel(sp.together(expr)))):
        base, exponent = factor.as_base_exp()
        if not exponent.is_Integer:
            base, exponent = factor, sp.S.One
        if _above_zero(params, constraints, base):
            continue
        if not _above_zero(params, constraints, -base):
            return False
        sign *= (-1) ** int(exponent)
    return sign > 0


def form(law: Law, expr: sp.Basic) -> str:
    """Read the sign of a form off its structure: ``"positive"``, ``"nonnegative"`` or an empty text."""
    if positive(law, expr):
        return "positive"
    if isinstance(expr, (sp.Add, sp.Mul)):
        found = [form(law, a) for a in expr.args]
        enough = any if isinstance(expr, sp.Add) else all
        return "" if "" in found else "positive" if enough(f == "positive" for f in found) else "nonnegative"
    even = isinstance(expr, sp.Pow) and expr.exp.is_Integer and expr.exp > 0 and expr.exp % 2 == 0
    return "nonnegative" if expr.is_nonnegative or (even and expr.base.is_extended_real) else ""


def positive_factors(expr: sp.Expr) -> list[sp.Expr] | None:
    """Return the arguments of a product of `Positive`; None if it is another expression."""
    factors = [f for f in sp.Mul.make_args(expr) if f != 1]
    return [f.args[0] for f in factors] if all(isinstance(f, Positive) for f in factors) else None


@registry.rule("sign", "conditions that hold on the domain are dropped, and positive factors of the others")
def check(at: Situation) -> Check:
    """Prove that two products of `Positive` agree on the domain."""
    before, after = (positive_factors(rules.unfold(side, at.definitions)) for side in (at.left, at.right))
    if before is None or after is None:
        return Check(UNDECIDED, {"rule": "both lines must be products of conditions"})
    left = [x for x in before if not positive(at.law, x)]
    for x in after:
        match = next((y for y in left if positive(at.law, sp.cancel(x / y))), None)
        if match is None:
            return Check(UNDECIDED, {"rule": f"no condition before says {x} > 0"})
        left.remove(match)
    if left:
        return Check(UNDECIDED, {"rule": f"{left[0]} > 0 is not known on the domain"})
    return Check(PROVED, {"signs": PROVED})
