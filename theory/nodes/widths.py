"""Rectifier networks of finite width with random weights: what is left of the length of one input.

Layers are h -> relu(W h), all of width n; the entries of W are independent, with mean 0 and variance sigma_w^2/n.

`Length(p, n, L)`   expectation of |h_L|^(2p)/|h_0|^(2p) over Gaussian weights, p = 1 or 2
`Dead(n, L)`        probability that h_L = 0
`Open(n)`           probability that a layer whose input is not 0 has an output that is not 0
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from typing import Any

import sympy as sp

from theory import notation as nt
from theory import registry, rules
from theory.domain import Integers, Reals
from theory.equality import Check, equal
from theory.evaluation import evaluate
from theory.law import Law, Part
from theory.nodes.rectified import Relu, StandardMean, z
from theory.registry import Situation
from theory.world import Context, Number

__all__ = ["Dead", "Length", "Open", "layers", "variance", "width"]

width = nt.n
"""Units of a layer."""

layers = sp.Symbol("L", integer=True, positive=True)
"""Number of layers."""

variance = sp.Symbol("sigma_w2", positive=True)
"""Width times the variance of a weight; 2 for He initialization."""

DEEPEST = {1: 6, 2: 3, 3: 2, 4: 1}
"""Depths at which every network of a width is visited."""

THREE_POINTS = ((1, -1), (4, 0), (1, 1))
"""Gauss-Hermite nodes over sqrt(3), of 6 outcomes: sums of such weights have a Gaussian's moments up to the fifth."""


class Length(nt.Node):
    """Mean power of the squared length behind some layers, over that of the input."""

    nargs = 3

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        power, _, depth = self.args
        p, d = printer._print(2 * power), printer._print(depth)
        return nt._power(rf"\operatorname{{E}}\frac{{|h_{{{d}}}|^{{{p}}}}}{{|h_0|^{{{p}}}}}", exp)


class Dead(nt.Node):
    """Probability that nothing is left of the input."""

    nargs = 2

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return nt._power(rf"\operatorname{{P}}\left(h_{{{printer._print(self.args[1])}}}=0\right)", exp, wrap=False)


