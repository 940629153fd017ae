"""A residual stream of n entries: every block adds a random matrix times the normalized stream.

`Blocks(f, L)`   expectation over the weights of f, a polynomial in `q`, the stream's mean square after L blocks

The stream starts at mean square one.  A block's weights are independent Gaussians of variance v/n; its input is the
stream over its root mean square.  Brute force takes three-point weights, which have a Gaussian's moments up to the
fifth: enough for f of degree two.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

import sympy as sp

from theory import notation as nt
from theory import registry, rules
from theory.equality import UNDECIDED, Check, equal
from theory.evaluation import evaluate
from theory.law import Law, Part
from theory.nodes.entries import square_root
from theory.nodes.gammas import same
from theory.registry import Situation
from theory.surds import Surd
from theory.world import Context, Number

__all__ = ["Blocks", "blocks", "q", "v"]

blocks = sp.Symbol("L", integer=True, positive=True)
"""Blocks of the network."""

v = sp.Symbol("v", positive=True)
"""Mean square of what a block adds."""

q = sp.Symbol("q_stream", positive=True)
"""Mean square of the stream, inside `Blocks`."""


class Blocks(nt.Node):
    """Expectation over the weights after some blocks."""

    nargs = 2

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        body, count = self.args
        text = printer._print(body.xreplace({q: sp.Symbol(f"q_{{{printer._print(count)}}}")}))
        return nt._power(rf"\operatorname{{E}}\left[{text}\right]", exp, wrap=False)


@registry.means(Blocks)
def _blocks(node: Blocks, world: Context) -> Number:
    body, count = node.args[0], int(evaluate(node.args[1], world))
    memory = world.state["memory"]
    if count not in memory:
        memory[count] = list(_streams(int(evaluate(nt.n, world)), count, world.state["weight"]))
    total: Number = Surd({})
    for chance, square in memory[count]:
        values = {**world.values, q: square}
        total = total + chance * evaluate(body, Context(world.population, world.design, values, world.where))
    return total


def _streams(width: int, count: int, weight: Fraction) -> Iterator[tuple[Fraction, Number]]:
    """Iterate over (probability, mean square of the stream) for every choice of the weights."""
    points = ((Fraction(1, 6), weight), (Fraction(2, 3), Fraction(0)), (Fraction(1, 6), -weight))

    def after(chance: Fraction, stream: Sequence[Number], left: int) -> Iterator[tuple[Fraction, Number]]:
        square = sum((a * a for a in stream), Fraction(0)) / width
        if left == 0:
            yield chance, square
            return
        inverse = 1 / square_root(square)
        inputs = [a * inverse for a in stream]
        for drawn in itertools.product(points, repeat=width * width):
            here, moved = chance, list(stream)
            for place, (p, w) in enumerate(drawn):
                here *= p
                moved[place // width] = moved[place // width] + w * inputs[place % width]
            yield from after(here, moved, left - 1)

    yield from after(Fraction(1), [Fraction(1)] * width, count)


@registry.worlds(Blocks)
def _worlds(law: Law, part: Part, rng: random.Random) -> Iterator[Context]:
    """One entry and a few blocks, or two entries and one block; the stream is nowhere zero."""
    while True:
        width, most = rng.choice(((1, 3), (1, 3), (2, 1)))
        # Three points -w, 0, w of weights 1/6, 2/3, 1/6 have variance w^2/3 = v/n.
        weight = Fraction(rng.choice((1, 2, 3, 4, 5, 6, 8, 9)), 7)
        values = {nt.n: Fraction(width), blocks: Fraction(rng.randint(1, most)), v: width * weight**2 / 3}
        yield Context({"x": [Fraction(0), Fraction(1)]}, law.designs[0], values, law.where,
                      state={"weight": weight, "memory": {}})


def _stepped(power: int) -> sp.Expr:
    """Return the mean of a power of the mean square after a block, given the stream.

    The block adds a vector of n independent Gaussians of variance v, whatever the direction of its input: n q grows by
    twice its product with the stream, of variance v n q, plus its squares, of mean n v and mean square n(n+2) v^2.
    """
    along, squares = sp.symbols("along squares")
    raised = sp.Poly(sp.expand(((nt.n * q + 2 * along + squares) / nt.n) ** power), along, squares)
    means = {(0, 0): sp.S.One, (1, 0): sp.S.Zero, (0, 1): nt.n * v, (2, 0): v * nt.n * q,
             (0, 2): nt.n * (nt.n + 2) * v**2, (1, 1): sp.S.Zero}
    return sp.expand(sp.Add(*[factor * means[powers] for powers, factor in raised.terms()]))


@registry.rule("residual blocks", "a Gaussian matrix times a normalized vector is a Gaussian vector, independent of "
               "the stream: the mean square follows by induction on the blocks")
def _induction(at: Situation) -> Check:
    """Check closed forms at the start and over one block; `where` holds them as ``first`` and ``second``."""
    closed = {1: at.step.where.get("first"), 2: at.step.where.get("second")}
    known = {power: sp.sympify(form) for power, form in closed.items() if form is not None}
    checks = []

    def mean(body: sp.Expr, count: sp.Expr) -> sp.Expr:
        total = sp.S.Zero
        for (power,), factor in sp.Poly(body, q).terms():
            if power and power not in known:
                raise ValueError(f"no closed form of the mean of q^{power} is given")
            total += factor * (known[power].xreplace({blocks: count}) if power else sp.S.One)
        return total

    if not known or not at.left.has(Blocks):
        return Check(UNDECIDED, {"rule": "expectations after some blocks and their closed forms are needed"})
    for power, form in known.items():
        checks.append(equal(form.xreplace({blocks: sp.S.Zero}), sp.S.One))
        checks.append(equal(form.xreplace({blocks: blocks + 1}), mean(_stepped(power), blocks)))
    return rules.worst(*checks, same(at.left.replace(Blocks, mean), at.right))
