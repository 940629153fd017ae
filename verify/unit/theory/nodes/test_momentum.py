"""Tests of `theory.nodes.momentum`: the chains are the optimizers', the edges are where they start to diverge."""

from dataclasses import replace
from fractions import Fraction

import pytest
import sympy as sp

from theory import laws, proof
from theory.equality import PROVED
from theory.evaluation import evaluate
from theory.law import Step
from theory.nodes.indicator import Positive
from theory.nodes.momentum import Converges, Edge, HeavyBall, Nesterov, _simplest, beta
from theory.notation import B, e1, e2, eta, h
from theory.world import Context

LAW = laws.load("momentum.stability")
VALUES = {B: Fraction(1), eta: Fraction(1, 2), h: Fraction(1), beta: Fraction(1, 2)}
WORLD = Context({"g": [Fraction(1), Fraction(-1)]}, "wor", VALUES)


def walk(method: str, steps: int) -> float:
    """Second moment of the parameter after some steps of a textbook loop, over its two noises, by carried moments."""
    states = {(0.0, 0.0): 1.0}
    for _ in range(steps):
        following: dict[tuple[float, float], float] = {}
        for (x, v), p in states.items():
            for noise in (1.0, -1.0):
                if method == "heavy_ball":
                    moved = 0.5 * v + x + noise
                    new = (x - 0.5 * moved, moved)
                elif method == "nesterov":
                    moved = 0.5 * v - 0.5 * (x + 0.5 * v + noise)
                    new = (x + moved, moved)
                else:  # the form that stores the look-ahead point
                    moved = 0.5 * v + x + noise
                    new = (x - 0.5 * (x + noise + 0.5 * moved), moved)
                following[new] = following.get(new, 0.0) + p / 2
        states = following
    return sum(p * x * x for (x, _), p in states.items())


@pytest.mark.parametrize(("method", "node"), [
    ("heavy_ball", HeavyBall(e1**2)), ("nesterov", Nesterov(e1**2)), ("stored", Nesterov((e1 + beta * e2) ** 2))])
def test_the_chains_are_the_textbook_loops(method, node):
    assert walk(method, 14) == pytest.approx(float(evaluate(node, WORLD)), rel=1e-2)


def test_convergence_is_judged_by_eigenvalues():
    for rate, holds in ((Fraction(29, 10), 1), (3, 0), (4, 0)):
        assert evaluate(Converges(HeavyBall(e1**2)), replace(WORLD, values={**VALUES, eta: Fraction(rate)})) == holds
    for rate, holds in ((Fraction(149, 100), 1), (Fraction(3, 2), 0), (2, 0)):
        assert evaluate(Converges(Nesterov(e1**2)), replace(WORLD, values={**VALUES, eta: Fraction(rate)})) == holds


def test_edges_are_found_by_bisection():
    assert evaluate(Edge(Converges(HeavyBall(e1**2)), eta), WORLD) == 3
    assert evaluate(Edge(Converges(Nesterov(e1**2)), eta), WORLD) == Fraction(3, 2)
    with pytest.raises(KeyError, match="no edge"):
        evaluate(Edge(sp.S.One, eta), WORLD)


def test_the_simplest_fraction_of_an_interval():
    assert _simplest(Fraction(31, 100), Fraction(34, 100)) == Fraction(1, 3)
    assert _simplest(Fraction(19, 10), Fraction(21, 10)) == 2
    assert _simplest(Fraction(3, 7), Fraction(3, 7)) == Fraction(3, 7)


@pytest.mark.parametrize("line", [
    Positive(1 - beta) * Positive(eta * h), Positive(1 - beta) * Positive(2 * (1 + beta) - eta * h) * 2,
    Positive(1 - beta) * Positive(eta * h + beta) * Positive(2 * (1 + beta) - eta * h),
    Positive(1 + beta) * Positive(1 - beta) * Positive(2 * (1 + beta) - eta * h),
])
def test_other_conditions_than_the_three_are_refused(line):
    part = LAW.part("heavy_ball")
    assert proof.check_step(LAW, part, part.lhs, Step("schur", line)).answer != PROVED
    assert proof.check_step(LAW, part, eta, Step("schur", part.derivation[0].expr)).answer != PROVED


@pytest.mark.parametrize(("line", "value"), [
    (Edge(Positive(2 - eta * h), eta), 1 / h), (Edge(Positive(2 - eta * h), eta), 4 / h),
    (Edge(Positive(eta * h - 2), eta), 2 / h), (Edge(Positive(2 - eta**2 * h), eta), 2 / h),
    (Edge(Positive(eta) * Positive(h - eta), eta), 2 / h),
])
def test_edges_of_other_conditions_are_not_proved(line, value):
    part = LAW.part("heavy_ball_edge")
    assert proof.check_step(LAW, part, line, Step("linear edge", value)).answer != PROVED
