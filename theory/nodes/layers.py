"""Normalization layers on a small tensor: samples by channels by positions, and which entries share statistics.

A layer's node is its output at an entry: sample `a`, channel `c`, position `p`.

`BatchNorm(a, c, p, B)`   statistics of a channel over a batch of B samples, from sample a on in circular order
`LayerNorm(a, c, p)`      of a sample over its channels and positions
`InstanceNorm(a, c, p)`   of a sample's channel over its positions
`GroupNorm(a, c, p, G)`   of a sample over the positions and the channels of one of G groups
`RmsNorm(a, c, p)`        mean square of a sample, no mean taken off
`Across(y)`               sum of the squared derivatives of an output by all entries of other samples
`Elsewhere(f, j)`         sum of f over those entries of entry i's group that belong to other samples than i
`Own(f, j)`               sum of f over the entries of entry i's group in i's sample
`LayerRank(y)`            rank of the Jacobian of the whole layer, all outputs by all inputs

In these worlds the group of `theory.nodes.entries` is that of the entry (a, c, p) in the layer that the statement
names first, and i is its place there.  Layers add eps to the variance where a law has that parameter.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import sympy as sp

from theory import notation as nt
from theory import registry, rules
from theory.equality import PROVED, UNDECIDED, Check, equal
from theory.evaluation import evaluate
from theory.jets import Jet
from theory.law import Law, Part
from theory.nodes.entries import Delta, Hat, Index, OfGroup, Slope, bind, i, j, normalized, square_root
from theory.nodes.group import Algebra
from theory.nodes.places import drawn_values
from theory.nodes.ranks import Rank, eliminated
from theory.registry import Situation
from theory.world import Context, Number

__all__ = ["Across", "BatchNorm", "Elsewhere", "GroupNorm", "InstanceNorm", "Layer", "LayerNorm", "LayerRank", "Own",
           "RmsNorm", "a", "c", "p"]

a, c, p = sp.symbols("a c p", integer=True, nonnegative=True)
"""Sample, channel and position of the entry spoken of, counted from 0."""

Entry = tuple[int, int, int]


class Layer(nt.Node):
    """Output of a normalization layer at an entry; see the module docstring."""

    nargs: Any = 3
    short = ""
    centered = True

    @property
    def extra(self) -> sp.Expr:
        """The batch size of BatchNorm, the number of groups of GroupNorm, else 1."""
        return self.args[3] if len(self.args) > 3 else sp.S.One

    @classmethod
    def together(cls, first: Entry, second: Entry, shape: Entry, extra: int) -> bool:
        """Say whether two entries share their statistics."""
        raise NotImplementedError

    def label(self) -> tuple[sp.Expr, ...]:
        """Return what entries of one group have in common, as functions of their coordinates."""
        raise NotImplementedError

    def groups(self) -> tuple[sp.Expr, sp.Expr]:
        """Return the number of groups of a batch, and of entries in each."""
        raise NotImplementedError

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        at = "".join(printer._print(s) for s in self.args[:3])
        more = f"({printer._print(self.extra)})" if len(self.args) > 3 else ""
        return nt._power(rf"\mathrm{{{self.short}}}{more}_{{{at}}}", exp)


class BatchNorm(Layer):
    """Batch normalization."""

    nargs, short = 4, "BN"

    @classmethod
    def together(cls, first: Entry, second: Entry, shape: Entry, extra: int) -> bool:
        """Share a channel, the second sample in the batch that begins with the first."""
        return first[1] == second[1] and (second[0] - first[0]) % shape[0] < extra

    def label(self) -> tuple[sp.Expr, ...]:
        """Return the channel; a batch of one sample is that sample."""
        if self.extra == 1:
            return a, c
        if self.extra != nt.B:
            raise ValueError("the groups of a batch that is neither one sample nor all of them have no labels")
        return (c,)

    def groups(self) -> tuple[sp.Expr, sp.Expr]:
        """Return one group a channel."""
        if self.extra != nt.B:
            raise ValueError("only the whole batch is counted")
        return nt.C, nt.B * nt.HW


class LayerNorm(Layer):
    """Layer normalization."""

    short = "LN"

    @classmethod
    def together(cls, first: Entry, second: Entry, shape: Entry, extra: int) -> bool:
        """Share a sample."""
        return first[0] == second[0]

    def label(self) -> tuple[sp.Expr, ...]:
        """Return the sample."""
        return (a,)

    def groups(self) -> tuple[sp.Expr, sp.Expr]:
        """Return one group a sample."""
        return nt.B, nt.C * nt.HW


class RmsNorm(LayerNorm):
    """Root-mean-square normalization: LayerNorm without taking off the mean."""

    short, centered = "RMS", False


class InstanceNorm(Layer):
    """Instance normalization."""

    short = "IN"

    @classmethod
    def together(cls, first: Entry, second: Entry, shape: Entry, extra: int) -> bool:
        """Share sample and channel."""
        return first[:2] == second[:2]

    def label(self) -> tuple[sp.Expr, ...]:
        """Return sample and channel."""
        return a, c

    def groups(self) -> tuple[sp.Expr, sp.Expr]:
        """Return one group a sample and channel."""
        return nt.B * nt.C, nt.HW


class GroupNorm(Layer):
    """Group normalization."""

    nargs, short = 4, "GN"

    @classmethod
    def together(cls, first: Entry, second: Entry, shape: Entry, extra: int) -> bool:
        """Share a sample and one of the equal runs of channels."""
        if shape[1] % extra:
            raise KeyError(f"{shape[1]} channels cannot be split into {extra} groups")
        runs = [range(k, k + shape[1] // extra) for k in range(0, shape[1], shape[1] // extra)]
        return first[0] == second[0] and any(first[1] in run and second[1] in run for run in runs)

    def label(self) -> tuple[sp.Expr, ...]:
        """Return the sample and the run: the whole part of c over the channels of a group."""
        run = sp.cancel(nt.C / self.extra)
        if run == nt.C:  # c < C: one run
            return (a,)
        return (a, c) if run == 1 else (a, sp.floor(c / run))

    def groups(self) -> tuple[sp.Expr, sp.Expr]:
        """Return so many groups a sample."""
        return nt.B * self.extra, nt.C * nt.HW / self.extra


class Across(nt.Node):
    """Squared derivatives of an output by the entries of other samples, summed."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        body = rf"\sum_{{a'\ne a}}\left(\frac{{\partial}}{{\partial x_{{a'}}}}{printer._print(self.args[0])}\right)^2"
        return nt._power(body, exp)


