"""The best weight where a hybrid normalization mixes statistics instead of outputs."""

from fractions import Fraction

import sympy as sp

from theory.domain import Constraint, Integers, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.hybrid import alpha
from theory.nodes.least_squares import Best
from theory.nodes.two_way import FACTS, Grid, V, in_sums, level, m_B, m_L, v_B, v_L
from theory.nodes.two_way import channels as d
from theory.notation import At, B, kappa

half = sp.Rational(1, 2)


def square(of_batch: sp.Expr, of_sample: sp.Expr, product: sp.Expr) -> sp.Expr:
    """Return the mean square error of the mixture from those of its two parts and their product."""
    return alpha**2 * of_batch + (1 - alpha) ** 2 * of_sample + 2 * alpha * (1 - alpha) * product


def written(body: sp.Expr) -> sp.Expr:
    """Write means and variances in the entries they pool."""
    return Grid(body.xreplace(in_sums()))


mean_error = (alpha * m_B + (1 - alpha) * m_L - level) ** 2
var_error = (alpha * v_B + (1 - alpha) * v_L - 1) ** 2
mean_rhs = square(1 / B, V + 1 / d, 1 / (B * d))
disagreement = V + 1 / B + 1 / d - 2 / (B * d)
mean_best = (V + 1 / d * (1 - 1 / B)) / disagreement
bias = V - 1 / d
of_batch = (2 * B - 1) / B**2 + kappa * (B - 1) ** 2 / B**3
of_sample = bias**2 + 2 * (d - 1) / d**2 + kappa * (d - 1) ** 2 / d**3 + 4 * V / d
product = -bias / B + (2 + kappa) * (1 - 1 / B) * (1 - 1 / d) / (B * d)
var_rhs = square(of_batch, of_sample, product)
var_best = (of_sample - product) / (of_batch + of_sample - 2 * product)
with sp.evaluate(False):
    from_half = (V + 1 / d - 1 / B) / (2 * disagreement)
    more = (1 - 1 / d) * (V + 1 / d) / (B * (B + 1) * (disagreement * disagreement.xreplace({B: B + 1})))

mean_loss = sp.Eq(Grid(mean_error), mean_rhs, evaluate=False)
mean_optimum = sp.Eq(Best(Grid(mean_error), alpha), mean_best, evaluate=False)
side = sp.Eq(Best(Grid(mean_error), alpha) - half, from_half, evaluate=False)
growth = sp.Eq(At(Best(Grid(mean_error), alpha), B, B + 1) - Best(Grid(mean_error), alpha), more, evaluate=False)
var_loss = sp.Eq(Grid(var_error), var_rhs, evaluate=False)
var_optimum = sp.Eq(Best(Grid(var_error), alpha), var_best, evaluate=False)


def no_fourth(expr: sp.Expr) -> sp.Expr:
    """Drop the kurtosis."""
    return expr.xreplace({kappa: sp.S.Zero})


