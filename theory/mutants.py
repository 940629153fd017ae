"""Mutants of expressions: the small edits that a derivation checker must catch."""

from __future__ import annotations

import itertools

import sympy as sp

from theory import notation as nt

__all__ = ["mutations"]


def mutations(expr: sp.Basic) -> list[tuple[str, sp.Basic]]:
    """List small edits of an expression: a coefficient, an exponent, a sign, an off-by-one.

    Returns
    -------
    list of (description, mutated expression)
        Edits that leave the expression equal are not removed here.
    """
    found: list[tuple[str, sp.Basic]] = []
    for path, node in _positions(expr, ()):
        if isinstance(node, sp.Integer) and path and not isinstance(_at(expr, path[:-1]), nt.ChainCov):
            found.append((f"{node} -> {node + 1}", _replace(expr, path, node + 1)))
        elif isinstance(node, sp.Symbol) and node in (nt.N, nt.B, nt.t, nt.n):
            found.append((f"{node} -> {node} - 1", _replace(expr, path, node - 1)))
            found.append((f"{node} -> {node} + 1", _replace(expr, path, node + 1)))
        if isinstance(node, sp.Add):
            for i, term in enumerate(node.args):
                flipped = sp.Add(*[-a if j == i else a for j, a in enumerate(node.args)])
                found.append((f"sign of {term}", _replace(expr, path, flipped)))
        if isinstance(node, (sp.Mul, sp.Symbol)) and node.is_commutative and not path:
            found += [(f"factor {c}", c * expr) for c in (2, sp.Rational(1, 2), -1)]
        if isinstance(node, sp.Symbol) and node not in (nt.N, nt.B, nt.t, nt.n) and node.is_commutative:
            found.append((f"{node} -> {node}^2", _replace(expr, path, node**2)))
    return found


def _positions(expr: sp.Basic, path: tuple[int, ...]) -> itertools.chain:
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
