"""Epochs of batches of any sizes: every example in one batch, every order as likely.

`EpochE(a)`       expectation over the ways to deal the population into the batches of an epoch
`EpochMean(f)`    mean over the batches of their means of f: what averaging the steps of an epoch gives
`OverBatches(a)`  mean over the batches of a function of their size `b_k`
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import sympy as sp

from theory import moments, registry, rules
from theory import notation as nt
from theory.equality import Check, equal
from theory.evaluation import evaluate
from theory.law import Law, Part
from theory.registry import Situation
from theory.world import Context, Number

__all__ = ["EpochE", "EpochMean", "K", "OverBatches", "b_k", "b_last", "dealt"]

K = sp.Symbol("K", integer=True, positive=True)
"""Number of batches of an epoch."""

b_k = sp.Symbol("b_k", integer=True, positive=True)
"""Size of the batch at hand, inside `OverBatches`."""

b_last = sp.Symbol("b_last", integer=True, positive=True)
"""Size of the last batch."""


class EpochE(nt.Node):
    """Expectation over all ways to deal the population into the batches of an epoch."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return nt._power(rf"\operatorname{{E}}\left[{printer._print(self.args[0])}\right]", exp, wrap=False)


class EpochMean(nt.Node):
    """Mean over the batches of an epoch of their means."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        body = printer._print(self.args[0])
        return nt._power(rf"\frac1K\sum_k\overline{{{body}}}_{{\mathcal{{B}}_k}}", exp)


class OverBatches(nt.Node):
    """Mean over the batches of a function of their size."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return nt._power(rf"\frac1K\sum_k{printer._print(self.args[0])}", exp)


def dealt(population: Sequence[int], sizes: Sequence[int]) -> Iterator[tuple[tuple[int, ...], ...]]:
    """Iterate over all ways to deal a population into batches of the sizes, in turn."""
    if not sizes:
        yield ()
        return
    for batch in itertools.combinations(population, sizes[0]):
        rest = [i for i in population if i not in batch]
        for others in dealt(rest, sizes[1:]):
            yield (batch, *others)


@registry.means(EpochE)
def _epoch_expectation(node: EpochE, world: Context) -> Number:
    ways = list(dealt(range(world.size), world.state["sizes"]))
    total = Fraction(0)
    for way in ways:
        total = total + evaluate(node.args[0], replace(world, state={**world.state, "epoch": way}))
    return total / len(ways)


@registry.means(EpochMean)
def _epoch_mean(node: EpochMean, world: Context) -> Number:
    if "epoch" not in world.state:
        raise KeyError("the mean over an epoch stands outside an expectation over epochs")
    means = [sum((evaluate(node.args[0], replace(world, example=i)) for i in batch), Fraction(0)) / len(batch)
             for batch in world.state["epoch"]]
    return sum(means, Fraction(0)) / len(means)


@registry.means(OverBatches)
def _over_batches(node: OverBatches, world: Context) -> Number:
    sizes = world.state["sizes"]
    values = [evaluate(node.args[0], replace(world, values={**world.values, b_k: Fraction(b)})) for b in sizes]
    return sum(values, Fraction(0)) / len(sizes)


@registry.worlds(EpochE)
def _worlds(law: Law, part: Part, rng: random.Random) -> Iterator[Context]:
    """Small epochs: of any sizes, or of equal batches but for the last where the statement names its size."""
    while True:
        values: dict[sp.Symbol, Number]
        if part.statement.has(b_last):
            size, count = rng.choice([(1, 2), (1, 3), (2, 2), (2, 3), (3, 2)])
            last = rng.randint(1, size)
            sizes = (size,) * (count - 1) + (last,)
            values = {nt.B: Fraction(size), b_last: Fraction(last), K: Fraction(count)}
        else:
            sizes = tuple(rng.randint(1, 3) for _ in range(rng.randint(2, 3)))
            values = {K: Fraction(len(sizes))}
        if sum(sizes) > 6:
            continue
        column = [Fraction(rng.randint(-6, 9)) for _ in range(sum(sizes))]
        column[-1] += len(set(column)) == 1
        columns = {name: column for name in ("g", "u", "v", "w", "x")}
        yield Context(columns, "wor", values, law.where, state={"sizes": sizes})


