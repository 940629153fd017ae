"""Batches of one epoch are negatively correlated."""

import sympy as sp

from theory.domain import Constraint
from theory.law import Assumption, Exactness, Experiment, Law, Part, Rival, Source, Step
from theory.notation import B, BatchSum, E, N, OtherSum, PopMean, dg, g, gbar, sigma2
from theory.parameters import BATCH, FITS, FROZEN, POPULATION, VARIANCE

first, second = BatchSum(g) / B - gbar, OtherSum(g) / B - gbar
covariance = sp.Eq(E(first * second, B), -sigma2 / (N - 1), evaluate=False)
correlation = sp.Eq(E(first * second, B) / E(first**2, B), -B / (N - B), evaluate=False)
variance = sigma2 / B * (N - B) / (N - 1)

LAW = Law(
    id="reshuffle.covariance",
    version=1,
    title="Two batches of one epoch are negatively correlated",
    parts=(
        Part("covariance", covariance, derivation=(
            Step("center", E(BatchSum(dg) * OtherSum(dg), B) / B**2, "deviations from the mean"),
            Step("moment", -PopMean(dg**2) / (N - 1), "the two batches share no example; deviations sum to zero"),
            Step("definition", covariance.args[1], "sigma^2 with divisor N"),
        ), rivals=(
            Rival("independent", sp.S.Zero, "batches of one epoch are not independent"),
            Rival("-1/N", -sigma2 / N, "the divisor", near=True),
            Rival("-1/(B(N-1))", -sigma2 / (B * (N - 1)), "divides by the batch size once too often"),
        )),
        Part("correlation", correlation, derivation=(
            Step("law:/covariance", -sigma2 / (N - 1) / E(first**2, B), "the covariance"),
            Step("law:gradient.variance/variance", -sigma2 / (N - 1) / variance, "the variance law"),
            Step("algebra", correlation.args[1], "-1/(m-1) with m = N/B batches an epoch"),
        ), rivals=(
            Rival("-1/m", -B / N, "the number of batches for the number of others", near=True),
            Rival("-1/(N-1)", -1 / (N - 1), "the correlation of single examples"),
            Rival("zero", sp.S.Zero, "independent batches"),
        )),
    ),
    params=(POPULATION, BATCH, VARIANCE),
    constraints=(
        FITS,
        Constraint(2 * B <= N, "two batches of B = {B} do not fit into the {N} samples; 2B must be <= N"),
    ),
    exactness=Exactness.IDENTITY,
    assumptions=(
        FROZEN,
        Assumption("reshuffled", "the order of the epoch is a uniformly random permutation"),
    ),
    uses=("gradient.variance",),
    sources=(
        Source("kuehn2023", note="anticorrelated noise of reshuffled epochs; abstract read"),
        Source("batchlaws", read=True, note="this form derived here"),
    ),
    where={sigma2: PopMean(dg**2)},
    words=(
        "An epoch uses every example once, so what one batch overestimates the others must make up for: any two "
        "batches "
        "of an epoch have correlation -1/(m-1), m the number of batches. Treating the steps of an epoch as independent "
        "overstates the noise of their sum; over the whole epoch the noise cancels exactly."
    ),
    answers={2: "Within an epoch the errors of different batches are negatively correlated."},
    experiments=(
        Experiment("enumerate", part="covariance", channel="network", grid={"population": (
            "digits8:gradient:coordinate:30", "digits8:gradient:direction:0")}, fixed={"sizes": (2, 4)}),
        Experiment("enumerate", part="correlation", channel="network", grid={"population": (
            "digits8:gradient:coordinate:30", "digits8:gradient:direction:0")}, fixed={"sizes": (2, 4)}),
    ),
)
