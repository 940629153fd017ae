"""A table of activations, examples by channels: levels of the channels plus independent noise.

`Grid(f)`   mean over the channels and over the noise of f, a polynomial in numbers that belong to an entry

At the entry of one example in one channel the numbers are

`level`, `dev`       the channel's mean, and how far it is above the mean of the levels
`z`                  the entry's noise: independent, one law for all entries, mean 0, variance 1
`m_B`, `v_B`         mean and biased variance of its channel over the batch
`m_L`, `v_L`         mean and biased variance of its example over the channels
`col_1`, `col_2`     sums of the noise and of its square over the other entries of the channel
`row_1`, `row_2`     the same over the other entries of the example
`row_x`              sum over these of noise times `dev`
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
from theory.equality import Check, equal
from theory.evaluation import evaluate
from theory.law import Law, Part
from theory.moments import set_partitions
from theory.nodes.places import drawn_values
from theory.registry import Situation
from theory.world import Context, Number

__all__ = ["FACTS", "Grid", "V", "channels", "dev", "in_sums", "level", "m_B", "m_L", "v_B", "v_L", "z"]


class OfTable(sp.Symbol):
    """A number that belongs to an entry of the table."""

    def _latex(self, printer: Any) -> str:
        names = {"level": r"\mu_c", "dev": r"\tilde\mu_c", "col_1": r"\textstyle\sum_{j\ne i}z_{jc}",
                 "col_2": r"\textstyle\sum_{j\ne i}z_{jc}^2", "row_1": r"\textstyle\sum_{k\ne c}z_{ik}",
                 "row_2": r"\textstyle\sum_{k\ne c}z_{ik}^2", "row_x": r"\textstyle\sum_{k\ne c}\tilde\mu_kz_{ik}",
                 "z": "z_{ic}"}
        return names.get(self.name, str(self.name))


NAMES = ("level", "dev", "z", "m_B", "v_B", "m_L", "v_L", "col_1", "col_2", "row_1", "row_2", "row_x")
level, dev, z, m_B, v_B, m_L, v_L, col_1, col_2, row_1, row_2, row_x = (OfTable(n, real=True) for n in NAMES)

channels = sp.Symbol("d", integer=True, positive=True)
"""Channels: entries of an example."""

V = sp.Symbol("V", nonnegative=True)
"""Variance of the channels' levels, divisor d, in units of the noise's variance."""


class Grid(nt.Node):
    """Mean over the channels and over the noise."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return nt._power(rf"\operatorname{{E}}_{{z,c}}\left[{printer._print(self.args[0])}\right]", exp, wrap=False)


FACTS = {V: Grid(dev**2), nt.kappa: Grid(z**4) - 3}
"""What the letters of the model stand for."""

Noise = Sequence[tuple[Fraction, Fraction]]


def _outcomes(world: Context) -> Sequence[tuple[Fraction, dict[sp.Symbol, Fraction]]]:
    """List (probability, numbers of the entry) for every channel and every noise of its row and column."""
    batch, memory = int(evaluate(nt.B, world)), world.state["memory"]
    if batch not in memory:
        memory[batch] = [outcome for c in range(world.size) for outcome in _of_channel(world, batch, c)]
    found: Sequence[tuple[Fraction, dict[sp.Symbol, Fraction]]] = memory[batch]
    return found


def _of_channel(world: Context, batch: int, c: int) -> Iterator[tuple[Fraction, dict[sp.Symbol, Fraction]]]:
    levels, noise = world.population["level"], world.state["noise"]
    d, middle = len(levels), sum(levels, Fraction(0)) / len(levels)
    for drawn in itertools.product(noise, repeat=batch + d - 1):
        chance = Fraction(1, d)
        for p, _ in drawn:
            chance *= p
        values = [value for _, value in drawn]
        column = values[:batch]
        row = [*values[batch:batch + c], column[0], *values[batch + c:]]
        in_channel = [levels[c] + n for n in column]
        of_example = [a + n for a, n in zip(levels, row, strict=True)]
        others, devs = [k for k in range(d) if k != c], [a - middle for a in levels]
        numbers = {level: levels[c], dev: devs[c], z: column[0], m_B: _mean(in_channel), v_B: _variance(in_channel),
                   m_L: _mean(of_example), v_L: _variance(of_example), col_1: sum(column[1:], Fraction(0)),
                   col_2: sum((n * n for n in column[1:]), Fraction(0)),
                   row_1: sum((row[k] for k in others), Fraction(0)),
                   row_2: sum((row[k] ** 2 for k in others), Fraction(0)),
                   row_x: sum((row[k] * devs[k] for k in others), Fraction(0))}
        yield chance, numbers


def _mean(values: Sequence[Fraction]) -> Fraction:
    return sum(values, Fraction(0)) / len(values)


def _variance(values: Sequence[Fraction]) -> Fraction:
    middle = _mean(values)
    return _mean([(value - middle) ** 2 for value in values])


@registry.means(Grid)
def _grid(node: Grid, world: Context) -> Number:
    """Average a polynomial monomial by monomial over every outcome; the averages are kept with the world."""
    used, terms = _terms(node.args[0])
    return sum((evaluate(factor, world) * _moment(used, powers, world) for powers, factor in terms), Fraction(0))


@lru_cache(maxsize=256)
def _terms(body: sp.Expr) -> tuple[tuple[sp.Symbol, ...], Sequence[tuple[tuple[int, ...], sp.Expr]]]:
    used = tuple(sorted((s for s in body.free_symbols if isinstance(s, OfTable)), key=str))
    if not used:
        return used, [((), body)]
    if not body.is_polynomial(*used):
        raise KeyError("the body is no polynomial in the numbers of an entry")
    return used, sp.Poly(body, *used).terms()


