"""Groups of independent Gaussian entries: expectations of their standard deviation, by quadrature and by proof.

`GaussianMean(f, n)`   expectation of f over a group of n independent Gaussian entries of mean mu and standard deviation
                       sigma; in f, `s` is the group's biased standard deviation and `m` its mean
`ChiMean(f, d)`        expectation of f over the letter `c`, a sum of squares of d independent standard Gaussians

The fidelity of a group, c_n = E s / sigma, is `fidelity`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from typing import Any

import flint
import sympy as sp

from theory import notation as nt
from theory import registry, rules
from theory.balls import Ball, ball
from theory.domain import Integers, Reals
from theory.equality import PROVED, UNDECIDED, Check, equal
from theory.evaluation import evaluate
from theory.law import Law, Part
from theory.nodes.bound import manifest
from theory.nodes.gammas import GammaRatio, same
from theory.registry import Situation
from theory.world import Context, Number

__all__ = ["ChiMean", "GaussianMean", "above_one", "analytic", "c", "exists", "fidelity", "integral", "sizes"]

c = sp.Symbol("c", positive=True)
"""A chi-square variable, inside `ChiMean`."""

WORKING, GOAL = 200, 150
"""Bits of the quadrature, and bits behind the point of its goal."""

WIDE = 4
"""Groups are drawn up to this much larger than the law's smallest."""


def fidelity(size: sp.Expr) -> sp.Expr:
    """Return c_n = E s / sigma of a Gaussian group of n entries, s its biased standard deviation."""
    return sp.sqrt(2 / size) * GammaRatio((size - 1) / 2, sp.S.Half)


class GaussianMean(nt.Node):
    """Expectation over a Gaussian group."""

    nargs = 2

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        size = "" if self.args[1] == nt.B else rf"_{{{printer._print(self.args[1])}}}"
        body = rf"\operatorname{{E}}{size}\left[{printer._print(self.args[0])}\right]"
        return nt._power(body, exp)


class ChiMean(nt.Node):
    """Expectation over a chi-square variable."""

    nargs = 2

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        body, freedom = (printer._print(a) for a in self.args)
        return nt._power(rf"\operatorname{{E}}_{{c\sim\chi^2_{{{freedom}}}}}\left[{body}\right]", exp)


# Meaning. --------------------------------------------------------------------------------------------------------

def analytic(expr: sp.Basic, known: dict[sp.Basic, tuple[Any, Any]], sure: bool) -> Any:
    """Return the value of an expression at complex numbers.

    Parameters
    ----------
    expr
        Sums, products, powers and logarithms.
    known
        Value and logarithm of every symbol.
    sure
        Whether the value is asked for where the expression must be analytic.
    """
    if expr in known:
        return known[expr][0]
    if isinstance(expr, sp.Rational):
        return flint.acb(flint.fmpq(int(expr.p), int(expr.q)))
    if isinstance(expr, sp.Add):
        return sum((analytic(a, known, sure) for a in expr.args), flint.acb(0))
    if isinstance(expr, sp.Mul):
        product = flint.acb(1)
        for a in expr.args:
            product *= analytic(a, known, sure)
        return product
    if isinstance(expr, sp.Pow):
        if expr.exp.is_integer:
            return analytic(expr.base, known, sure) ** int(analytic(expr.exp, known, sure).real.unique_fmpz())
        return (_log(expr.base, known, sure) * analytic(expr.exp, known, sure)).exp()
    if isinstance(expr, sp.log):
        return _log(expr.args[0], known, sure)
    if isinstance(expr, (sp.cos, sp.sin, sp.exp)):
        return getattr(analytic(expr.args[0], known, sure), type(expr).__name__)()
    raise KeyError(f"{type(expr).__name__} cannot be integrated here")


def _log(expr: sp.Basic, known: dict[sp.Basic, tuple[Any, Any]], sure: bool) -> Any:
    if expr in known:
        return known[expr][1]
    if isinstance(expr, sp.Mul):
        return sum((_log(a, known, sure) for a in expr.args), flint.acb(0))
    if isinstance(expr, sp.Pow):
        return _log(expr.base, known, sure) * analytic(expr.exp, known, sure)
    return analytic(expr, known, sure).log(analytic=sure)