def _summed(weight: sp.Expr) -> sp.Expr:
    """Return the sum over the batches of powers of their size, from -2 on: the sizes add up to N."""
    total = sp.S.Zero
    for (raised,), constant in sp.Poly(sp.cancel(weight * b_k**2), b_k).terms():
        power = raised - 2
        total += constant * (nt.N if power == 1 else K if power == 0 else K * OverBatches(b_k**power))
    return total


def _product_moment(factors: Sequence[sp.Expr]) -> sp.Expr:
    """Expectation of a product of up to two means over an epoch, one per-example monomial a factor."""
    if len(factors) == 1:
        return _summed(1 / b_k * b_k / nt.N) / K * nt.N * moments.mean_of(factors[0])
    if len(factors) > 2:
        raise ValueError("products of more than two means over an epoch are not known")
    f, h = factors
    together = nt.N * moments.mean_of(f * h)
    apart = nt.N**2 * moments.mean_of(f) * moments.mean_of(h) - together
    pairs = nt.N * (nt.N - 1)
    same = _summed(b_k**-2 * b_k / nt.N) * together + _summed(b_k**-2 * b_k * (b_k - 1) / pairs) * apart
    # Two batches: chance b b'/(N(N-1)) over b b', summed over ordered pairs of different batches.
    different = (_summed(sp.S.One) ** 2 - _summed(sp.S.One)) / pairs * apart
    return (same + different) / K**2


def _expected(body: sp.Expr) -> sp.Expr:
    """Expectation over epochs of a polynomial in means over the epoch."""
    quantity = {q: nt.MEAN_OF[q] + d for d, q in nt.DEVIATION_OF.items()}

    def linear(inner: sp.Expr) -> sp.Expr:
        total = sp.S.Zero
        for term in sp.Add.make_args(sp.expand(inner.xreplace(quantity))):
            constant, varying = term.as_independent(*(s for s in term.free_symbols if isinstance(s, nt.PerExample)))
            total += constant * (EpochMean(varying) if varying != 1 else sp.S.One)
        return total

    total = sp.S.Zero
    for term in sp.Add.make_args(sp.expand(body.replace(EpochMean, linear))):
        constant, factors = sp.S.One, []
        for factor in sp.Mul.make_args(term):
            base, power = factor.as_base_exp()
            if isinstance(base, EpochMean) and power.is_Integer and power > 0:
                factors += [base.args[0]] * int(power)
            elif factor.has(EpochMean) or any(isinstance(s, nt.PerExample) for s in _outside(factor)):
                raise ValueError(f"{factor} is not a polynomial in means over the epoch")
            else:
                constant *= factor
        total += constant * (_product_moment(factors) if factors else sp.S.One)
    return total


def _outside(expr: sp.Expr) -> set[sp.Basic]:
    return set(expr.replace(nt.PopMean, lambda _: sp.S.One).free_symbols)


@registry.rule("deal", "two examples lie in batches of sizes b and b' with the chances of a random order; sums over "
               "batches, whose sizes add up to N")
def _deal(at: Situation) -> Check:
    left = at.left.replace(EpochE, _expected)
    if left == at.left:
        raise ValueError("the line holds no expectation over epochs")
    return equal(*(rules.unfold(side, at.definitions) for side in (left, at.right)))


@registry.rule("short last batch", "all batches but the last have B examples")
def _short(at: Situation) -> Check:
    def mean(inner: sp.Expr) -> sp.Expr:
        return ((K - 1) * inner.xreplace({b_k: nt.B}) + inner.xreplace({b_k: b_last})) / K

    if not at.part.statement.has(b_last):
        raise ValueError("the statement does not speak of a last batch")
    sides = (rules.unfold(side, at.definitions).replace(OverBatches, mean) for side in (at.left, at.right))
    return equal(*(side.xreplace({nt.N: (K - 1) * nt.B + b_last}) for side in sides))
