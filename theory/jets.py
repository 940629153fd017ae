"""Truncated Laurent series in one variable, over any exact numbers: how the oracle expands what a law expands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

__all__ = ["Jet"]

Scalar = Any


class Jet:
    """A series known up to an order.

    Parameters
    ----------
    terms
        Coefficients from order `low` on; as many as are known.
    low
        Order of the first of them; negative where there may be a pole.
    """

    __slots__ = ("low", "terms")

    def __init__(self, terms: Sequence[Scalar], low: int = 0) -> None:
        self.terms, self.low = list(terms), low

    @property
    def end(self) -> int:
        """First order that is not known."""
        return self.low + len(self.terms)

    def __getitem__(self, order: int) -> Scalar:
        """Return a coefficient that is known."""
        return self.terms[order - self.low] if order >= self.low else Fraction(0)

    def _other(self, other: Scalar) -> Jet:
        """Return another series; a number is one that is known as far as matters here."""
        if isinstance(other, Jet):
            return other
        return Jet([other] + [Fraction(0)] * (max(self.end, 0) + len(self.terms)))

    def __add__(self, other: Scalar) -> Jet:
        theirs = self._other(other)
        low = min(self.low, theirs.low)
        return Jet([self[k] + theirs[k] for k in range(low, min(self.end, theirs.end))], low)

    __radd__ = __add__

    def __neg__(self) -> Jet:
        return Jet([-a for a in self.terms], self.low)

    def __sub__(self, other: Scalar) -> Jet:
        return self + -self._other(other)

    def __rsub__(self, other: Scalar) -> Jet:
        return self._other(other) - self

    def __mul__(self, other: Scalar) -> Jet:
        if not isinstance(other, Jet):
            return Jet([a * other for a in self.terms], self.low)
        mine, theirs = self._stripped(), other._stripped()
        a, b = mine.terms, theirs.terms
        known = min(len(a), len(b))
        there = [i for i in range(known) if a[i] != 0]
        return Jet([sum((a[i] * b[k - i] for i in there if i <= k), Fraction(0)) for k in range(known)],
                   mine.low + theirs.low)

    __rmul__ = __mul__

    def _reduced(self) -> Jet:
        """Drop leading zeros."""
        for k, term in enumerate(self.terms):
            if term != 0:
                return Jet(self.terms[k:], self.low + k)
        raise ZeroDivisionError("a series without a term that is known not to vanish")

    def _stripped(self) -> Jet:
        """Drop leading zeros, which would cost known orders; a series of zeros stays."""
        return self._reduced() if any(term != 0 for term in self.terms) else self

    def __truediv__(self, other: Scalar) -> Jet:
        mine, divisor = self._stripped(), self._other(other)._reduced()
        top, bottom = mine.terms, divisor.terms
        quotient: list[Scalar] = []
        for k in range(min(len(top), len(bottom))):
            rest = top[k] - sum((quotient[i] * bottom[k - i] for i in range(k)), Fraction(0))
            quotient.append(rest / bottom[0])
        return Jet(quotient, mine.low - divisor.low)

    def __rtruediv__(self, other: Scalar) -> Jet:
        return self._other(other) / self

    def __pow__(self, exponent: int) -> Jet:
        if exponent < 0:
            return self._other(Fraction(1)) / self**-exponent
        product = self._other(Fraction(1))
        for _ in range(exponent):
            product = product * self
        return product

    def _regular(self) -> list[Scalar]:
        """Return the coefficients from order 0 on of a series without a pole."""
        if any(self[k] != 0 for k in range(self.low, 0)):
            raise ZeroDivisionError("the series has a pole at 0")
        return [self[k] for k in range(max(self.end, 0))]

    def power(self, exponent: Fraction, root: Callable[[Scalar], Scalar]) -> Jet:
        """Return a power whose exponent is not whole; `root` gives that power of the coefficient of order 0."""
        a = self._regular()
        if a[0] == 0:
            raise ZeroDivisionError("a root of a series that vanishes at 0 is no power series")
        found = [root(a[0])]
        for k in range(1, len(a)):
            total = sum(((exponent * i - (k - i)) * a[i] * found[k - i] for i in range(1, k + 1)), Fraction(0))
            found.append(total / (k * a[0]))
        return Jet(found)

    def log(self, log: Callable[[Scalar], Scalar]) -> Jet:
        """Return the logarithm; `log` gives that of the coefficient of order 0."""
        a = self._regular()
        slope = Jet([k * a[k] for k in range(1, len(a))]) / Jet(a)
        return Jet([log(a[0]), *(slope[k - 1] / k for k in range(1, len(a)))])

    def exp(self, exp: Callable[[Scalar], Scalar]) -> Jet:
        """Return the exponential; `exp` gives that of the coefficient of order 0."""
        a = self._regular()
        found = [exp(a[0])]
        for k in range(1, len(a)):
            found.append(sum((i * a[i] * found[k - i] for i in range(1, k + 1)), Fraction(0)) / k)
        return Jet(found)

    def __eq__(self, other: object) -> bool:
        theirs = self._other(other)
        low, end = min(self.low, theirs.low), min(self.end, theirs.end)
        return all(self[k] == theirs[k] for k in range(low, end))

    __hash__ = None  # type: ignore[assignment]  # equality up to an order is no equivalence

    def at(self, point: Scalar, order: int) -> Scalar:
        """Return the polynomial through an order at a point.

        Raises
        ------
        ZeroDivisionError
            If the series has a pole or is not known that far.
        """
        terms = self._regular()
        if order >= len(terms):
            raise ZeroDivisionError(f"the series is known to order {len(terms) - 1} only")
        return sum((terms[k] * point**k for k in range(order + 1)), Fraction(0))
