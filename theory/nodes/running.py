"""Running averages of batch statistics, and points that are normalized by statistics that are not their batch's.

`Averaged(f, t)`   expectation of f, a polynomial in the letter `running`, after t updates of the running average from
                   `r0`, each by an independent reading: r <- (1 - alpha) r + alpha reading
`OneReading(f)`    expectation of f, a polynomial in the letter `reading`, over one reading
`Gap(f)`           f, a mean square over the batch; it is tried where every batch has spread
`FreshPoint(f)`    expectation of f, a polynomial of degree three at most in the letter `point`, over a standard
                   Gaussian point
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

import sympy as sp

from theory import moments, registry, rules
from theory import notation as nt
from theory.domain import Param, Reals
from theory.equality import UNDECIDED, Check, equal
from theory.evaluation import evaluate
from theory.law import Law, Part
from theory.nodes import unit
from theory.nodes.places import drawn_values
from theory.nodes.whole import Whole
from theory.registry import Situation
from theory.world import Context, Number

__all__ = ["NEWEST", "Averaged", "FreshPoint", "Gap", "OneReading", "alpha", "point", "r0", "r_m", "r_s", "reading",
           "root_about_mean", "running"]

alpha = sp.Symbol("alpha", positive=True)
r0 = sp.Symbol("r0", real=True)
running, reading, point = (nt.RandomSymbol(name, real=True) for name in ("running", "reading", "point"))
r_m, r_s = sp.Symbol("r_m", real=True), sp.Symbol("r_s", positive=True)

NEWEST = Param(alpha, Reals(0, open=True), Fraction(1, 10),
               "weight of the newest batch (momentum in PyTorch, one minus momentum in Keras)")


class Averaged(nt.Node):
    """Expectation of a function of the running average."""

    nargs = 2

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        body = printer._print(self.args[0].xreplace({running: sp.Symbol(f"r_{self.args[1]}")}))
        return nt._power(rf"\operatorname{{E}}\left[{body}\right]", exp, wrap=False)


class OneReading(nt.Node):
    """Expectation over one reading."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        body = printer._print(self.args[0].xreplace({reading: sp.Symbol("S")}))
        return nt._power(rf"\operatorname{{E}}\left[{body}\right]", exp, wrap=False)


class Gap(Whole):
    """A mean square over the batch, kept whole."""

    transparent = True


class FreshPoint(nt.Node):
    """Expectation over a standard Gaussian point."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        body = printer._print(self.args[0].xreplace({point: sp.Symbol("z")}))
        return nt._power(rf"\operatorname{{E}}_{{z}}\left[{body}\right]", exp, wrap=False)


registry.means(Gap)(registry.MEANINGS[Whole])


@registry.means(OneReading)
def _one_reading(node: OneReading, world: Context) -> Number:
    return sum((chance * evaluate(node.args[0], replace(world, values={**world.values, reading: value}))
                for chance, value in world.state["readings"]), Fraction(0))


@registry.means(Averaged)
def _averaged(node: Averaged, world: Context) -> Number:
    """Visit every sequence of readings."""
    weight, start = evaluate(alpha, world), evaluate(r0, world)
    count, total = int(evaluate(node.args[1], world)), Fraction(0)
    for sequence in itertools.product(world.state["readings"], repeat=count):
        chance, value = Fraction(1), start
        for p, seen in sequence:
            chance, value = chance * p, value + weight * (seen - value)
        total += chance * evaluate(node.args[0], replace(world, values={**world.values, running: value}))
    return total


@registry.worlds(Averaged)
def _readings(law: Law, part: Part, rng: random.Random) -> Iterator[Context]:
    """Draw a law of the readings on a few values."""
    while True:
        count = rng.randint(2, 3)
        weights = [rng.randint(1, 4) for _ in range(count)]
        values = rng.sample(range(-4, 8), count)
        law_of_readings = [(Fraction(p, sum(weights)), Fraction(v)) for p, v in zip(weights, values, strict=True)]
        yield Context({"x": [Fraction(0)]}, law.designs[0], dict(drawn_values(law, rng, most=3)), law.where,
                      state={"readings": law_of_readings})


@registry.worlds(Gap)
def _gaps(law: Law, part: Part, rng: random.Random) -> Iterator[Context]:
    """Draw as for the unit; where a bound is stated, now and then the statistics that attain it."""
    for world in unit.spread_worlds(law, part, rng):
        if part.relation == "=" or rng.random() < 2 / 3:
            yield world
            continue
        column = [Fraction(value) for value in rng.choice(unit.RATIONAL)]
        here = replace(world, population=dict.fromkeys(world.population, column),
                       values={**world.values, nt.B: Fraction(2)}, facts={})
        best = evaluate(nt.sigma**2 / nt.E(nt.s, nt.B), here)
        yield replace(here, values={**here.values, r_m: evaluate(nt.mu, here), r_s: best.terms[1]}, facts={})


@registry.means(FreshPoint)
def _fresh_point(node: FreshPoint, world: Context) -> Number:
    """Average over the points -1 and 1, which have the moments of a Gaussian through order three."""
    total: Number = Fraction(0)
    for value in (Fraction(-1), Fraction(1)):
        total = total + evaluate(node.args[0], replace(world, values={**world.values, point: value})) / 2
    return total


# Proofs. ---------------------------------------------------------------------------------------------------------

@registry.rule("running average", "by induction on the updates: the claim holds at the start, and an update maps it to "
               "the next")
def _induced(at: Situation) -> Check:
    """Prove a moment of the running average after t updates, ``closed``; ``lower`` names a part with a lower moment."""
    nodes = sorted(at.left.atoms(Averaged), key=str)
    closed = at.step.where.get("closed")
    if len(nodes) != 1 or nodes[0].args[1] != nt.t or closed is None:
        return Check(UNDECIDED, {"rule": "one moment after t updates, and its closed form, are needed"})
    (node,) = nodes
    known = {node: sp.sympify(closed)}
    if "lower" in at.step.where:
        names = [p.name for p in at.law.parts]
        name = str(at.step.where["lower"])
        if name not in names or names.index(name) >= names.index(at.part.name):
            return Check(UNDECIDED, {"rule": f"part {name} is not proved before this part"})
        known[at.law.part(name).lhs] = at.law.part(name).rhs
    body = node.args[0]
    moved = sp.Poly(sp.expand(body.xreplace({running: (1 - alpha) * running + alpha * reading})), running, reading)
    after = sp.S.Zero
    for (power, other), factor in moved.terms():
        moment = sp.S.One if power == 0 else known.get(Averaged(running**power, nt.t))
        if moment is None:
            return Check(UNDECIDED, {"rule": f"the mean of r^{power} is not known"})
        after += factor * moment * (OneReading(reading**other) if other else sp.S.One)
    one, other_side = (rules.unfold(side, at.definitions)
                       for side in (known[node].xreplace({nt.t: nt.t + 1}), after))
    return rules.worst(equal(known[node].xreplace({nt.t: sp.S.Zero}), body.xreplace({running: r0})),
                       equal(one, other_side), equal(at.left.xreplace({node: known[node]}), at.right))


def root_about_mean(size: sp.Expr = nt.B) -> sp.Expr:
    """Return the standard deviation of a batch about the population's mean."""
    return sp.sqrt(nt.BatchSum(nt.dx**2) / size)


