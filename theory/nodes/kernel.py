"""Two normalizations of correlated Gaussian entries: the mean product of what they make of them.

`Overlap(B, d, rho)`       two groups of B and of d independent standard Gaussians, one entry of each correlated by rho:
                           mean product of the normalized values of these two entries
`Cosines(p, s, r)`         mean product of the cosines of two Gaussian vectors, in p and s dimensions, with their first
                           axes, along which they are correlated by r
`UnitSquare(p, s, x)`      integral over 0 < y, y' < 1 of
                           (y y')^(-1/2) (1-y)^((p-1)/2) (1-y')^((s-1)/2) (1-x y y')^(-3/2)
`PowerSeries(a, j, x)`     sum of a x^j over j = 0, 1, ...
`Hyper(b, c, x)`           hypergeometric function 3F2(1/2, 1/2, 3/2; b, c; x)

Brute force expands the mean of a cosine given the coordinate along the axis, an integral, in Hermite polynomials
(Mehler 1866); their coefficients are found by quadrature with steps so small that shifting them by half a step shows
no difference.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any

import flint
import mpmath
import numpy as np
import sympy as sp

from theory import notation as nt
from theory import registry, rules
from theory.balls import Ball, ball
from theory.equality import PROVED, Check, equal
from theory.evaluation import evaluate
from theory.law import Law, Part
from theory.nodes.chi import GaussianMean
from theory.nodes.cosines import FAR, WORKING, coefficients, mean_product, unit_square
from theory.nodes.gammas import same
from theory.nodes.hybrid import MODELS, Average, by_batch, by_sample, target
from theory.nodes.places import drawn_values
from theory.registry import Situation
from theory.world import Context, Number

__all__ = ["EFFECTS", "Cosines", "Hyper", "Overlap", "PowerSeries", "UnitSquare", "channels", "k", "omega2", "tau2"]

channels = sp.Symbol("d", integer=True, positive=True)
k = sp.Symbol("k", integer=True, nonnegative=True)
"""Place in a series."""

tau2, omega2 = sp.symbols("tau2 omega2", nonnegative=True)
"""Variance of the channels' levels, and of the examples' offsets, in units of the signal's."""

EFFECTS = "two-way random effects"


class Overlap(nt.Node):
    """Mean product of two normalized entries."""

    nargs = 3

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return nt._power("q(" + ",".join(printer._print(a) for a in self.args) + ")", exp, wrap=False)


class Cosines(nt.Node):
    """Mean product of two cosines."""

    nargs = 3

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        p, s, r = (printer._print(a) for a in self.args)
        body = rf"\frac{{U}}{{\sqrt{{U^2+\chi^2_{{{p}-1}}}}}}\frac{{U'}}{{\sqrt{{U'^2+\chi'^2_{{{s}-1}}}}}}"
        return nt._power(rf"\operatorname{{E}}_{{\operatorname{{Corr}}(U,U')={r}}}\left[{body}\right]", exp, wrap=False)


class UnitSquare(nt.Node):
    """Integral over the unit square."""

    nargs = 3

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        p, s, x = (printer._print(a) for a in self.args)
        body = (rf"\frac{{(1-y)^{{({p}-1)/2}}(1-y')^{{({s}-1)/2}}}}{{\sqrt{{y\,y'}}"
                rf"\left(1-{x}\,y\,y'\right)^{{3/2}}}}")
        return nt._power(rf"\int_0^1\!\!\int_0^1{body}\,dy\,dy'", exp)


class PowerSeries(nt.Node):
    """Sum of a power series."""

    nargs = 3

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        term, letter, x = (printer._print(a) for a in self.args)
        return nt._power(rf"\sum_{{{letter}=0}}^\infty{term}\left({x}\right)^{{{letter}}}", exp)


class Hyper(sp.Function):
    """3F2(1/2, 1/2, 3/2; b, c; x)."""

    nargs = 3

    def _eval_is_extended_real(self) -> bool:
        return True

    def _eval_evalf(self, prec: int) -> sp.Expr:
        with mpmath.workprec(prec):
            b, c, x = (a._to_mpmath(prec) for a in self.args)
            return sp.Expr._from_mpmath(mpmath.hyp3f2(0.5, 0.5, 1.5, b, c, x), prec)

    @staticmethod
    def _imp_(b: Any, c: Any, x: Any) -> Any:
        """Sum the series in float64, entry by entry."""
        b, c, x = np.broadcast_arrays(*(np.asarray(a, dtype=np.float64) for a in (b, c, x)))
        term = total = np.ones(b.shape)
        j = 0
        while np.any(term > 1e-17 * total) and j < 10**6:
            term = term * ((j + 0.5) ** 2 * (j + 1.5) / ((j + b) * (j + c) * (j + 1)) * x)
            total, j = total + term, j + 1
        return total if total.shape else float(total)

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        b, c, x = (printer._print(a) for a in self.args)
        return nt._power(rf"{{}}_3F_2\left(\tfrac12,\tfrac12,\tfrac32;{b},{c};{x}\right)", exp, wrap=False)


