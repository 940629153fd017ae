"""Reshuffled epochs of SGD on a quadratic: what is known of the next batch, and the error within an epoch.

`Given(f, t)`     expectation over the rest of the epoch, its first t batches being known
`Iterate(e, t)`   the error after t batches of the epoch at hand, from e:
                  error <- (1 - eta h) error - eta (mean of g over the batch - gbar)
`EpochVar(t)`     its variance after t batches, when epochs, each in a fresh order, have gone on for ever
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from fractions import Fraction
from typing import Any

import sympy as sp

from theory import moments, registry, rules
from theory import notation as nt
from theory.equality import PROVED, UNDECIDED, Check, equal
from theory.evaluation import evaluate
from theory.jets import Jet
from theory.law import Part
from theory.laws import load
from theory.nodes.places import (
    OfOrder,
    OrderMean,
    Past,
    Place,
    RestMean,
    epochs,
    m,
    whole,
    worlds,
)
from theory.nodes.summation import by_induction, tidy
from theory.registry import Situation
from theory.world import Context, Number

__all__ = ["EpochVar", "Given", "Iterate"]


class Given(OfOrder):
    """Expectation of the first argument over the rest of an epoch whose first batches are known."""

    nargs = 2

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        body, t = (printer._print(a) for a in self.args)
        known = rf"\mathcal{{B}}_1,\dots,\mathcal{{B}}_{{{t}}}"
        return nt._power(rf"\operatorname{{E}}\left[{body}\mid {known}\right]", exp, wrap=False)


class Iterate(OfOrder):
    """Error after some batches of the epoch at hand, from the first argument."""

    nargs = 2

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return nt._power(rf"\left(\theta_{{{printer._print(self.args[1])}}}-\theta_*\right)", exp, wrap=False)


class EpochVar(nt.Node):
    """Stationary variance of the error after some batches of an epoch."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        t = printer._print(self.args[0])
        return nt._power(rf"\operatorname{{Var}}_\infty\left[\theta_{{{t}}}\right]", exp, wrap=False)


registry.worlds(Given, EpochVar)(worlds)


@registry.means(Given)
def _given(node: Given, world: Context) -> Number:
    body, t = node.args[0], whole(node.args[1], world)
    past = world.state["order"][:t]
    memory = world.state.get("memory", {})
    if (node, past) not in memory:
        rest = sorted(set(range(world.size)) - {i for batch in past for i in batch})
        found = list(epochs(rest, whole(nt.B, world)))
        memory[node, past] = sum((evaluate(body, replace(world, state={**world.state, "order": (*past, *later)}))
                                  for later in found), Fraction(0)) / len(found)
    return memory[node, past]


def _noise(batch: tuple[int, ...], world: Context) -> Number:
    return sum((evaluate(nt.dg, replace(world, example=i)) for i in batch), Fraction(0)) / len(batch)


def _shrink(world: Context) -> tuple[Number, Number]:
    eta = evaluate(nt.eta, world)
    return 1 - eta * evaluate(nt.h, world), eta


@registry.means(Iterate)
def _iterate(node: Iterate, world: Context) -> Number:
    (a, eta), error = _shrink(world), evaluate(node.args[0], world)
    order, t = world.state["order"], whole(node.args[1], world)
    if not 0 <= t <= len(order):
        raise KeyError(f"the epoch has no {t} batches")
    for batch in order[:t]:
        error = a * error - eta * _noise(batch, world)
    return error


