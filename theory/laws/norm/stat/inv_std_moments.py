"""Powers of the batch standard deviation of Gaussian activations, inverse ones among them: values and existence."""

import sympy as sp

from theory.domain import Constraint, Integers, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.chi import ChiMean, GaussianMean, c, fidelity
from theory.nodes.gammas import GammaRatio
from theory.notation import B, n, s, sigma
from theory.parameters import IID

q, p = sp.symbols("q p", real=True)


def power(exponent: sp.Expr, freedom: sp.Expr = B - 1) -> sp.Expr:
    """Mean of a power of the batch standard deviation, for some number of degrees of freedom."""
    return sigma**exponent * (2 / B) ** (exponent / 2) * GammaRatio(freedom / 2, exponent / 2)


def rotated(exponent: sp.Expr, size: sp.Expr = B) -> sp.Expr:
    """The same as a mean over a sum of squares."""
    return sigma**exponent * size ** (-exponent / 2) * ChiMean(c ** (exponent / 2), size - 1)


def mean(exponent: sp.Expr, size: sp.Expr = B) -> sp.Expr:
    """The same over the group."""
    return GaussianMean(s**exponent, size)


moment = sp.Eq(mean(q), power(q), evaluate=False)
spread = sp.Eq(mean(2 * p) - mean(p) ** 2, power(2 * p) - power(p) ** 2, evaluate=False)
square = sp.Eq(mean(sp.Integer(-2), n), n / ((n - 3) * sigma**2), evaluate=False)
first = sp.Eq(mean(sp.S.One), sigma * fidelity(B), evaluate=False)
recurrence = sp.Eq(mean(sp.S.One) * mean(sp.S.One, B + 1), sigma**2 * (B - 1) / sp.sqrt(B * (B + 1)), evaluate=False)

