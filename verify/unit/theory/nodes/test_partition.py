"""Tests of `theory.nodes.partition`: epochs of unequal batches against all orders, and the rules' refusals."""

import itertools
from fractions import Fraction

import pytest

from theory import laws, proof
from theory.equality import PROVED
from theory.evaluation import evaluate
from theory.law import Step
from theory.nodes.partition import EpochE, EpochMean, K, OverBatches, b_k, b_last, dealt
from theory.notation import B, N, PopMean, dg, g, gbar, u
from theory.world import Context

LAW = laws.load("epoch.unequal")


def world(column, sizes):
    values = {K: Fraction(len(sizes)), B: Fraction(sizes[0]), b_last: Fraction(sizes[-1])}
    return Context({"g": [Fraction(v) for v in column]}, "wor", values, LAW.where, state={"sizes": tuple(sizes)})


@pytest.mark.parametrize("sizes", [(2, 2, 1), (1, 3), (2, 2)])
def test_dealing_is_every_order_cut(sizes):
    column = [3, -1, 4, 1, 5][: sum(sizes)]
    total = Fraction(0)
    orders = list(itertools.permutations(column))
    for order in orders:
        means, first = [], 0
        for size in sizes:
            means.append(Fraction(sum(order[first : first + size]), size))
            first += size
        total += (sum(means) / len(means) - Fraction(sum(column), len(column))) ** 2
    found = evaluate(EpochE((EpochMean(g) - gbar) ** 2), world(column, sizes))
    assert found == total / len(orders)
    assert (found == 0) == (len(set(sizes)) == 1)


def test_every_example_is_dealt_once():
    ways = list(dealt(range(4), (2, 1, 1)))
    assert len(ways) == len(set(ways)) == 12
    assert all(sorted(i for batch in way for i in batch) == [0, 1, 2, 3] for way in ways)


def test_over_batches():
    assert evaluate(OverBatches(1 / b_k), world([1, 2, 3], (2, 1))) == Fraction(3, 4)
    with pytest.raises(KeyError):
        evaluate(EpochMean(g), world([1, 2, 3], (2, 1)))


def check(part, previous, rule, new):
    return proof.check_step(LAW, LAW.part(part), previous, Step(rule, new)).answer


def test_the_chances_of_a_random_order():
    lhs, inverse = LAW.part("variance").lhs, OverBatches(1 / b_k)
    right = PopMean(dg**2) * (inverse / K - (1 - inverse / K) / (N - 1))
    assert check("variance", lhs, "deal", right) == PROVED
    assert check("variance", lhs, "deal", PopMean(dg**2) * (inverse / K - (1 - inverse / K) / N)) != PROVED
    # two quantities mix
    both = EpochE(EpochMean(g) * EpochMean(u))
    assert check("variance", both, "deal", PopMean(g) * PopMean(u)) != PROVED
    assert check("variance", EpochE(EpochMean(g) ** 3), "deal", gbar**3) != PROVED
    assert check("variance", gbar, "deal", gbar) != PROVED


def test_only_a_statement_that_names_the_last_batch_has_one():
    for part, answer in (("short", PROVED), ("variance", "undecided")):
        short = ((K - 1) / B + 1 / b_last) / K
        assert check(part, OverBatches(1 / b_k), "short last batch", short) == answer
    assert check("short", N, "short last batch", K * B) != PROVED
