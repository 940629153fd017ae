"""Numbers of the stability, tail and escape laws that their pages state."""

import math
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

from theory import laws
from theory.evaluation import evaluate
from theory.nodes.escape import exit_time
from theory.nodes.levels import Levels, LyapunovEdge, factor
from theory.notation import B, eta, h1, h2
from theory.world import Context

PAIR = (sp.Rational(1, 5), sp.Integer(2), sp.Rational(17, 5), sp.Integer(2))
CURVATURES = {"h1": Fraction(1, 5), "h2": Fraction(17, 5)}


def world(**values: Fraction | int) -> Context:
    letters = {"B": B, "eta": eta, "h1": h1, "h2": h2}
    return Context({"u": [Fraction(1)] * 2}, "wor", {letters[k]: Fraction(v) for k, v in values.items()})


def number(value) -> float:
    return float(value) if isinstance(value, Fraction) else float(value.value)


def test_the_table_of_thresholds():
    law = laws.load("stability.thresholds")
    mean_square = [float(law.predict(part="mean_square", B=size, **CURVATURES).value) for size in (1, 2, 3, 4)]
    assert np.round(mean_square, 4).tolist() == [0.6207, 0.8795, 1.0214, 1.1111]
    sure = [number(evaluate(LyapunovEdge(B, *PAIR), world(B=size))) for size in (1, 2, 3, 4)]
    assert np.round(sure, 4).tolist() == [0.6307, 1.0243, 1.2180, 1.1111]
    assert law.predict(part="triple", **CURVATURES).value == Fraction(162, 133)
    assert law.predict(part="full", **CURVATURES).value == Fraction(10, 9)


def test_stability_returns_at_larger_steps():
    law = laws.load("stability.reentry")
    first = law.predict(part="lost", k1=2, **CURVATURES).value
    root = math.sqrt(0.2**2 - 6 * 0.2 * 3.4 + 3.4**2)
    back, last = 4 / (3.6 - root), 3.6 / 0.68
    assert (round(float(first), 3), round(back, 3), round(last, 3)) == (0.631, 4.663, 5.294)
    for step, stable in ((0.6, True), (1.0, False), (4.6, False), (4.7, True), (5.25, True), (5.35, False)):
        assert (law.predict(part="exponent", eta=step, k1=2, **CURVATURES).value < 0) == stable


def test_exponents_and_mean_squares_at_the_sharp_minimum():
    law, step = laws.load("select.minimum"), {"eta": 1, **CURVATURES}
    exponents = [float(law.predict(part=part, **step).value) for part in ("one", "two", "three")]
    assert np.round(exponents, 3).tolist() == [0.326, -0.040, -0.517]
    squares = [law.predict(part="mean_square", B=size, **step).value for size in (1, 2, 3, 4)]
    assert squares == [Fraction(16, 5), Fraction(112, 75), Fraction(208, 225), Fraction(16, 25)]


def test_the_two_counterexamples():
    flat = laws.load("select.counterexample")
    assert float(flat.predict(part="surely").value) == pytest.approx(0.150, abs=5e-4)
    assert flat.predict(N=4, B=1, eta=1, hbar=Fraction(19, 20)).value == Fraction(399, 400)  # variance: 867/400
    sure = laws.load("select.counterexample_as")
    assert float(sure.predict(part="surely").value) == pytest.approx(-0.704, abs=5e-4)
    assert sure.predict(part="mean_square").value == Fraction(4567, 640)


def test_two_point_numbers():
    law, rare = laws.load("stability.two_point"), {"k1": 15, "k2": 1, "B": 1, **CURVATURES}
    assert law.predict(part="mean_square", eta=1, **rare).value == Fraction(24, 25)
    assert law.predict(part="mean_square", eta=Fraction(3, 2), **rare).value == Fraction(151, 100)
    assert float(law.predict(part="single", eta=1, **rare).value) == pytest.approx(-0.154, abs=1e-3)


def test_the_index_of_a_lattice_and_the_chance_to_climb():
    tail, power = laws.load("tail.kesten"), laws.load("escape.power")
    alpha = float(tail.predict(k1=3, k2=1, c=2).value)
    assert alpha == pytest.approx(math.log2(3))
    chance = power.predict(n=3, k1=3, k2=1).value
    assert chance == Fraction(1, 27) and float(chance) == pytest.approx((1 / 8) ** alpha)


@pytest.mark.parametrize(("size", "first", "second"), [(4, 1.180, 1.400), (8, 1.086, 1.200), (16, 1.017, 1.074),
                                                       (32, 1.001, 1.030)])
def test_exit_times_over_their_bounds(size, first, second):
    z = 2 * math.sqrt(size / 4)
    time = exit_time(0.5, math.sqrt(0.75) / z)
    assert time * math.erfc(z / math.sqrt(2)) == pytest.approx(first, abs=1e-3)
    law, sigma2 = laws.load("escape.ar1"), 3.0  # so that R = 1 is z stationary standard deviations
    bound = law.predict(part="arrhenius", design="wr", N=100, B=size, eta=0.5, h=1.0, sigma2=sigma2, R=1.0).value
    assert time / float(bound) == pytest.approx(second, abs=1e-3)


def test_gamma_at_gradient_descents_edge():
    batches = Levels(sp.log(sp.Abs(factor(B))), B, sp.Integer(2), sp.Integer(2), sp.Integer(3), sp.Integer(2))
    found = [number(evaluate(batches, world(B=size, eta=Fraction(4, 5)))) for size in (1, 2, 3)]
    assert found[0] < found[1] < found[2] < 0
