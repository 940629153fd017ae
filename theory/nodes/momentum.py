"""SGD with momentum on a quadratic: the two-dimensional chains of heavy ball and of Nesterov's method.

`HeavyBall(f)`   e1 is the error of the parameter, e2 the velocity:  v' = beta v + g,  theta' = theta - eta v'
`Nesterov(f)`    e1 is the error of the iterate, e2 its last move:  w' = beta w - eta g(theta + beta w),
                 theta' = theta + w'; the gradient is taken at the look-ahead point theta + beta w

Both are the mean of f, a quadratic in e1 and e2, in the stationary state.

`Converges(c)`   1 if the chain of c forgets its start, so that there is a stationary state, else 0
`Edge(c, x)`     the value of the parameter x below which the condition c holds, and from which on it does not
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import sympy as sp

from theory import notation as nt
from theory import registry, rules
from theory.domain import Constraint, Param, Reals
from theory.equality import UNDECIDED, Check, equal
from theory.evaluation import evaluate
from theory.law import Law, Part
from theory.nodes import linear
from theory.nodes.indicator import Positive, positive, positive_factors
from theory.registry import Situation
from theory.surds import root
from theory.world import Context, Number

__all__ = ["BELOW_ONE", "MOMENTUM", "Converges", "Edge", "HeavyBall", "Nesterov", "beta"]

beta = sp.Symbol("beta", nonnegative=True)
MOMENTUM = Param(beta, Reals(0, 1), Fraction(9, 10), "momentum: the share of the velocity that a step keeps")
BELOW_ONE = Constraint(beta < 1, "beta = {beta} is not allowed: at 1 the velocity never forgets; beta must be < 1")


class HeavyBall(linear.Chain):
    """Heavy ball; see the module docstring."""

    label = "heavy ball"
    letters = (r"\delta", "v")

    @classmethod
    def moved(cls) -> tuple[sp.Expr, sp.Expr]:
        """Return parameter and velocity after a step."""
        velocity = beta * nt.e2 + nt.h * nt.e1 + nt.BatchSum(nt.dg) / nt.B
        return nt.e1 - nt.eta * velocity, velocity


class Nesterov(linear.Chain):
    """Nesterov's method; see the module docstring."""

    label = "Nesterov"
    letters = (r"\delta", "w")

    @classmethod
    def moved(cls) -> tuple[sp.Expr, sp.Expr]:
        """Return iterate and move after a step."""
        move = beta * nt.e2 - nt.eta * (nt.h * (nt.e1 + beta * nt.e2) + nt.BatchSum(nt.dg) / nt.B)
        return nt.e1 + move, move


