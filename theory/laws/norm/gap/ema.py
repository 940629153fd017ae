"""Running averages of batch statistics: mean, variance, and how many batches they are worth."""

from fractions import Fraction

import sympy as sp

from theory.domain import Constraint, Integers, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.running import NEWEST, Averaged, OneReading, alpha, r0, reading, running
from theory.notation import t

S_mean = sp.Symbol("S_mean", real=True)
S_var = sp.Symbol("S_var", positive=True)
old = 1 - alpha
first, second = Averaged(running, t), Averaged(running**2, t)
mean_rhs = old**t * r0 + (1 - old**t) * S_mean
share = alpha / (2 - alpha)
with sp.evaluate(False):
    spread_rhs = share * (1 - old ** (2 * t)) * S_var
error_rhs = share * (1 - old ** (2 * t)) * S_var + old ** (2 * t) * (r0 - S_mean) ** 2
variance = second - first**2
mean = sp.Eq(first, mean_rhs, evaluate=False)
spread = sp.Eq(variance, spread_rhs, evaluate=False)
error = sp.Eq(second - 2 * S_mean * first + S_mean**2, error_rhs, evaluate=False)
settled = sp.Eq(sp.Limit(variance, t, sp.oo), share * S_var, evaluate=False)
worth = sp.Eq(S_var / sp.Limit(variance, t, sp.oo), (2 - alpha) / alpha, evaluate=False)

LAW = Law(
    id="norm.gap.ema",
    version=1,
    title="A running average of batch statistics is worth (2 - alpha)/alpha batches",
    parts=(
        Part("mean", mean, derivation=(
            Step("running average", mean_rhs, "each update keeps 1 - alpha of what was there",
                 where={"closed": mean_rhs}),
        ), rivals=(
            Rival("momentum swapped", alpha**t * r0 + (1 - alpha**t) * S_mean, "the other library's convention"),
            Rival("no transient", S_mean, "the start is forgotten only in the limit"),
            Rival("one update more", old ** (t + 1) * r0 + (1 - old ** (t + 1)) * S_mean, "an off-by-one", near=True),
            Rival("linear", (1 - alpha * t) * r0 + alpha * t * S_mean, "first order in alpha"),
        )),
        Part("variance", spread, derivation=(
            Step("law:/mean", second - mean_rhs**2, "the mean"),
            Step("running average", spread_rhs + mean_rhs**2 - mean_rhs**2, "the second moment, the same way",
                 where={"lower": "mean", "closed": spread_rhs + mean_rhs**2}),
            Step("algebra", spread_rhs, "the squared mean cancels"),
        ), rivals=(
            Rival("no transient", share * S_var, "the variance grows from zero"),
            Rival("factor alpha", alpha * (1 - old ** (2 * t)) * S_var, "as if the average held 1/alpha batches"),
            Rival("one power", share * (1 - old**t) * S_var, "the power of the mean", near=True),
            Rival("momentum swapped", (1 - alpha) / (1 + alpha) * (1 - alpha ** (2 * t)) * S_var,
                  "the other library's convention"),
        )),
        Part("error", error, derivation=(
            Step("law:/mean", second - 2 * S_mean * mean_rhs + S_mean**2, "the mean"),
            Step("running average", spread_rhs + mean_rhs**2 - 2 * S_mean * mean_rhs + S_mean**2, "the second moment",
                 where={"lower": "mean", "closed": spread_rhs + mean_rhs**2}),
            Step("algebra", error_rhs, "variance plus squared bias"),
        ), rivals=(
            Rival("variance only", spread_rhs, "the start biases the average"),
            Rival("bias only", old ** (2 * t) * (r0 - S_mean) ** 2, "the readings fluctuate"),
            Rival("one power", spread_rhs + old**t * (r0 - S_mean) ** 2, "the bias enters squared", near=True),
        )),
        Part("settled", settled, derivation=(
            Step("law:/variance", sp.Limit(spread_rhs, t, sp.oo), "after t updates"),
            Step("limit", share * S_var, "powers of 1 - alpha vanish for 0 < alpha < 2"),
        ), rivals=(
            Rival("alpha", alpha * S_var, "as if the average held 1/alpha batches"),
            Rival("alpha/2", alpha / 2 * S_var, "small alpha only", near=True),
            Rival("zero", sp.S.Zero, "a running average never stops moving"),
        )),
        Part("worth", worth, derivation=(
            Step("law:/settled", S_var / (share * S_var), "the variance of one reading over that of the average"),
            Step("algebra", worth.args[1], "cancel"),
        ), rivals=(
            Rival("1/alpha", 1 / alpha, "the usual window: off by a factor of about 2"),
            Rival("2/alpha", 2 / alpha, "small alpha only", near=True),
            Rival("momentum swapped", (1 + alpha) / (1 - alpha), "the other library's convention"),
        )),
    ),
    params=(
        NEWEST,
        Param(r0, Reals(), 0, "running average before the first batch (PyTorch: 0 for the mean, 1 for the variance)"),
        Param(S_mean, Reals(), 1, "mean of the statistic over batches"),
        Param(S_var, Reals(0, open=True), Fraction(1, 8), "variance of the statistic over batches",
              "a statistic that is the same in every batch needs no average"),
        Param(t, Integers(0), 100, "number of updates"),
    ),
    constraints=(Constraint(alpha < 2, "alpha = {alpha} is not allowed: the average settles for alpha < 2 only; above "
                            "1 it overshoots"),),
    exactness=Exactness.DISTRIBUTION_FREE,
    assumptions=(
        Assumption("frozen weights", "the batches' statistics are independent and have one law: the weights do not "
                   "move while the average is taken"),
        Assumption("second moment", "the statistic has a finite variance"),
    ),
    sources=(
        Source("ioffe2015", note="running averages for inference"),
        Source("batchlaws", read=True, note="the finite-time forms, classical for exponential smoothing, derived here"),
    ),
    where={S_mean: OneReading(reading), S_var: OneReading(reading**2) - OneReading(reading) ** 2},
    headline="worth",
    words=(
        "At inference BatchNorm uses running averages r <- (1 - alpha) r + alpha S of its batch statistics. Their mean "
        "forgets the start like (1 - alpha)^t; their variance settles at alpha/(2 - alpha) of that of one batch, so "
        "the average is worth (2 - alpha)/alpha batches: 19 at PyTorch's alpha = 0.1, 199 at Keras's 0.01. Holding "
        "the weights still and averaging longer does not make it better than that. What people get wrong: libraries "
        "that call 1 - alpha the momentum, so that 0.9 there is 0.1 here; the window 1/alpha, off by a factor of two; "
        "and the transient, 35 percent of the start after ten batches at alpha = 0.1."
    ),
    answers={6: "Running averages are noisy, but worth (2 - alpha)/alpha batches: they add little to the gap."},
)
