"""Training with batch statistics of Gaussian activations: one constant sets bias, gain, floor and oscillation."""

import sympy as sp

from theory.domain import Integers, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes import fidelity as _rules  # noqa: F401  (its rule)
from theory.nodes.chi import ChiMean, GaussianMean, c, fidelity
from theory.nodes.unit import LINEAR_TARGET, SLOPE, a, gamma
from theory.notation import B, m, mu, s, sigma
from theory.parameters import IID

g = gamma
fid = fidelity(B)
fid2 = fid**2
error, slip = a * s / sigma, a * (m - mu) / sigma
loss = ((g - error) ** 2 + slip**2) / 2
m2, m4 = (B - 1) / B, (B**2 - 1) / B**2
q2 = g**2 - 2 * g * a * fid + a**2 * m2
q4 = g**4 - 4 * g**3 * a * fid + 6 * g**2 * a**2 * m2 - 4 * g * a**3 * fid + a**4 * m4
with sp.evaluate(False):
    bias_rhs = a * (1 - fid)
    noise_rhs = a**2 * (1 - 1 / B - fid2)
    oscillation_rhs = (q4 - q2**2 + 2 * a**4 / B**2) / 4
    mean_rhs = ((g - a * fid) ** 2 + a**2 * (1 - fid2)) / 2
expanded = (g**2 + a**2) / 2 - g * a * fid
c4 = sp.sqrt(B / (B - 1)) * fid


def rotated(power: sp.Expr) -> sp.Expr:
    """Mean of a power of s/sigma as one over a sum of squares."""
    return ChiMean(c ** (power / 2), B - 1) / B ** (power / 2)


def over_chi(k1: sp.Expr, k2: sp.Expr, k3: sp.Expr, k4: sp.Expr) -> sp.Expr:
    """Mean square of (g - a s/sigma)^2/2 + slip^2/2, from the moments of s/sigma."""
    fourth = g**4 - 4 * g**3 * a * k1 + 6 * g**2 * a**2 * k2 - 4 * g * a**3 * k3 + a**4 * k4
    second = g**2 - 2 * g * a * k1 + a**2 * k2
    return (fourth + 2 * second * a**2 / B + 3 * a**4 / B**2) / 4


odd = sp.Eq(GaussianMean(s**3, B) / GaussianMean(s, B), sigma**2, evaluate=False)
bias = sp.Eq(GaussianMean(g - error, B) - (g - a), bias_rhs, evaluate=False)
bias_above = sp.Le(GaussianMean(g - error, B) - (g - a),
                   a * (sp.Rational(3, 4) / B + sp.Rational(7, 32) / B**2 + sp.Rational(9, 128) / B**3), evaluate=False)
bias_below = sp.Ge(GaussianMean(g - error, B) - (g - a), a * (sp.Rational(3, 4) / B + sp.Rational(7, 32) / B**2),
                   evaluate=False)
noise = sp.Eq(GaussianMean((g - error) ** 2, B) - GaussianMean(g - error, B) ** 2, noise_rhs, evaluate=False)
mean = sp.Eq(GaussianMean(loss, B), mean_rhs, evaluate=False)
oscillation = sp.Eq(GaussianMean(loss**2, B) - GaussianMean(loss, B) ** 2, oscillation_rhs, evaluate=False)
one = rotated(sp.S.One)
chi_moments = [rotated(sp.Integer(k)) for k in range(1, 5)]

