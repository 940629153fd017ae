"""One group of correlated Gaussian entries: moments of its mean and its variance as traces and bilinear forms.

`Correlated(f)`    expectation of a polynomial f in the mean `m` and even powers of the biased standard deviation `s` of
                   the group; the entries are jointly Gaussian with covariance matrix `Sigma` and means `means`
`Trace(A, k)`      trace of the k-th power of a matrix
`Form(a, A, k, b)` the number a^T A^k b; the vectors are `ones` and `means`
`Centered(A, k)`   trace of (H A)^k, H the projection off `ones`
`CenteredForm(A)`  mu^T H A H mu, mu the vector of means

A group of B blocks has `Sigma` block-diagonal with blocks sigma2 R, all means mu: B images at P positions.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any

import sympy as sp

from theory import notation as nt
from theory import registry
from theory.domain import Integers
from theory.evaluation import evaluate
from theory.law import Law, Part
from theory.world import Context, Number

__all__ = ["Centered", "CenteredForm", "Correlated", "Form", "P", "R", "Sigma", "Trace", "means", "n", "ones", "rho"]

P = sp.Symbol("P", integer=True, positive=True)
"""Positions of an image."""

n, rho = nt.n, nt.rho

Sigma, R = sp.symbols("Sigma R")
"""Covariance matrix of all entries; correlation matrix of the positions of an image."""

ones, means = sp.symbols("ones means")
"""The vector of ones, and the vector of the entries' means."""

MOST = 3**6
"""Outcomes that are visited."""


class Correlated(nt.Node):
    """Expectation over a group of correlated Gaussian entries."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return nt._power(rf"\operatorname{{E}}\left[{printer._print(self.args[0])}\right]", exp)


_NAMES = {Sigma: r"\Sigma", R: "R", ones: r"\mathbf 1", means: r"\mu"}


class Trace(nt.Node):
    """Trace of a power of a matrix."""

    nargs = 2

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return nt._power(rf"\operatorname{{tr}}{_raised(_NAMES[self.args[0]], self.args[1])}", exp)


class Form(nt.Node):
    """Bilinear form of a power of a matrix."""

    nargs = 4

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        a, matrix, k, b = self.args
        return nt._power(rf"{_NAMES[a]}^\top {_raised(_NAMES[matrix], k)}{_NAMES[b]}", exp)


class Centered(nt.Node):
    """Trace of a power of the centered matrix."""

    nargs = 2

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return nt._power(rf"\operatorname{{tr}}\left(H{_NAMES[self.args[0]]}\right)^{{{self.args[1]}}}", exp)


class CenteredForm(nt.Node):
    """Quadratic form of the centered means."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return nt._power(rf"\mu^\top H{_NAMES[self.args[0]]}H\mu", exp)


def _raised(name: str, power: sp.Basic) -> str:
    return "" if power == 0 else name if power == 1 else f"{name}^{{{power}}}"


# Meaning. --------------------------------------------------------------------------------------------------------

Rows = tuple[tuple[Fraction, ...], ...]


def _product(a: Sequence[Sequence[Fraction]], b: Sequence[Sequence[Fraction]]) -> list[list[Fraction]]:
    columns = list(zip(*b, strict=True))
    return [[sum((x * y for x, y in zip(row, column, strict=True)), Fraction(0)) for column in columns] for row in a]


def _matrix(which: sp.Basic, world: Context) -> list[list[Fraction]]:
    """Return the correlation matrix of the positions, or the covariance matrix of all entries."""
    mixing = world.state["mixing"]
    block = _product(mixing, list(zip(*mixing, strict=True)))
    if which == R:
        return block
    if which != Sigma:
        raise KeyError(f"{which} is no matrix")
    blocks, size, scale = world.state["blocks"], len(block), world.state["half"] ** 2 / 3
    return [[scale * block[i % size][j % size] if i // size == j // size else Fraction(0)
             for j in range(blocks * size)] for i in range(blocks * size)]


