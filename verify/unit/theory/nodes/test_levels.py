"""Tests of `theory.nodes.levels`: batches of few curvatures against a count by hand, edges against a scan."""

import itertools
import math
from fractions import Fraction

import pytest
import sympy as sp

from theory import proof
from theory.domain import Constraint, Integers, Param, Reals
from theory.equality import PROVED
from theory.evaluation import evaluate
from theory.law import Exactness, Law, Part, Step
from theory.nodes.levels import Largest, Levels, LyapunovEdge, MeanSquareEdge, counted, factor
from theory.notation import B, BatchSum, Root, eta, h1, h2, u
from theory.parameters import BATCH, RATE
from theory.world import Context

TWO = sp.Integer(2)
PAIR = (sp.Rational(1, 5), TWO, sp.Rational(17, 5), TWO)
k1, q = sp.Symbol("k1", integer=True, positive=True), sp.Symbol("q", nonnegative=True)


def world(design: str = "wor", **values: int | Fraction) -> Context:
    letters = {"eta": eta, "B": B, "h1": h1, "h2": h2, "k1": k1}
    return Context({"u": [Fraction(1)] * 2}, design, {letters[k]: Fraction(v) for k, v in values.items()})


def check(left: sp.Basic, rule: str, right: sp.Basic, relation: type = sp.Eq, **where: sp.Basic) -> str:
    part = Part("part", relation(left, right, evaluate=False), derivation=(Step(rule, right, where=where),))
    params = (BATCH, RATE, Param(h1, Reals(0, open=True), 1, "first"), Param(h2, Reals(0, open=True), 2, "second"),
              Param(k1, Integers(1), 2, "number"))
    law = Law("test.levels", 1, "Levels", (part,), params, Exactness.IDENTITY, (), (), "words",
              constraints=(Constraint(h1 < h2, "{h1} {h2}"),))
    return proof.check_step(law, part, left, part.derivation[0]).answer


@pytest.mark.parametrize("design", ["wor", "wr"])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_an_expectation_visits_every_batch_and_the_rule_counts_them(size, design):
    column = [Fraction(1, 5)] * 2 + [Fraction(17, 5)] * 2
    draws = itertools.combinations(column, size) if design == "wor" else itertools.product(column, repeat=size)
    values = [abs(1 - Fraction(1, 2) * sum(d) / size) ** 3 for d in draws]
    node = Levels(sp.Abs(factor(sp.Integer(size))) ** 3, sp.Integer(size), *PAIR)
    assert evaluate(node, world(design, eta=Fraction(1, 2))) == sum(values) / len(values)
    assert evaluate(counted(node, design), world(design, eta=Fraction(1, 2))) == sum(values) / len(values)


def test_the_count_takes_letters_for_the_batch_size_and_the_numbers():
    node = Levels(BatchSum(u) ** 2 / B**2, B, h1, k1, h2, 2 * k1)
    for design, size in itertools.product(("wor", "wr"), (1, 2, 3)):
        here = world(design, B=size, h1=1, h2=5, k1=2)
        assert evaluate(node, here) == evaluate(counted(node, design), here)


def test_bad_populations_have_no_value():
    with pytest.raises(KeyError):
        evaluate(Levels(BatchSum(u), sp.Integer(1), h1, k1, h2, TWO), world(h1=1, h2=2, k1=Fraction(1, 2)))
    with pytest.raises(KeyError):
        evaluate(Levels(BatchSum(u), sp.Integer(5), h1, TWO, h2, TWO), world(h1=1, h2=2))


def _scan(growth, step=1e-4) -> float:
    """First zero of a function that is negative above 0, by small steps."""
    x = step
    while growth(x) < 0:
        x += step
    return x


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_edges_agree_with_a_scan(size):
    means = [float(sum(c)) / size for c in itertools.combinations([.2, .2, 3.4, 3.4], size)]
    sure = _scan(lambda x: sum(math.log(abs(1 - x * m) or 1e-300) for m in means))
    square = _scan(lambda x: sum((1 - x * m) ** 2 - 1 for m in means))
    here = world(B=size)
    assert abs(float(str(evaluate(LyapunovEdge(B, *PAIR), here)).split()[0].strip("[")) - sure) < 2e-4
    assert abs(float(str(evaluate(MeanSquareEdge(B, *PAIR), here)).split()[0].strip("[")) - square) < 2e-4


def test_no_edge_where_nothing_grows():
    with pytest.raises(ZeroDivisionError):
        evaluate(MeanSquareEdge(sp.Integer(1), sp.Integer(-1), TWO, sp.Integer(-2), TWO), world())


def test_the_mean_square_edge_is_the_zero_of_the_growth():
    mean, square = (h1 + h2) / 2, (h1**2 + h2**2) / 2
    edge = MeanSquareEdge(sp.Integer(1), h1, TWO, h2, TWO)
    assert check(edge, "edge", Root(eta * square - 2 * mean, eta)) == PROVED
    assert check(edge, "edge", Root(eta * square - mean, eta)) != PROVED
    assert check(edge, "edge", 2 * mean / square) != PROVED


def test_a_first_crossing_needs_both_signs_and_the_value():
    edge, total = LyapunovEdge(sp.Integer(4), h1, TWO, h2, TWO), h1 + h2
    forms = {"share": q, "above": 2 / (1 + q), "below": 2 * q / (1 + q)}
    assert check(edge, "first crossing", 4 / total, **forms) == PROVED
    assert check(edge, "first crossing", 2 / total, **forms) != PROVED
    assert check(edge, "first crossing", 4 / total, **{**forms, "above": 3 / (1 + q)}) != PROVED
    assert check(edge, "first crossing", 4 / total, share=q, above=forms["above"]) != PROVED
    assert check(edge, "first crossing", 4 / total) != PROVED


def test_a_later_crossing_is_not_the_first():
    edge = LyapunovEdge(sp.Integer(1), h1, TWO, h2, TWO)
    later = (h1 + h2) / (h1 * h2)  # a zero of the exponent, beyond the first
    x = later / (1 + q)
    product = (1 - x * h1) * (1 - x * h2)
    assert check(edge, "first crossing", later, share=q, above=1 - product, below=1 + product) != PROVED


def test_extremes_bound_every_batch():
    node = Largest(sp.Abs(factor(B)), B, h1, TWO, h2, TWO)
    ends = [sp.Abs(1 - eta * h) for h in (h1, h2)]
    assert check(node, "extremes", sp.Max(*ends), sp.Le) == PROVED
    assert check(node, "extremes", ends[0], sp.Le) != PROVED
    assert check(node, "extremes", sp.Max(ends[0], sp.Abs(1 - 2 * eta * h2)), sp.Le) != PROVED
    assert check(node, "extremes", sp.Max(*ends), sp.Ge) != PROVED
    here = world(eta=1, h1=1, h2=4, B=3)
    assert evaluate(node, here) == 2
