"""SGD on quadratics in two coordinates: chains with a linear step, and what they settle to.

A chain is a node class whose `moved` states one step; ``Chain(f)`` is the mean of f, a quadratic in the errors
`e1` and `e2` of the two coordinates, after infinitely many steps, from any start.

`Coupled(f)`   plain SGD; the Hessian ((h1, h12), (h12, h2)) and the noise (u, v) may mix the coordinates
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

import sympy as sp

from theory import exact, moments, registry, rules
from theory import notation as nt
from theory.domain import Choice, Constraint, Integers, Param, Reals
from theory.equality import PROVED, REFUTED, UNDECIDED, Check, equal, to_rational
from theory.evaluation import evaluate
from theory.law import Law, Part
from theory.nodes.indicator import form, positive
from theory.registry import Situation
from theory.world import Context, Number, batches

__all__ = [
    "BELOW_ONE",
    "COVARIANCE",
    "HESSIAN",
    "NOISE",
    "STABLE",
    "Chain",
    "Coupled",
    "Moments",
    "Sigma11",
    "Sigma22",
    "draw_worlds",
    "enumerated_map",
    "expectation",
    "h12",
    "same",
    "settle",
    "solve",
    "step_matrix",
]

h12 = sp.Symbol("h12", real=True)
Sigma11, Sigma22 = sp.symbols("Sigma11 Sigma22", nonnegative=True)

NOISE = {Sigma11: nt.PopMean(nt.du**2), nt.sigma12: nt.PopMean(nt.du * nt.dv), Sigma22: nt.PopMean(nt.dv**2)}
"""Covariance of the per-example gradients of the two coordinates, divisor N: a law's `where`."""

HESSIAN = (
    Param(nt.h1, Reals(0, open=True), Fraction(1), "curvature along the first coordinate"),
    Param(nt.h2, Reals(0, open=True), Fraction(1, 2), "curvature along the second coordinate"),
    Param(h12, Reals(), Fraction(1, 4), "mixed second derivative of the loss; 0 in the eigenbasis of the Hessian"),
)
COVARIANCE = (
    Param(Sigma11, Reals(0), Fraction(1), "gradient noise of the first coordinate, divisor N"),
    Param(Sigma22, Reals(0), Fraction(1), "gradient noise of the second coordinate, divisor N"),
    Param(nt.sigma12, Reals(), Fraction(1, 2), "covariance of the noise of the two, divisor N"),
)
STABLE = (
    Constraint(h12**2 < nt.h1 * nt.h2,
               "h12^2 must be < h1*h2 (h12 = {h12}, h1 = {h1}, h2 = {h2}): the loss must have a minimum"),
    *(Constraint(nt.eta * h < 2, f"eta*{h} must be < 2 (eta = {{eta}}, {h} = {{{h}}}): SGD is not stable otherwise")
      for h in (nt.h1, nt.h2)),
    Constraint(nt.eta**2 * h12**2 < (2 - nt.eta * nt.h1) * (2 - nt.eta * nt.h2),
               "SGD is stable only while eta times the largest eigenvalue of the Hessian is < 2 (eta = {eta}, "
               "h1 = {h1}, h2 = {h2}, h12 = {h12})"),
)
_X, _Y = nt.eta * nt.h1, nt.eta * nt.h2
BELOW_ONE = (_X * (2 - _Y) + _Y * (2 - _X)) / 2 + nt.eta**2 * h12**2
"""A form of ``1 - det`` of a step of `Coupled` whose sign can be read under `STABLE`."""

Vector = tuple[Number, Number]
Map = tuple[Fraction, tuple[Vector, Vector], Vector]
"""Probability, matrix by rows and shift of one batch's step."""
Moments = tuple[Number, Number, Number, Number, Number]
"""Means of e1, e2, e1^2, e1 e2, e2^2."""


class Chain(nt.Node):
    """Mean of a quadratic in the errors in the stationary state of a chain; see the module docstring."""

    nargs = 1
    label = ""
    letters = (r"\delta^{(1)}", r"\delta^{(2)}")

    @classmethod
    def moved(cls) -> tuple[sp.Expr, sp.Expr]:
        """Return the errors after a step, in the errors before it and the sums over the batch: the definition."""
        raise NotImplementedError

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        names = {e: sp.Symbol(letter) for e, letter in zip((nt.e1, nt.e2), self.letters, strict=True)}
        head = r"\operatorname{E}_\infty" + (rf"^{{\text{{{self.label}}}}}" if self.label else "")
        text = rf"{head}\left[{printer._print(self.args[0].xreplace(names))}\right]"
        return rf"\left({text}\right)^{{{exp}}}" if exp else text


