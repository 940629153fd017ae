"""Losses that do not see the scale of a weight vector w, as behind a normalization: L(alpha w) = L(w) for alpha > 0.

`Weight(j)`            entry j of w                       `Value(c)`     L at c w
`Partial(j, c)`        derivative of L by entry j, at c w
`Bend(j, l, c)`        second derivative of L by entries j and l, at c w
`Nudge(f, j)`          derivative of f, a function of w, by entry j of w
`OverWeights(f, j)`    sum of f over the entries
`Moved(j)`             entry j after a step of SGD with decay: (1 - eta lam) w_j - eta dL/dw_j
`Length2(t)`           squared length of w after t steps, each on a loss of its own
`Force2(j)`            squared length of the gradient in step j of that run

Brute force draws quotients of polynomials of degree 0, and losses of a few outputs of a batch-normalized unit.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import sympy as sp

from theory import notation as nt
from theory import registry, rules
from theory.domain import Param, Reals
from theory.equality import UNDECIDED, Check, equal
from theory.evaluation import evaluate
from theory.jets import Jet
from theory.law import Law, Part
from theory.nodes.calculus import First, carried
from theory.nodes.entries import Index, j, l, normalized
from theory.nodes.places import Steps, drawn_values
from theory.nodes.summation import by_induction
from theory.registry import Situation
from theory.world import Context, Number

__all__ = ["DECAY", "FACTOR", "Bend", "Force2", "Length2", "Moved", "Nudge", "OverWeights", "Partial", "T", "Value",
           "Weight", "alpha", "j", "l", "lam", "place"]

alpha = sp.Symbol("alpha", positive=True)
lam = sp.Symbol("lam", nonnegative=True)
T = sp.Symbol("T", integer=True, nonnegative=True)
place = sp.Symbol("s", integer=True, positive=True)
"""A step of a run, bound by `Steps`."""

FACTOR = Param(alpha, Reals(0, open=True), 2, "factor of all weights")
DECAY = Param(lam, Reals(0), Fraction(1, 100), "weight decay: a step also multiplies the weights by 1 - eta lam")

Vector = Sequence[Number]
Loss = Callable[[Vector], Number]


class _OfRay(nt.Node):
    """A node of this family."""

    head = ""

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return nt._power(self._text(*(printer._print(a) for a in self.args)), exp)

    def _text(self, *args: str) -> str:
        return rf"{self.head}_{{{args[0]}}}"

    def _at(self, factor: str) -> str:
        return r"(w)" if factor == "1" else rf"({factor} w)"


class Weight(_OfRay):
    """Entry of the weight vector."""

    nargs = 1
    head = "w"


class Value(_OfRay):
    """Loss on the ray of the weight vector."""

    nargs = 1

    def _text(self, *args: str) -> str:
        return "L" + self._at(args[0])


class Partial(_OfRay):
    """First derivative of the loss."""

    nargs = 2

    def _text(self, *args: str) -> str:
        return rf"\partial_{{{args[0]}}}L" + self._at(args[1])


class Bend(_OfRay):
    """Second derivative of the loss."""

    nargs = 3

    def _text(self, *args: str) -> str:
        return rf"\partial_{{{args[0]}}}\partial_{{{args[1]}}}L" + self._at(args[2])


class Nudge(_OfRay):
    """Derivative of a function of the weights by one of them."""

    nargs = 2

    def _text(self, *args: str) -> str:
        return rf"\frac{{\partial}}{{\partial w_{{{args[1]}}}}}\left[{args[0]}\right]"


class OverWeights(_OfRay):
    """Sum over the entries of the weight vector."""

    nargs = 2

    def _text(self, *args: str) -> str:
        body = rf"\left({args[0]}\right)" if isinstance(self.args[0], sp.Add) else f" {args[0]}"
        return rf"\sum_{{{args[1]}}}{body}"


class Moved(_OfRay):
    """Entry of the weight vector after a step."""

    nargs = 1
    head = "w^+"


class Length2(_OfRay):
    """Squared length after some steps."""

    nargs = 1

    def _text(self, *args: str) -> str:
        return rf"\left\|w_{{{args[0]}}}\right\|^2"


class Force2(_OfRay):
    """Squared length of the gradient in a step."""

    nargs = 1

    def _text(self, *args: str) -> str:
        return rf"\left\|g_{{{args[0]}}}\right\|^2"


# Meaning. --------------------------------------------------------------------------------------------------------

def _entry(letter: sp.Basic, world: Context) -> int:
    if not isinstance(letter, Index) or letter not in world.values:
        raise KeyError(f"{letter} names no entry")
    return int(world.values[letter]) - 1


def _moving(start: Vector, direction: Vector, order: int) -> list[Jet]:
    zeros = [Fraction(0)] * (order - 1)
    return [Jet([x, d, *zeros]) for x, d in zip(start, direction, strict=True)]


def _coefficient(loss: Loss, start: Vector, direction: Vector, order: int) -> Number:
    """Return a Taylor coefficient of the loss along a direction."""
    found = loss(_moving(start, direction, order))
    return found[order] if isinstance(found, Jet) else Fraction(0)


def _unit(k: int, size: int) -> list[Fraction]:
    return [Fraction(int(i == k)) for i in range(size)]


def _second(loss: Loss, start: Vector, one: Vector, other: Vector) -> Number:
    """Return a mixed second derivative from three second derivatives along lines."""
    both = [a + b for a, b in zip(one, other, strict=True)]
    parts = [_coefficient(loss, start, direction, 2) for direction in (both, one, other)]
    return parts[0] - parts[1] - parts[2]


@registry.means(Weight)
def _weight(node: Weight, world: Context) -> Number:
    return world.state["weights"][_entry(node.args[0], world)]


@registry.means(Value)
def _value(node: Value, world: Context) -> Number:
    factor = evaluate(node.args[0], world)
    return world.state["losses"][0]([factor * w for w in world.state["weights"]])


@registry.means(Partial)
def _partial(node: Partial, world: Context) -> Number:
    k, factor, w = _entry(node.args[0], world), evaluate(node.args[1], world), world.state["weights"]
    loss, e = world.state["losses"][0], _unit(_entry(node.args[0], world), len(w))
    if not isinstance(factor, Jet):
        return _coefficient(loss, [factor * x for x in w], _unit(k, len(w)), 1)
    here = [factor[0] * x for x in w]
    return Jet([_coefficient(loss, here, e, 1), factor[1] * _second(loss, here, e, w)])


@registry.means(Bend)
def _bend(node: Bend, world: Context) -> Number:
    w, factor = world.state["weights"], evaluate(node.args[2], world)
    one, other = (_unit(_entry(a, world), len(w)) for a in node.args[:2])
    return _second(world.state["losses"][0], [factor * x for x in w], one, other)


@registry.means(Nudge)
def _nudge(node: Nudge, world: Context) -> Number:
    w = world.state["weights"]
    moved = _moving(w, _unit(_entry(node.args[1], world), len(w)), 1)
    found = evaluate(node.args[0], replace(world, state={**world.state, "weights": moved}, facts={}))
    return found[1] if isinstance(found, Jet) else Fraction(0)


@registry.means(OverWeights)
def _over(node: OverWeights, world: Context) -> Number:
    body, letter = node.args
    if not isinstance(letter, Index):
        raise KeyError(f"{letter} is no index")
    return sum((evaluate(body, replace(world, values={**world.values, letter: Fraction(k + 1)}, facts={}))
                for k in range(len(world.state["weights"]))), Fraction(0))


def _stepped(weights: Vector, loss: Loss, world: Context) -> tuple[list[Number], list[Number]]:
    """Take a step of SGD with decay; return the weights after it and its gradient."""
    eta, decay = evaluate(nt.eta, world), evaluate(lam, world)
    g = [_coefficient(loss, weights, _unit(k, len(weights)), 1) for k in range(len(weights))]
    return [x - eta * decay * x - eta * y for x, y in zip(weights, g, strict=True)], g


@registry.means(Moved)
def _moved(node: Moved, world: Context) -> Number:
    return _stepped(world.state["weights"], world.state["losses"][0], world)[0][_entry(node.args[0], world)]


@registry.means(Length2, Force2)
def _run(node: Length2 | Force2, world: Context) -> Number:
    count, weights, g = int(evaluate(node.args[0], world)), world.state["weights"], []
    for loss in world.state["losses"][:count]:
        weights, g = _stepped(weights, loss, world)
    return sum((x * x for x in (weights if isinstance(node, Length2) else g)), Fraction(0))


# Worlds. ---------------------------------------------------------------------------------------------------------

def _quotient(size: int, rng: random.Random) -> Loss:
    """Draw a quotient of polynomials of the same degree."""
    matrix = [[rng.randint(-3, 3) for _ in range(size)] for _ in range(size)]
    cubic = [rng.randint(-2, 2) for _ in range(size)]

    def loss(w: Vector) -> Number:
        square: Number = Fraction(0)
        form: Number = Fraction(0)
        third: Number = Fraction(0)
        for a, x in enumerate(w):
            square = square + x * x
            third = third + cubic[a] * x * x * x * w[0]
            for b, y in enumerate(w):
                form = form + matrix[a][b] * x * y
        return form / square + third / (square * square)

    return loss


def _normalized(size: int, rng: random.Random) -> Loss:
    """Draw inputs of a batch-normalized unit, and a loss of its outputs."""
    count = 3
    inputs = [[rng.randint(-3, 3) for _ in range(size)] for _ in range(count)]
    first = [rng.randint(-3, 3) for _ in range(count)]
    second = [[rng.randint(-1, 1) for _ in range(count)] for _ in range(count)]

    def loss(w: Vector) -> Number:
        rows = [sum((x * y for x, y in zip(w, row, strict=True)), Fraction(0)) for row in inputs]
        out = normalized(rows, Fraction(0))
        total: Number = Fraction(0)
        for a, y in enumerate(out):
            total = total + first[a] * y
            for b, z in enumerate(out):
                total = total + second[a][b] * y * z
        return total

    return loss


@registry.worlds(Length2, Value, Partial, Bend, Moved)
def _worlds(law: Law, part: Part, rng: random.Random) -> Iterator[Context]:
    """Draw weights, losses and parameters; step sizes that keep the length, if the law's model says so."""
    runs = part.statement.has(Length2)
    while True:
        size = rng.randint(2, 3)
        weights = [Fraction(rng.choice((-3, -2, -1, 1, 2, 3))) for _ in range(size)]
        values: dict[sp.Symbol, Number] = dict(drawn_values(law, rng, most=2))
        values |= {letter: Fraction(rng.randint(1, size)) for letter in (j, l)}
        world = Context({"x": weights}, "wor", values, law.where)
        if runs or rng.random() < 2 / 3:
            losses = [_quotient(size, rng) for _ in range(3)]
        else:
            losses = [_normalized(size, rng)]
        world = replace(world, state={"weights": weights, "losses": losses})
        try:
            yield _keeping_length(world, weights) if law.model else world
        except ZeroDivisionError:
            continue  # no spread among the outputs, or no gradient


