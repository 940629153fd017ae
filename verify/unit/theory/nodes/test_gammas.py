"""Tests of `theory.nodes.gammas`: identities of Gamma functions in a normal form, values, and a bound on trigammas."""

import math
from fractions import Fraction

import pytest
import sympy as sp

from theory import laws, proof
from theory.equality import PROVED, REFUTED
from theory.evaluation import evaluate
from theory.law import Part, Step
from theory.nodes.gammas import GammaRatio, same
from theory.notation import B
from theory.world import Context

LAW = laws.load("norm.stat.log_var")
q, x = sp.Symbol("q", real=True), sp.Symbol("x", positive=True)


@pytest.mark.parametrize("left, right", [
    (sp.gamma(x + 1), x * sp.gamma(x)),
    (GammaRatio((B - 1) / 2, -1), 2 / (B - 3)),
    (GammaRatio(x, sp.S.Half) * GammaRatio(x + sp.S.Half, sp.S.Half), x),
    (sp.gamma(2 * x), 2 ** (2 * x - 1) * sp.gamma(x) * sp.gamma(x + sp.S.Half) / sp.sqrt(sp.pi)),
    ((4 * x / B) ** (q / 2), 2**q * x ** (q / 2) * B ** (-q / 2)),
    (sp.polygamma(0, x + 2), sp.polygamma(0, x) + 1 / x + 1 / (x + 1)),
    (sp.polygamma(1, x - 1), sp.polygamma(1, x) + 1 / (x - 1) ** 2),
    (sp.log(x**2 / B), 2 * sp.log(x) - sp.log(B)),
    ((q + sp.sqrt(x + 1)) ** 2, q**2 + 2 * q * sp.sqrt(x + 1) + x + 1),
    ((q + sp.sqrt(2) * x) ** 2, q**2 + 2 * sp.sqrt(2) * q * x + 2 * x**2),
])
def test_identities(left, right):
    assert same(left, right).answer == PROVED
    assert same(left, 2 * right).answer == REFUTED
    assert same(left, right + 1 / x).answer == REFUTED


@pytest.mark.parametrize("a, b", [(0.5, 0.5), (3.5, -1.25), (40, 7.5)])
def test_values(a, b):
    ratio = math.gamma(a + b) / math.gamma(a)
    node = GammaRatio(sp.Rational(a), sp.Rational(b))
    assert float(node.evalf()) == pytest.approx(ratio, rel=1e-13)
    compiled = sp.lambdify([x, q], GammaRatio(x, q), modules=["scipy", "numpy"])
    assert compiled(a, b) == pytest.approx(ratio, rel=1e-12)
    world = Context({"x": [Fraction(0)]}, "wr", {x: Fraction(a), q: Fraction(b)})
    assert float(evaluate(GammaRatio(x, q), world).value.mid()) == pytest.approx(ratio, rel=1e-13)


def test_large_arguments_do_not_overflow():
    compiled = sp.lambdify([x], GammaRatio(x, sp.S.Half), modules=["scipy", "numpy"])
    assert compiled(1e6) == pytest.approx(1e3, rel=1e-6)
    assert float(GammaRatio(sp.Integer(10**6), sp.S.Half).evalf()) == pytest.approx(1e3, rel=1e-6)


def test_poles_have_no_value():
    with pytest.raises(ZeroDivisionError):
        evaluate(GammaRatio(x, q), Context({"x": [Fraction(0)]}, "wr", {x: Fraction(1), q: Fraction(-2)}))


def test_powers_of_what_may_be_negative_are_refused():
    y = sp.Symbol("y", real=True)
    with pytest.raises(ValueError, match="not known to be positive"):
        same(y ** (q / 2), y ** (q / 2))


def steps(bound, relation):
    """Return the answer to a bound on psi'((B-1)/2)."""
    value = sp.polygamma(1, (B - 1) / 2)
    part = Part("bound", relation(value, bound, evaluate=False))
    return proof.check_step(LAW, part, value, Step("trigamma steps", bound)).answer


def test_bounds_on_trigammas():
    low = 2 / (B - 1) + 2 / (B - 1) ** 2
    term = 4 / (3 * (B - 1) ** 3)
    assert steps(low, sp.Ge) == steps(low + term, sp.Le) == PROVED
    assert steps(low, sp.Le) != PROVED
    assert steps(low + term, sp.Ge) != PROVED
    assert steps(low + 1, sp.Le) != PROVED  # does not vanish far away