LAW = Law(
    id="norm.stat.inv_std_moments",
    version=1,
    title="Moments of the batch standard deviation and of its inverse",
    parts=(
        Part("moment", moment, derivation=(
            Step("helmert", rotated(q), "B v/sigma^2 is a sum of B - 1 squares of independent standard Gaussians"),
            Step("gamma integral", moment.args[1], "exists for q > 1 - B: near 0 the integrand is a power above -1"),
        ), rivals=(
            Rival("B degrees", power(q, B), "the mean costs one degree of freedom"),
            Rival("plug-in", sigma**q, "as if the batch standard deviation were the population's"),
            Rival("scale of s^2", (B / (B - 1)) ** (q / 2) * power(q), "the unbiased variance is not what normalizes",
                  near=True),
        )),
        Part("fidelity", first, derivation=(
            Step("helmert", rotated(sp.S.One), "a sum of B - 1 squares"),
            Step("gamma integral", first.args[1], "the power 1/2 of a chi-square variable"),
        ), rivals=(
            Rival("c4", sigma * sp.sqrt(B / (B - 1)) * fidelity(B), "the constant of quality control, for the unbiased "
                  "variance", near=True),
            Rival("root of the mean", sigma * sp.sqrt((B - 1) / B), "Jensen's upper bound"),
            Rival("1 - 3/(4B)", sigma * (1 - sp.Rational(3, 4) / B), "two terms of its series", near=True),
            Rival("B degrees", sigma * sp.sqrt(2 / B) * GammaRatio(B / 2, sp.S.Half), "the mean costs one"),
        )),
        Part("recurrence", recurrence, derivation=(
            Step("law:/fidelity", sigma * fidelity(B) * mean(sp.S.One, B + 1), "at B"),
            Step("law:/fidelity", sigma**2 * fidelity(B) * fidelity(B + 1), "at B + 1", where={B: B + 1}),
            Step("gamma", recurrence.args[1], "Gamma(x + 1) = x Gamma(x)"),
        ), rivals=(
            Rival("square", sigma**2 * (B - 1) / B, "the upper bound squared"),
            Rival("B/(B+1)", sigma**2 * B / sp.sqrt((B + 1) * (B + 2)), "an off-by-one", near=True),
            Rival("no root", sigma**2 * (B - 1) / (B + 1), "a rougher mean of sizes"),
        )),
        Part("inverse_square", square, derivation=(
            Step("helmert", n / sigma**2 * ChiMean(1 / c, n - 1), "a sum of n - 1 squares"),
            Step("gamma integral", square.args[1], "Gamma(x - 1)/Gamma(x) = 1/(x - 1), finite from n = 4 on"),
        ), rivals=(
            Rival("plug-in", 1 / sigma**2, "as if the batch variance were the population's"),
            Rival("inverse of the mean", n / ((n - 1) * sigma**2), "Jensen's lower bound"),
            Rival("n-2", n / ((n - 2) * sigma**2), "one that is finite at n = 3", near=True),
            Rival("unbiased", (n - 1) / ((n - 3) * sigma**2), "for the unbiased variance", near=True),
        )),
        Part("spread", spread, derivation=(
            Step("helmert", rotated(2 * p) - rotated(p) ** 2, "a sum of B - 1 squares"),
            Step("gamma integral", spread.args[1], "exists for 2 p > 1 - B: the variance of 1/v from B = 6 on"),
        ), rivals=(
            Rival("second moment", power(2 * p), "without the squared mean"),
            Rival("delta method", p**2 / (2 * B) * sigma ** (2 * p), "the leading term for large batches"),
            Rival("B degrees", power(2 * p, B) - power(p, B) ** 2, "the mean costs one", near=True),
        )),
    ),
    params=(
        Param(B, Integers(2), 8, "number of entries the statistic pools (BatchNorm: batch size times positions)",
              "a single entry has no standard deviation"),
        Param(sigma, Reals(0, open=True), 1, "population standard deviation"),
        Param(q, Reals(), -1, "power of the batch standard deviation whose mean is asked for"),
        Param(p, Reals(), -1, "power of the batch standard deviation whose variance is asked for"),
        Param(n, Integers(4), 8, "entries of a group whose mean of 1/v is asked for", "E[1/v] is infinite for n <= 3"),
        IID,
    ),
    constraints=(
        Constraint(q > 1 - B, "q = {q} is not allowed at B = {B}: E[s^q] is infinite unless q > 1 - B"),
        Constraint(2 * p > 1 - B, "p = {p} is not allowed at B = {B}: Var[s^p] is infinite unless 2 p > 1 - B"),
    ),
    exactness=Exactness.MODEL,
    assumptions=(
        Assumption("Gaussian", "the entries are independent Gaussians of one mean and standard deviation; that a mean "
                   "exists exactly for q > 1 - B holds for every continuous density whose power B can be integrated"),
        Assumption("no regularizer", "eps = 0"),
    ),
    sources=(
        Source("cochran1934", note="the sum of squared deviations of a Gaussian sample is chi-square"),
        Source("batchlaws", read=True, note="the reading for BatchNorm, and the product of neighbors"),
    ),
    headline="moment",
    words=(
        "BatchNorm divides by the standard deviation s of the batch. For Gaussian activations every moment of s is a "
        "ratio of Gamma functions, and those of 1/s exist only for large enough batches: E[1/s] is infinite at B = 2 "
        "and 2.17 at B = 3, E[1/s^2] = B/(B-3) is infinite up to B = 3 and still 4 at B = 4, and the variance of 1/s^2 "
        "needs B = 6. So the blow-up of small batches is literal: with no regularizer the mean squared backward signal "
        "through the layer is infinite for B <= 3. People put the population's sigma for s, or think of the unbiased "
        "variance. The mean of s itself, the fidelity c_B = 0.564, 0.724, 0.798, 0.903 at B = 2, 3, 4, 8, is what ties "
        "the normalized activation to the true one, and the product of two neighbors is (B-1)/sqrt(B(B+1))."
    ),
    answers={6: "E[s^-k] is finite exactly for B >= k + 2: the statistics of the smallest batches blow up literally."},
)
