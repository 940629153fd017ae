"""Normalization of one or two entries: nothing, or one bit."""

from fractions import Fraction

import sympy as sp

from theory.domain import Constraint, Integers, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.directions import Alone
from theory.nodes.outputs import MEMBERS, Delta, Hat, Item, Mean, Slope, i, j, l
from theory.notation import B, eps, x

half_gap = Item(x, i) - Mean(Item(x, l), l)
deviation = sp.sqrt(Mean(half_gap**2, i))
delta = sp.Symbol("delta", real=True)
spread = delta**2 + eps
single = sp.Eq(Alone(i, eps), sp.S.Zero, evaluate=False)
coin = sp.Eq(Hat(i, 0) * Hat(j, 0), 2 * Delta(i, j) - 1, evaluate=False)
frozen = sp.Eq(Slope(Hat(i, 0), j), sp.S.Zero, evaluate=False)
with sp.evaluate(False):
    pair_rhs = delta / sp.sqrt(delta**2 + eps)
    slope_rhs = eps / (2 * sp.sqrt(delta**2 + eps) ** 3)
pair = sp.Eq(Hat(i, eps), pair_rhs, evaluate=False)
slope = sp.Eq(Slope(Hat(i, eps), i), slope_rhs, evaluate=False)

LAW = Law(
    id="norm.out.degenerate",
    version=1,
    title="Normalizing one entry leaves nothing, two entries one bit",
    parts=(
        Part("single", single, derivation=(
            Step("group", sp.S.Zero, "the mean of one entry is the entry"),
        ), rivals=(
            Rival("passes", Item(x, i), "as if one entry were left as it is"),
            Rival("sign", Item(x, i) / sp.sqrt(Item(x, i) ** 2 + eps), "as if the mean were known to be 0"),
            Rival("among two", Hat(i, eps), "what the same entry gives among two", near=True),
        )),
        Part("coin", coin, derivation=(
            Step("two entries", coin.args[1], "each entry is one standard deviation from the mean, on opposite sides"),
        ), rivals=(
            Rival("independent", Delta(i, j), "as if the outputs were unrelated"),
            Rival("same", sp.S.One, "as if both had one sign"),
            Rival("half", Delta(i, j) - sp.Rational(1, 2), "divided by the unbiased deviation", near=True),
        )),
        Part("frozen", frozen, derivation=(
            Step("two entries", sp.S.Zero, "a sign has no slope"),
        ), rivals=(
            Rival("constant statistics", Delta(i, j) / deviation, "treats mean and deviation as constants"),
            Rival("constant deviation", (Delta(i, j) - 1 / B) / deviation, "lets the mean move and holds the deviation",
                  near=True),
            Rival("constant mean", (Delta(i, j) - Hat(i, 0) * Hat(j, 0) / B) / deviation,
                  "lets the deviation move and holds the mean", near=True),
        )),
        Part("pair", pair, derivation=(
            Step("two entries", half_gap / sp.sqrt(half_gap**2 + eps), "the deviation is half of the gap"),
            Step("definition", pair_rhs, "delta is half of the gap"),
        ), rivals=(
            Rival("sign", delta / sp.Abs(delta), "right at eps = 0"),
            Rival("no root", delta / spread, "divides by the variance", near=True),
            Rival("whole gap", 2 * delta / sp.sqrt(4 * delta**2 + eps), "the gap for its half", near=True),
        )),
        Part("slope", slope, derivation=(
            Step("two entries", eps / (2 * sp.sqrt(half_gap**2 + eps) ** 3),
                 "moving an input by a little moves delta by half of that"),
            Step("definition", slope_rhs, "delta is half of the gap"),
        ), rivals=(
            Rival("by delta", eps / sp.sqrt(spread) ** 3, "the derivative by the half gap", near=True),
            Rival("zero", sp.S.Zero, "right at eps = 0"),
            Rival("constant statistics", 1 / sp.sqrt(spread), "treats mean and deviation as constants"),
        )),
    ),
    params=(
        Param(B, Integers(2, 2), 2, "entries that share the statistics: two"),
        Param(delta, Reals(), Fraction(1), "half of the difference of the two entries, (x_1 - x_2)/2"),
        Param(eps, Reals(0, open=True), Fraction(1, 1000), "regularizer under the root"),
    ),
    constraints=(Constraint(sp.Ne(delta, 0), "delta = 0 is not allowed: two equal entries have no spread"),),
    exactness=Exactness.IDENTITY,
    assumptions=(Assumption("spread", "the two entries differ; for one entry eps > 0"),),
    sources=(Source("batchlaws", read=True, note="elementary; no earlier statement is known to us"),),
    where={MEMBERS: sp.Integer(2), delta: half_gap},
    headline="pair",
    words=(
        "BatchNorm on a batch of one, at one position, puts out its shift for every input, and so does InstanceNorm "
        "at one position: the mean of one entry is the entry. On two entries it puts out 1 and -1: which is larger "
        "is all that is left of them, one bit, and no gradient passes. The regularizer eps is what lets a signal "
        "through, delta/sqrt(delta^2 + eps) with delta half of their difference, and a gradient eps/(2 (delta^2 + "
        "eps)^(3/2)): only pairs that differ by less than sqrt(eps) or so are trained. LayerNorm of two channels is "
        "the same function. A batch of two is no small batch that is a bit noisy: it is a comparison."
    ),
    answers={
        6: "At B = 2 the output is a sign and passes no gradient at eps = 0; at B = 1 it is constant.",
        7: "Per-sample layers degenerate alike: groups of one entry give 0, groups of two a sign.",
    },
)
