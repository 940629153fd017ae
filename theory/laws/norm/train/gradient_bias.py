"""With batch normalization the mini-batch gradient is biased: it is that of another loss."""

import sympy as sp

from theory.law import Assumption, Exactness, Experiment, Law, Part, Rival, Source, Step
from theory.nodes.unit import (
    BATCH_OF_UNIT,
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
    BySlope,
    a,
    batch_loss,
    beta,
    full_loss,
    gamma,
    square_share,
)
from theory.notation import B, BatchSum, E, PopMean, m, mu, s, sigma, sigma_hat, v, x
from theory.parameters import FITS, FROZEN, POPULATION, UNIFORM_BATCH

normal = (x - mu) / sigma
by_gain, by_shift = BySlope(batch_loss(), gamma), BySlope(batch_loss(), beta)
full_gain = BySlope(full_loss(), gamma)
by_label, full_label = BySlope(batch_loss(v), gamma), BySlope(full_loss(v), gamma)
of_batch, of_full = BatchSum((x - m) * v) / (B * s), PopMean((x - mu) * v) / sigma
root = sp.sqrt(square_share(B))
with sp.evaluate(False):
    bias_rhs = a * (1 - sigma_hat / sigma)
    lower_rhs = a * (1 - root)
batch = sp.Eq(by_gain, gamma - a * s / sigma, evaluate=False)
full = sp.Eq(full_gain, gamma - a, evaluate=False)
bias = sp.Eq(E(by_gain, B) - full_gain, bias_rhs, evaluate=False)
lower = sp.Ge(E(by_gain, B) - full_gain, lower_rhs, evaluate=False)
batch_shift = sp.Eq(by_shift, beta - a * (m - mu) / sigma, evaluate=False)
full_shift = sp.Eq(BySlope(full_loss(), beta), beta, evaluate=False)
shift = sp.Eq(E(by_shift, B) - BySlope(full_loss(), beta), sp.S.Zero, evaluate=False)
label_batch = sp.Eq(by_label, gamma - of_batch, evaluate=False)
label_full = sp.Eq(full_label, gamma - of_full, evaluate=False)
label = sp.Eq(E(by_label, B) - full_label, of_full - E(of_batch, B), evaluate=False)

own = gamma / s**2 * (BatchSum(x**2) - 2 * m * BatchSum(x) + m**2 * B) + beta / s * (BatchSum(x) - m * B)
expanded = (own - a / (s * sigma) * (BatchSum(x**2) - (m + mu) * BatchSum(x) + m * mu * B)) / B
expanded_label = (own - (BatchSum(x * v) - m * BatchSum(v)) / s) / B
of_shift = BatchSum(gamma * (x - m) / s + beta - a * normal) / B

