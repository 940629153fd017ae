"""The gap of large batches, with inference by running averages: what their noise adds to what no average removes."""

from fractions import Fraction

import sympy as sp

from theory.domain import Constraint, Integers, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.running import NEWEST, alpha
from theory.nodes.series import Taylor
from theory.nodes.stored import ERROR, UNBIASED, Stored, kept, moment, off
from theory.notation import B, E, PopMean, dx, h, kappa, sigma2, t
from theory.parameters import IID

z = sp.Symbol("z", nonnegative=True)
e_v, d_v, e_m, d_m = sp.symbols("e_v d_v e_m d_m", real=True)
biased = (B - 1) / B * UNBIASED
second_order = (biased - kept) ** 2 / (4 * sigma2**2) + (ERROR - off) ** 2 / sigma2
share = alpha / (2 - alpha)
noise = 2 / (B - 1) + kappa / B
own = ((B - 1) / B) ** 2 * noise / 4 + 1 / (4 * B**2) + 1 / B
each = noise / 4 + 1 / B
m2, m4 = PopMean(dx**2), PopMean(dx**4)
reading = (m4 / m2**2 - 3) / B + 2 / (B - 1)
settling = share * (1 - (1 - alpha) ** (2 * t))
raw = (((B - 1) / B) ** 2 + settling) * reading / 4 + 1 / (4 * B**2) + (1 + settling) / B
of_batch = (1 - sp.sqrt((1 + z * e_v) / (1 + z * d_v))) ** 2 + (z * e_m - z * d_m) ** 2 / (1 + z * d_v)
with sp.evaluate(False):
    stored_rhs = own + settling * each
    independent = ((E(biased**2, B) - 2 * E(biased, B) * moment(kept, 1) + moment(kept, 2)) / (4 * sigma2**2)
                   + (E(ERROR**2, B) - 2 * E(ERROR, B) * moment(off, 1) + moment(off, 2)) / sigma2)
    large_rhs = h * (kappa + 6) / (2 * (2 - alpha))
expansion = sp.Eq(Taylor(of_batch, z, 2), z**2 * ((e_v - d_v) ** 2 / 4 + (e_m - d_m) ** 2), evaluate=False)
stored = sp.Eq(Stored(second_order, t), stored_rhs, evaluate=False)
before = Stored(second_order, sp.S.Zero)
added = sp.Eq(sp.Limit(Stored(second_order, t) - before, t, sp.oo), share * each, evaluate=False)
large = sp.Eq(Taylor((own + share * each).xreplace({B: 1 / h}), h, 1), large_rhs, evaluate=False)

