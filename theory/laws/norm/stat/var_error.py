"""Error of the biased batch variance, the estimator inside BatchNorm, for independent samples."""

from fractions import Fraction

import sympy as sp

from theory.domain import Constraint, Integers, Param, Reals
from theory.law import Assumption, Exactness, Experiment, Law, Part, Rival, Source, Step
from theory.notation import B, BatchSum, E, PopMean, dx, kappa, sigma2, x
from theory.parameters import IID, VARIANCE

batch_variance = BatchSum(x**2) / B - (BatchSum(x) / B) ** 2
centered = BatchSum(dx**2) / B - (BatchSum(dx) / B) ** 2
mean_form = (B - 1) / B * sigma2
with sp.evaluate(False):
    variance_form = ((B - 1) / B) ** 2 * sigma2**2 * (2 / (B - 1) + kappa / B)
mse_form = sigma2**2 * (2 * B**2 - B + kappa * (B - 1) ** 2) / B**3
mean = sp.Eq(E(batch_variance, B), mean_form, evaluate=False)
variance = sp.Eq(E((batch_variance - mean_form) ** 2, B), variance_form, evaluate=False)
mse = sp.Eq(E((batch_variance - sigma2) ** 2, B), mse_form, evaluate=False)
m2, m4 = PopMean(dx**2), PopMean(dx**4)
raw = (B - 1) ** 2 / B**3 * (m4 - m2**2) + 2 * (B - 1) / B**3 * m2**2

LAW = Law(
    id="norm.stat.var_error",
    version=1,
    title="Bias and variance of the variance BatchNorm divides by",
    parts=(
        Part("mean", mean, derivation=(
            Step("center", E(centered, B), "the variance does not see the mean"),
            Step("moment", (B - 1) / B * m2, "one of the B degrees of freedom goes to the mean"),
            Step("definition", mean.args[1], "sigma^2 with divisor N"),
        ), rivals=(
            Rival("unbiased", sigma2, "the biased variance normalizes in every framework"),
            Rival("B/(B+1)", B / (B + 1) * sigma2, "an off-by-one", near=True),
            Rival("(B-1)/(B+1)", (B - 1) / (B + 1) * sigma2, "two off-by-ones"),
        )),
        Part("variance", variance, derivation=(
            Step("definition", E((BatchSum(x**2) / B - (BatchSum(x) / B) ** 2 - (B - 1) / B * m2) ** 2, B),
                 "sigma^2 is the population mean of the squared deviation"),
            Step("center", E((centered - (B - 1) / B * m2) ** 2, B), "the variance does not see the mean"),
            Step("moment", raw, "independent draws: one or two distinct examples survive centering"),
            Step("definition", variance.args[1], "kappa = mu4/sigma^4 - 3"),
        ), rivals=(
            Rival("no kurtosis", 2 * (B - 1) / B**2 * sigma2**2, "exact for Gaussian activations only"),
            Rival("kappa/(B-1)", ((B - 1) / B) ** 2 * sigma2**2 * (2 / (B - 1) + kappa / (B - 1)), "a divisor",
                  near=True),
            Rival("unbiased formula", sigma2**2 * (2 / (B - 1) + kappa / B),
                  "the variance of s^2, not of the biased v"),
            Rival("2/B", ((B - 1) / B) ** 2 * sigma2**2 * (2 / B + kappa / B), "an off-by-one", near=True),
        )),
        Part("mse", mse, derivation=(
            Step("center", E((centered - sigma2) ** 2, B), "the variance does not see the mean"),
            Step("moment", raw + (m2 / B) ** 2, "variance plus squared bias"),
            Step("definition", mse.args[1], "collect"),
        ), rivals=(
            Rival("variance only", variance_form, "forgets the bias sigma^2/B"),
            Rival("of s^2", sigma2**2 * (2 / (B - 1) + kappa / B),
                  "the unbiased estimator has the larger error for Gaussian data"),
            Rival("Gaussian", sigma2**2 * (2 * B - 1) / B**2, "no kurtosis"),
        )),
    ),
    params=(
        Param(B, Integers(2), 8, "number of entries the statistic pools (BatchNorm: batch size times positions)",
              "the variance of a single entry is zero"),
        VARIANCE,
        Param(kappa, Reals(-2), Fraction(0), "excess kurtosis of the activations; 0 for Gaussian"),
        IID,
    ),
    constraints=(Constraint(kappa >= -2, "kappa = {kappa} is not allowed: no distribution lies below -2"),),
    exactness=Exactness.DISTRIBUTION_FREE,
    assumptions=(
        Assumption("independent", "the pooled entries are independent draws of one distribution"),
        Assumption("fourth moment", "the fourth moment is finite"),
    ),
    sources=(
        Source("fisher1930", note="moments of k-statistics"),
        Source("wuhe2018", note="abstract: BatchNorm's error rises fast as the batch shrinks"),
    ),
    where={sigma2: PopMean(dx**2), kappa: PopMean(dx**4) / PopMean(dx**2) ** 2 - 3},
    headline="variance",
    words=(
        "BatchNorm divides by the biased variance of the batch. It is too small by the factor (B-1)/B on average and "
        "fluctuates with relative variance 2/(B-1) + kappa/B: at B = 2 the standard deviation of the estimate is as "
        "large as the estimate. Heavy-tailed activations add the kurtosis term that textbooks drop."
    ),
    answers={
        6: "The relative variance of the variance estimate is 2/(B-1) + kappa/B: unreliable below B of about 10.",
        7: "BatchNorm's variance error rises steeply as B falls, by this formula.",
    },
    experiments=(
        Experiment("batch_variance", part="mean", grid={"B": (2, 8)},
                   fixed={"population": "ints:12:skewed", "design": "wr", "kind": "biased", "statistic": "value"}),
        Experiment("batch_variance", part="variance", grid={"B": (2, 4, 16)}, delta=Fraction(1, 20),
                   fixed={"population": "ints:12:skewed", "design": "wr", "kind": "biased", "statistic": "spread"}),
        Experiment("batch_variance", part="mse", grid={"B": (2, 8)}, delta=Fraction(1, 20),
                   fixed={"population": "ints:12:skewed", "design": "wr", "kind": "biased", "statistic": "error"}),
        Experiment("batch_variance", part="mean", channel="network", grid={"B": (2, 8), "population": (
            "digits:preactivation:0", "digits:preactivation:3")}, delta=Fraction(1, 10),
            fixed={"design": "wr", "kind": "biased", "statistic": "value"}),
        Experiment("batch_variance", part="variance", channel="network", grid={"B": (2, 8, 32), "population": (
            "digits:preactivation:0", "digits:preactivation:3")}, delta=Fraction(1, 10),
            fixed={"design": "wr", "kind": "biased", "statistic": "spread"}),
        Experiment("batch_variance", part="mse", channel="network", grid={"B": (2, 8), "population": (
            "digits:preactivation:0",)}, delta=Fraction(1, 10),
            fixed={"design": "wr", "kind": "biased", "statistic": "error"}),
    ),
)
