"""The overlap of two normalizations: its quadratures against direct ones and against closed forms."""

from fractions import Fraction

import flint
import pytest
import sympy as sp

from theory import laws, proof
from theory.balls import Ball
from theory.evaluation import evaluate
from theory.nodes import cosines
from theory.nodes.kernel import Cosines, Hyper, Overlap, PowerSeries, UnitSquare, k
from theory.world import Context

WORLD = Context({"x": [Fraction(0)]}, "wor", {})


def value(expr):
    return evaluate(sp.sympify(expr), WORLD)


def test_the_mean_cosine_given_the_coordinate():
    """Against the integral over a chi-square variable of two and of three degrees, by another quadrature."""
    with flint.ctx.workprec(160):
        u = flint.arb("0.75")
        for p, power in ((3, 0), (4, 1)):
            def density(w, _, power=power):
                return w**power * w * (-w * w / 2).exp()

            def weighted(w, _, density=density, u=u):
                return u / (u * u + w * w).sqrt() * density(w, _)

            total, weight = (flint.acb.integral(f, 0, 16).real for f in (weighted, density))
            assert Ball(total / weight) == Ball(cosines.cosine_given(p, u))
    assert cosines.cosine_given(1, u) == 1


def test_hermite_coefficients_by_the_law_of_the_angle():
    """E[C U] = E[C^2] E[R], and two dimensions beyond: Beta and chi moments."""
    for p in (1, 2, 3):
        expected = sp.sqrt(2) * sp.gamma(sp.Rational(p + 1, 2)) / sp.gamma(sp.Rational(p, 2)) / p
        assert Ball(cosines.coefficients(p)[1]) == value(expected)


@pytest.mark.parametrize("rho", [Fraction(1, 3), Fraction(1)])
def test_signs_of_differences(rho):
    """Two groups of two: the mean product of two signs is an arcsine."""
    assert value(Overlap(2, 2, rho)) == value(2 * sp.asin(rho / 2) / sp.pi)


def test_direct_quadrature_in_two_coordinates():
    """Against the mean of the two conditional cosines over the density of two correlated coordinates."""
    with flint.ctx.workprec(cosines.WORKING):
        r, step = flint.arb("0.4"), flint.arb("0.1")
        rest = 1 - r * r
        nodes = []
        for i in range(-40, 28):
            e = (-step * i).exp()
            u = (step * i - e).exp()
            nodes.append((u, u * (1 + e) * step))
        total = flint.arb(0)
        for u, a in nodes:
            for w, b in nodes:
                height = (-(u * u + w * w) / (2 * rest)).exp() * (r * u * w / rest).sinh()
                total += a * b * cosines.cosine_given(2, u) * cosines.cosine_given(3, w) * height
        direct = float(2 * total / (flint.arb.pi() * rest.sqrt()))
    assert direct == pytest.approx(float(value(Cosines(2, 3, Fraction(2, 5))).value), rel=1e-14)


def test_series_and_integral():
    third = Fraction(1, 3)
    assert value(PowerSeries(sp.S.One, k, sp.Rational(1, 3))) == Fraction(3, 2)
    b = sp.gamma(sp.Rational(1, 2)) * sp.gamma(sp.Rational(3, 2)) / sp.gamma(2)
    assert value(UnitSquare(2, 2, 0)) == value(b**2)
    with pytest.raises(ZeroDivisionError, match="diverges"):
        value(PowerSeries(sp.S.One, k, sp.S.One))
    floats = Hyper._imp_(1.5, 2.0, float(third))
    assert floats == pytest.approx(float(value(Hyper(sp.Rational(3, 2), 2, third)).value), rel=1e-15)


def test_wrong_lines_are_refused():
    law = laws.load("norm.hybrid.alpha_gaussian")
    part = law.part("overlap")
    previous = part.lhs
    for step in part.derivation:
        wrong = type(step)(step.rule, step.expr * sp.Rational(101, 100), step.note, step.where)
        assert proof.check_step(law, part, previous, step).answer == "proved"
        assert proof.check_step(law, part, previous, wrong).answer != "proved"
        previous = step.expr
