"""Domains: what is refused, and that the message names value and allowed set."""

from fractions import Fraction

import numpy as np
import pytest

from theory import laws
from theory.domain import Choice, DomainError, Integers, Reals

VARIANCE = laws.load("gradient.variance")


@pytest.mark.parametrize(("values", "message"), [
    ({"N": 5, "B": 9, "sigma2": 1}, "the batch of 9 exceeds the 5 samples"),
    ({"N": 5, "B": 0, "sigma2": 1}, "B = 0 is not allowed; B must be an integer >= 1"),
    ({"N": 5, "B": 2.5, "sigma2": 1}, "B = 2.5 is not allowed"),
    ({"N": 5, "B": Fraction(5, 2), "sigma2": 1}, "B = 5/2 is not allowed"),
    ({"N": 5, "B": float("nan"), "sigma2": 1}, "B = nan is not allowed"),
    ({"N": 5, "B": True, "sigma2": 1}, "B = True is not allowed"),
    ({"N": 5, "B": 2, "sigma2": float("nan")}, "sigma2 = nan is not allowed"),
    ({"N": 5, "B": 2, "sigma2": float("inf")}, "sigma2 = inf is not allowed"),
    ({"N": 5, "B": 2, "sigma2": -1}, "sigma2 = -1 is not allowed; sigma2 must be a real number >= 0"),
    ({"N": 5, "B": 2, "sigma2": "1"}, "sigma2 = 1 is not allowed"),
    ({"N": 5, "B": 2}, "parameter sigma2 is missing"),
    ({"N": 5, "B": 2, "sigma": 1}, "unknown parameter 'sigma'; did you mean sigma2?"),
    ({"N": 5, "B": 2, "sigma2": 1, "design": "bootstrap"}, "one of wor, wr"),
])
def test_bad_input_is_refused_with_reason(values, message):
    with pytest.raises(DomainError, match=message.replace("(", r"\(").replace("?", r"\?")):
        VARIANCE.predict(**values)


def test_reasons_of_single_laws():
    with pytest.raises(DomainError, match="stable only for eta\\*h < 2"):
        laws.load("quadratic.stationary").predict(N=8, B=2, eta=3, h=1, sigma2=1)
    with pytest.raises(DomainError, match="must be even"):
        laws.load("gradient.halving").predict(N=8, B=3)
    with pytest.raises(DomainError, match="6 channels cannot be split into 4 groups"):
        laws.load("norm.stat.crossover").predict(C=6, G=4, HW=1)
    with pytest.raises(DomainError, match="no number to predict"):
        laws.load("gradient.complement").predict(N=8, B=3)
    with pytest.raises(DomainError, match="N >= 4"):
        laws.load("gradient.cumulants").predict(N=3, B=2, kappa=0)


def test_arrays_are_checked_entry_by_entry():
    with pytest.raises(DomainError, match="the batch of 9 exceeds the 5 samples"):
        VARIANCE.predict(N=5, B=np.array([2, 9]), sigma2=1)


@pytest.mark.parametrize(("domain", "inside", "outside"), [
    (Integers(2, 4), [2, 4, Fraction(3)], [1, 5, 2.0, "2", None]),
    (Reals(0, 1), [0, 1, Fraction(1, 2), 0.5], [-0.1, 2, float("nan"), "0"]),
    (Reals(0, 1, open=True), [0.5], [0, 1]),
    (Reals(), [-1e300], [float("inf"), float("-inf")]),
    (Choice(("a", "b")), ["a"], ["c", 1]),
])
def test_domains(domain, inside, outside):
    assert not any(domain.reject(v) for v in inside)
    assert all(domain.reject(v) for v in outside)
    assert domain.text()
