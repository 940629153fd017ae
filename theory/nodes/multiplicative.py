"""Multiplicative noise: the factor |1 - eta h_B| of one step, along paths of SGD and in its powers.

`PathSum(f, t)`       expectation of the sum of f over t independent batches
`PathProduct(f, t)`   expectation of the product of f over t independent batches
`TailIndex(B)`        the positive power q at which E|1 - eta h_B|^q = 1; with curvatures and numbers of examples as
                      further arguments, of the population that they describe
`EdgeExponent(B)`     E ln|1 - eta h_B| at eta = 2/hbar, gradient descent's largest stable step, where every batch
                      has more than half of the mean curvature hbar
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import flint
import sympy as sp

from theory import laws, registry
from theory import notation as nt
from theory.balls import BITS, Ball, ball
from theory.domain import Choice, Integers, Reals
from theory.equality import PROVED, UNDECIDED, Check, equal
from theory.evaluation import evaluate
from theory.law import Law, Part
from theory.nodes.levels import factor, members
from theory.nodes.logarithms import spread
from theory.registry import Situation
from theory.world import Context, Number, batches

__all__ = ["EdgeExponent", "PathProduct", "PathSum", "TailIndex", "chances", "tail_index"]

MOST_PATHS = 3000
"""Sequences of batches that are visited one by one."""


class PathSum(nt.Node):
    """Expected sum over independent steps."""

    nargs = 2

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        body, steps = (printer._print(a) for a in self.args)
        return nt._power(rf"\operatorname{{E}}\left[\sum_{{s=1}}^{{{steps}}}{body}\right]", exp, wrap=False)


class PathProduct(nt.Node):
    """Expected product over independent steps."""

    nargs = 2

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        body, steps = (printer._print(a) for a in self.args)
        return nt._power(rf"\operatorname{{E}}\left[\prod_{{s=1}}^{{{steps}}}{body}\right]", exp, wrap=False)


class TailIndex(nt.Node):
    """Positive power of the factor whose mean is 1."""

    nargs = (1, 5, 7)

    @property
    def levels(self) -> list[tuple[sp.Expr, sp.Expr]]:
        """Curvature and number of examples, where the population is given so."""
        return list(zip(self.args[1::2], self.args[2::2], strict=True))

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        inside = ",".join(printer._print(a) for a in self.args)
        return nt._power(rf"\alpha_{{{inside}}}", exp)


class EdgeExponent(nt.Node):
    """Lyapunov exponent of SGD at gradient descent's largest stable step size."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        size = printer._print(self.args[0])
        return nt._power(rf"\gamma_{{{size}}}\left(\tfrac{{2}}{{\bar h}}\right)", exp)


def _values(body: sp.Basic, world: Context) -> list[tuple[Fraction, Number]]:
    """Every (probability, value) of one step."""
    pool = list(batches(world.size, int(evaluate(nt.B, world)), world.design))
    total = sum(outcomes for outcomes, _ in pool)
    return [(Fraction(outcomes, total), evaluate(body, replace(world, batch=b))) for outcomes, b in pool]


@registry.means(PathSum, PathProduct)
def _path(node: PathSum | PathProduct, world: Context) -> Number:
    body, steps = node.args[0], int(evaluate(node.args[1], world))
    values = _values(body, world)
    if len(values) ** steps > MOST_PATHS:
        raise ZeroDivisionError("more paths than are visited one by one")
    start = Fraction(0) if isinstance(node, PathSum) else Fraction(1)
    total: Number = Fraction(0)
    for path in itertools.product(values, repeat=steps):
        chance, found = Fraction(1), start
        for probability, value in path:
            chance *= probability
            found = found + value if isinstance(node, PathSum) else found * value
        total = total + chance * found
    return total


def chances(size: sp.Expr, levels: list[tuple[sp.Expr, sp.Expr]], world: Context) -> list[tuple[Fraction, Fraction]]:
    """Return every (probability, |1 - eta h_B|), by visiting every batch."""
    column = members(levels, world) if levels else world.population["u"]
    number, eta = int(evaluate(size, world)), evaluate(nt.eta, world)
    pool = list(batches(len(column), number, world.design))
    total = sum(outcomes for outcomes, _ in pool)
    return [(Fraction(outcomes, total), abs(1 - eta * sum(column[i] for i in batch) / number))
            for outcomes, batch in pool]


