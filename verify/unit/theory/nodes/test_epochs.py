"""Tests of the nodes of epochs: their meaning against orders written out, and rules that refuse."""

import itertools
from dataclasses import replace
from fractions import Fraction

import pytest
import sympy as sp

from theory import laws, oracle, proof
from theory.equality import PROVED, REFUTED
from theory.evaluation import evaluate
from theory.law import Step
from theory.nodes.epochs import EpochVar, Given, Iterate, passed
from theory.nodes.places import OrderMean, Past, Place, RestMean, Steps, j, m
from theory.nodes.summation import spread
from theory.notation import B, BatchSum, E, N, OtherSum, delta0, dg, eta, g, gbar, h, t
from theory.world import Context

G = [Fraction(v) for v in (3, -1, 4, -2, 0, 7)]
VALUES = {B: Fraction(2), eta: Fraction(1, 3), h: Fraction(2), t: Fraction(2), delta0: Fraction(5)}
WORLD = Context({"g": G}, "wor", VALUES, {m: N / B}, state={"order": ((1, 4), (0, 5), (2, 3))})
BIAS, STATIONARY = laws.load("reshuffle.conditional_bias"), laws.load("reshuffle.stationary")
WITHIN = laws.load("reshuffle.within_epoch")


def errors(order, start, steps):
    """The error after some steps, each written out."""
    mean, a = sum(G) / 6, 1 - VALUES[eta] * VALUES[h]
    for k in range(steps):
        start = a * start - VALUES[eta] * (sum(G[i] for i in order[2 * k:2 * k + 2]) / 2 - mean)
    return start


def test_sums_of_an_order():
    assert evaluate(Place(g, sp.Integer(2)), WORLD) == G[0] + G[5]
    assert evaluate(Past(g, t), WORLD) == G[1] + G[4] + G[0] + G[5]
    assert evaluate(RestMean(g**2, t), WORLD) == (G[2] ** 2 + G[3] ** 2) / 2
    assert evaluate(Steps(j * Place(g, j), j, m), WORLD) == 2 + 2 * 10 + 3 * 2 - 3
    assert evaluate(Steps(j, j, sp.Integer(0)), WORLD) == 0


@pytest.mark.parametrize("node", [Place(g, sp.Integer(4)), Place(g, sp.Integer(0)), Past(g, sp.Integer(4)),
                                  Place(g, t / 4), Iterate(delta0, sp.Integer(4)), EpochVar(sp.Integer(4)),
                                  Steps(j, j**2, t)])
def test_places_beyond_the_epoch_have_no_value(node):
    with pytest.raises(KeyError):
        evaluate(node, WORLD)


def test_nothing_left_has_no_mean():
    with pytest.raises(ZeroDivisionError):
        evaluate(RestMean(g, sp.Integer(3)), WORLD)


def test_moments_against_all_permutations():
    orders = list(itertools.permutations(range(6)))
    second = sum(errors(o, Fraction(5), 2) ** 2 for o in orders) / len(orders)
    assert evaluate(OrderMean(Iterate(delta0, t) ** 2), WORLD) == second
    noise = [errors(o, Fraction(0), 2) for o in orders]
    p, first, square = passed(WORLD, 2)
    assert (p, first, square) == (Fraction(1, 9), sum(noise) / len(orders), sum(q * q for q in noise) / len(orders))
    known = [o for o in orders if set(o[:2]) == {1, 4} and set(o[2:4]) == {0, 5}]
    given = sum((Fraction(1) * G[o[4]] + G[o[5]]) ** 2 for o in known) / len(known)
    assert evaluate(Given(Place(g, t + 1) ** 2, t), WORLD) == given


def test_the_stationary_variance_is_kept_by_an_epoch_and_reached_from_far():
    whole = sum(errors(o, Fraction(0), 3) ** 2 for o in itertools.permutations(range(6))) / 720
    kept = Fraction(1, 3) ** 6
    at_end = evaluate(EpochVar(sp.Integer(0)), WORLD)
    assert at_end == kept * at_end + whole == evaluate(EpochVar(m), WORLD)
    far = Fraction(10**6)
    for _ in range(12):
        far = kept * far + whole
    assert abs(far - at_end) < Fraction(1, 10**12)
    with pytest.raises(ValueError, match="contract"):
        evaluate(EpochVar(sp.Integer(0)), replace(WORLD, values={**VALUES, eta: Fraction(1)}))


