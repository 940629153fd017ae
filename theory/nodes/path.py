"""Paths of SGD in several dimensions, on any loss, and their stationary states.

The vectors `theta` (parameters before a step), `g` (gradient of the batch), `after` (parameters after the step),
`full` (gradient of the whole population), `point` (any fixed point) combine linearly; `rate` is the step size of
a step where it may differ from step to step.

`Dot(a, b)`     inner product            `Bent(a, b)`   a'Hb with the Hessian H of a quadratic loss
`Loss(a)`       quadratic loss at a
`Along(f)`      sum of f over the T steps of a path
`Start(f)`, `End(f)`   f, a function of `theta`, before the first and after the last step
`Settled(f)`    mean of f over the stationary state and an independent batch
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

import sympy as sp

from theory import notation as nt
from theory import registry
from theory.evaluation import evaluate
from theory.law import Law, Part
from theory.nodes import linear
from theory.world import Context, Number, batches

__all__ = ["Along", "Bent", "Dot", "End", "Loss", "Settled", "Start", "T", "after", "full", "grad", "point", "rate",
           "theta"]


class Vector(sp.Symbol):
    """A vector, or the step size, that has another value at each step."""

    texts: Mapping[str, str] = {
        "theta": r"\theta", "after": r"\theta^+", "grad": r"g_{\mathcal{B}}", "full": r"\nabla L(\theta)",
        "point": "c", "rate": r"\eta_s", "slope": "b"}

    def _latex(self, printer: Any) -> str:
        return self.texts[self.name]


theta, grad, after, full, point, slope = (
    Vector(n, real=True) for n in ("theta", "grad", "after", "full", "point", "slope"))
rate = Vector("rate", positive=True)
T = sp.Symbol("T", integer=True, positive=True)

VECTORS = (theta, grad, after, full, point, slope)
FIXED = (point, slope)


def _text(head: str, inner: str, exp: str | None) -> str:
    text = rf"{head}{inner}"
    return rf"\left({text}\right)^{{{exp}}}" if exp else text


class Dot(nt.Node):
    """Inner product of two vectors."""

    nargs = 2

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        a, b = (printer._print(x) for x in self.args)
        if self.args[0] == self.args[1]:
            return _text("", rf"\left\|{a}\right\|^2", exp)
        return _text("", rf"\left\langle {a},\,{b}\right\rangle", exp)


class Bent(nt.Node):
    """Inner product of two vectors, weighted with the Hessian of a quadratic loss."""

    nargs = 2

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        a, b = (rf"\left({printer._print(x)}\right)" if x.is_Add else printer._print(x) for x in self.args)
        return _text("", rf"{a}^\top H\,{b}", exp)


class Loss(nt.Node):
    """Mean loss of the population at a vector, where every example's loss is quadratic."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return _text("L", rf"\left({printer._print(self.args[0])}\right)", exp)


class Along(nt.Node):
    """Sum over the steps of a path."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        body = printer._print(self.args[0])
        return _text(r"\sum_{s<T}", rf"\left({body}\right)" if self.args[0].is_Add else body, exp)


class Start(nt.Node):
    """A function of the parameters before the first step."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return _text("", rf"\left.{printer._print(self.args[0])}\right|_{{s=0}}", exp)


class End(nt.Node):
    """A function of the parameters after the last step."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return _text("", rf"\left.{printer._print(self.args[0])}\right|_{{s=T}}", exp)


class Settled(nt.Node):
    """Mean over the stationary state and an independent batch."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return _text(r"\operatorname{E}_\infty", rf"\left[{printer._print(self.args[0])}\right]", exp)


Values = tuple[Number, ...]
Place = Mapping[sp.Symbol, Values]


def _vector(expr: sp.Expr, world: Context) -> Values:
    place: Place = world.state.get("place", {})
    width = len(next(iter(place.values()))) if place else 0
    return tuple(evaluate(expr, replace(world, values={**world.values, **{v: x[j] for v, x in place.items()}}))
                 for j in range(width))


