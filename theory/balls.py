"""Real numbers known to within a proved radius, for values that no rational or square root can give.

A `Ball` is a number of FLINT's `arb`: midpoint and radius, every operation rounding outward.  Two balls count as
equal if they overlap and are so small that a difference above 1e-40 of their size would show; if they overlap
without being small, the question has no answer and is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import flint

from theory.surds import Surd

__all__ = ["Ball", "Undecided", "ball", "elementary", "pi", "rounded"]

BITS = 320
"""Working precision; about 96 decimals."""

AGREEMENT = Fraction(1, 10**40)
"""Relative difference that two equal balls are known not to have."""


class Undecided(ArithmeticError):
    """Two balls overlap and are too wide to call equal."""


class Ball:
    """A real number in an interval.

    Parameters
    ----------
    value
        A number of `flint.arb`.
    """

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def _with(self, other: Any, operation: Callable[[Any, Any], Any]) -> Ball:
        with flint.ctx.workprec(BITS):
            return Ball(operation(self.value, ball(other).value))

    def __add__(self, other: Any) -> Ball:
        return self._with(other, lambda a, b: a + b)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Ball:
        return self._with(other, lambda a, b: a - b)

    def __rsub__(self, other: Any) -> Ball:
        return self._with(other, lambda a, b: b - a)

    def __mul__(self, other: Any) -> Ball:
        return self._with(other, lambda a, b: a * b)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Ball:
        divisor = ball(other)
        if divisor.value.contains(0):
            raise ZeroDivisionError("division by a number that may be zero")
        return self._with(divisor, lambda a, b: a / b)

    def __rtruediv__(self, other: Any) -> Ball:
        return ball(other) / self

    def __pow__(self, exponent: Any) -> Ball:
        if isinstance(exponent, (int, Fraction)) and exponent == int(exponent):
            exponent = int(exponent)
            if exponent < 0:
                return 1 / self**-exponent
            with flint.ctx.workprec(BITS):
                # FLINT's real power of a ball around 0 is not a number; its complex one multiplies.
                return Ball((flint.acb(self.value) ** exponent).real)
        if not self.value > 0:
            raise ValueError(f"{self} to the power {exponent} is not known to be real")
        return self._with(exponent, lambda a, b: (a.log() * b).exp())

    def __rpow__(self, base: Any) -> Ball:
        return ball(base) ** self

    def __neg__(self) -> Ball:
        return self._with(0, lambda a, b: b - a)

    def __abs__(self) -> Ball:
        return self._with(0, lambda a, b: abs(a - b))

    def _apart(self, other: Any) -> int:
        """Return the sign of the difference, 0 where the two agree to within `AGREEMENT`."""
        theirs = ball(other).value
        with flint.ctx.workprec(BITS):
            difference, size = self.value - theirs, abs(self.value) + abs(theirs) + 1
            if difference > 0:
                return 1
            if difference < 0:
                return -1
            if abs(difference) < size * flint.fmpq(AGREEMENT.numerator, AGREEMENT.denominator):
                return 0
        raise Undecided(f"{self} and {Ball(theirs)} overlap and are too wide to compare")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (Ball, Surd, Fraction, int)):
            return NotImplemented
        return self._apart(other) == 0

    __hash__ = None  # type: ignore[assignment]  # equality within a radius is no equivalence

    def __lt__(self, other: Any) -> bool:
        return self._apart(other) < 0

    def __le__(self, other: Any) -> bool:
        return self._apart(other) <= 0

    def __gt__(self, other: Any) -> bool:
        return self._apart(other) > 0

    def __ge__(self, other: Any) -> bool:
        return self._apart(other) >= 0

    def __str__(self) -> str:
        return str(self.value.str(24))

    __repr__ = __str__


def ball(number: Any) -> Ball:
    """Return a rational, a sum of square roots or a ball as a ball."""
    if isinstance(number, Ball):
        return number
    with flint.ctx.workprec(BITS):
        if isinstance(number, Surd):
            total = flint.arb(0)
            for radicand, factor in number.terms.items():
                total += flint.arb(radicand).sqrt() * flint.fmpq(factor.numerator, factor.denominator)
            return Ball(total)
        exact = Fraction(number)
        return Ball(flint.arb(flint.fmpq(exact.numerator, exact.denominator)))


def elementary(name: str, number: Any) -> Ball:
    """Return a function of FLINT at a number.

    Parameters
    ----------
    name
        Name of a method of `flint.arb`: ``log``, ``exp``, ``gamma``, ``lgamma``, ``digamma``, ``erf``, ``erfc`` ...
    number
        Rational, sum of square roots, or ball.

    Raises
    ------
    ZeroDivisionError
        If the function has no finite value there.
    """
    with flint.ctx.workprec(BITS):
        found = getattr(ball(number).value, name)()
    if not found.is_finite():
        raise ZeroDivisionError(f"{name}({number}) is not finite")
    return Ball(found)


def pi() -> Ball:
    """Return pi."""
    with flint.ctx.workprec(BITS):
        return Ball(flint.arb.pi())


def rounded(number: Any) -> float:
    """Return a rational, a sum of square roots or a ball to float64."""
    return float(ball(number).value.mid())