def tail_index(law: list[tuple[Fraction, Fraction]]) -> Ball:
    """Return the positive zero of E m^q - 1, enclosed between two powers at which it has both signs.

    Raises
    ------
    ZeroDivisionError
        If there is none: if no factor exceeds 1, or the mean logarithm is not negative.
    """
    rising = [(p, m) for p, m in law if m > 0]
    if not any(m > 1 for _, m in rising) or (len(rising) == len(law) and sum(
            float(p) * math.log(m) for p, m in law) > -1e-9):
        raise ZeroDivisionError("the moments of the factor do not return to 1")
    high = 1.0
    floats = [(float(p), math.log(m)) for p, m in rising]
    while sum(p * math.exp(high * x) for p, x in floats) < 1:
        high *= 2
        if high > 500:
            raise ZeroDivisionError("the tail index is too large for an enclosure")
    with flint.ctx.workprec(BITS):
        logs = [(flint.arb(flint.fmpq(p.numerator, p.denominator)), ball(m).value.log()) for p, m in rising]

        def growth(q: flint.arb) -> flint.arb:
            return sum((p * (q * x).exp() for p, x in logs), flint.arb(-1))

        q = flint.arb(high)  # to the right of the zero of a convex function Newton's method falls toward it
        for _ in range(60):
            slope = sum((p * x * (q * x).exp() for p, x in logs), flint.arb(0))
            q, before = flint.arb((q - growth(q) / slope).mid()), q
            if abs(q - before) < flint.arb(2) ** -150:
                break
        width = flint.arb(2) ** -200
        if not (growth(q - width) < 0 < growth(q + width)):
            raise ZeroDivisionError("the tail index is not enclosed")
        return Ball(flint.arb(q.mid(), width))


@registry.means(TailIndex)
def _tail_index(node: TailIndex, world: Context) -> Number:
    return tail_index(chances(node.args[0], node.levels, world))


@registry.worlds(TailIndex)
def _tail_worlds(law: Law, part: Part, rng: random.Random) -> Iterator[Context]:
    """Draw populations with a tail index at the batch sizes that the statement names, and the law's own letters.

    Half of them have factors r and 1/r only, at single examples: there first passages are exact.
    """
    nodes = part.statement.atoms(TailIndex)
    named = part.statement.free_symbols - {nt.N, nt.B, nt.eta}
    while True:
        design, eta = rng.choice(law.designs), Fraction(rng.randint(1, 31), 16)
        n = rng.randint(2, 5 if design == "wor" else 3)
        size = rng.randint(1, n)
        column = [Fraction(rng.randint(0, 4)) for _ in range(n - 1)] + [Fraction(rng.randint(3, 9))]
        if rng.random() < 1 / 2:
            r, growing, size = Fraction(rng.randint(3, 6), 2), rng.randint(1, 2), 1
            column = [(1 - 1 / r) / eta] * (growing + rng.randint(1, 2)) + [(1 + r) / eta] * growing
        values: dict[sp.Symbol, Number] = {nt.B: Fraction(size), nt.eta: eta}
        values |= {p.symbol: _letter(p.domain, rng) for p in law.params if p.symbol in named}
        world = Context({name: column for name in ("g", "x", "u", "v", "w")}, design, values, law.where)
        try:
            if all(m > 0 for node in nodes for _, m in chances(node.args[0], node.levels, world)):
                for node in nodes:
                    evaluate(node, world)
                yield world
        except (ValueError, KeyError, ZeroDivisionError):
            yield replace(world, values={**values, nt.B: Fraction(0)})  # outside the domain of every law


def _letter(domain: Integers | Reals | Choice, rng: random.Random) -> Fraction:
    while True:
        whole = isinstance(domain, Integers)
        found = Fraction(rng.randint(0, 12)) if whole else Fraction(rng.randint(1, 40), rng.choice((2, 4, 8, 10)))
        if not domain.reject(found):
            return found


@registry.means(EdgeExponent)
def _edge_exponent(node: EdgeExponent, world: Context) -> Number:
    size = node.args[0]
    return evaluate(nt.E(sp.log(sp.Abs(1 - 2 * nt.BatchSum(nt.u) / (size * nt.PopMean(nt.u)))), size), world)


@registry.worlds(EdgeExponent)
def _edge_worlds(law: Law, part: Part, rng: random.Random) -> Iterator[Context]:
    """Draw populations in which every batch has more than half of the mean curvature."""
    while True:
        design = rng.choice(law.designs)
        n = rng.randint(2, 6 if design == "wor" else 3)
        size = rng.randint(1, n if design == "wor" else 3)
        column = [Fraction(rng.randint(1, 9)) for _ in range(n)]
        mean = sum(column) / n
        lowest = sum(sorted(column)[:size]) / size if design == "wor" else min(column)
        if 2 * lowest > mean:
            population = {name: column for name in ("g", "x", "u", "v", "w")}
            yield Context(population, design, {nt.B: Fraction(size)}, law.where)


@registry.rule("steps", "independent steps: the mean of a sum is the sum of the means, that of a product their product")
def _steps(at: Situation) -> Check:
    def told(expr: sp.Basic) -> sp.Basic:
        summed = expr.replace(PathSum, lambda body, steps: steps * nt.E(body, nt.B))
        return summed.replace(PathProduct, lambda body, steps: nt.E(body, nt.B) ** steps)

    return equal(spread(told(at.left)), spread(told(at.right)))


