"""Quadratures for cosines of Gaussian vectors, each done twice on grids half a step apart.

The difference of the two is taken as the radius of what is returned; for functions as smooth as these it is far
larger than the error of their mean.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any

import flint

__all__ = ["FAR", "WORKING", "coefficients", "cosine_given", "mean_product", "unit_square"]

WORKING = 192
"""Bits of the quadratures."""

DEGREE = 151
"""Highest Hermite polynomial: enough for correlations up to `FAR`."""

FAR = Fraction(1, 2)
LINE, UNIT_STEP = Fraction(2, 25), Fraction(1, 25)
"""Steps of the quadratures on the half-line and on the unit interval."""


def _arb(number: Fraction) -> Any:
    return flint.arb(flint.fmpq(number.numerator, number.denominator))


def _shifted(low: Fraction, high: Fraction, step: Fraction, shift: int) -> Iterator[Any]:
    """Iterate over a grid of steps, shifted by half a step or not."""
    at = low + step * shift / 2
    while at < high:
        yield flint.arb(flint.fmpq(at.numerator, at.denominator))
        at += step


def cosine_given(p: int, u: Any) -> Any:
    """Return the mean of u/sqrt(u^2 + W), u > 0 and W chi-square with p - 1 degrees: Tricomi's function."""
    if p == 1:
        return flint.arb(1)
    half = flint.acb(flint.arb(1) / 2)
    return u / flint.arb(2).sqrt() * flint.acb(u * u / 2).hypgeom_u(half, flint.acb(flint.arb(4 - p) / 2)).real


def _either_shift(total: Callable[[int], Any]) -> Any:
    """Return the mean of two quadratures, whose difference is the radius."""
    one, other = total(0), total(1)
    middle = (one + other) / 2
    return flint.arb(middle.mid(), (middle.rad() + abs(one - other)).upper())


def _hermite(count: int) -> Callable[[Any], Iterator[Any]]:
    """Return what gives the Hermite polynomials of mean square one up to a degree: rounding grows with the degree."""
    bits = WORKING + 2 * count
    with flint.ctx.workprec(bits):
        roots = [flint.arb(n).sqrt() for n in range(count + 2)]
        inverses = [1 / root for root in roots[1:]]

    def at(u: Any) -> Iterator[Any]:
        before, now = flint.arb(0), flint.arb(1)
        for n in range(count + 1):
            yield now
            with flint.ctx.workprec(bits):
                before, now = now, (u * now - roots[n] * before) * inverses[n]

    return at


@lru_cache(maxsize=32)
def coefficients(p: int) -> Sequence[Any]:
    """Return E[cosine h_n(U)] for odd n up to `DEGREE` and 0 for even ones, h_n the Hermite polynomials.

    The places u = log(1 + exp(t - exp(-t))) are crowded at 0, where the mean of the cosine may be singular, and evenly
    spaced farther out, where the polynomials oscillate.
    """
    with flint.ctx.workprec(WORKING):
        polynomials = _hermite(DEGREE)

        def totals(shift: int) -> list[Any]:
            found = [flint.arb(0)] * (DEGREE + 1)
            for at in _shifted(Fraction(-21, 5), Fraction(2 * math.isqrt(DEGREE) + 9), LINE, shift):
                e = (-at).exp()
                away = (at - e).exp()
                u = away.log1p().mid()
                slope = away / (1 + away) * (1 + e) * _arb(LINE)
                weight = slope * cosine_given(p, u) * (-u * u / 2).exp() * 2 / (2 * flint.arb.pi()).sqrt()
                for n, value in enumerate(polynomials(u)):
                    if n % 2:
                        found[n] += weight * value
            return found

        one, other = totals(0), totals(1)
        return tuple(_either_shift((a, b).__getitem__) for a, b in zip(one, other, strict=True))


@lru_cache(maxsize=256)
def mean_product(p: int, s: int, squared: Fraction) -> Any:
    """Sum r^n times the coefficients of the two cosines; what is left out is at most a geometric series."""
    with flint.ctx.workprec(WORKING):
        r = _arb(squared).sqrt()
        pairs = zip(coefficients(p), coefficients(s), strict=True)
        total = sum((a * b * r**n for n, (a, b) in enumerate(pairs) if n % 2), flint.arb(0))
        return flint.arb(total.mid(), (total.rad() + r ** (DEGREE + 1) / (1 - r)).upper())


def unit_square(p: int, s: int, x: Fraction) -> Any:
    """Return the integral over the unit square of `theory.nodes.kernel.UnitSquare`."""
    with flint.ctx.workprec(WORKING):
        factor = _arb(x)

        def total(shift: int) -> Any:
            one, other = _on_unit(p, shift), _on_unit(s, shift)
            found = flint.arb(0)
            for y, weight in one:
                xy = factor * y
                found += weight * sum((w / ((1 - xy * z) * (1 - xy * z).sqrt()) for z, w in other), flint.arb(0))
            return found

        return _either_shift(total)


@lru_cache(maxsize=64)
def _on_unit(p: int, shift: int) -> Sequence[tuple[Any, Any]]:
    """List (y, weight y^(-1/2) (1 - y)^((p - 1)/2) dy) along the unit interval, crowded at its ends."""
    step, found = _arb(UNIT_STEP), []
    for at in _shifted(Fraction(-5), Fraction(5), UNIT_STEP, shift):
        steep = flint.arb.pi() * at.sinh()
        y, rest = 1 / (1 + (-steep).exp()), 1 / (1 + steep.exp())
        slope = y * rest * flint.arb.pi() * at.cosh()
        found.append((y, slope * step / y.sqrt() * (rest.sqrt() ** (p - 1))))
    return tuple(found)
