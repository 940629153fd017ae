"""Expectations of activation functions over one standard Gaussian and over two correlated ones.

`StandardMean(f)`      expectation of f(z) over a standard Gaussian z
`PairMean(f, theta)`   expectation of f(y1, y2) over two standard Gaussians whose correlation is cos(theta)
`Passed(f, B)`         share of a squared gradient that a batch normalization of B entries lets through, before it is
                       divided by s^2; f is the slope of the activation behind it: 1, or that of a rectifier
`Relu`, `Gate`         the rectifier and its slope, inside the bodies
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from typing import Any

import flint
import sympy as sp

from theory import notation as nt
from theory import registry, rules
from theory.balls import BITS, Ball, ball, elementary
from theory.domain import Integers, Reals
from theory.equality import PROVED, UNDECIDED, Check, equal
from theory.evaluation import evaluate
from theory.law import Law, Part
from theory.nodes.chi import analytic
from theory.nodes.gammas import same
from theory.registry import Situation
from theory.world import Context, Number

__all__ = ["Gate", "PairMean", "Passed", "Relu", "StandardMean", "apart", "hermite", "kappa1", "y1", "y2", "z"]

z, y1, y2 = sp.symbols("z y1 y2", real=True)
"""Standard Gaussians, inside the expectations."""

WORKING, GOAL, FAR = 200, 150, 26
"""Bits of the quadrature, bits behind the point of its goal, and where the line is cut off."""


class Relu(sp.Function):
    """The rectifier, max(x, 0)."""

    nargs = 1

    def _eval_is_extended_real(self) -> bool:
        return True

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return nt._power(rf"\left({printer._print(self.args[0])}\right)_+", exp)


class Gate(sp.Function):
    """Slope of the rectifier: 1 where its argument is positive, else 0."""

    nargs = 1

    def _eval_is_extended_real(self) -> bool:
        return True

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return nt._power(rf"\mathbf 1_{{{printer._print(self.args[0])}>0}}", exp)


class StandardMean(nt.Node):
    """Expectation over a standard Gaussian."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return nt._power(rf"\operatorname{{E}}_z\left[{printer._print(self.args[0])}\right]", exp)


class PairMean(nt.Node):
    """Expectation over two correlated Gaussians."""

    nargs = 2

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        body, angle = (printer._print(a) for a in self.args)
        return nt._power(rf"\operatorname{{E}}_{{{angle}}}\left[{body}\right]", exp)


class Passed(nt.Node):
    """E tr(P D G D)/(B - 1): P is the Jacobian times s, D the slopes, G the deviations from the mean."""

    nargs = 2

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        slope, size = (printer._print(a) for a in self.args)
        return nt._power(rf"\operatorname{{E}}\tfrac{{\operatorname{{tr}}PDGD}}{{{size}-1}}\big|_{{D={slope}}}", exp)


def hermite(k: int) -> sp.Expr:
    """Return the Hermite polynomial of a standard Gaussian: leading coefficient 1, mean square k!."""
    previous, current = sp.S.Zero, sp.S.One
    for j in range(k):
        previous, current = current, sp.expand(z * current - j * previous)
    return current


def kappa1(correlation: sp.Expr) -> sp.Expr:
    """Return the correlation of what two rectifiers see, in that of their inputs, without subtracting means."""
    return (sp.sqrt(1 - correlation**2) + correlation * (sp.pi - sp.acos(correlation))) / sp.pi


def apart(size: sp.Expr) -> sp.Expr:
    """Return the angle between two normalized entries of a group: their correlation is -1/(size - 1)."""
    return sp.pi / 2 + sp.asin(1 / (size - 1))


# Meaning. --------------------------------------------------------------------------------------------------------

@registry.means(sp.acos)
def _acos(node: sp.Basic, world: Context) -> Number:
    return elementary("acos", evaluate(node.args[0], world))


def _opened(body: sp.Expr, signs: dict[sp.Symbol, int]) -> sp.Expr:
    """Write rectifiers and slopes out where the signs of the letters are known.

    Raises
    ------
    ValueError
        If an argument is not a positive multiple of one letter.
    """
    found = {}
    for node in body.atoms(Relu, Gate):
        factor, letter = node.args[0].as_independent(*signs, as_Add=False)
        if letter not in signs or not (factor.is_positive):
            raise ValueError(f"{node.args[0]} is not a positive multiple of a letter")
        value = sp.S.One if isinstance(node, Gate) else node.args[0]
        found[node] = value if signs[letter] > 0 else sp.S.Zero
    return body.xreplace(found)


