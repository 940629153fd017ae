"""Steps against examples: walks along a path of noise scales, and SGD whose every step is the best one.

`Walk(f)`         units needed for a path, if a unit makes progress f in the stage at hand
`GreedyLoss(t)`   expected loss after t steps on a quadratic, each step size chosen to make the next expected loss least

The population of a `Walk` are the stages of the path: stage i takes v_i^2 units of progress, and u_i or w_i^2 is its
noise scale.  Units are small: their number is counted in whole pieces of a unit.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import sympy as sp

from theory import moments, registry, rules
from theory import notation as nt
from theory.domain import Integers, Reals
from theory.equality import PROVED, UNDECIDED, Check, equal
from theory.evaluation import evaluate
from theory.nodes.bound import manifest, slack
from theory.registry import Situation
from theory.world import Context, Number, batches

if TYPE_CHECKING:
    from theory.law import Law, Part

__all__ = ["GreedyLoss", "Walk", "square"]

square = sp.Symbol("m2", positive=True)


class Walk(nt.Node):
    """Units needed to walk the path at a progress a unit."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        text = rf"\mathcal{{N}}\left[{printer._print(self.args[0])}\right]"
        return rf"{text}^{{{exp}}}" if exp else text


class GreedyLoss(nt.Node):
    """Expected loss after some steps, each of the best size for the expected loss before it."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        text = rf"\ell_{{{printer._print(self.args[0])}}}"
        return rf"{text}^{{{exp}}}" if exp else text


@registry.means(Walk)
def _walk(node: Walk, world: Context) -> Number:
    """Walk stage by stage in pieces so small that every stage takes a whole number of them, and count."""
    stages = [replace(world, example=i) for i in range(world.size)]
    speeds = [evaluate(node.args[0], stage) for stage in stages]
    lengths = [evaluate(nt.v**2, stage) for stage in stages]
    if any(speed <= 0 for speed in speeds):
        raise ZeroDivisionError("a stage is never left")
    pieces = math.lcm(*((length / speed).denominator for length, speed in zip(lengths, speeds, strict=True)))
    count = 0
    for length, speed in zip(lengths, speeds, strict=True):
        walked = Fraction(0)
        while walked < length:
            walked += speed / pieces
            count += 1
    return Fraction(count, pieces)


@registry.worlds(Walk)
def _paths(law: Law, part: Part, rng: random.Random) -> Iterator[Context]:
    """Draw paths of a few stages, their noise scales, and the parameters."""
    while True:
        stages = rng.randint(1, 4)
        population = {name: [Fraction(rng.randint(1, 5)) for _ in range(stages)] for name in ("u", "v", "w")}
        values: dict[sp.Symbol, Number] = {}
        for param in law.params:
            if param.symbol in law.where:
                continue
            if isinstance(param.domain, Integers):
                values[param.symbol] = Fraction(param.domain.low + rng.randint(0, 4))
            elif isinstance(param.domain, Reals):
                values[param.symbol] = Fraction(param.domain.low) + Fraction(rng.randint(1, 12), 3)
        yield Context(population, "wr", values, law.where)


@registry.rule("walk", "a stage takes its length over the progress a unit makes in it")
def _walked(at: Situation) -> Check:
    """Replace walks by sums over the stages."""
    def carry(speed: sp.Expr) -> sp.Expr:
        return nt.N * nt.PopMean(sp.cancel(1 / speed) * nt.v**2)

    def settle(*args: sp.Expr) -> sp.Expr:
        node = nt.At(*args)
        hidden = any(inner.free_symbols & node.settings.keys() for inner in args[0].atoms(nt.Node))
        return node if hidden else args[0].xreplace(node.settings)

    sides = [moments.expand_sums(rules.unfold(side, at.definitions).replace(Walk, carry), nt.B)
             for side in (at.left, at.right)]
    return equal(*(side.replace(nt.At, settle) for side in sides))


@registry.rule("squares", "what is left between the lines is a mean of squares over examples or batches", bound=True)
def _squares(at: Situation) -> Check:
    """Prove a bound by a form of the difference that shows its sign; sums and expectations in it are carried out."""
    shown = at.step.where.get("difference")
    if shown is None:
        raise ValueError("the step shows no form of the difference")
    shown = rules.unfold(sp.sympify(shown), at.definitions)
    difference = rules.unfold(slack(at.part.relation, at.left, at.right), at.definitions)
    same = equal(*(moments.expand_sums(side.replace(
        nt.E, lambda body, size: moments.expect(body, size, at.design)), nt.B) for side in (difference, shown)))
    sign = PROVED if manifest(shown) else UNDECIDED
    return Check(same.answer if sign == PROVED else UNDECIDED, {**same.engines, "sign": sign})


@registry.means(GreedyLoss)
def _greedy_loss(node: GreedyLoss, world: Context) -> Number:
    """Carry the mean and the mean square of the error, over every batch; the best step is a parabola's lowest point."""
    size, h = int(evaluate(nt.B, world)), evaluate(nt.h, world)
    pool = list(batches(world.size, size, world.design))
    count = sum(k for k, _ in pool)
    noises = [(Fraction(k, count), evaluate(nt.BatchSum(nt.dg) / size, replace(world, batch=b))) for k, b in pool]
    first = evaluate(nt.delta0, world)
    second = first**2

    def after(eta: Fraction) -> Number:
        a = 1 - eta * h
        return sum((q * (a**2 * second - 2 * a * eta * x * first + eta**2 * x**2) for q, x in noises), Fraction(0))

    for _ in range(int(evaluate(node.args[0], world))):
        left, middle, right = (after(Fraction(k)) for k in (-1, 0, 1))
        best = (left - right) / (2 * (left - 2 * middle + right))
        second, first = after(best), sum((q * ((1 - best * h) * first - best * x) for q, x in noises), Fraction(0))
    return h * second / 2


@registry.rule("greedy", "the closed form meets the start, and the best step leads from each value to the next")
def _greedy(at: Situation) -> Check:
    """Prove a closed form F(t) of `GreedyLoss`, by induction.

    The part ``least`` says that no step size makes the next expected loss lower than its right side, the part ``step``
    that this value is attained; both speak of any expected square of the error.
    """
    before = {part.name: part for part in at.law.parts[:at.law.parts.index(at.part)]}
    if at.left != GreedyLoss(nt.t) or not {"least", "step"} <= set(before):
        raise ValueError("the line before must be the loss after t steps, and `least` and `step` be proved")
    step, least = (nt.resolve(before[name].rhs, at.design) for name in ("step", "least"))
    moved = nt.resolve(before["least"].lhs, at.design)
    error = (1 - nt.eta * nt.h) * nt.e - nt.eta * nt.BatchSum(nt.dg) / nt.B
    attained = nt.resolve(before["step"].lhs, at.design)
    if moved != nt.E(nt.h * error**2 / 2, nt.B) or not isinstance(attained, nt.At) or attained.args[:2] != (
            moved, nt.eta):
        raise ValueError("`least` and `step` must state the expected loss after a step, at any size and at the best")
    if at.definitions.get(square) != nt.E(nt.e**2, nt.B):
        raise ValueError("m2 must be the expected square of the error")
    start = equal(at.right.xreplace({nt.t: sp.S.Zero}), nt.h * nt.delta0**2 / 2)
    following = rules.unfold(at.right.xreplace({nt.t: nt.t + 1}), at.definitions)
    led = rules.unfold(step.xreplace({square: 2 * at.right / nt.h}), at.definitions)
    return rules.worst(start, equal(following, led), equal(step, least))