class LayerRank(nt.Node):
    """Rank of the Jacobian of a whole layer."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return nt._power(rf"\operatorname{{rank}}\partial\,\mathrm{{{self.args[0].short}}}", exp)


class Elsewhere(OfGroup):
    """Sum over the entries of i's group in other samples."""

    nargs = 2
    sign = r"a_j\ne a_i"

    def in_algebra(self, algebra: Algebra) -> sp.Expr:
        """Return the sum over the group less that over the own sample; no entry there is entry i."""
        body, letter = self.args
        apart = algebra.form(body).xreplace({algebra.form(Delta(i, letter)): sp.S.Zero})
        return algebra.size * algebra.average(apart, letter) - _own(apart, letter, algebra)

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        body, letter = self.args
        sign = self.sign.replace("j", printer._print(letter))
        inner = printer._print(body)
        inner = rf"\left({inner}\right)" if isinstance(body, sp.Add) else f" {inner}"
        return nt._power(rf"\sum_{{{sign}}}{inner}", exp)


class Own(Elsewhere):
    """Sum over the entries of i's group in i's sample."""

    sign = "a_j=a_i"

    def in_algebra(self, algebra: Algebra) -> sp.Expr:
        """Return a combination of sums over monomials."""
        body, letter = self.args
        return _own(algebra.form(body), letter, algebra)


class OwnSum(sp.Function):
    """A sum over the own sample, in normal forms."""

    nargs = 1


def _own(form: sp.Expr, letter: sp.Basic, algebra: Algebra) -> sp.Expr:
    if not isinstance(letter, Index) or form.has(Delta):
        raise ValueError("sums over a sample's part of a group are of products of entries only")
    total = sp.S.Zero
    for term in sp.Add.make_args(algebra.reduced(form)):
        outside, inside = term.as_independent(letter, as_Add=False)
        total += outside * (nt.HW if inside == 1 else OwnSum(inside.xreplace({letter: Index("own", integer=True)})))
    return total


def members(layer: Layer, at: Entry, shape: Entry, extra: int) -> list[Entry]:
    """Return the entries that share the statistics of one."""
    return [e for e in everywhere(shape) if layer.together(at, e, shape, extra)]


def everywhere(shape: Entry) -> list[Entry]:
    """Return all entries of a tensor."""
    return list(itertools.product(range(shape[0]), range(shape[1]), range(shape[2])))


def _here(node: sp.Basic, world: Context) -> Entry:
    found = [evaluate(s, world) for s in node.args[:3]]
    if any(s.denominator != 1 for s in found):
        raise KeyError(f"{node} speaks of no entry")
    at = (int(found[0]), int(found[1]), int(found[2]))
    if any(not 0 <= k < n for k, n in zip(at, world.state["shape"], strict=True)):
        raise KeyError(f"{node} lies outside the tensor")
    return at


def _extra(layer: Layer, world: Context) -> int:
    number = evaluate(layer.extra, world)
    if number.denominator != 1 or number < 1:
        raise KeyError(f"{number} is no number of groups or samples")
    return int(number)


def output(layer: Layer, at: Entry, world: Context) -> Number:
    """Return the output of a layer at an entry, from the definition."""
    shape, tensor = world.state["shape"], world.state["tensor"]
    group = members(layer, at, shape, _extra(layer, world))
    values, e = [tensor[k] for k in group], world.values.get(nt.eps, Fraction(0))
    if layer.centered:
        return normalized(values, e)[group.index(at)]
    square = sum((v * v for v in values), Fraction(0)) / len(values) + e
    if not isinstance(square, Jet) and square == 0:
        raise ZeroDivisionError("a group of zeros has no normalized values")
    return tensor[at] / square_root(square)


