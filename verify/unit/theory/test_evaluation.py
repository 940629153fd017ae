"""Evaluation by enumeration: hand-computed values."""

from fractions import Fraction

import pytest
import sympy as sp

from theory import notation as nt
from theory.evaluation import Context, batches, evaluate
from theory.notation import B, BatchSum, ChainCov, ChainMean, E, PopMean

F = Fraction
WORLD = Context({k: [F(0), F(3), F(6)] for k in "guvwx"}, "wor", {B: F(2)})
WITH = Context(WORLD.population, "wr", {B: F(2)})


def test_batches_are_counted():
    assert [b for _, b in batches(4, 2, "wor")] == [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
    assert sum(k for k, _ in batches(4, 3, "wr")) == 4**3
    with pytest.raises(ValueError, match="batch size 5 does not fit 4 samples"):
        list(batches(4, 5, "wor"))
    with pytest.raises(ValueError, match="batch size 0"):
        list(batches(4, 0, "wr"))


def test_expectations_by_hand():
    mean = BatchSum(nt.g) / B
    assert evaluate(E(mean, B), WORLD) == 3
    assert evaluate(E((mean - 3) ** 2, B), WORLD) == F(3, 2)  # means 1.5, 3, 4.5
    assert evaluate(E((mean - 3) ** 2, B), WITH) == 3         # 6/2
    assert evaluate(PopMean(nt.dg**2), WORLD) == 6


def test_a_batch_standard_deviation_is_exact():
    value = evaluate(E(nt.s, B), Context({"x": [F(0), F(1), F(3)]}, "wor", {B: F(2)}))
    assert value == 1  # half distances 1/2, 3/2, 1
    root = evaluate(E(nt.s, B), Context({"x": [F(0), F(0), F(1)]}, "wor", {B: F(3)}))
    assert str(root) == "1/3*sqrt(2)"


def test_a_chain_by_hand():
    world = Context({"g": [F(-1), F(1)]}, "wor", {B: F(1), nt.eta: F(1, 2), nt.h: F(1), nt.delta0: F(4)})
    assert evaluate(ChainMean(sp.Integer(2)), world) == 1
    assert evaluate(ChainCov(1, 1, sp.Integer(1)), world) == F(1, 4)
    assert evaluate(ChainCov(1, 1, sp.Integer(2)), world) == F(1, 4) + F(1, 16)
    limit = sp.Limit(ChainCov(1, 1, nt.t), nt.t, sp.oo)
    assert evaluate(limit, world) == F(1, 3)


def test_an_unstable_chain_has_no_limit():
    world = Context({"g": [F(-1), F(1)]}, "wor", {B: F(1), nt.eta: F(3), nt.h: F(1)})
    with pytest.raises(ValueError, match="does not contract"):
        evaluate(sp.Limit(ChainCov(1, 1, nt.t), nt.t, sp.oo), world)


def test_division_by_zero_and_missing_values_are_loud():
    with pytest.raises(ZeroDivisionError):
        evaluate(1 / (PopMean(nt.g) - 3), WORLD)
    with pytest.raises(KeyError, match="no value for eta"):
        evaluate(nt.eta, WORLD)
    with pytest.raises(KeyError, match="outside a sum"):
        evaluate(nt.g, WORLD)
    with pytest.raises(KeyError, match="outside an expectation"):
        evaluate(BatchSum(nt.g), WORLD)


def test_a_root_is_searched():
    assert evaluate(nt.Root(2 * B - 8, B), WORLD) == 4
    with pytest.raises(KeyError, match="expected one zero"):
        evaluate(nt.Root(B - B * 1 + 1, B), WORLD)


def test_carrying_moments_equals_visiting_every_sequence(monkeypatch):
    world = Context({"g": [F(-3), F(1), F(5)], "u": [F(1), F(2), F(0)], "v": [F(2), F(-1), F(1)]}, "wor",
                    {B: F(2), nt.eta: F(1, 3), nt.h: F(1), nt.h1: F(2), nt.h2: F(1, 2), nt.delta0: F(2)})
    three, four = sp.Integer(3), sp.Integer(4)
    nodes = [ChainMean(three), ChainCov(1, 1, three), ChainCov(2, 3, four), nt.ChainVarMixed(three)]
    visited = [evaluate(node, world) for node in nodes]
    monkeypatch.setattr("theory.evaluation.MOST_PATHS", 0)
    assert [evaluate(node, world) for node in nodes] == visited
