"""Tests of `theory.nodes.path` and its rules: paths and stationary states by hand, and lines that do not follow."""

import random
from dataclasses import replace
from fractions import Fraction

import pytest
import sympy as sp

from theory import laws, oracle, proof
from theory.equality import PROVED
from theory.evaluation import evaluate
from theory.law import Step
from theory.nodes.path import _on_grid
from theory.nodes.path_rules import (
    Along,
    Bent,
    Dot,
    End,
    Loss,
    Settled,
    Start,
    T,
    after,
    full,
    grad,
    point,
    rate,
    spread,
    theta,
)
from theory.notation import B, eta
from theory.world import Context

PATHS, STATES = laws.load("fdr.pathwise"), laws.load("fdr.stationary")


def vector(*entries: int) -> tuple[Fraction, ...]:
    return tuple(map(Fraction, entries))


def test_a_path_by_hand():
    steps = [({theta: vector(4, 0), grad: vector(2, -2), after: vector(3, 1), full: vector(1, 1), point: vector(1, 1)},
              Fraction(1, 2)),
             ({theta: vector(3, 1), grad: vector(0, 4), after: vector(3, -1), full: vector(1, 1), point: vector(1, 1)},
              Fraction(1, 2))]
    world = Context({"g": [Fraction(1)]}, "wor", {T: Fraction(2), eta: Fraction(1, 2)}, state={"path": steps})
    assert evaluate(Along(Dot(theta, grad)), world) == 8 + 4
    assert evaluate(Along(rate * Dot(grad, grad)), world) == 4 + 8
    assert evaluate(Start(Dot(theta, theta)), world) == 16
    assert evaluate(End(Dot(theta - point, theta)), world) == 2 * 3 + -2 * -1
    with pytest.raises(KeyError):
        evaluate(Along(Bent(theta, grad)), world)
    with pytest.raises(KeyError):
        evaluate(Along(theta), world)


def test_stationary_states_are_left_as_they_are_by_a_step():
    for name in ("first", "second"):
        for world in oracle.cases(STATES, STATES.part(name), seed=5, limit=12):
            for f in (Dot(theta, theta), Dot(theta, point), *([Loss(theta)] if name == "second" else [])):
                moved = f.xreplace({theta: after})
                assert evaluate(Settled(moved), world) == evaluate(Settled(f), world)
            assert evaluate(Settled(Dot(point, full)), world) == 0


def test_chains_on_a_grid_have_a_law():
    rng = random.Random(1)
    for _ in range(20):
        world = Context({"g": vector(1, 2, 3)}, "wor", {B: Fraction(rng.randint(1, 3)), eta: Fraction(1, 3)})
        found = _on_grid(world, rng)
        if found is not None:
            weights = [w for w, *_ in found["settled"]]
            assert sum(weights) == 1
            assert min(weights) >= 0


def test_inner_products_are_bilinear_and_sums_linear():
    moved = theta - eta * grad
    assert sp.expand(spread(Along(Dot(moved, moved))) - Along(Dot(theta, theta)) + 2 * eta * Along(Dot(theta, grad))
                     - eta**2 * Along(Dot(grad, grad))) == 0
    assert spread(Along(sp.Integer(3))) == 3 * T
    assert spread(Settled(sp.Integer(3))) == 3
    assert spread(Along(rate * Dot(grad, theta))) == Along(rate * Dot(theta, grad))
    with pytest.raises(ValueError, match="no linear combination"):
        spread(Dot(theta**2, grad))


@pytest.mark.parametrize(("rule", "left", "right"), [
    ("telescope", End(Dot(theta, theta)) - Start(Dot(theta, theta)), Along(Dot(after, after) - Dot(theta, grad))),
    ("telescope", End(Dot(theta, theta)), Along(Dot(after, after) - Dot(theta, theta))),
    ("telescope", End(Dot(theta, theta)) - Start(Dot(theta, theta)),
     Along(rate * (Dot(after, after) - Dot(theta, theta)))),
    ("update", Along(Dot(after, after)), Along(Dot(theta + eta * grad, theta + eta * grad))),
    ("update", Along(Dot(after, grad)), Along(Dot(theta, grad))),
])
def test_lines_of_a_path_that_do_not_follow(rule, left, right):
    assert proof.check_step(PATHS, PATHS.part("norm"), left, Step(rule, right)).answer != PROVED


@pytest.mark.parametrize(("rule", "left", "right"), [
    ("tower", Settled(Dot(grad, grad)), Settled(Dot(full, full))),
    ("tower", Settled(Dot(after, grad)), Settled(Dot(after, full))),
    ("tower", Along(Dot(theta, grad)), Along(Dot(theta, full))),
    ("stationary", Settled(Dot(theta, after)), Settled(Dot(theta, theta))),
    ("stationary", Settled(Dot(after, grad)), Settled(Dot(theta, grad))),
    ("update", Settled(Loss(after)), Settled(Loss(theta) - eta * Dot(full, grad))),
    ("update", Settled(Loss(after)), Settled(Loss(theta) - eta * Dot(full, grad) + eta**2 * Bent(grad, grad))),
])
def test_lines_of_a_stationary_state_that_do_not_follow(rule, left, right):
    assert proof.check_step(STATES, STATES.part("second"), left, Step(rule, right)).answer != PROVED


def test_rates_that_differ_are_not_one_rate():
    part = PATHS.part("schedule")
    moved = Along(Dot(theta - eta * grad, theta - eta * grad))
    assert proof.check_step(PATHS, part, Along(Dot(after, after)), Step("update", moved)).answer != PROVED
    constant = replace(part, statement=PATHS.part("norm").statement)
    assert proof.check_step(PATHS, constant, Along(Dot(after, after)), Step("update", moved)).answer == PROVED
