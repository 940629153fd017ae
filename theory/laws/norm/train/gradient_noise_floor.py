"""Noise of the gain's gradient at a perfect fit: batch statistics do not agree, even where the examples do."""

import sympy as sp

from theory.law import Exactness, Experiment, Law, Part, Rival, Source, Step
from theory.nodes.unit import (
    BATCH_OF_UNIT,
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
    gamma,
    square_share,
)
from theory.notation import At, B, E, N, m, mu, s, sigma, sigma_hat
from theory.parameters import FITS, FROZEN, POPULATION, UNIFORM_BATCH

by_gain, by_shift = BySlope(batch_loss(), gamma), BySlope(batch_loss(), beta)
share, of_mean = square_share(B), (N - B) / (B * (N - 1))
with sp.evaluate(False):
    noise_rhs = a**2 * (share - (sigma_hat / sigma) ** 2)
mean_gradient = gamma - a * sigma_hat / sigma
spread = E((by_gain - mean_gradient) ** 2, B)
noise = sp.Eq(spread, noise_rhs, evaluate=False)
fitted = sp.Eq(At(spread, gamma, a, beta, 0), noise_rhs, evaluate=False)
shift = sp.Eq(E((by_shift - beta) ** 2, B), a**2 * of_mean, evaluate=False)
of_batch = gamma - a * s / sigma

LAW = Law(
    id="norm.train.gradient_noise_floor",
    version=1,
    title="Batch statistics keep the gradient noisy at a perfect fit",
    parts=(
        Part("noise", noise, derivation=(
            Step("law:norm.train.gradient_bias/batch", E((of_batch - mean_gradient) ** 2, B), "batch by batch"),
            Step("linearity", a**2 / sigma**2 * (E(s**2, B) - 2 * sigma_hat * E(s, B) + sigma_hat**2),
                 "gamma, a, sigma and sigma_hat are constants"),
            Step("moment", a**2 / sigma**2 * (share * sigma**2 - 2 * sigma_hat * E(s, B) + sigma_hat**2),
                 "E[s^2] is the mean variance of a batch"),
            Step("definition", noise_rhs, "sigma_hat = E[s]"),
        ), rivals=(
            Rival("zero", sp.S.Zero, "sampling noise vanishes at a perfect fit; this noise does not"),
            Rival("of independent draws", a**2 * ((B - 1) / B - (sigma_hat / sigma) ** 2),
                  "the mean variance of a batch drawn with replacement", near=True),
            Rival("unbiased variance", a**2 * (1 - (sigma_hat / sigma) ** 2), "as if E[s^2] were sigma^2"),
            Rival("1/(2B)", a**2 / (2 * B), "the large-batch Gaussian value"),
            Rival("depends on the gain", gamma**2 * (share - (sigma_hat / sigma) ** 2), "the target fluctuates, not "
                  "the output"),
        )),
        Part("fitted", fitted, derivation=(
            Step("law:/noise", noise_rhs, "no letter of the unit enters"),
        ), rivals=(
            Rival("zero", sp.S.Zero, "the examples agree there, the batches do not"),
            Rival("squared bias", a**2 * (1 - sigma_hat / sigma) ** 2, "the square of the mean gradient"),
            Rival("unbiased variance", a**2 * (1 - (sigma_hat / sigma) ** 2), "as if E[s^2] were sigma^2", near=True),
        )),
        Part("shift", shift, derivation=(
            Step("law:norm.train.gradient_bias/batch_shift", E((a * (m - mu) / sigma) ** 2, B), "batch by batch"),
            Step("moment", a**2 * of_mean, "the variance of the batch mean"),
        ), rivals=(
            Rival("zero", sp.S.Zero, "the batch mean fluctuates at a perfect fit too"),
            Rival("1/B", a**2 / B, "independent draws"),
            Rival("N for N-1", a**2 * (N - B) / (B * N), "a near miss", near=True),
        )),
    ),
    params=(POPULATION, BATCH_OF_UNIT, GAIN, SHIFT, SLOPE, SIGMA, SIGMA_HAT),
    constraints=(FITS, BELOW_SIGMA),
    exactness=Exactness.DISTRIBUTION_FREE,
    assumptions=(LINEAR_TARGET, SPREAD, UNIFORM_BATCH, FROZEN),
    sources=(Source("batchlaws", read=True, note="derived here; no earlier statement is known to us"),),
    uses=("norm.train.gradient_bias",),
    where=MOMENTS,
    headline="noise",
    words=(
        "Where every example is fitted, all per-example gradients vanish and SGD without batch normalization comes to "
        "rest. With it, the gradient in the gain keeps the variance a^2 (E[s^2] - E[s]^2)/sigma^2 whatever the gain "
        "is, and that in the shift a^2 times the variance of the batch mean. This floor is the noise of the batch "
        "statistics: about a^2/(2B) and a^2/B for Gaussian activations, zero only where all batches have the same "
        "statistics, as at B = N. A decaying step size, not interpolation, makes such a run settle."
    ),
    answers={
        2: "Interpolation does not silence it: with batch normalization a noise of a^2 Var(s)/sigma^2 stays.",
        6: "The statistics of small batches keep the gradient noisy at a perfect fit.",
    },
    experiments=(
        Experiment("enumerate", part="fitted", channel="network",
                   grid={"population": ("digits8:preactivation:0", "digits8:preactivation:3")},
                   fixed={"sizes": (2, 7, 8), "gamma": "3/2", "beta": "1/4", "a": "5/4"}),
    ),
)