def _vector(which: sp.Basic, size: int, world: Context) -> list[list[Fraction]]:
    if which == ones:
        return [[Fraction(1)] for _ in range(size)]
    if which != means:
        raise KeyError(f"{which} is no vector")
    given = list(world.state["means"])
    return [[value] for value in (given * (size // len(given)))]


def _power(matrix: list[list[Fraction]], k: int) -> list[list[Fraction]]:
    found = [[Fraction(i == j) for j in range(len(matrix))] for i in range(len(matrix))]
    for _ in range(k):
        found = _product(found, matrix)
    return found


def _trace(matrix: list[list[Fraction]]) -> Fraction:
    return sum((matrix[i][i] for i in range(len(matrix))), Fraction(0))


@registry.means(Trace)
def _trace_of(node: Trace, world: Context) -> Number:
    return _trace(_power(_matrix(node.args[0], world), int(evaluate(node.args[1], world))))


@registry.means(Form)
def _form_of(node: Form, world: Context) -> Number:
    a, which, k, b = node.args
    matrix = _power(_matrix(which, world), int(evaluate(k, world)))
    left, right = (_vector(v, len(matrix), world) for v in (a, b))
    return _product(list(zip(*left, strict=True)), _product(matrix, right))[0][0]


def _projector(size: int) -> list[list[Fraction]]:
    return [[Fraction(i == j) - Fraction(1, size) for j in range(size)] for i in range(size)]


@registry.means(Centered)
def _centered_trace(node: Centered, world: Context) -> Number:
    matrix = _matrix(node.args[0], world)
    return _trace(_power(_product(_projector(len(matrix)), matrix), int(evaluate(node.args[1], world))))


@registry.means(CenteredForm)
def _centered_form(node: CenteredForm, world: Context) -> Number:
    matrix = _matrix(node.args[0], world)
    moved = _product(_projector(len(matrix)), _vector(means, len(matrix), world))
    return _product(list(zip(*moved, strict=True)), _product(matrix, moved))[0][0]


@lru_cache(maxsize=128)
def _outcomes(mixing: Rows, center: tuple[Fraction, ...], blocks: int, half: Fraction
              ) -> tuple[tuple[Fraction, Fraction, Fraction], ...]:
    """Return every (probability, mean, variance) of a group whose sources take the values -q, 0, q.

    With probabilities 1/6, 2/3, 1/6 they have variance q^2/3 and a Gaussian's moments up to the fifth.
    """
    chances = {-1: Fraction(1, 6), 0: Fraction(2, 3), 1: Fraction(1, 6)}
    one: list[tuple[Fraction, Fraction, Fraction]] = []
    for signs in itertools.product(chances, repeat=len(mixing[0])):
        chance = Fraction(1)
        for sign in signs:
            chance *= chances[sign]
        x = [mean + half * sum((a * sign for a, sign in zip(row, signs, strict=True)), Fraction(0))
             for row, mean in zip(mixing, center, strict=True)]
        one.append((chance, sum(x, Fraction(0)), sum((a * a for a in x), Fraction(0))))
    size, found = blocks * len(mixing), []
    for images in itertools.product(one, repeat=blocks):
        chance, total, squares = Fraction(1), Fraction(0), Fraction(0)
        for p, first, second in images:
            chance, total, squares = chance * p, total + first, squares + second
        found.append((chance, total / size, squares / size - (total / size) ** 2))
    return tuple(found)


_VARIANCE = sp.Symbol("v_at_hand", nonnegative=True)


@registry.means(Correlated)
def _correlated(node: Correlated, world: Context) -> Number:
    state = world.state
    letters = sp.Poly(sp.expand(node.args[0].xreplace({nt.s: sp.sqrt(_VARIANCE)})), nt.m, _VARIANCE)
    if letters.total_degree() > 4 or any(i + 2 * j > 4 for i, j in letters.monoms()):
        raise KeyError("three points have the moments of a Gaussian up to the fifth")
    factors = [(i, j, evaluate(factor, world)) for (i, j), factor in letters.terms()]
    total: Number = Fraction(0)
    for chance, mean, variance in _outcomes(state["mixing"], state["means"], state["blocks"], state["half"]):
        total = total + chance * sum((factor * mean**i * variance**j for i, j, factor in factors), Fraction(0))
    return total


# Rows of length one, of few sources: what correlates the positions of an image.
_UNIT: Sequence[tuple[str, str, str]] = (
    ("1", "0", "0"), ("3/5", "4/5", "0"), ("-3/5", "4/5", "0"), ("1/3", "2/3", "2/3"), ("2/3", "-1/3", "2/3"),
    ("5/13", "0", "12/13"), ("0", "1", "0"), ("4/5", "0", "-3/5"))
_SQUARES = (("0", "1"), ("3/5", "4/5"), ("4/5", "3/5"), ("5/13", "12/13"), ("1", "0"))


@registry.worlds(Correlated)
def _worlds(law: Law, part: Part, rng: random.Random) -> Iterator[Context]:
    """Draw a group: B images at P correlated positions, all equally correlated, or n entries of any means."""
    letters = part.statement.free_symbols
    images = any(p.symbol == P for p in law.params)
    while True:
        blocks = rng.randint(1, 3) if images else 1
        size = rng.randint(1 if blocks > 1 else 2, 3)
        half = Fraction(rng.randint(1, 4))
        values: dict[sp.Symbol, Number] = {nt.sigma2: half**2 / 3, nt.mu: Fraction(rng.randint(-3, 3))}
        if rho in letters:
            together, apart = (Fraction(a) for a in rng.choice(_SQUARES))
            mixing = tuple((together, *(apart * (i == j) for j in range(size))) for i in range(size))
            values[rho] = together**2
        elif images:
            sources = rng.choice((2, 3)) if blocks < 3 else 2
            rows = [row[:sources] for row in _UNIT if not any(Fraction(a) for a in row[sources:])]
            mixing = tuple(tuple(Fraction(a) for a in rng.choice(rows)) for _ in range(size))
        elif nt.sigma2 in letters:
            mixing = tuple(tuple(Fraction(i == j) for j in range(size)) for i in range(size))
        else:
            mixing = tuple(tuple(Fraction(rng.randint(-2, 2)) for _ in range(3)) for _ in range(size))
        center = tuple(values[nt.mu] if images else Fraction(rng.randint(-3, 3)) for _ in range(size))
        if 3 ** (blocks * len(mixing[0])) > MOST:
            continue
        values |= {nt.B: Fraction(blocks), P: Fraction(size), n: Fraction(size)}
        for param in law.params:
            if isinstance(param.domain, Integers) or param.symbol in values or param.symbol in law.where:
                continue
            if hasattr(param.domain, "low"):
                values[param.symbol] = Fraction(rng.randint(1, 12), 4)
        state = {"mixing": mixing, "means": center, "blocks": blocks, "half": half}
        yield Context({"x": list(center), "row": [row[0] for row in mixing]}, law.designs[0], values, law.where,
                      state=state)
