"""Tests of `theory.nodes.scale`: nodes against derivatives by SymPy, steps by hand, and what the rules refuse."""

import random
from fractions import Fraction

import pytest
import sympy as sp

from theory import laws, proof, registry
from theory.balls import ball
from theory.equality import PROVED
from theory.evaluation import evaluate
from theory.law import Step
from theory.nodes.derivatives import First
from theory.nodes.scale import (
    Bend,
    Force2,
    Length2,
    Moved,
    Nudge,
    OverWeights,
    Partial,
    Steps,
    T,
    Value,
    Weight,
    alpha,
    j,
    l,
    lam,
    place,
)
from theory.notation import At, eta
from theory.world import Context

GRADIENT, GROWTH = (laws.load(f"norm.scale.{name}") for name in ("gradient", "norm_growth"))
one = sp.S.One
a, b = sp.symbols("a b")
FIRST, SECOND = (a**2 - 3 * a * b) / (a**2 + b**2), a * b**3 / (a**2 + b**2) ** 2
HERE = {a: sp.Integer(2), b: sp.Integer(-1)}
STEP, DECAY = Fraction(1, 3), Fraction(1, 4)
square, force = OverWeights(Weight(j) ** 2, j), OverWeights(Partial(j, one) ** 2, j)
work, after = OverWeights(Weight(j) * Partial(j, one), j), OverWeights(Moved(j) ** 2, j)
keep = 1 - eta * lam


def world(*losses: sp.Expr) -> Context:
    """Weights (2, -1) and the second of them as the entry j, the first as l."""
    state = {"weights": [Fraction(2), Fraction(-1)], "losses": [sp.lambdify((a, b), f, []) for f in losses]}
    state["losses"] = [lambda w, f=f: f(*w) for f in state["losses"]]
    return Context({"x": state["weights"]}, "wor", {
        j: Fraction(2), l: Fraction(1), alpha: Fraction(3), eta: STEP, lam: DECAY, T: Fraction(2)}, state=state)


def number(expr: sp.Expr, at=HERE) -> Fraction:
    return Fraction(sp.Rational(expr.subs(at)))


def test_derivatives_are_those_of_sympy():
    here, scaled = world(FIRST), {a: sp.Integer(6), b: sp.Integer(-3)}
    assert evaluate(Weight(j), here) == -1
    assert evaluate(Value(one), here) == evaluate(Value(alpha), here) == number(FIRST)
    assert evaluate(Partial(j, one), here) == number(sp.diff(FIRST, b))
    assert evaluate(Partial(l, alpha), here) == number(sp.diff(FIRST, a), scaled)
    assert evaluate(Bend(l, j, one), here) == number(sp.diff(FIRST, a, b))
    assert evaluate(Bend(j, j, alpha), here) == number(sp.diff(FIRST, b, 2), scaled)
    assert evaluate(Nudge(Value(alpha), j), here) == 3 * number(sp.diff(FIRST, b), scaled)
    assert evaluate(square, here) == 5


def test_the_nodes_do_not_know_that_scale_does_not_matter():
    here = world(a**3 + b)
    assert evaluate(Value(alpha), here) == 6**3 - 3
    assert evaluate(work, here) == 2 * 12 - 1
    assert evaluate(Partial(l, alpha), here) == 3 * 36
    assert evaluate(OverWeights(Weight(j) * Bend(l, j, one), j), here) == 2 * 12


def test_two_steps_by_hand():
    here, at, shrunk = world(FIRST, SECOND), dict(HERE), 1 - STEP * DECAY
    lengths, forces = [Fraction(5)], []
    for loss in (FIRST, SECOND):
        g = [number(sp.diff(loss, w), at) for w in (a, b)]
        at = {w: sp.Rational(shrunk * Fraction(sp.Rational(at[w])) - STEP * x) for w, x in zip((a, b), g, strict=True)}
        lengths.append(sum(Fraction(sp.Rational(v)) ** 2 for v in at.values()))
        forces.append(sum(x * x for x in g))
    assert [evaluate(Length2(sp.Integer(k)), here) for k in range(3)] == lengths
    assert [evaluate(Force2(sp.Integer(k)), here) for k in (1, 2)] == forces
    assert evaluate(after, here) == lengths[1]
    for node in (Length2(sp.Integer(3)), Force2(sp.Integer(3)), Force2(sp.Integer(0))):
        with pytest.raises(KeyError, match="the run has 2 steps"):
            evaluate(node, here)


