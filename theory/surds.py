"""Exact sums of square roots: rational combinations of sqrt(k), enough for batch standard deviations.

A normal form pulls square factors out of each radicand, so that equal numbers met in this project compare
equal.  Radicands are reduced by primes below 1000 and by a final perfect-square test; a larger squared
prime would leave two equal numbers looking different, never two different numbers looking equal.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import flint
import sympy as sp

__all__ = ["Surd", "root"]

PRIMES = tuple(sp.primerange(2, 1000))


def _exact_only(operation: Callable[[Surd, Any], Any]) -> Callable[[Surd, Any], Any]:
    """Leave operations with numbers that are not exact to the other number."""

    @functools.wraps(operation)
    def told(self: Surd, other: Any) -> Any:
        return operation(self, other) if isinstance(other, (Surd, Fraction, int)) else NotImplemented

    return told


class Surd:
    """A sum of rational multiples of square roots of distinct integers.

    Parameters
    ----------
    terms : mapping of int to Fraction
        Radicand to coefficient; zero coefficients are dropped.
    """

    __slots__ = ("terms",)

    def __init__(self, terms: Mapping[int, Fraction]) -> None:
        self.terms = {k: c for k, c in terms.items() if c}

    @_exact_only
    def __add__(self, other: Surd | Fraction | int) -> Surd:
        terms = dict(self.terms)
        for k, c in _surd(other).terms.items():
            terms[k] = terms.get(k, Fraction(0)) + c
        return Surd(terms)

    __radd__ = __add__

    def __neg__(self) -> Surd:
        return Surd({k: -c for k, c in self.terms.items()})

    @_exact_only
    def __sub__(self, other: Surd | Fraction | int) -> Surd:
        return self + -_surd(other)

    def __rsub__(self, other: Fraction | int) -> Surd:
        return _surd(other) - self

    @_exact_only
    def __mul__(self, other: Surd | Fraction | int) -> Surd:
        terms: dict[int, Fraction] = {}
        for j, a in self.terms.items():
            for k, b in _surd(other).terms.items():
                common = math.gcd(j, k)
                outside, inside = _reduce((j // common) * (k // common))
                terms[inside] = terms.get(inside, Fraction(0)) + a * b * common * outside
        return Surd(terms)

    __rmul__ = __mul__

    @_exact_only
    def __truediv__(self, other: Surd | Fraction | int) -> Surd:
        return self * _surd(other) ** -1

    def __rtruediv__(self, other: Fraction | int) -> Surd:
        return _surd(other) * self**-1

    def __pow__(self, exponent: int) -> Surd:
        if exponent < 0:
            return self._inverse() ** -exponent
        product = _surd(1)
        for _ in range(exponent):
            product = product * self
        return product

    def _inverse(self) -> Surd:
        """Invert by multiplying with conjugates until a rational remains.

        Raises
        ------
        ZeroDivisionError
            For zero.
        """
        if not self.terms:
            raise ZeroDivisionError("division by a vanishing sum of square roots")
        if len(self.terms) == 1:
            (k, c), = self.terms.items()
            return Surd({k: 1 / (c * k)})
        radicand = max(self.terms)
        conjugate = Surd({k: -c if k == radicand else c for k, c in self.terms.items()})
        return conjugate * (self * conjugate)._inverse()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (Surd, Fraction, int)):
            return NotImplemented
        return self.terms == _surd(other).terms

    def sign(self) -> int:
        """Return -1, 0 or 1.

        Raises
        ------
        ArithmeticError
            If the number is so close to zero that 4096 bits do not tell.
        """
        if not self.terms:
            return 0
        for bits in (64, 256, 1024, 4096):
            with flint.ctx.workprec(bits):
                total = flint.arb(0)
                for k, c in self.terms.items():
                    total += flint.arb(k).sqrt() * flint.fmpq(c.numerator, c.denominator)
                if not total.contains(0):
                    return 1 if total > 0 else -1
        raise ArithmeticError(f"the sign of {self} does not show in 4096 bits")

    @_exact_only
    def __lt__(self, other: Surd | Fraction | int) -> bool:
        return (self - other).sign() < 0

    @_exact_only
    def __le__(self, other: Surd | Fraction | int) -> bool:
        return (self - other).sign() <= 0

    @_exact_only
    def __gt__(self, other: Surd | Fraction | int) -> bool:
        return (self - other).sign() > 0

    @_exact_only
    def __ge__(self, other: Surd | Fraction | int) -> bool:
        return (self - other).sign() >= 0

    def __abs__(self) -> Surd:
        return -self if self.sign() < 0 else self

    def __hash__(self) -> int:
        return hash(frozenset(self.terms.items()))

    def __str__(self) -> str:
        shown = [str(c) if k == 1 else f"{c}*sqrt({k})" for k, c in sorted(self.terms.items())]
        return " + ".join(shown) or "0"

    __repr__ = __str__


def _surd(number: Surd | Fraction | int) -> Surd:
    return number if isinstance(number, Surd) else Surd({1: Fraction(number)})


def _reduce(k: int) -> tuple[int, int]:
    """Split k = outside^2 * inside."""
    exact = math.isqrt(k)
    if exact * exact == k:
        return exact, 1
    outside = 1
    for p in PRIMES:
        square = p * p
        if square > k:
            break
        while k % square == 0:
            k //= square
            outside *= p
    exact = math.isqrt(k)
    return (outside * exact, 1) if exact * exact == k else (outside, k)


def root(number: Fraction) -> Surd:
    """Return the square root of a nonnegative rational.

    Raises
    ------
    ValueError
        If the number is negative.
    """
    if number < 0:
        raise ValueError(f"the square root of {number} is not real")
    if number == 0:
        return Surd({})
    outside, inside = _reduce(number.numerator * number.denominator)
    return Surd({inside: Fraction(outside, number.denominator)})
