"""Settings of one large step that do what k small steps do, on a quadratic with additive noise.

`MatchedRate(k)`    the step size whose one step moves the mean as k steps of size `eta` do, from every start
`MatchedBatch(k)`   the batch size, not always a whole number, at which one step of that size has the variance of
                    k steps of size `eta` at batch size `B`
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

import sympy as sp

from theory import notation as nt
from theory import registry, rules
from theory.domain import Integers
from theory.equality import PROVED, UNDECIDED, Check, equal
from theory.evaluation import evaluate
from theory.law import Law, Part
from theory.laws import load
from theory.nodes.indicator import Same, positive
from theory.nodes.linear import draw_worlds, same
from theory.registry import Situation
from theory.world import Context, Number

__all__ = ["MatchedBatch", "MatchedRate"]


class MatchedRate(nt.Node):
    """Step size of one step for k; see the module docstring."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        text = rf"\eta'_{{{printer._print(self.args[0])}}}"
        return rf"\left({text}\right)^{{{exp}}}" if exp else text


class MatchedBatch(nt.Node):
    """Batch size of one step for k; see the module docstring."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        text = rf"B'_{{{printer._print(self.args[0])}}}"
        return rf"\left({text}\right)^{{{exp}}}" if exp else text


@registry.worlds(MatchedRate, MatchedBatch)
def _draw(law: Law, part: Part, rng: random.Random) -> Iterator[Context]:
    """Draw worlds; of two curvatures often equal ones, and such as ask for one step size in place of three."""
    for world in draw_worlds(law, part, rng):
        if part.statement.has(nt.h2):
            chosen, eta = rng.random(), world.values[nt.eta]
            if chosen < 0.2:
                world = _set(world, {nt.h2: world.values[nt.h1]})
            elif chosen < 0.5:
                apart = Fraction(rng.randint(1, 7), 16)
                world = _set(world, {nt.k: Fraction(3), nt.h1: (Fraction(3, 2) - apart) / eta,
                                     nt.h2: (Fraction(3, 2) + apart) / eta})
        yield world


def _set(world: Context, values: Mapping[sp.Symbol, Number]) -> Context:
    return replace(world, values={**world.values, **values}, facts={})


@registry.means(MatchedRate)
def _rate(node: MatchedRate, world: Context) -> Number:
    """Solve for the step size: the mean after one step is linear in it, which two points fix."""
    wanted = evaluate(nt.ChainMean(node.args[0]), _set(world, {nt.delta0: Fraction(1)}))
    still, moved = (evaluate(nt.ChainMean(sp.S.One), _set(world, {nt.delta0: Fraction(1), nt.eta: Fraction(size)}))
                    for size in (0, 1))
    return (wanted - still) / (moved - still)


@registry.means(MatchedBatch)
def _batch(node: MatchedBatch, world: Context) -> Number:
    """Solve for the batch size: the variance of one step is linear in 1/b, which batches of one and two fix."""
    here = _set(world, {nt.delta0: Fraction(0)})
    wanted = evaluate(nt.ChainCov(1, 1, node.args[0]), here)
    size = _rate(MatchedRate(node.args[0]), world)
    one, two, *more = (evaluate(nt.ChainCov(1, 1, sp.S.One), _set(here, {nt.eta: size, nt.B: Fraction(b)}))
                       for b in range(1, min(world.size, 3) + 1))
    slope = 2 * (one - two)
    if any(other != one - slope * Fraction(2, 3) for other in more):
        raise KeyError("the variance of a step is not linear in 1/b")
    return slope / (wanted - (one - slope))


@registry.rule("match", "one step of the new settings has the mean, and the variance, of k steps of the old ones")
def check(at: Situation) -> Check:
    """Insert the claimed settings in the mean and the variance of `quadratic.moments`, after one step and after k.

    Both are matched by nothing else: the mean after a step is linear in the step size and the variance in 1/b, with
    slopes that do not vanish.  `where` gives the matched step size under ``rate`` where the batch is claimed.
    """
    node = at.left
    if not isinstance(node, (MatchedRate, MatchedBatch)):
        return Check(UNDECIDED, {"rule": "the previous line is no matched setting"})
    if "quadratic.moments" not in at.law.uses:
        return Check(UNDECIDED, {"rule": "quadratic.moments is not listed in uses"})
    k, moments = node.args[0], load("quadratic.moments")
    mean, variance = (nt.resolve(moments.part(name).rhs, at.design) for name in ("mean", "variance"))
    size = at.right if isinstance(node, MatchedRate) else at.step.where.get("rate")
    if size is None:
        return Check(UNDECIDED, {"rule": "the matched step size is needed"})
    found = equal(mean.xreplace({nt.t: sp.S.One, nt.eta: size}), mean.xreplace({nt.t: k}))
    if isinstance(node, MatchedRate):
        return found
    settings = {nt.t: sp.S.One, nt.eta: size, nt.B: at.right}
    return rules.worst(found, equal(variance.xreplace(settings), variance.xreplace({nt.t: k})))


def _never_zero(law: Law, factor: sp.Expr, design: str) -> bool:
    """Say whether a factor has no zero on the domain.

    Beside signs: ``1 - a**m`` and ``1 + a**m`` for a contraction a, where m is at least 1 on the domain.
    """
    if positive(law, factor) or positive(law, -factor):
        return True
    for constraint in law.constraints:  # a difference that a strict constraint keeps from zero
        strict = isinstance(constraint.relation, (sp.StrictLessThan, sp.StrictGreaterThan))
        if strict and constraint.design in (None, design):
            ratio = sp.cancel(factor / (constraint.relation.gts - constraint.relation.lts))
            if ratio.is_number and ratio != 0:
                return True
    for power in factor.atoms(sp.Pow):
        rest = factor - power if equal(factor - power, sp.S.One).answer == PROVED else factor + power
        lowest = sp.expand(power.exp).xreplace({p.symbol: sp.Integer(p.domain.low) for p in law.params
                                                if isinstance(p.domain, Integers)})
        if equal(rest, sp.S.One).answer == PROVED and lowest.is_Integer and lowest >= 1:
            slope = sp.diff(power.exp, next(iter(power.exp.free_symbols)))
            return bool(slope.is_positive) and rules.contracts(law, power.base)
    return False


@registry.rule("equations", "both sets of equations have the same solutions: a combination of the old ones is a "
               "power of the new one, and inserting the new one satisfies the old ones")
def check_equations(at: Situation) -> Check:
    """Prove a product of `Same` equal to one `Same` of two symbols.

    `where` gives ``unit``, ``power``, ``cofactor1``, ... with ``unit * (x - y)**power = sum of cofactor j times
    (left j - right j)``, the old equations in SymPy's order, where the unit is a product of factors that never
    vanish on the domain, and neither do the denominators of the cofactors.
    """
    old = sorted(sp.Mul.make_args(at.left), key=sp.default_sort_key)
    if not all(isinstance(f, Same) for f in old) or not isinstance(at.right, Same):
        return Check(UNDECIDED, {"rule": "both lines must be sets of equations"})
    x, y = at.right.args
    unit, power, *cofactors = (
        at.step.where.get(name) for name in ("unit", "power", *(f"cofactor{j + 1}" for j in range(len(old)))))
    if unit is None or power is None or None in cofactors:
        return Check(UNDECIDED, {"rule": "a unit, a power and one cofactor for each equation are needed"})
    unit, *cofactors = (rules.unfold(e, at.definitions) for e in (unit, *cofactors))
    if not (power.is_Integer and power >= 1 and x.is_Symbol and y.is_Symbol):
        return Check(UNDECIDED, {"rule": "the power must be a whole number and the new equation one of two symbols"})
    differences = [f.args[0] - f.args[1] for f in old]
    combined = sp.Add(*[c * d for c, d in zip(cofactors, differences, strict=True)])
    forward = same(unit * (x - y) ** power, combined)
    if forward.answer != PROVED:
        return forward
    for factor in [f for e in (unit, *(sp.denom(sp.together(c)) for c in cofactors)) for f in sp.Mul.make_args(e)]:
        base = factor if factor.is_Pow and factor.exp.free_symbols else factor.as_base_exp()[0]
        if not _never_zero(at.law, base, at.design):
            return Check(UNDECIDED, {"rule": f"{factor} may vanish on the domain"})
    return rules.worst(forward, *(equal(d.xreplace({x: y}), sp.S.Zero) for d in differences))