def _constants(body: sp.Basic, letters: tuple[sp.Symbol, ...], world: Context) -> tuple[tuple[sp.Symbol, str], ...]:
    rest = sorted(body.free_symbols - set(letters), key=str)
    with flint.ctx.workprec(BITS):
        return tuple((s, ball(evaluate(s, world)).value.str(90, radius=True)) for s in rest)


@lru_cache(maxsize=4096)
def _on_half(body: sp.Expr, side: int, others: tuple[tuple[sp.Symbol, str], ...]) -> flint.arb:
    """Integrate a body times the density over the half line of a sign."""
    with flint.ctx.workprec(WORKING):
        numbers = {s: flint.acb(flint.arb(text)) for s, text in others}
        known = {s: (value, value.log() if value != 0 else None) for s, value in numbers.items()}
        root = (2 * flint.acb.pi()).sqrt()

        powers = sp.Poly(body, z).all_coeffs() if body.is_polynomial(z) else []
        factors = [analytic(factor, known, False) for factor in powers]

        def density(x: flint.acb, sure: bool) -> flint.acb:
            value = flint.acb(side * x)
            there = analytic(body, {**known, z: (value, None)}, sure) if not powers else flint.acb(0)
            for factor in factors:
                there = there * value + factor
            return there * (-x * x / 2).exp() / root

        goal = flint.arb(2) ** -GOAL
        found = flint.acb.integral(density, 0, FAR, rel_tol=goal, abs_tol=goal, eval_limit=10**6).real
        return flint.arb(found.mid(), found.rad() + abs(density(flint.acb(FAR), False)).upper())


@registry.means(StandardMean)
def _standard(node: StandardMean, world: Context) -> Number:
    """Integrate over both half lines."""
    total: Number = Fraction(0)
    for side in (1, -1):
        try:
            body = _opened(node.args[0], {z: side})
        except ValueError as problem:
            raise KeyError(str(problem)) from None
        if body != 0:
            total = total + Ball(_on_half(body, side, _constants(body, (z,), world)))
    return total


@lru_cache(maxsize=1024)
def _around(body: sp.Expr, angle: str) -> flint.arb:
    """Integrate over all directions: in polar coordinates y1 = r cos t, y2 = r cos(t - theta)."""
    with flint.ctx.workprec(WORKING):
        theta, right = flint.arb(angle), flint.arb.pi() / 2
        ends = sorted([-right, right, theta - right, theta + right - (2 * flint.arb.pi() if theta > right else 0)],
                      key=float)
        pieces = [*itertools.pairwise(ends), (ends[-1], ends[0] + 2 * flint.arb.pi())]
        degree = _degree(body)
        goal, total = flint.arb(2) ** -GOAL, flint.arb(0)
        for low, high in pieces:
            middle = (low + high) / 2
            signs = {y1: 1 if middle.cos() > 0 else -1, y2: 1 if (middle - theta).cos() > 0 else -1}
            open_body = _opened(body, signs)
            if open_body == 0:
                continue

            def turned(t: flint.acb, sure: bool, inside: sp.Expr = open_body) -> flint.acb:
                return flint.acb(1) * analytic(inside, {y1: (t.cos(), None), y2: ((t - theta).cos(), None)}, sure)

            total += flint.acb.integral(turned, low, high, rel_tol=goal, abs_tol=goal).real
        radial = flint.acb.integral(lambda r, sure: r ** (degree + 1) * (-r * r / 2).exp(), 0, FAR, rel_tol=goal,
                                    abs_tol=goal).real
        return total * radial / (2 * flint.arb.pi())


def _degree(body: sp.Expr) -> int:
    """Return the degree of a homogeneous body."""
    scale = sp.Dummy("scale", positive=True)
    plain = body.replace(Gate, lambda a: sp.S.One).replace(Relu, lambda a: a)
    poly = sp.Poly(sp.expand(plain.xreplace({y1: scale * y1, y2: scale * y2})), scale)
    if len(poly.monoms()) != 1:
        raise ValueError(f"{body} is not homogeneous")
    return int(poly.degree())


