"""Tests of `theory.nodes.escape`: first passages against paths by hand, exit times against a simulation's mean."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

from theory import laws, proof
from theory.equality import PROVED
from theory.evaluation import evaluate
from theory.law import Step
from theory.nodes.escape import Ever, ExitTime, Reached, Ruin, exit_time
from theory.nodes.multiplicative import TailIndex
from theory.notation import B, eta, h, sigma2, t
from theory.world import Context

POWER, AR1 = laws.load("escape.power"), laws.load("escape.ar1")
start = sp.Symbol("x0", positive=True)
n, m = sp.symbols("n m", integer=True, nonnegative=True)
A = sp.Symbol("A", positive=True)


def check(law, part: str, left: sp.Basic, rule: str, right: sp.Basic) -> str:
    return proof.check_step(law, law.part(part), left, Step(rule, right)).answer


def test_reaching_visits_every_path():
    factors = [Fraction(1, 2), Fraction(1, 2), Fraction(2)]
    here = Context({"u": [Fraction(1), Fraction(3), Fraction(6)]}, "wor", {
        B: Fraction(1), eta: Fraction(1, 2), start: Fraction(1, 4), t: Fraction(5)})
    hits = 0
    for path in itertools.product(factors, repeat=5):
        products = itertools.accumulate(path, lambda a, b: a * b)
        hits += any(Fraction(1, 4) * p >= 1 for p in products)
    assert evaluate(Reached(start, t), here) == Fraction(hits, 3**5)


def test_ruin_is_a_gamble():
    fair = [evaluate(Ruin(sp.Integer(a), sp.Integer(b), sp.Integer(1), sp.Integer(1)), Context({"u": [0]}, "wor", {}))
            for a, b in ((1, 1), (1, 3), (2, 3), (0, 4), (4, 0))]
    assert fair == [Fraction(1, 2), Fraction(3, 4), Fraction(3, 5), 1, 0]
    down = evaluate(Ever(sp.Integer(3), sp.Integer(3), sp.Integer(1)), Context({"u": [0]}, "wor", {}))
    far = evaluate(Ruin(sp.Integer(3), sp.Integer(40), sp.Integer(3), sp.Integer(1)), Context({"u": [0]}, "wor", {}))
    assert down == Fraction(1, 27) and 0 < down - far < Fraction(1, 10**18)
    assert evaluate(Ever(sp.Integer(3), sp.Integer(1), sp.Integer(2)), Context({"u": [0]}, "wor", {})) == 1
    with pytest.raises(KeyError):
        evaluate(Ruin(sp.Rational(1, 2), sp.Integer(1), sp.Integer(1), sp.Integer(1)), Context({"u": [0]}, "wor", {}))


def test_the_exit_time_is_that_of_independent_points_where_steps_forget():
    assert math.isclose(exit_time(0.0, 0.5), 1 / math.erfc(2 / math.sqrt(2)), rel_tol=1e-12)
    assert exit_time(0.5, 0.4) == pytest.approx(exit_time(-0.5, 0.4), rel=1e-10)


def test_the_exit_time_meets_a_simulation():
    rng, keep, noise = np.random.Generator(np.random.PCG64DXSM(7)), 0.5, 0.5
    theta, left, stays = np.zeros(20_000), 0, 0
    for step in range(200):
        theta = keep * theta + noise * rng.standard_normal(theta.size)
        out = np.abs(theta) > 1
        if step >= 20:
            left, stays = left + int(out.sum()), stays + theta.size
        theta[out] = rng.choice(theta[~out], int(out.sum()))  # the survivors carry the quasi-stationary law
    assert stays / left == pytest.approx(exit_time(keep, noise), rel=0.02)


@pytest.mark.parametrize("width", [1.5, 2.0, 2.6])
def test_the_bound_of_the_exit_time_is_sharp_as_the_batch_grows(width):
    excess = []
    for B_ in (4, 16, 64):
        z = width * math.sqrt(B_ / 4)
        excess.append(exit_time(0.5, math.sqrt(0.75) / z) * math.erfc(z / math.sqrt(2)) - 1)
    assert excess[0] > excess[1] > excess[2] > -1e-9
    assert excess[2] < 1e-3


def test_ville_takes_the_tail_index_only():
    left = Reached(start, t)
    assert check(POWER, "bound", left, "ville", start ** TailIndex(B)) == PROVED
    for wrong in (start**2, start ** (2 * TailIndex(B)), start ** TailIndex(B + 1), 2 * start ** TailIndex(B)):
        assert check(POWER, "bound", left, "ville", wrong) != PROVED


@pytest.mark.parametrize("part", ["ruin", "ever"])
def test_chances_are_proved_and_their_rivals_not(part):
    stated = POWER.part(part)
    rule = stated.derivation[0].rule
    assert check(POWER, part, stated.lhs, rule, stated.rhs) == PROVED
    for rival in stated.rivals:
        assert check(POWER, part, stated.lhs, rule, rival.expr) != PROVED


def test_the_exit_time_is_bounded_by_the_right_tail_only():
    left = AR1.part("waiting").lhs
    assert check(AR1, "waiting", left, "slab", 1 / sp.erfc(sp.sqrt(A))) == PROVED
    for wrong in (2 / sp.erfc(sp.sqrt(A)), 1 / sp.erfc(sp.sqrt(2 * A)), 1 / sp.erfc(A), 1 / sp.erfc(-sp.sqrt(A))):
        assert check(AR1, "waiting", left, "slab", wrong) != PROVED


def test_the_tail_of_the_gaussian():
    left = 1 / sp.erfc(sp.sqrt(A))
    assert check(AR1, "arrhenius", left, "tail", sp.sqrt(sp.pi * A) * sp.exp(A)) == PROVED
    for wrong in (2 * sp.sqrt(sp.pi * A) * sp.exp(A), sp.sqrt(sp.pi * A) * sp.exp(2 * A), sp.sqrt(A) * sp.exp(A)):
        assert check(AR1, "arrhenius", left, "tail", wrong) != PROVED


def test_an_exit_time_has_a_value():
    here = Context({"u": [0]}, "wr", {eta: Fraction(1, 2), h: Fraction(1), sigma2: Fraction(1)})
    assert evaluate(ExitTime(sp.Integer(1), sigma2), here) == Fraction(exit_time(0.5, 0.5))