# Meaning. -------------------------------------------------------------------------------------------------------------

def _rational(number: Number) -> Fraction:
    terms = getattr(number, "terms", {1: number})
    if set(terms) - {1}:
        raise KeyError(f"{number} is not rational")
    return Fraction(terms.get(1, 0))


def _cosines_of(p: Number, s: Number, squared: Number) -> Ball:
    x = _rational(squared)
    if min(p, s) < 1 or not 0 <= x < 1:
        raise ZeroDivisionError("two vectors, of correlation below one, are needed")
    return Ball(mean_product(int(p), int(s), x))


@registry.means(Overlap)
def _overlap(node: Overlap, world: Context) -> Number:
    return overlap_of(*(evaluate(a, world) for a in (node.args[0], node.args[1], node.args[2] ** 2)))


def overlap_of(batch: Number, d: Number, squared: Number) -> Number:
    """Return the mean product of two normalized entries whose correlation has a given square.

    An entry's normalized value depends on its deviation from the mean of its peers and on their variance.
    """
    x = _rational(squared) * (1 - 1 / batch) * (1 - 1 / d)
    return ball((batch - 1) * (d - 1)) ** Fraction(1, 2) * _cosines_of(batch - 1, d - 1, x)


@registry.means(Cosines)
def _cosines_node(node: Cosines, world: Context) -> Number:
    return _cosines_of(*(evaluate(a, world) for a in (node.args[0], node.args[1], node.args[2] ** 2)))


@registry.means(UnitSquare)
def _unit_square(node: UnitSquare, world: Context) -> Number:
    p, s, x = (_rational(evaluate(a, world)) for a in node.args)
    return Ball(unit_square(int(p), int(s), x))


@registry.means(PowerSeries)
def _power_series(node: PowerSeries, world: Context) -> Number:
    """Add terms until they no longer count; they fall at least as fast as x^j."""
    body, letter, at = node.args
    x, total, power, place = ball(evaluate(at, world)), ball(0), ball(1), 0
    if not abs(x) < 1:
        raise ZeroDivisionError("the series diverges")
    while True:
        values = {**world.values, letter: Fraction(place)}
        term = power * evaluate(body, Context(world.population, world.design, values, world.where, state=world.state))
        total, power, place = total + term, power * x, place + 1
        rest = abs(term) / (1 - abs(x))
        if rest < Fraction(1, 10**45):
            return Ball(flint.arb(total.value.mid(), (total.value.rad() + rest.value).upper()))


@registry.means(Hyper)
def _hyper(node: sp.Basic, world: Context) -> Number:
    b, c, x = (ball(evaluate(a, world)).value for a in node.args)
    with flint.ctx.workprec(WORKING):
        half = flint.arb(1) / 2
        return Ball(x.hypgeom([half, half, 3 * half], [b, c]))


# Worlds. ---------------------------------------------------------------------------------------------------------

SIZES = ((2, 2), (2, 3), (3, 2), (3, 3), (2, 5), (4, 3), (4, 2), (3, 4), (5, 2))


def _near(batch: int, d: int, squared: Fraction) -> bool:
    """Say whether the deviations' correlation is small enough for brute force."""
    return squared * (1 - Fraction(1, batch)) * (1 - Fraction(1, d)) <= FAR**2


@registry.worlds(Overlap, Cosines, UnitSquare)
def _worlds(law: Law, part: Part, rng: random.Random) -> Iterator[Context]:
    """Small groups, and a correlation."""
    while True:
        batch, d = rng.choice(SIZES)
        values = {**drawn_values(law, rng, most=3), nt.B: Fraction(batch), channels: Fraction(d),
                  nt.rho: Fraction(rng.randint(1, 10), 10), nt.sigma: Fraction(1), nt.mu: Fraction(0)}
        if not _near(batch, d, values[nt.rho] ** 2):
            continue
        yield Context({"x": [Fraction(0), Fraction(1)]}, law.designs[0], values, law.where)


def _effects(law: Law, part: Part, rng: random.Random) -> Iterator[Context]:
    """Small groups, and variances of levels and offsets."""
    while True:
        batch, d = rng.choice(SIZES)
        level, offset = (Fraction(rng.randint(0, 4), 4) for _ in range(2))
        if not _near(batch, d, 1 / ((1 + level) * (1 + offset))):
            continue
        values = {**drawn_values(law, rng, most=3), nt.B: Fraction(batch), channels: Fraction(d), tau2: level,
                  omega2: offset, nt.sigma: Fraction(1), nt.mu: Fraction(0)}
        state = {"moments": _moments(batch, d, level, offset)}
        yield Context({"x": [Fraction(0), Fraction(1)]}, law.designs[0], values, law.where, state=state)


