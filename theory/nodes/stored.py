"""Statistics stored for inference, as running averages of those of earlier batches of one population.

`Stored(f, t)`   expectation of f over a fresh batch and over what t earlier batches have left: `off`, the running
                 average of the errors of their means, from 0, and `kept`, that of their unbiased variances, from
                 sigma^2

Each update gives the newest batch the weight `alpha`; all batches are independent.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import sympy as sp

from theory import laws, moments, registry
from theory import notation as nt
from theory.equality import UNDECIDED, Check, equal
from theory.evaluation import evaluate
from theory.law import Law, Part
from theory.nodes.places import drawn_values
from theory.nodes.running import alpha
from theory.registry import Situation
from theory.world import Context, Number, batches

__all__ = ["AVERAGES", "ERROR", "UNBIASED", "Stored", "kept", "moment", "off"]

off = nt.RandomSymbol("off", real=True)
kept = nt.RandomSymbol("kept", real=True)

ERROR = nt.BatchSum(nt.dx) / nt.B
UNBIASED = (nt.BatchSum(nt.dx**2) - nt.BatchSum(nt.dx) ** 2 / nt.B) / (nt.B - 1)
STATISTICS = {off: (ERROR, sp.S.Zero), kept: (UNBIASED, nt.sigma2)}
"""What is averaged, and from where."""

AVERAGES = "norm.gap.ema"


class Stored(nt.Node):
    """Expectation over a fresh batch and the stored statistics."""

    nargs = 2

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        t = printer._print(self.args[1])
        shown = {off: sp.Symbol(f"(r_m-\\mu)_{{{t}}}"), kept: sp.Symbol(f"(r_v)_{{{t}}}")}
        body = printer._print(self.args[0].xreplace(shown))
        return nt._power(rf"\operatorname{{E}}\left[{body}\right]", exp, wrap=False)


@registry.means(Stored)
def _stored(node: Stored, world: Context) -> Number:
    """Visit every sequence of batches, equal averages taken together, and every fresh batch."""
    body, steps = node.args
    size, weight = int(evaluate(nt.B, world)), evaluate(alpha, world)
    column = world.population["x"]
    mu = sum(column, Fraction(0)) / len(column)
    pool = list(batches(world.size, size, world.design))
    count = sum(times for times, _ in pool)
    readings = []
    for times, batch in pool:
        mean = sum((column[i] for i in batch), Fraction(0)) / size
        spread = sum(((column[i] - mean) ** 2 for i in batch), Fraction(0)) / (size - 1)
        readings.append((Fraction(times, count), mean - mu, spread))
    variance = sum(((value - mu) ** 2 for value in column), Fraction(0)) / len(column)
    left = {(Fraction(0), variance): Fraction(1)}
    for _ in range(int(evaluate(steps, world))):
        moved: dict[tuple[Fraction, Fraction], Fraction] = {}
        for (error, variance), before in left.items():
            for chance, mean, spread in readings:
                after = error + weight * (mean - error), variance + weight * (spread - variance)
                moved[after] = moved.get(after, Fraction(0)) + before * chance
        left = moved
    total: Number = Fraction(0)
    for (error, variance), before in left.items():
        here = replace(world, values={**world.values, off: error, kept: variance})
        total = total + sum((before * Fraction(times, count) * evaluate(body, replace(here, batch=batch))
                             for times, batch in pool), Fraction(0))
    return total


@registry.worlds(Stored)
def _worlds(law: Law, part: Part, rng: random.Random) -> Iterator[Context]:
    """Draw two or three values, small batches and few updates."""
    while True:
        size = rng.randint(2, 3)
        column = [Fraction(rng.randint(-6, 9)) for _ in range(rng.randint(2, 3) if size == 2 else 2)]
        column[-1] += len(set(column)) == 1
        values = {**drawn_values(law, rng, most=2), nt.B: Fraction(size)}
        yield Context({"x": column}, "wr", values, law.where)


def moment(statistic: sp.Symbol, power: int) -> sp.Expr:
    """Return a moment of a stored statistic after t updates, of order two at most, by the law of running averages."""
    reading, start = STATISTICS[statistic]
    average = laws.load(AVERAGES)
    known = {p.symbol.name: p.symbol for p in average.params}
    mean = nt.E(reading, nt.B)
    given = {known["r0"]: start, known["S_mean"]: mean, known["S_var"]: nt.E(reading**2, nt.B) - mean**2}
    first = average.part("mean").rhs.xreplace(given)
    return first if power == 1 else average.part("variance").rhs.xreplace(given) + first**2


@registry.rule("stored statistics", "the fresh batch does not depend on what is stored, and norm.gap.ema gives mean "
               "and variance of each stored statistic")
def _independent(at: Situation) -> Check:
    if AVERAGES not in at.law.uses or at.step.where:
        return Check(UNDECIDED, {"rule": f"{AVERAGES} must be listed in uses, and nothing is supplied"})

    def carried(body: sp.Expr, steps: sp.Expr) -> sp.Expr:
        total = sp.S.Zero
        for powers, factor in sp.Poly(sp.expand(body), off, kept).terms():
            if sum(powers) > 2 or min(powers) > 0:
                raise ValueError("moments of one stored statistic up to the second are known")
            found = sp.S.One
            for letter, power in zip((off, kept), powers, strict=True):
                found *= moment(letter, power).xreplace({nt.t: steps}) if power else sp.S.One
            total += nt.E(factor, nt.B) * found
        return total

    def normal(side: sp.Basic) -> sp.Expr:
        return side.replace(Stored, carried).replace(nt.E, moments.linear_expectation)

    return equal(*(normal(side) for side in (at.left, at.right)))
