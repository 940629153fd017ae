"""Accumulating micro-batches does not enlarge the batch that batch normalization sees."""


from fractions import Fraction

import sympy as sp

from theory.domain import Constraint, Integers, Param, Reals
from theory.law import Exactness, Experiment, Law, Part, Rival, Source, Step
from theory.nodes.calculus import First
from theory.nodes.micro import Apart, Dealt, Micro, Pooled
from theory.nodes.unit import (
    BATCH_SUMS,
    BELOW_SIGMA,
    GAIN,
    LINEAR_TARGET,
    MOMENTS,
    SHIFT,
    SIGMA,
    SIGMA_HAT,
    SLOPE,
    SPREAD,
    a,
    batch_loss,
    beta,
    gamma,
    square_share,
)
from theory.notation import At, B, BatchSum, E, N, k, m, mu, s, sigma, sigma_hat, x
from theory.parameters import FROZEN, POPULATION, SCALED_FITS, UNIFORM_BATCH

sigma_pooled = sp.Symbol("sigma_pooled", positive=True)
normal = (x - mu) / sigma
ratio = sigma_hat / sigma
slope = First(batch_loss(), gamma)
of_batch = gamma - a * s / sigma
wide = sp.sqrt(BatchSum(x**2) / (k * B) - (BatchSum(x) / (k * B)) ** 2)
merged = E(wide, k * B) / sigma
share, merged_share = square_share(B), square_share(k * B)
gap_of_batch = 1 - 2 * s / sigma + (s**2 + (m - mu) ** 2) / sigma**2
expanded = (gamma / s**2 * (BatchSum(x**2) - 2 * m * BatchSum(x) + m**2 * B) + beta / s * (BatchSum(x) - m * B)
            - a / (s * sigma) * (BatchSum(x**2) - (m + mu) * BatchSum(x) + m * mu * B)) / B
with sp.evaluate(False):
    gap_rhs = 2 * (1 - ratio)
    noise_rhs = a**2 / k * (share - ratio**2)
    difference_rhs = a * (sigma_pooled - sigma_hat) / sigma
micro_gap = Micro(BatchSum(((x - m) / s - normal) ** 2) / B)
batch = sp.Eq(slope, of_batch, evaluate=False)
gradient = sp.Eq(Dealt(Micro(slope), k), gamma - a * ratio, evaluate=False)
difference = sp.Eq(Dealt(Micro(slope) - Pooled(slope), k), difference_rhs, evaluate=False)
rest = sp.Eq(At(Dealt(Micro(slope), k), gamma, a * ratio), sp.S.Zero, evaluate=False)
gap = sp.Eq(Dealt(micro_gap, k), gap_rhs, evaluate=False)
spread = Apart((Micro(slope) - (gamma - a * ratio)) ** 2, k)
noise = sp.Eq(spread, noise_rhs, evaluate=False)

