"""Tests of `theory.nodes.shared`: one entry in two groups, and an entry against its peers."""

from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

from theory import laws, proof
from theory.equality import PROVED
from theory.evaluation import evaluate
from theory.law import Part, Step
from theory.nodes.outputs import i
from theory.nodes.shared import Shared, Student, common
from theory.notation import B
from theory.world import Context

LAW = laws.load("norm.out.noise_fraction")


@pytest.mark.parametrize("n", [2, 3, 6])
def test_two_groups_with_one_entry_in_common(n):
    """100000 pairs of groups, five standard errors: a false alarm below one in a million."""
    rng = np.random.default_rng(n)
    own, outputs = rng.normal(size=(100_000, 1)), []
    for _ in range(2):
        x = np.hstack([own, rng.normal(size=(100_000, n - 1))])
        outputs.append(((x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True))[:, 0])
    product = outputs[0] * outputs[1]
    assert abs(product.mean() - float(common(n).mid())) < 5 * product.std() / np.sqrt(len(product))


def test_an_entry_against_its_peers():
    values = [Fraction(v) for v in (5, 1, 2, 6)]
    world = Context({"x": values}, "wr", {B: Fraction(4), i: Fraction(1)})
    peers = np.array([1.0, 2.0, 6.0])
    squared = evaluate(Student(i) ** 2, world)
    assert squared.terms.keys() == {1}
    assert float(squared.terms[1]) == pytest.approx(3 * (5 - peers.mean()) ** 2 / peers.var(ddof=1))
    alike = Context({"x": [Fraction(1)] * 2 + [Fraction(0)]}, "wr", {B: Fraction(3), i: Fraction(3)})
    with pytest.raises(ZeroDivisionError):
        evaluate(Student(i), alike)


def test_rules():
    share = LAW.part("share")
    assert proof.check_step(LAW, share, share.lhs, Step("common entry", share.rhs)).answer == PROVED
    assert proof.check_step(LAW, share, share.lhs, Step("common entry", share.rhs + 1 / B)).answer != PROVED
    pair = LAW.part("pair")
    assert proof.check_step(LAW, pair, pair.lhs, Step("signs of differences", sp.Rational(2, 3))).answer == PROVED
    assert proof.check_step(LAW, pair, pair.lhs, Step("signs of differences", sp.Rational(1, 2))).answer != PROVED
    ceiling = LAW.part("ceiling")
    wrong = Part("floor", sp.Ge(1 - Shared(B), ceiling.rhs, evaluate=False))
    step = Step("first term of 3F2", ceiling.rhs)
    assert proof.check_step(LAW, ceiling, share.rhs, step).answer == PROVED
    assert proof.check_step(LAW, wrong, share.rhs, step).answer != PROVED