LAW = Law(
    id="norm.hybrid.alpha_stats",
    version=1,
    title="The best weight of batch statistics in a mixture with the sample's own",
    parts=(
        Part("mean_loss", mean_loss, derivation=(
            Step("row and column", written(mean_error), "both means contain the entry"),
            Step("independent entries", mean_rhs, "its noise is all that their errors share"),
        ), rivals=(
            Rival("no covariance", square(1 / B, V + 1 / d, sp.S.Zero), "the two means share an entry", near=True),
            Rival("no levels", square(1 / B, 1 / d, 1 / (B * d)), "the sample's mean misses the channel's level"),
            Rival("levels in both", square(1 / B + V, V + 1 / d, 1 / (B * d)), "the batch's mean has no such bias"),
        )),
        Part("mean_optimum", mean_optimum, derivation=(
            Step("least squares", mean_best, "the lowest point of the parabola", where={
                "loss": sp.Symbol("mean_loss"), "alpha": mean_best}),
        ), rivals=(
            Rival("no covariance", (V + 1 / d) / (V + 1 / d + 1 / B), "the two means share an entry", near=True),
            Rival("no levels", (1 - 1 / B) / d / (1 / B + 1 / d - 2 / (B * d)), "the sample's mean misses the level"),
            Rival("sizes", B / (B + d), "weights in proportion to the entries pooled", near=True),
        )),
        Part("side", side, derivation=(
            Step("law:/mean_optimum", mean_best - half, "the best weight"),
            Step("algebra", from_half, "one half exactly at B = 1/(V + 1/d)"),
        ), rivals=(
            Rival("no levels", (1 / d - 1 / B) / (2 * disagreement), "one half at B = d whatever the levels"),
            Rival("no covariance", (V + 1 / d - 1 / B) / (2 * (V + 1 / d + 1 / B)), "the two means share an entry",
                  near=True),
            Rival("one half", sp.S.Zero, "equal weights"),
        )),
        Part("growth", growth, derivation=(
            Step("law:/mean_optimum", mean_best.xreplace({B: B + 1}) - mean_best, "one example more"),
            Step("algebra", more, "every factor is positive"),
        ), rivals=(
            Rival("slope", (1 - 1 / d) * (V + 1 / d) / (B * disagreement) ** 2, "a derivative for a difference",
                  near=True),
            Rival("no covariance", (V + 1 / d) / (B * (B + 1) * (V + 1 / d + 1 / B) * (V + 1 / d + 1 / (B + 1))),
                  "the two means share an entry"),
            Rival("constant", sp.S.Zero, "as if the batch size did not matter"),
        )),
        Part("var_loss", var_loss, derivation=(
            Step("row and column", written(var_error), "both variances contain the entry"),
            Step("independent entries", var_rhs, "moments of order four at most; skewness cancels over the channels"),
        ), rivals=(
            Rival("no kurtosis", no_fourth(var_rhs), "right for Gaussian noise"),
            Rival("no covariance", square(of_batch, of_sample, -bias / B), "the two variances share an entry",
                  near=True),
            Rival("no bias", square(of_batch, of_sample - bias**2, product), "the levels add to the sample's variance"),
            Rival("unbiased", square(2 / (B + 1) + kappa / B, of_sample, product),
                  "an unbiased estimate's error for the biased one's"),
        )),
        Part("var_optimum", var_optimum, derivation=(
            Step("least squares", var_best, "the lowest point of the parabola", where={
                "loss": sp.Symbol("var_loss"), "alpha": var_best}),
        ), rivals=(
            Rival("no covariance", (of_sample + bias / B) / (of_batch + of_sample + 2 * bias / B),
                  "the two variances share an entry", near=True),
            Rival("no kurtosis", no_fourth(var_best), "right for Gaussian noise"),
            Rival("the mean's", mean_best, "means and variances want different weights"),
        )),
    ),
    params=(
        Param(B, Integers(1), 8, "batch size"),
        Param(d, Integers(2), 64, "channels an example's statistics pool", "one channel has no variance"),
        Param(V, Reals(0), Fraction(1, 10), "variance of the channels' levels over that of the noise, divisor d"),
        Param(kappa, Reals(-2), Fraction(0), "excess kurtosis of the noise; 0 for Gaussian"),
        Param(alpha, Reals(), half, "weight of the batch's statistic; 1 - alpha is the sample's"),
    ),
    constraints=(
        Constraint(B * d > 2, "B = {B} with d = {d} is not allowed: too few entries to disagree"),
    ),
    exactness=Exactness.DISTRIBUTION_FREE,
    assumptions=(
        Assumption("two-way table", "an activation is its channel's level plus noise that is independent over examples "
                   "and channels, with one law of variance one for all"),
        Assumption("fourth moment", "the noise has a finite fourth moment; the mean needs the second only"),
        Assumption("mean square error", "the weight is best for the mean square error, over the channels, of the mixed "
                   "statistic as an estimate of the channel's own mean or variance"),
    ),
    sources=(
        Source("luo2019switchable", note="a layer that learns the weights of the statistics of several normalizations"),
        Source("batchlaws", read=True, note="the weights, derived here"),
    ),
    where=FACTS,
    headline="mean_optimum",
    words=(
        "Mix the batch's mean of a channel with the example's mean over its channels: which weight estimates the "
        "channel's mean best? The batch's mean has an error of variance 1/B; the sample's one of variance 1/d and, in "
        "addition, the spread V of the channels' levels, which no number of channels averages away. The best weight "
        "grows with every example and tends to 1; it is one half at B = 1/(V + 1/d), so at B = d only where all "
        "channels have one level. For the variance the same holds with fourth moments. The two statistics share an "
        "entry, so their errors are correlated: forgetting that, or the levels, gives another weight. A single alpha "
        "for both, as layers use it, cannot be best for both."
    ),
    answers={10: "Mixing statistics, the best alpha rises with B from near 0 at B = 1 with equal channel levels to 1, "
                 "and crosses 1/2 at B = 1/(V + 1/d)."},
)