class Coupled(Chain):
    """Plain SGD in two coordinates; see the module docstring."""

    @classmethod
    def moved(cls) -> tuple[sp.Expr, sp.Expr]:
        """Return the errors after a step of SGD."""
        first = nt.h1 * nt.e1 + h12 * nt.e2 + nt.BatchSum(nt.du) / nt.B
        second = h12 * nt.e1 + nt.h2 * nt.e2 + nt.BatchSum(nt.dv) / nt.B
        return nt.e1 - nt.eta * first, nt.e2 - nt.eta * second


def _at(expr: sp.Expr, world: Context, point: Vector) -> Number:
    return evaluate(expr, replace(world, values={**world.values, nt.e1: point[0], nt.e2: point[1]}))


def enumerated_map(kind: type[Chain], world: Context) -> list[Map]:
    """Measure the step of every batch at three points: its matrix and its shift."""
    size = int(evaluate(nt.B, world))
    pool = list(batches(world.size, size, world.design))
    count = sum(k for k, _ in pool)
    found: list[Map] = []
    zero, one = Fraction(0), Fraction(1)
    points = ((zero, zero), (one, zero), (zero, one))
    for k, batch in pool:
        here = replace(world, batch=batch)
        start, first, second = ([_at(f, here, p) for f in kind.moved()] for p in points)
        rows = tuple((first[i] - start[i], second[i] - start[i]) for i in range(2))
        found.append((Fraction(k, count), (rows[0], rows[1]), (start[0], start[1])))
    return found


def solve(matrix: Sequence[Sequence[Number]], right: Sequence[Number]) -> list[Number]:
    """Solve a small linear system by elimination, in any exact numbers.

    Raises
    ------
    ZeroDivisionError
        If it has no single solution.
    """
    n = len(right)
    rows = [[*row, b] for row, b in zip(matrix, right, strict=True)]
    for k in range(n):
        pivot = next((i for i in range(k, n) if rows[i][k] != 0), None)
        if pivot is None:
            raise ZeroDivisionError("the system has no single solution")
        rows[k], rows[pivot] = rows[pivot], rows[k]
        for i in range(n):
            if i != k and rows[i][k] != 0:
                ratio = rows[i][k] / rows[k][k]
                rows[i] = [a - ratio * b for a, b in zip(rows[i], rows[k], strict=True)]
    return [rows[k][n] / rows[k][k] for k in range(n)]


def _second(maps: Sequence[Map], *, adjoint: bool = False) -> list[list[Number]]:
    """Return the mean action of a step on symmetric matrices (11, 12, 22): A M A', or A' M A."""
    total = [[Fraction(0)] * 3 for _ in range(3)]
    for p, rows, _ in maps:
        (a, b), (c, d) = rows if not adjoint else ((rows[0][0], rows[1][0]), (rows[0][1], rows[1][1]))
        action = ((a * a, 2 * a * b, b * b), (a * c, a * d + b * c, b * d), (c * c, 2 * c * d, d * d))
        total = [[t + p * x for t, x in zip(row, other, strict=True)] for row, other in zip(total, action, strict=True)]
    return total


def _identity_minus(matrix: Sequence[Sequence[Number]]) -> list[list[Number]]:
    return [[(1 if i == j else 0) - x for j, x in enumerate(row)] for i, row in enumerate(matrix)]


def contracts(maps: Sequence[Map]) -> bool:
    """Say whether second moments converge from every start.

    They do if and only if ``P = E[A' P A] + 1`` has a positive definite solution: then ``E[A' P A] < P``.
    """
    try:
        p11, p12, p22 = solve(_identity_minus(_second(maps, adjoint=True)), [Fraction(1), Fraction(0), Fraction(1)])
    except ZeroDivisionError:
        return False
    return bool(p11 > 0 and p11 * p22 - p12 * p12 > 0)


def settle(maps: Sequence[Map]) -> Moments:
    """Return the first and second moments that a step leaves as they are, of a chain that contracts.

    Raises
    ------
    ZeroDivisionError
        If it does not, so that there is no stationary state.
    """
    rational = all(isinstance(x, Fraction) for _, rows, _ in maps for row in rows for x in row)
    if rational and not contracts(maps):
        raise ZeroDivisionError("the chain does not contract: there is no stationary state")
    mean = [[sum((p * rows[i][j] for p, rows, _ in maps), Fraction(0)) for j in range(2)] for i in range(2)]
    m1, m2 = solve(_identity_minus(mean), [sum((p * c[i] for p, _, c in maps), Fraction(0)) for i in range(2)])
    source: list[Number] = [Fraction(0)] * 3
    for p, ((a, b), (c, d)), (x, y) in maps:
        along, across = a * m1 + b * m2, c * m1 + d * m2
        for k, term in enumerate((2 * along * x + x * x, along * y + across * x + x * y, 2 * across * y + y * y)):
            source[k] = source[k] + p * term
    return (m1, m2, *solve(_identity_minus(_second(maps)), source))


