"""Escape from a minimum: first passages of the error, by counting, by linear equations and by quadrature.

`Reached(x, t)`         chance that the error, x of the way at the start, gets to 1 within t steps of SGD (u, eta, B)
`Ruin(n, m, k1, k2)`    chance of getting n levels up before m levels down; of k1 + k2 examples k2 lead a level up
`Ever(n, k1, k2)`       chance of ever getting n levels up
`ExitTime(R, v)`        mean number of steps to leave |theta| <= R, from the law that a long stay leads to, of SGD on a
                        quadratic (h, eta) with Gaussian gradient noise of variance v
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from typing import Any

import flint
import sympy as sp

from theory import notation as nt
from theory import registry, rules
from theory.equality import PROVED, UNDECIDED, Check, equal
from theory.evaluation import evaluate
from theory.law import Law, Part
from theory.nodes.multiplicative import TailIndex, chances
from theory.registry import Situation
from theory.rules import worst
from theory.world import Context, Number

__all__ = ["Ever", "ExitTime", "Reached", "Ruin", "exit_time"]

MOST_STATES = 1500
"""Distances that are followed at once."""

POINTS = 80
"""Points of the quadrature over the well."""


class Reached(nt.Node):
    """Chance that the error gets to a distance within some steps."""

    nargs = 2

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        start, steps = (printer._print(a) for a in self.args)
        text = rf"\operatorname{{P}}\left[\max_{{s\le {steps}}}|\theta_s|\ge R\;\middle|\;|\theta_0|={start}R\right]"
        return nt._power(text, exp)


class Ruin(nt.Node):
    """Chance of getting up before getting down."""

    nargs = 4

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        up, down, *_ = (printer._print(a) for a in self.args)
        return nt._power(rf"\operatorname{{P}}\left[{up}\text{{ up before }}{down}\text{{ down}}\right]", exp)


class Ever(nt.Node):
    """Chance of ever getting up."""

    nargs = 3

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        levels = printer._print(self.args[0])
        return nt._power(rf"\operatorname{{P}}\left[\text{{ever }}{levels}\text{{ up}}\right]", exp)


class ExitTime(nt.Node):
    """Mean exit time in the quasi-stationary state."""

    nargs = 2

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return nt._power(rf"\tau\left({printer._print(self.args[0])}\right)", exp)


@registry.means(Reached)
def _reached(node: Reached, world: Context) -> Number:
    start, steps = evaluate(node.args[0], world), int(evaluate(node.args[1], world))
    factors = chances(nt.B, [], world)
    inside, reached = {start: Fraction(1)}, Fraction(0)
    for _ in range(steps):
        after: dict[Fraction, Fraction] = {}
        for distance, chance in inside.items():
            for probability, m in factors:
                if distance * m >= 1:
                    reached += chance * probability
                else:
                    after[distance * m] = after.get(distance * m, Fraction(0)) + chance * probability
        if len(after) > MOST_STATES:
            raise ZeroDivisionError("more distances than are followed")
        inside = after
    return reached


def _ruin(up: int, down: int, rise: Fraction) -> Fraction:
    """Solve the linear equations of the chance to get `up` levels up before `down` levels down."""
    if up <= 0 or down <= 0:
        return Fraction(up <= 0)
    size = up + down - 1
    rows = [[Fraction(i == j) - (rise if j == i + 1 else 0) - (1 - rise if j == i - 1 else 0) for j in range(size)]
            for i in range(size)]
    right = [rise if i == size - 1 else Fraction(0) for i in range(size)]

    def flat(x: Fraction) -> flint.fmpq:
        return flint.fmpq(x.numerator, x.denominator)

    matrix = flint.fmpq_mat(size, size, [flat(x) for row in rows for x in row])
    found = matrix.solve(flint.fmpq_mat(size, 1, [flat(x) for x in right]))[down - 1, 0]
    return Fraction(int(found.p), int(found.q))


@registry.means(Ruin)
def _ruined(node: Ruin, world: Context) -> Number:
    up, down, fall, rise = (evaluate(a, world) for a in node.args)
    if up.denominator != 1 or down.denominator != 1 or fall < 0 or rise < 0 or fall + rise == 0:
        raise KeyError("levels are whole numbers and counts are not negative")
    return _ruin(int(up), int(down), rise / (fall + rise))


@registry.means(Ever)
def _ever(node: Ever, world: Context) -> Number:
    """Chance x of getting n up: n up before n down, or n down first and then n up twice: x = a + (1 - a) x^2."""
    up, fall, rise = (evaluate(a, world) for a in node.args)
    if up.denominator != 1 or fall < 0 or rise < 0 or fall + rise == 0:
        raise KeyError("levels are whole numbers and counts are not negative")
    first = _ruin(int(up), int(up), rise / (fall + rise))
    return Fraction(1) if first >= Fraction(1, 2) else first / (1 - first)


@registry.worlds(Ruin, Ever)
def _levels(law: Law, part: Part, rng: random.Random) -> Iterator[Context]:
    while True:
        values: dict[sp.Symbol, Number] = {
            p.symbol: Fraction(rng.randint(1, 6)) for p in law.params if p.symbol in part.statement.free_symbols}
        yield Context({"u": [Fraction(1)] * 2}, rng.choice(law.designs), values, law.where)


@lru_cache(maxsize=256)
def exit_time(keep: float, noise: float) -> float:
    """Return the mean exit time from [-1, 1] of x <- keep x + noise z, z Gaussian, in the quasi-stationary state.

    The chance to leave is summed over the quasi-stationary law itself, so that small rates keep their digits.
    """
    import numpy as np

    places, weights = np.polynomial.legendre.leggauss(POINTS)
    apart = (places[None, :] - keep * places[:, None]) / noise
    kernel = np.exp(-(apart**2) / 2) / (noise * math.sqrt(2 * math.pi)) * weights[None, :]
    law = np.full(POINTS, 1 / POINTS)
    for _ in range(10_000):
        before, law = law, law @ kernel
        law /= law.sum()
        if float(np.abs(law - before).sum()) < 1e-15:
            break
    scale = noise * math.sqrt(2)
    leave = [(math.erfc((1 - keep * x) / scale) + math.erfc((1 + keep * x) / scale)) / 2 for x in places.tolist()]
    return 1 / float(law @ np.array(leave))


@registry.means(ExitTime)
def _exit_time(node: ExitTime, world: Context) -> Number:
    radius, variance = (float(evaluate(a, world)) for a in node.args)
    eta, h = float(evaluate(nt.eta, world)), float(evaluate(nt.h, world))
    return Fraction(exit_time(1 - eta * h, eta * math.sqrt(variance) / radius))


@registry.worlds(ExitTime)
def _wells(law: Law, part: Part, rng: random.Random) -> Iterator[Context]:
    """Draw wells one to four standard deviations wide, whose exits take up to some ten thousand steps."""
    (radius,) = {node.args[0] for node in part.statement.atoms(ExitTime)}
    while True:
        design, n = rng.choice(law.designs), rng.randint(2, 6)
        size = rng.randint(1, n - 1)
        eta, h, width = (Fraction(rng.randint(1, 12), 4) for _ in range(3))
        step = eta * h
        if not 0 < step < 2 or step == 1 or abs(1 - step) > Fraction(9, 10):
            continue
        wide = Fraction(rng.randint(4, 14), 4) ** 2
        share = Fraction(n - size, size * (n - 1)) if design == "wor" else Fraction(1, size)
        where = {k: nt.resolve(sp.sympify(v), design) for k, v in law.where.items()}
        values: dict[sp.Symbol, Number] = {
            nt.B: Fraction(size), nt.eta: eta, nt.h: h, radius: width,
            nt.sigma2: width**2 * h * (2 - step) / (wide * eta * share)}
        yield Context({name: [Fraction(1)] * n for name in ("g", "x", "u", "v", "w")}, design, values, where)


@registry.rule("ville", "F(x) = x^alpha is at least 1 from x = 1 on and keeps its mean over a step, so it bounds the "
               "chance of getting there in any number of steps, by induction over them", bound=True)
def _ville(at: Situation) -> Check:
    if at.part.relation != "<=" or not isinstance(at.left, Reached) or not isinstance(at.right, sp.Pow):
        raise ValueError("the lines must be a chance of getting to 1 and a power of the start")
    start, power = at.left.args[0], at.right.exp
    if at.right.base != start or not start.is_positive:
        return Check(UNDECIDED, {"rule": "the bound must be a power of the start"})
    # E (x m)^power = x^power is the definition of the tail index, which is positive.
    return Check(PROVED if power == TailIndex(nt.B) else UNDECIDED, {"martingale": str(power)})


def _moves(node: sp.Basic) -> tuple[sp.Expr, sp.Expr]:
    down, up = node.args[-2:]
    return down / (down + up), up / (down + up)


@registry.rule("harmonic", "the claimed chance meets its values at the ends and the mean over one step between them: "
               "these equations have one solution")
def _harmonic(at: Situation) -> Check:
    if not isinstance(at.left, Ruin):
        raise ValueError("the line must be a chance of getting up before getting down")
    n, m = at.left.args[:2]
    fall, rise = _moves(at.left)
    claimed = at.right
    mean = rise * claimed.subs({n: n - 1, m: m + 1}, simultaneous=True) + fall * claimed.subs(
        {n: n + 1, m: m - 1}, simultaneous=True)
    return worst(equal(claimed, mean), equal(claimed.xreplace({n: sp.S.Zero}), sp.S.One),
                 equal(claimed.xreplace({m: sp.S.Zero}), sp.S.Zero))


@registry.rule("minimal", "the claimed chance is 1 at no distance, keeps its mean over one step and vanishes far away: "
               "the smallest solution of the equations of ever getting there")
def _minimal(at: Situation) -> Check:
    if not isinstance(at.left, Ever) or not isinstance(at.right, sp.Pow):
        raise ValueError("the lines must be a chance of ever getting up and a power")
    n, down, up = at.left.args
    fall, rise = _moves(at.left)
    claimed, base = at.right, at.right.base
    falls = any(c.relation == sp.StrictGreaterThan(down, up) for c in at.law.constraints)
    if at.right.exp != n or not falls or equal(base, up / down).answer != PROVED:
        return Check(UNDECIDED, {"rule": "the base is not known to be below 1"})
    mean = rise * claimed.xreplace({n: n - 1}) + fall * claimed.xreplace({n: n + 1})
    return worst(equal(claimed, mean), equal(claimed.xreplace({n: sp.S.Zero}), sp.S.One))


@registry.rule("slab", "a stationary Gaussian path stays in a slab at least as often as independent points would: the "
               "stay of n steps has chance >= (1 - tail)^n, so the exit rate is at most the tail", bound=True,
               theorem="the probability of a slab under any Gaussian law is at least the product (Sidak 1967)")
def _slab(at: Situation) -> Check:
    if at.part.relation != ">=" or not isinstance(at.left, ExitTime):
        raise ValueError("the line must be an exit time, bounded from below")
    tails = [e for e in at.right.atoms(sp.erfc)]
    if len(tails) != 1 or at.right != 1 / tails[0]:
        raise ValueError("the new line must be 1 over the stationary chance to be outside")
    radius, variance = at.left.args
    cloud = nt.eta**2 * variance / (1 - (1 - nt.eta * nt.h) ** 2)
    told = rules.unfold(radius**2 / (2 * cloud), at.definitions)
    return _square(rules.unfold(tails[0].args[0], at.definitions), told)


@registry.rule("tail", "erfc(s) <= exp(-s^2)/(sqrt(pi) s): the integrand times y/s >= 1 is a derivative", bound=True)
def _mills(at: Situation) -> Check:
    if at.part.relation != ">=":
        raise ValueError("1/erfc(s) is bounded from below")
    tails = [e for e in at.left.atoms(sp.erfc)]
    if len(tails) != 1 or at.left != 1 / tails[0]:
        raise ValueError("the line must be 1/erfc(s)")
    (s,) = tails[0].args
    exponentials = at.right.atoms(sp.exp)
    if len(exponentials) != 1:
        raise ValueError("the new line must hold one exponential")
    (growth,) = exponentials
    rest = at.right / growth
    if rest.has(growth):
        raise ValueError("the exponential must be a factor")
    return worst(_square(s, growth.args[0]), _square(rest, sp.pi * s**2))


def _square(root: sp.Expr, value: sp.Expr) -> Check:
    """Decide that a positive number has the claimed square."""
    if not root.is_positive:
        positive = {s: sp.Symbol(s.name, positive=True) for s in root.free_symbols}
        if root.xreplace(positive).could_extract_minus_sign():
            return Check(UNDECIDED, {"rule": f"{root} is not known to be positive"})
    letter = sp.Dummy("pi")  # a number like any other here
    return equal(sp.expand(root**2).xreplace({sp.pi: letter}), sp.sympify(value).xreplace({sp.pi: letter}))
