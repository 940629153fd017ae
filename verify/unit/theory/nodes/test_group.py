"""Tests of `theory.nodes.entries` and `theory.nodes.group`: derivatives against NumPy, the algebra, bad input."""

import random
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

from theory import laws, oracle, proof
from theory.equality import PROVED, equal
from theory.evaluation import evaluate
from theory.law import Step
from theory.nodes.charts import charts
from theory.nodes.entries import normalized
from theory.nodes.group import Algebra, Back, Delta, Hat, Item, Mean, Sd, Slope, Total, Upstream, gamma, i, j, l
from theory.notation import B, BatchSum, eps, g, k, m, r, s, u, x
from theory.surds import Surd

LAW = laws.load("norm.grad.jacobian")
ALGEBRA = Algebra(B)


def world_of(*values, **named):
    base = next(oracle.cases(LAW, LAW.part("entry"), seed=1))
    size = len(values)
    state = {"shift": Fraction(1), "loss": [list(range(1, size + 1)), [(-1) ** k for k in range(size)]], "memory": {}}
    letters = {i: Fraction(1), j: Fraction(2), eps: Fraction(1, 2), gamma: Fraction(3), B: Fraction(size)}
    return replace(base, population={"x": [Fraction(v) for v in values], "g": [Fraction(k**2) for k in range(size)],
                                     "u": [Fraction(k - 1) for k in range(size)]}, batch=tuple(range(size)),
                   values={**letters, **{s: Fraction(v) for s, v in named.items()}}, state=state, facts={})


def number(value):
    return float(value) if not isinstance(value, Surd) else sum(float(c) * k**0.5 for k, c in value.terms.items())


def hats(values, e):
    values = np.asarray(values, float)
    return (values - values.mean()) / np.sqrt(values.var() + e)


def test_slopes_are_those_of_finite_differences():
    values = [3.0, -1.0, 4.0, 6.0]
    step = 1e-6
    for a in range(4):
        for b in range(4):
            moved = [np.array(values) + sign * step * np.eye(4)[b] for sign in (1, -1)]
            slope = (hats(moved[0], 0.5)[a] - hats(moved[1], 0.5)[a]) / (2 * step)
            here = replace(world_of(3, -1, 4, 6), facts={})
            here.values.update({i: Fraction(a + 1), j: Fraction(b + 1)})
            assert number(evaluate(Slope(Hat(i, eps), j), here)) == pytest.approx(slope, abs=1e-8)


def test_the_gradient_of_the_drawn_loss_is_that_of_finite_differences():
    values, step = np.array([3.0, -1.0, 4.0]), 1e-6

    def loss(inputs):
        y = 3 * hats(inputs, 0.5) + 1
        return y @ [1, 2, 3] + (y @ [1, -1, 1]) ** 2

    world = world_of(3, -1, 4)
    for b in range(3):
        slope = (loss(values + step * np.eye(3)[b]) - loss(values - step * np.eye(3)[b])) / (2 * step)
        world.values[j] = Fraction(b + 1)
        assert number(evaluate(Back(j, eps), world)) == pytest.approx(slope, abs=1e-6)
        upstream = np.array([1, 2, 3])[b] + 2 * ((3 * hats(values, 0.5) + 1) @ [1, -1, 1]) * [1, -1, 1][b]
        assert number(evaluate(Upstream(j, eps), world)) == pytest.approx(upstream)


def test_sums_means_and_deltas():
    world = world_of(3, -1, 4)
    assert evaluate(Total(Item(x, l), l), world) == 6
    assert evaluate(Mean(Item(x * g, l), l), world) == Fraction(0 * 3 - 1 + 16, 3)
    assert evaluate(Total(Delta(i, l) * Item(x, l), l), world) == 3
    assert evaluate(Sd(0), world) == evaluate(s, world)
    with pytest.raises(ZeroDivisionError, match="without spread"):
        normalized([Fraction(2)] * 3, Fraction(0))
    with pytest.raises(KeyError, match="names no entry"):
        evaluate(Item(x, i**2), world)
    with pytest.raises(KeyError, match="is no index"):
        evaluate(Total(Item(x, i), B), world)


@pytest.mark.parametrize("left, right", [
    (Total(Hat(l, 0), l), 0),
    (Total(Hat(l, 0) ** 2, l), B),
    (Mean(Hat(l, eps) ** 2, l), 1 - eps / r**2),
    (BatchSum((x - m) / s), 0),
    (BatchSum(((x - m) / r) ** 2), B * s**2 / r**2),
    (Slope(m, j), 1 / B),
    (Slope(s, j), Hat(j, 0) / B),
    (Slope(Total(Hat(l, 0) * Item(u, l), l), j), (Item(u, j) - Mean(Item(u, l), l) - Hat(j, 0) * Mean(
        Item(u, l) * Hat(l, 0), l)) / s),
    (Delta(i, j) * Hat(j, 0), Delta(j, i) * Hat(i, 0)),
    (Total(Delta(i, l) * Delta(l, j), l), Delta(i, j)),
    (sp.sqrt(4 * B**2 * s**2), 2 * B * s),
])
def test_the_algebra_knows(left, right):
    forms = [ALGEBRA.closed(ALGEBRA.form(sp.sympify(side))) for side in (left, right)]
    assert equal(*forms).answer == PROVED
    wrong = ALGEBRA.closed(ALGEBRA.form(sp.sympify(right) + Hat(i, 0) / B))
    assert equal(forms[0], wrong).answer != PROVED


@pytest.mark.parametrize("line, message", [
    (x + 1, "stands alone"), (i + 1, "stands alone"), (Hat(B, 0), "is no index"),
    (s ** sp.Rational(1, 3), "no normal form"),
    (sp.log(B), "no node of a group"), (sp.Abs(u * 0 + gamma), "sign of gamma"),
    (Slope(Upstream(i, 0), j), "second derivatives"),
])
def test_lines_without_a_normal_form_are_refused(line, message):
    with pytest.raises(ValueError, match=message):
        ALGEBRA.form(line)


def test_the_rule_refuses_near_misses_and_substitutions():
    part = LAW.part("entry")
    step = part.derivation[-1]
    before = part.derivation[-2].expr
    assert proof.check_step(LAW, part, before, step).answer == PROVED
    for rival in part.rivals:
        assert proof.check_step(LAW, part, before, replace(step, expr=rival.expr)).answer != PROVED
    assert proof.check_step(LAW, part, before, Step("group", step.expr, where={B: B})).answer != PROVED


def test_roots_split_only_where_signs_are_known():
    free = sp.Symbol("free", real=True)
    assert ALGEBRA.form(sp.sqrt(B**2 * free)) == B * ALGEBRA.form(sp.sqrt(free))
    with pytest.raises(ValueError, match="sign of free"):
        ALGEBRA.form(sp.sqrt(free**2 * B))


def test_charts_follow_domain_and_constraints():
    found = charts(laws.load("norm.sec.breakdown"))
    assert sp.expand(found[B] - found[k] - 2).is_nonnegative
    assert found[k] == 1 + sp.Symbol("k_above", nonnegative=True)


def test_worlds_have_spread():
    law = laws.load("norm.grad.peer_share")
    for world in oracle.cases(law, law.part("share"), seed=random.Random(3).random(), limit=20):
        assert len(set(world.population["x"])) > 1
