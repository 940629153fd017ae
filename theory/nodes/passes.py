"""SGD on the weight of a hybrid normalization: every step sees another batch.

`BatchAverage(f)`   mean of f over the entries of the batch at hand
`Passes(f)`         expectation over the batch, an independent one each step
`AlphaMean(t)`      mean of alpha after t steps on half the mean square of the batch, from `alpha0`

f is as in `theory.nodes.hybrid`; `Average` there runs over the entries of all batches.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import sympy as sp

from theory import notation as nt
from theory import registry, rules
from theory.equality import UNDECIDED, Check, equal
from theory.evaluation import evaluate
from theory.law import Law, Part
from theory.nodes.derivatives import First
from theory.nodes.hybrid import Average, alpha, averaged, by_batch, by_sample, reflected, target
from theory.nodes.places import drawn_values
from theory.registry import Situation
from theory.world import Context, Number

__all__ = ["AlphaMean", "BatchAverage", "Passes", "alpha0", "slope"]

alpha0 = sp.Symbol("alpha0", real=True)
"""The weight that training starts from."""


class BatchAverage(nt.Node):
    """Mean over the entries of the batch at hand."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        text = rf"\left\langle {printer._print(self.args[0])}\right\rangle_{{\mathcal{{B}}}}"
        return nt._power(text, exp, wrap=False)


class Passes(nt.Node):
    """Expectation over the batch."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        text = rf"\operatorname{{E}}_{{\mathcal{{B}}}}\left[{printer._print(self.args[0])}\right]"
        return nt._power(text, exp, wrap=False)


class AlphaMean(nt.Node):
    """Mean of the weight after some steps."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return nt._power(rf"\operatorname{{E}}\,\alpha_{{{printer._print(self.args[0])}}}", exp)


def slope() -> sp.Expr:
    """Return the derivative of a batch's loss by the weight."""
    error = alpha * by_batch + (1 - alpha) * by_sample - target
    return First(BatchAverage(error**2) / 2, alpha)


def _batches(world: Context) -> Sequence[Sequence[int]]:
    found: Sequence[Sequence[int]] = world.state["batches"]
    return found


@registry.means(BatchAverage)
def _batch_average(node: BatchAverage, world: Context) -> Number:
    if world.batch is None:
        raise KeyError("no batch is at hand")
    total = sum((evaluate(node.args[0], replace(world, example=i)) for i in world.batch), Fraction(0))
    return total / len(world.batch)


@registry.means(Passes)
def _passes(node: Passes, world: Context) -> Number:
    found = _batches(world)
    return sum((evaluate(node.args[0], replace(world, batch=tuple(b))) for b in found), Fraction(0)) / len(found)


@registry.means(AlphaMean)
def _alpha_mean(node: AlphaMean, world: Context) -> Number:
    """Follow every sequence of batches."""
    found, eta, step = _batches(world), evaluate(nt.eta, world), slope()
    weights: dict[Number, Fraction] = {evaluate(alpha0, world): Fraction(1)}
    for _ in range(int(evaluate(node.args[0], world))):
        moved: dict[Number, Fraction] = {}
        for weight, chance in weights.items():
            for batch in found:
                here = replace(world, batch=tuple(batch), values={**world.values, alpha: weight})
                after = weight - eta * evaluate(step, here)
                moved[after] = moved.get(after, Fraction(0)) + chance / len(found)
        weights = moved
    return sum((weight * chance for weight, chance in weights.items()), Fraction(0))


@registry.worlds(BatchAverage, Passes, AlphaMean)
def _worlds(law: Law, part: Part, rng: random.Random) -> Iterator[Context]:
    """A few batches of a few entries, in which both outputs and the target have mean square one."""
    while True:
        count, size = rng.choice((2, 2, 3)), rng.choice((3, 4))
        columns: dict[str, list[Number]] = {}
        for letter in (by_batch, by_sample, target):
            drawn = [reflected([rng.choice((-2, -1, 1, 2)) for _ in range(size)]) for _ in range(count)]
            columns[letter.name] = [value for batch in drawn for value in batch]
        if columns[by_batch.name] == columns[by_sample.name]:
            continue
        values = {**drawn_values(law, rng, most=2), nt.t: Fraction(rng.randint(0, 3 if count == 2 else 2))}
        batches = [range(k * size, (k + 1) * size) for k in range(count)]
        yield Context(columns, law.designs[0], values, law.where, state={"batches": batches})


@registry.rule("batches", "the mean over the batches of the slope of their loss is the mean over all entries of "
               "the slope of theirs")
def _over_batches(at: Situation) -> Check:
    def carried(body: sp.Expr) -> sp.Expr:
        if not isinstance(body, First) or not isinstance(body.args[0], sp.Mul):
            raise ValueError("the mean over batches must be of the slope of a multiple of a batch average")
        loss, letter = body.args
        factor, average = loss.as_independent(BatchAverage, as_Add=False)
        if not isinstance(average, BatchAverage) or factor.has(letter):
            raise ValueError("the mean over batches must be of the slope of a multiple of a batch average")
        return factor * Average(sp.diff(average.args[0], letter))

    return equal(averaged(at.left.replace(Passes, carried)), averaged(at.right))


@registry.rule("alpha steps", "a step moves the weight along a slope that is linear in it, on a batch that it has not "
               "seen: means follow the mean slope, by induction")
def _alpha_steps(at: Situation) -> Check:
    """Check the closed form at the start and over one step; `where` names the part that gives the mean slope."""
    names, name = [p.name for p in at.law.parts], str(at.step.where.get("part", ""))
    if name not in names or names.index(name) >= names.index(at.part.name):
        return Check(UNDECIDED, {"rule": f"{name or 'no part'} does not prove the mean slope before this part"})
    proved = at.law.part(name)
    if proved.lhs != Passes(slope()) or at.left != AlphaMean(nt.t):
        raise ValueError("the line must be the mean weight after t steps, the part the mean slope of a batch")
    mean_slope = rules.unfold(proved.rhs, at.definitions)
    if not mean_slope.is_polynomial(alpha) or sp.degree(mean_slope, alpha) > 1:
        raise ValueError("the mean slope must be linear in the weight")
    closed = rules.unfold(at.right, at.definitions)
    after = closed - nt.eta * mean_slope.xreplace({alpha: closed})
    return rules.worst(equal(closed.xreplace({nt.t: sp.S.Zero}), alpha0),
                       equal(closed.xreplace({nt.t: nt.t + 1}), after))
