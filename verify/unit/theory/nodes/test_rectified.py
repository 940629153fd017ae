"""Tests of `theory.nodes.rectified`: means against NumPy's quadrature and draws, and what the rules refuse."""

import math
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

from theory import laws, proof
from theory.balls import ball
from theory.equality import PROVED
from theory.evaluation import evaluate
from theory.law import Step
from theory.nodes.rectified import Gate, PairMean, Passed, Relu, StandardMean, apart, hermite, kappa1, y1, y2, z
from theory.notation import B, sigma
from theory.world import Context

DISTORTION, EXPLOSION, RECURSION = (laws.load(f"norm.depth.{k}")
                                    for k in ("distortion", "bn_explosion", "relu_recursion"))


def world(**values) -> Context:
    return Context({"x": [Fraction(0), Fraction(1)]}, "wr", {sp.Symbol(k, positive=True): v for k, v in values.items()})


def number(expr: sp.Basic, **values) -> float:
    return float(ball(evaluate(expr, world(**values))).value.mid())


def proved(law, part, left, step) -> bool:
    return proof.check_step(law, law.part(part), left, step).answer == PROVED


@pytest.mark.parametrize(("body", "function"), [
    (Relu(z) ** 3, lambda x: np.maximum(x, 0) ** 3),
    (z**2 * Gate(z) + z, lambda x: x**2 * (x > 0) + x),
    ((1 - sp.exp(-2 * z)) / (1 + sp.exp(-2 * z)) * z, lambda x: np.tanh(x) * x),
])
def test_means_over_one_gaussian(body, function):
    x = np.linspace(-12, 12, 480001)
    expected = (function(x) * np.exp(-(x**2) / 2)).sum() * (x[1] - x[0]) / math.sqrt(2 * math.pi)
    assert number(StandardMean(body)) == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("correlation", [-0.75, -0.2, 0.5, 0.9])
def test_means_over_two_gaussians(correlation):
    rng = np.random.default_rng(7)
    a, b = rng.standard_normal((2, 400_000))
    b = correlation * a + math.sqrt(1 - correlation**2) * b
    angle = sp.acos(sp.Rational(correlation))
    for body, drawn in ((Relu(y1) * Relu(y2), np.maximum(a, 0) * np.maximum(b, 0)),
                        (Gate(y1) * Gate(y2), (a > 0) & (b > 0)), (y1 * y2, a * b)):
        error = drawn.std() / math.sqrt(drawn.size)
        assert abs(number(PairMean(body, angle)) - drawn.mean()) < 5 * error


@pytest.mark.parametrize(("size", "slope"), [(4, sp.S.One), (4, Gate(z)), (6, Gate(z))])
def test_the_passed_share_is_that_of_drawn_jacobians(size, slope):
    rng = np.random.default_rng(size)
    x = rng.standard_normal((20_000, size))
    x = (x - x.mean(1, keepdims=True)) / x.std(1, keepdims=True)
    center = np.eye(size) - 1 / size
    d = np.ones_like(x) if slope == 1 else (x > 0).astype(float)
    outer = center - x[:, :, None] * x[:, None, :] / size
    inner = d[:, :, None] * center * d[:, None, :]
    drawn = (outer * inner).sum((1, 2)) / (size - 1)
    assert abs(number(Passed(slope, size)) - drawn.mean()) < 5 * drawn.std() / math.sqrt(drawn.size) + 1e-12


def test_hermite_polynomials_are_orthogonal():
    for j in range(5):
        for k in range(j, 5):
            expected = math.factorial(k) if j == k else 0
            assert number(StandardMean(hermite(j) * hermite(k))) == pytest.approx(expected, abs=1e-12)


def test_half_lines_prove_moments_and_refuse_others():
    fourth = StandardMean(Relu(sigma * z) ** 4)
    assert proved(DISTORTION, "square", fourth, Step("half lines", 3 * sigma**4 / 2))
    for wrong in (3 * sigma**4, sigma**4 / 2, 3 * sigma**2 / 2):
        assert not proved(DISTORTION, "square", fourth, Step("half lines", wrong))
    for body in (Relu(z + 1), Relu(-z), sp.exp(z), Gate(z**2)):
        assert not proved(DISTORTION, "square", StandardMean(body), Step("half lines", StandardMean(body) + 1))


def test_the_wedge_refuses_the_complement_and_other_bodies():
    c = next(p.symbol for p in RECURSION.params if p.name == "c")
    node = PairMean(Relu(y1) * Relu(y2), sp.acos(c))
    assert proved(RECURSION, "kernel", node, Step("wedge", kappa1(c) / 2))
    assert not proved(RECURSION, "kernel", node, Step("wedge", kappa1(-c) / 2))
    assert not proved(RECURSION, "kernel", PairMean(Relu(y1) ** 2 * Relu(y2), sp.acos(c)), Step("wedge", kappa1(c) / 2))


def test_a_trace_must_be_written_out_with_known_slopes():
    assert not proved(EXPLOSION, "linear", Passed(1, B), Step("exchangeable trace", Passed(1, B)))
    assert not proved(EXPLOSION, "linear", Passed(z, B), Step("exchangeable trace", sp.S.One))
    with pytest.raises(KeyError):
        evaluate(Passed(z, 4), world())


def test_the_angle_of_two_normalized_entries():
    assert math.cos(float(apart(sp.Integer(5)))) == pytest.approx(-0.25)
