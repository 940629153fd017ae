"""Rules of calculus: derivatives term by term, values inserted, and the mean of a root against the root of the mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy as sp

from theory import moments, registry, rules
from theory import notation as nt
from theory.equality import UNDECIDED, Check, equal
from theory.nodes.bound import manifest
from theory.nodes.derivatives import First
from theory.registry import Situation

__all__ = ["First", "carried", "derivative"]

_LINEAR = (nt.BatchSum, nt.OtherSum, nt.ComplementSum, nt.PopMean, nt.E)


def derivative(expr: sp.Basic, p: sp.Symbol) -> sp.Expr:
    """Return the derivative of an expression in a parameter: sums and means are derived term by term.

    Raises
    ------
    ValueError
        If the parameter stands where no rule of derivation is known.
    """
    if not expr.has(p):
        return sp.S.Zero
    if expr == p:
        return sp.S.One
    if isinstance(expr, sp.Add):
        return sp.Add(*[derivative(a, p) for a in expr.args])
    if isinstance(expr, sp.Mul):
        return sp.Add(*[sp.Mul(*expr.args[:k], derivative(a, p), *expr.args[k + 1:])
                        for k, a in enumerate(expr.args)])
    if isinstance(expr, sp.Pow) and not expr.exp.has(p):
        return expr.exp * expr.base ** (expr.exp - 1) * derivative(expr.base, p)
    if isinstance(expr, _LINEAR) and not any(a.has(p) for a in expr.args[1:]):
        return expr.func(derivative(expr.args[0], p), *expr.args[1:])
    raise ValueError(f"no derivative of {type(expr).__name__} in {p} is known")


def carried(expr: sp.Basic, definitions: Mapping[Any, Any]) -> sp.Basic:
    """Carry out the derivatives and the values inserted in a line, from the inside out."""
    if not expr.args:
        return expr
    if not isinstance(expr, (First, nt.At)):
        return expr.func(*[carried(a, definitions) for a in expr.args])
    body = carried(expr.args[0], definitions)
    moved = {expr.args[1]} if isinstance(expr, First) else set(expr.settings)
    hidden = {k: v for k, v in definitions.items() if rules.unfold(sp.sympify(k), definitions).free_symbols & moved}
    body = rules.unfold(body, hidden)
    if isinstance(expr, First):
        return derivative(body, expr.args[1])
    return body.xreplace({k: carried(v, definitions) for k, v in expr.settings.items()})


@registry.rule("differentiate", "derivatives of sums, products and powers, and values inserted for letters")
def _differentiate(at: Situation) -> Check:
    left, right = (moments.expand_sums(carried(side, at.definitions).replace(nt.E, moments.linear_expectation), nt.B)
                   for side in (at.left, at.right))
    return equal(left, right)


@registry.rule("root mean square", "the mean of a number is at most the root of its mean square: a variance is never "
               "negative", bound=True)
def _root_mean_square(at: Situation) -> Check:
    """Replace ``E[f]`` by the root of ``E[f^2]``, whose value `where` gives as ``second``."""
    second = at.step.where.get("second")
    means = sorted(at.left.atoms(nt.E), key=str)
    if second is None or len(means) != 1:
        return Check(UNDECIDED, {"rule": f"one mean, and the value of its mean square, are needed; found {len(means)}"})
    (mean,), letter = means, sp.Dummy("mean", real=True)
    outside = sp.expand(at.left.xreplace({mean: letter}))
    slope = sp.diff(outside, letter)
    upward = slope if at.part.relation == "<=" else -slope
    if slope.has(letter) or not manifest(upward):
        raise ValueError("the mean must enter linearly, with a factor of known sign")
    body, size = mean.args
    found = moments.expand_sums(moments.expect(rules.unfold(body**2, at.definitions), size, at.design), size)
    same = equal(rules.unfold(found, at.definitions), rules.unfold(sp.sympify(second), at.definitions))
    return rules.worst(same, equal(outside.xreplace({letter: sp.sqrt(second)}), at.right))