LAW = Law(
    id="norm.gap.averaged",
    version=1,
    title="Noise of the running averages adds alpha/(2 - alpha) of the gap of large batches",
    parts=(
        Part("expansion", expansion, derivation=(
            Step("series", expansion.args[1], "order by order in the relative errors of variance and mean"),
        ), rivals=(
            Rival("variances", z**2 * ((e_v - d_v) ** 2 + (e_m - d_m) ** 2), "a deviation is off by half as much as "
                  "the variance"),
            Rival("batch alone", z**2 * (e_v**2 / 4 + e_m**2), "the stored statistics are off too"),
            Rival("no mean", z**2 * (e_v - d_v) ** 2 / 4, "the means differ too"),
            Rival("separate", z**2 * ((e_v**2 + d_v**2) / 4 + e_m**2 + d_m**2), "true on average only", near=True),
        )),
        Part("stored", stored, derivation=(
            Step("stored statistics", independent, "the fresh batch and the earlier ones are independent"),
            Step("moment", raw, "independent draws: moments of the batch's mean and variance"),
            Step("definition", stored_rhs, "kappa = mu4/sigma^4 - 3"),
        ), rivals=(
            Rival("perfect statistics", own, "the averages are noisy"),
            Rival("no kurtosis", stored_rhs.xreplace({kappa: sp.S.Zero}), "exact for Gaussian activations only"),
            Rival("no transient", own + share * each, "the averages start without noise"),
            Rival("factor alpha", own + alpha * (1 - (1 - alpha) ** (2 * t)) * each,
                  "as if 1/alpha batches were averaged"),
            Rival("one power", own + share * (1 - (1 - alpha) ** t) * each, "the power of the mean", near=True),
        )),
        Part("added", added, derivation=(
            Step("law:/stored", sp.Limit(stored_rhs - before, t, sp.oo), "after t updates"),
            Step("law:/stored", sp.Limit(stored_rhs - own, t, sp.oo), "before the first", where={t: sp.S.Zero}),
            Step("limit", share * each, "powers of 1 - alpha vanish for 0 < alpha < 2"),
        ), rivals=(
            Rival("zero", sp.S.Zero, "a running average never stops moving"),
            Rival("alpha", alpha * each, "as if 1/alpha batches were averaged"),
            Rival("alpha/2", alpha / 2 * each, "small alpha only", near=True),
            Rival("variance alone", share * noise / 4, "the stored mean is noisy too"),
        )),
        Part("large", large, derivation=(
            Step("series", large_rhs, "to order 1/B, h = 1/B"),
        ), rivals=(
            Rival("perfect statistics", h * (kappa + 6) / 4, "the averages are noisy"),
            Rival("Gaussian", 3 * h / (2 - alpha), "no kurtosis"),
            Rival("no mean", h * (kappa + 2) / (2 * (2 - alpha)), "the deviation alone"),
            Rival("1/alpha batches", h * (kappa + 6) / 4 * (1 + alpha), "the usual window: off by a factor of two",
                  near=True),
        )),
    ),
    params=(
        Param(B, Integers(2), 32, "number of entries the statistic pools (BatchNorm: batch size times positions)",
              "the variance of a single entry is zero"),
        NEWEST,
        Param(t, Integers(0), 100, "updates of the running averages, which start at the population's statistics"),
        Param(sigma2, Reals(0, open=True), 1, "variance of the activation", "a constant activation has no normalized "
              "value"),
        Param(kappa, Reals(-2), Fraction(0), "excess kurtosis of the activations; 0 for Gaussian"),
        Param(h, Reals(0), Fraction(1, 32), "1/B, in the expansion for large batches"),
        Param(z, Reals(0), Fraction(1, 8), "scale of the relative errors, in their expansion"),
        Param(e_v, Reals(), 1, "relative error of the batch's variance, in that scale"),
        Param(d_v, Reals(), 0, "relative error of the stored variance"),
        Param(e_m, Reals(), 1, "error of the batch's mean over sigma"),
        Param(d_m, Reals(), 0, "error of the stored mean over sigma"),
        IID,
    ),
    constraints=(
        Constraint(alpha < 2, "alpha = {alpha} is not allowed: the average settles for alpha < 2 only; above 1 it "
                   "overshoots"),
        Constraint(kappa >= -2, "kappa = {kappa} is not allowed: no distribution lies below -2"),
    ),
    exactness=Exactness.ASYMPTOTIC,
    assumptions=(
        Assumption("independent", "the entries of all batches are independent draws of one distribution"),
        Assumption("fourth moment", "the fourth moment is finite"),
        Assumption("large batches", "terms of third order in the errors of the statistics are dropped"),
        Assumption("frozen weights", "the weights do not move while the averages are taken"),
    ),
    sources=(Source("batchlaws", read=True, note="derived here; no earlier statement is known to us"),),
    uses=("norm.gap.ema",),
    where={sigma2: m2, kappa: m4 / m2**2 - 3},
    headline="large",
    words=(
        "Training normalizes by the batch, inference by running averages of earlier batches. To second order in the "
        "relative errors the gap is (e_v - d_v)^2/4 + (e_m - d_m)^2, those of the batch against those of the store. "
        "The part stored is its mean for every B and every number of updates. For large B the gap is (kappa + 6)/(4B) "
        "with perfect statistics, of which 1/B is the mean's, and (kappa + 6)/(2B(2 - alpha)) with running averages: "
        "their noise adds the fraction alpha/(2 - alpha), 5 percent at alpha = 0.1 and half a percent at 0.01. The gap "
        "is not made by the averaging, and longer averages cannot close it. For Gaussian activations this is 3/(B(2 - "
        "alpha)), 1.58/B at alpha = 0.1; heavy tails widen the gap. The expansion is for large batches: at B = 2 the "
        "Gaussian gap is 0.872 with perfect statistics, not 0.75."
    ),
    answers={6: "Running averages add the fraction alpha/(2 - alpha) to the gap of large batches: 5 percent at 0.1."},
)
