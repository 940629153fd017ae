"""Where the normalization layers coincide: GroupNorm at its two ends, BatchNorm on one sample."""

from fractions import Fraction

import sympy as sp

from theory.domain import Constraint, Integers, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.layers import BatchNorm, GroupNorm, InstanceNorm, LayerNorm, RmsNorm, a, c, p
from theory.notation import HW, B, C, G, eps

layer, instance = LayerNorm(a, c, p), InstanceNorm(a, c, p)
batch = BatchNorm(a, c, p, B)

LAW = Law(
    id="norm.stat.special_cases",
    version=1,
    title="GroupNorm is LayerNorm at one end and InstanceNorm at the other",
    parts=(
        Part("one_group", sp.Eq(GroupNorm(a, c, p, 1), layer, evaluate=False), derivation=(
            Step("members", layer, "one group of all channels: entries of the same sample"),
        ), rivals=(
            Rival("instance", instance, "the other end"),
            Rival("batch", batch, "statistics over the batch"),
            Rival("rms", RmsNorm(a, c, p), "no mean taken off", near=True),
        )),
        Part("all_groups", sp.Eq(GroupNorm(a, c, p, C), instance, evaluate=False), derivation=(
            Step("members", instance, "one channel a group: entries of the same sample and channel"),
        ), rivals=(
            Rival("layer", layer, "the other end"),
            Rival("batch", batch, "the same channel, but over the batch"),
            Rival("between", GroupNorm(a, c, p, G), "a number of groups in between", near=True),
        )),
        Part("one_sample", sp.Eq(BatchNorm(a, c, p, 1), instance, evaluate=False), derivation=(
            Step("members", instance, "a batch of one sample: entries of the same sample and channel"),
        ), rivals=(
            Rival("layer", layer, "BatchNorm never pools channels"),
            Rival("whole batch", batch, "statistics over all B samples", near=True),
            Rival("groups", GroupNorm(a, c, p, G), "GroupNorm pools the channels of a group"),
        )),
    ),
    params=(
        Param(B, Integers(1), 4, "batch size"),
        Param(C, Integers(1), 8, "channels"),
        Param(G, Integers(1), 2, "groups of channels"),
        Param(HW, Integers(1), 4, "spatial positions"),
        Param(eps, Reals(0), Fraction(1, 1000), "regularizer under the root"),
    ),
    constraints=(Constraint(sp.Eq(sp.Mod(C, G), 0), "{C} channels cannot be split into {G} groups"),),
    exactness=Exactness.IDENTITY,
    assumptions=(
        Assumption("training mode", "BatchNorm normalizes by the batch's own statistics"),
        Assumption("no affine part", "the learned gains and shifts are left out; LayerNorm's are often per entry, the "
                   "others' per channel"),
    ),
    sources=(
        Source("wuhe2018", note="GroupNorm, with LayerNorm and InstanceNorm as its ends"),
        Source("ulyanov2016", note="InstanceNorm"),
    ),
    words=(
        "Four layers, one formula, different groups of entries. GroupNorm with one group is LayerNorm over channels "
        "and positions, with as many groups as channels it is InstanceNorm, and BatchNorm on a batch of one image is "
        "InstanceNorm too, for every input and eps. The coincidence is of the normalization only: stored statistics "
        "and the shape of the learned gains still differ. What people swap are the two ends, and LayerNorm over "
        "channels alone, which transformers use, is GroupNorm's end at one position."
    ),
    answers={7: "GroupNorm with 1 group is LayerNorm, with C groups InstanceNorm; so is BatchNorm on one sample."},
)