def _keeping_length(world: Context, weights: Vector) -> Context:
    """Choose the step size at which decay and growth of the length cancel."""
    square = sum((x * x for x in weights), Fraction(0))
    force = evaluate(OverWeights(Partial(j, 1) ** 2, j), world)
    if force == 0:
        raise ZeroDivisionError("the gradient vanishes")
    rate = 2 * world.values[lam] * square / (world.values[lam] ** 2 * square + force)
    return replace(world, values={**world.values, nt.eta: rate})


# Proofs. ---------------------------------------------------------------------------------------------------------

def _spread(expr: sp.Basic) -> sp.Basic:
    """Write a step out, and sums over the weights as combinations of sums of monomials."""
    stepped = expr.replace(Moved, lambda at: (1 - nt.eta * lam) * Weight(at) - nt.eta * Partial(at, sp.S.One))

    def linear(body: sp.Expr, letter: Index) -> sp.Expr:
        total = sp.S.Zero
        for term in sp.Add.make_args(sp.expand(body)):
            outside, inside = term.as_independent(letter, as_Add=False)
            if inside == 1:
                raise ValueError("the number of weights has no letter here")
            total += outside * OverWeights(inside, letter)
        return total

    return stepped.replace(OverWeights, linear)


@registry.rule("weights", "a step of SGD with decay written out; sums over the weights are linear")
def _weights(at: Situation) -> Check:
    return equal(*(_spread(rules.unfold(side, at.definitions)) for side in (at.left, at.right)))


