"""Ranks of matrices whose entries are named by two indices of a group.

`Rank(f, i, j, n)`   rank of the n by n matrix with entries f(i, j), over a group of n entries
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import sympy as sp

from theory import notation as nt
from theory import registry
from theory.equality import UNDECIDED, Check, equal
from theory.evaluation import evaluate
from theory.nodes.entries import Hat, Item, Mean, OfGroup, Slope, Total, bind, i, j, l
from theory.nodes.group import Algebra
from theory.registry import Situation
from theory.rules import worst
from theory.world import Context, Number

__all__ = ["Rank", "eliminated", "rms"]


def rms(at: sp.Basic) -> sp.Expr:
    """Return the output of RMSNorm at an entry."""
    return Item(nt.x, at) / sp.sqrt(Mean(Item(nt.x, l) ** 2, l))


class Rank(OfGroup):
    """Rank of a matrix over the group; see the module docstring."""

    nargs = 4

    @classmethod
    def of(cls, centered: bool, size: sp.Expr) -> sp.Expr:
        """Return the rank of the Jacobian of a group that is normalized with or without its mean."""
        return cls(Slope(Hat(i, 0) if centered else rms(i), j), i, j, size)

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        body, first, second, size = (printer._print(a) for a in self.args)
        return nt._power(rf"\operatorname{{rank}}\left({body}\right)_{{{first},{second}\le {size}}}", exp, wrap=False)


def eliminated(rows: Sequence[Sequence[Number]]) -> int:
    """Return the rank of a matrix of exact numbers, by elimination."""
    left = [list(row) for row in rows]
    rank = 0
    for column in range(len(left[0])):
        pivot = next((k for k in range(rank, len(left)) if left[k][column] != 0), None)
        if pivot is None:
            continue
        left[rank], left[pivot] = left[pivot], left[rank]
        for k in range(rank + 1, len(left)):
            if left[k][column] != 0:
                ratio = left[k][column] / left[rank][column]
                left[k] = [x - ratio * y for x, y in zip(left[k], left[rank], strict=True)]
        rank += 1
    return rank


@registry.means(Rank)
def _rank(node: Rank, world: Context) -> Number:
    body, first, second, size = node.args
    n = evaluate(size, world)
    if n.denominator != 1 or not 1 <= n <= world.size:
        raise KeyError(f"there is no group of {n} entries")
    here = replace(world, population={"x": world.population["x"][:int(n)]}, facts={})
    places = range(1, int(n) + 1)
    return n * 0 + eliminated([[evaluate(body, bind(bind(here, first, k), second, m)) for m in places] for k in places])


@registry.rule("projector", "a matrix that is its own square, times a factor, has its trace as its rank")
def check(at: Situation) -> Check:
    """Prove ``Rank(f) = sum of f(i, i) / factor``, the factor in `where`, if f / factor is its own square.

    A projector maps onto its image, where it is the identity, and kills a complement: its trace is its rank.
    """
    if not isinstance(at.left, Rank):
        return Check(UNDECIDED, {"rule": "the line before must be a rank"})
    body, first, second, size = at.left.args
    factor = sp.sympify(at.step.where.get("factor", sp.S.One))
    if factor.has(first, second):
        return Check(UNDECIDED, {"rule": "the factor must not depend on the indices"})
    algebra = Algebra(size)
    matrix = algebra.form(body / factor)
    square = algebra.form(Total((body / factor).xreplace({second: l}) * (body / factor).xreplace({first: l}), l))
    trace = algebra.form(Total((body / factor).xreplace({second: first}), first))
    return worst(equal(algebra.closed(matrix), algebra.closed(square)),
                 equal(algebra.closed(trace), algebra.closed(algebra.form(at.right))))
