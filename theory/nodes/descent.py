"""Passes of SGD over batches and gradient flows of modified losses, near the point where they start.

Example i has gradient g_i, Hessian u_i and third derivative v_i at the start, which may be a vector, a matrix and a
form: u g is the Hessian applied to the gradient, g^2 the squared length.  Its loss is cubic, which is every smooth
loss as far as the orders that are claimed can see.

`MeanMove(t)`     mean displacement after t batches of a reshuffled epoch
`FreshMove(t)`    mean displacement after t independent batches
`FreshMean(f, t)` expectation of f, polynomial in sums over places, when the t batches are independent
`Flow(f, s)`      displacement of the gradient flow of the mean loss plus f, after time s eta; f is in g, dg and eta
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import sympy as sp

from theory import moments, registry, rules
from theory import notation as nt
from theory.equality import UNDECIDED, Check, equal
from theory.evaluation import evaluate
from theory.jets import Jet
from theory.nodes.places import (
    SIZES,
    OfOrder,
    OrderMean,
    Place,
    drawn_values,
    epochs,
    whole,
)
from theory.nodes.series import Taylor
from theory.nodes.summation import by_induction, over_one, tidy
from theory.registry import Situation
from theory.tensors import Tensor
from theory.world import Context, Number, batches

if TYPE_CHECKING:
    from theory.law import Law, Part

__all__ = ["Flow", "FreshMean", "FreshMove", "MeanMove"]

KNOWN = 4
"""Orders of the step size that are carried, the zeroth among them."""

ORDER = 2
"""Highest order through which the losses' gradients and Hessians at the start decide a displacement."""


MOST = 130
"""Sequences of independent batches that are visited in a world."""


class MeanMove(nt.Node):
    """Mean displacement after some batches of a reshuffled epoch."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        body = rf"\theta_{{{printer._print(self.args[0])}}}-\theta_0"
        return nt._power(rf"\operatorname{{E}}\left[{body}\right]", exp, wrap=False)


class FreshMove(nt.Node):
    """Mean displacement after some independent batches."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        body = rf"\theta_{{{printer._print(self.args[0])}}}-\theta_0"
        return nt._power(rf"\operatorname{{E}}_{{\mathrm{{iid}}}}\left[{body}\right]", exp, wrap=False)


class FreshMean(nt.Node):
    """Expectation over so many independent batches."""

    nargs = 2

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        body = printer._print(self.args[0])
        return nt._power(rf"\operatorname{{E}}_{{\mathrm{{iid}}}}\left[{body}\right]", exp, wrap=False)


class Flow(nt.Node):
    """Displacement of the gradient flow of the mean loss plus the first argument."""

    nargs = 2

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        extra, time = (printer._print(a) for a in self.args)
        loss = "L" if self.args[0] == 0 else rf"L+{extra}"
        return nt._power(rf"\Phi_{{{time}\,\eta}}\left[{loss}\right]", exp, wrap=False)


def _step_size(world: Context) -> Jet:
    """Return the step size as the variable of a short power series."""
    eta = evaluate(nt.eta, world)
    if not isinstance(eta, Jet) or eta != Jet([Fraction(0), Fraction(1)]):
        raise KeyError("displacements are known as power series in the step size only")
    return Jet([Fraction(0), Fraction(1)] + [Fraction(0)] * (KNOWN - 2))


def _pass(order: Sequence[tuple[int, ...]], world: Context) -> Number:
    """Displacement after some batches, each by the mean gradient of its examples where the last one ended."""
    g, u, v = (world.population[q] for q in ("g", "u", "v"))
    eta = _step_size(world)
    moved: Number = Jet([Fraction(0)] * KNOWN)
    for batch in order:
        gradients = [g[i] + u[i] * moved + v[i] * moved * moved * Fraction(1, 2) for i in batch]
        moved = moved - eta * (sum(gradients[1:], gradients[0]) * Fraction(1, len(batch)))
    return moved


def _fresh(world: Context, steps: int) -> Iterator[tuple[int, tuple[tuple[int, ...], ...]]]:
    pool = list(batches(world.size, whole(nt.B, world), world.design))
    for sequence in itertools.product(pool, repeat=steps):
        yield math.prod(count for count, _ in sequence), tuple(batch for _, batch in sequence)


@registry.means(MeanMove)
def _mean_move(node: MeanMove, world: Context) -> Number:
    steps = whole(node.args[0], world)
    found = list(epochs(range(world.size), whole(nt.B, world)))
    if not 0 <= steps <= len(found[0]):
        raise KeyError(f"the epoch has no {steps} batches")
    return sum((_pass(order[:steps], world) for order in found), Fraction(0)) * Fraction(1, len(found))


@registry.means(FreshMove)
def _fresh_move(node: FreshMove, world: Context) -> Number:
    found = list(_fresh(world, whole(node.args[0], world)))
    total = sum((_pass(order, world) * Fraction(count) for count, order in found), Fraction(0))
    return total * Fraction(1, sum(count for count, _ in found))


