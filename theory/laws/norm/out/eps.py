"""What the regularizer does to the outputs: they shrink, and the scale of the input matters a little."""

from fractions import Fraction

import sympy as sp

from theory.domain import Integers, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.outputs import Hat, Item, Mean, Rescaled, i, l
from theory.notation import B, eps, s, x

v = sp.Symbol("v", positive=True)
a = sp.Symbol("a", positive=True)
deviation = Item(x, i) - Mean(Item(x, l), l)
with sp.evaluate(False):
    square_rhs = v / (v + eps)
    cross_rhs = v / sp.sqrt(v + eps)
square = sp.Eq(Mean(Hat(l, eps) ** 2, l), square_rhs, evaluate=False)
mean = sp.Eq(Mean(Hat(l, eps), l), sp.S.Zero, evaluate=False)
cross = sp.Eq(Mean(Hat(l, eps) * Item(x, l), l), cross_rhs, evaluate=False)
scale = sp.Eq(Rescaled(i, a, eps), Hat(i, eps / a**2), evaluate=False)
mirror = sp.Eq(Rescaled(i, -a, eps), -Hat(i, eps / a**2), evaluate=False)

LAW = Law(
    id="norm.out.eps",
    version=1,
    title="The regularizer shrinks the outputs to v/(v + eps) in mean square",
    parts=(
        Part("square", square, derivation=(
            Step("group", s**2 / (s**2 + eps), "squared deviations average to v"),
            Step("group", square_rhs, "v is the biased variance"),
        ), rivals=(
            Rival("one", sp.S.One, "right at eps = 0 only"),
            Rival("no root", v / (v + eps) ** 2, "dividing by v + eps, as some documentation prints it"),
            Rival("square root", sp.sqrt(v / (v + eps)), "a deviation for a variance", near=True),
            Rival("eps outside", v / (sp.sqrt(v) + eps) ** 2, "eps added to the deviation", near=True),
        )),
        Part("mean", mean, derivation=(
            Step("group", sp.S.Zero, "deviations sum to 0, whatever divides them"),
        ), rivals=(
            Rival("eps/v", eps / v, "a bias of the size of the regularizer", near=True),
            Rival("-eps", -eps, "the same with a sign"),
            Rival("1/B", 1 / B, "something left over of the mean"),
        )),
        Part("cross", cross, derivation=(
            Step("group", s**2 / sp.sqrt(s**2 + eps), "deviations against entries average to v"),
            Step("group", cross_rhs, "v is the biased variance"),
        ), rivals=(
            Rival("deviation", sp.sqrt(v), "right at eps = 0 only", near=True),
            Rival("root", sp.sqrt(v + eps), "upside down", near=True),
            Rival("share", v / (v + eps), "a mean square for a mean product"),
        )),
        Part("scale", scale, derivation=(
            Step("group", deviation / sp.sqrt(s**2 + eps / a**2), "a factor comes out of mean and deviation"),
            Step("group", scale.args[1], "the same with eps/a^2"),
        ), rivals=(
            Rival("invariant", Hat(i, eps), "scale invariance holds at eps = 0"),
            Rival("eps/a", Hat(i, eps / a), "variances scale by the square", near=True),
            Rival("a^2 eps", Hat(i, eps * a**2), "upside down", near=True),
        )),
        Part("mirror", mirror, derivation=(
            Step("group", -deviation / sp.sqrt(s**2 + eps / a**2), "a sign comes out"),
            Step("group", mirror.args[1], "the same with eps/a^2"),
        ), rivals=(
            Rival("even", Hat(i, eps / a**2), "as if a sign were lost"),
            Rival("invariant", -Hat(i, eps), "scale invariance holds at eps = 0"),
            Rival("eps/a", -Hat(i, eps / a), "variances scale by the square", near=True),
        )),
    ),
    params=(
        Param(B, Integers(2), 8, "entries that share the statistics (BatchNorm: batch size times positions)",
              "a single entry has no spread"),
        Param(v, Reals(0, open=True), Fraction(1), "biased variance of the group"),
        Param(eps, Reals(0, open=True), Fraction(1, 1000), "regularizer under the root"),
        Param(a, Reals(0, open=True), Fraction(10), "factor on all entries"),
    ),
    exactness=Exactness.IDENTITY,
    assumptions=(Assumption("spread", "the entries are not all equal"),),
    sources=(
        Source("ioffe2015", note="the regularizer stands under the root, added to the variance"),
        Source("batchlaws", read=True, note="the identities are elementary"),
    ),
    where={v: Mean(Item(x, l) ** 2, l) - Mean(Item(x, l), l) ** 2},
    headline="square",
    words=(
        "The regularizer stands under the root: outputs have mean 0 and mean square v/(v + eps), not 1. A layer "
        "whose inputs have a variance far above eps does not notice; one whose inputs have become as small as "
        "sqrt(eps) puts out half as much. Multiplying the input by a is the same as dividing eps by a^2, so the "
        "layer is invariant to scale only as far as eps is negligible. Dividing by v + eps without the root, as has "
        "been printed, is another function, with outputs as large as the inputs are small."
    ),
    answers={6: "With eps the outputs have mean square v/(v + eps), and the scale of the input is felt as eps/a^2."},
)
