"""Tests of `theory.nodes.widths`: the enumeration against drawn networks, and what the rules refuse."""

import math
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

from theory import laws, proof
from theory.equality import PROVED
from theory.evaluation import evaluate
from theory.law import Step
from theory.nodes.widths import Dead, Length, Open, layers, variance, width
from theory.world import Context

LAW = laws.load("norm.depth.log_width")


def world(size: int, depth: int) -> Context:
    return Context({"x": [Fraction(1), Fraction(3)]}, "wor", {
        width: Fraction(size), layers: Fraction(depth), variance: Fraction(2)})


@pytest.mark.parametrize(("size", "depth"), [(2, 1), (2, 3), (3, 2)])
def test_enumerated_networks_are_as_drawn_gaussian_ones(size, depth):
    rng = np.random.default_rng(10 * size + depth)
    h = np.broadcast_to(np.resize([1.0, 3.0], size), (200_000, size))
    first = (h**2).sum(1)
    for _ in range(depth):
        weights = rng.standard_normal((len(h), size, size)) * math.sqrt(2 / size)
        h = np.maximum(np.einsum("bij,bj->bi", weights, h), 0)
    ratio, dead = (h**2).sum(1) / first, (h == 0).all(1)
    here = world(size, depth)
    for node, drawn in ((Length(1, width, layers), ratio), (Length(2, width, layers), ratio**2),
                        (Dead(width, layers), dead)):
        assert abs(float(evaluate(node, here)) - drawn.mean()) < 6 * drawn.std() / math.sqrt(drawn.size)


def test_more_networks_than_can_be_visited_have_no_value():
    for node in (Length(2, width, layers), Dead(width, layers)):
        with pytest.raises(KeyError):
            evaluate(node, world(4, 9))
    with pytest.raises(KeyError):
        evaluate(Length(3, width, layers), world(2, 1))


@pytest.mark.parametrize(("part", "left", "rule", "right"), [
    ("square", Length(2, width, layers), "fresh layers", Length(2, width, 1) ** (layers + 1)),
    ("mean", Length(1, width, layers), "fresh layers", layers * Length(1, width, 1)),
    ("square", Length(2, width, 2), "units", Length(2, width, 1)),
    ("square", Length(3, width, 1), "units", sp.S.One),
    ("dead", Dead(width, layers), "survival", Open(width) ** layers),
    ("dead", Open(width), "signs", sp.Rational(1, 2) ** width),
])
def test_rules_refuse_what_does_not_follow(part, left, rule, right):
    assert proof.check_step(LAW, LAW.part(part), left, Step(rule, right)).answer != PROVED