@lru_cache(maxsize=4096)
def integral(body: sp.Basic, letter: sp.Symbol, rate: Fraction, freedom: int,
             others: tuple[tuple[sp.Symbol, str], ...]) -> flint.arb:
    """Return the integral of body(scale e^u) exp(d u - e^(2u)/2) over all real u.

    The letter stands for e^(rate u); e^u is the length of a Gaussian vector in d dimensions, whose density is
    proportional to e^((d - 1) u) exp(-e^(2u)/2).

    Raises
    ------
    ZeroDivisionError
        If it does not converge at 0.
    """
    with flint.ctx.workprec(WORKING):
        numbers = {symbol: flint.acb(flint.arb(text)) for symbol, text in others}
        known = {symbol: (value, value.log()) for symbol, value in numbers.items()}
        slope, d = flint.fmpq(rate.numerator, rate.denominator), flint.acb(freedom)

        def density(u: flint.acb, sure: bool) -> flint.acb:
            height = slope * u
            there = analytic(body, {**known, letter: (height.exp(), height)}, sure)
            return there * (d * u - (2 * u).exp() / 2).exp()

        far, step = flint.acb(-30), flint.acb(-31)
        drop = (abs(density(far, False)) / abs(density(step, False))).log()
        if not drop > flint.arb(1) / 100:
            raise ZeroDivisionError("the mean does not exist: the integral diverges where the entries are all equal")
        low = flint.acb((-flint.arb(GOAL) * flint.arb.const_log2() / drop - 30).floor())
        high = flint.acb(flint.arb(freedom + 8).log() / 2 + 3)
        tail = 2 * abs(density(low, False)) * (1 + 1 / drop) + abs(density(high, False))
        goal = flint.arb(2) ** -GOAL
        found = flint.acb.integral(density, low, high, rel_tol=goal, abs_tol=goal, eval_limit=10**5,
                                   depth_limit=10**3).real
        return flint.arb(found.mid(), found.rad() + tail.upper())


def _constants(body: sp.Basic, letter: sp.Symbol, world: Context) -> tuple[tuple[sp.Symbol, str], ...]:
    rest = sorted((s for s in body.free_symbols if s != letter), key=str)
    with flint.ctx.workprec(WORKING + 64):
        return tuple((s, ball(evaluate(s, world)).value.str(90, radius=True)) for s in rest)


def _average(body: sp.Basic, letter: sp.Symbol, rate: Fraction, freedom: Number, world: Context) -> Number:
    if freedom.denominator != 1 or freedom < 1:
        raise ZeroDivisionError(f"a group has no {freedom} degrees of freedom")
    whole = integral(sp.S.One, letter, rate, int(freedom), ())
    with flint.ctx.workprec(WORKING):
        return Ball(integral(body, letter, rate, int(freedom), _constants(body, letter, world)) / whole)


@registry.means(ChiMean)
def _chi_mean(node: ChiMean, world: Context) -> Number:
    body, freedom = node.args
    return _average(body, c, Fraction(2), evaluate(freedom, world), world)


_LENGTH = sp.Symbol("length", positive=True)


@registry.means(GaussianMean)
def _gaussian_mean(node: GaussianMean, world: Context) -> Number:
    """Integrate over the length of the vector of deviations: that of a Gaussian in n - 1 dimensions."""
    body, size = node.args
    n = evaluate(size, world)
    total: Number = Fraction(0)
    for power, factor in _by_powers(body):
        outside, inside = sp.factor_terms(factor).as_independent(nt.s, as_Add=False)
        found = evaluate(outside, world) * _of_mean(power, n, world)
        if inside.has(nt.s):
            length = inside.xreplace({nt.s: nt.sigma * _LENGTH / sp.sqrt(sp.Rational(int(n)))})
            found = found * _average(length, _LENGTH, Fraction(1), n - 1, world)
        total = total + found
    return total


_ERROR = sp.Symbol("error", real=True)


def _in_mean(body: sp.Basic) -> list[tuple[int, sp.Expr]]:
    """Write a body as a polynomial in the error of the group's mean: (power, factor)."""
    if not body.has(nt.m):
        return [(0, body)]
    shifted = body.xreplace({nt.m: nt.mu + _ERROR})
    if not shifted.is_polynomial(_ERROR):
        raise KeyError("the body is no polynomial in the mean")
    return [(int(power), factor) for (power,), factor in sp.Poly(sp.expand(shifted), _ERROR).terms()]


def _by_powers(body: sp.Basic) -> list[tuple[int, sp.Expr]]:
    """Split the factors of `_in_mean` that are polynomials in the standard deviation: their integrals are few."""
    return [(power, term) for power, factor in _in_mean(body)
            for term in (sp.Add.make_args(sp.expand(factor)) if factor.is_polynomial(nt.s) else (factor,))]