def _known_mean(expr: sp.Basic, at: Situation) -> sp.Expr:
    """Write expectations as combinations of those of powers of the standard deviation about the known mean."""
    letter = sp.Dummy("about", positive=True)

    def form(body: sp.Expr, size: sp.Expr) -> sp.Expr:
        about = {nt.BatchSum(nt.dx**2): size * letter**2}
        inside = moments.expand_sums(body.xreplace(about), size).xreplace(about)
        total = sp.S.Zero
        for term in sp.Add.make_args(sp.expand(inside)):
            factor, power = term.as_independent(letter, as_Add=False)
            if factor.has(nt.Node) or any(isinstance(s, nt.PerExample) for s in factor.free_symbols):
                raise ValueError(f"{factor} is no function of the standard deviation about the mean")
            total += factor * _of_root(power, letter, size, at)
        return total

    return expr.replace(nt.E, form)


def _of_root(power: sp.Expr, letter: sp.Symbol, size: sp.Expr, at: Situation) -> sp.Expr:
    if power == 1:
        return sp.S.One
    if power == letter**2:
        return moments.expect(nt.BatchSum(nt.dx**2) / size, size, at.design)
    return nt.E(power.xreplace({letter: root_about_mean(size)}), size)


@registry.rule("known mean", "the squares about the population's mean sum to B times their mean square, whose "
               "expectation is the variance")
def _about_known_mean(at: Situation) -> Check:
    left, right = (rules.unfold(_known_mean(rules.unfold(side, at.definitions), at), at.definitions)
                   for side in (at.left, at.right))
    return equal(left, right)


_GAUSSIAN: Mapping[int, int] = {0: 1, 1: 0, 2: 1, 3: 0}


@registry.rule("fresh point", "a fresh standard Gaussian point is independent of the statistics: its moments 0 and 1 "
               "factor out")
def _fresh(at: Situation) -> Check:
    from theory.nodes.chi import GaussianMean

    def carried(inner: sp.Expr) -> sp.Expr:
        if not isinstance(inner, GaussianMean):
            raise ValueError("the point must stand in one mean over the statistics")
        body, size = inner.args
        total = sp.S.Zero
        for (power,), factor in sp.Poly(sp.expand(body), point).terms():
            if power not in _GAUSSIAN:
                raise ValueError("the point enters to the third power at most")
            total += _GAUSSIAN[power] * factor
        return GaussianMean(total, size)

    def tidy(side: sp.Expr) -> sp.Expr:
        moved = side.replace(FreshPoint, carried)
        return moved.replace(GaussianMean, _split)

    def _split(body: sp.Expr, size: sp.Expr) -> sp.Expr:
        total = sp.S.Zero
        for term in sp.Add.make_args(sp.expand(body)):
            outside, inside = term.as_independent(nt.s, nt.m, as_Add=False)
            total += outside * (GaussianMean(inside, size) if inside != 1 else sp.S.One)
        return total

    return equal(tidy(at.left), tidy(at.right))
