"""The mini-batch gradient is unbiased at frozen parameters."""

from fractions import Fraction

import sympy as sp

from theory.domain import Param, Reals
from theory.law import Exactness, Experiment, Law, Part, Rival, Source, Step
from theory.notation import B, BatchSum, E, N, PopMean, g, gbar
from theory.parameters import BATCH, DESIGN, FITS, FROZEN, POPULATION, UNIFORM_BATCH

statement = sp.Eq(E(BatchSum(g) / B, B), gbar, evaluate=False)

LAW = Law(
    id="gradient.unbiased",
    version=1,
    title="The mini-batch gradient is unbiased",
    parts=(
        Part("mean", statement, derivation=(
            Step("moment", PopMean(g), "each example is in the batch with probability B/N (or is each draw with 1/N)"),
            Step("definition", gbar, "the full gradient is the population mean"),
        ), rivals=(
            Rival("sum for mean", B * gbar, "a summed loss is B times too large: the step size then hides a factor B"),
            Rival("(N-1)/N", (N - 1) / N * gbar, "the shrinkage of a variance, not of a mean", near=True),
            Rival("B/(B+1)", B / (B + 1) * gbar, "an off-by-one in the divisor", near=True),
        )),
    ),
    params=(POPULATION, BATCH, Param(gbar, Reals(), 1, "full gradient (one coordinate or direction)"), DESIGN),
    constraints=(FITS,),
    exactness=Exactness.IDENTITY,
    assumptions=(UNIFORM_BATCH, FROZEN),
    sources=(Source("cochran1977", note="unbiasedness of the mean of a simple random sample"),),
    where={gbar: PopMean(g)},
    words=(
        "On average over batches, the mini-batch gradient is the full gradient, whatever the batch size. This needs "
        "parameters that do not depend on the batch: it fails for the later batches of an epoch given the earlier "
        "ones, and it fails inside networks with batch normalization, whose loss is not a sum over examples."
    ),
    answers={2: "Unbiased, exactly, at frozen parameters."},
    experiments=(
        Experiment("batch_mean_moment", grid={"B": (1, 4), "design": ("wor", "wr")},
                   fixed={"population": "ints:12:skewed", "order": 1}),
        Experiment("batch_mean_moment", channel="network", grid={"B": (64, 256)}, delta=Fraction(1, 10),
                   profile="standard",
                   fixed={"population": "digits:gradient:direction:0", "order": 1, "design": "wor"}),
        Experiment("enumerate", channel="network", grid={"population": (
            "digits8:gradient:coordinate:30", "digits8:gradient:direction:0")}),
    ),
)
