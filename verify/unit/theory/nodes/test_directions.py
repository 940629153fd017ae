"""Signs, directions, groups of one, and residual streams by hand."""

from fractions import Fraction

import pytest
import sympy as sp

from theory import laws
from theory.evaluation import evaluate
from theory.law import Step
from theory.nodes.directions import Alone, Direction, Signs, _points
from theory.nodes.entries import Item, Mean, i, l
from theory.nodes.residual import Blocks, q, v
from theory.nodes.residual import blocks as count
from theory.notation import eps, n, x
from theory.proof import check_step
from theory.world import Context

SQUARES = Mean(Item(x, l) ** 2, l)
SHARE = Mean(Item(x, l), l) ** 2 / SQUARES


def group(*values):
    return Context({"x": [Fraction(a) for a in values]}, "wor", {i: Fraction(1), eps: Fraction(1)}, state={})


def test_signs():
    # Sizes 1 and 2: the mean is 3/2 or 1/2 up to sign, over a mean square of 5/2.
    assert evaluate(Signs(SHARE), group(1, 2)) == Fraction(1, 2)
    assert evaluate(Signs(SHARE**2), group(1, 2)) == (Fraction(9, 10) ** 2 + Fraction(1, 10) ** 2) / 2


@pytest.mark.parametrize("size", [2, 3, 4])
def test_sets_of_directions_average_as_the_sphere_does(size):
    world = group(*range(1, size + 1))
    fourth = evaluate(Direction(Item(x, i) ** 4 / SQUARES**2), world) / size**2
    assert fourth == Fraction(3, size * (size + 2))
    assert evaluate(Direction(Item(x, i) ** 2 / SQUARES), world) == 1
    lengths = {str(sum((a * a for a in point), Fraction(0))) for point in _points(size)}
    assert len(lengths) == 1


def test_a_group_of_one():
    assert evaluate(Alone(i, eps), group(5, 1)) == 0
    with pytest.raises(ZeroDivisionError):
        evaluate(Alone(i, sp.S.Zero), group(5, 1))


def test_a_stream_by_hand():
    """One entry, weights -1/2, 0, 1/2: after a block the square is 9/4, 1 or 1/4."""
    world = Context({"x": [Fraction(0)]}, "wor", {n: Fraction(1), v: Fraction(1, 12)},
                    state={"weight": Fraction(1, 2), "memory": {}})
    assert evaluate(Blocks(q, 1), world) == Fraction(9, 4) / 6 + Fraction(2, 3) + Fraction(1, 4) / 6
    assert evaluate(Blocks(q**2, 1), world) == Fraction(81, 16) / 6 + Fraction(2, 3) + Fraction(1, 16) / 6


def test_wrong_closed_forms_are_refused():
    law = laws.load("norm.llm.pre_post")
    part = law.part("stream")
    for wrong in (1 + count, 1 + (count + 1) * v, (1 + v) ** count):
        step = Step("blocks", wrong, "", {"first": wrong})
        assert check_step(law, part, part.lhs, step).answer != "proved"