@registry.means(PairMean)
def _pair(node: PairMean, world: Context) -> Number:
    body, angle = node.args
    if body.free_symbols - {y1, y2}:
        raise KeyError("a letter other than y1 and y2")
    with flint.ctx.workprec(BITS):
        text = ball(evaluate(angle, world)).value.str(90, radius=True)
    try:
        return Ball(_around(body, text))
    except (ValueError, sp.PolynomialError) as problem:
        raise KeyError(str(problem)) from None


@registry.means(Passed)
def _passed(node: Passed, world: Context) -> Number:
    """Sum the entries of P D G D one by one; normalized entries have variance 1 and correlation -1/(B - 1)."""
    slope, size = node.args[0], int(evaluate(node.args[1], world))
    single = [evaluate(StandardMean(body), world) for body in (_slope(slope, z), z**2 * _slope(slope, z))]
    angle = apart(sp.Integer(size))
    both = _slope(slope, y1) * _slope(slope, y2)
    paired = [evaluate(PairMean(body, angle), world) for body in (both, y1 * y2 * both)]
    total: Number = Fraction(0)
    for i in range(size):
        for j in range(size):
            gates, outputs = single if i == j else paired
            entry = (Fraction(i == j) - Fraction(1, size)) * gates - outputs / size
            total = total + entry * (Fraction(i == j) - Fraction(1, size))
    return total / (size - 1)


def _slope(slope: sp.Expr, letter: sp.Symbol) -> sp.Expr:
    if slope == Gate(z):
        return Gate(letter)
    if slope == 1:
        return sp.S.One
    raise KeyError(f"{slope} is no slope that is known here")


@registry.worlds(StandardMean, PairMean)
def _worlds(law: Law, part: Part, rng: random.Random) -> Iterator[Context]:
    """Draw the law's letters; those that may have any sign are 0 half of the time."""
    while True:
        values: dict[sp.Symbol, Number] = {}
        for param in law.params:
            domain = param.domain
            if isinstance(domain, Integers):
                values[param.symbol] = Fraction(domain.low + rng.randint(0, 4))
            elif isinstance(domain, Reals):
                values[param.symbol] = _drawn(domain, rng)
        yield Context({"x": [Fraction(0), Fraction(1)]}, law.designs[0], values, law.where)


def _drawn(domain: Reals, rng: random.Random) -> Fraction:
    while True:
        found = Fraction(rng.choice((0, rng.randint(-12, 12))), 4)
        if domain.high <= 1:
            found /= 4
        if not domain.reject(found):
            return found


# Proof. ----------------------------------------------------------------------------------------------------------

@lru_cache(maxsize=64)
def _by_parts(k: int) -> bool:
    """Check that z^k exp(-z^2/2) is (k - 1) z^(k-2) exp(-z^2/2) minus the derivative of z^(k-1) exp(-z^2/2)."""
    density = sp.exp(-z**2 / 2)
    derivative = sp.diff(z ** (k - 1) * density, z)
    return bool(sp.expand((z**k - (k - 1) * z ** (k - 2)) * density + derivative) == 0)


@lru_cache(maxsize=64)
def _half(k: int) -> sp.Expr:
    """Mean of z^k over the positive half line: half of the mass, the density at 0, and integration by parts."""
    if k < 2:
        return sp.S.Half if k == 0 else 1 / sp.sqrt(2 * sp.pi)
    if not _by_parts(k):
        raise ValueError("integration by parts failed")
    return (k - 1) * _half(k - 2)


def _halves(body: sp.Expr) -> sp.Expr:
    total = sp.S.Zero
    for side in (1, -1):
        poly = sp.Poly(sp.expand(_opened(body, {z: side})), z)
        total += sum(c * side**k * _half(k) for (k,), c in poly.terms())
    return total


def _on_lines(expr: sp.Basic) -> sp.Basic:
    try:
        return expr.replace(StandardMean, _halves)
    except sp.PolynomialError as problem:
        raise ValueError(str(problem)) from None