@registry.means(FreshMean)
def _fresh_mean(node: FreshMean, world: Context) -> Number:
    found = list(_fresh(world, whole(node.args[1], world)))
    total = sum((evaluate(node.args[0], replace(world, state={**world.state, "order": order})) * Fraction(count)
                 for count, order in found), Fraction(0))
    return total * Fraction(1, sum(count for count, _ in found))


@registry.means(Flow)
def _flow(node: Flow, world: Context) -> Number:
    """Lie series of the flow: the loss is a polynomial in the displacement, differentiated as such."""
    _step_size(world)
    extra, time = node.args
    losses: Mapping[str, Sequence[Any]] = world.population
    g, u, v = (losses[q] for q in ("g", "u", "v"))
    d = len(g[0].entries)
    names = sp.ring([f"x{k}" for k in range(d)] + ["eta"], sp.QQ)
    xs, eta = names[1:-1], names[-1]
    x = Tensor({(k,): xs[k] for k in range(d)})
    gradients = [g[i] + u[i] * x + v[i] * x * x * Fraction(1, 2) for i in range(world.size)]
    columns: Mapping[str, Sequence[Any]] = {"g": gradients}
    there = replace(world, population=columns, values={**world.values, nt.eta: eta}, facts={})
    added = evaluate(extra, there)
    mean = sum(gradients[1:], gradients[0]) * Fraction(1, world.size)
    force = [-mean.entries[k,] - (added.diff(xs[k]) if extra != 0 else 0) for k in range(d)]
    moved = [[Fraction(0)] * KNOWN for _ in range(d)]
    for k in range(d):
        derivative = xs[k]
        for n in range(1, KNOWN):
            derivative = sum((force[i] * derivative.diff(xs[i]) for i in range(d)), eta * 0)
            scale = evaluate(time, world) ** n / math.factorial(n)
            for monomial, c in derivative.terms():
                if not any(monomial[:-1]) and n + monomial[-1] < KNOWN:
                    moved[k][n + monomial[-1]] += scale * Fraction(int(c.numerator), int(c.denominator))
    return Jet([Tensor({(k,): moved[k][n] for k in range(d)}) for n in range(KNOWN)])


