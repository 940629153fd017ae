"""Tests of the nodes of descent: passes and flows against arithmetic of their own, and rules that refuse."""

import itertools
from dataclasses import replace
from fractions import Fraction

import pytest
import sympy as sp

from theory import laws, proof
from theory.equality import PROVED, REFUTED
from theory.evaluation import evaluate
from theory.jets import Jet
from theory.law import Step
from theory.laws.implicit.epoch_mean import c_ug
from theory.nodes.descent import Flow, FreshMean, FreshMove, MeanMove
from theory.nodes.places import Past, Place, Steps, j, m
from theory.nodes.series import Taylor
from theory.notation import B, BatchSum, E, N, PopMean, dg, du, eta, g, gbar, t, u, ubar
from theory.tensors import Tensor
from theory.world import Context

EPOCH, FRESH = laws.load("implicit.epoch_mean"), laws.load("implicit.iid_none")
COLUMNS = {"g": (1, -2, 4), "u": (2, 0, -3), "v": (1, 5, -1)}


def scalar(rank, value):
    return Tensor({(0,) * rank: Fraction(value)})


POPULATION = {q: [scalar(k, c) for c in COLUMNS[q]] for k, q in ((1, "g"), (2, "u"), (3, "v"))}
WORLD = Context(POPULATION, "wor", {B: Fraction(1), eta: Jet([Fraction(0), Fraction(1)]), t: Fraction(2)}, {m: N / B})


def displacement(order, step):
    """Displacement after single-example steps of a size, in plain numbers."""
    x = Fraction(0)
    for i in order:
        x -= step * (COLUMNS["g"][i] + COLUMNS["u"][i] * x + Fraction(COLUMNS["v"][i], 2) * x * x)
    return x


def coefficient(move, order):
    """A coefficient of a polynomial in the step size without constant term, from its values at small steps."""
    points = [Fraction(k, 10) for k in range(1, 9)]
    unknowns = sp.symbols("c1:9")
    equations = [sum(c * sp.Rational(p.numerator, p.denominator) ** (k + 1) for k, c in enumerate(unknowns))
                 - sp.Rational(v.numerator, v.denominator) for p, v in zip(points, map(move, points), strict=True)]
    found = sp.solve(equations, unknowns)[unknowns[order - 1]]
    return Fraction(int(found.p), int(found.q))


def test_passes_against_all_orders():
    orders = list(itertools.permutations(range(3)))
    pairs = list(itertools.product(range(3), repeat=2))
    shuffled, fresh = evaluate(MeanMove(m), WORLD), evaluate(FreshMove(t), WORLD)
    for k in (1, 2, 3):
        # Three cubic steps are a polynomial of degree 7.
        assert shuffled[k] == scalar(1, coefficient(
            lambda s: sum(displacement(o, s) for o in orders) / len(orders), k))
        assert fresh[k] == scalar(1, coefficient(lambda s: sum(displacement(o, s) for o in pairs) / len(pairs), k))


def test_a_flow_against_its_series():
    # One loss x + x^2 in one dimension: the flow -(e^(2 s) ... ) is (e^(-2 s) - 1)/2 at time s.
    one = Context({"g": [scalar(1, 1)], "u": [scalar(2, 2)], "v": [scalar(3, 0)]}, "wor",
                  {B: Fraction(1), eta: Jet([Fraction(0), Fraction(1)])})
    plain = evaluate(Flow(sp.S.Zero, sp.Integer(3)), one)
    assert [plain[k] for k in (1, 2, 3)] == [scalar(1, -3), scalar(1, 9), scalar(1, -18)]
    # L + eta |L'|^2 has slope (1 + 2 x)(1 + 4 eta): the same flow, faster.
    faster = evaluate(Flow(eta * g**2, sp.Integer(1)), replace(one, example=0))
    assert [faster[k] for k in (1, 2)] == [scalar(1, -1), scalar(1, -4 + 1)]


def test_displacements_are_power_series_only():
    for node in (MeanMove(m), FreshMove(t), Flow(sp.S.Zero, t)):
        with pytest.raises(KeyError):
            evaluate(node, replace(WORLD, values={**WORLD.values, eta: Fraction(1, 2)}))
    with pytest.raises(KeyError, match="no 4"):
        evaluate(MeanMove(sp.Integer(4)), WORLD)


def answer(law, left, rule, right, where=None):
    return proof.check_step(law, law.parts[0], left, Step(rule, right, where=where or {})).answer


def test_expanding_checks_every_order():
    node = FreshMove(t)
    left = Taylor(node, eta, sp.Integer(2))
    first, second = -eta * Past(g, t) / B, eta**2 * Steps(Place(u, j) * Past(g, j - 1), j, t) / B**2
    for closed, expected in ((first + second, PROVED), (first, REFUTED), (first + 2 * second, REFUTED),
                             (2 * first + second, REFUTED), (first + second + eta**2, REFUTED)):
        assert answer(FRESH, left, "expand", FreshMean(closed, t), {node: closed}) == expected
    third = Taylor(node, eta, sp.Integer(3))
    assert answer(FRESH, third, "expand", FreshMean(first + second, t), {node: first + second}) != PROVED
    assert answer(FRESH, node, "expand", FreshMean(first + second, t), {node: first + second}) != PROVED


def test_independent_places_multiply():
    left = FreshMean(Steps(Place(u, j) * Past(g, j - 1), j, t), t)
    right = Steps(j - 1, j, t) * E(BatchSum(u), B) * E(BatchSum(g), B)
    assert answer(FRESH, left, "independent places", right) == PROVED
    assert answer(FRESH, left, "independent places", Steps(j - 1, j, t) * E(BatchSum(u) * BatchSum(g), B)) == REFUTED
    assert answer(FRESH, right, "independent places", right) != PROVED


def test_flows_of_squares_of_gradients_only():
    def flow(extra, order=2):
        return Taylor(Flow(extra, m), eta, sp.Integer(order))

    plain = -eta * m * gbar + (eta * m) ** 2 / 2 * ubar * gbar
    assert answer(EPOCH, flow(sp.S.Zero), "flow", plain) == PROVED
    assert answer(EPOCH, flow(eta * gbar**2), "flow", plain - 2 * m * eta**2 * ubar * gbar) == PROVED
    assert answer(EPOCH, flow(eta * gbar**2), "flow", plain - m * eta**2 * ubar * gbar) == REFUTED
    assert answer(EPOCH, flow(eta * PopMean(dg**2)), "flow", plain) == REFUTED
    assert answer(EPOCH, flow(gbar**2), "flow", plain) != PROVED
    for other in (ubar, PopMean(du * dg), c_ug, gbar**3, gbar**4):
        assert answer(EPOCH, flow(eta * other), "flow", plain) != PROVED
    assert answer(EPOCH, flow(sp.S.Zero, order=3), "flow", plain) != PROVED


def test_taylor_polynomials_of_sums():
    one, other = MeanMove(m), FreshMove(m)
    two = sp.Integer(2)
    apart = Taylor(one, eta, two) - 3 * Taylor(other, eta, two)
    assert answer(EPOCH, Taylor(one - 3 * other, eta, two), "termwise", apart) == PROVED
    assert answer(EPOCH, Taylor(one - 3 * other, eta, two), "termwise", apart + eta) == REFUTED
    assert answer(EPOCH, Taylor(eta * one - other, eta, two), "termwise", eta * apart) != PROVED