def _moment(used: Sequence[sp.Symbol], powers: Sequence[int], world: Context) -> Fraction:
    memory, key = world.state["memory"], (evaluate(nt.B, world), tuple(used), tuple(powers))
    if key not in memory:
        total = Fraction(0)
        for chance, numbers in _outcomes(world):
            for s, power in zip(used, powers, strict=True):
                chance *= numbers[s] ** power
            total += chance
        memory[key] = total
    found: Fraction = memory[key]
    return found


@registry.worlds(Grid)
def _worlds(law: Law, part: Part, rng: random.Random) -> Iterator[Context]:
    """Small tables; the noise has two values, or three."""
    while True:
        d, batch = rng.choice(((2, 2), (2, 3), (3, 1), (3, 2), (4, 1), (4, 2)))
        s = Fraction(rng.randint(1, 4), rng.randint(1, 3))
        noise: Noise = [(1 / (1 + s * s), s), (s * s / (1 + s * s), -1 / s)]
        if batch + d < 5 and rng.randrange(2):
            noise = [(Fraction(1, 8), Fraction(-2)), (Fraction(3, 4), Fraction(0)), (Fraction(1, 8), Fraction(2))]
        levels = [Fraction(rng.randint(-3, 3), 2) for _ in range(d)]
        if rng.randrange(4) == 0:
            levels = [levels[0]] * d
        values = {**drawn_values(law, rng, most=3), nt.B: Fraction(batch), channels: Fraction(d)}
        yield Context({"level": levels}, law.designs[0], values, law.where, state={"noise": noise, "memory": {}})


def in_sums() -> dict[sp.Symbol, sp.Expr]:
    """Return mean and variance of the row and of the column in the sums over their other entries."""
    column, row = (z + col_1) / nt.B, (z + row_1) / channels
    return {
        m_B: level + column, v_B: (z**2 + col_2) / nt.B - column**2, m_L: level - dev + row,
        v_L: (z**2 + row_2 + 2 * (z * dev + row_x)) / channels + V - row**2,
    }


@registry.rule("row and column", "means and variances of a row and of a column of the table in the entry they share "
               "and the sums over their others")
def _row_and_column(at: Situation) -> Check:
    def written(body: sp.Expr) -> sp.Expr:
        return Grid(sp.expand(body.xreplace(in_sums())))

    return equal(*(side.replace(Grid, written) for side in (at.left, at.right)))


_SUMMED = {col_1: (0, 0, 1), col_2: (0, 0, 2), row_1: (1, 0, 1), row_2: (1, 0, 2), row_x: (1, 1, 1)}
"""Of each sum: column (0) or row (1), power of the deviation, power of the noise."""


def _central(power: int) -> sp.Expr:
    """Return a moment of the noise."""
    known = (sp.S.One, sp.S.Zero, sp.S.One)
    if power < len(known):
        return known[power]
    if power == 4:
        return nt.kappa + 3
    return sp.Symbol(f"noise_{power}", real=True)


def _power_sum(where: int, power: int) -> sp.Expr:
    """Return the sum of a power of the deviation over the other entries of the row (or of one over the column's)."""
    if power == 0:
        return (nt.B if where == 0 else channels) - 1
    if power == 1:
        return -dev
    if power == 2:
        return channels * V - dev**2
    raise ValueError("no third power of the levels is known")


def _distinct(where: int, powers: Sequence[int]) -> sp.Expr:
    """Return the sum over distinct entries of a product of powers of their deviations."""
    if len(powers) == 1:
        return _power_sum(where, powers[0])
    if len(powers) > 2:
        raise ValueError("noise of degree four at most")
    one, other = powers
    return _power_sum(where, one) * _power_sum(where, other) - _power_sum(where, one + other)


def _line_mean(where: int, factors: Sequence[tuple[int, int]]) -> sp.Expr:
    """Return the mean of a product of sums over a row or a column: over all ways in which their entries coincide."""
    total = sp.S.Zero
    for blocks in set_partitions(len(factors)):
        degrees = [sum(factors[i][1] for i in block) for block in blocks]
        if 1 in degrees:
            continue
        noise = sp.Mul(*[_central(degree) for degree in degrees])
        total += noise * (_distinct(where, [sum(factors[i][0] for i in block) for block in blocks]) if blocks else 1)
    return total


def _grid_mean(body: sp.Expr) -> sp.Expr:
    """Return the mean of a polynomial in the shared entry, its channel's deviation and the sums."""
    letters, body = [z, dev, *_SUMMED], sp.expand(body)
    if any(isinstance(s, OfTable) and s not in letters for s in body.free_symbols):
        raise ValueError("write means and variances out first, and measure from the level")
    total = sp.S.Zero
    for powers, factor in sp.Poly(body, *letters).terms():
        counts = dict(zip(letters, powers, strict=True))
        product = factor * _central(counts[z]) * dev ** counts[dev]
        for where in (0, 1):
            factors = [kind[1:] for s, kind in _SUMMED.items() if kind[0] == where for _ in range(counts[s])]
            product *= _line_mean(where, factors)
        total += product
    return _over_channels(sp.expand(total))


def _over_channels(expr: sp.Expr) -> sp.Expr:
    """Average over the channels: the deviations have mean 0 and mean square V."""
    known = (sp.S.One, sp.S.Zero, V)
    total = sp.S.Zero
    for (power,), factor in sp.Poly(expr, dev).terms():
        if power >= len(known):
            raise ValueError("no third power of the levels is known")
        total += factor * known[power]
    return total


@registry.rule("independent entries", "the noise of different entries is independent, with mean 0 and variance 1; the "
               "levels' deviations have mean 0 and mean square V")
def _independent(at: Situation) -> Check:
    return equal(*(side.replace(Grid, _grid_mean) for side in (at.left, at.right)))
