"""Tests of `theory.nodes.bound`: bounds are proved by sign, broken by brute force, never taken for equations."""

import pytest
import sympy as sp

from theory import oracle, proof
from theory.equality import PROVED
from theory.law import Exactness, Law, Part, Rival, Step
from theory.nodes.bound import manifest
from theory.notation import B, BatchSum, E, N, PopMean, dg, g, gbar, sigma2
from theory.parameters import BATCH, FITS, FROZEN, POPULATION, UNIFORM_BATCH, VARIANCE

second = E((BatchSum(g) / B) ** 2, B)
q0, q1 = sp.symbols("q0 q1", nonnegative=True)
STEPS = (
    Step("center", E((gbar + BatchSum(dg) / B) ** 2, B)),
    Step("moment", gbar**2 + PopMean(dg**2) * (N - B) / (B * (N - 1))),
    Step("bound", gbar**2 + sigma2 / B, where={N: 2 + q0 + q1, B: 1 + q0}),
)


def law(statement: sp.Basic, steps: tuple[Step, ...]) -> Law:
    part = Part("bound", statement, derivation=steps, rivals=(
        Rival("half", gbar**2 + sigma2 / (2 * B)), Rival("above", gbar**2 + 2 * sigma2 / B)))
    return Law("test.bound", 1, "A bound", (part,), (POPULATION, BATCH, VARIANCE), Exactness.BOUND,
               (UNIFORM_BATCH, FROZEN), (), "words", constraints=(FITS,), where={sigma2: PopMean(dg**2)})


def test_a_bound_is_proved_met_and_tight_somewhere():
    stated = law(sp.Le(second, STEPS[-1].expr, evaluate=False), STEPS)
    assert proof.replay(stated).answer == PROVED
    found = oracle.enumerate_law(stated, seed=1)
    assert all(c.equal for c in found)
    assert any(c.tight for c in found)  # B = 1
    assert not all(c.tight for c in found)
    assert not all(c.rivals["half"] for c in found)
    assert all(c.rivals["above"] for c in found), "a weaker bound holds too: no rival of a bound"


@pytest.mark.parametrize("statement", [sp.Eq(second, STEPS[-1].expr, evaluate=False),
                                       sp.Ge(second, STEPS[-1].expr, evaluate=False)])
def test_neither_an_equation_nor_the_opposite_bound_follows(statement):
    stated = law(statement, STEPS)
    assert proof.replay(stated).answer != PROVED
    assert not all(c.equal for c in oracle.enumerate_law(stated, seed=1))


def test_a_wrong_bound_is_caught_by_the_rule_and_by_brute_force():
    claim = gbar**2 + sigma2 * (N - B) / (B * N)
    stated = law(sp.Le(second, claim, evaluate=False), (*STEPS[:-1], Step("bound", claim, where=STEPS[-1].where)))
    assert proof.replay(stated).answer != PROVED
    assert not all(c.equal for c in oracle.enumerate_law(stated, seed=1))


def test_a_difference_may_be_shown_as_squares_and_must_be_the_difference():
    x, y = sp.symbols("x y", real=True)
    assert manifest((x - y) ** 2 + PopMean(dg**2))
    assert not manifest(x * y)
    assert not manifest(x**3)
    assert not manifest(PopMean(dg**3))
    shown = {"difference": sigma2 / B * (B - 1) ** 2, N: 2 + q0 + q1, B: 1 + q0}
    stated = law(sp.Le(second, STEPS[-1].expr, evaluate=False),
                 (*STEPS[:-1], Step("bound", STEPS[-1].expr, where=shown)))
    assert proof.replay(stated).answer != PROVED
