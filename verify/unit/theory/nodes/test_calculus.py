"""Tests of `theory.nodes.calculus`: derivatives term by term, and the mean of a root."""

import pytest
import sympy as sp

from theory import laws, proof
from theory.equality import PROVED
from theory.law import Step
from theory.nodes.calculus import carried, derivative
from theory.nodes.derivatives import First
from theory.notation import At, B, BatchSum, E, PopMean, m, mu, s, sigma, sigma_hat, x

LAW = laws.load("norm.gap.split")
FLOOR = laws.load("norm.gap.floor")


def answer(law, part, left, rule, right, **where):
    return proof.check_step(law, part, left, Step(rule, right, where=where)).answer


def test_derivatives():
    assert sp.expand(derivative((sigma - mu) ** 3, sigma) - 3 * (sigma - mu) ** 2) == 0
    assert derivative(BatchSum(x * sigma), sigma) == BatchSum(x)
    assert derivative(E(s / sigma, B), sigma) == E(-s / sigma**2, B)
    assert derivative(mu, sigma) == 0
    for hidden in (2**sigma, sp.exp(sigma), E(s, sigma)):
        with pytest.raises(ValueError, match="derivative"):
            derivative(hidden, sigma)


def test_values_are_inserted_from_the_inside_out():
    assert carried(At(First(mu**3, mu), mu, sigma), {}) == 3 * sigma**2
    assert carried(At(sigma_hat, sigma, 2), {sigma_hat: 3 * sigma}) == 6


def test_differentiate():
    part, square = LAW.part("std_only"), First(PopMean((x - mu) ** 2) + E(sigma**2 * s, B), sigma)
    assert answer(LAW, part, square, "differentiate", 2 * sigma * E(s, B)) == PROVED
    assert answer(LAW, part, square, "differentiate", sigma * E(s, B)) != PROVED
    assert answer(LAW, part, First(sp.exp(sigma), sigma), "differentiate", sp.exp(sigma)) != PROVED


def test_root_mean_square():
    floor = FLOOR.part("lower")
    line, share = floor.derivation[0].expr, floor.derivation[1].where["second"]
    assert answer(FLOOR, floor, line, "root mean square", floor.rhs, second=share) == PROVED
    assert answer(FLOOR, floor, line, "root mean square", floor.rhs, second=2 * share) != PROVED
    assert answer(FLOOR, floor, line, "root mean square", floor.rhs + 1, second=share) != PROVED
    assert answer(FLOOR, floor, line, "root mean square", floor.rhs) != PROVED  # no mean square
    assert answer(FLOOR, floor, -line, "root mean square", -floor.rhs, second=share) != PROVED  # the wrong way
    assert answer(FLOOR, floor, line * E(m, B), "root mean square", floor.rhs, second=share) != PROVED  # two means
    assert answer(FLOOR, floor, 1 / E(s, B), "root mean square", floor.rhs, second=share) != PROVED  # not linear
