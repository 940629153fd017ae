"""How far a computation in floating point may be from its exact value: running error bounds, in ball arithmetic.

The standard model, after Higham (2002), chapters 2 and 3, with unit roundoff u and least number t: a sum or difference
is off by at most u times its result, a product or quotient by at most u times its result and by t/2 more where it
underflows, and a sum of n numbers, in any order and with or without fused products, by ``gamma(n - 1)`` times the sum
of their magnitudes, ``gamma(k) = k u / (1 - k u)``.  Written with the operations of a formula, a `Rounded` array
carries the exact value and what these bounds add up to: the number of roundings behind a result times u, times the
magnitudes that they act on, over those of the result.  A kernel that groups the same sums and products in another way
keeps to the bound as long as no term of its passes more roundings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import flint
import numpy as np

__all__ = ["BITS", "Format", "Rounded"]

BITS = 700
"""Precision of the balls: squares of numbers 2^-120 apart, far from zero, keep more than 300 bits."""

_Objects = np.ndarray[Any, np.dtype[np.object_]]


def _balls(x: Any) -> _Objects:
    flat = np.atleast_1d(np.asarray(x, dtype=np.float64))
    return np.array([flint.arb(v) for v in flat.reshape(-1).tolist()], dtype=object).reshape(flat.shape)


class Format:
    """A floating-point format.

    Parameters
    ----------
    dtype
        float32 or float64.
    """

    def __init__(self, dtype: Any) -> None:
        facts = np.finfo(dtype)
        self.unit = flint.arb(float(facts.eps)) / 2
        self.tiny = flint.arb(float(facts.smallest_subnormal))

    def gamma(self, k: int) -> Any:
        """Return ``k u / (1 - k u)``."""
        return k * self.unit / (1 - k * self.unit)

    def exact(self, x: Any) -> Rounded:
        """Return numbers that are given, without error."""
        value = _balls(x)
        return Rounded(self, value, value * 0)

    def complement(self, weight: float) -> Rounded:
        """Return ``1 - weight``, rounded once."""
        return self.exact(1.0) - self.exact(weight)


@dataclass(frozen=True, slots=True)
class Rounded:
    """Exact values, and bounds on what a computation is off by.

    Parameters
    ----------
    format
        The format computed in.
    value, error
        Arrays of balls.
    """

    format: Format
    value: _Objects
    error: _Objects

    def _once(self, value: _Objects, error: _Objects, underflow: bool) -> Rounded:
        """Add one rounding of the result."""
        error = error + self.format.unit * (abs(value) + error)
        return Rounded(self.format, value, error + self.format.tiny / 2 if underflow else error)

    def __add__(self, other: Rounded) -> Rounded:
        return self._once(self.value + other.value, self.error + other.error, False)

    def __neg__(self) -> Rounded:
        return Rounded(self.format, -self.value, self.error)

    def __sub__(self, other: Rounded) -> Rounded:
        return self + -other

    def __mul__(self, other: Rounded) -> Rounded:
        error = abs(self.value) * other.error + abs(other.value) * self.error + self.error * other.error
        return self._once(self.value * other.value, error, True)

    def __getitem__(self, index: Any) -> Rounded:
        return Rounded(self.format, self.value[index], self.error[index])

    def reshape(self, *shape: int) -> Rounded:
        """Return the same entries in another shape."""
        return Rounded(self.format, self.value.reshape(shape), self.error.reshape(shape))

    def total(self, axes: tuple[int, ...]) -> Rounded:
        """Return sums over axes, which stay with length 1, in any order."""
        n = int(np.prod([self.value.shape[axis] for axis in axes]))
        value, error, size = self.value, self.error, abs(self.value) + self.error
        for axis in axes:
            value, error, size = (x.sum(axis=axis, keepdims=True) for x in (value, error, size))
        return Rounded(self.format, value, error + self.format.gamma(n - 1) * size)

    def mean(self, axes: tuple[int, ...]) -> Rounded:
        """Return means: n - 1 additions, and two roundings by 1/n, of the sum or of each entry; n may underflow."""
        n = int(np.prod([self.value.shape[axis] for axis in axes]))
        value, error, size = (x / n for x in (self.value, self.error, abs(self.value) + self.error))
        for axis in axes:
            value, error, size = (x.sum(axis=axis, keepdims=True) for x in (value, error, size))
        return Rounded(self.format, value, error + self.format.gamma(n + 1) * size + n * self.format.tiny)

    def inverse_root(self, least: float) -> Rounded:
        """Return ``1 / sqrt(self)`` of numbers computed as at least `least`; root and quotient are rounded."""
        low = np.frompyfunc(lambda v, e: (v - e).max(flint.arb(least)), 2, 1)(self.value, self.error)
        root = np.frompyfunc(lambda v: 1 / v.sqrt(), 1, 1)
        value = root(self.value)
        # the root falls and is convex: it moves most where the radicand is least
        error = root(low) - value
        return Rounded(self.format, value, error + self.format.gamma(2) * (abs(value) + error))

    def either(self, other: Rounded) -> Rounded:
        """Return a value that two orders of its operations give, with the larger bound of each entry."""
        larger = np.frompyfunc(lambda a, b: a.max(b), 2, 1)
        return Rounded(self.format, self.value, larger(self.error, other.error))

    def holds(self, found: Any) -> bool:
        """Say whether computed numbers are within the bound, as far as the balls can tell."""
        found = np.asarray(found)
        if found.shape != self.value.shape or not np.isfinite(found).all():
            return False
        off = abs(_balls(found) - self.value)
        return not any(bool(a > b) for a, b in zip(off.reshape(-1), self.error.reshape(-1), strict=True))

    @staticmethod
    def sum(terms: list[Rounded]) -> Rounded:
        """Return the sum of a few terms, in any order."""
        value, error, size = terms[0].value, terms[0].error, abs(terms[0].value) + terms[0].error
        for term in terms[1:]:
            value, error, size = value + term.value, error + term.error, size + abs(term.value) + term.error
        return Rounded(terms[0].format, value, error + terms[0].format.gamma(len(terms) - 1) * size)
