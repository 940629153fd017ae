"""Arithmetic and memory of one training step of a multilayer perceptron, in a reference engine.

`ForwardOps(B)`, `BackwardOps(B)`   additions and multiplications in the matrix products of a pass over B examples
`AccumulatedOps(B, b)`   the same for both passes over B examples in micro-batches of b
`OutputBytes(B)`         bytes of the layer outputs kept for the backward pass, in float64
`AccumulatedBytes(B, b)` the most that is kept at a time in micro-batches of b
`StateBytes(k)`          bytes of parameters, gradient and k numbers of the optimizer a parameter
`LayerSum(f)`, `FirstLayer(f)`   f of a layer's widths `d_in`, `d_out`: its sum over the layers, its value at the first

The engine multiplies inputs and weights forward, inputs and residuals for the gradient of the weights, and, in
all layers but the first, residuals and weights for the gradient of the inputs.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

import sympy as sp

from theory import notation as nt
from theory import registry, rules
from theory.equality import PROVED, Check, equal
from theory.evaluation import evaluate
from theory.law import Law, Part
from theory.registry import Situation
from theory.world import Context, Number

__all__ = ["AccumulatedBytes", "AccumulatedOps", "BackwardOps", "FirstLayer", "ForwardOps", "LayerSum", "OutputBytes",
           "StateBytes", "d_in", "d_out", "moments"]

d_in, d_out = sp.symbols("d_in d_out", integer=True, positive=True)
"""Widths of the layer at hand."""

moments = sp.Symbol("slots", integer=True, nonnegative=True)
"""Numbers the optimizer keeps a parameter."""

FLOAT64 = 8


class _Cost(nt.Node):
    """A cost, printed by its name."""

    name_shown = ("", "")

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        args, (what, which) = ", ".join(printer._print(a) for a in self.args), self.name_shown
        return nt._power(rf"\operatorname{{{what}}}_{{\mathrm{{{which}}}}}\left({args}\right)", exp)


class ForwardOps(_Cost):
    """Operations of the forward products."""

    nargs = 1
    name_shown = ("ops", "forward")


class BackwardOps(_Cost):
    """Operations of the backward products."""

    nargs = 1
    name_shown = ("ops", "backward")


class AccumulatedOps(_Cost):
    """Operations of both passes in micro-batches."""

    nargs = 2
    name_shown = ("ops", "accumulated")


class OutputBytes(_Cost):
    """Bytes of the outputs kept."""

    nargs = 1
    name_shown = ("bytes", "outputs")


class AccumulatedBytes(_Cost):
    """Most bytes of outputs kept at a time, in micro-batches."""

    nargs = 2
    name_shown = ("bytes", "accumulated")


class StateBytes(_Cost):
    """Bytes of parameters, gradient and optimizer."""

    nargs = 1
    name_shown = ("bytes", "state")


class LayerSum(nt.Node):
    """Sum over the layers."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return nt._power(rf"\sum_\ell {printer._print(self.args[0])}", exp)


class FirstLayer(nt.Node):
    """Value at the first layer."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return nt._power(rf"\left.{printer._print(self.args[0])}\right|_{{\ell=1}}", exp)


Shape = tuple[int, int]


class _Engine:
    """The reference engine on shapes alone: it multiplies matrices entry by entry and counts."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        self.layers = list(pairwise(widths))
        self.operations, self.kept = 0, 0

    def product(self, left: Shape, right: Shape) -> Shape:
        """Multiply two matrices."""
        if left[1] != right[0]:
            raise ValueError(f"shapes {left} and {right} do not fit")
        for _ in range(left[0] * right[1]):
            for _ in range(left[1]):
                self.operations += 2  # one multiplication, one addition to the entry
        return left[0], right[1]

    def forward(self, examples: int) -> list[Shape]:
        """Run forward and keep the output of every layer; return the layers' inputs and the last output."""
        found = [(examples, self.layers[0][0])]
        for weights in self.layers:
            found.append(self.product(found[-1], weights))
            self.kept += sum(FLOAT64 for _ in range(found[-1][0]) for _ in range(found[-1][1]))
        return found

    def backward(self, outputs: list[Shape]) -> None:
        """Run backward: gradients of all weights and of the inputs of all layers but the first."""
        residual = outputs[-1]
        for place in reversed(range(len(self.layers))):
            inputs, weights = outputs[place], self.layers[place]
            if self.product(inputs[::-1], residual) != weights:
                raise ValueError("a gradient has another shape than its weights")
            if place:
                residual = self.product(residual, weights[::-1])


def _micro(examples: int, size: int) -> list[int]:
    """Cut a batch into micro-batches; the last may be short."""
    return [min(size, examples - first) for first in range(0, examples, size)]


def _integers(node: sp.Basic, world: Context) -> list[int]:
    return [int(evaluate(a, world)) for a in node.args]


@registry.means(ForwardOps)
def _forward_ops(node: ForwardOps, world: Context) -> Number:
    engine = _Engine(world.state["widths"])
    engine.forward(*_integers(node, world))
    return Fraction(engine.operations)


@registry.means(BackwardOps)
def _backward_ops(node: BackwardOps, world: Context) -> Number:
    engine = _Engine(world.state["widths"])
    outputs = engine.forward(*_integers(node, world))
    engine.operations = 0
    engine.backward(outputs)
    return Fraction(engine.operations)


@registry.means(AccumulatedOps)
def _accumulated_ops(node: AccumulatedOps, world: Context) -> Number:
    engine = _Engine(world.state["widths"])
    for examples in _micro(*_integers(node, world)):
        engine.backward(engine.forward(examples))
    return Fraction(engine.operations)


