"""The logarithm of the batch variance of Gaussian activations: mean, spread, and how the spread falls."""

import sympy as sp

from theory.domain import Integers, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.chi import ChiMean, GaussianMean, c
from theory.notation import B, s, sigma
from theory.parameters import IID

logarithm, inside = sp.log(s**2), sp.log(c)


def psi(order: int, freedom: sp.Expr = B - 1) -> sp.Expr:
    """Polygamma function of half the degrees of freedom."""
    return sp.polygamma(order, freedom / 2)


def variance(size: sp.Expr = B) -> sp.Expr:
    """Variance of the logarithm over the group."""
    return GaussianMean(logarithm**2, size) - GaussianMean(logarithm, size) ** 2


def rotated(size: sp.Expr) -> sp.Expr:
    """The same over a sum of squares."""
    shift = 2 * sp.log(sigma) - sp.log(size)
    return ChiMean((shift + inside) ** 2, size - 1) - ChiMean(shift + inside, size - 1) ** 2


with sp.evaluate(False):
    mean_rhs = 2 * sp.log(sigma) + psi(0) + sp.log(2 / B)
mean = sp.Eq(GaussianMean(logarithm, B), mean_rhs, evaluate=False)
spread = sp.Eq(variance(), psi(1), evaluate=False)
two_more = sp.Eq(variance(B + 2) - variance(), -4 / (B - 1) ** 2, evaluate=False)
low = 2 / (B - 1) + 2 / (B - 1) ** 2
high = low + sp.Rational(4, 3) / (B - 1) ** 3
floor = sp.Ge(variance(), low, evaluate=False)
ceiling = sp.Le(variance(), high, evaluate=False)
proved = (
    Step("law:/spread", psi(1), "the variance is a trigamma value"),
)

LAW = Law(
    id="norm.stat.log_var",
    version=1,
    title="The logarithm of the batch variance",
    parts=(
        Part("mean", mean, derivation=(
            Step("helmert", 2 * sp.log(sigma) - sp.log(B) + ChiMean(inside, B - 1),
                 "B v/sigma^2 is a sum of B - 1 squares"),
            Step("gamma integral", mean.args[1], "the derivative of the chi-square moment by its power, at 0"),
        ), rivals=(
            Rival("of the mean", 2 * sp.log(sigma) + sp.log((B - 1) / B), "Jensen's upper bound"),
            Rival("unbiased", 2 * sp.log(sigma) + psi(0) + sp.log(2 / (B - 1)), "for the unbiased variance", near=True),
            Rival("B degrees", 2 * sp.log(sigma) + psi(0, B) + sp.log(2 / B), "the mean costs one", near=True),
            Rival("no bias", 2 * sp.log(sigma), "as if logarithms were unbiased"),
        )),
        Part("spread", spread, derivation=(
            Step("helmert", rotated(B), "a sum of B - 1 squares"),
            Step("gamma integral", spread.args[1], "second derivative by the power; the shift drops out"),
        ), rivals=(
            Rival("B degrees", psi(1, B), "the mean costs one", near=True),
            Rival("delta method", 2 / (B - 1), "the relative variance of the variance"),
            Rival("two terms", low, "right for large batches", near=True),
        )),
        Part("two_more", two_more, derivation=(
            Step("helmert", rotated(B + 2) - rotated(B), "sums of B + 1 and of B - 1 squares"),
            Step("gamma integral", psi(1, B + 1) - psi(1), "two trigamma values"),
            Step("gamma", two_more.args[1], "psi'(x + 1) = psi'(x) - 1/x^2"),
        ), rivals=(
            Rival("leading terms", -4 / (B**2 - 1), "the difference of 2/(B-1) at B + 2 and B", near=True),
            Rival("1/(B-1)^2", -1 / (B - 1) ** 2, "a factor of four"),
            Rival("B^2", -4 / B**2, "an off-by-one", near=True),
        )),
        Part("floor", floor, derivation=(
            *proved,
            Step("trigamma steps", low, "1/x + 1/(2 x^2) falls by less than 1/x^2 from x to x + 1"),
        ), rivals=(
            Rival("three terms", high, "the next term of the series: too much", near=True),
            Rival("B-2", 2 / (B - 1) + 2 / (B - 1) ** 2 + 2 / (B - 1) ** 3, "the expansion of 2/(B-2)"),
            Rival("3/(B-1)", 3 / (B - 1) + sp.Rational(3, 2) / (B - 1) ** 2, "half as much again"),
        )),
        Part("ceiling", ceiling, derivation=(
            *proved,
            Step("trigamma steps", high, "with the next term it falls by more"),
        ), rivals=(
            Rival("delta method", 2 / (B - 1), "the leading term alone"),
            Rival("two terms", low, "the floor", near=True),
            Rival("half the term", low + sp.Rational(2, 3) / (B - 1) ** 3, "a wrong last coefficient", near=True),
        )),
    ),
    params=(
        Param(B, Integers(2), 8, "number of entries the statistic pools (BatchNorm: batch size times positions)",
              "the variance of a single entry is zero"),
        Param(sigma, Reals(0, open=True), 1, "population standard deviation"),
        IID,
    ),
    exactness=Exactness.MODEL,
    assumptions=(
        Assumption("Gaussian", "the entries are independent Gaussians of one mean and standard deviation"),
        Assumption("no regularizer", "eps = 0"),
    ),
    sources=(
        Source("bartlettkendall1946", note="the logarithm of a sample variance: mean and variance by polygammas"),
        Source("batchlaws", read=True, note="the bounds at every batch size"),
    ),
    headline="spread",
    words=(
        "On a logarithmic scale the noise of the batch variance does not depend on the variance itself: its "
        "variance is psi'((B-1)/2), which is 4.93 at B = 2, 1.64 at B = 3 and 0.33 at B = 8, and falls by 4/(B-1)^2 "
        "for every two entries more. It lies between 2/(B-1) + 2/(B-1)^2 and that plus 4/(3(B-1)^3): the usual "
        "2/(B-1) is too small, by more than half of the truth at B = 2. The logarithm is biased too, downwards, by "
        "more than the bias of the variance. The scale of a layer's output, and of its gradient, is a product of "
        "such factors: the logarithm is what adds up over depth."
    ),
    answers={6: "The log of the batch variance has variance psi'((B-1)/2): 4.9 at B = 2, about 2/(B-1) for large B."},
)
