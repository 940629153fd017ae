"""Correlated positions: the mean and the variance of a convolutional BatchNorm have different effective sizes."""

from fractions import Fraction

import sympy as sp

from theory.domain import Constraint, Integers, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.pairings import Centered, Correlated, Form, P, R, Sigma, Trace, ones
from theory.notation import B, m, mu, rho, s, sigma2
from theory.parameters import IID

r1, r2, q2 = sp.symbols("r1 r2 q2", nonnegative=True)
size = B * P
line = 1 + (P - 1) * rho
squares = 1 + (P - 1) * rho**2

with sp.evaluate(False):
    noise_rhs = sigma2 * r1 / B
    bias_rhs = sigma2 * (1 - r1 / B)
    spread_rhs = 2 * sigma2**2 / B**2 * (B * q2 - 2 * r2 + r1**2)
    alike_noise_rhs = sigma2 * (1 + (P - 1) * rho) / (B * P)
    alike_rhs = 2 * sigma2**2 / (B * P) ** 2 * (B * P * (1 + (P - 1) * rho**2) - (1 + (P - 1) * rho) ** 2)
center = Correlated((s**2 - bias_rhs) ** 2)
noise = sp.Eq(Correlated((m - mu) ** 2), noise_rhs, evaluate=False)
bias = sp.Eq(Correlated(s**2), bias_rhs, evaluate=False)
spread = sp.Eq(center, spread_rhs, evaluate=False)
alike_center = Correlated((s**2 - sigma2 + alike_noise_rhs) ** 2)
alike_noise = sp.Eq(Correlated((m - mu) ** 2), alike_noise_rhs, evaluate=False)
alike = sp.Eq(alike_center, alike_rhs, evaluate=False)


def along(k: int) -> sp.Expr:
    """1^T Sigma^k 1."""
    return Form(ones, Sigma, k, ones)


def centered(mean: sp.Expr) -> sp.Expr:
    """E[(v - mean)^2] by traces and forms of the whole covariance matrix."""
    drawn = (Trace(Sigma, 1) - along(1) / size) / size
    return 2 * Centered(Sigma, 2) / size**2 + (drawn - mean) ** 2