def passed(world: Context, steps: int) -> tuple[Number, Number, Number]:
    """Return p, E[q] and E[q^2] of the map error -> p error + q of the first steps of an epoch, over all orders.

    Orders that have used the same examples so far go on alike: of those, number, sum of q and sum of q^2 are kept.
    """
    (a, eta), size = _shrink(world), whole(nt.B, world)
    if not 0 <= steps <= world.size // size:
        raise KeyError(f"the epoch has no {steps} batches")
    sums: dict[frozenset[int], tuple[Number, Number, Number]] = {
        frozenset(): (Fraction(1), Fraction(0), Fraction(0))}
    noise = {b: _noise(b, world) for b in itertools.combinations(range(world.size), size)}
    square = eta * eta
    for _ in range(steps):
        later: dict[frozenset[int], tuple[Number, Number, Number]] = {}
        for used, (count, first, second) in sums.items():
            first, second, mixed = a * first, a * a * second, 2 * eta * (a * first)
            for batch, x in noise.items():
                if used & set(batch):
                    continue
                key = used | set(batch)
                n, s1, s2 = later.get(key, (Fraction(0), Fraction(0), Fraction(0)))
                later[key] = (n + count, s1 + first - x * count * eta,
                              s2 + second - x * mixed + x * x * count * square)
        sums = later
    count, first, second = (sum((entry[k] for entry in sums.values()), Fraction(0)) for k in range(3))
    return a**steps, first / count, second / count


