"""Tests of `theory.nodes.classes`: means of classes, batches of blocks, and their rules."""

import itertools
from fractions import Fraction

import pytest
import sympy as sp

from theory import laws, proof
from theory.equality import PROVED
from theory.evaluation import evaluate
from theory.law import Step
from theory.nodes.classes import Blocks, ClassMean
from theory.notation import BatchSum, G, PopMean, b, dx, x
from theory.world import Context

LAW = laws.load("norm.gap.class_pure")
VALUES, CLASSES = (1, 3, 8, -2, 0), ((0, 1), (2, 3, 4))


def world(blocks, size):
    return Context({"x": [Fraction(v) for v in VALUES]}, "wr", {G: Fraction(blocks), b: Fraction(size)},
                   state={"classes": CLASSES})


def answer(left, rule, right, part="variance"):
    return proof.check_step(LAW, LAW.part(part), left, Step(rule, right)).answer


def visited(blocks, size, function):
    """Average a function of the batch's values over every class of every block and every draw."""
    total = Fraction(0)
    for classes in itertools.product(CLASSES, repeat=blocks):
        draws = list(itertools.product(*(itertools.product(c, repeat=size) for c in classes)))
        chance = Fraction(1, len(draws))
        for c in classes:
            chance *= Fraction(len(c), len(VALUES))
        total += chance * sum(function([VALUES[i] for block in d for i in block]) for d in draws)
    return total


def test_the_mean_of_a_class():
    here = world(1, 1)
    assert evaluate(PopMean(ClassMean(x)), here) == 2
    assert evaluate(PopMean(ClassMean(x) ** 2), here) == 4  # both classes have the mean 2
    assert evaluate(PopMean(ClassMean(x**2)), here) == Fraction(78, 5)
    with pytest.raises(KeyError):
        evaluate(ClassMean(x), here)


@pytest.mark.parametrize("blocks, size", [(1, 1), (1, 3), (2, 2), (3, 1)])
def test_blocks_against_a_visit_of_every_batch(blocks, size):
    here = world(blocks, size)
    cube = evaluate(Blocks(BatchSum(x) ** 3 + BatchSum(x**2)), here)
    assert cube == visited(blocks, size, lambda v: Fraction(sum(v) ** 3 + sum(k * k for k in v)))


def test_pairs_of_draws():
    left = Blocks(BatchSum(dx) ** 2)
    right = G * b * PopMean(dx**2) + G * b * (b - 1) * PopMean(ClassMean(dx) ** 2)
    assert answer(left, "blocks", right) == PROVED
    assert answer(left, "blocks", G * b * PopMean(dx**2)) != PROVED
    assert answer(left, "blocks", right.xreplace({b: G, G: b})) != PROVED
    assert answer(Blocks(BatchSum(dx) ** 3), "blocks", sp.S.Zero) != PROVED  # beyond two sums
    assert answer(Blocks(1 / BatchSum(dx**2)), "blocks", sp.S.One) != PROVED


def test_means_of_classes_are_constant_in_a_class():
    between = PopMean(ClassMean(dx) ** 2)
    within = PopMean((dx - ClassMean(dx)) ** 2)
    assert answer(within, "classes", PopMean(dx**2) - between) == PROVED
    assert answer(PopMean(dx * ClassMean(dx) ** 2), "classes", PopMean(ClassMean(dx) ** 3)) == PROVED
    assert answer(within, "classes", PopMean(dx**2) + between) != PROVED
    assert answer(within, "classes", PopMean(dx**2) - 2 * between) != PROVED
    assert answer(PopMean(dx**2), "classes", between) != PROVED
    assert answer(PopMean(1 / dx), "classes", between) != PROVED
