"""Rectifier networks on one sample, with a norm at each layer or at the input only: the size of what layer L sees.

Layer l maps h to x_l = W_l h; behind a norm N(x) = (x - m)/sqrt(v + eps), over the units of the layer, the next layer
gets relu(N(x_l)), without one relu(x_l).  The input is normalized in both.

`Normed(L, a)`   mean square of N(x_L), norms at each layer, the weights of layer L times a
`Spread(L, a)`   variance of x_L over its units in that network, before its norm
`Plain(L, a)`    mean square of x_L, norm at the input only, the weights of all layers times a
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import sympy as sp

from theory import notation as nt
from theory import registry, rules
from theory.balls import Ball, ball
from theory.equality import Check, equal
from theory.evaluation import evaluate
from theory.law import Law, Part
from theory.registry import Situation
from theory.world import Context, Number

__all__ = ["Normed", "Plain", "Spread", "depth", "factor"]

depth = sp.Symbol("L", integer=True, positive=True)
"""The layer at hand."""

factor = sp.Symbol("a", positive=True)
"""Factor of the weights."""

Vector = list[Ball]


class _Layer(nt.Node):
    """A statistic of the preactivations of one layer."""

    nargs = 2
    letter = ""

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        layer, scale = (printer._print(a) for a in self.args)
        return nt._power(rf"{self.letter}_{{{layer}}}({scale})", exp, wrap=False)


class Normed(_Layer):
    """Mean square of the normalized preactivations."""

    letter = r"\overline{N(x)^2}"


class Spread(_Layer):
    """Variance of the preactivations."""

    letter = "v"


class Plain(_Layer):
    """Mean square of the preactivations without norms behind the input."""

    letter = r"\overline{x^2}"


# Meaning. --------------------------------------------------------------------------------------------------------

def _mean(values: Vector) -> Ball:
    return sum(values, ball(0)) / len(values)


def _variance(values: Vector) -> Ball:
    mean = _mean(values)
    return _mean([(x - mean) ** 2 for x in values])


def _normalized(values: Vector, eps: Number) -> Vector:
    mean, variance = _mean(values), _variance(values)
    if not variance.value > 0:
        raise ZeroDivisionError("all units of a layer are equal")
    return [(x - mean) / (variance + eps) ** Fraction(1, 2) for x in values]


def _through(matrix: list[list[int]], values: Vector, scale: Number) -> Vector:
    return [scale * sum((w * h for w, h in zip(row, values, strict=True)), ball(0)) for row in matrix]


def _rectified(values: Vector) -> Vector:
    return [x if x.value > 0 else ball(0) for x in values]


def _preactivations(node: _Layer, world: Context) -> Vector:
    """Run the sample through the network of this world."""
    layer, scale = int(evaluate(node.args[0], world)), evaluate(node.args[1], world)
    matrices, eps = world.state["weights"], evaluate(nt.eps, world)
    if not 1 <= layer <= len(matrices):
        raise KeyError(f"this world's network has no layer {layer}")
    found = _normalized([ball(x) for x in world.population["x"]], eps)
    for index, matrix in enumerate(matrices[:layer], start=1):
        everywhere = isinstance(node, Plain)
        if index > 1:
            found = _rectified(found if everywhere else _normalized(found, eps))
        found = _through(matrix, found, scale if everywhere or index == layer else Fraction(1))
    return found


@registry.means(Normed, Spread, Plain)
def _of_layer(node: _Layer, world: Context) -> Number:
    found = _preactivations(node, world)
    if isinstance(node, Spread):
        return _variance(found)
    size = _mean([x**2 for x in (_normalized(found, evaluate(nt.eps, world)) if isinstance(node, Normed) else found)])
    if not size.value > 0:
        raise ZeroDivisionError("nothing arrives at this layer")
    return size


@registry.worlds(Normed, Spread, Plain)
def _worlds(law: Law, part: Part, rng: random.Random) -> Iterator[Context]:
    """Draw a sample of four entries and a network of three layers with small integer weights."""
    while True:
        weights = [[[rng.choice((-3, -2, -1, 1, 2, 3, 4)) for _ in range(4)] for _ in range(4)] for _ in range(3)]
        values: dict[sp.Symbol, Number] = {
            depth: Fraction(rng.randint(1, 3)), factor: Fraction(rng.randint(1, 9), 4),
            nt.eps: Fraction(rng.choice((0, rng.randint(1, 8))), 8)}
        world = Context({"x": [Fraction(v) for v in rng.sample(range(-6, 9), 4)]}, law.designs[0], values, law.where,
                        state={"weights": weights})
        try:
            for node in (Spread(depth, 1), Plain(depth, 1)):
                evaluate(node, world)
        except ZeroDivisionError:
            continue
        yield world


# Proof. ----------------------------------------------------------------------------------------------------------

def _over(mean_square: sp.Expr) -> sp.Expr:
    return mean_square / (mean_square + nt.eps)


@registry.rule("norm divides", "deviations from the mean have the mean square v, and the norm divides their squares by "
               "v + eps, whatever the layers below have done")
def _by_division(at: Situation) -> Check:
    sides = (at.left, at.right)
    return equal(*(side.replace(Normed, lambda layer, scale: _over(Spread(layer, scale))) for side in sides))


@registry.rule("scaled layers", "a positive factor of a layer's weights comes out of the layer and of the rectifier; "
               "it is squared in a variance, once for each layer that has it")
def _by_scale(at: Situation) -> Check:
    def taken_out(expr: sp.Basic) -> sp.Basic:
        found = expr.replace(Spread, lambda layer, scale: _positive(scale) ** 2 * Spread(layer, 1))
        return found.replace(Plain, lambda layer, scale: _positive(scale) ** (2 * layer) * Plain(layer, 1))

    return equal(*(taken_out(rules.unfold(side, at.definitions)) for side in (at.left, at.right)))


def _positive(scale: sp.Expr) -> sp.Expr:
    if not scale.is_positive:
        raise ValueError(f"{scale} is not known to be positive")
    return scale