@registry.means(EpochVar)
def _epoch_var(node: EpochVar, world: Context) -> Number:
    """Fixed point of the enumerated epoch map of the error's two moments, then the steps into the epoch."""
    p, q, qq = passed(world, world.size // whole(nt.B, world))
    if not isinstance(p, Jet) and not -1 < p < 1:
        raise ValueError(f"the epochs do not contract: factor {p}")
    first = q / (1 - p)
    second = (2 * p * q * first + qq) / (1 - p * p)
    p, q, qq = passed(world, whole(node.args[0], world))
    return p * p * second + 2 * p * q * first + qq - (p * first + q) ** 2


@registry.rule("rest", "given the past, the next batch is a uniform draw from the examples that are left")
def _rest(at: Situation) -> Check:
    """Prove conditional expectations by the moments of a batch drawn without replacement from the rest."""
    if not at.left.has(Given):
        return Check(UNDECIDED, {"rule": "nothing is conditioned on"})
    if at.step.where:
        return Check(UNDECIDED, {"rule": "rest takes no substitutions"})
    left = rules.unfold(at.left, at.definitions).replace(Given, _from_rest)
    return equal(tidy(left, at.definitions), tidy(at.right, at.definitions))


def _from_rest(body: sp.Expr, t: sp.Expr) -> sp.Expr:
    """Return E[body | first t batches], body polynomial in sums over the next batch."""
    # The moment calculus speaks of a population: here of the rest, whose mean deviation is not zero.
    size = sp.Symbol("[N]")
    raw = {q: nt.PerExample(f"[{q.name}]", real=True) for q in (*nt.DEVIATION_OF, *nt.DEVIATION_OF.values())}

    def next_batch(f: sp.Expr, place: sp.Expr) -> sp.Expr:
        if sp.expand(place - t) != 1:
            raise ValueError(f"place {place} is not the next after {t}")
        return nt.BatchSum(f.xreplace(raw))

    def mean(f: sp.Expr) -> sp.Expr:
        return RestMean(f.xreplace({v: k for k, v in raw.items()}), t) if f.free_symbols & set(raw.values()) else (
            nt.PopMean(f))

    drawn = body.xreplace({nt.N: size}).replace(Place, next_batch)
    if drawn.has(Given, OrderMean):
        raise ValueError("one expectation at a time")
    found = moments.expect(drawn, nt.B, "wor").xreplace({nt.N: nt.N - t * nt.B})
    return found.replace(nt.PopMean, mean).xreplace({size: nt.N})


@registry.rule("rest splits", "the population splits into the batches seen and the rest")
def _split(at: Situation) -> Check:
    """Write means over the rest by population means and sums over the past."""
    if not at.left.has(RestMean) or at.step.where:
        return Check(UNDECIDED, {"rule": "no mean over the rest, or a substitution"})

    def rest(f: sp.Expr, t: sp.Expr) -> sp.Expr:
        return (nt.N * nt.PopMean(f) - Past(f, t)) / (nt.N - t * nt.B)

    return equal(*(tidy(tidy(side, at.definitions).replace(RestMean, rest), at.definitions)
                   for side in (at.left, at.right)))


@registry.rule("unroll", "a closed form of the error, by induction on the number of steps")
def _unroll(at: Situation) -> Check:
    """Put in the closed form that `where` gives of `Iterate(e, n)` after checking start and recursion."""
    if len(at.step.where) != 1:
        return Check(UNDECIDED, {"rule": "unroll needs the closed form of one iterate"})
    ((node, closed),) = at.step.where.items()
    if not isinstance(node, Iterate) or not node.args[1].is_Symbol or not at.left.has(node):
        return Check(UNDECIDED, {"rule": f"{node} is no iterate of the line after a number of steps"})
    start, n = node.args
    moved = (1 - nt.eta * nt.h) * closed - nt.eta * (Place(nt.g, n + 1) / nt.B - nt.gbar)
    induction = by_induction(closed, n, start, moved, at.definitions)
    same = equal(tidy(at.left.xreplace({node: closed}), at.definitions), tidy(at.right, at.definitions))
    return rules.worst(induction, same)


def _cited(at: Situation) -> tuple[Part, sp.Expr, dict[Any, Any]]:
    """Return the part that `where` names under ``part``, its right side and all definitions."""
    law_id, _, name = str(at.step.where.get("part", "")).rpartition("/")
    if law_id and law_id not in at.law.uses:
        raise ValueError(f"{law_id} is cited but not listed in uses")
    law = load(law_id) if law_id else at.law
    names = [p.name for p in law.parts]
    if name not in names or (law is at.law and names.index(name) >= names.index(at.part.name)):
        raise ValueError(f"{name or 'no part'} is not proved before this line")
    theirs = {k: nt.resolve(sp.sympify(v), at.design) for k, v in law.where.items()}
    for key in theirs.keys() & at.definitions.keys():
        if equal(rules.unfold(theirs[key], theirs), rules.unfold(at.definitions[key], at.definitions)).answer != PROVED:
            raise ValueError(f"{key} means something else in {law.id}")
    return law.part(name), nt.resolve(law.part(name).rhs, at.design), {**theirs, **at.definitions}


@registry.rule("settled epochs", "an epoch starts, independent of its order, where the last one ended")
def _stationary(at: Situation) -> Check:
    """Prove the stationary variance at an epoch's start as a fixed point, or later in it from that at the start.

    `where` names, under ``part``, the equation for the second moment of `Iterate(delta0, t)`.
    """
    node = at.left
    if not isinstance(node, EpochVar) or set(at.step.where) != {"part"}:
        return Check(UNDECIDED, {"rule": "the line is no stationary variance, or no equation is named"})
    part, moved, definitions = _cited(at)
    if part.lhs != OrderMean(Iterate(nt.delta0, nt.t) ** 2):
        return Check(UNDECIDED, {"rule": f"{part.name} is not the second moment of an iterate"})
    by_start = sp.Poly(sp.expand(moved), nt.delta0)
    if any(power not in (0, 2) for (power,) in by_start.monoms()):
        return Check(UNDECIDED, {"rule": "the second moment depends on the sign of the start"})
    kept, gathered = by_start.coeff_monomial(nt.delta0**2), by_start.coeff_monomial(1)
    shrink = 1 - nt.eta * nt.h
    if equal(kept, shrink ** (2 * nt.t)).answer != PROVED or not rules.contracts(at.law, shrink):
        return Check(UNDECIDED, {"rule": "the start is not known to be forgotten"})
    if node.args[0] == 0:
        # V = kept V + gathered over a whole epoch, and kept < 1: one solution, the limit from any start.
        over = {nt.t: m}
        claim = (1 - kept.xreplace(over)) * at.right
        return equal(rules.unfold(claim, definitions), rules.unfold(gathered.xreplace(over), definitions))
    here = (kept * EpochVar(sp.S.Zero) + gathered).xreplace({nt.t: node.args[0]})
    return equal(rules.unfold(here, definitions), rules.unfold(at.right, definitions))