@registry.rule("ray", "chain rule on the ray: d/dc L(c w) is the sum of w_j dL/dw_j at c w, d/dw_j of L(c w) is c times "
               "dL/dw_j at c w, and so for dL/dw_l in place of L")
def _ray(at: Situation) -> Check:
    def along(body: sp.Expr, letter: sp.Symbol) -> sp.Expr:
        if isinstance(body, Value):
            (factor,) = body.args
            return sp.diff(factor, letter) * OverWeights(Weight(j) * Partial(j, factor), j)
        if isinstance(body, Partial):
            at_entry, factor = body.args
            other = j if at_entry != j else l
            return sp.diff(factor, letter) * OverWeights(Weight(other) * Bend(at_entry, other, factor), other)
        return First(body, letter)

    def across(body: sp.Expr, letter: Index) -> sp.Expr:
        if not isinstance(body, Value) or body.args[0].has(Weight):
            raise ValueError("only the loss on the ray is derived across it")
        return body.args[0] * Partial(letter, body.args[0])

    return equal(*(_spread(carried(side.replace(First, along).replace(Nudge, across), at.definitions))
                   for side in (at.left, at.right)))


@registry.rule("scale invariance", "the loss is the same at c w, c > 0, as at w; what does not depend on c has no "
               "derivative by it")
