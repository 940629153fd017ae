"""SGD on least squares with fixed inputs and noisy labels, from zero, in the eigenbasis of the Hessian.

An example has the inputs u, v along the two eigenvectors, the regression value g and the label w = g + noise; the
noise is independent between examples, of standard deviation `tau`, and of the batches.  The fit is u a + v b.

`Gap(t)`          expected loss on fresh labels minus that on the labels fitted, after t steps (squared residuals)
`FitCov(t)`       mean over the examples of the covariance of label and fit after t steps
`FitMean(u, t)`   mean over the batches of the parameter along u after t steps, labels held fixed
`LabelCov(f)`     mean over the examples of the covariance of label and f, over the labels

By brute force the noise is a fair sign times tau, every sequence of batches and every sign is visited.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

import sympy as sp

from theory import moments, registry, rules
from theory import notation as nt
from theory.equality import PROVED, UNDECIDED, Check, equal
from theory.evaluation import evaluate
from theory.law import Law, Part
from theory.registry import Situation
from theory.world import Context, Number, batches

__all__ = ["FitCov", "FitMean", "Gap", "LabelCov", "fits", "tau"]

tau = sp.Symbol("tau", nonnegative=True)
"""Standard deviation of the label noise."""

Fit = tuple[Fraction, Fraction]

_MOST = 2500
"""Sequences of batches times label signs in the worlds tried."""


class Gap(nt.Node):
    """Expected generalization gap for fresh labels at the same inputs."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return nt._power(rf"\operatorname{{gap}}_{{{printer._print(self.args[0])}}}", exp)


class FitCov(nt.Node):
    """Mean covariance of label and fit."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        t = printer._print(self.args[0])
        return nt._power(rf"\overline{{\operatorname{{Cov}}(w_i,\hat w_{{i,{t}}})}}", exp)


class FitMean(nt.Node):
    """Mean parameter over the batches, for given labels."""

    nargs = 2

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        mode, t = (printer._print(a) for a in self.args)
        return nt._power(rf"\operatorname{{E}}_{{\mathcal{{B}}}}\left[\theta^{{({mode})}}_{{{t}}}\right]", exp)


class LabelCov(nt.Node):
    """Mean covariance of label and another quantity, over the labels."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        body = nt._indexed(printer, self.args[0])
        return nt._power(rf"\overline{{\operatorname{{Cov}}\left(w_i,{body}\right)}}", exp)


@lru_cache(maxsize=4096)
def fits(inputs: tuple[tuple[Fraction, ...], ...], labels: tuple[Fraction, ...], eta: Fraction, size: int, design: str,
         steps: int) -> tuple[tuple[Fraction, Fit], ...]:
    """Return the parameters after some steps with their chances, one entry a sequence of batches."""
    u, v = inputs
    pool = list(batches(len(u), size, design))
    count = sum(k for k, _ in pool)
    found: list[tuple[Fraction, Fit]] = [(Fraction(1), (Fraction(0), Fraction(0)))]
    for _ in range(steps):
        after = []
        for chance, (a, b) in found:
            for k, batch in pool:
                residuals = [(i, u[i] * a + v[i] * b - labels[i]) for i in batch]
                first = a - eta * sum((u[i] * r for i, r in residuals), Fraction(0)) / size
                second = b - eta * sum((v[i] * r for i, r in residuals), Fraction(0)) / size
                after.append((chance * Fraction(k, count), (first, second)))
        found = after
    return tuple(found)


def _fits(world: Context, steps: Number) -> tuple[tuple[Fraction, Fit], ...]:
    inputs = tuple(tuple(world.population[name]) for name in ("u", "v"))
    size, eta = int(evaluate(nt.B, world)), evaluate(nt.eta, world)
    return fits(inputs, tuple(world.population["w"]), eta, size, world.design, int(steps))


def _label_worlds(world: Context) -> list[Context]:
    """List the worlds with every outcome of the label noise, equally likely."""
    noise, truth = evaluate(tau, world), world.population["g"]
    found = []
    for signs in itertools.product((-1, 1), repeat=world.size):
        labels = [g + sign * noise for g, sign in zip(truth, signs, strict=True)]
        found.append(replace(world, population={**world.population, "w": labels}, facts={}))
    return found


