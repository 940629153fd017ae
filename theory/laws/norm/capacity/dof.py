"""How many dimensions a normalization layer removes."""

import sympy as sp

from theory.domain import Constraint, Integers, Param
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.group import MEMBERS, Hat, Item, Mean, Sd, Slope, Total, i, l
from theory.nodes.layers import BatchNorm, GroupNorm, InstanceNorm, LayerNorm, LayerRank, RmsNorm, a, c, p
from theory.nodes.ranks import Rank, rms
from theory.notation import HW, B, C, G, eps, n, x

entries = B * C * HW
root = sp.sqrt(Mean(Item(x, l) ** 2, l))
z_eps, scale = sp.Symbol("z_eps", real=True), sp.Symbol("scale", positive=True)
group = sp.Eq(Rank.of(True, n), n - 2, evaluate=False)
rms_group = sp.Eq(Rank.of(False, n), n - 1, evaluate=False)


def removed(layer: sp.Expr) -> sp.Expr:
    """Entries of the batch less the dimensions that are left."""
    return entries - LayerRank(layer)


def centered(name: str, layer: sp.Expr, lost: sp.Expr, count: sp.Expr, size: sp.Expr, *rivals: Rival) -> Part:
    """A layer that takes off the mean."""
    return Part(name, sp.Eq(removed(layer), lost, evaluate=False), derivation=(
        Step("members", entries - count * Rank.of(True, size), "one block of the Jacobian a group"),
        Step("law:/group", entries - count * (size - 2), "two are lost in each", where={n: size, MEMBERS: size}),
        Step("algebra", lost, "the groups hold all entries"),
    ), rivals=(
        Rival("one a group", lost / 2, "the mean alone"),
        *rivals,
    ))


LAW = Law(
    id="norm.capacity.dof",
    version=1,
    title="A normalization group costs two dimensions",
    parts=(
        Part("group", group, derivation=(
            Step("projector", Total(Slope(Hat(i, 0), i) * Sd(0), i), "the Jacobian times s is its own square",
                 where={"factor": 1 / Sd(0)}),
            Step("law:norm.grad.jacobian/own", Total((1 - (1 + Hat(i, 0) ** 2) / n), i), "its diagonal",
                 where={B: n, eps: sp.S.Zero, z_eps: Hat(i, 0), scale: Sd(0)}),
            Step("group", n - 2, "the squared outputs sum to n"),
        ), rivals=(
            Rival("n-1", n - 1, "the mean alone, or RMSNorm", near=True),
            Rival("n", n, "nothing lost"),
            Rival("n-3", n - 3, "an off-by-one", near=True),
        )),
        Part("rms_group", rms_group, derivation=(
            Step("projector", Total(Slope(rms(i), i) * root, i), "the Jacobian times the root is its own square",
                 where={"factor": 1 / root}),
            Step("group", Total(1 - rms(i) ** 2 / n, i), "its diagonal"),
            Step("group", n - 1, "the squared outputs sum to n"),
        ), rivals=(
            Rival("n-2", n - 2, "no mean is taken off", near=True),
            Rival("n", n, "nothing lost"),
            Rival("n/2", n / 2, "no half is lost"),
        )),
        Part("plane", sp.Eq(Total(Hat(i, 0), i), sp.S.Zero, evaluate=False), derivation=(
            Step("group", sp.S.Zero, "deviations from the mean sum to zero"),
        ), rivals=(
            Rival("of the inputs", Total(Item(x, i), i), "the inputs' sum is taken off"),
            Rival("one", sp.S.One, "the outputs are no weights"),
            Rival("one part", Mean(Item(x, i), i) / Sd(0), "as if one part in n were left", near=True),
        )),
        Part("sphere", sp.Eq(Total(Hat(i, 0) ** 2, i), n, evaluate=False), derivation=(
            Step("group", n, "the mean squared output is one"),
        ), rivals=(
            Rival("n-1", n - 1, "the unbiased divisor", near=True),
            Rival("one", sp.S.One, "unit length is what l2-normalization gives"),
            Rival("of the inputs", Total(Item(x, i) ** 2, i), "the inputs' length is divided out"),
        )),
        centered("batch", BatchNorm(a, c, p, B), 2 * C, C, B * HW,
                 Rival("two a sample", 2 * B + C * HW, "LayerNorm's count"),
                 Rival("two a position", 2 * C * HW + B, "positions share the statistics", near=True)),
        centered("layer", LayerNorm(a, c, p), 2 * B, B, C * HW,
                 Rival("two a channel", 2 * C + B - 1, "BatchNorm's count"),
                 Rival("two a batch", sp.Integer(2) + HW * C, "every sample has its own statistics", near=True)),
        centered("groups", GroupNorm(a, c, p, G), 2 * G * B, G * B, C * HW / G,
                 Rival("two a sample", 2 * B + G - 1 + C, "every group has its own statistics", near=True),
                 Rival("two a channel", 2 * C * B + G, "InstanceNorm's count")),
        centered("instance", InstanceNorm(a, c, p), 2 * C * B, C * B, HW,
                 Rival("two a channel", 2 * C + B, "BatchNorm's count"),
                 Rival("two a sample", 2 * B + C, "LayerNorm's count", near=True)),
        Part("rms", sp.Eq(removed(RmsNorm(a, c, p)), B, evaluate=False), derivation=(
            Step("members", entries - B * Rank.of(False, C * HW), "one block of the Jacobian a sample"),
            Step("law:/rms_group", entries - B * (C * HW - 1), "one is lost in each", where={
                n: C * HW, MEMBERS: C * HW}),
            Step("algebra", B, "the groups hold all entries"),
        ), rivals=(
            Rival("two a sample", 2 * B, "LayerNorm's count; no mean is taken off", near=True),
            Rival("two a channel", 2 * C + B, "BatchNorm's count"),
            Rival("none", sp.S.Zero, "the length is lost"),
        )),
    ),
    params=(
        Param(n, Integers(2), 8, "entries of one group", "one entry has no spread"),
        Param(B, Integers(1), 8, "batch size"),
        Param(C, Integers(1), 8, "channels"),
        Param(G, Integers(1), 2, "groups of channels"),
        Param(HW, Integers(1), 4, "spatial positions"),
    ),
    constraints=(Constraint(sp.Eq(sp.Mod(C, G), 0), "{C} channels cannot be split into {G} groups"),),
    exactness=Exactness.IDENTITY,
    assumptions=(
        Assumption("no eps", "eps = 0; with eps > 0 the length is only squeezed and one dimension is lost a group, "
                   "for RMSNorm none"),
        Assumption("spread", "no group has all its entries equal (RMSNorm: all zero)"),
        Assumption("training mode", "BatchNorm normalizes by the batch's own statistics"),
    ),
    uses=("norm.grad.jacobian",),
    sources=(Source("batchlaws", read=True, note="ranks of the Jacobians derived here"),),
    where={MEMBERS: n},
    headline="group",
    words=(
        "How much does a normalization layer forget? Two numbers a group, its mean and its standard deviation; "
        "RMSNorm only one. So a batch loses 2 C dimensions behind BatchNorm, 2 B behind LayerNorm, 2 G B behind "
        "GroupNorm and 2 C B behind InstanceNorm: the part 2/n of the group's n entries. For LayerNorm over hundreds "
        "of channels that is nothing, for two channels it is everything. The count is local and at eps = 0; the "
        "outputs of a group lie on a sphere of dimension n - 2."
    ),
    answers={9: "LayerNorm removes 2 of a sample's n dimensions, RMSNorm 1: a small loss unless n is tiny."},
)