def expectation(known: Moments) -> list[tuple[Number, Vector]]:
    """Return points with weights, some negative, that have given moments: they average every quadratic rightly."""
    m1, m2, m11, m12, m22 = known
    half, z, o = Fraction(1, 2), Fraction(0), Fraction(1)
    return [
        (1 - m11 - m22 + m12, (z, z)),
        (half * (m11 + m1) - m12, (o, z)), (half * (m11 - m1), (-o, z)),
        (half * (m22 + m2) - m12, (z, o)), (half * (m22 - m2), (z, -o)),
        (m12, (o, o)),
    ]


def _mean(node: Chain, world: Context) -> Number:
    try:
        body = coefficients(node.args[0])
    except ValueError as problem:
        raise KeyError(str(problem)) from None
    m1, m2, m11, m12, m22 = settle(enumerated_map(type(node), world))
    means = {(2, 0): m11, (1, 1): m12, (0, 2): m22, (1, 0): m1, (0, 1): m2, (0, 0): Fraction(1)}
    return sum((evaluate(c, world) * means[powers] for powers, c in body.items() if c != 0), Fraction(0))


def draw_worlds(law: Law, part: Part, rng: random.Random, *, largest: int = 4) -> Iterator[Context]:
    """Draw small integer populations, a batch that fits, and small rational values of the law's parameters."""
    while True:
        design = rng.choice(law.designs)
        n = rng.randint(2, largest if design == "wor" else 3)
        size = rng.randint(1, n if design == "wor" else 3)
        population = {q: [Fraction(rng.randint(-6, 9)) for _ in range(n)] for q in ("g", "u", "v", "w", "x")}
        for column in population.values():
            column[-1] += len(set(column)) == 1
        values: dict[sp.Symbol, Number] = {nt.B: Fraction(size)}
        for param in law.params:
            if param.symbol not in {nt.N, nt.B, nt.design, *law.where}:
                values[param.symbol] = _drawn(param, rng)
        yield Context(population, design, values, law.where)


def _drawn(param: Param, rng: random.Random) -> Fraction:
    domain = param.domain
    if isinstance(domain, Choice):
        raise ValueError(f"{param.name} has no numeric values")
    if isinstance(domain, Integers):
        return Fraction(rng.randint(domain.low, domain.low + 2 if domain.high is None else domain.high))
    low = Fraction(domain.low) if domain.low > -float("inf") else Fraction(-1)
    high = Fraction(domain.high) if domain.high < float("inf") else low + 2
    return low + (high - low) * Fraction(rng.randint(1, 15), 16)


registry.means(Coupled)(_mean)
registry.worlds(Coupled)(draw_worlds)


def step_matrix(kind: type[Chain]) -> tuple[sp.Expr, sp.Expr]:
    """Return trace and determinant of the matrix of a chain's mean step.

    Raises
    ------
    ValueError
        If a step is not linear in the errors with coefficients that are the same for every batch.
    """
    rows = [[sp.diff(f, e) for e in (nt.e1, nt.e2)] for f in kind.moved()]
    if any(x.has(nt.e1, nt.e2, nt.BatchSum) for row in rows for x in row):
        raise ValueError(f"a step of {kind.__name__} is not linear with coefficients that all batches share")
    return rows[0][0] + rows[1][1], sp.expand(rows[0][0] * rows[1][1] - rows[0][1] * rows[1][0])


def same(left: sp.Expr, right: sp.Expr) -> Check:
    """Decide an equation that is mostly false at once, by its exact value at one point; else by all engines."""
    a, b = to_rational(left), to_rational(right)
    letters = sorted(a.free_symbols | b.free_symbols, key=str)
    place = {s: Fraction(97 + 11 * i, 89 + 6 * i) for i, s in enumerate(letters)}
    try:
        if exact.evaluate(a, place.get) != exact.evaluate(b, place.get):
            return Check(REFUTED, {"fractions": REFUTED})
    except (ZeroDivisionError, exact.NotRational):
        pass  # the engines will say
    return equal(left, right)