LAW = Law(
    id="norm.stat.ess",
    version=1,
    title="Two effective sample sizes for one convolutional batch",
    parts=(
        Part("noise", noise, derivation=(
            Step("pairings", along(1) / size**2, "the variance of a sum"),
            Step("independent images", sigma2 * Form(ones, R, 1, ones) / (B * P**2),
                 "images are independent, positions are not"),
            Step("definition", noise_rhs, "r1 is the mean correlation"),
        ), rivals=(
            Rival("n = B P", sigma2 / (B * P), "positions counted as independent"),
            Rival("n = B", sigma2 / B, "positions counted as one"),
            Rival("r1^2", sigma2 * r1**2 / B, "a wrong power", near=True),
        )),
        Part("bias", bias, derivation=(
            Step("pairings", (Trace(Sigma, 1) - along(1) / size) / size, "the mean square minus that of the mean"),
            Step("independent images", sigma2 * (1 - Form(ones, R, 1, ones) / (B * P**2)), "image by image"),
            Step("definition", bias_rhs, "r1 is the mean correlation"),
        ), rivals=(
            Rival("n = B P", sigma2 * (1 - 1 / (B * P)), "positions counted as independent"),
            Rival("no bias", sigma2, "the biased variance is what normalizes"),
            Rival("by q2", sigma2 * (1 - q2 / B), "the variance's effective size for the mean's", near=True),
        )),
        Part("spread", spread, derivation=(
            Step("pairings", centered(bias_rhs), "a quadratic form in Gaussians"),
            Step("pairings", 2 * (Trace(Sigma, 2) - 2 * along(2) / size + along(1) ** 2 / size**2) / size**2
                 + ((Trace(Sigma, 1) - along(1) / size) / size - bias_rhs) ** 2, "the projection written out"),
            Step("independent images", 2 * sigma2**2 / size**2 * (
                B * Trace(R, 2) - 2 * Form(ones, R, 2, ones) / P + Form(ones, R, 1, ones) ** 2 / P**2),
                "image by image; the bias drops out"),
            Step("definition", spread_rhs, "q2 is the mean squared correlation, r2 that of the rows' means"),
        ), rivals=(
            Rival("n = B P", 2 * sigma2**2 * (B * P - 1) / (B * P) ** 2, "positions counted as independent"),
            Rival("leading term", 2 * sigma2**2 * q2 / B, "without what the mean takes"),
            Rival("the mean's size", 2 * sigma2**2 * r1 / B * (1 - r1 / B),
                  "one effective sample size for both statistics"),
            Rival("no last term", 2 * sigma2**2 / B**2 * (B * q2 - 2 * r2), "the square of the mean's part", near=True),
        )),
        Part("alike_noise", alike_noise, derivation=(
            Step("law:/noise", noise_rhs, "any correlations"),
            Step("alike", alike_noise_rhs, "1 once and rho for each of the other positions"),
        ), rivals=(
            Rival("rho/B", sigma2 * (rho + 1 / P) / B, "the limit of many positions, one term too many", near=True),
            Rival("independent", sigma2 / (B * P), "rho = 0"),
            Rival("rho^2", sigma2 * squares / (B * P), "the variance's effective size", near=True),
        )),
        Part("alike", alike, derivation=(
            Step("pairings", centered(sigma2 - alike_noise_rhs), "a quadratic form in Gaussians"),
            Step("pairings", 2 * (Trace(Sigma, 2) - 2 * along(2) / size + along(1) ** 2 / size**2) / size**2
                 + ((Trace(Sigma, 1) - along(1) / size) / size - sigma2 + alike_noise_rhs) ** 2,
                 "the projection written out"),
            Step("independent images", 2 * sigma2**2 / size**2 * (
                B * Trace(R, 2) - 2 * Form(ones, R, 2, ones) / P + Form(ones, R, 1, ones) ** 2 / P**2)
                + (alike_noise_rhs - sigma2 * Form(ones, R, 1, ones) / (B * P**2)) ** 2, "image by image"),
            Step("alike", alike_rhs, "1 once and rho for each of the other positions, in every row"),
        ), rivals=(
            Rival("rho for rho^2", 2 * sigma2**2 / size**2 * (size * line - line**2), "the mean's effective size"),
            Rival("independent", 2 * sigma2**2 * (B * P - 1) / (B * P) ** 2, "rho = 0"),
            Rival("leading term", 2 * sigma2**2 * squares / (B * P), "without what the mean takes"),
            Rival("one for line", 2 * sigma2**2 / size**2 * (size * squares - line), "a missing square", near=True),
        )),
    ),
    params=(
        Param(B, Integers(1), 8, "images of the batch; 1 is instance normalization"),
        Param(P, Integers(1), 16, "positions of an image; for one sample of any layer its channels"),
        Param(sigma2, Reals(0, open=True), 1, "variance of an entry"),
        Param(r1, Reals(0, 1), Fraction(1, 6), "mean of the correlations of two positions, over all pairs and each "
              "with itself"),
        Param(r2, Reals(0, 1), Fraction(1, 30), "mean over the positions of the squared mean correlation of each"),
        Param(q2, Reals(0, 1), Fraction(1, 10), "mean of the squared correlations"),
        Param(rho, Reals(0, 1), Fraction(1, 10), "correlation of two positions, where all pairs are alike"),
        IID,
    ),
    constraints=(
        Constraint(B * P >= 2, "B = {B} with P = {P} is not allowed: a single entry has no variance"),
        Constraint(r1**2 <= r2, "r2 = {r2} is not allowed with r1 = {r1}: a mean of squares is r1^2 at least"),
        Constraint(r1**2 <= q2, "q2 = {q2} is not allowed with r1 = {r1}: a mean of squares is r1^2 at least"),
        Constraint(P * q2 >= 1, "q2 = {q2} is not allowed: {P} positions correlate with themselves, so q2 >= 1/P"),
    ),
    exactness=Exactness.MODEL,
    assumptions=(
        Assumption("Gaussian", "entries are jointly Gaussian; the mean and its noise need only second moments"),
        Assumption("blocks", "images are independent and alike; positions have one mean, one variance and the "
                   "correlation matrix R"),
    ),
    sources=(
        Source("kish1965", note="the design effect: the effective size of a clustered sample's mean"),
        Source("batchlaws", read=True, note="the effective size of the variance"),
    ),
    where={r1: Form(ones, R, 1, ones) / P**2, r2: Form(ones, R, 2, ones) / P**3, q2: Trace(R, 2) / P**2},
    headline="spread",
    words=(
        "BatchNorm of a convolution pools B images at P positions, but neighboring positions are alike. The batch "
        "mean is as noisy as one of B/r1 independent entries, the batch variance as one of about B/q2, where r1 is "
        "the mean correlation of two positions and q2 the mean squared one: two different effective sizes, of which "
        "the variance's is the larger one where no correlation is negative. When all positions correlate by rho and "
        "there are many, they level off at B/rho and B/rho^2: a larger image then adds nothing. People count all B "
        "P entries, or use one effective size for both. With B = 1 this is instance normalization, with channels "
        "for positions layer and group normalization."
    ),
    answers={
        6: "A convolution's B P entries count as B/r1 for the mean and about B/q2 for the variance.",
        7: "The groups of Layer, Instance and GroupNorm have correlated entries and count for less than their number.",
    },
)
