"""Canonical JSON: one text a value, strict reading."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify import canonical

JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
                    | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12)


@given(JSON)
def test_what_is_written_is_read(value: object) -> None:
    text = canonical.dumps(value)
    assert canonical.loads(text) == value
    assert canonical.dumps(canonical.loads(text)) == text
    assert text.isascii() and "\n" not in text


def test_order_of_keys_does_not_matter() -> None:
    assert canonical.digest({"b": 1, "a": 2}) == canonical.digest({"a": 2, "b": 1})
    assert canonical.digest({"a": 1}) != canonical.digest({"a": 1.5})


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", '{"a": -Infinity}', '{"a": 1, "a": 2}', "{", ""])
def test_what_is_not_strict_json_is_refused(text: str) -> None:
    with pytest.raises(canonical.BadJson):
        canonical.loads(text)


@pytest.mark.parametrize("value", [math.nan, math.inf, [-math.inf]])
def test_numbers_that_are_none_are_not_written(value: object) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical.dumps(value)


def test_floats_are_rounded_to_twelve_digits_everywhere() -> None:
    got = canonical.rounded({"a": [1.23456789012345, 7], "b": {"c": -9.87654321098765e-30}, "t": (0.1,), "s": "1.5"})
    assert got == {"a": [1.23456789012, 7], "b": {"c": -9.87654321099e-30}, "t": [0.1], "s": "1.5"}
