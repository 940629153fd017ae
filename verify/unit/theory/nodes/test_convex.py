"""Tests of `theory.nodes.convex`: meanings, rules that prove what holds and no more, functions that are not convex."""

import itertools
from collections import Counter
from dataclasses import replace
from fractions import Fraction

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from theory import laws, oracle, proof
from theory.balls import elementary
from theory.equality import PROVED
from theory.evaluation import evaluate
from theory.law import Step
from theory.nodes.convex import CONVEX, PHI, Function, OthersMean, Phi, Repeated, With, Without, agree, repetitions
from theory.notation import B, BatchSum, E, g
from theory.world import Context

LAW = laws.load("sampling.convex_order")
FALLS, ORDER = LAW.part("falls"), LAW.part("order")


def world(column, size, function, design="wor"):
    return Context({"g": [Fraction(x) for x in column]}, design, {B: Fraction(size), PHI: function})


def test_the_mean_over_the_others_leaves_one_copy_out():
    here = replace(world([1, 5, 9], 3, None), batch=(1, 1, 2), example=1)
    assert evaluate(OthersMean(g), here) == 7
    assert evaluate(OthersMean(g), replace(here, example=2)) == 5
    with pytest.raises(ZeroDivisionError):
        evaluate(OthersMean(g), replace(here, batch=(1,)))
    with pytest.raises(KeyError):
        evaluate(OthersMean(g), replace(here, batch=None))


def test_repetitions_of_a_pair():
    # two draws of N = 4: equal with chance 1/4, and then either example
    found = dict(repetitions(4, 2))
    assert {k: v / sum(found.values()) for k, v in found.items()} == {
        (0, 0): Fraction(1, 8), (1, 1): Fraction(1, 8), (0, 1): Fraction(3, 4)}


def test_repetitions_against_ordered_draws():
    n, size = 4, 3
    found, direct = Counter(), Counter()
    for batch in itertools.combinations(range(n), size):
        for places, weight in repetitions(n, size):
            found[tuple(sorted(batch[k] for k in places))] += weight / Fraction(4)
    for draws in itertools.product(range(n), repeat=size):
        direct[tuple(sorted(draws))] += 1
    assert found == direct


def test_designs_are_chosen_whatever_the_world_says():
    square = Function("x^2", lambda x: x**2)
    here = world([0, 0, 3], 2, square, "wr")
    body = E(Phi(BatchSum(g) / B), B)
    # without: (0, 3/2, 3/2); with: 0 with 4/9, 3/2 with 4/9, 3 with 1/9
    assert evaluate(Without(body), here) == Fraction(2, 3) * Fraction(9, 4)
    assert evaluate(With(body), here) == Fraction(4, 9) * Fraction(9, 4) + 1 == evaluate(body, here)


def test_agreement_looks_into_arguments():
    assert agree(Phi(BatchSum(g) / B + 1), Phi((BatchSum(g) + B) / B)).answer == PROVED
    assert agree(Phi(BatchSum(g) / B), Phi(BatchSum(g) / (B + 1))).answer != PROVED


def check(part, previous, rule, new):
    return proof.check_step(LAW, part, previous, Step(rule, new)).answer


def test_rules_prove_the_derivation_and_refuse_variants():
    lines = [FALLS.lhs, *(s.expr for s in FALLS.derivation)]
    assert check(FALLS, lines[0], "leave one out", lines[1]) == PROVED
    assert check(FALLS, lines[0], "leave one out", E(Phi(BatchSum(OthersMean(g)) / B), B + 1)) != PROVED
    assert check(FALLS, lines[1], "jensen", lines[2]) == PROVED
    assert check(FALLS, lines[2], "jensen", lines[1]) != PROVED
    assert check(FALLS, lines[1], "jensen", E(BatchSum(Phi(OthersMean(g))) / B, B + 1)) != PROVED
    assert check(FALLS, lines[2], "exchange", lines[3]) == PROVED
    assert check(FALLS, lines[2], "exchange", E(Phi(BatchSum(g) / B), B + 1)) != PROVED
    mixed = E(BatchSum(Phi(OthersMean(g) + g)) / (B + 1), B + 1)
    assert check(FALLS, mixed, "exchange", lines[3]) != PROVED
    assert check(ORDER, ORDER.lhs, "repeat", Without(E(Phi(Repeated(BatchSum(g) ** 2 / B)), B))) != PROVED
    assert check(ORDER, Without(E(Repeated(Phi(BatchSum(g))), B)), "redraw", With(E(Phi(BatchSum(g)), B + 1))) != PROVED


def test_jensen_bounds_from_above_only():
    turned = replace(FALLS, statement=sp.Ge(FALLS.lhs, FALLS.rhs, evaluate=False))
    assert check(turned, FALLS.derivation[0].expr, "jensen", FALLS.derivation[1].expr) != PROVED


COLUMNS = st.lists(st.integers(-6, 6), min_size=3, max_size=5)
NUMBERS = st.fractions(min_value=-2, max_value=2, max_denominator=3)


@given(COLUMNS, st.sampled_from(CONVEX), NUMBERS, NUMBERS, st.sampled_from(["wor", "wr"]), st.integers(1, 2))
@settings(max_examples=60, deadline=None)
def test_every_convex_function_of_every_population(column, family, c, d, design, size):
    here = world(column, size, family(c, d), design)
    for part in (FALLS, ORDER):
        assert oracle.compare(LAW, part, here).equal


@given(st.lists(st.integers(-6, 6), min_size=3, max_size=3, unique=True), st.integers(1, 2))
@settings(max_examples=30, deadline=None)
def test_a_strictly_convex_function_falls_strictly_unless_the_population_is_constant(column, size):
    square = Function("x^2", lambda x: x**2)
    assert not oracle.compare(LAW, FALLS, world(column, size, square)).tight
    assert oracle.compare(LAW, FALLS, world([4, 4, 4], size, square)).tight


def test_functions_that_are_not_convex_violate_both():
    root = Function("sqrt|x|", lambda x: abs(x).numerator ** 0 if x else Fraction(0))  # 1 where x is not 0
    assert not oracle.compare(LAW, FALLS, world([-1, 0, 1, 0], 1, root)).equal
    assert not oracle.compare(LAW, ORDER, world([-1, 0, 0, 0, 1], 2, Function("-x^2", lambda x: -(x**2)))).equal


def test_the_logarithm_of_the_growth_violates_it():
    # curvatures .2, .2, 3.4, 3.4 at step size 1: batches of 3 are almost surely more stable than batches of 4
    growth = Function("log|1 - x|", lambda x: elementary("log", abs(1 - x)))
    column = [Fraction(1, 5), Fraction(1, 5), Fraction(17, 5), Fraction(17, 5)]
    values = [evaluate(E(Phi(BatchSum(g) / B), B), world(column, size, growth)) for size in (1, 2, 3, 4)]
    assert [round(float(str(v.value.mid()).strip("[]").split(" ")[0]), 3) for v in values] == [
        0.326, -0.04, -0.517, -0.223]
    assert not oracle.compare(LAW, FALLS, world(column, 3, growth)).equal