def _of_mean(power: int, n: Number, world: Context) -> Number:
    """Mean of a power of the error of the mean, over three points that have a Gaussian's moments up to the fifth."""
    if power > 5:
        raise KeyError("three points have the moments of a Gaussian up to the fifth")
    value = evaluate(sp.sqrt(3) * nt.sigma / sp.sqrt(sp.Rational(int(n))), world)
    return Fraction(2, 3) * (power == 0) + (value**power + (-value) ** power) / 6


def sizes(law: Law, part: Part, kinds: tuple[type, ...]) -> dict[sp.Symbol, Integers]:
    """Return the letters that the sizes of groups are made of, with their domains."""
    nodes = [e for kind in kinds for e in part.statement.atoms(kind)]
    letters = {s for node in nodes for s in node.args[1].free_symbols}
    return {p.symbol: p.domain for p in law.params if p.symbol in letters and isinstance(p.domain, Integers)}


@registry.worlds(GaussianMean, ChiMean)
def _worlds(law: Law, part: Part, rng: random.Random) -> Iterator[Context]:
    """Draw the size of the group, the population's mean and standard deviation, and the law's own letters."""
    letters = sizes(law, part, (GaussianMean, ChiMean))
    while True:
        values: dict[sp.Symbol, Number] = {nt.sigma: Fraction(rng.randint(1, 4), 2),
                                           nt.mu: Fraction(rng.randint(-3, 3))}
        for param in law.params:
            domain = param.domain
            if param.symbol in letters:
                values[param.symbol] = Fraction(letters[param.symbol].low + rng.randint(0, WIDE))
            elif isinstance(domain, Integers) and param.symbol not in values:
                values[param.symbol] = Fraction(domain.low + rng.randint(0, 3))
            elif isinstance(domain, Reals) and param.symbol not in values and param.symbol not in law.where:
                values[param.symbol] = _real(domain, rng)
        values[nt.sigma2] = values[nt.sigma] ** 2
        values.setdefault(nt.B, Fraction(2))
        yield Context({"x": [Fraction(0), Fraction(1)]}, law.designs[0], values, law.where)


def _real(domain: Reals, rng: random.Random) -> Fraction:
    while True:
        found = Fraction(rng.randint(-14, 14), rng.choice((2, 4)))
        if not domain.reject(found):
            return found


# Proof. ----------------------------------------------------------------------------------------------------------

@lru_cache(maxsize=1)
def _helmert() -> Check:
    """Prove that entry n + 1 adds the square of a standard Gaussian that the first n deviations do not see.

    Of the first n entries only their mean and their sum of squares enter, and the covariances of entries.
    """
    n, mean, squares, new, v = sp.symbols("n mean squares new v", positive=True)
    before = squares - n * mean**2
    after = squares + new**2 - (n * mean + new) ** 2 / (n + 1)
    added = equal(after - before, n / (n + 1) * (new - mean) ** 2)
    # Variances and covariances of entries are v and 0: the new deviation is new - mean, an old one x_1 - mean.
    spread = equal(n / (n + 1) * (v + v / n), v)
    old = equal(-(v / n - n * v / n**2), sp.S.Zero)
    whole = equal((n * v / n + sp.S.Zero) / (n + 1) - (v / n + sp.S.Zero) * n / (n + 1), sp.S.Zero)
    return rules.worst(added, spread, old, whole)


def _moment(power: int) -> sp.Expr:
    return sp.factorial2(power - 1) if power % 2 == 0 else sp.S.Zero


def _rotated(node_body: sp.Basic, size: sp.Expr) -> sp.Expr:
    total = sp.S.Zero
    for power, factor in _in_mean(node_body):
        gauss = _moment(power) * (nt.sigma / sp.sqrt(size)) ** power
        inside = factor.xreplace({nt.s: nt.sigma * sp.sqrt(c / size)})
        total += gauss * (ChiMean(inside, size - 1) if factor.has(nt.s) else factor)
    return total


@registry.rule("helmert", "each further entry adds the square of a Gaussian that is uncorrelated with the deviations "
               "before it: n v/sigma^2 is a sum of n - 1 squares, independent of the mean")
