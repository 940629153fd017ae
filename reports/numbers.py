"""Numbers as a user types them, read exactly and by rule: no expression is ever evaluated."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

__all__ = ["LIMIT", "MAX_ENTRIES", "MAX_EXPONENT", "BadNumber", "parse", "parse_assignment", "parse_entries"]

LIMIT = 64
MAX_EXPONENT = 300
MAX_ENTRIES = 10_000

_RATIO = re.compile(r"([+-]?[0-9]+)/([0-9]+)", re.ASCII)
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE]([+-]?[0-9]+))?", re.ASCII)
_RANGE = re.compile(r"(-?[0-9]+):(-?[0-9]+)", re.ASCII)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,31}", re.ASCII)
_WORD = re.compile(r"[a-z][a-z_-]{0,31}", re.ASCII)
_NOT_FINITE = {"nan", "inf", "infinity"}


class BadNumber(ValueError):
    """The text is no number of the accepted forms; the message says which forms are."""


def parse(text: str) -> Fraction:
    """Read an integer, a decimal or p/q as an exact fraction.

    Parameters
    ----------
    text : str
        ``"32"``, ``"0.1"`` (exactly 1/10), ``"1e-3"`` or ``"5/21"``; at most 64 characters.

    Returns
    -------
    Fraction

    Raises
    ------
    BadNumber
        For anything else, NaN and infinities among it.
    """
    if len(text) > LIMIT:
        raise BadNumber(f"{text[:16]}... has {len(text)} characters; a number has at most {LIMIT}")
    if text.strip("+-").lower() in _NOT_FINITE:
        raise BadNumber(f"{text} is not allowed; values must be finite numbers")
    if ratio := _RATIO.fullmatch(text):
        if int(ratio[2]) == 0:
            raise BadNumber(f"{text} divides by zero")
        return Fraction(int(ratio[1]), int(ratio[2]))
    if decimal := _DECIMAL.fullmatch(text):
        if decimal[1] is not None and abs(int(decimal[1])) > MAX_EXPONENT:
            raise BadNumber(f"{text} has an exponent beyond {MAX_EXPONENT}")
        return Fraction(text)
    raise BadNumber(
        f"{text!r} is not a number; write an integer (32), a decimal (0.1, 1e-3) or a fraction (5/21)"
    )


def parse_entries(text: str) -> Any:
    """Read one value or several: ``1,2,4`` lists values, ``1:8`` counts from 1 to 8 inclusive.

    Returns
    -------
    Fraction, str or list of Fraction
        A word (``wr``) is returned as it is; the law judges it.
    """
    if span := _RANGE.fullmatch(text[: LIMIT + 1]):
        low, high = int(span[1]), int(span[2])
        if not 0 <= high - low < MAX_ENTRIES:
            raise BadNumber(f"{text} is not an ascending range of at most {MAX_ENTRIES} integers")
        return [Fraction(k) for k in range(low, high + 1)]
    if "," in text:
        pieces = text.split(",")
        if len(pieces) > MAX_ENTRIES:
            raise BadNumber(f"a list has at most {MAX_ENTRIES} values, not {len(pieces)}")
        return [parse(piece) for piece in pieces]
    if _WORD.fullmatch(text) and text not in _NOT_FINITE:
        return text
    return parse(text)


def parse_assignment(text: str) -> tuple[str, Any]:
    """Split ``name=value`` and read the value.

    Raises
    ------
    BadNumber
        When there is no ``=``, the name is no name, or the value is no number.
    """
    name, equals, value = text.partition("=")
    if not equals or not _NAME.fullmatch(name):
        raise BadNumber(f"{text[:LIMIT]!r} is not of the form name=value, such as B=32")
    try:
        return name, parse_entries(value)
    except BadNumber as error:
        raise BadNumber(f"{name}: {error}") from None