@registry.means(BatchNorm, LayerNorm, RmsNorm, InstanceNorm, GroupNorm)
def _layer(node: Layer, world: Context) -> Number:
    return output(node, _here(node, world), world)


def _derivatives(layer: Layer, outputs: Sequence[Entry], by: Entry, world: Context) -> list[Number]:
    zero, one = Fraction(0), Fraction(1)
    tensor = {k: Jet([v, one if k == by else zero]) for k, v in world.state["tensor"].items()}
    here = replace(world, state={**world.state, "tensor": tensor})
    return [output(layer, at, here)[1] for at in outputs]


@registry.means(Across)
def _across(node: Across, world: Context) -> Number:
    layer = node.args[0]
    at = _here(layer, world)
    others = [k for k in world.state["tensor"] if k[0] != at[0]]
    return sum((_derivatives(layer, [at], k, world)[0] ** 2 for k in others), Fraction(0))


@registry.means(LayerRank)
def _layer_rank(node: LayerRank, world: Context) -> Number:
    places = list(world.state["tensor"])
    return Fraction(eliminated([_derivatives(node.args[0], places, k, world) for k in places]))


@registry.means(Elsewhere, Own)
def _elsewhere(node: Elsewhere, world: Context) -> Number:
    body, letter = node.args
    samples = world.state["samples"]
    mine = samples[int(world.values[i]) - 1]
    wanted = [k for k, sample in enumerate(samples) if (sample == mine) == isinstance(node, Own)]
    return sum((evaluate(body, bind(world, letter, k + 1)) for k in wanted), Fraction(0))


@registry.worlds(BatchNorm, LayerNorm, RmsNorm, InstanceNorm, GroupNorm)
def _worlds(law: Law, part: Part, rng: random.Random) -> Iterator[Context]:
    """Draw a small tensor of integers and an entry of it."""
    layer = sorted(part.lhs.atoms(Layer), key=str)[0]
    small = part.statement.has(LayerRank)
    while True:
        groups = rng.choice((1, 2))
        shape = (rng.randint(1, 2 if small else 3), groups * rng.choice((1, 2)), rng.randint(1, 2))
        places = everywhere(shape)
        if len(places) > (8 if small else 18) or len(places) < 2:
            continue
        tensor = {k: Fraction(rng.randint(-6, 9)) for k in places}
        at = rng.choice(places)
        drawn = {**drawn_values(law, rng, most=4), nt.B: Fraction(shape[0]), nt.C: Fraction(shape[1]),
                 nt.HW: Fraction(shape[2]), nt.G: Fraction(groups), a: Fraction(at[0]), c: Fraction(at[1]),
                 p: Fraction(at[2])}
        bare = Context({"x": [Fraction(0)]}, law.designs[0], drawn)
        group = members(layer, at, shape, _extra(layer, bare))
        if len(group) < 2:
            continue
        population = {"x": [tensor[k] for k in (places if small else group)]}
        yield Context(population, law.designs[0], {**drawn, i: Fraction(group.index(at) + 1)}, law.where, state={
            "shape": shape, "tensor": tensor, "samples": [k[0] for k in group]})


@registry.rule("members", "only entries that share statistics answer to each other; equal groups give equal outputs")
def check(at: Situation) -> Check:
    """Prove lines on whole layers from what their groups have in common."""
    layers = at.left.atoms(Layer)
    if len(layers) != 1:
        return Check(UNDECIDED, {"rule": "the line must hold one layer"})
    (layer,) = layers
    if at.left == layer and isinstance(at.right, Layer):
        same = layer.args[:3] == at.right.args[:3] == (a, c, p) and layer.centered == at.right.centered
        good = same and layer.label() == at.right.label()
        return Check(PROVED if good else UNDECIDED, {"groups": f"{layer.label()} and {at.right.label()}"})
    claims: dict[sp.Basic, sp.Expr] = {}
    if layer.args[:3] == (a, c, p) and not any(s.has(a, c, p) for s in layer.args[3:]):
        if a in layer.label():  # the groups of other samples are other groups
            claims[Across(layer)] = sp.S.Zero
        elif layer.centered:
            claims[Across(layer)] = Elsewhere(Slope(Hat(i, nt.eps), j) ** 2, j)
        if all(param.symbol != nt.eps for param in at.law.params):
            count, entries = layer.groups()
            claims[LayerRank(layer)] = count * Rank.of(layer.centered, entries)
    found = at.left.xreplace(claims)
    if found.has(Layer):
        return Check(UNDECIDED, {"rule": "nothing is known of this line's layer"})
    return equal(rules.unfold(found, at.definitions), rules.unfold(at.right, at.definitions))
