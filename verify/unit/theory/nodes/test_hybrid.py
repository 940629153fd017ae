"""Mixtures of normalizations: best weights, averages, tables, SGD on the weight."""

import random
from fractions import Fraction

import pytest
import sympy as sp

from theory import laws, proof, registry
from theory.evaluation import evaluate
from theory.law import Step
from theory.nodes.hybrid import Average, alpha, averaged, by_batch, by_sample, reflected, target
from theory.nodes.least_squares import Best
from theory.nodes.passes import AlphaMean, alpha0
from theory.nodes.two_way import Grid, V, channels, m_B, v_L, z
from theory.notation import B, eta, kappa
from theory.world import Context

x, y = sp.symbols("x y", real=True)


def empty(values=None):
    return Context({"x": [Fraction(0)]}, "wor", values or {})


def test_best_weights_of_parabolas():
    assert evaluate(Best((x - 3) ** 2 + 5, x), empty()) == 3
    both = (x + 2 * y - 1) ** 2 + (x - y) ** 2
    assert evaluate(Best(both, x, y), empty()) == Fraction(1, 3) == evaluate(Best(both, y, x), empty())
    with pytest.raises(KeyError, match="no parabola"):
        evaluate(Best(x**4, x), empty())
    with pytest.raises(ZeroDivisionError, match="no single lowest point"):
        evaluate(Best(-(x**2), x), empty())
    with pytest.raises(ZeroDivisionError, match="no single lowest point"):
        evaluate(Best((x + y) ** 2, x, y), empty())


def test_vectors_of_mean_square_one():
    for ones in ([1, 2, -1], [3, 1, 1, 2, -2]):
        vector = reflected(ones)
        assert sum(v * v for v in vector) == len(vector)


def test_averages_are_linear():
    assert averaged(Average(2 * by_batch**2 + alpha * by_sample * target + 3)) == (
        2 * Average(by_batch**2) + alpha * Average(by_sample * target) + 3)
    with pytest.raises(ValueError, match="no polynomial"):
        averaged(Average(1 / by_batch))


def test_a_table_by_hand():
    noise = [(Fraction(1, 2), Fraction(1)), (Fraction(1, 2), Fraction(-1))]
    world = Context({"level": [Fraction(0), Fraction(2)]}, "wor", {B: Fraction(2), channels: Fraction(2)},
                    {V: Fraction(1), kappa: Fraction(-2)}, state={"noise": noise, "memory": {}})
    assert evaluate(Grid(z**2), world) == 1
    assert evaluate(Grid(m_B), world) == 1
    # Variance over the two channels: ((2 + z' - z)/2)^2 in both, of mean 1 + 2/4.
    assert evaluate(Grid(v_L), world) == Fraction(3, 2)


def test_two_steps_by_hand():
    one = Fraction(1)
    columns = {by_batch.name: [one, -one], by_sample.name: [-one, one], target.name: [one, -one]}
    world = Context(columns, "wor", {alpha0: Fraction(0), eta: Fraction(1, 8)}, state={"batches": [range(2)]})
    # The slope is <(N - L)(alpha (N - L) + L - t)> = 4 (alpha - 1).
    assert [evaluate(AlphaMean(sp.Integer(k)), world) for k in range(3)] == [0, Fraction(1, 2), Fraction(3, 4)]


@pytest.mark.parametrize(("law_id", "part", "line", "wrong"), [
    ("norm.hybrid.alpha_identity", "optimum", 0, {"alpha": sp.S.Half}),
    ("norm.hybrid.alpha_identity", "optimum", 0, {"loss": sp.Symbol("free_loss")}),
    ("norm.hybrid.alpha_identity", "learned", 0, {"w_B": sp.S.Zero}),
    ("norm.hybrid.alpha_sgd", "mean", 0, {"part": sp.Symbol("mean")}),
])
def test_wrong_claims_are_refused(law_id, part, line, wrong):
    law = laws.load(law_id)
    chosen = law.part(part)
    step = chosen.derivation[line]
    assert proof.check_step(law, chosen, chosen.lhs, step).answer == "proved"
    broken = Step(step.rule, step.expr, step.note, {**step.where, **wrong})
    assert proof.check_step(law, chosen, chosen.lhs, broken).answer != "proved"


def test_worlds_meet_the_assumptions():
    law = laws.load("norm.hybrid.alpha_identity")
    drawn = registry.WORLDS[Average](law, law.parts[0], random.Random(0))
    for _ in range(30):
        world = next(drawn)
        for letter in (by_batch, by_sample, target):
            assert evaluate(Average(letter**2), world) == 1