MODELS[EFFECTS] = _effects


def _moments(batch: int, d: int, level: Fraction, offset: Fraction) -> Callable[[Sequence[int]], Number]:
    """Return what gives the mean products of the two outputs and the target."""
    def fit(size: int, spread: Fraction) -> Number:
        # The target is a Gaussian of correlation (1 + spread)^(-1/2) with the entry that is normalized.
        along = Ball(coefficients(size - 1)[1])
        return along * (size - 1) / ball(size * (1 + spread)) ** Fraction(1, 2)

    def moment(powers: Sequence[int]) -> Number:
        key = tuple(powers)
        if key in ((0, 0, 0), (2, 0, 0), (0, 2, 0), (0, 0, 2)):
            return Fraction(1)
        if key == (1, 0, 1):
            return fit(batch, offset)
        if key == (0, 1, 1):
            return fit(d, level)
        if key == (1, 1, 0):
            return overlap_of(Fraction(batch), Fraction(d), 1 / ((1 + level) * (1 + offset)))
        raise KeyError("means of products of two only")

    return moment


# Proof. ----------------------------------------------------------------------------------------------------------

def _root(size: sp.Expr) -> sp.Expr:
    return sp.sqrt(size)


@lru_cache(maxsize=1)
def _studentized() -> Check:
    """Prove that a normalized entry is sqrt(n-1) U/sqrt(U^2 + W), U from its deviation D from its peers' mean."""
    n, square, u, w, v = sp.symbols("n square u w v", positive=True)
    own = (1 - 1 / n) ** 2 * square  # of the entry minus the mean, where the peers' mean is 0 and D^2 the square
    spread = (w + square - n * square / n**2) / n  # peers' squares about their mean, and the entry's
    normal = equal((own / spread).xreplace({square: n / (n - 1) * u**2}), (n - 1) * u**2 / (u**2 + w))
    return rules.worst(normal, equal(v + v / (n - 1), v * n / (n - 1)))


@registry.rule("own deviation", "an entry's normalized value is a cosine: its deviation from its peers' mean against "
               "the squares of that and of the n - 2 independent Gaussians in their variance (rule helmert)")
def _own_deviation(at: Situation) -> Check:
    holds = _studentized()
    if holds.answer != PROVED:
        return holds

    def cosines(one: sp.Expr, other: sp.Expr, rho: sp.Expr) -> sp.Expr:
        # The deviations have variances n/(n-1); their covariance is that of the two entries.
        roots = _root(one - 1) * _root(other - 1)
        return roots * Cosines(one - 1, other - 1, rho * roots / (_root(one) * _root(other)))

    return _alike(at.left.replace(Overlap, cosines), at.right)


def _alike(left: sp.Basic, right: sp.Basic) -> Check:
    """Decide equality of lines, the squares of correlations in one form."""
    def tidy(p: sp.Expr, s: sp.Expr, r: sp.Expr) -> sp.Expr:
        return Cosines(sp.expand(p), sp.expand(s), sp.factor(sp.expand(r**2)))

    def tidy_square(p: sp.Expr, s: sp.Expr, x: sp.Expr) -> sp.Expr:
        return UnitSquare(sp.expand(p), sp.expand(s), sp.factor(sp.expand(x)))

    circle = sp.Symbol("pi", positive=True)
    return equal(*(side.replace(Cosines, tidy).replace(UnitSquare, tidy_square).xreplace({sp.pi: circle})
                   for side in (left, right)))


@lru_cache(maxsize=1)
def _transformed() -> Check:
    """Prove the integrand of the unit square.

    1/sqrt(a) is pi^(-1/2) times the integral of t^(-1/2) exp(-t a); the Gaussian integral gives the mean of
    U U' exp(-t U^2 - t' U'^2), and (1 + 2t)^(-1/2) for every square in W; then t = y/(2(1-y)).
    """
    r, y, z, t, q, p = sp.symbols("r y z t q p", positive=True)
    covariance, weights = sp.Matrix([[1, r], [r, 1]]), sp.diag(2 * t, 2 * q)
    precision = covariance.inv() + weights
    whole = (sp.eye(2) + covariance * weights).det()
    tilted = equal(precision.inv()[0, 1], r / whole)
    height = equal(precision.det() * covariance.det(), whole)  # of the Gaussian integral, under a root
    moved = {t: y / (2 * (1 - y)), q: z / (2 * (1 - z))}
    inside = equal(whole.xreplace(moved), (1 - r**2 * y * z) / ((1 - y) * (1 - z)))
    single = equal((1 + 2 * t).xreplace(moved), 1 / (1 - y))
    jacobian = equal(sp.diff(moved[t], y), 1 / (2 * (1 - y) ** 2))
    # Exponents of 1 - y: of the Gaussian integral, the squares in W, t^(-1/2), and dt.
    power = equal(sp.Rational(3, 2) + (p - 1) / 2 + sp.Rational(1, 2) - 2, (p - 1) / 2)
    # Factors of 2: t^(-1/2) and dt, twice.
    twos = equal((sp.sqrt(2) / 2) ** 2, sp.S.Half)
    return rules.worst(tilted, height, inside, single, jacobian, power, twos)


