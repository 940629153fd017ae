"""Batches of one class, or of a few: what the batch statistics miss, and what inference then sees."""

from fractions import Fraction

import sympy as sp

from theory.domain import Constraint, Integers, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.classes import Blocks, ClassMean
from theory.notation import BatchSum, G, PopMean, b, dx

v_w = sp.Symbol("v_w", positive=True)
v_b = sp.Symbol("v_b", nonnegative=True)
size = G * b
squares, total = BatchSum(dx**2), BatchSum(dx)
batch_variance = squares / size - (total / size) ** 2
pooled, classes = PopMean(dx**2), PopMean(ClassMean(dx) ** 2)
level = Blocks(batch_variance)
stored = Blocks((squares - total**2 / size) / (size - 1))
with sp.evaluate(False):
    variance_rhs = v_w * (1 - 1 / (G * b)) + v_b * (1 - 1 / G)
    mean_rhs = v_b / G + v_w / (G * b)
raw_variance = pooled - (pooled + (b - 1) * classes) / size
stored_rhs = (size * variance_rhs) / (size - 1)
pure = {G: sp.S.One}
variance = sp.Eq(level, variance_rhs, evaluate=False)
mean = sp.Eq(Blocks((total / size) ** 2), mean_rhs, evaluate=False)
output = sp.Eq(pooled / stored, (v_w + v_b) / stored_rhs, evaluate=False)
lost = sp.Eq(1 - level / pooled, (v_w / (G * b) + v_b / G) / (v_w + v_b), evaluate=False)

LAW = Law(
    id="norm.gap.class_pure",
    version=1,
    title="Batches of few classes hide the spread between classes",
    parts=(
        Part("variance", variance, derivation=(
            Step("blocks", raw_variance, "same draw, same block, different blocks"),
            Step("classes", variance_rhs, "the variance is that within plus that between the classes"),
        ), rivals=(
            Rival("independent draws", (v_w + v_b) * (1 - 1 / size), "as if the batch were shuffled"),
            Rival("total", v_w + v_b, "the variance of the data"),
            Rival("blocks for draws", v_w * (1 - 1 / G) + v_b * (1 - 1 / G), "the blocks are not the sample "
                  "of the spread within"),
            Rival("b for G", v_w * (1 - 1 / size) + v_b * (1 - 1 / b), "the examples of a block do not "
                  "average its class away", near=True),
        )),
        Part("mean", mean, derivation=(
            Step("blocks", (pooled + (b - 1) * classes) / size, "same draw, same block; different blocks cancel"),
            Step("classes", mean_rhs, "the variance is that within plus that between the classes"),
        ), rivals=(
            Rival("independent draws", (v_w + v_b) / size, "falls with the batch size; this does not"),
            Rival("within only", v_w / size, "the class of a block is random too"),
            Rival("between over B", (v_b + v_w) / (size + 1), "an off-by-one", near=True),
        )),
        Part("lost", lost, derivation=(
            Step("blocks", 1 - raw_variance / pooled, "the mean batch variance"),
            Step("classes", lost.args[1], "relative to the variance of the data"),
        ), rivals=(
            Rival("1/B", 1 / size, "what independent draws lose"),
            Rival("1/G", 1 / G, "as if nothing varied within a class"),
            Rival("no between", v_w / (size * (v_w + v_b)), "the spread between the classes is lost too",
                  near=True),
        )),
        Part("output", output, derivation=(
            Step("blocks", pooled / (size * raw_variance / (size - 1)), "the mean of the stored, unbiased variance"),
            Step("classes", output.args[1], "the variance is that within plus that between the classes"),
        ), rivals=(
            Rival("one", sp.S.One, "the second moment that a shuffled run has"),
            Rival("biased store", (v_w + v_b) / variance_rhs, "the variance that normalizes in training"),
            Rival("between over within", 1 + v_b / v_w, "exact for batches of one class", near=True),
        )),
    ),
    params=(
        Param(G, Integers(1), 1, "blocks a batch: 1 for class-pure batches"),
        Param(b, Integers(1), 32, "examples a block, all of one class; 1 for independent draws"),
        Param(v_w, Reals(0, open=True), 1, "mean variance within the classes"),
        Param(v_b, Reals(0), Fraction(1), "variance of the class means"),
    ),
    constraints=(Constraint(G * b >= 2, "G = {G}, b = {b}: a batch of one example has no variance"),),
    exactness=Exactness.DISTRIBUTION_FREE,
    assumptions=(
        Assumption("blocks", "the class of each block is drawn with the classes' shares, its examples independently "
                   "from that class"),
        Assumption("second moment", "the activations have a finite variance"),
    ),
    sources=(
        Source("ioffe2017", note="batches that are not independent draws break batch normalization"),
        Source("wujohnson2021", note="the same among other traps of batch statistics"),
        Source("batchlaws", read=True, note="the formulas, derived here"),
    ),
    where={v_w: PopMean((dx - ClassMean(dx)) ** 2), v_b: PopMean(ClassMean(dx) ** 2)},
    headline="variance",
    words=(
        "Sort the data by class, or feed batches of a few classes, as in metric learning, fine-tuning on streams and "
        "domain-wise sampling: a batch of G blocks sees the mean variance within the classes, but only 1 - 1/G of the "
        "variance between them. With one class a batch the spread between classes is missing altogether, the class "
        "means are subtracted from every output, and the batch mean keeps the variance v_b however large the batch is. "
        "The stored statistics inherit it: at inference the outputs have mean square 1 + v_b/v_w, not 1. No batch size "
        "cures this; shuffling does. The error most often made is to use the formulas of independent draws with the "
        "number of examples."
    ),
    answers={
        6: "In batches of one class the statistics miss the spread between classes, at every batch size.",
        7: "BatchNorm's errors need not fall with B: in class-pure batches the variance of the batch mean stays above "
           "that between the classes.",
    },
)
