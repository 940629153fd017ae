"""Canonical JSON: one text for one value, so that a hash of the text names the value."""

from __future__ import annotations

import hashlib
import json
from typing import Any

__all__ = ["BadJson", "digest", "dumps", "loads", "rounded"]

LEDGER_DIGITS = 12
"""Significant digits of a released float: the last ones of a logarithm may differ between processors."""


class BadJson(ValueError):
    """A text that is not strict JSON: NaN, infinity, a repeated key or a syntax error."""


def dumps(value: Any) -> str:
    """Return the canonical text of a value of plain JSON types.

    Parameters
    ----------
    value : dict, list, str, int, float, bool or None
        Keys of every dict are strings.

    Returns
    -------
    str
        ASCII, keys sorted, no spaces; floats in their shortest round-trip form.

    Raises
    ------
    ValueError
        For NaN or infinity.
    TypeError
        For any other type.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _constant(name: str) -> Any:
    raise BadJson(f"{name} is not a number of strict JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in pairs:
        if key in out:
            raise BadJson(f"key {key!r} occurs twice in one object")
        out[key] = value
    return out


def loads(text: str) -> Any:
    """Read strict JSON; NaN, infinities and repeated keys are refused, not silently accepted.

    Raises
    ------
    BadJson
        Saying what was found.
    """
    try:
        return json.loads(text, parse_constant=_constant, object_pairs_hook=_unique)
    except json.JSONDecodeError as problem:
        raise BadJson(str(problem)) from None


def digest(value: Any) -> str:
    """Return the SHA-256 of the canonical text of a value, 64 hexadecimal digits."""
    return hashlib.sha256(dumps(value).encode()).hexdigest()


def rounded(value: Any) -> Any:
    """Return a copy with every float rounded to `LEDGER_DIGITS` significant digits."""
    if isinstance(value, float):
        return float(f"{value:.{LEDGER_DIGITS}g}")
    if isinstance(value, dict):
        return {key: rounded(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(entry) for entry in value]
    return value
