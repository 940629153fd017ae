"""Mutants of expressions: the small edits that a derivation checker must catch."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import sympy as sp

from theory import notation as nt

__all__ = ["mutations"]


SCALES = (2, sp.Rational(1, 2), -1, (nt.N - 1) / nt.N, (nt.B + 1) / nt.B, sp.Rational(101, 100))
SHIFTS = (1, -1, 1 / nt.B)
COUNTS = (nt.N, nt.B, nt.t, nt.n)


def mutations(expr: sp.Basic) -> list[tuple[str, sp.Basic]]:
    """List small edits of an expression: a coefficient, an exponent, a sign, an off-by-one.

    Parameters
    ----------
    expr : sympy.Basic
        A line of a derivation.

    Returns
    -------
    list of (description, mutated expression)
        Edits that leave the expression equal are not removed here.
    """
    found: list[tuple[str, sp.Basic]] = []
    if not isinstance(expr, nt.Root):
        found += [(f"times {c}", c * expr) for c in SCALES] + [(f"plus {c}", expr + c) for c in SHIFTS]
        found.append(("squared", expr**2))
    for path, node in _positions(expr, ()):
        # The mode labels of a chain moment are names, not numbers.
        if isinstance(node, sp.Integer) and path and not isinstance(_at(expr, path[:-1]), nt.ChainCov):
            found.append((f"{node} -> {node + 1}", _replace(expr, path, node + 1)))
        elif isinstance(node, sp.Symbol) and node in COUNTS:
            found += [(f"{node} -> {node + k}", _replace(expr, path, node + k)) for k in (-1, 1)]
        elif isinstance(node, sp.Symbol) and node.is_commutative:
            found.append((f"{node} -> {node}^2", _replace(expr, path, node**2)))
        if isinstance(node, sp.Add):
            for i, term in enumerate(node.args):
                flipped = sp.Add(*[-a if j == i else a for j, a in enumerate(node.args)])
                found.append((f"sign of {term}", _replace(expr, path, flipped)))
    return found


def _positions(expr: sp.Basic, path: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], sp.Basic]]:
    below = (_positions(a, (*path, i)) for i, a in enumerate(expr.args))
    return itertools.chain([(path, expr)], *below)


def _at(expr: sp.Basic, path: tuple[int, ...]) -> sp.Basic:
    for i in path:
        expr = expr.args[i]
    return expr


def _replace(expr: sp.Basic, path: tuple[int, ...], new: sp.Basic) -> sp.Basic:
    if not path:
        return new
    args = list(expr.args)
    args[path[0]] = _replace(args[path[0]], path[1:], new)
    return expr.func(*args)
