"""Normalized Gaussian groups: points of a sphere.

`Output(f, n)`       expectation of f over `xhat`, a normalized value of a group of n independent Gaussian entries
`Below(w, n)`        chance that such a value is at most w times its largest, sqrt(n - 1)
`SphereMean(f, d)`   expectation of f over `z`, a coordinate of a random point of the unit sphere in d dimensions
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache, partial
from typing import Any

import flint
import sympy as sp

from theory import notation as nt
from theory import registry, rules
from theory.balls import BITS, Ball, ball
from theory.domain import Integers
from theory.equality import PROVED, REFUTED, UNDECIDED, Check, equal
from theory.evaluation import evaluate
from theory.law import Law, Part
from theory.nodes.chi import above_one, analytic
from theory.nodes.gammas import GammaRatio, same
from theory.registry import Situation
from theory.world import Context, Number

__all__ = ["Below", "Output", "SphereMean", "w", "xhat", "z"]

xhat, z = sp.symbols("xhat z", real=True)
w = sp.Symbol("w", real=True)
"""A place in units of the largest value."""

WORKING, GOAL = 200, 150


class Output(nt.Node):
    """Expectation over a normalized value."""

    nargs = 2

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        body = printer._print(self.args[0].xreplace({xhat: sp.Symbol(r"\hat x")}))
        size = "" if self.args[1] == nt.B else rf"_{{{printer._print(self.args[1])}}}"
        return nt._power(rf"\operatorname{{E}}{size}\left[{body}\right]", exp)


class Below(nt.Node):
    """Chance of a small normalized value."""

    nargs = 2

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        at, size = (printer._print(a) for a in self.args)
        top = printer._print(sp.sqrt(self.args[1] - 1))
        return nt._power(rf"\operatorname{{P}}_{{{size}}}\left[\hat x\le {at}\,{top}\right]", exp)


class SphereMean(nt.Node):
    """Expectation over a coordinate of a random point of a sphere."""

    nargs = 2

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        body, dimension = (printer._print(a) for a in self.args)
        return nt._power(rf"\operatorname{{E}}_{{z\in S^{{{dimension}-1}}}}\left[{body}\right]", exp)


# Meaning. --------------------------------------------------------------------------------------------------------

@registry.means(type(sp.pi))
def _pi(node: sp.Basic, world: Context) -> Number:
    with flint.ctx.workprec(BITS):
        return Ball(flint.arb.pi())


def _given(body: sp.Basic, letter: sp.Symbol, world: Context) -> dict[sp.Basic, tuple[Any, Any]]:
    known = {}
    for symbol in body.free_symbols - {letter}:
        value = flint.acb(ball(evaluate(symbol, world)).value)
        known[symbol] = (value, value.log())
    return known


def _integrated(body: sp.Basic, letter: sp.Symbol, scale: Any, power: int, low: Any, known: dict[sp.Basic, Any]
                ) -> flint.arb:
    """Return the integral of body(scale cos) sin^power over angles from `low` to pi."""
    goal = flint.arb(2) ** -GOAL

    def density(angle: flint.acb, sure: bool) -> flint.acb:
        value = scale * angle.cos()
        found: flint.acb = analytic(body, {**known, letter: (value, value.log())}, sure) * angle.sin() ** power
        return found

    return flint.acb.integral(density, flint.acb(low), flint.acb(flint.arb.pi()), rel_tol=goal, abs_tol=goal).real


@registry.means(Output)
def _output(node: Output, world: Context) -> Number:
    """Average over the angle between the vector of deviations and one entry's axis.

    Among all directions with n - 1 dimensions the angle has a density that goes with its sine to the n - 3.
    """
    body, n = node.args[0], int(evaluate(node.args[1], world))
    if n == 2:
        signs = [body.xreplace({xhat: sp.Integer(sign)}) for sign in (-1, 1)]
        return sum((evaluate(a, world) for a in signs), Fraction(0)) / 2
    with flint.ctx.workprec(WORKING):
        scale, known = flint.acb(n - 1).sqrt(), _given(body, xhat, world)
        whole = _integrated(sp.S.One, xhat, scale, n - 3, flint.arb(0), {})
        return Ball(_integrated(body, xhat, scale, n - 3, flint.arb(0), known) / whole)


@registry.means(Below)
def _below(node: Below, world: Context) -> Number:
    place, n = evaluate(node.args[0], world), int(evaluate(node.args[1], world))
    if not -1 < place < 1:
        raise KeyError("a place inside the range")
    if n == 2:
        return Fraction(1, 2)
    with flint.ctx.workprec(WORKING):
        low = ball(place).value.acos()
        whole = _integrated(sp.S.One, xhat, flint.acb(1), n - 3, flint.arb(0), {})
        return Ball(_integrated(sp.S.One, xhat, flint.acb(1), n - 3, low, {}) / whole)


@registry.means(SphereMean)
def _sphere_mean(node: SphereMean, world: Context) -> Number:
    """Average over the coordinate tanh(u): the density of u is 1/cosh to the d - 1."""
    body, d = node.args[0], int(evaluate(node.args[1], world))
    if d == 1:
        signs = [body.xreplace({z: sp.Integer(sign)}) for sign in (-1, 1)]
        return sum((evaluate(a, world) for a in signs), Fraction(0)) / 2
    with flint.ctx.workprec(WORKING):
        known, goal = _given(body, z, world), flint.arb(2) ** -GOAL
        ends = flint.acb(GOAL + 10)

        def density(inside: sp.Basic, u: flint.acb, sure: bool) -> flint.acb:
            value = u.tanh()
            found: flint.acb = analytic(inside, {**known, z: (value, value.log())}, sure) * u.sech() ** (d - 1)
            return found

        def total(inside: sp.Basic) -> flint.arb:
            return flint.acb.integral(partial(density, inside), -ends, ends, rel_tol=goal, abs_tol=goal).real

        return Ball(total(body) / total(sp.S.One))


@registry.worlds(Output, Below, SphereMean)
def _worlds(law: Law, part: Part, rng: random.Random) -> Iterator[Context]:
    """Draw a size, an order and a place."""
    while True:
        values: dict[sp.Symbol, Number] = {nt.B: Fraction(rng.randint(2, 9)), nt.k: Fraction(rng.randint(1, 4)),
                                           w: Fraction(rng.randint(-15, 15), 16)}
        for param in law.params:
            if param.symbol not in values and isinstance(param.domain, Integers):
                values[param.symbol] = Fraction(param.domain.low + rng.randint(0, 3))
        yield Context({"x": [Fraction(0), Fraction(1)]}, law.designs[0], values, law.where)


# Proof. ----------------------------------------------------------------------------------------------------------

@lru_cache(maxsize=1)
def _axis() -> Check:
    """Prove that an entry is sqrt(n - 1) times a coordinate of the direction of the deviations.

    The deviation of entry 1 is a^T x with a = e_1 - ones/n, a vector of the space of deviations.
    """
    n = sp.Symbol("n", positive=True)
    squared = (1 - 1 / n) ** 2 + (n - 1) / n**2
    inside = equal((1 - 1 / n) - (n - 1) / n, sp.S.Zero)
    return rules.worst(inside, equal(squared, 1 - 1 / n), equal(n * squared, n - 1))


@registry.rule("direction", "the deviations of a Gaussian group are Gaussian with n - 1 dimensions, every direction as "
               "likely; an entry is sqrt(n - 1) times a coordinate of the direction")
def _by_direction(at: Situation) -> Check:
    holds = _axis()
    if holds.answer != PROVED:
        return holds

    def turned(body: sp.Basic, size: sp.Expr) -> sp.Expr:
        return _linear(body.xreplace({xhat: sp.sqrt(size - 1) * z}), size - 1)

    positive = above_one(at.law)
    left, right = (side.replace(Output, turned).replace(SphereMean, _linear) for side in (at.left, at.right))
    return same(left.xreplace(positive), right.xreplace(positive))


def _powers(body: sp.Basic) -> list[tuple[sp.Expr, sp.Expr]]:
    """Write a body as a combination of powers of the coordinate: (factor, power)."""
    found = []
    for term in sp.Add.make_args(sp.expand(sp.expand_power_base(body, force=True))):
        outside, inside = term.as_independent(z, as_Add=False)
        base, power = inside.as_base_exp()
        if inside != 1 and (base != z or not (power.is_integer and power.is_nonnegative)):
            raise ValueError(f"{inside} is no power of the coordinate")
        found.append((outside, power if inside != 1 else sp.S.Zero))
    return found


def _linear(body: sp.Basic, dimension: sp.Expr) -> sp.Expr:
    total = sp.S.Zero
    for factor, power in _powers(body):
        total += factor * (SphereMean(z**power, sp.expand(dimension)) if power != 0 else sp.S.One)
    return total


@registry.rule("beta integral", "a coordinate is the cosine of an angle whose density goes with the sine to the d - 2: "
               "Euler's Beta integral; odd powers cancel")
def _by_beta(at: Situation) -> Check:
    def moment(body: sp.Basic, d: sp.Expr) -> sp.Expr:
        total = sp.S.Zero
        for factor, power in _powers(body):
            if (power - 1).is_even:
                continue
            if not power.is_even:
                raise ValueError(f"{power} is not known to be even or odd")
            total += factor * GammaRatio(sp.S.Half, power / 2) / GammaRatio(d / 2, power / 2)
        return total

    return same(*(side.replace(SphereMean, moment) for side in (at.left, at.right)))


@registry.rule("antiderivative", "the chance vanishes at the lower end, is one at the upper, and its slope goes with "
               "(1 - w^2)^((n - 4)/2), the density of a coordinate in n - 1 dimensions")
def _by_slope(at: Situation) -> Check:
    if not isinstance(at.left, Below) or at.left.args[0] != w or not at.left.args[1].is_Integer or at.step.where:
        raise ValueError("the line must be a chance at w in a group of a given size")
    n = int(at.left.args[1])
    if n == 2:  # two places, as likely as each other
        return equal(at.right, sp.S.Half)
    ends = [sp.limit(at.right, w, end) for end in (-1, 1)]
    if ends != [0, 1]:
        return Check(REFUTED, {"ends": str(ends)})
    root = sp.Symbol("root", positive=True)
    slope = sp.diff(at.right, w).replace(
        lambda e: isinstance(e, sp.Pow) and e.exp.is_Rational and not e.exp.is_Integer and sp.expand(
            e.base - 1 + w**2) == 0, lambda e: root ** (2 * e.exp))
    ratio = sp.together(slope / root ** (n - 4)).xreplace({sp.pi: sp.Symbol("pi", positive=True)})
    top, bottom = (sp.rem(sp.expand(side), root**2 - 1 + w**2, root) for side in sp.fraction(sp.cancel(ratio)))
    if not {w, root} & sp.cancel(top / bottom).free_symbols:
        return Check(PROVED, {"slope": PROVED})
    return Check(UNDECIDED, {"slope": UNDECIDED})