@registry.means(Dot)
def _dot(node: Dot, world: Context) -> Number:
    a, b = (_vector(x, world) for x in node.args)
    return sum((x * y for x, y in zip(a, b, strict=True)), Fraction(0))


@registry.means(Bent)
def _bent(node: Bent, world: Context) -> Number:
    if "hessian" not in world.state:
        raise KeyError("the loss of this world is not quadratic")
    H, a, b = world.state["hessian"], *(_vector(x, world) for x in node.args)
    return sum((a[i] * H[i][j] * b[j] for i in range(len(a)) for j in range(len(b))), Fraction(0))


@registry.means(Loss)
def _loss(node: Loss, world: Context) -> Number:
    if "quadratics" not in world.state:
        raise KeyError("the loss of this world is not quadratic")
    a, total = _vector(node.args[0], world), Fraction(0)
    for H, b in world.state["quadratics"]:
        total += sum(a[i] * (b[i] + sum(H[i][j] * a[j] for j in range(2)) / 2) for i in range(2))
    return total / len(world.state["quadratics"])


def _here(world: Context, place: Place, scalars: Mapping[sp.Symbol, Number]) -> Context:
    return replace(world, state={**world.state, "place": place}, values={**world.values, **scalars})


@registry.means(Along)
def _along(node: Along, world: Context) -> Number:
    steps = world.state["path"][:int(evaluate(T, world))]
    return sum((evaluate(node.args[0], _here(world, place, {rate: size})) for place, size in steps), Fraction(0))


@registry.means(Start, End)
def _ends(node: Start | End, world: Context) -> Number:
    steps = world.state["path"][:int(evaluate(T, world))]
    place = steps[0][0] if isinstance(node, Start) else steps[-1][0]
    reached = place[theta] if isinstance(node, Start) else place[after]
    return evaluate(node.args[0], _here(world, {theta: reached, point: place[point]}, {}))


@registry.means(Settled)
def _settled(node: Settled, world: Context) -> Number:
    """Average over every point of the stationary state and every batch."""
    size, eta, total = int(evaluate(nt.B, world)), evaluate(nt.eta, world), Fraction(0)
    pool = list(batches(world.size, size, world.design))
    count = sum(k for k, _ in pool)
    for weight, here, each in world.state["settled"]:
        if weight == 0:
            continue
        mean = _mean([each[i] for i in range(world.size)])
        for k, batch in pool:
            g = _mean([each[i] for i in batch])
            place = {theta: here, grad: g, full: mean, point: world.state["point"],
                     after: tuple(x - eta * y for x, y in zip(here, g, strict=True))}
            total += weight * Fraction(k, count) * evaluate(node.args[0], _here(world, place, {}))
    return total


def _mean(vectors: list[Values]) -> Values:
    return tuple(sum(column, Fraction(0)) / len(vectors) for column in zip(*vectors, strict=True))


def _quartic(world: Context, here: Values) -> list[Values]:
    """Gradients of the examples' losses g x + z y + u x^2/2 + v x y + w x^2 y^2/2, with z the population's x."""
    a, b = here
    columns = (world.population[q] for q in ("g", "x", "u", "v", "w"))
    return [(g + u * a + v * b + w * a * b * b, z + v * a + w * a * a * b)
            for g, z, u, v, w in zip(*columns, strict=True)]


@registry.worlds(Along)
def _paths(law: Law, part: Part, rng: random.Random) -> Iterator[Context]:
    """Walk on a loss that is neither quadratic nor convex, from a random start, by random batches."""
    for world in linear.draw_worlds(law, part, rng):
        steps, size = int(world.values[T]), int(world.values[nt.B])
        sizes = [world.values[nt.eta]] * steps
        if part.statement.has(rate):
            sizes = [Fraction(rng.randint(1, 9), 8) for _ in range(steps)]
        here: Values = (Fraction(rng.randint(-3, 3), 2), Fraction(rng.randint(-3, 3), 2))
        fixed, path = (Fraction(rng.randint(-4, 4)), Fraction(rng.randint(-4, 4))), []
        for eta in sizes:
            each = _quartic(world, here)
            g = _mean([each[i] for i in rng.sample(range(world.size), size)])
            moved = tuple(x - eta * y for x, y in zip(here, g, strict=True))
            path.append(({theta: here, grad: g, after: moved, full: _mean(each), point: fixed}, eta))
            here = moved
        yield replace(world, state={"path": path})