def test_normal_form_of_sums():
    a = 1 - eta * h
    assert spread(Steps(a ** (t - j), j, t)) == a**t * Steps(a ** (-j), j, t)
    assert spread(Place(3 * g + gbar, j)) == 3 * Place(g, j) + B * gbar
    assert spread(Steps(2 * Place(g, j), j, t)) == 2 * Past(g, t)
    assert spread(Past(sp.S.One, t)) == t * B


def answer(law, part, left, rule, right, where=None):
    return proof.check_step(law, law.part(part), left, Step(rule, right, where=where or {})).answer


def test_places_know_one_batch_and_two():
    product = OrderMean(Steps(j * Place(dg, j), j, m) ** 2)
    squares = Steps(j**2, j, m)
    same, apart = E(BatchSum(dg) ** 2, B), E(BatchSum(dg) * OtherSum(dg), B)
    right = squares * same + (Steps(j, j, m) ** 2 - squares) * apart
    assert answer(STATIONARY, "gathered", product, "places", right) == PROVED
    assert answer(STATIONARY, "gathered", product, "places", squares * same) == REFUTED
    assert answer(STATIONARY, "gathered", product, "places", Steps(j, j, m) ** 2 * apart + squares * same) == REFUTED
    cube = OrderMean(Steps(j * Place(dg, j), j, m) ** 3)
    assert answer(STATIONARY, "gathered", cube, "places", cube) != PROVED
    assert answer(STATIONARY, "gathered", same, "places", same) != PROVED


@pytest.mark.parametrize("closed, expected", [(t * (t + 1) / 2, True), (t * (t - 1) / 2, False),
                                              (t * (t + 1) / 2 + 1, False)])
def test_finite_sums_check_start_and_step(closed, expected):
    total = Steps(j, j, t)
    assert (answer(STATIONARY, "gathered", 2 * total, "finite sum", 2 * closed, {total: closed}) == PROVED) is expected


def test_a_closed_form_needs_its_sum():
    assert answer(STATIONARY, "gathered", t, "finite sum", t, {Steps(j, j, t): t * (t + 1) / 2}) != PROVED
    assert answer(STATIONARY, "gathered", Steps(j, j, t), "finite sum", t * (t + 1) / 2) != PROVED
    assert answer(STATIONARY, "gathered", Steps(j, j, 2 * t), "finite sum", t * (2 * t + 1),
                  {Steps(j, j, 2 * t): t * (2 * t + 1)}) != PROVED


def test_the_next_batch_is_drawn_from_the_rest():
    following = Place(g, t + 1)
    assert answer(BIAS, "mean", Given(following, t), "rest", B * RestMean(g, t)) == PROVED
    assert answer(BIAS, "mean", Given(following, t), "rest", B * gbar) == REFUTED
    later = Given(Place(g, t + 2), t)
    assert answer(BIAS, "mean", later, "rest", B * RestMean(g, t)) != PROVED
    assert answer(BIAS, "mean", RestMean(g, t), "rest splits", (N * gbar - Past(g, t)) / (N - t * B)) == PROVED
    assert answer(BIAS, "mean", RestMean(g, t), "rest splits", gbar) == REFUTED


def test_unrolling_checks_the_recursion():
    a = 1 - eta * h

    def path(power):
        return a**t * delta0 - eta * Steps(a**power * (Place(g, j) / B - gbar), j, t)

    node = Iterate(delta0, t)
    for power, expected in ((t - j, PROVED), (t - j + 1, REFUTED), (sp.S.Zero, REFUTED)):
        claim = path(power)
        assert answer(STATIONARY, "gathered", OrderMean(node), "unroll", OrderMean(claim), {node: claim}) == expected


def test_a_stationary_variance_needs_an_equation_proved_before_it():
    step = STATIONARY.part("variance").derivation[0]
    for part in ("variance", "ratio", "none"):
        wrong = {"part": sp.Symbol(part)}
        assert answer(STATIONARY, "variance", EpochVar(sp.S.Zero), "settled epochs", step.expr, wrong) != PROVED
    elsewhere, line = {"part": sp.Symbol("quadratic.moments/variance")}, WITHIN.part().derivation[0].expr
    assert answer(WITHIN, "variance", EpochVar(t), "settled epochs", line, elsewhere) != PROVED


def test_worlds_fit_the_domain():
    for part in STATIONARY.parts:
        for world in oracle.cases(STATIONARY, part, seed=7, limit=12):
            assert world.size % world.values[B] == 0
            assert sorted(i for batch in world.state["order"] for i in batch) == list(range(world.size))
