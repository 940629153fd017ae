"""Exact evaluation: a tree walker in `Fraction`s, independent of SymPy's arithmetic.

SymPy simplifies while it builds expressions; a check that reuses that arithmetic would inherit its
errors.  `evaluate` walks the finished tree and does every operation itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import lru_cache
from numbers import Integral, Rational
from typing import Any

import sympy as sp

__all__ = ["NotRational", "as_text", "evaluate", "show", "to_sympy", "value"]


class NotRational(ValueError):
    """The expression has no rational value at this point (radical, opaque function, float)."""


def evaluate(expr: sp.Basic, atoms: Callable[[sp.Basic], Fraction | None]) -> Fraction:
    """Evaluate an expression in rationals.

    Parameters
    ----------
    expr : sympy.Basic
        Built from numbers, symbols, sums, products and integer powers.
    atoms : callable
        Gives the value of a symbol or opaque node, or None to let the walker descend.

    Returns
    -------
    Fraction

    Raises
    ------
    NotRational
        If a node has no rational meaning.
    ZeroDivisionError
        If a denominator vanishes at the point.
    """
    known = atoms(expr)
    if known is not None:
        return known
    if isinstance(expr, sp.Rational):
        return Fraction(int(expr.p), int(expr.q))
    if isinstance(expr, sp.Add):
        return sum((evaluate(a, atoms) for a in expr.args), Fraction(0))
    if isinstance(expr, sp.Mul):
        product = Fraction(1)
        for a in expr.args:
            product *= evaluate(a, atoms)
        return product
    if isinstance(expr, sp.Pow):
        exponent = evaluate(expr.exp, atoms)
        if exponent.denominator == 1:
            return evaluate(expr.base, atoms) ** int(exponent)
    raise NotRational(f"no rational value for {expr}")


def value(expr: sp.Basic, values: Mapping[str, Any]) -> Any:
    """Evaluate at values by symbol name: exact for exact inputs, float64 (vectorized) otherwise."""
    used = {s.name: values[s.name] for s in expr.free_symbols if s.name in values}
    missing = sorted(s.name for s in expr.free_symbols if s.name not in values)
    if missing:
        raise KeyError(f"no value for {', '.join(missing)}")
    if all(isinstance(v, Rational) for v in used.values()):
        numbers = {name: Fraction(v) for name, v in used.items()}
        try:
            return evaluate(expr, lambda e: numbers[e.name] if isinstance(e, sp.Symbol) else None)
        except NotRational:
            return sp.nsimplify(expr.subs({s: to_sympy(used[s.name]) for s in expr.free_symbols}))
    names = tuple(sorted(used))
    floats = [v if hasattr(v, "shape") else float(v) for v in (used[n] for n in names)]
    return _compiled(expr, names)(*floats)


@lru_cache(maxsize=1024)
def _compiled(expr: sp.Basic, names: tuple[str, ...]) -> Callable[..., Any]:
    by_name = {s.name: s for s in expr.free_symbols}
    return sp.lambdify([by_name[n] for n in names], expr, modules=["scipy", "numpy"], cse=True)


def as_text(number: Any) -> str | None:
    """Return "p/q" for an exact rational, else None."""
    if isinstance(number, sp.Rational):
        number = Fraction(int(number.p), int(number.q))
    if isinstance(number, Rational):
        return str(Fraction(number))
    return None


def to_sympy(number: Any) -> sp.Basic:
    """Turn an exact number into a SymPy number without going through floats; words become symbols."""
    if isinstance(number, sp.Basic):
        return number
    if isinstance(number, str):
        return sp.Symbol(number)
    if isinstance(number, Integral):
        return sp.Integer(int(number))
    if isinstance(number, Rational):
        return sp.Rational(int(number.numerator), int(number.denominator))
    return sp.Float(float(number))


def show(number: Any) -> str:
    """Print a value for a message: fractions as p/q, numbers plainly."""
    text = as_text(number) if not isinstance(number, bool) else None
    return text if text is not None else str(number)