def _unsettled(at: Situation, kind: type[Chain]) -> str:
    """Return which of the three conditions of Schur and Jury is not known on the domain, or an empty text."""
    trace, determinant = step_matrix(kind)
    shown = at.step.where.get("below_one")
    if shown is not None:
        good = same(1 - determinant, shown).answer == PROVED and form(at.law, shown) == "positive"
    else:
        good = positive(at.law, 1 - determinant)
    conditions = {
        "1 - det": good,
        "1 - trace + det": positive(at.law, 1 - trace + determinant),
        "1 + trace + det": positive(at.law, 1 + trace + determinant),
    }
    return next((name for name, holds in conditions.items() if not holds), "")


Coefficients = dict[tuple[int, int], sp.Expr]
"""Coefficients by the powers of e1 and e2."""


def coefficients(body: sp.Expr) -> Coefficients:
    """Return the coefficients of a polynomial of degree at most two in the errors.

    Raises
    ------
    ValueError
        If it is no such polynomial.
    """
    origin = {nt.e1: sp.S.Zero, nt.e2: sp.S.Zero}
    first = [sp.diff(body, e) for e in (nt.e1, nt.e2)]
    found = {
        (2, 0): sp.diff(first[0], nt.e1) / 2, (1, 1): sp.diff(first[0], nt.e2), (0, 2): sp.diff(first[1], nt.e2) / 2,
        (1, 0): first[0].xreplace(origin), (0, 1): first[1].xreplace(origin), (0, 0): body.xreplace(origin),
    }
    if any(found[k].has(nt.e1, nt.e2) for k in ((2, 0), (1, 1), (0, 2))):
        raise ValueError(f"{body} is no quadratic in the errors")
    return found


def _means(expr: sp.Expr) -> Coefficients:
    """Write a line as a combination of the stationary means of monomials."""
    stand_ins = {node: sp.Dummy() for node in expr.atoms(Chain)}
    plain = expr.xreplace(stand_ins)
    total = {(0, 0): plain.xreplace(dict.fromkeys(stand_ins.values(), sp.S.Zero))}
    for node, stand_in in stand_ins.items():
        factor = sp.diff(plain, stand_in)
        if factor.has(*stand_ins.values()):
            raise ValueError("the line is not linear in the stationary means")
        for powers, c in coefficients(node.args[0]).items():
            total[powers] = total.get(powers, sp.S.Zero) + factor * c
    return total


@lru_cache(maxsize=16)
def _after(kind: type[Chain], powers: tuple[int, int], design: str) -> Coefficients:
    """Average a monomial of the errors after a step over the batch, by the moment calculus."""
    first, second = kind.moved()
    mean = moments.expect(sp.expand(first ** powers[0] * second ** powers[1]), nt.B, design)
    return coefficients(sp.expand(mean.replace(nt.E, lambda body, size: body)))


@registry.rule("balance", "a function of the state has the same mean before and after a step, once it has settled")
def check(at: Situation) -> Check:
    """Add ``E[F after a step] - E[F] = 0`` to the line, for the quadratic F = ``function / over`` of `where`.

    Moments settle, to the same values from every start, because the matrix of a step meets the conditions of
    Schur and Jury on the law's domain; ``below_one`` may show a form of ``1 - det`` whose sign can be read.
    """
    kinds: set[Any] = {type(node) for node in at.left.atoms(Chain)}
    function, over = at.step.where.get("function"), at.step.where.get("over", sp.S.One)
    if len(kinds) != 1 or function is None or equal(over, sp.S.Zero).answer == PROVED:
        return Check(UNDECIDED, {"rule": "one chain and a function of its state are needed"})
    (kind,) = kinds
    quadratic = coefficients(function)
    if any(quadratic.pop(k) != 0 for k in ((1, 0), (0, 1), (0, 0))):
        return Check(UNDECIDED, {"rule": "the function must be a quadratic without lower terms"})
    gap = _unsettled(at, kind)
    if gap:
        return Check(UNDECIDED, {"rule": f"{gap} > 0 is not known on the domain"})
    left, right = ({k: c * over for k, c in _means(side).items()} for side in (at.left, at.right))
    for powers, c in quadratic.items():
        left[powers] = left.get(powers, sp.S.Zero) - c
        for after, share in _after(kind, powers, at.design).items():
            left[after] = left.get(after, sp.S.Zero) + c * share
    answer = Check(PROVED, {})
    for powers in left.keys() | right.keys():
        sides = (rules.unfold(side.get(powers, sp.S.Zero), at.definitions) for side in (left, right))
        answer = same(*(moments.expand_sums(side, nt.B) for side in sides))
        if answer.answer != PROVED:
            break
    return answer