@registry.means(OutputBytes)
def _output_bytes(node: OutputBytes, world: Context) -> Number:
    engine = _Engine(world.state["widths"])
    engine.forward(*_integers(node, world))
    return Fraction(engine.kept)


@registry.means(AccumulatedBytes)
def _accumulated_bytes(node: AccumulatedBytes, world: Context) -> Number:
    most = 0
    for examples in _micro(*_integers(node, world)):
        engine = _Engine(world.state["widths"])
        engine.forward(examples)
        most = max(most, engine.kept)
    return Fraction(most)


@registry.means(StateBytes)
def _state_bytes(node: StateBytes, world: Context) -> Number:
    (kept,) = _integers(node, world)
    entries = 0
    for wide, out in pairwise(world.state["widths"]):
        entries += sum(1 for _ in range(wide) for _ in range(out)) + sum(1 for _ in range(out))
    return Fraction(FLOAT64 * sum(entries for _ in range(2 + kept)))


def _at_layer(node: sp.Basic, world: Context, layer: tuple[int, int]) -> Number:
    widths = {d_in: Fraction(layer[0]), d_out: Fraction(layer[1])}
    return evaluate(node.args[0], replace(world, values={**world.values, **widths}, facts={}))


@registry.means(LayerSum)
def _layer_sum(node: LayerSum, world: Context) -> Number:
    return sum((_at_layer(node, world, layer) for layer in pairwise(world.state["widths"])), Fraction(0))


@registry.means(FirstLayer)
def _first_layer(node: FirstLayer, world: Context) -> Number:
    return _at_layer(node, world, world.state["widths"][:2])


@registry.worlds(_Cost)
def _worlds(law: Law, part: Part, rng: random.Random) -> Iterator[Context]:
    """Small networks of one to four layers, batches and micro-batches of any size that fits."""
    while True:
        widths = tuple(rng.randint(1, 5) for _ in range(rng.randint(2, 5)))
        size = rng.randint(1, 6)
        column = [Fraction(rng.randint(-3, 3)) for _ in range(rng.randint(size, 9))]
        values: dict[sp.Symbol, Number] = {
            nt.B: Fraction(size), nt.b: Fraction(rng.randint(1, size)), moments: Fraction(rng.randint(0, 2))}
        yield Context({"x": column}, "wor", values, law.where, state={"widths": widths})


def _product(rows: sp.Expr, inner: sp.Expr, columns: sp.Expr) -> sp.Expr:
    """Operations of one matrix product: a multiplication and an addition for each term of each entry."""
    return 2 * rows * inner * columns


def _forward(size: sp.Expr) -> sp.Expr:
    return LayerSum(_product(size, d_in, d_out))


def _backward(size: sp.Expr) -> sp.Expr:
    inputs = _product(size, d_out, d_in)
    return LayerSum(_product(d_in, size, d_out)) + LayerSum(inputs) - FirstLayer(inputs)


@registry.rule("products", "a product of shapes a x b and b x c takes 2abc operations; list the products of each layer")
def _products(at: Situation) -> Check:
    left = at.left.replace(ForwardOps, _forward).replace(BackwardOps, _backward)
    return _linear(at, left)


@registry.rule("entries", "a float64 takes eight bytes; list the numbers kept of each layer")
def _entries(at: Situation) -> Check:
    left = at.left.replace(OutputBytes, lambda size: LayerSum(FLOAT64 * size * d_out)).replace(
        StateBytes, lambda kept: LayerSum(FLOAT64 * (2 + kept) * (d_in * d_out + d_out)))
    return _linear(at, left)


@registry.rule("micro-batches", "operations of micro-batches add up, and are proportional to their examples; the "
               "outputs of one are let go before the next, and none is larger than the first")
def _micro_batches(at: Situation) -> Check:
    fits = any(c.relation == sp.Le(nt.b, nt.B) for c in at.law.constraints)

    def operations(size: sp.Expr, _: sp.Expr) -> sp.Expr:
        many, one = (_spread(_forward(n) + _backward(n)) for n in (size, sp.S.One))
        if equal(many, size * one).answer != PROVED:
            raise ValueError("the operations are not proportional to the examples")
        return ForwardOps(size) + BackwardOps(size)

    def largest(size: sp.Expr, part: sp.Expr) -> sp.Expr:
        if not (fits and (size, part) == (nt.B, nt.b)):
            raise ValueError("the law does not say that a micro-batch is at most the batch")
        return OutputBytes(part)

    return equal(at.left.replace(AccumulatedOps, operations).replace(AccumulatedBytes, largest), at.right)


def _spread(expr: sp.Basic) -> sp.Basic:
    """Write sums over layers as combinations of sums over monomials in the widths."""
    def linear(kind: type[sp.Function], inner: sp.Expr) -> sp.Expr:
        total = sp.S.Zero
        for term in sp.Add.make_args(sp.expand(inner)):
            constant, varying = term.as_independent(d_in, d_out, as_Add=False)
            total += constant * kind(varying)
        return total

    return expr.replace(LayerSum, lambda inner: linear(LayerSum, inner)).replace(
        FirstLayer, lambda inner: linear(FirstLayer, inner))


def _linear(at: Situation, left: sp.Basic) -> Check:
    return equal(*(_spread(rules.unfold(side, at.definitions)) for side in (left, at.right)))


@registry.rule("layers", "sums over the layers are linear")
def _layers(at: Situation) -> Check:
    return _linear(at, at.left)
