"""Training against inference with any stored statistics: what of the gap can be closed, and what cannot."""

from fractions import Fraction

import sympy as sp

from theory.domain import Param, Reals
from theory.law import Exactness, Experiment, Law, Part, Rival, Source, Step
from theory.nodes.running import Gap, r_m, r_s
from theory.nodes.unit import BATCH_OF_UNIT, BATCH_SUMS, BELOW_SIGMA, MOMENTS, SIGMA, SIGMA_HAT, SPREAD
from theory.notation import At, B, BatchSum, E, m, mu, s, sigma, sigma_hat, x
from theory.parameters import FITS, FROZEN, POPULATION, UNIFORM_BATCH

body = BatchSum(((x - m) / s - (x - r_m) / r_s) ** 2) / B
gap = E(Gap(body), B)
rise, shift = 1 / s - 1 / r_s, r_m / r_s - m / s
biased = sp.sqrt((B - 1) / B) * sigma
with sp.evaluate(False):
    batch_rhs = (1 - s / r_s) ** 2 + ((m - r_m) / r_s) ** 2
    given_rhs = 1 - 2 * sigma_hat / r_s + (sigma**2 + (mu - r_m) ** 2) / r_s**2
    floor_rhs = 1 - (sigma_hat / sigma) ** 2
    perfect_rhs = 2 * (1 - sigma_hat / sigma)
biased_rhs = 1 - 2 * sigma_hat / biased + B / (B - 1)
batch = sp.Eq(Gap(body), batch_rhs, evaluate=False)
given = sp.Eq(gap, given_rhs, evaluate=False)
floor = sp.Ge(gap, floor_rhs, evaluate=False)
perfect = sp.Eq(At(gap, r_m, mu, r_s, sigma), perfect_rhs, evaluate=False)
store = sp.Eq(At(gap, r_m, mu, r_s, biased), biased_rhs, evaluate=False)

LAW = Law(
    id="norm.gap.train_eval",
    version=1,
    title="No stored statistics close the train/inference gap",
    parts=(
        Part("batch", batch, derivation=(
            Step("write out", body, "normalized by the batch minus normalized by what is stored"),
            Step("sum", (rise**2 * BatchSum(x**2) + 2 * rise * shift * BatchSum(x) + shift**2 * B) / B,
                 "multiply out; the sum runs over the batch"),
            Step("definition", rise**2 * (s**2 + m**2) + 2 * rise * shift * m + shift**2,
                 "sum x = B m, sum x^2 = B (s^2 + m^2)", where=BATCH_SUMS),
            Step("algebra", batch_rhs, "collect the two squares"),
        ), rivals=(
            Rival("no mean term", (1 - s / r_s) ** 2, "the stored mean is not the batch's"),
            Rival("variances", (1 - s**2 / r_s**2) ** 2 + ((m - r_m) / r_s) ** 2, "variances for standard deviations"),
            Rival("own scale", (1 - s / r_s) ** 2 + ((m - r_m) / s) ** 2, "the mean error is in stored units",
                  near=True),
        )),
        Part("given", given, derivation=(
            Step("law:/batch", E(batch_rhs, B), "batch by batch"),
            Step("moment", 1 - 2 * E(s, B) / r_s + (sigma**2 + (mu - r_m) ** 2) / r_s**2,
                 "E[s^2 + (m - mu)^2] is the variance of one example; the batch is fresh"),
            Step("definition", given_rhs, "sigma_hat = E[s]"),
        ), rivals=(
            Rival("perfect statistics", 2 * (1 - sigma_hat / sigma), "as if the stored ones were the population's"),
            Rival("only the stored error", ((sigma - r_s) ** 2 + (mu - r_m) ** 2) / r_s**2,
                  "as if the batch had the population's statistics"),
            Rival("no stored mean", 1 - 2 * sigma_hat / r_s + sigma**2 / r_s**2, "the error of the stored mean adds"),
            Rival("sigma for E[s]", 1 - 2 * sigma / r_s + (sigma**2 + (mu - r_m) ** 2) / r_s**2, "E[s] < sigma",
                  near=True),
        )),
        Part("floor", floor, derivation=(
            Step("law:/given", given_rhs, "any stored statistics"),
            Step("bound", floor_rhs, "two squares are dropped; equality at r_m = mu, r_s = sigma^2/E[s]",
                 where={"difference": (sigma / r_s - sigma_hat / sigma) ** 2 + ((mu - r_m) / r_s) ** 2}),
        ), rivals=(
            Rival("perfect statistics", perfect_rhs, "a larger stored deviation does better", near=True),
            Rival("one percent", floor_rhs * sp.Rational(101, 100), "no larger floor holds", near=True),
            Rival("1/B", 1 / B, "above the floor where all batches are wide"),
        )),
        Part("perfect", perfect, derivation=(
            Step("law:/given", perfect_rhs, "the population's own statistics"),
        ), rivals=(
            Rival("zero", sp.S.Zero, "the population's statistics are not the batch's"),
            Rival("floor", floor_rhs, "smaller than that of the population's statistics", near=True),
            Rival("half", 1 - sigma_hat / sigma, "forgets that both terms contribute"),
        )),
        Part("biased_store", store, derivation=(
            Step("law:/given", 1 - 2 * sigma_hat / biased + sigma**2 / biased**2, "the root of (B-1)/B sigma^2"),
            Step("algebra", biased_rhs, "sigma^2 cancels"),
        ), rivals=(
            Rival("as unbiased", perfect_rhs, "the store matters", near=True),
            Rival("of second moments", B / (B - 1) - 1, "the mean square of the output alone"),
            Rival("(B-1)/B", 1 - 2 * sigma_hat / biased + (B - 1) / B, "the correction on the wrong side"),
        )),
    ),
    params=(
        POPULATION, BATCH_OF_UNIT, SIGMA, SIGMA_HAT,
        Param(mu, Reals(), 0, "population mean of the activation"),
        Param(r_m, Reals(), 0, "stored mean"),
        Param(r_s, Reals(0, open=True), Fraction(1), "root of the stored variance"),
    ),
    constraints=(FITS, BELOW_SIGMA),
    exactness=Exactness.IDENTITY,
    assumptions=(SPREAD, UNIFORM_BATCH, FROZEN),
    sources=(Source("batchlaws", read=True, note="derived here; no earlier statement is known to us"),),
    where=MOMENTS,
    headline="given",
    words=(
        "Normalize a fresh batch by itself, as in training, or by stored statistics r_m and r_s, as at inference: the "
        "mean squared difference is (1 - s/r_s)^2 + (m - r_m)^2/r_s^2 in every batch, and on average "
        "1 - 2 E[s]/r_s + (sigma^2 + (mu - r_m)^2)/r_s^2. The population's own statistics leave 2(1 - E[s]/sigma). "
        "They are not even the best: storing sigma^2/E[s], a larger deviation, leaves 1 - (E[s]/sigma)^2, and nothing "
        "stored does better. So the gap is in the batch statistics, not in the averaging: better running averages "
        "take it down to this floor and no further. A biased store makes it larger."
    ),
    answers={6: "Whatever is stored for inference, the gap stays at least 1 - (E[s]/sigma)^2."},
    experiments=(
        Experiment("enumerate", part="given", channel="network",
                   grid={"population": ("digits8:preactivation:0", "digits8:preactivation:3")},
                   fixed={"sizes": (2, 3, 8), "r_m": Fraction(1, 8), "r_s": Fraction(5, 4)}),
    ),
)
