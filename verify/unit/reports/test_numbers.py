"""Numbers from the command line: exact, by rule, and never evaluated."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.numbers import LIMIT, BadNumber, parse, parse_assignment, parse_entries


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("32", Fraction(32)),
        ("-7", Fraction(-7)),
        ("0.1", Fraction(1, 10)),
        (".5", Fraction(1, 2)),
        ("3.", Fraction(3)),
        ("1e-3", Fraction(1, 1000)),
        ("2.5E2", Fraction(250)),
        ("5/21", Fraction(5, 21)),
        ("+4/6", Fraction(2, 3)),
    ],
)
def test_reads_numbers_exactly(text, value):
    assert parse(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 1",
        "1 ",
        "1_000",
        "0x10",
        "1/0",
        "1/2/3",
        "1/-2",
        "1.5/2",
        "2**9",
        "9**9**9",
        "__import__('os')",
        "sin(1)",
        "nan",
        "NaN",
        "inf",
        "-inf",
        "Infinity",
        "1e999999999",
        "1e-301",
        "\u0661",
        "\uff11",
        "1\n",
        "1\x00",
        "e5",
        ".",
        "+",
        "1" * (LIMIT + 1),
        "True",
        "1j",
        "[1]",
        "1;2",
    ],
)
def test_refuses_everything_else(text):
    with pytest.raises(BadNumber):
        parse(text)


def test_says_why_not_a_number_is_refused():
    with pytest.raises(BadNumber, match="finite"):
        parse("nan")
    with pytest.raises(BadNumber, match="divides by zero"):
        parse("3/0")
    with pytest.raises(BadNumber, match="65 characters"):
        parse("1" * 65)


@given(st.fractions(max_denominator=10**12))
def test_fractions_come_back(number):
    assert parse(str(number)) == number


@given(st.text(max_size=80))
def test_any_text_is_a_number_or_refused(text):
    try:
        assert isinstance(parse(text), Fraction)
    except BadNumber as error:
        assert str(error)


def test_lists_ranges_and_words():
    assert parse_entries("1,2,0.5") == [1, 2, Fraction(1, 2)]
    assert parse_entries("1:4") == [1, 2, 3, 4]
    assert parse_entries("wr") == "wr"
    assert parse_assignment("B=32") == ("B", 32)


@pytest.mark.parametrize("text", ["4:1", "1:20000", "1,,2", "1,nan", ",", "1:2:3", "nan", "inf"])
def test_refuses_broken_lists(text):
    with pytest.raises(BadNumber):
        parse_entries(text)


@pytest.mark.parametrize("text", ["B", "=3", "1B=3", "B-=3", "B==3", "B=3=4", "a b=3", "B="])
def test_refuses_broken_assignments(text):
    with pytest.raises(BadNumber):
        parse_assignment(text)
