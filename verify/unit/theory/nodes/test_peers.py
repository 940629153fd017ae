"""Tests of `theory.nodes.peers`, `clipping`, `twins` and `corners`: values against NumPy, rules that refuse."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

from theory import laws, oracle, proof
from theory.equality import PROVED
from theory.evaluation import evaluate
from theory.law import Step
from theory.nodes.clipping import A, C_clip, Clip, HonestSum, LayerSum, OwnPart, RecordPart, T
from theory.nodes.corners import Corners, Third, x1, x2
from theory.nodes.entries import Hat, i
from theory.nodes.peers import Pushed, h, tau
from theory.nodes.series import Taylor
from theory.nodes.twins import Correct, Moved
from theory.notation import B, k
from theory.surds import Surd
from theory.world import Context

PEER, BREAK, PRIVACY, LOSS, XOR = (laws.load(f"norm.{name}") for name in (
    "sec.one_peer", "sec.breakdown", "sec.dp_sensitivity", "capacity.info_loss", "capacity.ln_xor"))
VALUES = [3.0, -1.0, 4.0]


def number(value):
    return float(value) if not isinstance(value, Surd) else sum(float(q) * n**0.5 for n, q in value.terms.items())


def judge(law, name, left, step):
    return proof.check_step(law, law.part(name), left, step).answer


def honest_world(**named):
    letters = {sp.Symbol(s, real=True): Fraction(v) for s, v in named.items()}
    return Context({"x": [Fraction(v) for v in VALUES]}, "wor", {
        i: Fraction(1), k: Fraction(2), B: Fraction(5), **letters})


@pytest.mark.parametrize("where", [Fraction(0), Fraction(-7, 3), Fraction(1000)])
def test_strangers_move_mean_and_spread(where):
    values = np.array(VALUES)
    everyone = np.append(values, [values.mean() + float(where) * values.std()] * 2)
    expected = ((everyone - everyone.mean()) / everyone.std())[0]
    assert number(evaluate(Pushed(i, tau, k), honest_world(tau=where))) == pytest.approx(expected)
    with pytest.raises(KeyError, match="no number of entries"):
        evaluate(Pushed(i, tau, sp.Rational(1, 2)), honest_world(tau=where))


def test_far_strangers_by_power_series():
    world = honest_world()
    near = {h: Fraction(1, 1000)}
    exact = number(evaluate(Pushed(i, 1 / h, k), replace(world, values={**world.values, **near})))
    line = number(evaluate(Taylor(Pushed(i, 1 / h, k), h, 1), replace(world, values={**world.values, **near})))
    assert line == pytest.approx(exact, abs=2e-6)
    assert number(evaluate(Taylor(Pushed(i, 1 / h, k), h, 0), replace(world, values={**world.values, **near}))) == (
        pytest.approx(-(2 / 3) ** 0.5))


def test_bounds_need_their_squares_and_signs():
    part = PEER.part("ceiling")
    before, step = part.derivation[0].expr, part.derivation[1]
    assert judge(PEER, "ceiling", before, step) == PROVED
    for change in ({"difference": step.where["difference"] * 2}, {"difference": tau}, {}):
        assert judge(PEER, "ceiling", before, replace(step, where=change)) != PROVED
    assert judge(PEER, "ceiling", before, replace(step, expr=-part.rhs)) != PROVED
    part = PEER.part("floor")
    before, step = part.derivation[0].expr, part.derivation[1]
    assert judge(PEER, "floor", before, step) == PROVED
    assert judge(PEER, "floor", before, replace(step, where={"difference": -step.where["difference"]})) != PROVED
    assert judge(PEER, "floor", before, replace(step, expr=before + 1)) != PROVED


def test_the_ceiling_is_met():
    found = [c for c in oracle.enumerate_law(PEER, seed=7) if c.part == "ceiling"]
    assert any(c.tight for c in found) and not all(c.tight for c in found)


@pytest.mark.parametrize("size", [3, 5])
def test_clipped_sums_are_those_of_numpy(size):
    values = {B: Fraction(size), C_clip: Fraction(1, 2), A: Fraction(2), T: Fraction(7)}
    world = Context({"x": [Fraction(0)] * size}, "wor", values)
    for t in (7, -7):
        inputs = np.array([1] * (size - 2) + [2 - size, t], float)
        clipped = np.clip(2 * (inputs - inputs.mean()) / inputs.std(), -0.5, 0.5)
        assert number(evaluate(HonestSum(sp.sign(t) * T), world)) == pytest.approx(clipped[:-1].sum())
        assert number(evaluate(RecordPart(sp.sign(t) * T, -1), world)) == pytest.approx(-clipped[-1])


def test_clipping_is_proved_on_the_domain_only():
    part = PRIVACY.part("honest")
    before, step = part.derivation[0].expr, part.derivation[1]
    assert judge(PRIVACY, "honest", before, step) == PROVED
    for letter, lower in ((T, B - 2), (A, C_clip)):  # the record may be near, or gradients short
        loose = replace(PRIVACY, where={**PRIVACY.where, letter: lower})
        assert proof.check_step(loose, part, before, step).answer != PROVED


def test_only_the_records_own_part_changes_behind_layer_norm():
    change = sp.Abs(LayerSum(1) - LayerSum(0))
    assert judge(PRIVACY, "layer_norm", change, Step("parts", sp.Abs(OwnPart(1) - OwnPart(0)))) == PROVED
    assert judge(PRIVACY, "layer_norm", LayerSum(1), Step("parts", OwnPart(1))) != PROVED
    assert judge(PRIVACY, "layer_norm", sp.Abs(Clip(A) - 2 * Clip(T)), Step("lengths", 3 * C_clip)) == PROVED
    assert judge(PRIVACY, "layer_norm", sp.Abs(Clip(A) - 2 * Clip(T)), Step("lengths", 2 * C_clip)) != PROVED
    assert judge(PRIVACY, "layer_norm", sp.Abs(A - Clip(T)), Step("lengths", 2 * C_clip)) != PROVED


def test_twins_and_heads():
    world = next(oracle.cases(LOSS, LOSS.part("twin"), seed=2))
    assert evaluate(Moved(i, 3, 5), world) == evaluate(Hat(i, 0), world)
    assert evaluate(Moved(i, -3, 5), world) == -evaluate(Hat(i, 0), world)
    assert evaluate(Correct(1, 2, 7), world) + evaluate(Correct(-1, 1, 0), world) == 1
    with pytest.raises(KeyError, match="is no label"):
        evaluate(Correct(2, 1, 0), world)


@pytest.mark.parametrize("rule, left, right, good", [
    ("same output", Correct(-1, 2, 5), Correct(-1, 1, 0), True),
    ("same output", Correct(-1, -2, 5), Correct(-1, 1, 0), False),
    ("same output", Correct(-1, 2, 5), Correct(1, 1, 0), False),
    ("one answer", Correct(1, 1, 0) + Correct(-1, 1, 0), sp.S.One, True),
    ("one answer", Correct(1, 1, 0) + Correct(-1, 2, 0), sp.S.One, False),
])
def test_rules_on_heads(rule, left, right, good):
    assert (judge(LOSS, "mean", left, Step(rule, right)) == PROVED) == good


def test_corners():
    world = Context({"x": [Fraction(0)]}, "wor", {x1: Fraction(1), x2: Fraction(-1)})
    assert evaluate(Corners(x1 * x2 + 2 * x1 + 3), world) == 12
    three = np.array([2, 4, -6]) / np.sqrt(56 / 3)
    assert number(evaluate(Third(sp.Integer(2), sp.Integer(4)), world)) == pytest.approx(three[2])
    assert judge(XOR, "margin", x1**2 * x2, Step("corners", x2)) == PROVED
    assert judge(XOR, "margin", x1 * x2, Step("corners", x2)) != PROVED
