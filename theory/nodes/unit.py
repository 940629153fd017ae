"""One normalized unit that learns a target: y = gamma (x - m)/s + beta, mostly against a (x - mu)/sigma.

`UnitLoss(f)`     the loss f of the unit
`BySlope(f, p)`   derivative of f in a parameter p of the unit
`Trained(f, t)`   expectation of f, a polynomial in the gain, after t steps of SGD on the gain, from `gamma0`, each
                  on the loss of an independent batch
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import sympy as sp

from theory import moments, registry, rules
from theory import notation as nt
from theory.domain import Constraint, Integers, Param, Reals
from theory.equality import UNDECIDED, Check, equal
from theory.evaluation import evaluate
from theory.law import Assumption, Law, Part
from theory.nodes.calculus import First
from theory.nodes.linear import draw_worlds
from theory.nodes.whole import Whole
from theory.registry import Situation
from theory.world import Context, Number, batches

__all__ = [
    "BATCH_OF_UNIT",
    "BATCH_SUMS",
    "BELOW_SIGMA",
    "GAIN",
    "LINEAR_TARGET",
    "MOMENTS",
    "RATIONAL",
    "SHIFT",
    "SIGMA",
    "SIGMA_HAT",
    "SLOPE",
    "SPREAD",
    "BySlope",
    "Trained",
    "UnitLoss",
    "a",
    "batch_loss",
    "beta",
    "full_loss",
    "gamma",
    "gamma0",
    "linear",
    "square_share",
]

gamma = sp.Symbol("gamma", real=True)
beta = sp.Symbol("beta", real=True)
gamma0 = sp.Symbol("gamma0", real=True)
a = sp.Symbol("a", positive=True)

GAIN = Param(gamma, Reals(), 1, "learned gain of the unit")
SHIFT = Param(beta, Reals(), 0, "learned shift of the unit")
SLOPE = Param(a, Reals(0, open=True), 1, "slope of the target on the population-normalized activation")
SIGMA = Param(nt.sigma, Reals(0, open=True), 1, "population standard deviation of the activation")
SIGMA_HAT = Param(nt.sigma_hat, Reals(0), Fraction(9, 10), "expected batch standard deviation E[sigma_hat]")
BATCH_OF_UNIT = Param(nt.B, Integers(2), 8, "batch size", "one example has no batch standard deviation")

BELOW_SIGMA = Constraint(nt.sigma_hat <= nt.sigma,
                         "sigma_hat = {sigma_hat} exceeds sigma = {sigma}: E[sigma_hat] <= sigma (Jensen)")

LINEAR_TARGET = Assumption("linear target", "one unit with batch normalization, squared loss, target a (x - mu)/sigma; "
                           "label noise of mean zero that is independent of the activations adds half its variance to "
                           "every loss and nothing to the mean gradients")
SPREAD = Assumption("spread", "every batch has a positive standard deviation")

MOMENTS = {nt.PopMean(nt.x): nt.mu, nt.PopMean(nt.x**2): nt.sigma**2 + nt.mu**2, nt.sigma_hat: nt.E(nt.s, nt.B)}
"""Definitions that the laws of the unit share."""

BATCH_SUMS = {nt.BatchSum(nt.x): nt.B * nt.m, nt.BatchSum(nt.x**2): nt.B * (nt.s**2 + nt.m**2)}
"""The batch's sums in its own mean and standard deviation."""


def square_share(size: sp.Expr) -> sp.Expr:
    """Return E[s^2]/sigma^2 for a batch drawn without replacement."""
    return nt.N * (size - 1) / (size * (nt.N - 1))


linear = a * (nt.x - nt.mu) / nt.sigma
"""The linear target."""


def batch_loss(target: sp.Expr = linear) -> sp.Expr:
    """Return the loss of the batch, normalized by its own statistics, against a target of each example."""
    return nt.BatchSum((gamma * (nt.x - nt.m) / nt.s + beta - target) ** 2) / (2 * nt.B)


def full_loss(target: sp.Expr = linear) -> sp.Expr:
    """Return the loss of the population, normalized by its statistics."""
    return nt.PopMean((gamma * (nt.x - nt.mu) / nt.sigma + beta - target) ** 2) / 2


_OF_POPULATION = {*nt.ROOT_OF, *nt.MEAN_OF.values()}


class BySlope(First):
    """First derivative in a parameter of the unit; it is tried where every batch has spread."""


class UnitLoss(Whole):
    """Loss of the unit, kept whole; it is tried where every batch has spread."""

    transparent = True


registry.means(UnitLoss)(registry.MEANINGS[Whole])
registry.means(BySlope)(registry.MEANINGS[First])


class Trained(nt.Node):
    """Expectation after SGD on the gain; see the module docstring."""

    nargs = 2

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        body, t = (printer._print(x) for x in self.args)
        text = rf"\operatorname{{E}}\left[\left.{body}\right|_{{{t}}}\right]"
        return nt._power(text, exp, wrap=False)


@registry.means(Trained)
def _trained(node: Trained, world: Context) -> Number:
    """Follow every sequence of batches; the gradient of each is found by a derivative of its loss."""
    size, eta = int(evaluate(nt.B, world)), evaluate(nt.eta, world)
    pool = list(batches(world.size, size, world.design))
    total = sum(k for k, _ in pool)
    maps = [(Fraction(k, total), *_affine(replace(world, batch=batch))) for k, batch in pool]
    gains: dict[Number, Fraction] = {evaluate(gamma0, world): Fraction(1)}
    for _ in range(int(evaluate(node.args[1], world))):
        moved: dict[Number, Fraction] = {}
        for (gain, chance), (share, start, rise) in itertools.product(gains.items(), maps):
            after = gain - eta * (start + rise * gain)
            moved[after] = moved.get(after, Fraction(0)) + chance * share
        gains = moved
    return sum((chance * evaluate(node.args[0], replace(world, values={**world.values, gamma: gain}))
                for gain, chance in gains.items()), Fraction(0))


