"""The rule of sums of squares: for numbers that are not negative."""

from __future__ import annotations

import sympy as sp

from theory import notation as nt
from theory import registry
from theory.equality import Check, equal
from theory.nodes.bound import manifest
from theory.registry import Situation

__all__: list[str] = []


@registry.rule("sum of squares", "the squares of numbers >= 0 add up to at most the square of their sum", bound=True)
def _sum_of_squares(at: Situation) -> Check:
    """Replace the one mean of f^2 of the line by N times the square of the mean of f, f >= 0 by its form."""
    if at.part.relation != "<=":
        raise ValueError("the rule bounds from above only")
    means = [e for e in at.left.atoms(nt.PopMean) if e.args[0].is_Pow and e.args[0].exp.is_Integer
             and e.args[0].exp % 4 == 0]
    if len(means) != 1:
        raise ValueError(f"the line must hold one mean of the square of an even power, not {len(means)}")
    (mean,), letter = means, sp.Dummy("mean", nonnegative=True)
    outside = sp.expand(at.left.xreplace({mean: letter}))
    root = mean.args[0].base ** (mean.args[0].exp / 2)
    slope = sp.diff(outside, letter)
    if slope.has(letter) or not manifest(slope) or not manifest(root):
        raise ValueError("the mean must enter linearly with a factor >= 0, and the numbers must be >= 0 by their form")
    return equal(outside.xreplace({letter: nt.N * nt.PopMean(root) ** 2}), at.right)
