"""Covariance of the batch mean and the batch variance: the two noises of BatchNorm are linked by skewness."""

from fractions import Fraction

import sympy as sp

from theory.domain import Constraint, Integers, Param, Reals
from theory.law import Assumption, Exactness, Experiment, Law, Part, Rival, Source, Step
from theory.notation import B, BatchSum, ByDesign, E, N, PopMean, dx, mu, mu2, mu3, mu4, x
from theory.parameters import DESIGN, FITS, POPULATION, UNIFORM_BATCH

mean_error = BatchSum(x) / B - mu
variance = BatchSum(x**2) / B - (BatchSum(x) / B) ** 2
centered_mean = BatchSum(dx) / B
centered_variance = BatchSum(dx**2) / B - centered_mean**2
m2, m3, m4 = PopMean(dx**2), PopMean(dx**3), PopMean(dx**4)
expected = ByDesign((B - 1) * N / (B * (N - 1)) * mu2, (B - 1) / B * mu2)

with sp.evaluate(False):
    cov_wor = (B - 1) / B**2 * (N * (N - B) / ((N - 1) * (N - 2))) * mu3
    cov_wr = (B - 1) / B**2 * mu3
    odds_wor = (N - 1) * (B * N - B - N - 1) * mu4 - (B * N**2 - 3 * B - 3 * (N - 1) ** 2) * mu2**2
    odds_wr = (B - 1) * mu4 - (B - 3) * mu2**2
    spread_wor = N * (B - 1) * (N - B) / (B**3 * (N - 1) ** 2 * (N - 2) * (N - 3)) * odds_wor
    spread_wr = (B - 1) / B**3 * odds_wr
    corr_wor = N * (N - 1) * (N - 3) * (B - 1) * mu3**2 / ((N - 2) * mu2 * odds_wor)
    corr_wr = (B - 1) * mu3**2 / (mu2 * odds_wr)
product, square = E(mean_error * variance, B), E((variance - expected) ** 2, B)
covariance = sp.Eq(product, ByDesign(cov_wor, cov_wr), evaluate=False)
spread = sp.Eq(square, ByDesign(spread_wor, spread_wr), evaluate=False)
ratio = product**2 / (E(mean_error**2, B) * square)
correlation = sp.Eq(ratio, ByDesign(corr_wor, corr_wr), evaluate=False)
known = ByDesign(cov_wor, cov_wr) ** 2 / ByDesign(spread_wor, spread_wr)
mesokurtic = {mu4: 3 * mu2**2}
by_moments = ByDesign((B - 1) * N / (B * (N - 1)) * m2, (B - 1) / B * m2)