def _invariance(at: Situation) -> Check:
    def same(factor: sp.Expr) -> sp.Expr:
        if not factor.is_positive:
            raise ValueError(f"{factor} is not known to be positive")
        return Value(sp.S.One)

    return equal(*(carried(side.replace(Value, same), at.definitions) for side in (at.left, at.right)))


@registry.rule("run", "by induction on the steps: the claim holds at the start, and a step maps it to the next")
def _induced(at: Situation) -> Check:
    """Prove a squared length after T steps by the part of the law that ``step`` names, which gives one step."""
    names = [p.name for p in at.law.parts]
    name = str(at.step.where.get("step", ""))
    if at.left != Length2(T) or name not in names or names.index(name) >= names.index(at.part.name):
        return Check(UNDECIDED, {"rule": "a squared length after T steps, and the part that gives one, are needed"})
    one = at.law.part(name)
    square, force = OverWeights(Weight(j) ** 2, j), OverWeights(Partial(j, sp.S.One) ** 2, j)
    if one.lhs != OverWeights(Moved(j) ** 2, j):
        return Check(UNDECIDED, {"rule": f"part {name} does not give the squared length after a step"})
    moved = one.rhs.xreplace({square: at.right, force: Force2(T + 1)})
    if moved.has(Weight, Partial):
        return Check(UNDECIDED, {"rule": f"part {name} is not in the squared lengths alone"})
    return by_induction(at.right, T, Length2(sp.S.Zero), moved, at.definitions)


__all__ += ["Steps"]
