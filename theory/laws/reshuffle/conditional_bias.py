"""Within an epoch the next batch is biased away from the batches already seen."""

import sympy as sp

from theory.domain import Constraint, Integers, Param
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.epochs import Given
from theory.nodes.places import OrderMean, Past, Place, RestMean
from theory.notation import B, BatchSum, E, N, PopMean, dg, g, gbar, sigma2, t
from theory.parameters import BATCH, FROZEN, POPULATION, VARIANCE

following = Place(g, t + 1) / B
left = N - t * B
expected = (N * gbar - Past(g, t)) / left
bias = OrderMean((Given(following, t) - gbar) ** 2)
spread = OrderMean(Given(following**2, t) - Given(following, t) ** 2)
share = (left - B) / (B * (left - 1))
with sp.evaluate(False):
    bias_closed = t * B / ((N - 1) * (N - t * B)) * sigma2
    spread_closed = N * (N - (t + 1) * B) / (B * (N - 1) * (N - t * B)) * sigma2

LAW = Law(
    id="reshuffle.conditional_bias",
    version=1,
    title="Within an epoch the next batch makes up for those before it",
    parts=(
        Part("mean", sp.Eq(Given(following, t), expected, evaluate=False), derivation=(
            Step("rest", RestMean(g, t), "the next batch is a uniform draw of B from the N - tB examples left"),
            Step("rest splits", expected, "their sum is that of all examples less that of the past"),
        ), rivals=(
            Rival("unbiased", gbar, "true of the first batch of an epoch only"),
            Rival("drawn again", Past(g, t) / (t * B), "the examples seen instead of those left"),
            Rival("mirrored", 2 * gbar - Past(g, t) / (t * B), "the correction in full instead of by tB/(N - tB)"),
            Rival("N for N-tB", (N * gbar - Past(g, t)) / N, "the divisor", near=True),
        )),
        Part("bias", sp.Eq(bias, bias_closed, evaluate=False), derivation=(
            Step("law:/mean", OrderMean((expected - gbar) ** 2), "the conditional mean, whatever the past"),
            Step("places", E((BatchSum(g) / B - t * gbar) ** 2, t * B) * B**2 / left**2,
                 "the first t batches are one batch of tB examples"),
            Step("law:reshuffle.bridge/variance", t * (N / B - t) / (N - 1) * sigma2 * B**2 / left**2,
                 "the summed noise of t batches"),
            Step("algebra", bias_closed, "N/B - t = (N - tB)/B"),
        ), rivals=(
            Rival("zero", sp.S.Zero, "as if every batch of an epoch were unbiased given the past"),
            Rival("covariance", sigma2 / (N - 1), "the size of the covariance of two batches"),
            Rival("N for N-1", t * B / (N * left) * sigma2, "the divisor", near=True),
            Rival("one batch later", (t + 1) * B / ((N - 1) * left) * sigma2, "an off-by-one", near=True),
        )),
        Part("spread", sp.Eq(spread, spread_closed, evaluate=False), derivation=(
            Step("rest", OrderMean(share * (RestMean(dg**2, t) - RestMean(dg, t) ** 2)),
                 "the variance law in the population of the examples left"),
            Step("rest splits", OrderMean(share * (
                (N * PopMean(dg**2) - Past(dg**2, t)) / left - Past(dg, t) ** 2 / left**2)),
                 "the deviations of the rest sum to minus those of the past"),
            Step("places", share * ((N * PopMean(dg**2) - E(BatchSum(dg**2), t * B)) / left
                                    - E(BatchSum(dg) ** 2, t * B) / left**2), "the past is one batch of tB examples"),
            Step("moment", share * PopMean(dg**2) * N * (left - 1) / ((N - 1) * left), "its first two moments"),
            Step("definition", spread_closed, "N - tB - 1 cancels"),
        ), rivals=(
            Rival("as at the start", (N - B) / (B * (N - 1)) * sigma2, "the variance of an unconditioned batch"),
            Rival("rest as population", (left - B) / (B * (left - 1)) * sigma2,
                  "the rest varies less than the population", near=True),
            Rival("with replacement", sigma2 / B, "independent draws"),
            Rival("N-1 for N", (left - B) / (B * left) * sigma2, "the factor N/(N-1) left out", near=True),
        )),
    ),
    params=(POPULATION, BATCH, VARIANCE, Param(t, Integers(1), 2, "number of batches of the epoch already seen",
                                               "before the first batch there is no past")),
    constraints=(
        Constraint((t + 1) * B <= N, "no batch of {B} is left after {t}: (t + 1)*B must be <= N = {N}"),
    ),
    exactness=Exactness.IDENTITY,
    assumptions=(
        FROZEN,
        Assumption("reshuffled", "the order of the epoch is a uniformly random permutation"),
        Assumption("known past", "expectations are conditional on the batches already seen in the epoch"),
    ),
    uses=("reshuffle.bridge",),
    sources=(
        Source("mishchenko2020", note="a variance of its own kind under reshuffling; abstract read"),
        Source("batchlaws", read=True, note="this form derived here"),
    ),
    where={sigma2: PopMean(dg**2), gbar: PopMean(g)},
    headline="bias",
    words=(
        "A batch of a reshuffled epoch is unbiased before the epoch starts, but not once its first batches are known: "
        "what they overestimated the rest underestimates, because the rest is all that is left. The bias grows along "
        "the epoch while the spread about it falls; the two add up to the variance of a batch at every place. The last "
        "batch is no longer random at all. Proofs that take each step of an epoch for an unbiased one skip this."
    ),
    answers={2: "Unbiased holds for a batch of an epoch taken alone; given the batches before it, it is biased."},
)