def _by_rotation(at: Situation) -> Check:
    holds = _helmert()
    if holds.answer != PROVED:
        return holds
    left, right = (rules.unfold(side, at.definitions).replace(GaussianMean, _rotated) for side in (at.left, at.right))
    return _compare(left, right, at.law)


def above_one(law: Law) -> dict[sp.Basic, sp.Expr]:
    """Return sizes that are at least two in letters that are positive: roots of n - 1 are real then."""
    return {p.symbol: p.domain.low - 1 + sp.Symbol(f"{p.name}_above", integer=True, positive=True)
            for p in law.params if isinstance(p.domain, Integers) and p.domain.low >= 2}


def _compare(left: sp.Basic, right: sp.Basic, law: Law) -> Check:
    """Decide equality of lines with expectations, their bodies in a normal form as well."""
    positive = above_one(law)
    return same(*(side.replace(ChiMean, _linear).xreplace(positive) for side in (left, right)))


def _linear(body: sp.Basic, freedom: sp.Expr) -> sp.Expr:
    """Write an expectation as a combination of those of powers and logarithms of the variable."""
    total = sp.S.Zero
    for term in _terms(body):
        outside, inside = term.as_independent(c, as_Add=False)
        total += outside * (ChiMean(sp.powsimp(inside), sp.expand(freedom)) if inside != 1 else sp.S.One)
    return total


def _terms(body: sp.Basic) -> list[sp.Expr]:
    """Return the terms of a body, powers of products and logarithms of them taken apart."""
    apart = sp.expand_log(sp.powdenest(sp.expand_power_base(body)))
    return list(sp.Add.make_args(sp.expand(apart)))


def exists(law: Law, part: Part, total: sp.Expr) -> bool:
    """Say whether an expression is positive on the law's domain: by the ends of its integers or by a constraint."""
    low = {p.symbol: p.domain.low + sp.Symbol(f"beyond_{p.name}", nonnegative=True) for p in law.params
           if isinstance(p.domain, Integers)}
    moved = sp.expand(total.xreplace(low))
    if manifest(moved) and moved.as_coeff_Add()[0] > 0:
        return True
    for constraint in law.constraints:
        relation = constraint.relation
        if not isinstance(relation, sp.StrictGreaterThan):
            continue
        known = relation.args[0] - relation.args[1]
        for letter in known.free_symbols & total.free_symbols:
            ratio = sp.diff(total, letter) / sp.diff(known, letter)
            if ratio.is_Rational and ratio > 0 and manifest(sp.expand((total - ratio * known).xreplace(low))):
                return True
    return False


def _integrated(law: Law, part: Part, body: sp.Basic, freedom: sp.Expr) -> sp.Expr:
    """Carry out the integral of c^(d/2 - 1 + p) log(c)^j exp(-c/2) over the density's own, which has p = j = 0."""
    total, tilt = sp.S.Zero, sp.Dummy("tilt")
    for term in _terms(body):
        outside, inside = term.as_independent(c, as_Add=False)
        power, logs = sp.S.Zero, 0
        for factor in sp.Mul.make_args(inside):
            base, exponent = factor.as_base_exp()
            if base == c:
                power += exponent
            elif base == sp.log(c) and exponent.is_Integer and exponent > 0:
                logs += int(exponent)
            elif factor != 1:
                raise ValueError(f"{factor} is no power and no logarithm of the variable")
        if not exists(law, part, freedom + 2 * power):
            raise ValueError(f"the mean of c^({power}) is not known to exist: {freedom} + 2 ({power}) must be > 0")
        if not logs:
            total += outside * 2**power * GammaRatio(freedom / 2, power)
            continue
        tilted = 2**tilt * sp.gamma(freedom / 2 + power + tilt) / sp.gamma(freedom / 2)
        total += outside * 2**power * sp.diff(tilted, tilt, logs).xreplace({tilt: sp.S.Zero})
    return total


@registry.rule("gamma integral", "the density of chi-square with d degrees is c^(d/2 - 1) e^(-c/2) over its integral; "
               "these integrals are Gamma functions, and logarithms are derivatives by the power")
def _by_integral(at: Situation) -> Check:
    sides = [rules.unfold(side, at.definitions).replace(
        ChiMean, lambda body, freedom: _integrated(at.law, at.part, body, freedom)) for side in (at.left, at.right)]
    if any(side.has(ChiMean, GaussianMean) for side in sides):
        return Check(UNDECIDED, {"rule": "an expectation remains"})
    positive = above_one(at.law)
    return same(*(side.xreplace(positive) for side in sides))