LAW = Law(
    id="norm.train.accumulation",
    version=1,
    title="Accumulated micro-batches keep the gain, the gap and the bias of the micro-batch",
    parts=(
        Part("batch", batch, derivation=(
            Step("differentiate", BatchSum((x - m) / s * (gamma * (x - m) / s + beta - a * normal)) / B,
                 "the batch's statistics do not depend on the gain"),
            Step("sum", expanded, "multiply out; the sum runs over the micro-batch"),
            Step("definition", of_batch, "sum x = B m, sum x^2 = B (s^2 + m^2)", where=BATCH_SUMS),
        ), rivals=(
            Rival("population", gamma - a, "the gradient with the population's statistics"),
            Rival("variance", gamma - a * s**2 / sigma**2, "variances for standard deviations", near=True),
            Rival("inverse", gamma - a * sigma / s, "upside down"),
        )),
        Part("gradient", gradient, derivation=(
            Step("law:/batch", Dealt(Micro(of_batch), k), "micro-batch by micro-batch"),
            Step("separate micro-batches", gamma - a * E(s, B) / sigma, "each is a random batch of B"),
            Step("definition", gamma - a * ratio, "sigma_hat = E[s], s of B examples"),
        ), rivals=(
            Rival("batch of k B", gamma - a * merged, "the statistics of all k B examples, which no one computes"),
            Rival("population", gamma - a, "the gradient with the population's statistics"),
            Rival("sum for mean", k * (gamma - a * ratio), "the gradients are averaged"),
            Rival("ratio squared", gamma - a * ratio**2, "variances for standard deviations", near=True),
        )),
        Part("difference", difference, derivation=(
            Step("law:/batch", Dealt(Micro(of_batch) - Pooled(of_batch), k), "for the micro-batches and for the whole"),
            Step("separate micro-batches", a * Dealt(Pooled(s), k) / sigma - a * E(s, B) / sigma,
                 "each is a random batch of B; the gain cancels"),
            Step("definition", difference_rhs, "the expected standard deviations at the two sizes"),
        ), rivals=(
            Rival("zero", sp.S.Zero, "true of losses that are means over examples; this one is not"),
            Rival("sign", a * (sigma_hat - sigma_pooled) / sigma, "parts have the smaller spread"),
            Rival("population", a * (1 - ratio), "the bias of the micro-batch; the whole batch has one too"),
            Rival("over k", a * (sigma_pooled - sigma_hat) / (k * sigma), "averaging does not average it away",
                  near=True),
        )),
        Part("rest", rest, derivation=(
            Step("law:/gradient", sp.S.Zero, "the gain of the micro-batch has no mean gradient"),
        ), rivals=(
            Rival("batch of k B", a * (ratio - merged), "at the gain of the large batch it would be zero instead"),
            Rival("population", a * (ratio - 1), "at the target's slope it would be zero instead"),
            Rival("1/k of it", a * (ratio - 1) / k, "averaging micro-batches does not average the bias away",
                  near=True),
        )),
        Part("gap", gap, derivation=(
            Step("law:norm.gap.identity/batch", Dealt(Micro((1 - s / sigma) ** 2 + ((m - mu) / sigma) ** 2), k),
                 "micro-batch by micro-batch"),
            Step("separate micro-batches", 1 - 2 * E(s, B) / sigma + E(s**2 + (m - mu) ** 2, B) / sigma**2,
                 "each is a random batch of B"),
            Step("moment", 1 - 2 * E(s, B) / sigma + 1, "E[s^2 + (m - mu)^2] is the second moment of one example"),
            Step("definition", gap_rhs, "sigma_hat = E[s]"),
        ), rivals=(
            Rival("batch of k B", 2 * (1 - merged), "the gap of the large batch"),
            Rival("over k", 2 * (1 - ratio) / k, "as if the gap averaged out"),
            Rival("half", 1 - ratio, "forgets that both terms contribute", near=True),
        )),
        Part("noise", noise, derivation=(
            Step("law:/batch", Apart((Micro(of_batch) - (gamma - a * ratio)) ** 2, k), "micro-batch by micro-batch"),
            Step("separate micro-batches", (E((of_batch - gamma + a * ratio) ** 2, B)
                                   + (k - 1) * (a * ratio - a * E(s, B) / sigma) ** 2) / k,
                 "independent deviations have no covariance"),
            Step("linearity", (a**2 / sigma**2 * (E(s**2, B) - 2 * sigma_hat * E(s, B) + sigma_hat**2)
                               + (k - 1) * (a * ratio - a * E(s, B) / sigma) ** 2) / k,
                 "a, sigma and sigma_hat are constants"),
            Step("moment", (a**2 / sigma**2 * (share * sigma**2 - sigma_hat**2)) / k,
                 "sigma_hat = E[s]; E[s^2] is the mean variance of a micro-batch"),
            Step("algebra", noise_rhs, "collect"),
        ), rivals=(
            Rival("of one", a**2 * (share - ratio**2), "k micro-batches are averaged"),
            Rival("batch of k B", a**2 * (merged_share - merged**2), "the noise of the large batch"),
            Rival("k squared", a**2 / k**2 * (share - ratio**2), "independent terms add their variances", near=True),
        )),
    ),
    params=(
        POPULATION,
        Param(B, Integers(2), 8, "size of a micro-batch", "one example has no batch standard deviation"),
        Param(k, Integers(2), 4, "number of micro-batches", "k = 1 accumulates nothing"),
        GAIN, SHIFT, SLOPE, SIGMA, SIGMA_HAT,
        Param(sigma_pooled, Reals(0, open=True), Fraction(19, 20), "expected standard deviation of a batch of k B"),
    ),
    constraints=(
        Constraint(B <= N, "the micro-batch of {B} exceeds the {N} samples; without replacement B must be <= N"),
        SCALED_FITS,
        BELOW_SIGMA,
        Constraint(sigma_hat <= sigma_pooled, "sigma_hat = {sigma_hat} exceeds sigma_pooled = {sigma_pooled}: parts of "
                   "a batch have no larger spread than the batch"),
        Constraint(sigma_pooled <= sigma, "sigma_pooled = {sigma_pooled} exceeds sigma = {sigma}: E[s] <= sigma "
                   "(Jensen)"),
    ),
    exactness=Exactness.DISTRIBUTION_FREE,
    assumptions=(LINEAR_TARGET, SPREAD, UNIFORM_BATCH, FROZEN),
    sources=(
        Source("batchlaws", read=True, note="derived here; no earlier statement is known to us"),
        Source("hoffer2017", note="Ghost batch normalization: statistics of parts of a batch"),
    ),
    uses=("norm.gap.identity",),
    where={**MOMENTS, sigma_pooled: Dealt(Pooled(s), k)},
    headline="difference",
    words=(
        "Gradient accumulation, data parallelism without synchronized statistics and Ghost batch normalization all "
        "normalize parts of a batch on their own and average the gradients. In the mean nothing but the size of the "
        "part counts: the gradient in the gain is that of a batch of B, so SGD ends at the gain a E[s_B]/sigma, the "
        "train/inference gap is 2(1 - E[s_B]/sigma), and the bias of the gradient stays, however many parts there "
        "are. Against the whole batch of k B the accumulated gradient is off by a (E[s_kB] - E[s_B])/sigma. Only the "
        "noise falls, by 1/k for independent parts. The recipe 'accumulate 8 micro-batches of 4 in place of a batch "
        "of 32' is exact for losses that are means over examples, and wrong here: with statistics of 4 the gain is "
        "that of 4."
    ),
    answers={
        1: "Accumulation gives the large batch's gradient only without batch normalization; with it, the gradient in "
           "the gain is off by a (E[s_kB] - E[s_B])/sigma.",
        2: "Averaging k micro-batches divides the noise by k and leaves the bias of batch normalization as it is.",
        6: "Gap, shrinkage and bias are those of the micro-batch that is normalized, not of the batch that is "
           "averaged.",
    },
    experiments=(
        Experiment("enumerate", part="difference", channel="network",
                   grid={"population": ("digits8:preactivation:0", "digits8:preactivation:3")},
                   fixed={"sizes": (2, 4), "k": 2, "gamma": "3/2", "beta": "1/4", "a": "5/4"}),
    ),
)
