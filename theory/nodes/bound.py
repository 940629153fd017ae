"""The rule of bounds: what is left between two lines is manifestly of one sign on the law's domain."""

from __future__ import annotations

import sympy as sp

from theory import notation as nt
from theory import registry, rules
from theory.equality import PROVED, UNDECIDED, Check, equal
from theory.nodes.whole import Whole
from theory.registry import Situation

__all__ = ["manifest", "slack"]

_SUMS = (nt.E, nt.PopMean, nt.BatchSum, nt.OtherSum, nt.ComplementSum, Whole)


def slack(relation: str, left: sp.Expr, right: sp.Expr) -> sp.Expr:
    """Return what must be nonnegative for two lines to stand in a relation."""
    return right - left if relation == "<=" else left - right


def manifest(expr: sp.Basic) -> bool:
    """Say whether an expression is nonnegative by its form alone.

    Squares of real quantities, nonnegative symbols and numbers, their sums, products, quotients and powers, and
    sums and means over examples or batches of such.
    """
    if isinstance(expr, sp.Rational):
        return bool(expr >= 0)
    if isinstance(expr, sp.Symbol):
        return expr.is_nonnegative is True
    if isinstance(expr, sp.Pow):
        even = expr.exp.is_Integer and expr.exp % 2 == 0
        return (even and _real(expr.base)) or (manifest(expr.base) and expr.exp.is_real is True)
    if isinstance(expr, (sp.Add, sp.Mul)):
        return all(manifest(a) for a in expr.args)
    if isinstance(expr, (sp.Abs, sp.exp)):
        return True
    return isinstance(expr, _SUMS) and manifest(expr.args[0])


def _real(expr: sp.Basic) -> bool:
    return expr.is_extended_real is True or all(s.is_real for s in expr.free_symbols)


@registry.rule("bound", "what is left between the two lines has one sign on the domain", bound=True)
def check(at: Situation) -> Check:
    """Prove a bound by the sign of the difference.

    `where` may map parameters to charts of their domains (see the rule ``root``), and ``difference`` to a form of
    the difference whose sign shows: a sum of squares, say.
    """
    charts = {k: sp.sympify(v) for k, v in at.step.where.items() if isinstance(k, sp.Symbol)}
    gap = rules.uncovered(at.law, charts)
    if gap:
        return Check(UNDECIDED, {"rule": gap})
    difference = rules.unfold(slack(at.part.relation, at.left, at.right), at.definitions).xreplace(charts)
    shown = at.step.where.get("difference")
    if shown is None:
        shown = _over_nonnegative(difference)
    else:
        shown = rules.unfold(sp.sympify(shown), at.definitions).xreplace(charts)
    same = equal(difference, shown)
    sign = PROVED if manifest(shown) else UNDECIDED
    return Check(same.answer if sign == PROVED else UNDECIDED, {**same.engines, "sign": sign})


def _over_nonnegative(difference: sp.Expr) -> sp.Expr:
    """Return a difference as a quotient of expanded polynomials, the lower one of positive leading coefficient."""
    top, bottom = sp.fraction(sp.cancel(sp.together(difference)))
    if sp.expand(bottom).could_extract_minus_sign():
        top, bottom = -top, -bottom
    return sp.Mul(sp.expand(top), 1 / sp.expand(bottom), evaluate=False)