def _affine(world: Context) -> tuple[Number, Number]:
    """Return value and slope in the gain of the gradient of a batch's loss, which is affine in the gain.

    Raises
    ------
    ArithmeticError
        If it is not.
    """
    slope = BySlope(batch_loss(), gamma)
    at = [evaluate(slope, replace(world, values={**world.values, gamma: Fraction(gain), beta: Fraction(0)}, facts={}))
          for gain in range(3)]
    if at[2] - at[1] != at[1] - at[0]:
        raise ArithmeticError("the gradient is not affine in the gain")
    return at[0], at[1] - at[0]


@registry.worlds(Trained, BySlope, UnitLoss)
def spread_worlds(law: Law, part: Part, rng: random.Random) -> Iterator[Context]:
    """Small populations of which every batch has spread, and few steps."""
    largest = 3 if part.statement.has(sp.Limit) else 4 if part.statement.has(Trained) else 5
    for world in draw_worlds(law, part, rng, largest=largest):
        size = int(world.values[nt.B])
        column = world.population["x"]
        if size < 2 or any(len({column[i] for i in batch}) == 1
                           for _, batch in batches(world.size, size, world.design)):
            continue
        values = {k: v for k, v in world.values.items() if k not in _OF_POPULATION}
        if part.statement.has(gamma) and part.relation != "=" and rng.random() < 1 / 3:
            yield _at_best(world, values, rng)
        else:
            yield replace(world, values={**values, nt.t: Fraction(rng.randint(0, 2))})


RATIONAL = ((0, 1, 4, 9), (0, 3, 4, 7), (0, 5, 8, 9))
"""Populations of rational standard deviation; that of a batch of two is half a difference."""


def _at_best(world: Context, values: dict[sp.Symbol, Number], rng: random.Random) -> Context:
    """Return a world in which the unit has the gain and the shift of least loss, both rational."""
    column = [Fraction(value) for value in rng.choice(RATIONAL)]
    rng.shuffle(column)
    here = replace(world, population=dict.fromkeys(world.population, column),
                   values={**values, nt.B: Fraction(2), beta: Fraction(0)}, facts={})
    best = evaluate(a * nt.E(nt.s, nt.B) / nt.sigma, here)
    return replace(here, values={**here.values, gamma: best.terms[1]}, facts={})


_OF_A_BATCH = (nt.BatchSum, nt.OtherSum, nt.ComplementSum, nt.WeightedSum, nt.RandomSymbol, *nt.BATCH_STATISTICS)


@registry.rule("constant part", "expectation is linear; terms and factors that are the same in every batch come out")
def _constant_part(at: Situation) -> Check:
    return equal(*(side.replace(nt.E, _by_terms) for side in (at.left, at.right)))


def _by_terms(body: sp.Expr, size: sp.Expr) -> sp.Expr:
    total = sp.S.Zero
    for term in sp.Add.make_args(sp.expand(body)):
        varying = [f for f in sp.Mul.make_args(term) if f.has(*_OF_A_BATCH)]
        total += term / sp.Mul(*varying) * (nt.E(sp.Mul(*varying), size) if varying else sp.S.One)
    return total


@registry.rule("sgd on the gain", "by induction: the claim holds at the start, and a step maps it to the next")
def _sgd(at: Situation) -> Check:
    """Prove a moment of the gain after t steps.

    `where` names the part that gives the gradient of a batch (``gradient``), parts that give lower moments
    (``lower``, one name), and the closed form (``closed``).
    """
    nodes = sorted(at.left.atoms(Trained), key=str)
    closed = at.step.where.get("closed")
    if len(nodes) != 1 or nodes[0].args[1] != nt.t or closed is None:
        return Check(UNDECIDED, {"rule": "one moment after t steps, and its closed form, are needed"})
    (node,) = nodes
    earlier = _before(at, str(at.step.where.get("gradient", "")))
    if earlier.lhs != BySlope(batch_loss(), gamma):
        return Check(UNDECIDED, {"rule": f"part {earlier.name} is not the gradient of a batch in the gain"})
    known = {node: sp.sympify(closed)}
    if "lower" in at.step.where:
        lower = _before(at, str(at.step.where["lower"]))
        known[lower.lhs] = nt.resolve(lower.rhs, at.design)
    moved = sp.Poly(node.args[0].xreplace({gamma: gamma - nt.eta * earlier.rhs}), gamma)
    after = sp.S.Zero
    for (power,), factor in moved.terms():
        moment = sp.S.One if power == 0 else known.get(Trained(gamma**power, nt.t))
        if moment is None:
            return Check(UNDECIDED, {"rule": f"the mean of gamma^{power} is not known"})
        after += moments.expect(rules.unfold(factor, {}), nt.B, at.design) * moment
    start = node.args[0].xreplace({gamma: gamma0})
    one, other = (moments.expand_sums(rules.unfold(side, at.definitions), nt.B)
                  for side in (known[node].xreplace({nt.t: nt.t + 1}), after))
    return rules.worst(equal(known[node].xreplace({nt.t: sp.S.Zero}), start), equal(one, other),
                       equal(at.left.xreplace({node: known[node]}), at.right))


def _before(at: Situation, name: str) -> Part:
    names = [p.name for p in at.law.parts]
    if name not in names or names.index(name) >= names.index(at.part.name):
        raise ValueError(f"{name or 'no part'} is not proved before this part")
    return at.law.part(name)