@registry.rule("inverse roots", "one over a root is an integral of exponentials, of which the Gaussian mean is known; "
               "t = y/(2(1-y)) takes it to the unit square")
def _inverse_roots(at: Situation) -> Check:
    holds = _transformed()
    if holds.answer != PROVED:
        return holds
    return _alike(at.left.replace(Cosines, lambda p, s, r: r / (2 * sp.pi) * UnitSquare(p, s, r**2)), at.right)


@registry.rule("binomial series", "(1-u)^(-3/2) has the coefficients (3/2)_j/j!, from (1-u) f' = 3/2 f; each term's "
               "integrals are Euler's Beta functions; all terms are positive")
def _binomial(at: Situation) -> Check:
    (square,), (series,) = at.left.atoms(UnitSquare), at.right.atoms(PowerSeries)
    p, s, x = square.args
    body, j, letter = series.args
    if body.has(UnitSquare) or not (j.is_integer and j.is_nonnegative):
        raise ValueError("the series must be over a whole number from 0 on")
    coefficient = sp.gamma(j + sp.Rational(3, 2)) / sp.gamma(sp.Rational(3, 2)) / sp.gamma(j + 1)
    recurrence = same((j + 1) * coefficient.xreplace({j: j + 1}), (j + sp.Rational(3, 2)) * coefficient)

    def beta(size: sp.Expr) -> sp.Expr:
        a, b = j + sp.S.Half, (size + 1) / 2
        return sp.gamma(a) * sp.gamma(b) / sp.gamma(a + b)

    terms = same(coefficient * beta(p) * beta(s), body)
    return rules.worst(recurrence, terms, equal(x, letter),
                       same(at.left.xreplace({square: sp.Symbol("series", positive=True)}),
                            at.right.xreplace({series: sp.Symbol("series", positive=True)})))


@registry.rule("hypergeometric", "a series whose successive terms have the ratio of 3F2's is its first term times 3F2")
def _hypergeometric(at: Situation) -> Check:
    (series,), (function,) = at.left.atoms(PowerSeries), at.right.atoms(Hyper)
    body, j, x = series.args
    b, c, z = function.args
    half = sp.S.Half
    ratio = (j + half) ** 2 * (j + 3 * half) / ((j + b) * (j + c) * (j + 1))
    terms = same(body.xreplace({j: j + 1}), body * ratio)
    first = body.xreplace({j: sp.S.Zero}) * sp.Symbol("function")
    return rules.worst(terms, equal(x, z), same(at.left.xreplace({series: first}),
                                                at.right.xreplace({function: sp.Symbol("function")})))


@registry.rule("random effects", "correlations of the target with what is normalized, and of the two inputs; the mean "
               "of x_hat x over a group is its standard deviation (norm.gap.identity)")
def _random_effects(at: Situation) -> Check:
    """Replace mean products by those of Gaussian groups.

    A channel's level and an example's offset drop out of the group in which they are constant: the batch normalizes
    signal plus offset, the sample signal plus level.  Given what is normalized, the target is its correlation times
    that, and noise.
    """
    signal, offset, level = sp.symbols("signal offset level")
    variances = {signal: sp.S.One, offset: omega2, level: tau2}

    def covariance(one: sp.Expr, other: sp.Expr) -> sp.Expr:
        return sp.Add(*[one.coeff(v) * other.coeff(v) * variance for v, variance in variances.items()])

    def correlation(one: sp.Expr, other: sp.Expr) -> sp.Expr:
        return covariance(one, other) / sp.sqrt(covariance(one, one) * covariance(other, other))

    batch, sample = signal + offset, signal + level
    known = {
        Average(by_batch * target): correlation(batch, signal) * GaussianMean(nt.s, nt.B) / nt.sigma,
        Average(by_sample * target): correlation(sample, signal) * GaussianMean(nt.s, channels) / nt.sigma,
        Average(by_batch * by_sample): Overlap(nt.B, channels, correlation(batch, sample)),
    }
    left, right = (rules.unfold(side, at.definitions).xreplace(known) for side in (at.left, at.right))
    return equal(left, right)
