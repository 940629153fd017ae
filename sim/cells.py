"""What the cell of a probe may say, and what a probe says of it before drawing."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from operator import index as whole
from typing import Any

import numpy as np

__all__ = ["Choice", "Number", "Setting", "Text", "Whole", "integer_limit", "outward", "read", "replicates"]

Sampler = Callable[..., np.ndarray]


@dataclass(frozen=True, slots=True)
class Setting:
    """What is known of a cell before the first draw.

    Parameters
    ----------
    known
        Facts of the population by their names in the notation: Fractions where the population is integer,
        floats otherwise.
    low, high
        Every replicate lies in ``[low, high]``; proved, and rounded outward.
    scale
        Replicates are int64 times this; None for float64 replicates.
    """

    known: Mapping[str, Fraction | float]
    low: float
    high: float
    scale: Fraction | None


@dataclass(frozen=True, slots=True)
class Text:
    """A field that holds a name."""

    optional: bool = False

    def read(self, key: str, value: Any) -> str:
        """Return `value` if it is a non-empty string."""
        if not isinstance(value, str) or not value:
            raise ValueError(f"{key} must be a name, got {value!r}")
        return value


@dataclass(frozen=True, slots=True)
class Choice:
    """A field with a fixed list of values."""

    values: tuple[str | int, ...]
    optional: bool = False

    def read(self, key: str, value: Any) -> str | int:
        """Return `value` if it is one of the allowed ones."""
        if isinstance(value, bool) or value not in self.values:
            raise ValueError(f"{key} must be one of {', '.join(map(str, self.values))}; got {value!r}")
        return self.values[self.values.index(value)]


@dataclass(frozen=True, slots=True)
class Whole:
    """A field with a whole number of at least `low` and at most `high`."""

    low: int = 1
    high: int = 2**31
    optional: bool = False

    def read(self, key: str, value: Any) -> int:
        """Return `value` as an int if it lies in the range."""
        try:
            number = whole(value) if not isinstance(value, bool) else None
        except TypeError:
            number = None
        if number is None or not self.low <= number <= self.high:
            raise ValueError(f"{key} must be a whole number in {self.low}..{self.high}, got {value!r}")
        return number


@dataclass(frozen=True, slots=True)
class Number:
    """A field with a finite number, kept as the exact rational it is; text must read ``p/q`` or a decimal."""

    low: Fraction | int
    high: Fraction | int
    open_low: bool = False
    optional: bool = False

    def read(self, key: str, value: Any) -> Fraction:
        """Return `value` as a Fraction if it lies in the range."""
        edge = "(" if self.open_low else "["
        try:
            if isinstance(value, bool) or (isinstance(value, str) and len(value) > 64):
                raise TypeError
            number = Fraction(value)
        except (TypeError, ValueError, OverflowError, ZeroDivisionError):
            number = None
        if number is None or not self.low <= number <= self.high or (self.open_low and number == self.low):
            raise ValueError(f"{key} must be a number in {edge}{self.low}, {self.high}], got {value!r}")
        return number


Field = Text | Choice | Whole | Number


def read(cell: Mapping[str, Any], fields: Mapping[str, Field]) -> dict[str, Any]:
    """Validate a cell against the fields of its probe.

    Parameters
    ----------
    cell
        Flat mapping; the key ``probe`` is passed over.
    fields
        Name of each field and what it may hold.

    Returns
    -------
    dict
        The values, one for each field; None where an optional field is absent.

    Raises
    ------
    ValueError
        Naming an unknown or missing key and the allowed keys, or the value and its allowed range.
    """
    allowed = ", ".join(fields)
    unknown = [key for key in cell if key != "probe" and key not in fields]
    if unknown:
        raise ValueError(f"unknown key {unknown[0]!r}: allowed keys are {allowed}")
    values: dict[str, Any] = {}
    for key, field in fields.items():
        if cell.get(key) is None:
            if not field.optional:
                raise ValueError(f"missing key {key!r}: allowed keys are {allowed}")
            values[key] = None
        else:
            values[key] = field.read(key, cell[key])
    return values


def outward(low: Fraction | float, high: Fraction | float, slack: float = 0.0) -> tuple[float, float]:
    """Round an exact range to floats that enclose it.

    Parameters
    ----------
    low, high
        The range.
    slack
        Rounding error that replicates of this size may carry, added on both sides.

    Returns
    -------
    tuple of float
        The enclosing range; a bound of exactly 0 stays 0 when there is no slack.
    """
    down, up = float(low) - slack, float(high) + slack
    if down != 0:
        down = math.nextafter(math.nextafter(down, -math.inf), -math.inf)
    if up != 0:
        up = math.nextafter(math.nextafter(up, math.inf), math.inf)
    return down, up


def integer_limit(largest: int, what: str) -> None:
    """Refuse a cell whose integer replicates could leave int64.

    Parameters
    ----------
    largest
        Largest absolute value that any step of the computation reaches.
    what
        The quantity, for the message.

    Raises
    ------
    ValueError
        If `largest` is 2^63 or more.
    """
    if largest >= 2**63:
        raise ValueError(
            f"{what} reaches {largest:.3g}, beyond int64 (9.22e18): use a smaller population, batch or order"
        )


def replicates(
    n: int, chunk: int, one: Callable[[int], np.ndarray], *, dtype: type[np.generic] = np.float64
) -> np.ndarray:
    """Fill `n` replicates chunk by chunk, so that memory does not grow with `n`.

    Parameters
    ----------
    n
        Number of replicates, at least 0.
    chunk
        Replicates a chunk.
    one
        Function from the size of a chunk to its replicates.
    dtype
        Type of the result.

    Returns
    -------
    numpy.ndarray, shape (n,)
        The replicates.

    Raises
    ------
    ValueError
        If `n` is not a whole number of at least 0.
    """
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 0:
        raise ValueError(f"number of replicates n must be a whole number >= 0, got {n!r}")
    result = np.empty(int(n), dtype=dtype)
    for start in range(0, int(n), max(1, chunk)):
        stop = min(int(n), start + max(1, chunk))
        result[start:stop] = one(stop - start)
    return result
