"""Tests of `theory.nodes.lms`: the operator of all second moments against the law's criterion, and its rules."""

import math
import random
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

from theory import laws, proof
from theory.equality import PROVED
from theory.evaluation import evaluate
from theory.law import Step
from theory.nodes.gauss import worlds
from theory.nodes.indicator import Positive
from theory.nodes.lms import Excess, LargestStep, Stable, _operator, gain, h_max
from theory.notation import B, eta, sigma2

LAW = laws.load("lms.stability")


def world_of(scales, size, step=Fraction(1, 10), noise=Fraction(1)):
    """Return a world with a given spectrum (squares of scales over 3), batch and step."""
    base = next(worlds(LAW, LAW.part("drift"), random.Random(1)))
    spectrum = tuple(Fraction(q) ** 2 / 3 for q in scales)
    state = {**base.state, "scales": tuple(map(Fraction, scales)), "spectrum": spectrum, "noise": noise,
             "error": (Fraction(1),) * len(spectrum)}
    return replace(base, state=state, values={B: Fraction(size), eta: step, sigma2: noise**2}, facts={})


def gauss_hermite(scales, size, step):
    """The one-step map on all d x d matrices in floats, from a three-point rule in NumPy."""
    n = len(scales)
    points = np.array(np.meshgrid(*[[-1, 0, 1]] * n, indexing="ij")).reshape(n, -1).T
    chance = np.prod(np.where(points == 0, 2 / 3, 1 / 6), axis=1)
    total = {(0,): (1.0, np.zeros((n, n)))}
    for _ in range(size):
        total = {(*key, i): (p * q, m + np.outer(z * scales, z * scales) / size)
                 for key, (p, m) in total.items() for i, (q, z) in enumerate(zip(chance, points, strict=True))}
    return sum(p * np.kron(np.eye(n) - step * m, np.eye(n) - step * m) for p, m in total.values())


@pytest.mark.parametrize("scales, size", [((1, 2), 1), ((1, 2), 2), ((1, 2, 3), 1), ((1, 2), 3)])
def test_the_edge_is_where_the_spectral_radius_of_the_full_operator_is_one(scales, size):
    edge = float(evaluate(LargestStep(B), world_of(scales, size)).value.mid())
    radius = [max(abs(np.linalg.eigvals(gauss_hermite(np.array(scales), size, edge * f)))) for f in (0.999, 1, 1.001)]
    assert radius[0] < 1 < radius[2]
    assert radius[1] == pytest.approx(1, abs=1e-9)
    below, above = (Fraction(edge) * f for f in (Fraction(999, 1000), Fraction(1001, 1000)))
    assert [evaluate(Stable(eta, B), world_of(scales, size, step)) for step in (below, above)] == [1, 0]


@pytest.mark.parametrize("scales, size", [((1, 2), 1), ((1, 2), 2), ((1, 2, 3), 1), ((1, 2), 3)])
def test_the_stationary_risk_is_that_of_the_full_operator(scales, size):
    step, n = Fraction(1, 10), len(scales)
    risk = evaluate(Excess(eta, B), world_of(scales, size, step))
    hessian = np.diag(np.square(scales) / 3)
    noise = float(step) ** 2 / size * hessian.ravel()
    second = np.linalg.solve(np.eye(n * n) - gauss_hermite(np.array(scales), size, float(step)), noise)
    assert float(risk) == pytest.approx(np.trace(hessian @ second.reshape(n, n)) / 2, rel=1e-12)


def test_no_stationary_state_beyond_the_edge():
    with pytest.raises(ValueError, match="no stationary state"):
        evaluate(Excess(eta, B), world_of((1, 2), 1, Fraction(3, 2)))


def test_the_operator_of_one_coordinate():
    # E (1 - eta x^2)^2 = 1 - 2 eta h + 3 eta^2 h^2 at B = 1, h = 4/3
    operator = _operator([Fraction(2)], 1)
    assert (operator.linear, operator.square) == ([[Fraction(8, 3)]], [[Fraction(16, 3)]])
    assert operator.stable(Fraction(49, 100))
    assert not operator.stable(Fraction(1, 2))


@pytest.mark.parametrize("claim", [
    Positive(1 - gain), Positive(1 - gain) * Positive(2 - eta * h_max), Positive(1 - 2 * gain) * Positive(
        2 - eta * h_max * (1 + 1 / B)), sp.S.One])
def test_a_wrong_criterion_is_not_proved(claim):
    part = LAW.part("criterion")
    assert proof.check_step(LAW, part, part.lhs, part.derivation[0]).answer == PROVED
    assert proof.check_step(LAW, part, part.lhs, Step("drift decides", claim)).answer != PROVED
    early = replace(LAW, parts=(part, *(p for p in LAW.parts if p is not part)))  # what it rests on is not proved yet
    assert proof.check_step(early, part, part.lhs, part.derivation[0]).answer != PROVED


def test_a_drift_that_says_less_decides_nothing():
    drift = LAW.part("drift")
    weaker = replace(drift, statement=sp.Eq(drift.lhs, -eta * gain * drift.rhs, evaluate=False))
    changed = replace(LAW, parts=tuple(weaker if p is drift else p for p in LAW.parts))
    part = changed.part("criterion")
    assert proof.check_step(changed, part, part.lhs, part.derivation[0]).answer != PROVED


def test_the_other_zero_of_the_quadratic_is_refused():
    part = LAW.part("two_levels")
    root = next(a for a in part.rhs.atoms(sp.Pow) if a.exp == sp.Rational(1, 2))
    other = part.rhs.xreplace({root: -root})
    assert proof.check_step(LAW, part, part.lhs, Step("smaller zero", other)).answer != PROVED
    value = float(other.subs({B: 1, "d1": 1, "d2": 1}).subs({s: 1 + (s.name == "h2") for s in other.free_symbols}))
    assert value == pytest.approx(4 / (9 - math.sqrt(17)))


@pytest.mark.parametrize("rule, law_id, part, claim", [
    ("gain is one", "lms.stability", "edge", sp.Rational(1, 2)),
    ("settled", "lms.excess_risk", "any_spectrum", sigma2 * gain / 2),
    ("factor is one", "lms.critical_batch", "edge", sp.S.One),
])
def test_wrong_lines_are_not_proved(rule, law_id, part, claim):
    law = laws.load(law_id)
    right = law.part(part).derivation[0]
    assert proof.check_step(law, law.part(part), law.part(part).lhs, right).answer == PROVED
    assert proof.check_step(law, law.part(part), law.part(part).lhs, Step(rule, claim)).answer != PROVED
    assert proof.check_step(law, law.part(part), gain, right).answer != PROVED
