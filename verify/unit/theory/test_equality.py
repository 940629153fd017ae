"""The three engines: what they prove, refute and leave undecided."""

import pytest
import sympy as sp

from theory.equality import PROVED, REFUTED, UNDECIDED, equal, nonnegative, to_rational

x, y, t = sp.symbols("x y t")
p, q = sp.symbols("p q", nonnegative=True)


@pytest.mark.parametrize(("left", "right"), [
    ((x**2 - y**2) / (x - y), x + y),
    (1 / x + 1 / y, (x + y) / (x * y)),
    ((1 - x) ** (2 * t + 2), (1 - x) ** (2 * t) * (1 - x) ** 2),
    ((1 - x) ** (2 * t), ((1 - x) ** t) ** 2),
    (sp.sqrt(x) * y, y * sp.sqrt(x)),
    (sp.Integer(0), x - x),
])
def test_equal_expressions_are_proved_by_every_engine(left, right):
    check = equal(left, right)
    assert check.answer == PROVED
    assert set(check.engines.values()) == {PROVED}


@pytest.mark.parametrize(("left", "right"), [
    (x + 1, x),
    (x / (y - 1), x / y),
    ((1 - x) ** (2 * t), (1 - x) ** t),
    (sp.sqrt(x * y), sp.sqrt(x) * sp.sqrt(y)),  # false for negative x, y: never accepted
    (sp.sqrt(x**2), x),
])
def test_different_expressions_are_never_proved(left, right):
    assert equal(left, right).answer == REFUTED


def test_a_division_by_zero_is_not_proved():
    assert equal(x / sp.Add(y, -y, evaluate=False), x).answer == UNDECIDED


def test_a_disagreement_of_engines_is_undecided(monkeypatch):
    monkeypatch.setattr("theory.equality._flint", lambda a, b: REFUTED)
    assert equal(x, x).answer == UNDECIDED


def test_engines_work_alone(monkeypatch):
    """Each engine by itself tells a near miss from the truth."""
    from theory import equality

    good = ((x**3 - 1) / (x - 1), x**2 + x + 1)
    near = (good[0], x**2 + x + sp.Rational(1000001, 1000000))
    for engine in (equality._sympy, equality._fractions, equality._flint):
        assert engine(*(to_rational(e) for e in good)) == PROVED
        assert engine(*(to_rational(e) for e in near)) == REFUTED


@pytest.mark.parametrize(("expr", "answer"), [
    (p + 2 * p * q, PROVED), (p / (1 + q), PROVED), (p - q, UNDECIDED), (sp.Integer(0), UNDECIDED),
    (p**2 - 2 * p * q + q**2, UNDECIDED), (p / (1 - q), UNDECIDED), (x, UNDECIDED),  # x may be negative
])
def test_nonnegativity_is_read_off_coefficients(expr, answer):
    assert nonnegative(expr) == answer
