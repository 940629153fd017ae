"""Which normalization layers let one sample's output answer to another sample's input."""

from fractions import Fraction

import sympy as sp

from theory.domain import Constraint, Integers, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.group import MEMBERS, Delta, Hat, Mean, Sd, Slope, i, j, l
from theory.nodes.layers import (
    Across,
    BatchNorm,
    Elsewhere,
    GroupNorm,
    InstanceNorm,
    LayerNorm,
    Own,
    RmsNorm,
    a,
    c,
    p,
)
from theory.notation import HW, B, C, G, eps

z_eps, own_sum = sp.symbols("z_eps own_sum", real=True)
q, own_squares = sp.symbols("q own_squares", nonnegative=True)
scale = sp.Symbol("scale", positive=True)
size = B * HW
with sp.evaluate(False):
    rhs = (size - HW - 2 * z_eps * own_sum + z_eps**2 * (size * q - own_squares)) / (size**2 * scale**2)
batch = sp.Eq(Across(BatchNorm(a, c, p, B)), rhs, evaluate=False)
jacobian = (Delta(i, j) - (1 + Hat(i, eps) * Hat(j, eps)) / size) / Sd(eps)
peers = (size - HW) / (size**2 * scale**2)


def alone(name: str, layer: sp.Expr) -> Part:
    """A layer whose statistics come from one sample."""
    return Part(name, sp.Eq(Across(layer), sp.S.Zero, evaluate=False), derivation=(
        Step("members", sp.S.Zero, "every group lies in one sample"),
    ), rivals=(
        Rival("as BatchNorm", Across(BatchNorm(a, c, p, B)), "claims for all layers what holds for one"),
        Rival("through the mean", peers, "as if the mean were shared"),
        Rival("half", Across(BatchNorm(a, c, p, B)) / 2, "as if the statistics were shared by halves", near=True),
    ))


LAW = Law(
    id="norm.grad.cross_sample",
    version=1,
    title="Only BatchNorm's outputs answer to other samples",
    parts=(
        Part("batch", batch, derivation=(
            Step("members", Elsewhere(Slope(Hat(i, eps), j) ** 2, j), "the channel's entries in other samples"),
            Step("law:norm.grad.jacobian/entry", Elsewhere(jacobian**2, j), "the Jacobian of a group of B HW entries",
                 where={B: size}),
            Step("group", Elsewhere((1 + Hat(i, eps) * Hat(j, eps)) ** 2, j) / (size**2 * scale**2),
                 "an entry elsewhere is not the entry itself"),
            Step("group", rhs, "the sums over the group less those over the own sample"),
        ), rivals=(
            Rival("none", sp.S.Zero, "what holds for the other layers"),
            Rival("through the mean", peers, "forgets that the variance is shared too"),
            Rival("own sample too", (size + z_eps**2 * size * q) / (size**2 * scale**2),
                  "counts the sample's own positions as peers"),
            Rival("as at eps = 0", rhs.xreplace({q: sp.S.One}), "the mean squared output is q, not one", near=True),
        )),
        alone("layer", LayerNorm(a, c, p)),
        alone("group", GroupNorm(a, c, p, G)),
        alone("instance", InstanceNorm(a, c, p)),
        alone("rms", RmsNorm(a, c, p)),
    ),
    params=(
        Param(B, Integers(2), 8, "batch size", "a sample without peers cannot answer to them"),
        Param(C, Integers(1), 8, "channels"),
        Param(G, Integers(1), 2, "groups of channels"),
        Param(HW, Integers(1), 1, "spatial positions"),
        Param(eps, Reals(0, open=True), Fraction(1, 1000), "regularizer under the root"),
        Param(z_eps, Reals(), 1, "the output spoken of"),
        Param(own_sum, Reals(), 1, "sum of the outputs of its sample, in its channel; z_eps itself at HW = 1"),
        Param(own_squares, Reals(0), 1, "sum of their squares; z_eps^2 at HW = 1"),
        Param(q, Reals(0, 1), 1, "shrinkage of the variance by eps, v/(v + eps)"),
        Param(scale, Reals(0, open=True), 1, "what the layer divides by, sqrt(v + eps)"),
    ),
    constraints=(
        Constraint(sp.Eq(sp.Mod(C, G), 0), "{C} channels cannot be split into {G} groups"),
        Constraint(own_sum**2 <= HW * own_squares, "own_sum = {own_sum} is not allowed: its square is at most HW = "
                   "{HW} times own_squares = {own_squares} (Cauchy-Schwarz)"),
        Constraint(own_squares <= B * HW * q, "own_squares = {own_squares} exceeds the whole channel's sum of squares, "
                   "B HW q = {B} * {HW} * {q}"),
        Constraint(z_eps**2 <= own_squares, "z_eps = {z_eps} is not allowed: its square is part of own_squares = "
                   "{own_squares}"),
    ),
    exactness=Exactness.IDENTITY,
    assumptions=(
        Assumption("training mode", "BatchNorm normalizes by the batch's own statistics; with stored ones no output "
                   "answers to another sample"),
    ),
    uses=("norm.grad.jacobian",),
    sources=(
        Source("ioffe2015", note="statistics over the batch and all positions"),
        Source("ba2016", note="statistics of one sample"),
        Source("batchlaws", read=True, note="the sum with positions and eps derived here"),
    ),
    where={MEMBERS: size, z_eps: Hat(i, eps), scale: Sd(eps), q: Mean(Hat(l, eps) ** 2, l),
           own_sum: Own(Hat(j, eps), j), own_squares: Own(Hat(j, eps) ** 2, j)},
    headline="batch",
    words=(
        "Change one sample of a batch: which outputs of the other samples change? Behind Layer, Group, Instance and "
        "RMS normalization none, because each statistic is of one sample. Behind BatchNorm all that share a channel: "
        "the formula sums the squares of their derivatives, with positions and eps. At one position and eps = 0 it is "
        "the share (1 + z^2)/B of the whole sensitivity; P positions dilute it to about (1 - 1/B + z^2)/(B P). With "
        "stored statistics BatchNorm is like the others."
    ),
    answers={
        6: "Behind BatchNorm an output answers to all other samples of the batch, by this sum of squares.",
        7: "Behind Layer, Group, Instance and RMS normalization it answers to none: the derivatives are zero.",
    },
)
