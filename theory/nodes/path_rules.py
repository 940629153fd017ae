"""The calculus of `theory.nodes.path`: inner products, sums along a path, stationary means."""

from __future__ import annotations

from collections.abc import Callable

import sympy as sp

from theory import notation as nt
from theory import registry, rules
from theory.equality import UNDECIDED, Check, equal
from theory.nodes.path import (
    FIXED,
    VECTORS,
    Along,
    Bent,
    Dot,
    End,
    Loss,
    Settled,
    Start,
    T,
    Vector,
    after,
    full,
    grad,
    point,
    rate,
    slope,
    theta,
)
from theory.registry import Situation

__all__ = ["Along", "Bent", "Dot", "End", "Loss", "Settled", "Start", "T", "after", "full", "grad", "point", "rate",
           "spread", "theta"]

_INNER = (Dot, Bent)
_OUTER = (Along, Settled, Start, End)


def _components(vector: sp.Expr) -> dict[sp.Symbol, sp.Expr]:
    """Write a vector as a combination of the named ones.

    Raises
    ------
    ValueError
        If it is no linear combination.
    """
    found = {v: sp.diff(vector, v) for v in VECTORS if vector.has(v)}
    rest = vector - sp.Add(*[c * v for v, c in found.items()])
    if sp.expand(rest) != 0 or any(c.has(*VECTORS) for c in found.values()):
        raise ValueError(f"{vector} is no linear combination of vectors")
    return found


def _product(kind: type[nt.Node], a: sp.Symbol, b: sp.Symbol) -> sp.Expr:
    return kind(*sorted((a, b), key=VECTORS.index))


def _inner(kind: type[nt.Node], a: sp.Expr, b: sp.Expr, quadratic: bool) -> sp.Expr:
    """Expand an inner product; of a quadratic loss the gradient is H theta + b."""
    total = sp.S.Zero
    for x, c in _components(a).items():
        for y, d in _components(b).items():
            one, other = (x, y) if x == full else (y, x)
            if quadratic and kind is Dot and one == full and other != full:
                total += c * d * (_product(Bent, theta, other) + _product(Dot, slope, other))
            else:
                total += c * d * _product(kind, x, y)
    return total


def spread(expr: sp.Expr, *, quadratic: bool = False) -> sp.Expr:
    """Write a line as a combination of sums and means of inner products of named vectors."""
    if isinstance(expr, _INNER):
        return _inner(type(expr), expr.args[0], expr.args[1], quadratic)
    if isinstance(expr, Loss):
        (a,) = expr.args
        return _inner(Bent, a, a, quadratic) / 2 + _inner(Dot, slope, a, quadratic)
    if isinstance(expr, _OUTER):
        total = sp.S.Zero
        for term in sp.Add.make_args(sp.expand(spread(expr.args[0], quadratic=quadratic))):
            inside = [f for f in sp.Mul.make_args(term) if f.has(*_INNER, Vector)]
            outside = sp.Mul(*[f for f in sp.Mul.make_args(term) if f not in inside])
            kind = Start if isinstance(expr, End) and not term.has(theta) else expr.func  # what never changes
            total += outside * (kind(sp.Mul(*inside)) if inside else T if isinstance(expr, Along) else 1)
        return total
    return expr.func(*[spread(a, quadratic=quadratic) for a in expr.args]) if expr.args else expr


def _compare(at: Situation, change: Callable[[sp.Expr], sp.Expr]) -> Check:
    quadratic = any(side.has(Bent, Loss) for side in (at.left, at.right))
    left, right = (spread(rules.unfold(side, at.definitions), quadratic=quadratic) for side in (at.left, at.right))
    return equal(change(left), change(right))


def _each(kind: type[nt.Node], change: Callable[[sp.Expr, nt.Node], sp.Expr]) -> Callable[[sp.Expr], sp.Expr]:
    """Apply a change to every sum or mean of one inner product."""
    def visit(expr: sp.Expr) -> sp.Expr:
        return expr.xreplace({node: change(node, node.args[0]) for node in expr.atoms(kind)
                              if isinstance(node.args[0], _INNER)})

    return visit


def _only(node: nt.Node, vector: sp.Symbol) -> bool:
    """Say whether an inner product holds a vector, once or twice, and else nothing but what never changes."""
    return vector in node.args and all(x == vector or x in FIXED for x in node.args)


@registry.rule("update", "a step of SGD written out; inner products and sums are linear")
def check_update(at: Situation) -> Check:
    """Compare two lines with the parameters after a step as those before it minus step size times gradient."""
    moved = {after: theta - (rate if at.part.statement.has(rate) else nt.eta) * grad}
    quadratic = any(side.has(Bent, Loss) for side in (at.left, at.right))
    return equal(*(spread(rules.unfold(side, at.definitions).xreplace(moved), quadratic=quadratic)
                   for side in (at.left, at.right)))


@registry.rule("telescope", "a sum of differences along the path leaves its two ends")
def check_telescope(at: Situation) -> Check:
    """Replace sums over the points after the steps by sums over those before them, and the ends."""
    def ends(node: sp.Expr, inner: nt.Node) -> sp.Expr:
        before = inner.func(*[theta if x == after else x for x in inner.args])
        before = _product(type(inner), *before.args)
        return Along(before) + End(before) - Start(before) if _only(inner, after) else node

    return _compare(at, _each(Along, ends))


@registry.rule("tower", "given the parameters, the gradient of the batch averages to that of the population")
def check_tower(at: Situation) -> Check:
    """Replace the batch gradient by the full one in inner products with what does not depend on the batch."""
    def averaged(node: sp.Expr, inner: nt.Node) -> sp.Expr:
        others = [x for x in inner.args if x != grad]
        if len(others) != 1 or others[0] not in (theta, full, *FIXED):
            return node
        return Settled(_product(type(inner), full, others[0]))

    if not at.left.has(Settled):
        return Check(UNDECIDED, {"rule": "the line is no mean over batches"})
    return _compare(at, _each(Settled, averaged))


@registry.rule("stationary", "once settled, a function of the parameters has the same mean before and after a step")
def check_stationary(at: Situation) -> Check:
    """Replace the parameters after a step by those before it, in functions of nothing else."""
    def unmoved(node: sp.Expr, inner: nt.Node) -> sp.Expr:
        same = _product(type(inner), *[theta if x == after else x for x in inner.args])
        return Settled(same) if _only(inner, after) else node

    return _compare(at, _each(Settled, unmoved))