@registry.worlds(MeanMove, FreshMove, Flow)
def _losses(law: Law, part: Part, rng: random.Random) -> Iterator[Context]:
    """Small sets of cubic losses in one or two dimensions; every order of the epoch or sequence of batches is met."""
    fresh = part.statement.has(FreshMove)
    while True:
        n, size = rng.choice([s for s in SIZES if s[0] <= 5])
        design, d = rng.choice(law.designs), rng.choice((1, 2))
        population: dict[str, Any] = {
            q: [_form(rank, d, rng) for _ in range(n)] for q, rank in (("g", 1), ("u", 2), ("v", 3))}
        values = {nt.B: Fraction(size), **drawn_values(law, rng, most=2 if fresh else n // size)}
        steps = int(values.get(nt.t, n // size))
        if fresh and len(list(batches(n, size, design))) ** steps > MOST:
            continue
        order = tuple(tuple(range(k, k + size)) for k in range(0, n - size + 1, size))
        yield Context(population, design, values, law.where, state={"order": order})


def _form(rank: int, dimension: int, rng: random.Random) -> Tensor:
    return Tensor.symmetric(rank, dimension, lambda _: Fraction(rng.randint(-5, 6)))


@registry.rule("expand", "the recursion of the steps through second order, by induction on their number")
def _expand(at: Situation) -> Check:
    """Put in the closed form in sums over places that `where` gives of the displacement after n batches.

    It must be 0 at the start and go from n to n + 1 by a step of -eta (g + u displacement) of the next batch; the third
    derivatives of the losses enter at third order.
    """
    if len(at.step.where) != 1 or not isinstance(at.left, Taylor):
        return Check(UNDECIDED, {"rule": "expand needs a Taylor polynomial and one closed form"})
    ((node, closed),) = at.step.where.items()
    body, variable, order = at.left.args
    if body != node or variable != nt.eta or not isinstance(node, (MeanMove, FreshMove)) or order > ORDER:
        return Check(UNDECIDED, {"rule": f"{node} is not the displacement of the line, or the order is beyond {ORDER}"})
    n = node.args[0]
    if not n.is_Symbol:
        return Check(UNDECIDED, {"rule": f"{n} is no letter to induct on"})
    moved = closed - nt.eta * (Place(nt.g, n + 1) + Place(nt.u, n + 1) * closed) / nt.B
    induction = by_induction(closed, n, sp.S.Zero, moved, at.definitions, int(order))
    whole = OrderMean(closed) if isinstance(node, MeanMove) else FreshMean(closed, n)
    return rules.worst(induction, equal(_tidy(whole, at), _tidy(at.right, at)))


def _tidy(expr: sp.Basic, at: Situation) -> sp.Basic:
    """Return the normal form of `theory.nodes.places`, expectations over fresh batches taken term by term."""
    def linear(body: sp.Expr, n: sp.Expr) -> sp.Expr:
        total = sp.S.Zero
        for term in sp.Add.make_args(sp.expand(body)):
            outside, inside = term.as_independent(OfOrder, as_Add=False)
            total += outside * (sp.S.One if inside == 1 else FreshMean(inside, n))
        return total

    return tidy(tidy(expr, at.definitions).replace(FreshMean, linear), at.definitions)


@registry.rule("independent places", "independent batches: each place holds a random batch, whatever the others hold")
def _independent(at: Situation) -> Check:
    """Prove an expectation over independent batches by expectations over one."""
    if not at.left.has(FreshMean) or at.step.where:
        return Check(UNDECIDED, {"rule": "no expectation over independent batches, or a substitution"})
    return equal(_tidy(_tidy(at.left, at).replace(FreshMean, _over_fresh), at), _tidy(at.right, at))


def _apart(f: sp.Expr, h: sp.Expr) -> sp.Expr:
    return nt.E(nt.BatchSum(f), nt.B) * nt.E(nt.BatchSum(h), nt.B)


def _over_fresh(body: sp.Expr, _: sp.Expr) -> sp.Expr:
    total = sp.S.Zero
    for term in sp.Add.make_args(sp.expand(body)):
        constant, inside = term.as_independent(OfOrder, as_Add=False)
        if inside == 1:
            total += constant
            continue
        total += constant * over_one(inside, _apart)
    return total


def _gradient(expr: sp.Expr) -> sp.Expr:
    """Differentiate squares and products of gradients, per example or in the mean, along the parameters."""
    slope = {nt.g: nt.u, nt.dg: nt.du, nt.gbar: nt.ubar}
    means = set(nt.MEAN_OF.values())
    if isinstance(expr, nt.PopMean):
        return nt.PopMean(_gradient(expr.args[0]))
    if isinstance(expr, sp.Add):
        return sp.Add(*[_gradient(a) for a in expr.args])
    if isinstance(expr, sp.Mul):
        return sp.Add(*[sp.Mul(*[_gradient(b) if k == n else b for k, b in enumerate(expr.args)])
                        for n in range(len(expr.args))])
    if isinstance(expr, sp.Pow) and expr.exp == 2:
        return 2 * expr.base * _gradient(expr.base)
    if expr in slope:
        return slope[expr]
    if expr.has(*nt.NODES) or any(isinstance(q, nt.PerExample) or q in means for q in expr.free_symbols):
        raise ValueError(f"{expr} is no polynomial in gradients")
    return sp.S.Zero


@registry.rule("flow", "the flow's power series in time: minus the gradient of the loss, then its Hessian times it")
def _flow_series(at: Situation) -> Check:
    """Prove the Taylor polynomial of a flow, of second order at most, for modifications of first order and up."""
    if not (isinstance(at.left, Taylor) and isinstance(at.left.args[0], Flow)) or at.step.where:
        return Check(UNDECIDED, {"rule": "the line is no Taylor polynomial of a flow, or a substitution is given"})
    (extra, time), variable, order = at.left.args[0].args, at.left.args[1], at.left.order
    extra = rules.unfold(extra, at.definitions)
    if variable != nt.eta or order > ORDER or extra.xreplace({nt.eta: sp.S.Zero}) != 0:
        return Check(UNDECIDED, {"rule": "beyond second order, or a modification that does not vanish with eta"})
    within = time * nt.eta
    # The modification enters the second derivative in time at third order only.
    series = -within * (nt.gbar + _gradient(extra)) + within**2 / 2 * nt.ubar * nt.gbar
    whole = sp.Poly(sp.expand(moments.expand_sums(series, nt.B)), nt.eta)
    kept = sp.Add(*[c * nt.eta**k for (k,), c in whole.terms() if k <= order])
    return equal(rules.unfold(kept, at.definitions), rules.unfold(at.right, at.definitions))


@registry.rule("termwise", "the Taylor polynomial of a sum is the sum of the Taylor polynomials")
def _termwise(at: Situation) -> Check:
    """Split or join Taylor polynomials of sums."""
    def split(body: sp.Expr, variable: sp.Symbol, order: sp.Integer) -> sp.Expr:
        terms = [a.as_independent(nt.Node, as_Add=False) for a in sp.Add.make_args(sp.expand(body, deep=False))]
        if any(c.has(variable) for c, _ in terms):
            raise ValueError(f"a factor depends on {variable}")
        return sp.Add(*[c * Taylor(rest, variable, order) for c, rest in terms])

    if not at.left.has(Taylor) or at.step.where:
        return Check(UNDECIDED, {"rule": "no Taylor polynomial, or a substitution"})
    return equal(at.left.replace(Taylor, split), at.right.replace(Taylor, split))

