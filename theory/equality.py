"""Equality of rational functions, decided three times by three different arithmetics.

A step is accepted only if all engines say so.  `simplify`, ``force=True`` and numeric closeness have no
part in it; an engine that cannot decide says "undecided", and so does the whole.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import flint
import sympy as sp

from theory import exact

__all__ = ["PROVED", "REFUTED", "UNDECIDED", "Check", "equal", "nonnegative", "to_rational"]

PROVED, REFUTED, UNDECIDED = "proved", "refuted", "undecided"
POINTS = 3
POINT_RANGE = 2**61


@dataclass(frozen=True, slots=True)
class Check:
    """Outcome of one equality: the joint answer and each engine's."""

    answer: str
    engines: Mapping[str, str]


def to_rational(expr: sp.Basic) -> sp.Expr:
    """Replace opaque nodes and symbolic powers by symbols, so that a rational function remains.

    ``a**(2*t + 1)`` becomes ``Z**2 * a`` with one symbol Z for ``a**t``: equality then holds for every t.
    """
    def visit(node: sp.Basic) -> sp.Basic:
        if isinstance(node, (sp.Function, sp.Limit)):
            return _stand_in(node)
        if isinstance(node, sp.Pow) and node.exp.free_symbols:
            return _symbolic_power(visit(node.base), node.exp)
        if isinstance(node, sp.Pow) and not node.exp.is_Integer:
            return _stand_in(node)
        return node.func(*[visit(a) for a in node.args]) if node.args else node

    return visit(expr)


def _stand_in(node: sp.Basic) -> sp.Symbol:
    return sp.Symbol(f"[{sp.srepr(node)}]")


def _symbolic_power(base: sp.Expr, exponent: sp.Expr) -> sp.Expr:
    constant, rest = sp.expand(exponent).as_coeff_Add()
    product = base**constant
    for term in sp.Add.make_args(rest):
        count, letter = term.as_coeff_Mul()
        if not (constant.is_Integer and count.is_Integer):
            return _stand_in(sp.Pow(base, exponent, evaluate=False))
        product *= _stand_in(sp.Pow(base, letter, evaluate=False)) ** count
    return product


def equal(left: sp.Basic, right: sp.Basic) -> Check:
    """Decide whether two expressions are equal as rational functions.

    Parameters
    ----------
    left, right : sympy.Basic
        Opaque nodes count as independent indeterminates.

    Returns
    -------
    Check
        "proved" if every engine proves it; "refuted" if an engine refutes it and none proves it.
    """
    a, b = to_rational(left), to_rational(right)
    engines = {"sympy": _sympy(a, b), "fractions": _fractions(a, b), "flint": _flint(a, b)}
    answers = set(engines.values())
    if answers == {PROVED}:
        return Check(PROVED, engines)
    if REFUTED in answers and PROVED not in answers:
        return Check(REFUTED, engines)
    return Check(UNDECIDED, engines)


def _sympy(a: sp.Expr, b: sp.Expr) -> str:
    difference = sp.cancel(sp.together(a - b))
    if difference == 0:
        return PROVED
    return REFUTED if difference.is_rational_function() else UNDECIDED


def _fractions(a: sp.Expr, b: sp.Expr) -> str:
    """Compare values at random points: a nonzero difference of degree d vanishes with chance <= d/2^61."""
    symbols = sorted(a.free_symbols | b.free_symbols, key=str)
    rng = random.Random(f"{a}|{b}")
    agreed = 0
    for _ in range(4 * POINTS):
        point = {s: Fraction(rng.randrange(1, POINT_RANGE)) for s in symbols}
        try:
            if exact.evaluate(a, point.get) != exact.evaluate(b, point.get):
                return REFUTED
        except ZeroDivisionError:
            continue
        except exact.NotRational:
            return UNDECIDED
        agreed += 1
        if agreed == POINTS:
            return PROVED
    return UNDECIDED


def _flint(a: sp.Expr, b: sp.Expr) -> str:
    """Cross-multiply both sides over Q[symbols] in FLINT."""
    symbols = sorted(a.free_symbols | b.free_symbols, key=str)
    names = tuple(f"v{i}" for i in range(len(symbols))) or ("v0",)
    ring = flint.fmpq_mpoly_ctx.get(names, "lex")
    letters = dict(zip(symbols, ring.gens(), strict=False))
    try:
        (n1, d1), (n2, d2) = _as_quotient(a, ring, letters), _as_quotient(b, ring, letters)
    except (exact.NotRational, ZeroDivisionError):
        return UNDECIDED
    return PROVED if n1 * d2 == n2 * d1 else REFUTED


def _as_quotient(expr: sp.Basic, ring: flint.fmpq_mpoly_ctx, letters: Mapping[sp.Symbol, flint.fmpq_mpoly]
                 ) -> tuple[flint.fmpq_mpoly, flint.fmpq_mpoly]:
    one = ring.constant(1)
    if expr in letters:
        return letters[expr], one
    if isinstance(expr, sp.Rational):
        return ring.constant(flint.fmpq(int(expr.p), int(expr.q))), one
    if isinstance(expr, sp.Add):
        numerator, denominator = ring.constant(0), one
        for arg in expr.args:
            n, d = _as_quotient(arg, ring, letters)
            common = denominator.gcd(d)
            left, right = d / common, denominator / common
            numerator, denominator = numerator * left + n * right, denominator * left
        return numerator, denominator
    if isinstance(expr, sp.Mul):
        numerator, denominator = one, one
        for arg in expr.args:
            n, d = _as_quotient(arg, ring, letters)
            numerator, denominator = numerator * n, denominator * d
        return _reduced(numerator, denominator)
    if isinstance(expr, sp.Pow) and expr.exp.is_Integer:
        n, d = _as_quotient(expr.base, ring, letters)
        k = int(expr.exp)
        if k < 0:
            n, d, k = d, n, -k
        if d.is_zero():
            raise ZeroDivisionError
        return n**k, d**k
    raise exact.NotRational(f"not rational: {expr}")


def _reduced(n: flint.fmpq_mpoly, d: flint.fmpq_mpoly) -> tuple[flint.fmpq_mpoly, flint.fmpq_mpoly]:
    common = d if n.is_zero() else n.gcd(d)
    return n / common, d / common


def nonnegative(expr: sp.Expr) -> str:
    """Decide that a rational function of nonnegative symbols is >= 0 and not identically zero.

    Returns
    -------
    str
        "proved" if numerator and denominator have no negative coefficient (the function then vanishes
        only where all its terms do), else "undecided".
    """
    for side in sp.fraction(sp.cancel(sp.together(expr))):
        symbols = sorted(side.free_symbols, key=str)
        if not all(s.is_nonnegative for s in symbols):
            return UNDECIDED
        coefficients = sp.Poly(side, *symbols).coeffs() if symbols else [side]
        if side == 0 or not all(c.is_Rational and c >= 0 for c in coefficients):
            return UNDECIDED
    return PROVED
