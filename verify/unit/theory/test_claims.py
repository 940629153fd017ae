"""The claims name laws that exist and answer them, and the numbers they tell are the laws'."""

from __future__ import annotations

from fractions import Fraction

import pytest

from theory import laws
from theory.claims import CLAIMS, VERDICTS


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: str(claim.number))
def test_a_claim_says_what_holds_where_what_fails_and_with_which_numbers(claim):
    assert claim.verdict in VERDICTS
    assert all((claim.holds, claim.conditions, claim.fails, claim.example)) and claim.rests_on
    assert claim.verdict != "open" or claim.undecided
    assert set(claim.rests_on) <= set(laws.ids())
    assert len(set(claim.rests_on)) == len(claim.rests_on)


def test_they_are_eleven_in_order():
    assert [claim.number for claim in CLAIMS] == list(range(1, 12))


def said(number):
    claim = CLAIMS[number - 1]
    return " ".join((claim.holds, claim.conditions, claim.fails, claim.example))


def value(law_id, part, **given):
    return float(laws.load(law_id).predict(part=part, **given).value)


@pytest.mark.parametrize(
    ("B", "tau2", "omega2", "told"),
    [(2, 0, 0, "0.018 at B = 2"), (8, 0, 0, "0.096 at B = 8"), (64, 0, 0, "one half at B = 64"),
     (512, 0, 0, "0.89 at B = 512"), (2000, 0, 1, "0.03 at B = 2000"), (2, 1, 0, "0.39 at B = 2")],
)
def test_learned_weights(B, tau2, omega2, told):
    found = value("norm.hybrid.alpha_gaussian", "optimum", B=B, d=64, tau2=tau2, omega2=omega2)
    number = told.split(" at")[0].replace("one half", "0.500")
    assert told in said(10)
    assert f"{found:.{len(number) - 2}f}" == number


def test_other_numbers():
    assert "0.504 at B = 1" in said(10)
    assert round(value("norm.hybrid.alpha_stats", "mean_optimum", B=1, d=64, V=1), 3) == 0.504
    assert "B = 8 for 256 channels in 32 groups" in said(7)
    assert value("norm.stat.crossover", "crossover", C=256, G=32, HW=49) == 8
    for n in (2, 9, 1000):
        exact = 1 + Fraction(4, n) - Fraction(1, n**2)
        found = value("norm.stat.group_heterogeneous", "independent", n=n, between=1, sigma2=1)
        assert found == pytest.approx(float(exact)) and exact > 1
    assert "1 + 4/n - 1/n^2" in said(7)
    assert "multiplies the variance by 4" in said(2)
    assert value("gradient.halving", laws.load("gradient.halving").headline, N=6, B=4) == 4