def _predictions(world: Context, fit: Fit) -> list[Fraction]:
    return [u * fit[0] + v * fit[1] for u, v in zip(world.population["u"], world.population["v"], strict=True)]


@registry.means(Gap)
def _gap(node: Gap, world: Context) -> Number:
    noise, truth, n = evaluate(tau, world), world.population["g"], world.size
    outcomes, total = _label_worlds(world), Fraction(0)
    for here in outcomes:
        for chance, fit in _fits(here, evaluate(node.args[0], here)):
            predicted = _predictions(here, fit)
            own = sum((w - f) ** 2 for w, f in zip(here.population["w"], predicted, strict=True))
            fresh = sum((g + sign * noise - f) ** 2 for g, f in zip(truth, predicted, strict=True) for sign in (-1, 1))
            total += chance * (fresh / 2 - own) / n
    return total / len(outcomes)


@registry.means(FitCov)
def _fit_cov(node: FitCov, world: Context) -> Number:
    outcomes, n = _label_worlds(world), world.size
    both, fit_mean = Fraction(0), [Fraction(0)] * n
    for here in outcomes:
        for chance, fit in _fits(here, evaluate(node.args[0], here)):
            predicted, weight = _predictions(here, fit), chance / len(outcomes)
            both += weight * sum(w * f for w, f in zip(here.population["w"], predicted, strict=True))
            fit_mean = [m + weight * f for m, f in zip(fit_mean, predicted, strict=True)]
    return (both - sum(g * m for g, m in zip(world.population["g"], fit_mean, strict=True))) / n


@registry.means(FitMean)
def _fit_mean(node: FitMean, world: Context) -> Number:
    place = (nt.u, nt.v).index(node.args[0])
    return sum((chance * fit[place] for chance, fit in _fits(world, evaluate(node.args[1], world))), Fraction(0))


@registry.means(LabelCov)
def _label_cov(node: LabelCov, world: Context) -> Number:
    outcomes, total = _label_worlds(world), Fraction(0)
    for i in range(world.size):
        values = [(here.population["w"][i], evaluate(node.args[0], replace(here, example=i))) for here in outcomes]
        product, label, other = (sum(terms, Fraction(0)) / len(outcomes) for terms in (
            [w * f for w, f in values], [w for w, _ in values], [f for _, f in values]))
        total += product - label * other
    return total / world.size


@registry.worlds(Gap, FitMean)
def _worlds(law: Law, part: Part, rng: random.Random) -> Iterator[Context]:
    """Two or three examples with uncorrelated inputs, few steps."""
    while True:
        design, n = rng.choice(law.designs), rng.randint(2, 4)
        size, steps = rng.randint(1, n if design == "wor" else 2), rng.randint(0, 3)
        if sum(1 for _ in batches(n, size, design)) ** (steps + 1) * 2**n > _MOST:
            continue
        u, other = ([Fraction(rng.randint(-3, 4)) for _ in range(n)] for _ in range(2))
        u[0] += not any(u)
        share = sum((a * b for a, b in zip(u, other, strict=True)), Fraction(0)) / sum(a * a for a in u)
        v = [b - share * a for a, b in zip(u, other, strict=True)]
        if not any(v):
            continue
        g, w = ([Fraction(rng.randint(-4, 5)) for _ in range(n)] for _ in range(2))
        values: dict[sp.Symbol, Number] = {
            nt.B: Fraction(size), nt.t: Fraction(steps), nt.eta: Fraction(rng.randint(1, 6), 8),
            tau: Fraction(rng.randint(1, 5), 2)}
        yield Context({"g": g, "u": u, "v": v, "w": w, "x": u}, design, values, law.where)


_MODES = (nt.e1, nt.e2)


@registry.rule("fresh batch", "a step's batch is independent of the parameters it moves: the mean of the step is the "
               "step from the mean, over all examples")