@registry.rule("half lines", "powers of a Gaussian over a half line, by parts: half of the mass, 1/sqrt(2 pi), and "
               "k - 1 times the mean of the power two below")
def _by_half_lines(at: Situation) -> Check:
    return same(*(_on_lines(rules.unfold(side, at.definitions)) for side in (at.left, at.right)))


def _cartesian(expr: sp.Expr) -> sp.Expr:
    """Write a trigonometric polynomial in cosines, and sines to the power 0 or 1."""
    expanded = sp.expand(sp.expand_trig(expr))
    sines = {a: sp.sqrt(1 - sp.cos(a.args[0]) ** 2) for a in expanded.atoms(sp.sin)}
    letters = {a: sp.Dummy() for a in sines}
    poly = sp.Poly(expanded.xreplace(letters), *letters.values()) if letters else None
    if poly is None:
        return expanded
    total = sp.S.Zero
    for monomial, factor in poly.terms():
        term = factor
        for power, (sine, letter) in zip(monomial, letters.items(), strict=True):
            term *= (1 - sp.cos(sine.args[0]) ** 2) ** (power // 2) * letter ** (power % 2)
        total += term
    return sp.expand(total)


@lru_cache(maxsize=1)
def _antiderivative() -> bool:
    """Check the integral of cos t cos(t - theta)."""
    t, theta = sp.symbols("t theta", real=True)
    found = t * sp.cos(theta) / 2 + sp.sin(2 * t - theta) / 4
    return bool(_cartesian(sp.diff(found, t) - sp.cos(t) * sp.cos(t - theta)) == 0)


def _wedge(body: sp.Expr, angle: sp.Expr) -> sp.Expr:
    """Integrate over the directions in which both letters are positive: t from theta - pi/2 to pi/2.

    The squared radius has mean 2 and is independent of the direction.
    """
    factor, rest = body.as_independent(y1, y2, as_Add=False)
    gates = Gate(y1) * Gate(y2)
    if rest == gates:
        return factor * (sp.pi - angle) / (2 * sp.pi)
    if rest in (Relu(y1) * Relu(y2), y1 * y2 * gates) and _antiderivative():
        return factor * ((sp.pi - angle) * sp.cos(angle) + sp.sin(angle)) / (2 * sp.pi)
    if rest == y1 * y2:
        return factor * sp.cos(angle)
    raise ValueError(f"no integral of {rest} is known here")


@registry.rule("wedge", "two Gaussians at an angle theta are both positive in a wedge of angle pi - theta; the "
               "direction is uniform and independent of the radius")
def _by_wedge(at: Situation) -> Check:
    sides = (rules.unfold(side, at.definitions).replace(PairMean, _wedge) for side in (at.left, at.right))
    return same(*(_on_lines(side) for side in sides))


def _summed(slope: sp.Expr, size: sp.Expr) -> sp.Expr:
    """Sum the entries of the trace: equal ones on the diagonal, equal ones beside it."""
    try:
        one, (a, b) = _slope(slope, z), (_slope(slope, y1), _slope(slope, y2))
    except KeyError as problem:
        raise ValueError(str(problem)) from None
    angle = apart(size)
    square = StandardMean(z**2 * one) / size
    diagonal = (1 - 1 / size) * StandardMean(one) - square
    beside = -PairMean(a * b, angle) / size - PairMean(y1 * y2 * a * b, angle) / size
    return (size * (1 - 1 / size) * diagonal - (size - 1) * beside) / (size - 1)


@registry.rule("exchangeable trace", "the entries of a group are exchangeable: a trace has one kind of term on the "
               "diagonal and one beside it")
def _by_trace(at: Situation) -> Check:
    if at.right.has(Passed):
        return Check(UNDECIDED, {"rule": "a trace remains"})
    left, right = (rules.unfold(side, at.definitions).replace(Passed, _summed) for side in (at.left, at.right))
    found = equal(left, right)
    return found if found.answer == PROVED else same(_ones(left), _ones(right))


def _ones(expr: sp.Basic) -> sp.Basic:
    """Drop means of 1, and take numbers out of means."""
    return _on_lines(expr.replace(PairMean, lambda body, angle: PairMean(body, angle) if body != 1 else body))
