"""Tests of `theory.nodes.restored`: the networks against NumPy, and what the rules refuse."""

import random

import numpy as np
import pytest
import sympy as sp

from theory import laws, proof, registry
from theory.balls import ball
from theory.equality import PROVED
from theory.evaluation import evaluate
from theory.law import Step
from theory.nodes.restored import Normed, Plain, Spread, depth, factor
from theory.notation import eps

LAW = laws.load("norm.depth.reset")


def normalized(x: np.ndarray, regularizer: float) -> np.ndarray:
    return (x - x.mean()) / np.sqrt(x.var() + regularizer)


def test_statistics_of_layers_are_those_of_numpy():
    worlds = registry.WORLDS[Normed](LAW, LAW.parts[0], random.Random(3))
    for _ in range(6):
        world = next(worlds)
        scale, regularizer, layer = (float(world.values[s]) for s in (factor, eps, depth))
        with_norms = plain = normalized(np.array([float(v) for v in world.population["x"]]), regularizer)
        for index, matrix in enumerate(world.state["weights"][:int(layer)], start=1):
            last = index == int(layer)
            if index > 1:
                with_norms, plain = np.maximum(normalized(with_norms, regularizer), 0), np.maximum(plain, 0)
            with_norms = (scale if last else 1.0) * np.array(matrix) @ with_norms
            plain = scale * np.array(matrix) @ plain
        for node, expected in ((Normed(depth, factor), (normalized(with_norms, regularizer) ** 2).mean()),
                               (Spread(depth, factor), with_norms.var()), (Plain(depth, factor), (plain**2).mean())):
            found = float(ball(evaluate(node, world)).value.mid())
            assert found == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("left", "rule", "right"), [
    (Normed(depth, factor), "norm divides", sp.S.One),
    (Normed(depth, factor), "norm divides", Spread(depth, 1) / (Spread(depth, 1) + eps)),
    (Spread(depth, factor), "scaled layers", factor * Spread(depth, 1)),
    (Plain(depth, factor), "scaled layers", factor**2 * Plain(depth, 1)),
    (Plain(depth, -factor), "scaled layers", factor ** (2 * depth) * Plain(depth, 1)),
])
def test_rules_refuse_what_does_not_follow(left, rule, right):
    assert proof.check_step(LAW, LAW.part("restored"), left, Step(rule, right)).answer != PROVED


def test_a_layer_that_the_network_does_not_have():
    world = next(registry.WORLDS[Normed](LAW, LAW.parts[0], random.Random(1)))
    with pytest.raises(KeyError):
        evaluate(Normed(sp.Integer(9), factor), world)