class Converges(nt.Node):
    """1 if a chain forgets its start, else 0; see the module docstring."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        text = rf"\left[\text{{{type(self.args[0]).label} converges}}\right]"
        return f"{text}^{{{exp}}}" if exp else text


class Edge(nt.Node):
    """Where a condition on a parameter stops to hold; see the module docstring."""

    nargs = 2

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        condition, variable = (printer._print(a) for a in self.args)
        text = rf"\sup\left\{{{variable}:{condition}=1\right\}}"
        return rf"\left({text}\right)^{{{exp}}}" if exp else text


@registry.worlds(Converges)
def _near_edges(law: Law, part: Part, rng: random.Random) -> Iterator[Context]:
    """Draw worlds whose step size lies on an edge of one of the methods, below it, beyond it, or anywhere."""
    kinds = [*itertools.product(range(4), (1, Fraction(9, 10), Fraction(11, 10))), None]
    places = itertools.cycle(rng.sample(kinds, len(kinds)))
    for world in linear.draw_worlds(law, part, rng, largest=2):
        share, curvature, rate = world.values[beta], world.values[nt.h], world.values[nt.eta]
        if share < 1:
            place = next(places)
            if place is not None:
                edge = 2 * (1 + share) / (1, 1 + 2 * share, 1 + share, 1 - share)[place[0]]
                rate = edge * place[1] / curvature
            yield replace(world, values={**world.values, nt.eta: rate, nt.B: Fraction(world.size)})


for _kind in (HeavyBall, Nesterov):  # after `Converges`, whose worlds come first where both stand
    registry.means(_kind)(registry.MEANINGS[linear.Coupled])
    registry.worlds(_kind)(linear.draw_worlds)


@registry.means(Converges)
def _converges(node: Converges, world: Context) -> Number:
    """Compare the moduli of the eigenvalues of the measured mean step with 1."""
    maps = linear.enumerated_map(type(node.args[0]), world)
    (a, b), (c, d) = ([sum((p * rows[i][j] for p, rows, _ in maps), Fraction(0)) for j in range(2)] for i in range(2))
    trace, determinant = a + d, a * d - b * c
    spread = trace * trace - 4 * determinant
    if spread < 0:
        return Fraction(int(determinant < 1))
    return Fraction(int(root(spread) + abs(trace) < 2))


@registry.means(Edge)
def _edge(node: Edge, world: Context) -> Number:
    """Bisect, and return the simplest fraction that is left."""
    condition, variable = node.args

    def holds(value: Fraction) -> bool:
        return bool(evaluate(condition, replace(world, values={**world.values, variable: value}, facts={})) == 1)

    low, high = Fraction(1, 64), Fraction(64)
    if not holds(low) or holds(high):
        raise KeyError(f"the condition has no edge between {low} and {high}")
    while high - low > Fraction(1, 2**24):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return _simplest(low, high)


def _simplest(low: Fraction, high: Fraction) -> Fraction:
    """Return the fraction of smallest denominator in an interval above zero, by continued fractions."""
    whole = -(-low.numerator // low.denominator)
    if whole <= high:
        return Fraction(whole)
    floor = low.numerator // low.denominator
    return floor + 1 / _simplest(1 / (high - floor), 1 / (low - floor))


@registry.rule("schur", "both eigenvalues of a step lie inside the unit circle: 1 - det, 1 - trace + det and "
               "1 + trace + det are above zero, which is necessary and sufficient")
def check_schur(at: Situation) -> Check:
    """Replace `Converges` by the three conditions of Schur and Jury on the matrix of a step.

    With eigenvalues r and s, det = r s and trace = r + s, so the conditions say 1 - r s > 0, (1 - r)(1 - s) > 0
    and (1 + r)(1 + s) > 0.  Complex r and s are conjugate: the last two hold, and the first says |r| < 1.
    If real, the last two put r and s on one side of 1 and on one side of -1; beyond either, r s > 1.
    """
    if not isinstance(at.left, Converges):
        return Check(UNDECIDED, {"rule": "the previous line is not about convergence"})
    trace, determinant = linear.step_matrix(type(at.left.args[0]))
    found = positive_factors(at.right)
    wanted = [1 - determinant, 1 - trace + determinant, 1 + trace + determinant]
    if found is None or len(found) != len(wanted):
        return Check(UNDECIDED, {"rule": "the new line must be a product of three conditions"})
    return rules.worst(*(equal(x, y) for x, y in zip(found, _ordered(found, wanted), strict=True)))


def _ordered(found: list[sp.Expr], wanted: list[sp.Expr]) -> list[sp.Expr]:
    """Return the wanted conditions in the order of the found ones, as far as they are equal."""
    left, order = list(wanted), []
    for x in found:
        match = next((y for y in left if sp.expand(x - y) == 0), left[0])
        left.remove(match)
        order.append(match)
    return order


@registry.rule("linear edge", "a condition f > 0 with f falling linearly in the parameter holds up to the zero of f")
def check_edge(at: Situation) -> Check:
    """Prove the value of an `Edge` of one condition that is linear in the parameter."""
    if not (isinstance(at.left, Edge) and isinstance(at.left.args[0], Positive)):
        return Check(UNDECIDED, {"rule": "the previous line is not the edge of one condition"})
    (body,), variable = at.left.args[0].args, at.left.args[1]
    start, slope = body.xreplace({variable: sp.S.Zero}), sp.diff(body, variable)
    if slope.has(variable) or not (positive(at.law, start) and positive(at.law, -slope)):
        return Check(UNDECIDED, {"rule": f"{body} does not fall from above zero, linearly in {variable}"})
    return equal(-start / slope, at.right)