LAW = Law(
    id="norm.train.gradient_bias",
    version=1,
    title="With batch normalization the mini-batch gradient is biased",
    parts=(
        Part("batch", batch, derivation=(
            Step("differentiate", BatchSum((x - m) / s * (gamma * (x - m) / s + beta - a * normal)) / B,
                 "the batch's statistics do not depend on the gain"),
            Step("sum", expanded, "multiply out; the sum runs over the batch"),
            Step("definition", gamma - a * s / sigma, "sum x = B m, sum x^2 = B (s^2 + m^2)", where=BATCH_SUMS),
        ), rivals=(
            Rival("population", gamma - a, "the gradient with the population's statistics"),
            Rival("variance", gamma - a * s**2 / sigma**2, "variances for standard deviations", near=True),
            Rival("inverse", gamma - a * sigma / s, "upside down"),
        )),
        Part("full", full, derivation=(
            Step("differentiate", PopMean(normal * (gamma * normal + beta - a * normal)), "derivative of the square"),
            Step("sum", ((gamma - a) / sigma**2 * (PopMean(x**2) - 2 * mu * PopMean(x) + mu**2)
                         + beta / sigma * (PopMean(x) - mu)), "multiply out"),
            Step("definition", gamma - a, "the population's mean and variance"),
        ), rivals=(
            Rival("no target", gamma, "the target pulls too"),
            Rival("shift", gamma - a + beta, "the normalized activation has mean zero"),
            Rival("half", (gamma - a) / 2, "the loss has the half, its derivative has not", near=True),
        )),
        Part("bias", bias, derivation=(
            Step("law:/batch", E(gamma - a * s / sigma, B) - full_gain, "batch by batch"),
            Step("law:/full", E(gamma - a * s / sigma, B) - (gamma - a), "the full-batch gradient"),
            Step("linearity", a - a * E(s, B) / sigma, "gamma, a and sigma are constants"),
            Step("definition", bias_rhs, "sigma_hat = E[s]"),
        ), rivals=(
            Rival("unbiased", sp.S.Zero, "true of a loss that is a mean over examples; this one is not"),
            Rival("root of the mean", a * (1 - sp.sqrt((B - 1) / B)),
                  "E[s^2] = (B-1)/B sigma^2, but the root is concave"),
            Rival("variance", a * (1 - sigma_hat**2 / sigma**2), "variances for standard deviations"),
            Rival("sign", a * (sigma_hat / sigma - 1), "batches shrink the gain"),
            Rival("3/(4B)", 3 * a / (4 * B), "the large-batch Gaussian value", near=True),
        )),
        Part("lower", lower, derivation=(
            Step("law:/bias", a * (1 - E(s, B) / sigma), "the bias"),
            Step("root mean square", lower_rhs, "E[s] <= sqrt(E[s^2]), and E[s^2] is a variance's mean",
                 where={"second": square_share(B) * sigma**2}),
        ), rivals=(
            Rival("1/B", a / B, "above the bias where most batches have a wide spread"),
            Rival("independent draws", a * (1 - sp.sqrt((B - 1) / B)), "a batch that is the data has no bias",
                  near=True),
            Rival("variance", a * (1 - square_share(B) / 2), "above the bias where N is close to B"),
        )),
        Part("batch_shift", batch_shift, derivation=(
            Step("differentiate", of_shift, "derivative of the square"),
            Step("sum", (gamma / s * (BatchSum(x) - m * B) + beta * B - a / sigma * (BatchSum(x) - mu * B)) / B,
                 "multiply out"),
            Step("definition", batch_shift.args[1], "sum x = B m", where={BatchSum(x): B * m}),
        ), rivals=(
            Rival("population", beta, "the gradient with the population's statistics"),
            Rival("own scale", beta - a * (m - mu) / s, "the target is in population units", near=True),
            Rival("sign", beta + a * (m - mu) / sigma, "a batch above the mean has a target above its mean"),
        )),
        Part("full_shift", full_shift, derivation=(
            Step("differentiate", PopMean(gamma * normal + beta - a * normal), "derivative of the square"),
            Step("sum", (gamma - a) / sigma * (PopMean(x) - mu) + beta, "multiply out"),
            Step("definition", beta, "the population's mean"),
        ), rivals=(
            Rival("zero", sp.S.Zero, "the shift has its own curvature"),
            Rival("slope", beta - a, "the normalized activation has mean zero"),
            Rival("half", beta / 2, "the loss has the half, its derivative has not", near=True),
        )),
        Part("shift", shift, derivation=(
            Step("law:/batch_shift", E(batch_shift.args[1], B) - BySlope(full_loss(), beta), "batch by batch"),
            Step("law:/full_shift", E(batch_shift.args[1], B) - beta, "the full-batch gradient"),
            Step("moment", sp.S.Zero, "the batch mean is unbiased"),
        ), rivals=(
            Rival("as the gain", bias_rhs, "the shift sees the batch mean, which is unbiased"),
            Rival("slope", a, "the target has mean zero"),
            Rival("1/B", a / B, "a mean square, not a mean", near=True),
        )),
        Part("label_batch", label_batch, derivation=(
            Step("differentiate", BatchSum((x - m) / s * (gamma * (x - m) / s + beta - v)) / B,
                 "the batch's statistics do not depend on the gain"),
            Step("sum", expanded_label, "multiply out; the sum runs over the batch"),
            Step("definition", gamma - of_batch, "sum x = B m, sum x^2 = B (s^2 + m^2)", where=BATCH_SUMS),
        ), rivals=(
            Rival("population", gamma - of_full, "the gradient with the population's statistics"),
            Rival("regression", gamma - of_batch / s, "the slope of the label on the activation, not on the output"),
            Rival("sigma", gamma - of_batch * s / sigma, "divided by the population's standard deviation", near=True),
        )),
        Part("label_full", label_full, derivation=(
            Step("differentiate", PopMean(normal * (gamma * normal + beta - v)), "derivative of the square"),
            Step("sum", ((gamma / sigma**2) * (PopMean(x**2) - 2 * mu * PopMean(x) + mu**2)
                         + beta / sigma * (PopMean(x) - mu) - (PopMean(x * v) - mu * PopMean(v)) / sigma),
                 "multiply out"),
            Step("definition", gamma - of_full, "the population's mean and variance"),
        ), rivals=(
            Rival("no label", gamma, "the labels pull too"),
            Rival("regression", gamma - of_full / sigma, "the slope of the label on the activation, not on the output"),
            Rival("not centred", gamma - PopMean(x * v) / sigma, "the covariance, not the mean product", near=True),
        )),
        Part("label", label, derivation=(
            Step("law:/label_batch", E(gamma - of_batch, B) - full_label, "batch by batch"),
            Step("law:/label_full", E(gamma - of_batch, B) - (gamma - of_full), "the full-batch gradient"),
            Step("constant part", label.args[1], "gamma is the same in every batch"),
        ), rivals=(
            Rival("unbiased", sp.S.Zero, "true of a loss that is a mean over examples; this one is not"),
            Rival("linear part", of_full * (1 - sigma_hat / sigma),
                  "what is left over of a regression on the activation is correlated with s in a finite population",
                  near=True),
            Rival("sigma", of_full - E(of_batch * s, B) / sigma,
                  "the batch's covariance over the population's standard deviation", near=True),
            Rival("sign", E(of_batch, B) - of_full, "batches shrink the gain"),
        )),
    ),
    params=(POPULATION, BATCH_OF_UNIT, GAIN, SHIFT, SLOPE, SIGMA, SIGMA_HAT),
    constraints=(FITS, BELOW_SIGMA),
    exactness=Exactness.DISTRIBUTION_FREE,
    assumptions=(
        LINEAR_TARGET,
        Assumption("any label", "the parts that speak of labels take any label v of an example for the target"),
        SPREAD,
        UNIFORM_BATCH,
        FROZEN,
    ),
    sources=(Source("batchlaws", read=True, note="derived here; no earlier statement is known to us"),),
    where=MOMENTS,
    headline="bias",
    words=(
        "A loss with batch normalization is no mean over examples: every example is normalized by its batch. So the "
        "mean of the mini-batch gradients is not the full-batch gradient. For one unit with gain gamma and a linear "
        "target of slope a, the gradient in the gain is gamma - a s/sigma in every batch; on average it is off by "
        "a (1 - E[s]/sigma), whatever the data and the parameters. It is at least a (1 - sqrt(E[s^2])/sigma), which "
        "is about a/(2B) where the data are many, with equality where all batches have the same spread, as at B = N. "
        "For any labels the bias is the covariance of activation and label over sigma, less the mean over batches of "
        "the batch's covariance over s. The step size plays no part and no number of batches averages it out. The "
        "gradient in the shift is unbiased. What people get wrong: to call mini-batch gradients unbiased without "
        "asking whether the loss is a sum over examples."
    ),
    answers={
        2: "Unbiased fails with batch normalization: the mean gradient in the gain is off by a (1 - E[s]/sigma), "
           "exactly, and by a (1 - sqrt(E[s^2])/sigma) at least.",
        6: "The batch statistics bias the gradient itself, by half the train/inference gap times the slope.",
    },
    experiments=(
        Experiment("enumerate", part="batch", channel="network", fixed={
            "population": "digits8:preactivation:0", "sizes": (2, 3, 8), "gamma": "3/2", "beta": "1/4", "a": "5/4"}),
        Experiment("enumerate", part="bias", channel="network",
                   grid={"population": ("digits8:preactivation:0", "digits8:preactivation:3")},
                   fixed={"sizes": (2, 3, 8), "gamma": "3/2", "beta": "1/4", "a": "5/4"}),
        Experiment("enumerate", part="label", channel="network",
                   grid={"population_v": ("digits8:preactivation:1", "digits8:preactivation:2")},
                   fixed={"population": "digits8:preactivation:0", "sizes": (2, 3, 8), "gamma": "3/2", "beta": "1/4"}),
    ),
)
