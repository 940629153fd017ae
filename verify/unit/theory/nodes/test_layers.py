"""Tests of `theory.nodes.layers` and `theory.nodes.ranks`: outputs against NumPy, what groups share, ranks."""

import itertools
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

from theory import laws, proof
from theory.equality import PROVED
from theory.evaluation import evaluate
from theory.law import Step
from theory.nodes.entries import Hat, Item, Sd, Slope, i, j
from theory.nodes.layers import (
    Across,
    BatchNorm,
    Elsewhere,
    GroupNorm,
    InstanceNorm,
    LayerNorm,
    LayerRank,
    RmsNorm,
    a,
    c,
    members,
    p,
)
from theory.nodes.ranks import Rank, eliminated
from theory.notation import HW, B, C, G, eps, n, x
from theory.surds import Surd
from theory.world import Context

SHAPE = (3, 4, 2)
TENSOR = np.random.default_rng(5).integers(-6, 9, SHAPE)
DOF, CROSS, CASES = (laws.load(f"norm.{name}") for name in ("capacity.dof", "grad.cross_sample", "stat.special_cases"))


def world_of(at, regularizer=Fraction(1, 2)):
    tensor = {k: Fraction(int(TENSOR[k])) for k in itertools.product(*map(range, SHAPE))}
    values = dict(zip((a, c, p, B, C, HW), map(Fraction, (*at, *SHAPE)), strict=True))
    return Context({"x": list(tensor.values())}, "wor", {**values, G: Fraction(2), eps: regularizer},
                   state={"shape": SHAPE, "tensor": tensor})


def number(value):
    return float(value) if not isinstance(value, Surd) else sum(float(q) * k**0.5 for k, q in value.terms.items())


def normalized(array, axes):
    return (array - array.mean(axes, keepdims=True)) / np.sqrt(array.var(axes, keepdims=True) + 0.5)


GROUPED = TENSOR.reshape(3, 2, 2, 2)


@pytest.mark.parametrize("layer, expected", [
    (BatchNorm(a, c, p, B), normalized(TENSOR, (0, 2))),
    (LayerNorm(a, c, p), normalized(TENSOR, (1, 2))),
    (InstanceNorm(a, c, p), normalized(TENSOR, (2,))),
    (GroupNorm(a, c, p, G), normalized(GROUPED, (2, 3)).reshape(SHAPE)),
    (RmsNorm(a, c, p), TENSOR / np.sqrt((TENSOR**2).mean((1, 2), keepdims=True) + 0.5)),
])
def test_layers_are_those_of_numpy(layer, expected):
    for at in itertools.product(*map(range, SHAPE)):
        assert number(evaluate(layer, world_of(at))) == pytest.approx(expected[at])


def test_derivatives_across_samples():
    here = world_of((1, 2, 0))
    for layer in (LayerNorm(a, c, p), InstanceNorm(a, c, p), GroupNorm(a, c, p, G), RmsNorm(a, c, p)):
        assert evaluate(Across(layer), here) == 0
    group = TENSOR[:, 2, :].ravel().astype(float)
    z = (group - group.mean()) / np.sqrt(group.var() + 0.5)
    row = -(1 + z[2] * z) / 6 / np.sqrt(group.var() + 0.5)
    assert number(evaluate(Across(BatchNorm(a, c, p, B)), here)) == pytest.approx((row[[0, 1, 4, 5]] ** 2).sum())


def test_groups_and_their_labels():
    assert len(members(GroupNorm(a, c, p, G), (0, 3, 1), SHAPE, 2)) == 4
    assert len(members(BatchNorm(a, c, p, B), (2, 3, 1), SHAPE, 1)) == 2
    assert GroupNorm(a, c, p, G).label() == (a, sp.floor(c * G / C))
    with pytest.raises(KeyError, match="cannot be split"):
        members(GroupNorm(a, c, p, 3), (0, 0, 0), SHAPE, 3)
    with pytest.raises(ValueError, match="neither one sample nor all"):
        BatchNorm(a, c, p, G).label()
    with pytest.raises(KeyError, match="outside the tensor"):
        evaluate(LayerNorm(a, c, p), world_of((3, 0, 0)))


@pytest.mark.parametrize("left, right, good", [
    (GroupNorm(a, c, p, 1), LayerNorm(a, c, p), True),
    (GroupNorm(a, c, p, C), InstanceNorm(a, c, p), True),
    (BatchNorm(a, c, p, 1), InstanceNorm(a, c, p), True),
    (GroupNorm(a, c, p, 1), RmsNorm(a, c, p), False),
    (GroupNorm(a, c, p, G), LayerNorm(a, c, p), False),
    (GroupNorm(a, c, p, C), BatchNorm(a, c, p, B), False),
    (BatchNorm(a, c, p, B), InstanceNorm(a, c, p), False),
    (GroupNorm(a, c, p, 1), LayerNorm(a, p, c), False),
])
def test_only_equal_groups_give_equal_outputs(left, right, good):
    part = replace(CASES.parts[0], statement=sp.Eq(left, right, evaluate=False))
    assert (proof.check_step(CASES, part, left, Step("members", right)).answer == PROVED) == good


@pytest.mark.parametrize("left, right, good", [
    (Across(LayerNorm(a, c, p)), sp.S.Zero, True),
    (Across(BatchNorm(a, c, p, B)), sp.S.Zero, False),
    (Across(BatchNorm(a, c, p, B)), Elsewhere(Slope(Hat(i, eps), j) ** 2, j), True),
    (Across(BatchNorm(a, c, p, B)), Elsewhere(Slope(Hat(i, 0), j) ** 2, j), False),
    (LayerRank(LayerNorm(a, c, p)), B * Rank.of(True, C * HW), False),  # with eps one dimension more is left
])
def test_what_the_rule_says_of_whole_layers(left, right, good):
    assert (proof.check_step(CROSS, CROSS.parts[0], left, Step("members", right)).answer == PROVED) == good


def test_rank_by_elimination():
    rng = np.random.default_rng(1)
    for rank in range(1, 5):
        matrix = rng.integers(-3, 4, (4, rank)) @ rng.integers(-3, 4, (rank, 5))
        rows = [[Fraction(int(v)) for v in row] for row in matrix]
        assert eliminated(rows) == np.linalg.matrix_rank(matrix)
    assert eliminated([[Surd({2: Fraction(1)}), Fraction(2)], [Fraction(1), Surd({2: Fraction(1)})]]) == 1


def test_only_a_projector_has_its_trace_as_rank():
    part = DOF.part("group")
    before, step = part.lhs, part.derivation[0]
    assert proof.check_step(DOF, part, before, step).answer == PROVED
    twice = Rank(2 * Slope(Hat(i, 0), j), i, j, n)
    assert proof.check_step(DOF, part, twice, step).answer != PROVED
    stretched = Rank(Slope(Hat(i, 0), j) * Item(x, i), i, j, n)
    assert proof.check_step(DOF, part, stretched, replace(step, where={"factor": Item(x, i) / Sd(0)})).answer != PROVED
