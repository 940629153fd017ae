"""The squared norm of a mini-batch gradient is too large."""

from fractions import Fraction

import sympy as sp

from theory.domain import Param, Reals
from theory.law import Exactness, Experiment, Law, Part, Rival, Source, Step
from theory.notation import B, BatchSum, ByDesign, E, N, PopMean, dg, g, gbar, sigma2
from theory.parameters import BATCH, DESIGN, FITS, FROZEN, POPULATION, UNIFORM_BATCH, VARIANCE

with sp.evaluate(False):
    p_wor = (N - B) / (B * (N - 1))
p = ByDesign(p_wor, 1 / B)
statement = sp.Eq(E((BatchSum(g) / B) ** 2, B), gbar**2 + p * sigma2, evaluate=False)

LAW = Law(
    id="gradient.norm_inflation",
    version=1,
    title="The squared norm of a mini-batch gradient is inflated by its noise",
    parts=(
        Part("norm", statement, derivation=(
            Step("center", gbar**2 + 2 * gbar * E(BatchSum(dg), B) / B + E(BatchSum(dg) ** 2, B) / B**2,
                 "mean plus deviation, squared"),
            Step("moment", gbar**2 + ByDesign(p_wor * PopMean(dg**2), PopMean(dg**2) / B),
                 "deviations have mean zero and the variance of the batch mean"),
            Step("definition", statement.args[1], "sigma^2 with divisor N"),
        ), rivals=(
            Rival("no inflation", gbar**2, "the norm of the full gradient"),
            Rival("no correction", gbar**2 + ByDesign(1 / B, 1 / (B + 1)) * sigma2,
                 "1/B under sampling without replacement"),
            Rival("B+1", gbar**2 + ByDesign((N - B) / ((B + 1) * (N - 1)), 1 / (B + 2)) * sigma2, "an off-by-one",
                  near=True),
        )),
    ),
    params=(POPULATION, BATCH, VARIANCE, Param(gbar, Reals(), Fraction(1), "full gradient (one coordinate)"), DESIGN),
    constraints=(FITS,),
    exactness=Exactness.IDENTITY,
    assumptions=(UNIFORM_BATCH, FROZEN),
    sources=(Source("mccandlish2018", note="the decomposition behind the noise-scale estimators"),),
    where={sigma2: PopMean(dg**2), gbar: PopMean(g)},
    words=(
        "The squared length of a mini-batch gradient overstates that of the full gradient by the variance of the batch "
        "mean, coordinate by coordinate and so in total. Near a minimum almost all of it is noise. Monitoring the "
        "norm of "
        "batch gradients therefore says little about convergence unless the noise is subtracted."
    ),
    answers={2: "The squared norm of a batch gradient is too large by exactly the trace of its covariance."},
    experiments=(
        Experiment("enumerate", channel="network", grid={"population": (
            "digits8:gradient:coordinate:30", "digits8:gradient:direction:0")}),
    ),
)