def test_an_entry_that_has_no_name():
    with pytest.raises(KeyError, match="names no entry"):
        evaluate(Weight(sp.Integer(1)), world(FIRST))
    with pytest.raises(KeyError, match="is no index"):
        evaluate(OverWeights(Weight(j), alpha), world(FIRST))


def test_drawn_losses_do_not_see_the_scale():
    worlds = registry.WORLDS[Value](GRADIENT, GRADIENT.parts[0], random.Random(5))
    irrational = 0
    for _ in range(30):
        state = next(worlds).state
        plain, larger = (state["losses"][0]([c * w for w in state["weights"]]) for c in (1, Fraction(7, 2)))
        irrational += not isinstance(plain, Fraction)
        assert plain == larger
    assert irrational


@pytest.mark.parametrize(("left", "rule", "right"), [
    (First(Value(alpha), alpha), "ray", work),
    (First(Value(alpha**2), alpha), "ray", OverWeights(Weight(j) * Partial(j, alpha**2), j)),
    (First(Partial(l, alpha), alpha), "ray", -Partial(l, alpha) / alpha),
    (Partial(l, alpha), "ray", Nudge(Value(alpha), l)),
    (Partial(l, alpha), "scale invariance", Partial(l, one)),
    (Value(-alpha), "scale invariance", Value(one)),
    (Value(alpha), "scale invariance", alpha * Value(one)),
    (work, "scale invariance", sp.S.Zero),
    (after, "weights", keep**2 * square + eta**2 * force),
    (after, "weights", keep**2 * square - 2 * eta * work + eta**2 * force),
    (OverWeights(2 * Weight(j), j), "weights", OverWeights(Weight(j), j)),
])
def test_rules_refuse_what_does_not_follow(left, rule, right):
    assert proof.check_step(GRADIENT, GRADIENT.part("hessian"), left, Step(rule, right)).answer != PROVED


@pytest.mark.parametrize(("left", "right", "part"), [
    (Length2(T), keep ** (2 * T) * Length2(0) + eta**2 * Steps(Force2(place), place, T), "step"),
    (Length2(T), keep ** (2 * T) * Length2(0), "step"),
    (Length2(T), keep ** (2 * T) * Length2(1)
     + eta**2 * Steps(keep ** (2 * (T - place)) * Force2(place), place, T), "step"),
    (Length2(T + 1), GROWTH.part("run").rhs, "step"),
    (Length2(T), GROWTH.part("run").rhs, "fourth"),
    (Length2(T), GROWTH.part("run").rhs, "run"),
    (Length2(T), GROWTH.part("run").rhs, ""),
])
def test_an_induction_needs_its_start_and_its_step(left, right, part):
    step = Step("run", right, where={"step": part} if part else {})
    assert proof.check_step(GROWTH, GROWTH.part("run"), left, step).answer != PROVED


def test_values_are_inserted_after_a_step_is_written_out():
    left = At(after, eta, 2)
    right = (1 - 2 * lam) ** 2 * square - 4 * (1 - 2 * lam) * work + 4 * force
    part = GRADIENT.part("hessian")
    assert proof.check_step(GRADIENT, part, left, Step("weights", right)).answer == PROVED
    assert proof.check_step(GRADIENT, part, left, Step("weights", after)).answer != PROVED


def test_an_induction_by_the_growth_of_one_step():
    claim = GROWTH.part("run")
    assert proof.check_step(GROWTH, claim, claim.lhs, Step("run", claim.rhs, where={"step": "step"})).answer == PROVED


def test_values_of_a_normalized_unit_are_exact():
    worlds = registry.WORLDS[Value](GRADIENT, GRADIENT.parts[0], random.Random(5))
    here = next(w for w in worlds if len(w.state["losses"]) == 1)
    assert evaluate(work, here) == 0
    assert abs(float(ball(evaluate(force, here)).value.mid())) > 0