LAW = Law(
    id="norm.stat.mean_var_cov",
    version=1,
    title="Skewed activations correlate the two noises of BatchNorm",
    parts=(
        Part("covariance", covariance, derivation=(
            Step("center", E(centered_mean * centered_variance, B), "the variance does not see the mean"),
            Step("moment", ByDesign((B - 1) * N * (N - B) / (B**2 * (N - 1) * (N - 2)) * m3, (B - 1) / B**2 * m3),
                 "only the third moment of a single example survives centering"),
            Step("definition", covariance.args[1], "mu3 is the population's third central moment"),
        ), rivals=(
            Rival("zero", sp.S.Zero, "true of Gaussian, and of every symmetric population only"),
            Rival("mu3/B", ByDesign(mu3 / B * (N - B) / (N - 1), mu3 / B), "as if the variance knew the mean",
                  near=True),
            Rival("no correction", ByDesign(cov_wr, cov_wor.xreplace({N: N + B})), "the other design's covariance"),
            Rival("B for B-1", ByDesign(B / (B - 1) * cov_wor + mu3 / B**3, mu3 / B**2 * B / (B + 1)),
                  "an off-by-one", near=True),
        )),
        Part("spread", spread, derivation=(
            Step("definition", E((variance - by_moments) ** 2, B), "mu2 is the population's variance, divisor N"),
            Step("center", E((centered_variance - by_moments) ** 2, B), "the variance does not see the mean"),
            Step("moment", spread.args[1], "set partitions of four factors"),
        ), rivals=(
            Rival("no kurtosis", ByDesign(spread_wor.xreplace(mesokurtic), spread_wr.xreplace(mesokurtic)),
                  "the variance of a Gaussian's variance"),
            Rival("other design", ByDesign(spread_wr, spread_wor.xreplace({N: N + 4})),
                  "independent draws for an epoch's"),
            Rival("B-2 for B-3", ByDesign(spread_wor * (N - 1) / N, spread_wr + (B - 1) / B**3 * mu2**2),
                  "an off-by-one", near=True),
        )),
        Part("correlation", correlation, derivation=(
            Step("law:/covariance", ByDesign(cov_wor, cov_wr) ** 2 / (E(mean_error**2, B) * square),
                 "their covariance"),
            Step("law:/spread", known / E(mean_error**2, B), "the spread of the variance"),
            Step("center", known / E(centered_mean**2, B), "deviations from the mean"),
            Step("moment", known / ByDesign(m2 * (N - B) / (B * (N - 1)), m2 / B), "the spread of the mean"),
            Step("definition", correlation.args[1], "cancel"),
        ), rivals=(
            Rival("no kurtosis", ByDesign(corr_wor.xreplace(mesokurtic), corr_wr.xreplace(mesokurtic)),
                  "a Gaussian's variance of the variance"),
            Rival("large batches", ByDesign(corr_wor * B / (B - 1), mu3**2 / (mu2 * (mu4 - mu2**2))),
                  "the limit of large B, for every B", near=True),
            Rival("zero", sp.S.Zero, "independent noises: Gaussian activations only"),
            Rival("other design", ByDesign(corr_wr, corr_wor.xreplace({N: N + 4})), "independent draws for an epoch's"),
        )),
    ),
    params=(
        POPULATION,
        Param(B, Integers(2), 4, "batch size", "the variance of a single entry is zero"),
        Param(mu2, Reals(0), Fraction(1), "second central moment of the population, divisor N"),
        Param(mu3, Reals(), Fraction(2), "third central moment, divisor N"),
        Param(mu4, Reals(0), Fraction(9), "fourth central moment, divisor N"),
        DESIGN,
    ),
    constraints=(
        FITS,
        Constraint(N >= 4, "N = {N} is not allowed: the fourth k-statistic needs N >= 4 (it divides by N-3)", "wor"),
        Constraint(B < N, "B = {B} is not allowed: at B = N = {N} neither statistic varies", "wor"),
        Constraint(mu2 > 0, "mu2 = {mu2} is not allowed: constant activations have no correlation"),
        Constraint(mu2 * mu4 >= mu2**3 + mu3**2, "mu4 = {mu4} is not allowed: no population with mu2 = {mu2} and "
                   "mu3 = {mu3} has mu4 below mu2^2 + mu3^2/mu2"),
    ),
    exactness=Exactness.DISTRIBUTION_FREE,
    assumptions=(
        UNIFORM_BATCH,
        Assumption("fourth moment", "the fourth moment is finite; the covariance needs the third only"),
    ),
    sources=(
        Source("fisher1930", note="product moments of k-statistics"),
        Source("lukacs1942", note="mean and variance of a sample are independent for Gaussians only"),
    ),
    where={mu: PopMean(x), mu2: m2, mu3: m3, mu4: m4},
    headline="covariance",
    words=(
        "BatchNorm adds two noises to an activation: an additive one from the batch mean and a multiplicative one from "
        "the batch variance. They are uncorrelated exactly if the activations have no skewness, and independent for "
        "Gaussians only. Behind a rectifier activations are skewed, and the noises move together: a batch whose mean "
        "is too large has too large a variance as well. For exponential activations the correlation of the two tends "
        "to 0.71 as the batch grows; it does not fade, because both noises shrink alike. Treating the two as "
        "independent is the usual mistake."
    ),
    answers={6: "Mean and variance noise of a batch have covariance (B-1)/B^2 mu3: linked for skewed activations."},
    experiments=(
        Experiment("enumerate", part="covariance", channel="network", fixed={
            "population": "digits8:preactivation:0", "sizes": (2, 3), "designs": ("wor", "wr")}),
    ),
)
