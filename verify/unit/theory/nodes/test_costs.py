"""Tests of `theory.nodes.costs`: the reference engine by hand, and what the counting rules refuse."""

from fractions import Fraction

import pytest

from theory import laws, proof
from theory.equality import PROVED
from theory.evaluation import evaluate
from theory.law import Step
from theory.nodes.costs import (
    AccumulatedBytes,
    AccumulatedOps,
    BackwardOps,
    FirstLayer,
    ForwardOps,
    LayerSum,
    OutputBytes,
    StateBytes,
    _Engine,
    d_in,
    d_out,
    moments,
)
from theory.notation import B, b
from theory.world import Context

LAW = laws.load("cost.mlp")


def world(*widths, size=5, part=2, slots=1):
    values = {B: Fraction(size), b: Fraction(part), moments: Fraction(slots)}
    return Context({"x": [Fraction(0)] * 9}, "wor", values, LAW.where, state={"widths": widths})


def test_two_layers_by_hand():
    here = world(3, 4, 2)
    assert evaluate(LayerSum(d_in * d_out), here) == 12 + 8
    assert evaluate(FirstLayer(d_in * d_out), here) == 12
    assert evaluate(ForwardOps(B), here) == 2 * 5 * 20
    # gradients of 12 and 8 weights, and of the second layer's inputs
    assert evaluate(BackwardOps(B), here) == 2 * 5 * (12 + 8 + 8)
    assert evaluate(AccumulatedOps(B, b), here) == 2 * 5 * (20 + 28)
    assert evaluate(OutputBytes(B), here) == 8 * 5 * 6
    assert evaluate(AccumulatedBytes(B, b), here) == 8 * 2 * 6
    assert evaluate(StateBytes(moments), here) == 8 * 3 * 26


def test_shapes_must_fit():
    with pytest.raises(ValueError, match=r"\(2, 3\) and \(2, 3\) do not fit"):
        _Engine((2, 3)).product((2, 3), (2, 3))


def check(part, left, rule, right):
    return proof.check_step(LAW, LAW.part(part), left, Step(rule, right)).answer


def test_counting_rules_and_refusals():
    assert check("forward", ForwardOps(B), "products", LayerSum(2 * B * d_in * d_out)) == PROVED
    assert check("forward", ForwardOps(B), "products", LayerSum(B * d_in * d_out)) != PROVED
    assert check("forward", BackwardOps(B), "products", LayerSum(4 * B * d_in * d_out)) != PROVED
    assert check("outputs", OutputBytes(B), "entries", LayerSum(8 * B * d_out)) == PROVED
    assert check("outputs", OutputBytes(B), "entries", LayerSum(8 * B * d_in)) != PROVED
    assert check("peak", AccumulatedBytes(B, b), "micro-batches", OutputBytes(b)) == PROVED
    assert check("peak", AccumulatedBytes(b, B), "micro-batches", OutputBytes(B)) != PROVED
    assert check("accumulated", AccumulatedOps(B, b), "micro-batches", ForwardOps(B) + BackwardOps(b)) != PROVED
    assert check("forward", LayerSum(2 * d_in + d_in), "layers", 3 * LayerSum(d_in)) == PROVED
    assert check("forward", LayerSum(d_in * d_out), "layers", LayerSum(d_in) * LayerSum(d_out)) != PROVED
