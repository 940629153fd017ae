"""Convex functions of batch means: what falls with the batch size whatever the measure of noise.

`Phi(a)`             an uninterpreted convex function; every world chooses another one
`OthersMean(f)`      mean of f over the batch without the example at hand
`Repeated(a)`        mean of a over the batches that arise when as many draws with replacement as the batch has
                     examples are given labels from the batch, draws of one example the same label
`Without(a)`, `With(a)`   a under sampling without, with replacement, whatever the design of the statement
"""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from typing import Any

import sympy as sp

from theory import notation as nt
from theory import registry
from theory.balls import elementary
from theory.equality import PROVED, UNDECIDED, Check, equal
from theory.evaluation import evaluate
from theory.law import Law, Part
from theory.registry import Situation
from theory.world import Context, Number, batches

__all__ = ["CONVEX", "PHI", "Function", "OthersMean", "Phi", "Repeated", "With", "Without", "agree"]

PHI = sp.Symbol("phi")
"""Under this letter a world keeps its function."""


class Phi(nt.Node):
    """A convex function of its argument."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return nt._power(rf"\varphi\left({printer._print(self.args[0])}\right)", exp)


class OthersMean(nt.Node):
    """Mean over the batch without the example at hand."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        body = printer._print(self.args[0])
        return nt._power(rf"\overline{{{body}}}_{{\mathcal{{B}}\setminus i}}", exp)


class Repeated(nt.Node):
    """Mean over random repetitions of the batch's examples; see the module docstring."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return nt._power(rf"\operatorname{{E}}_{{\mathrm{{rep}}}}\left[{printer._print(self.args[0])}\right]", exp)


class Without(nt.Node):
    """The argument under sampling without replacement."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return nt._power(rf"\left.{printer._print(self.args[0])}\right|_{{\text{{without repl.}}}}", exp)


