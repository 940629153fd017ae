"""Populations of few curvatures, each shared by a number of examples: every batch is a count of each kind.

`Levels(f, B, h1, k1, h2, k2, ...)`   expectation of f over a batch of B; k1 examples have curvature h1, and so on
`Largest(f, B, h1, k1, ...)`          largest f over all batches of B
`LyapunovEdge(B, h1, k1, ...)`        smallest step size at which E ln|1 - eta h_B| is back at 0
`MeanSquareEdge(B, h1, k1, ...)`      smallest step size at which E|1 - eta h_B|^2 is back at 1
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

from theory import moments, registry
from theory import notation as nt
from theory.balls import BITS, Ball
from theory.domain import Choice, Integers, Reals
from theory.equality import PROVED, UNDECIDED, Check, equal
from theory.evaluation import evaluate
from theory.law import Law, Part
from theory.nodes.logarithms import spread
from theory.registry import Situation
from theory.rules import worst
from theory.world import Context, Number, batches

__all__ = ["Largest", "Levels", "LyapunovEdge", "MeanSquareEdge", "counted", "factor", "members"]


def factor(size: sp.Expr) -> sp.Expr:
    """Return what one step multiplies the error by: 1 - eta h_B."""
    return 1 - nt.eta * nt.BatchSum(nt.u) / size


class _OfLevels(nt.Node):
    """A node whose last arguments are curvatures, each followed by the number of examples that have it."""

    first = 2

    @property
    def levels(self) -> list[tuple[sp.Expr, sp.Expr]]:
        """Curvature and number of examples, level by level."""
        rest = self.args[self.first:]
        return list(zip(rest[::2], rest[1::2], strict=True))

    def _population(self, printer: Any) -> str:
        return r",\;".join(rf"{printer._print(k)}\times {printer._print(h)}" for h, k in self.levels)


class Levels(_OfLevels):
    """Expectation over a batch of a population of few curvatures; see the module docstring."""

    nargs = (4, 6, 8)

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        body, size = (printer._print(a) for a in self.args[:2])
        text = rf"\operatorname{{E}}_{{{size}}}\left[{body}\;\middle|\;{self._population(printer)}\right]"
        return nt._power(text, exp, wrap=False)


class Largest(_OfLevels):
    """Largest value over the batches of a population of few curvatures."""

    nargs = (4, 6, 8)

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        body, size = (printer._print(a) for a in self.args[:2])
        text = rf"\max_{{|\mathcal{{B}}|={size}}}\left[{body}\;\middle|\;{self._population(printer)}\right]"
        return nt._power(text, exp)


class LyapunovEdge(_OfLevels):
    """First step size above 0 at which SGD stops shrinking the error almost surely."""

    nargs, first = (3, 5, 7), 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        inside = rf"{printer._print(self.args[0])}\;\middle|\;{self._population(printer)}"
        text = rf"\eta_{{\mathrm{{as}}}}\left({inside}\right)"
        return nt._power(text, exp)


class MeanSquareEdge(_OfLevels):
    """First step size above 0 at which SGD stops shrinking the mean square of the error."""

    nargs, first = (3, 5, 7), 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        inside = rf"{printer._print(self.args[0])}\;\middle|\;{self._population(printer)}"
        text = rf"\eta_{{\mathrm{{ms}}}}\left({inside}\right)"
        return nt._power(text, exp)


def members(levels: list[tuple[sp.Expr, sp.Expr]], world: Context) -> list[Number]:
    """Return the curvature of every example.

    Raises
    ------
    KeyError
        If a number of examples is not a whole number.
    """
    found: list[Number] = []
    for curvature, count in levels:
        number = evaluate(count, world)
        if number.denominator != 1 or number < 0:
            raise KeyError(f"{number} examples of a kind")
        found += [evaluate(curvature, world)] * int(number)
    return found


def _pool(node: _OfLevels, world: Context) -> tuple[Context, list[tuple[int, tuple[int, ...]]]]:
    population = members(node.levels, world)
    size = evaluate(node.args[node.first - 1], world)
    if size.denominator != 1 or not 1 <= size or (world.design == "wor" and size > len(population)):
        raise KeyError(f"no batch of {size} among {len(population)} examples")
    here = replace(world, population={"u": population}, facts={})
    return here, list(batches(len(population), int(size), world.design))


@registry.means(Levels)
def _mean(node: Levels, world: Context) -> Number:
    here, pool = _pool(node, world)
    total: Number = Fraction(0)
    for outcomes, batch in pool:
        total = total + outcomes * evaluate(node.args[0], replace(here, batch=batch))
    return total / sum(outcomes for outcomes, _ in pool)


@registry.means(Largest)
def _largest(node: Largest, world: Context) -> Number:
    here, pool = _pool(node, world)
    return max(evaluate(node.args[0], replace(here, batch=batch)) for _, batch in pool)


def _curvatures(node: _OfLevels, world: Context) -> list[tuple[int, Fraction]]:
    here, pool = _pool(node, world)
    column = here.population["u"]
    return [(outcomes, sum((column[i] for i in batch), Fraction(0)) / len(batch)) for outcomes, batch in pool]


def _first_zero(polynomial: flint.fmpq_poly) -> Ball:
    """Return the smallest positive zero, isolated by FLINT."""
    with flint.ctx.workprec(BITS):
        found: Any = polynomial.numer().complex_roots()
        zeros = [z.real for z, _ in found if z.imag == 0 and z.real > 0]
    if not zeros:
        raise ZeroDivisionError("no positive step size there")
    return min(Ball(z) for z in zeros)


def _line(slope: Fraction) -> flint.fmpq_poly:
    return flint.fmpq_poly([1, flint.fmpq(-slope.numerator, slope.denominator)])


@registry.means(LyapunovEdge)
def _lyapunov_edge(node: LyapunovEdge, world: Context) -> Number:
    pool = _curvatures(node, world)
    common = math.gcd(*[outcomes for outcomes, _ in pool])
    product = flint.fmpq_poly([1])
    for outcomes, curvature in pool:
        product *= _line(curvature) ** (outcomes // common)
    return _first_zero(product**2 - 1)


@registry.means(MeanSquareEdge)
def _mean_square_edge(node: MeanSquareEdge, world: Context) -> Number:
    pool = _curvatures(node, world)
    total = sum(outcomes for outcomes, _ in pool)
    growth = sum((outcomes * _line(curvature) ** 2 for outcomes, curvature in pool), flint.fmpq_poly([-total]))
    return _first_zero(growth)


@registry.worlds(Levels, Largest, LyapunovEdge, MeanSquareEdge)
def _worlds(law: Law, part: Part, rng: random.Random) -> Iterator[Context]:
    """Draw the parameters of the law, nothing else: the population is theirs."""
    while True:
        design = rng.choice(law.designs)
        values: dict[sp.Symbol, Number] = {
            p.symbol: _drawn(p.domain, rng) for p in law.params if not isinstance(p.domain, Choice)}
        yield Context({"u": [Fraction(1)] * 2}, design, values, law.where)


def _drawn(domain: Integers | Reals | Choice, rng: random.Random) -> Fraction:
    if isinstance(domain, Integers):
        return Fraction(rng.randint(domain.low, domain.low + 3 if domain.high is None else domain.high))
    while True:
        found = Fraction(rng.randint(-48, 48), rng.choice((2, 3, 4, 5, 8, 16)))
        if not domain.reject(found):
            return found


def _count(node: Levels, design: str) -> sp.Expr:
    body, size = node.args[:2]
    total = sp.Add(*[k for _, k in node.levels])
    if not size.is_Integer:
        return _polynomial(node, design, total)
    value = sp.S.Zero
    for kinds in itertools.product(range(int(size) + 1), repeat=len(node.levels)):
        if sum(kinds) != size:
            continue
        chance = sp.S.One
        for j, (_, k) in zip(kinds, node.levels, strict=True):
            chance *= (moments.falling(k, j) if design == "wor" else (k / total) ** j) / sp.factorial(j)
        chance *= sp.factorial(size) / (moments.falling(total, int(size)) if design == "wor" else 1)
        drawn = sp.Add(*[j * h for j, (h, _) in zip(kinds, node.levels, strict=True)])
        value += 0 if chance == 0 else chance * body.xreplace({nt.BatchSum(nt.u): drawn})
    if value.has(nt.BatchSum):
        raise ValueError("batches of these populations are counted by their curvatures u alone")
    return value


def _polynomial(node: Levels, design: str, total: sp.Expr) -> sp.Expr:
    """Expectation of a polynomial for a batch size that is a letter, by the moment calculus."""
    moment = moments.expect(node.args[0], node.args[1], design)

    def mean(body: sp.Expr) -> sp.Expr:
        return sp.Add(*[k * body.xreplace({nt.u: h}) for h, k in node.levels]) / total

    return moment.replace(nt.PopMean, mean).xreplace({nt.N: total})


def counted(expr: sp.Basic, design: str) -> sp.Basic:
    """Replace every expectation over batches of few curvatures by its sum over counts of each kind."""
    return expr.replace(Levels, lambda *args: _count(Levels(*args), design))


@registry.rule("count", "batches are counted by how many examples of each curvature they hold")
def _counts(at: Situation) -> Check:
    return equal(spread(counted(at.left, at.design)), spread(counted(at.right, at.design)))


@registry.rule("extremes", "a convex function of a batch mean is at most its largest value over the examples",
               bound=True)
def _extremes(at: Situation) -> Check:
    if at.part.relation != "<=" or not isinstance(at.left, Largest):
        raise ValueError("the line must be a largest value over batches, bounded from above")
    body, size = at.left.args[:2]
    if not (isinstance(body, sp.Abs) and sp.Poly(body.args[0], nt.BatchSum(nt.u)).degree() == 1):
        raise ValueError("the function must be the absolute value of an affine one")
    ends = {body.xreplace({nt.BatchSum(nt.u): size * h}) for h, _ in at.left.levels}
    claimed = set(at.right.args) if isinstance(at.right, sp.Max) else {at.right}
    same = [worst(*(equal(e.args[0], c.args[0]) for e, c in zip(order, claimed, strict=True)))
            for order in itertools.permutations(ends)
            if len(claimed) == len(ends) and all(isinstance(c, sp.Abs) for c in claimed)]
    return min(same, key=lambda c: c.answer != PROVED, default=Check(UNDECIDED, {"rule": "other values"}))


@registry.rule("edge", "the mean square is back at 1 where its growth, divided by the step size, vanishes")
def _edge(at: Situation) -> Check:
    if not (isinstance(at.left, MeanSquareEdge) and isinstance(at.right, nt.Root) and at.right.args[1] == nt.eta):
        raise ValueError("the lines must be a mean-square edge and a zero in the step size")
    size = at.left.args[0]
    growth = counted(Levels(factor(size) ** 2, size, *at.left.args[1:]), at.design) - 1
    return equal(at.right.args[0] * nt.eta, growth)


@registry.rule("first crossing", "|product of the factors| is 1 at the claimed step size and below 1 before it")
def _first_crossing(at: Situation) -> Check:
    """Prove a Lyapunov edge.

    `where` gives ``share``, a nonnegative symbol q that places every smaller step size at claimed/(1 + q), and
    ``above`` and ``below``: forms of 1 - Q and 1 + Q there whose sign shows, Q the product of the factors.
    """
    if not isinstance(at.left, LyapunovEdge) or not at.left.args[0].is_Integer:
        raise ValueError("the line must be a Lyapunov edge at a batch size that is a number")
    share = at.step.where.get("share")
    if not (isinstance(share, sp.Symbol) and share.is_nonnegative and not at.right.has(share)):
        raise ValueError("`share` must be a fresh nonnegative symbol")
    logarithm = nt.E(sp.log(sp.Abs(factor(at.left.args[0]))), at.left.args[0])
    mean = counted(Levels(*logarithm.args, *at.left.args[1:]), at.design)
    terms = [t.as_coeff_Mul() for t in sp.Add.make_args(sp.expand(mean))]
    if not all(c.is_Rational and isinstance(t, sp.log) for c, t in terms):
        raise ValueError("the chances of the batches must be numbers")
    scale = math.lcm(*[int(c.q) for c, _ in terms])
    powers = [int(c * scale) for c, _ in terms]
    common = math.gcd(*powers)
    product = sp.Mul(*[_at_rest(t.args[0].args[0]) ** (p // common) for p, (_, t) in zip(powers, terms, strict=True)])
    smaller = product.xreplace({nt.eta: at.right / (1 + share)})
    forms = [sp.sympify(at.step.where.get(name, 0)) for name in ("above", "below")]
    radicals = {p: sp.Dummy("radical", positive=True) for p in at.right.atoms(sp.Pow) if p.exp == sp.Rational(1, 2)}
    free = {share: sp.Symbol("share", positive=True), **radicals}
    if not all(f.xreplace(free).is_positive for f in forms) or not _real(at.law, radicals):
        return Check(UNDECIDED, {"rule": "the signs of the forms do not show"})
    return worst(
        _equal_with_roots(product.xreplace({nt.eta: at.right}) ** 2 - 1),
        _equal_with_roots(1 - smaller - forms[0]),
        _equal_with_roots(1 + smaller - forms[1]),
    )


def _at_rest(multiplier: sp.Expr) -> sp.Expr:
    """Return a factor with the sign that makes it 1 at step size 0."""
    return multiplier / multiplier.xreplace({nt.eta: sp.S.Zero})


def _real(law: Law, radicals: dict[sp.Pow, sp.Dummy]) -> bool:
    """Say whether the law's constraints make every square root real and positive."""
    positive = [c.relation.args[0] - c.relation.args[1] for c in law.constraints
                if isinstance(c.relation, sp.StrictGreaterThan)]
    return all(any(equal(p.base, e).answer == PROVED for e in positive) for p in radicals)


def _equal_with_roots(expr: sp.Expr) -> Check:
    """Decide whether an expression with square roots vanishes: their squares are reduced in its numerator."""
    roots = {p: sp.Dummy("root") for p in expr.atoms(sp.Pow) if p.exp in (sp.Rational(1, 2), -sp.Rational(1, 2))}
    letters: dict[sp.Expr, sp.Dummy] = {}
    for p in roots:
        letters.setdefault(p.base, roots[p])
    plain = expr.xreplace({p: letters[p.base] ** (1 if p.exp > 0 else -1) for p in roots})
    top, _ = sp.fraction(sp.together(plain))
    for base, letter in letters.items():
        top = sp.rem(sp.expand(top), letter**2 - base, letter)
    return equal(top, sp.S.Zero)
