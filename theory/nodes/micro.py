"""Micro-batches: statistics of each on its own, averages over them.

`Micro(f)`       mean over the micro-batches of f, a function of one batch
`Pooled(f)`      f of the whole batch that was dealt; its size is B there
`Dealt(f, k)`    expectation over a batch of k B examples, dealt at random into k micro-batches of B
`Apart(f, k)`    expectation over k independent micro-batches of B
"""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import cache
from typing import Any

import sympy as sp

from theory import moments, registry
from theory import notation as nt
from theory.equality import UNDECIDED, Check, equal
from theory.evaluation import evaluate
from theory.law import Law, Part
from theory.nodes.partition import dealt
from theory.nodes.places import drawn_values
from theory.registry import Situation
from theory.world import Context, Number, batches

__all__ = ["Apart", "Dealt", "Micro", "Pooled"]

SIZES = ((4, 2, 2), (4, 2, 2), (5, 2, 2), (5, 2, 2), (6, 2, 3), (6, 3, 2))
"""Population size, size of a micro-batch and number of micro-batches of the worlds tried."""

RATIONAL = ((0, 1, 4, 9), (0, 3, 4, 7), (0, 1, 3, 5, 9), (0, 2, 3, 4, 6), (0, 1, 3, 4, 6, 7), (0, 2, 3, 5, 6, 11))
"""Populations of rational standard deviation; that of two examples is half a difference."""


class Micro(nt.Node):
    """Mean over the micro-batches."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        body = printer._print(self.args[0])
        return nt._power(rf"\frac1k\sum_{{j\le k}}\left.{body}\right|_{{\mathcal{{B}}_j}}", exp)


class Pooled(nt.Node):
    """Value at the whole batch."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        body = printer._print(self.args[0])
        return nt._power(rf"\left.{body}\right|_{{\mathcal{{B}}_1\cup\dots\cup\mathcal{{B}}_k}}", exp)


class _Over(nt.Node):
    """Expectation over micro-batches."""

    nargs = 2

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        body, k = (printer._print(a) for a in self.args)
        text = rf"\operatorname{{E}}_{{{k}\,\text{{{self.text}}}}}\left[{body}\right]"
        return nt._power(text, exp, wrap=False)

    text = ""


class Dealt(_Over):
    """Expectation over a batch dealt into micro-batches."""

    text = "dealt"


class Apart(_Over):
    """Expectation over independent micro-batches."""

    text = "independent"


@registry.means(Micro)
def _micro(node: Micro, world: Context) -> Number:
    if "micro" not in world.state:
        raise KeyError("a mean over micro-batches stands outside an expectation")
    parts, body, known = world.state["micro"], node.args[0], world.state["known"]
    for batch in parts:
        if (body, batch) not in known:
            known[body, batch] = evaluate(body, replace(world, batch=batch))
    return sum((known[body, batch] for batch in parts), Fraction(0)) / len(parts)


@registry.means(Pooled)
def _pooled(node: Pooled, world: Context) -> Number:
    if "micro" not in world.state:
        raise KeyError("the whole batch stands outside an expectation over micro-batches")
    whole, known = tuple(sorted(itertools.chain(*world.state["micro"]))), world.state["known"]
    if (node, whole) not in known:
        values = {**world.values, nt.B: Fraction(len(whole))}
        known[node, whole] = evaluate(node.args[0], replace(world, batch=whole, values=values, facts={}))
    return known[node, whole]


def _mean(node: sp.Basic, world: Context, ways: list[tuple[int, tuple[tuple[int, ...], ...]]]) -> Number:
    total = sum(times for times, _ in ways)
    found: Number = Fraction(0)
    known: dict[tuple[sp.Basic, tuple[int, ...]], Number] = {}
    for times, way in ways:
        here = replace(world, state={**world.state, "micro": way, "known": known})
        found = found + Fraction(times, total) * evaluate(node.args[0], here)
    return found


@registry.means(Dealt)
def _dealt(node: Dealt, world: Context) -> Number:
    """Visit every batch, and every way to deal it out."""
    size, count = int(evaluate(nt.B, world)), int(evaluate(node.args[1], world))
    return _mean(node, world, [(times, way) for times, batch in batches(world.size, size * count, world.design)
                               for way in _ways(batch, size, count)])


def _ways(batch: tuple[int, ...], size: int, count: int) -> Iterator[tuple[tuple[int, ...], ...]]:
    """Deal the draws of a batch, which may repeat an example, into micro-batches in every way."""
    for way in dealt(range(len(batch)), (size,) * count):
        yield tuple(tuple(batch[i] for i in part) for part in way)


@registry.means(Apart)
def _apart(node: Apart, world: Context) -> Number:
    size, count = int(evaluate(nt.B, world)), int(evaluate(node.args[1], world))
    pool = list(batches(world.size, size, world.design))
    ways = [(math.prod(times for times, _ in way), tuple(batch for _, batch in way))
            for way in itertools.product(pool, repeat=count)]
    return _mean(node, world, ways)