class With(nt.Node):
    """The argument under sampling with replacement."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return nt._power(rf"\left.{printer._print(self.args[0])}\right|_{{\text{{with repl.}}}}", exp)


@dataclass(frozen=True, slots=True)
class Function:
    """A function of one number, with its name for the record."""

    name: str
    value: Callable[[Number], Number]

    def __str__(self) -> str:
        return self.name


def _affine(c: Fraction, d: Fraction) -> Function:
    return Function(f"{d} x + {c}", lambda x: d * x + c)


CONVEX: tuple[Callable[[Fraction, Fraction], Function], ...] = (
    lambda c, _: Function(f"|x - {c}|", lambda x: abs(x - c)),
    lambda c, _: Function(f"(x - {c})^2", lambda x: (x - c) ** 2),
    lambda c, _: Function(f"(x - {c})^4", lambda x: (x - c) ** 4),
    lambda c, _: Function(f"max(x - {c}, 0)", lambda x: max(x - c, Fraction(0))),
    lambda c, _: Function(f"|1 - {c} x|^3", lambda x: abs(1 - c * x) ** 3),
    lambda c, d: Function(f"max({c} x, {d} x + 1)", lambda x: max(c * x, d * x + 1)),
    lambda c, _: Function(f"exp({c} x / 4)", lambda x: elementary("exp", c * x / 4)),
    _affine,
)
"""Families of convex functions, by two numbers; the last is affine, and meets every bound with equality."""


@registry.means(Phi)
def _phi(node: Phi, world: Context) -> Number:
    return world.values[PHI].value(evaluate(node.args[0], world))


@registry.means(OthersMean)
def _others_mean(node: OthersMean, world: Context) -> Number:
    if world.batch is None or world.example is None:
        raise KeyError("the mean over the others stands outside a sum over the batch")
    others = list(world.batch)
    others.remove(world.example)
    if not others:
        raise ZeroDivisionError("a batch of one example has no others")
    return sum((evaluate(node.args[0], replace(world, example=i)) for i in others), Fraction(0)) / len(others)


@registry.means(Repeated)
def _repeated(node: Repeated, world: Context) -> Number:
    if world.batch is None:
        raise KeyError("repetitions of a batch stand outside an expectation")
    total, law = Fraction(0), repetitions(world.size, len(world.batch))
    for places, count in law:
        batch = tuple(sorted(world.batch[k] for k in places))
        total = total + count * evaluate(node.args[0], replace(world, batch=batch))
    return total / sum(count for _, count in law)


@cache
def repetitions(population: int, size: int) -> tuple[tuple[tuple[int, ...], Fraction], ...]:
    """Return which places of a batch stand in its repetitions, with weights, by visiting all draws and labels."""
    found: Counter[tuple[int, ...]] = Counter()
    for outcomes, drawn in batches(population, size, "wr"):
        distinct = sorted(set(drawn))
        labels = list(itertools.permutations(range(size), len(distinct)))
        for label in labels:
            places = tuple(sorted(label[distinct.index(i)] for i in drawn))
            found[places] += Fraction(outcomes, len(labels))  # type: ignore[assignment]
    return tuple((places, Fraction(weight)) for places, weight in sorted(found.items()))


@registry.means(Without, With)
def _by_design(node: sp.Basic, world: Context) -> Number:
    design = "wor" if isinstance(node, Without) else "wr"
    return evaluate(node.args[0], replace(world, design=design, facts={}))


@registry.worlds(Phi)
def _worlds(law: Law, part: Part, rng: random.Random) -> Iterator[Context]:
    """Small populations, every batch size that fits, a convex function from each family in turn."""
    both = part.statement.has(Without, With)
    for family in itertools.cycle(CONVEX):
        design = rng.choice(law.designs)
        n = rng.randint(2, 4 if both or design == "wr" else 6)
        size = rng.randint(1, n - 1 if both or design == "wor" else 3)
        column = [Fraction(rng.randint(-4, 5)) for _ in range(n)]
        column[-1] += len(set(column)) == 1
        chosen = family(Fraction(rng.randint(-4, 4), 2), Fraction(rng.randint(-4, 4), 3))
        values: dict[sp.Symbol, Number] = {nt.B: Fraction(size), PHI: chosen}
        yield Context({name: column for name in ("g", "x", "u", "v", "w")}, design, values, law.where)


def agree(left: sp.Basic, right: sp.Basic) -> Check:
    """Decide equality where nodes with equal arguments count as the same node."""
    known: list[sp.Basic] = []

    def visit(node: sp.Basic) -> sp.Basic:
        if not node.args:
            return node
        built = node.func(*[visit(a) for a in node.args])
        if not isinstance(built, nt.Node):
            return built
        for other in known:
            if type(other) is type(built) and all(
                a == b or equal(a, b).answer == PROVED for a, b in zip(built.args, other.args, strict=True)
            ):
                return other
        known.append(built)
        return built

    return equal(visit(left), visit(right))


def _one(expr: sp.Basic, kind: type) -> sp.Basic:
    found = expr.atoms(kind)
    if len(found) != 1:
        raise ValueError(f"the line must hold one {kind.__name__}, not {len(found)}")
    return next(iter(found))


def _average(expr: sp.Expr, size: sp.Expr) -> sp.Expr:
    """Return f of a batch mean ``BatchSum(f)/size``."""
    sums = [a for a in sp.Mul.make_args(expr) if isinstance(a, nt.BatchSum)]
    if len(sums) != 1 or equal(expr / sums[0] * size, sp.S.One).answer != PROVED:
        raise ValueError(f"{expr} is not a mean over the batch of {size}")
    return sums[0].args[0]


@registry.rule("leave one out", "a batch mean is the mean of the means that leave one example out")
def _leave_one_out(at: Situation) -> Check:
    def told(body: sp.Expr, size: sp.Expr) -> sp.Expr:
        def others(inner: sp.Expr) -> sp.Expr:
            if not isinstance(inner, OthersMean):
                return nt.BatchSum(inner)
            total = nt.BatchSum(inner.args[0])  # each of the `size` terms is (total - f_i)/(size - 1)
            return (size * total - total) / (size - 1)

        return nt.E(body.replace(nt.BatchSum, others), size)

    return agree(at.left, at.right.replace(nt.E, told))


@registry.rule("jensen", "a convex function of a mean is at most the mean of the function: its definition", bound=True)
def _jensen(at: Situation) -> Check:
    if at.part.relation != "<=":
        return Check(UNDECIDED, {"rule": "a convex function bounds from above only"})
    node, phi = _one(at.left, nt.E), _one(at.left, Phi)
    inner = phi.args[0]
    if at.left.has(Repeated) != isinstance(inner, Repeated):
        raise ValueError("repetitions must be the argument of the function")
    if isinstance(inner, Repeated):
        bound = Repeated(Phi(inner.args[0]))
    else:
        bound = nt.BatchSum(Phi(_average(inner, node.args[1]))) / node.args[1]
    if at.left not in (nt.E(phi, node.args[1]), Without(nt.E(phi, node.args[1]))):
        raise ValueError("the line must be the expectation of a convex function")
    return agree(at.left.xreplace({phi: bound}), at.right)


@registry.rule("exchange", "a random example left out of a batch leaves a batch of one less, of the same design")
def _exchange(at: Situation) -> Check:
    node, others = _one(at.left, nt.E), _one(at.left, OthersMean)
    body, size = node.args
    kept = _average(body, size).xreplace({others: sp.Dummy()})
    if kept.has(nt.BatchSum) or any(isinstance(s, nt.PerExample) for s in kept.free_symbols):
        raise ValueError("the term must depend on the others alone")
    if not _leaves_a_batch(at.design):
        return Check(UNDECIDED, {"rule": "the batches left over are not as likely as batches"})
    smaller = nt.BatchSum(others.args[0]) / (size - 1)
    told = nt.E(_average(body, size).xreplace({others: smaller}), size - 1)
    return agree(at.left.xreplace({node: told}), at.right)


@cache
def _leaves_a_batch(design: str) -> bool:
    """Say whether batches less a random example are batches: by a count for all sizes, and by visiting small ones."""
    size, left_out = sp.symbols("size left_out", integer=True, positive=True)
    if design == "wor":
        # N = size + left_out: each smaller batch comes from left_out + 1 larger ones, in one of `size` ways.
        ways = (left_out + 1) / size
        ratio = sp.combsimp(sp.binomial(size + left_out, size) / sp.binomial(size + left_out, size - 1))
        if equal(ways, ratio).answer != PROVED:
            return False
    for n, b in itertools.product(range(1, 6), range(2, 5)):
        if design == "wr" or b <= n:
            larger: Counter[tuple[int, ...]] = Counter()
            for outcomes, batch in batches(n, b, design):
                for k in range(b):
                    larger[batch[:k] + batch[k + 1:]] += outcomes
            smaller = {batch: outcomes for outcomes, batch in batches(n, b - 1, design)}
            total, fewer = sum(larger.values()), sum(smaller.values())
            if {k: Fraction(v, total) for k, v in larger.items()} != {
                k: Fraction(v, fewer) for k, v in smaller.items()}:
                return False
    return True


@registry.rule("repeat", "the examples of a batch are repeated once each in the mean: as many draws as examples, "
               "and no example is preferred")
def _repeat(at: Situation) -> Check:
    node = _one(at.right, Repeated)
    sums = sorted(node.args[0].atoms(nt.BatchSum), key=str)
    if node.args[0].has(Phi) or not sums or sp.Poly(node.args[0], *sums).total_degree() > 1:
        raise ValueError("only sums over the batch keep their value under repetition")
    for n, size in _SMALL:
        mean: Counter[int] = Counter()
        for places, weight in repetitions(n, size):
            for k in places:
                mean[k] += weight  # type: ignore[assignment]
        if set(mean.values()) != {sum(weight for _, weight in repetitions(n, size))}:
            return Check(UNDECIDED, {"rule": "some example is preferred"})
    return agree(at.left, at.right.xreplace({node: node.args[0]}))


@registry.rule("redraw", "a batch without replacement whose examples are repeated is a batch with replacement")
def _redraw(at: Situation) -> Check:
    outer, node, repeated = _one(at.left, Without), _one(at.left, nt.E), _one(at.left, Repeated)
    if outer != Without(node) or node.args[0] != repeated:
        raise ValueError("the line must be the mean, without replacement, of repetitions")
    if not all(_redraws(n, size) for n, size in _SMALL):
        return Check(UNDECIDED, {"rule": "the repeated batches are not as likely as batches with replacement"})
    # In general: k draws of one example each have chance ff(N,k)/N^size, the k labels 1/ff(N,k) each.
    return agree(at.left.xreplace({outer: With(nt.E(repeated.args[0], node.args[1]))}), at.right)


_SMALL = tuple((n, size) for n in range(1, 6) for size in range(1, min(n, 4) + 1))


@cache
def _redraws(n: int, size: int) -> bool:
    """Say whether repetitions of a batch without replacement have the chances of batches with replacement."""
    found: Counter[tuple[int, ...]] = Counter()
    for _, batch in batches(n, size, "wor"):
        for places, weight in repetitions(n, size):
            found[tuple(sorted(batch[k] for k in places))] += weight  # type: ignore[assignment]
    total = math.comb(n, size)
    return {k: v / total for k, v in found.items()} == {batch: count for count, batch in batches(n, size, "wr")}