class Open(nt.Node):
    """Probability that a layer lets something through."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return nt._power(r"\operatorname{P}\left(h_1\ne0\right)", exp, wrap=False)


# Meaning. --------------------------------------------------------------------------------------------------------

State = tuple[int, ...]


def _next(states: dict[State, int], rows: list[tuple[int, State]]) -> dict[State, int]:
    """Carry the numbers of networks to the next layer: every choice of weights of every unit.

    Units are alike, so that states are kept in order of size.
    """
    found: dict[State, int] = {}
    for state, count in states.items():
        unit: dict[int, int] = {}
        for outcomes, row in rows:
            value = max(sum(w * h for w, h in zip(row, state, strict=True)), 0)
            unit[value] = unit.get(value, 0) + outcomes
        for outputs in itertools.combinations_with_replacement(sorted(unit), len(state)):
            here = count * math.factorial(len(state))
            for value in set(outputs):
                here //= math.factorial(outputs.count(value))
            for value in outputs:
                here *= unit[value]
            found[outputs] = found.get(outputs, 0) + here
    return found


def _networks(start: State, depth: int, rows: list[tuple[int, State]]) -> dict[State, Fraction]:
    """Return the probability of every output."""
    states = {start: 1}
    for _ in range(depth):
        states = _next(states, rows)
    total = sum(states.values())
    return {state: Fraction(count, total) for state, count in states.items()}


@lru_cache(maxsize=64)
def _lengths(start: State, depth: int) -> tuple[tuple[Fraction, Fraction], ...]:
    """Every (probability, squared length over that of the input), in units in which a weight is -1, 0 or 1."""
    rows = [(math.prod(count for count, _ in choice), tuple(weight for _, weight in choice))
            for choice in itertools.product(THREE_POINTS, repeat=len(start))]
    first = sum(h * h for h in start)
    return tuple((p, Fraction(sum(h * h for h in state), first)) for state, p in _networks(start, depth, rows).items())


@registry.means(Length)
def _length(node: Length, world: Context) -> Number:
    power, size, depth = (int(evaluate(a, world)) for a in node.args)
    if depth > DEEPEST.get(size, 0):
        raise KeyError("more networks than are visited one by one")
    if power not in (1, 2):
        raise KeyError("three points have the moments of a Gaussian up to the fifth")
    scale = (3 * evaluate(variance, world) / size) ** depth
    return sum((p * (scale * length) ** power for p, length in _lengths(_input(size, world), depth)), Fraction(0))


def _input(size: int, world: Context) -> State:
    column = world.population["x"]
    return tuple(int(column[i % len(column)]) for i in range(size))


@lru_cache(maxsize=64)
def _dead(start: State, depth: int) -> Fraction:
    """Visit all signs of weights; their sizes are powers of 1000, so that no sum of a few small numbers is 0."""
    rows = [(1, tuple(sign * 1000**i for i, sign in enumerate(signs)))
            for signs in itertools.product((-1, 1), repeat=len(start))]
    return _networks(start, depth, rows).get((0,) * len(start), Fraction(0))


@registry.means(Dead)
def _dead_chance(node: Dead, world: Context) -> Number:
    size, depth = (int(evaluate(a, world)) for a in node.args)
    if depth > DEEPEST.get(size, 0):
        raise KeyError("more networks than are visited one by one")
    return _dead(_input(size, world), depth)


@registry.means(Open)
def _open_chance(node: Open, world: Context) -> Number:
    size = int(evaluate(node.args[0], world))
    if size not in DEEPEST:
        raise KeyError("more networks than are visited one by one")
    return 1 - _dead(_input(size, world), 1)


@registry.worlds(Length, Dead, Open)
def _worlds(law: Law, part: Part, rng: random.Random) -> Iterator[Context]:
    """Draw widths, depths and inputs that are small enough to visit every network."""
    while True:
        size = rng.choice(list(DEEPEST))
        values: dict[sp.Symbol, Number] = {width: Fraction(size), layers: Fraction(rng.randint(1, DEEPEST[size]))}
        for param in law.params:
            if isinstance(param.domain, Reals):
                values[param.symbol] = Fraction(rng.randint(1, 12), 4)
            elif isinstance(param.domain, Integers) and param.symbol not in values:
                values[param.symbol] = Fraction(param.domain.low + rng.randint(0, 2))
        yield Context({"x": [Fraction(rng.choice((1, 2, 3, 5))) for _ in range(2)]}, law.designs[0], values, law.where)


# Proof. ----------------------------------------------------------------------------------------------------------

def _layerwise(power: sp.Expr, size: sp.Expr, depth: sp.Expr) -> sp.Expr:
    return Length(power, size, 1) ** depth


@registry.rule("fresh layers", "given its input a layer's units are independent Gaussians of one variance, |h|^2 times "
               "that of a weight, whatever the direction of h: the ratios of the lengths of layers are independent")
def _by_layers(at: Situation) -> Check:
    left, right = (rules.unfold(side, at.definitions).replace(Length, _layerwise) for side in (at.left, at.right))
    return equal(left, right)


def _in_units(power: sp.Expr, size: sp.Expr, depth: sp.Expr) -> sp.Expr:
    """Write the power of a sum over alike and independent units in the moments of one unit."""
    if depth != 1:
        raise ValueError("one layer at a time")
    square, fourth = StandardMean(Relu(z) ** 2), StandardMean(Relu(z) ** 4)
    if power == 1:
        return variance * square
    if power == 2:
        return variance**2 / size**2 * (size * fourth + size * (size - 1) * square**2)
    raise ValueError("first and second powers only")


@registry.rule("units", "a layer's units are independent and alike: n squares and n (n - 1) products of two")
def _by_units(at: Situation) -> Check:
    return equal(*(rules.unfold(side, at.definitions).replace(Length, _in_units) for side in (at.left, at.right)))


@registry.rule("survival", "an input is dead behind L layers unless each layer lets something through, whatever it is")
def _by_survival(at: Situation) -> Check:
    return equal(*(rules.unfold(side, at.definitions).replace(
        Dead, lambda size, depth: 1 - Open(size) ** depth) for side in (at.left, at.right)))


@registry.rule("signs", "a unit's weights are as likely with all signs turned: it is closed with chance 1/2, "
               "independently of the others")
def _by_signs(at: Situation) -> Check:
    return equal(*(rules.unfold(side, at.definitions).replace(
        Open, lambda size: 1 - sp.Rational(1, 2) ** size) for side in (at.left, at.right)))