LAW = Law(
    id="norm.train.gaussian",
    version=1,
    title="For Gaussian activations one constant sets gradient bias, gain, noise floor and oscillation",
    parts=(
        Part("odd_moments", odd, derivation=(
            Step("helmert", sigma**2 * rotated(sp.Integer(3)) / one, "B v/sigma^2 is a sum of B - 1 squares"),
            Step("gamma integral", sigma**2, "Gamma(x + 1) = x Gamma(x) at x = B/2"),
        ), rivals=(
            Rival("(B-1)/B", sigma**2 * (B - 1) / B, "the ratio of the even moments"),
            Rival("(B+1)/B", sigma**2 * (B + 1) / B, "the fourth moment over the second"),
            Rival("cube", sigma**2 * fid**2, "the cube of the mean for the mean of the cube", near=True),
        )),
        Part("bias", bias, derivation=(
            Step("helmert", a - a * one, "a sum of B - 1 squares"),
            Step("gamma integral", bias_rhs, "its root"),
        ), rivals=(
            Rival("zero", sp.S.Zero, "unbiased: true without batch normalization"),
            Rival("3/(4B)", 3 * a / (4 * B), "one term of its series", near=True),
            Rival("root of the mean", a * (1 - sp.sqrt((B - 1) / B)), "the lower bound"),
            Rival("c4", a * (1 - c4), "the constant of the unbiased variance"),
        )),
        Part("bias_below", bias_below, derivation=(
            Step("helmert", a - a * one, "a sum of B - 1 squares"),
            Step("gamma integral", a - a * fid, "its root"),
            Step("two entries more", bias_below.args[1], "1 - 3/(4B) - 7/(32 B^2) lies above c_B"),
        ), rivals=(
            Rival("three terms", bias_above.args[1], "the next term overshoots", near=True),
            Rival("1/B", a / B, "above the bias"),
            Rival("gap", 2 * a * (sp.Rational(3, 4) / B), "the gap is twice the bias"),
        )),
        Part("bias_above", bias_above, derivation=(
            Step("helmert", a - a * one, "a sum of B - 1 squares"),
            Step("gamma integral", a - a * fid, "its root"),
            Step("two entries more", bias_above.args[1], "1 - 3/(4B) - 7/(32 B^2) - 9/(128 B^3) lies below c_B"),
        ), rivals=(
            Rival("two terms", bias_below.args[1], "below the bias at every size", near=True),
            Rival("3/(4B)", 3 * a / (4 * B), "below the bias at every size"),
            Rival("1/(2B)", a / (2 * B), "the leading term of the bound by the root of the mean"),
        )),
        Part("noise_floor", noise, derivation=(
            Step("helmert", a**2 * (rotated(sp.Integer(2)) - one**2), "a sum of B - 1 squares; the gain cancels"),
            Step("gamma integral", a**2 * m2 - a**2 * fid**2, "its moments"),
            Step("algebra", noise_rhs, "1 - 1/B"),
        ), rivals=(
            Rival("zero", sp.S.Zero, "sampling noise vanishes at a perfect fit; this does not"),
            Rival("1/(2B)", a**2 / (2 * B), "the leading term", near=True),
            Rival("unbiased variance", a**2 * (1 - fid**2), "as if E[s^2] were sigma^2"),
        )),
        Part("loss", mean, derivation=(
            Step("helmert", (g**2 - 2 * g * a * one + a**2 * rotated(sp.Integer(2)) + a**2 / B) / 2,
                 "deviation and mean are independent"),
            Step("gamma integral", expanded, "their moments"),
            Step("gamma", mean_rhs, "complete the square"),
        ), rivals=(
            Rival("no mean term", expanded - a**2 / (2 * B), "the batch mean is wrong too"),
            Rival("population", (g - a) ** 2 / 2, "the loss with the population's statistics"),
            Rival("ridge", (g - a) ** 2 / 2 + g**2 * (1 - fid), "the noise read as a penalty on the squared gain"),
            Rival("c4", ((g - a * c4) ** 2 + a**2 * (1 - c4**2)) / 2, "the constant of the unbiased variance"),
            Rival("3/(4B)", (g - a) ** 2 / 2 + g * a * sp.Rational(3, 4) / B, "one term of the series", near=True),
        )),
        Part("oscillation", oscillation, derivation=(
            Step("helmert", over_chi(*chi_moments)
                 - ((g**2 - 2 * g * a * one + a**2 * rotated(sp.Integer(2)) + a**2 / B) / 2) ** 2,
                 "deviation and mean are independent; the mean's error has the fourth moment 3/B^2"),
            Step("gamma integral", oscillation_rhs, "the first four moments; the third is the first"),
        ), rivals=(
            Rival("no mean term", (q4 - q2**2) / 4, "the batch mean fluctuates too"),
            Rival("mean term once", (q4 - q2**2 + a**4 / B**2) / 4, "the variance of a squared Gaussian is twice its "
                  "square"),
            Rival("5/(8B^2)", sp.Rational(5, 8) * a**4 / B**2, "the large-batch value at a perfect fit", near=True),
            Rival("third moment", (q4 + 4 * g * a**3 * fid / B - q2**2 + 2 * a**4 / B**2) / 4,
                  "(B-1)/B of the first for the third moment", near=True),
        )),
    ),
    params=(
        Param(B, Integers(2), 8, "batch size", "one example has no batch standard deviation"),
        Param(sigma, Reals(0, open=True), 1, "population standard deviation"),
        Param(mu, Reals(), 0, "population mean"),
        Param(g, Reals(), 1, "learned gain of the unit"),
        SLOPE,
        IID,
    ),
    exactness=Exactness.MODEL,
    assumptions=(
        Assumption("Gaussian", "the activations of the batch are independent Gaussians of one law; eps = 0"),
        LINEAR_TARGET,
        Assumption("one batch", "gradient and loss of a batch are those of norm.train.gradient_bias/batch and of "
                   "norm.train.loss_oscillation/batch, the shift at its best value 0"),
    ),
    uses=("norm.train.gradient_bias", "norm.train.loss_oscillation"),
    sources=(
        Source("cochran1934", note="deviation and mean of a Gaussian sample"),
        Source("batchlaws", read=True, note="derived here; no earlier statement is known to us"),
    ),
    headline="oscillation",
    words=(
        "For Gaussian activations everything that batch statistics do to one unit follows from c_B = E[s]/sigma: the "
        "gradient in the gain is biased by a (1 - c_B), between a (3/(4B) + 7/(32 B^2)) and that plus 9a/(128 B^3); "
        "the gain that is learned is a c_B, 44 percent short at B = 2 and 10 percent at B = 8; the gradient keeps the "
        "noise a^2 (1 - 1/B - c_B^2), about a^2/(2B), at a perfect fit; and the loss oscillates about a^2 (1 - c_B). "
        "Its variance is exact for every batch size because E[s^3] = sigma^2 E[s]. At a perfect fit mean and standard "
        "deviation of the loss are about 3a^2/(4B) and sqrt(5/8) a^2/B: halving the batch doubles the oscillation, "
        "where sampling noise alone would grow by sqrt(2). The constant of quality control, c4, belongs to the "
        "unbiased variance and is not this one."
    ),
    answers={
        2: "Biased with batch normalization: for Gaussian activations by a (1 - c_B), about 3a/(4B).",
        6: "The training loss oscillates like 1/B: at a perfect fit its standard deviation is about 0.79 a^2/B.",
    },
)