def _fresh_batch(at: Situation) -> Check:
    node = at.left
    if not isinstance(node, FitMean) or node.args[1] != nt.t + 1:
        raise ValueError("the line must be a mean parameter after t + 1 steps")
    mode, error = (nt.u, nt.e1) if node.args[0] == nt.u else (nt.v, nt.e2)
    residual = nt.u * nt.e1 + nt.v * nt.e2 - nt.w
    step = moments.expect(error - nt.eta * nt.BatchSum(mode * residual) / nt.B, nt.B, at.design)
    means = {nt.E(e, nt.B): FitMean(q, nt.t) for e, q in zip(_MODES, (nt.u, nt.v), strict=True)}
    return equal(*(rules.unfold(side, at.definitions) for side in (step.xreplace(means), at.right)))


@registry.rule("label steps", "the closed form is zero at the start and meets the step proved before")
def _steps(at: Situation) -> Check:
    node, name = at.left, str(at.step.where.get("part", ""))
    names = [p.name for p in at.law.parts]
    if name not in names or names.index(name) >= names.index(at.part.name):
        return Check(UNDECIDED, {"rule": f"{name or 'no part'} does not prove the step before this part"})
    step = at.law.part(name)
    if not isinstance(node, FitMean) or step.lhs != node.xreplace({nt.t: nt.t + 1}):
        raise ValueError("the line must be a mean parameter after t steps, and the part its step")
    moved = nt.resolve(step.rhs, at.design).xreplace({node: at.right})
    return rules.worst(
        equal(at.right.xreplace({nt.t: sp.S.Zero}), sp.S.Zero),
        equal(*(rules.unfold(side, at.definitions) for side in (at.right.xreplace({nt.t: nt.t + 1}), moved))))


@registry.rule("covariance penalty", "fresh labels have the moments of the fitted ones and are independent of the fit: "
               "the squares cancel, the products differ by the covariance")
def _covariance_penalty(at: Situation) -> Check:
    mean, square, fit, fit_square, product = sp.symbols("mean square fit fit_square product")
    fresh = square - 2 * mean * fit + fit_square
    own = square - 2 * product + fit_square
    penalty = equal(fresh - own, 2 * (product - mean * fit))
    if penalty.answer != PROVED:
        return penalty
    return equal(at.left.replace(Gap, lambda steps: 2 * FitCov(steps)), at.right)


@registry.rule("labels apart", "batches are independent of the labels: the covariance of label and fit is that of "
               "label and mean fit")
def _tower(at: Situation) -> Check:
    def mean_fit(steps: sp.Expr) -> sp.Expr:
        return LabelCov(nt.u * FitMean(nt.u, steps) + nt.v * FitMean(nt.v, steps))

    return equal(at.left.replace(FitCov, mean_fit), at.right)


@registry.rule("label noise", "labels of different examples are uncorrelated, each of variance tau^2")
def _label_noise(at: Situation) -> Check:
    def covariance(body: sp.Expr) -> sp.Expr:
        total = sp.S.Zero
        for term in sp.Add.make_args(sp.expand(body)):
            factors = sp.Mul.make_args(term)
            means = [f for f in factors if isinstance(f, nt.PopMean) and f.has(nt.w)]
            others = [f for f in factors if f not in means]
            mine = [f for f in others if any(isinstance(s, nt.PerExample) for s in _outside(f))]
            if len(means) != 1 or any(f.has(nt.w, FitMean) for f in others):
                raise ValueError(f"{term} is not linear in a mean over the labels")
            weight = sp.cancel(means[0].args[0] / nt.w)
            if weight.has(nt.w):
                raise ValueError(f"{means[0]} is not linear in the labels")
            constant = sp.Mul(*(f for f in others if f not in mine))
            total += constant * tau**2 / nt.N * moments.mean_of(sp.Mul(*mine, weight))
        return total

    left, right = (rules.unfold(side, at.definitions) for side in (at.left, at.right))
    return equal(left.replace(LabelCov, covariance), right)


def _outside(expr: sp.Expr) -> set[sp.Basic]:
    return set(expr.replace(nt.PopMean, lambda _: sp.S.One).free_symbols)