@registry.worlds(Dealt, Apart)
def _worlds(law: Law, part: Part, rng: random.Random) -> Iterator[Context]:
    """Small populations of distinct numbers, so that every micro-batch has spread."""
    while True:
        n, size, count = rng.choice(SIZES[:-2] if part.statement.has(Apart) else SIZES)
        column = [Fraction(value) for value in rng.sample(range(-6, 10), n)]
        if rng.random() < 3 / 4:
            scale, shift = rng.choice((-2, -1, 1, 3)), rng.randint(-4, 4)
            column = [Fraction(scale * value + shift) for value in rng.choice([c for c in RATIONAL if len(c) == n])]
            rng.shuffle(column)
        values = {**drawn_values(law, rng, most=2), nt.B: Fraction(size), nt.k: Fraction(count)}
        values = {s: value for s, value in values.items() if s not in {*nt.ROOT_OF, *nt.MEAN_OF.values()}}
        yield Context(dict.fromkeys(("g", "u", "v", "w", "x"), column), law.designs[0], values, law.where)


@cache
def _is_a_batch(design: str) -> bool:
    """Say whether each micro-batch dealt from a random batch is one of its size: dealing prefers no example."""
    for n, size, count in itertools.product(range(1, 6), range(1, 4), range(1, 4)):
        if size * count > (n if design == "wor" else 4):
            continue
        single = {batch: times for times, batch in batches(n, size, design)}
        for place in range(count):
            found: Counter[tuple[int, ...]] = Counter()
            for times, batch in batches(n, size * count, design):
                for way in _ways(batch, size, count):
                    found[tuple(sorted(way[place]))] += times
            total, whole = sum(found.values()), sum(single.values())
            if {k: Fraction(v, total) for k, v in found.items()} != {k: Fraction(v, whole) for k, v in single.items()}:
                return False
    return True


@registry.rule("separate micro-batches", "each micro-batch is a random batch of its size; independent ones have no "
               "covariance; what is the same in every batch comes out")
def _rule(at: Situation) -> Check:
    if not _is_a_batch(at.design):
        return Check(UNDECIDED, {"rule": "some example is preferred"})
    return equal(*(_carried(side).replace(nt.E, moments.linear_expectation) for side in (at.left, at.right)))


def _carried(expr: sp.Basic) -> sp.Expr:
    return expr.replace(Dealt, lambda body, k: _expected(body, k, apart=False)).replace(
        Apart, lambda body, k: _expected(body, k, apart=True))


def _expected(body: sp.Expr, k: sp.Expr, *, apart: bool) -> sp.Expr:
    """Return the expectation of a polynomial in means over the micro-batches, of degree two at most if independent.

    Raises
    ------
    ValueError
        If it is none.
    """
    letters = {node: sp.Dummy() for node in body.atoms(Micro, Pooled)}
    back = {letter: node for node, letter in letters.items()}
    plain = sp.expand(body.xreplace(letters))
    if not letters:
        return body
    total = sp.S.Zero
    for powers, factor in sp.Poly(plain, *back).terms():
        factors = [node for node, power in zip(back.values(), powers, strict=True) for _ in range(power)]
        whole = any(isinstance(node, Pooled) for node in factors)
        if factor.has(nt.BatchSum, *nt.BATCH_STATISTICS) or len(factors) > (2 if apart and not whole else 1):
            raise ValueError("beyond the moments of two micro-batches")
        if whole and apart:
            raise ValueError("independent micro-batches are no parts of one batch")
        product = sp.S.One
        if whole:
            product = _of_whole(factors[0].args[0], k)
        elif len(factors) == 1:
            product = nt.E(factors[0].args[0], nt.B)
        elif factors:
            one, other = (node.args[0] for node in factors)
            product = (nt.E(one * other, nt.B) + (k - 1) * nt.E(one, nt.B) * nt.E(other, nt.B)) / k
        total += factor * product
    return total


def _of_whole(body: sp.Expr, k: sp.Expr) -> sp.Expr:
    """Return the expectation of a value at the whole batch, its constant terms and factors taken out.

    Raises
    ------
    ValueError
        If what would come out depends on the size of the batch.
    """
    total = sp.S.Zero
    for term in sp.Add.make_args(sp.expand(body)):
        varying = sp.Mul(*[f for f in sp.Mul.make_args(term) if f.has(nt.BatchSum, *nt.BATCH_STATISTICS)])
        constant = term / varying
        if constant.has(nt.Node, nt.B, nt.sigma_hat):
            raise ValueError(f"{constant} need not be the same at the size of the whole batch")
        total += constant * (Dealt(Pooled(varying), k) if varying != 1 else sp.S.One)
    return total
