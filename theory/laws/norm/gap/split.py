"""How the gap divides between the batch's mean and the batch's standard deviation."""

from fractions import Fraction

import sympy as sp

from theory.domain import Constraint, Integers, Param, Reals
from theory.law import Assumption, Exactness, Experiment, Law, Part, Rival, Source, Step
from theory.nodes.running import root_about_mean
from theory.nodes.unit import BELOW_SIGMA, SIGMA, SIGMA_HAT
from theory.notation import B, BatchSum, ByDesign, E, N, PopMean, dx, m, mu, s, sigma, sigma_hat, x
from theory.parameters import DESIGN, FITS, POPULATION, UNIFORM_BATCH

about_hat = sp.Symbol("about_hat", nonnegative=True)
about = root_about_mean()
of_mean = ByDesign((N - B) / (B * (N - 1)), 1 / B)
centered_only = BatchSum(((x - m) / sigma - (x - mu) / sigma) ** 2) / B
mean_batch = sp.Eq(centered_only, ((m - mu) / sigma) ** 2, evaluate=False)
mean_only = sp.Eq(E(centered_only, B), of_mean, evaluate=False)
std_only = sp.Eq(E(BatchSum((dx / about - dx / sigma) ** 2) / B, B), 2 * (1 - about_hat / sigma), evaluate=False)
std_share = sp.Eq(E((1 - s / sigma) ** 2, B), 2 * (1 - sigma_hat / sigma) - of_mean, evaluate=False)

LAW = Law(
    id="norm.gap.split",
    version=1,
    title="The mean's and the standard deviation's share of the gap",
    parts=(
        Part("mean_batch", mean_batch, derivation=(
            Step("sum", ((m - mu) / sigma) ** 2, "every example is off by the same"),
        ), rivals=(
            Rival("own scale", ((m - mu) / s) ** 2, "this layer divides by sigma", near=True),
            Rival("with the deviation", (1 - s / sigma) ** 2 + ((m - mu) / sigma) ** 2, "the gap of the full layer"),
            Rival("zero", sp.S.Zero, "the batch mean is wrong"),
        )),
        Part("mean_only", mean_only, derivation=(
            Step("law:/mean_batch", E(((m - mu) / sigma) ** 2, B), "batch by batch"),
            Step("moment", of_mean, "the variance of the batch mean over sigma^2"),
        ), rivals=(
            Rival("other design", ByDesign(1 / B, (N - B) / (B * (N - 1))), "the other design's variance", near=True),
            Rival("half of the gap", 1 - sigma_hat / sigma, "an equal split"),
            Rival("unbiased", ByDesign((N - B) / ((B - 1) * (N - 1)), 1 / (B - 1)), "a divisor", near=True),
        )),
        Part("std_only", std_only, derivation=(
            Step("known mean", 2 * (1 - E(about, B) / sigma), "the squares about the mean sum to B times their mean"),
            Step("definition", std_only.args[1], "about_hat is the mean of the root"),
        ), rivals=(
            Rival("own mean", 2 * (1 - sigma_hat / sigma), "the deviation about the batch's own mean is smaller"),
            Rival("half", 1 - about_hat / sigma, "forgets that both terms contribute", near=True),
            Rival("square", 1 - (about_hat / sigma) ** 2, "a variance share, not the gap"),
        )),
        Part("std_share", std_share, derivation=(
            Step("moment", 1 - 2 * E(s, B) / sigma + 1 - of_mean, "E[s^2] is sigma^2 less the variance of the mean"),
            Step("definition", std_share.args[1], "sigma_hat = E[s]"),
        ), rivals=(
            Rival("half of the gap", 1 - sigma_hat / sigma, "an equal split"),
            Rival("all of the gap", 2 * (1 - sigma_hat / sigma), "the mean has its share"),
            Rival("variance", 1 - (sigma_hat / sigma) ** 2 - of_mean, "the variance of s alone", near=True),
        )),
    ),
    params=(
        POPULATION,
        Param(B, Integers(2), 8, "batch size", "one example has no batch standard deviation"),
        SIGMA, SIGMA_HAT,
        Param(about_hat, Reals(0), Fraction(9, 10), "expected standard deviation of the batch about the known mean mu"),
        DESIGN,
    ),
    constraints=(
        FITS, BELOW_SIGMA,
        Constraint(about_hat <= sigma, "about_hat = {about_hat} exceeds sigma = {sigma}: the mean of a root is at most "
                   "the root of the mean"),
    ),
    exactness=Exactness.DISTRIBUTION_FREE,
    assumptions=(
        UNIFORM_BATCH,
        Assumption("spread", "no batch has all its examples at the population's mean"),
    ),
    sources=(Source("batchlaws", read=True, note="derived here; no earlier statement is known to us"),),
    where={PopMean(x): mu, PopMean(x**2): sigma**2 + mu**2, PopMean(dx**2): sigma**2, sigma_hat: E(s, B),
           about_hat: E(about, B)},
    headline="std_share",
    words=(
        "The gap between training and inference has two sources, the batch's mean and its standard deviation. A layer "
        "that subtracts the batch mean but divides by sigma is off by exactly Var(m)/sigma^2, 1/B for independent "
        "draws; one that divides by the batch's deviation about the known mean by 2(1 - E[s_0]/sigma). In the full "
        "layer the mean keeps its share and the standard deviation has the rest, 2(1 - E[s]/sigma) - Var(m)/sigma^2. "
        "For Gaussian activations and large batches that is two parts to one: the mean matters more, and the split is "
        "not equal. Heavy tails shift it to the standard deviation."
    ),
    answers={6: "Of the gap the batch mean has exactly Var(m)/sigma^2, the batch standard deviation the rest."},
    experiments=(
        Experiment("enumerate", part="std_share", channel="network", fixed={
            "population": "digits8:preactivation:0", "sizes": (2, 3, 8), "designs": ("wor",)}),
    ),
)