@registry.rule("at the edge", "the exponent at eta = 2/hbar; the factors are negative, so that |1 - x| = x - 1")
def _at_the_edge(at: Situation) -> Check:
    def told(size: sp.Expr) -> sp.Expr:
        return nt.E(sp.log(2 * nt.BatchSum(nt.u) / (size * nt.hbar) - 1), size)

    return equal(spread(at.left.replace(EdgeExponent, told)), spread(at.right.replace(EdgeExponent, told)))


@registry.rule("convex order", "sampling.convex_order at |1 - eta h|^q, which is convex for q >= 1", bound=True)
def _convex_order(at: Situation) -> Check:
    other = laws.load("sampling.convex_order")
    if other.id not in at.law.uses or at.part.relation != "<=" or at.design not in other.designs:
        raise ValueError("the law does not use sampling.convex_order, or it bounds otherwise")
    stated = other.part("falls").statement
    (phi,) = stated.args[1].args[0].atoms(nt.Node) - stated.args[1].atoms(nt.BatchSum)
    powers = [e for e in at.left.atoms(sp.Pow) if isinstance(e.base, sp.Abs)]
    if len(powers) != 1 or not isinstance(at.left, nt.E):
        raise ValueError("the line must be the mean of a power of an absolute value")
    (power,), size = powers, at.left.args[1]
    domain = {p.symbol: p.domain for p in at.law.params}.get(power.exp)
    if not isinstance(domain, Reals) or not domain.low >= 1:
        return Check(UNDECIDED, {"rule": f"the power {power.exp} is not known to be at least 1"})
    larger = {nt.B: size - 1}

    def instance(side: sp.Basic) -> sp.Basic:
        placed = side.xreplace({nt.g: nt.u}).xreplace(larger)
        return placed.replace(type(phi), lambda a: sp.Abs(1 - nt.eta * a) ** power.exp)

    if instance(stated.args[0]) != at.left:
        raise ValueError("the line is no instance of sampling.convex_order")
    return Check(PROVED if instance(stated.args[1]) == at.right else UNDECIDED, {"law": other.id})


@registry.rule("index order", "a mean power that is no larger for the larger batch is at most 1 at the index of the "
               "smaller batch: by convexity in q its own index lies beyond", bound=True)
def _index_order(at: Situation) -> Check:
    """Prove Max(1, TailIndex(B+1)) >= TailIndex(B) from the order of the powers q >= 1, proved in an earlier part."""
    names = [p.name for p in at.law.parts]
    name = str(at.step.where.get("part", ""))
    if name not in names or names.index(name) >= names.index(at.part.name) or at.part.relation != ">=":
        raise ValueError(f"{name or 'no part'} does not order the powers before this part")
    cited = at.law.part(name)
    left, right = cited.statement.args
    powers = {e.exp for e in left.atoms(sp.Pow) if isinstance(e.base, sp.Abs)}
    if cited.relation != "<=" or len(powers) != 1:
        raise ValueError(f"{name} is no bound on a mean power")
    (q,) = powers
    domain = {p.symbol: p.domain for p in at.law.params}.get(q)
    sides = [nt.E(sp.Abs(factor(size)) ** q, size) for size in (nt.B + 1, nt.B)]
    wide = isinstance(domain, Reals) and domain.low <= 1 and domain.high == math.inf
    if not wide or [left, right] != sides:
        raise ValueError(f"{name} does not order the powers q >= 1 at B + 1 and B")
    told = at.left == sp.Max(1, TailIndex(nt.B + 1)) and at.right == TailIndex(nt.B)
    return Check(PROVED if told else UNDECIDED, {"part": name})


@registry.rule("tail index", "the mean of the claimed power of the factor is 1, and no other positive power has that")
def _tail(at: Situation) -> Check:
    if not isinstance(at.left, TailIndex) or at.left.args[0] != 1 or not at.left.levels:
        raise ValueError("the line must be the tail index of single examples of a population of few curvatures")
    total = sp.Add(*[k for _, k in at.left.levels])
    mean = sp.S.Zero
    for curvature, count in at.left.levels:
        power = sp.cancel(spread(at.right * sp.log(sp.Abs(1 - nt.eta * curvature))))
        mean += count / total * _exponential(power)
    return equal(mean, sp.S.One)


def _exponential(exponent: sp.Expr) -> sp.Expr:
    """Return exp of a combination of logarithms with whole coefficients."""
    product = sp.S.One
    for term in sp.Add.make_args(sp.expand(exponent)):
        count, logarithm = term.as_coeff_Mul()
        if not (count.is_Integer and isinstance(logarithm, sp.log)):
            raise ValueError(f"exp({term}) is no rational function")
        product *= (logarithm.args[0].args[0] if isinstance(logarithm.args[0], sp.Abs) else logarithm.args[0]) ** count
    return product