@registry.worlds(Settled)
def _stationary(law: Law, part: Part, rng: random.Random) -> Iterator[Context]:
    """Settle on quadratics whose curvatures differ, and, where no Hessian is asked for, on losses of any shape."""
    for world in linear.draw_worlds(law, part, rng, largest=3):
        fixed = (Fraction(rng.randint(-4, 4)), Fraction(rng.randint(-4, 4)))
        if part.statement.has(Bent, Loss) or rng.random() < 0.5:
            found = _on_quadratics(world, rng)
        else:
            found = _on_grid(world, rng)
        if found is not None:
            yield replace(world, state={**found, "point": fixed})


def _on_quadratics(world: Context, rng: random.Random) -> dict[str, Any] | None:
    """Return a stationary state's moments, as points with weights, that the step of every batch leaves as they are."""
    eta, size = evaluate(nt.eta, world), int(evaluate(nt.B, world))
    quadratics = []
    for b in zip(world.population["g"], world.population["x"], strict=True):
        low, high, mixed = (Fraction(rng.randint(*ends), 2) for ends in ((1, 4), (1, 4), (-1, 1)))
        quadratics.append((((low, mixed), (mixed, high)), b))
    maps: list[linear.Map] = []
    pool = list(batches(world.size, size, world.design))
    count = sum(k for k, _ in pool)
    for k, batch in pool:
        H, b = _middle([quadratics[i] for i in batch])
        rows = tuple(tuple((i == j) - eta * H[i][j] for j in range(2)) for i in range(2))
        maps.append((Fraction(k, count), rows, tuple(-eta * x for x in b)))  # type: ignore[arg-type]
    try:
        points = linear.expectation(linear.settle(maps))
    except ZeroDivisionError:
        return None
    settled = [(weight, here, [tuple(b[i] + sum(H[i][j] * here[j] for j in range(2)) for i in range(2))
                               for H, b in quadratics]) for weight, here in points]
    return {"settled": settled, "quadratics": quadratics, "hessian": _middle(quadratics)[0]}


def _middle(quadratics: list[Any]) -> Any:
    n = len(quadratics)
    H = tuple(tuple(sum(q[0][i][j] for q in quadratics) / n for j in range(2)) for i in range(2))
    return H, tuple(sum(q[1][i] for q in quadratics) / n for i in range(2))


def _on_grid(world: Context, rng: random.Random) -> dict[str, Any] | None:
    """Return the stationary law of a chain on the points 0..n-1 of a line, for gradients drawn at each of them.

    Every function on finitely many points of a line is the derivative of some smooth loss there.  Examples pull by
    multiples of B, each within the points, so that every batch leads from a point to a point.
    """
    eta, size, n = evaluate(nt.eta, world), int(evaluate(nt.B, world)), rng.randint(3, 6)
    pulls = [[size * rng.choice([k for k in range(-n, n + 1) if 0 <= s - size * k < n]) for _ in range(world.size)]
             for s in range(n)]
    pool = list(batches(world.size, size, world.design))
    count = sum(k for k, _ in pool)
    moves = [[Fraction(0)] * n for _ in range(n)]
    for s in range(n):
        for k, batch in pool:
            moves[s - sum(pulls[s][i] for i in batch) // size][s] += Fraction(k, count)
    balance = [[moves[i][j] - (i == j) for j in range(n)] for i in range(n - 1)] + [[Fraction(1)] * n]
    try:
        law = linear.solve(balance, [Fraction(0)] * (n - 1) + [Fraction(1)])
    except ZeroDivisionError:
        return None  # several recurrent classes
    offset = Fraction(rng.randint(-9, 9), 2)
    return {"settled": [(law[s], (s + offset, Fraction(0)), [(pull / eta, Fraction(0)) for pull in pulls[s]])
                        for s in range(n)]}
