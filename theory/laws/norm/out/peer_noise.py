"""The law of an output given its input: a monotone map of Student's noncentral t, and its first two orders."""

from fractions import Fraction

import sympy as sp

from theory.domain import Integers, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.chi import ChiMean, GaussianMean, c
from theory.nodes.gammas import GammaRatio
from theory.nodes.outputs import Hat, i
from theory.nodes.series import Taylor
from theory.nodes.shared import Student
from theory.notation import B, BatchSum, E, PopMean, dx, h, m, mu, mu2, mu3, mu4, n, s, sigma
from theory.parameters import IID

T = sp.Symbol("T", real=True)
z, y = sp.symbols("z y", real=True)

mapped = sp.Eq(Hat(i, 0) ** 2, (B - 1) * T**2 / (T**2 + B * (B - 2)), evaluate=False)
student = sp.sqrt(n - 1) * (mu + z * sigma - m) / s
t_mean = sp.Eq(GaussianMean(student, n), z * sp.sqrt(n) * sp.sqrt((n - 1) / 2) * GammaRatio((n - 1) / 2, -sp.S.Half),
               evaluate=False)
t_square = sp.Eq(GaussianMean(student**2, n), (n * z**2 + 1) * (n - 1) / (n - 3), evaluate=False)

# Expansion in the errors a, b of the batch mean and of the batch variance, given the own deviation y.
a = (y + BatchSum(dx)) / B
v = (y**2 + BatchSum(dx**2)) / B - a**2
b = v / mu2 - 1
linear = (y**2 + BatchSum(dx**2)) / (B * mu2) - 1
second = (y - a) * (1 - b / 2) + sp.Rational(3, 8) * y * b**2
first = -a - y * linear / 2
m2, m3, m4 = PopMean(dx**2), PopMean(dx**3), PopMean(dx**4)


def peers(body: sp.Expr) -> sp.Expr:
    """Mean over the B - 1 peers."""
    return E(body, B - 1)


with sp.evaluate(False):
    spread_rhs = (B - 1) / B**2 * (mu2 + mu3 / mu2 * y + (mu4 - mu2**2) / (4 * mu2**2) * y**2)
second_rhs = (
    3 * (B - 1) ** 2 * y**5 - 2 * (B - 1) * (2 * B**2 + 4 * B - 9) * mu2 * y**3 - 12 * (B - 1) ** 2 * mu3 * y**2
    + (3 * (B - 1) ** 3 * mu4 + (8 * B**4 - 3 * B**3 + 7 * B**2 - 27 * B + 18) * mu2**2) * y
    + 4 * B * (B - 1) ** 2 * mu2 * mu3) / (8 * B**4 * mu2**2)
slope = sp.Rational(3, 8) * (mu4 / mu2**2 - 1) * y - y**3 / (2 * mu2) + mu3 / (2 * mu2)
mean = sp.Eq(peers(second), second_rhs, evaluate=False)
drift = sp.Eq(Taylor(sp.expand(second_rhs.xreplace({B: 1 / h})), h, 1), y + h * slope, evaluate=False)
spread = sp.Eq(peers(first**2) - peers(first) ** 2, spread_rhs, evaluate=False)
folded = {mu2: m2, mu3: m3, mu4: m4}
rotated = sp.sqrt((n - 1) * n) * ChiMean(1 / sp.sqrt(c), n - 1)

LAW = Law(
    id="norm.out.peer_noise",
    version=1,
    title="Given its input an output is a monotone map of a noncentral t",
    parts=(
        Part("map", mapped, derivation=(
            Step("group", mapped.args[1], "the batch's mean and variance by those of the peers"),
        ), rivals=(
            Rival("B degrees", (B - 1) * T**2 / (T**2 + B * (B - 1)), "an off-by-one in the degrees of freedom",
                  near=True),
            Rival("t", T**2 / B, "as if the peers' statistics normalized"),
            Rival("outsider", T**2 / (B - 1), "an example that is none of the batch"),
            Rival("(B-1)(B-2)", (B - 1) * T**2 / (T**2 + (B - 1) * (B - 2)), "another off-by-one", near=True),
        )),
        Part("t_mean", t_mean, derivation=(
            Step("helmert", z * rotated, "the peers' mean and variance are independent; the mean has no bias"),
            Step("gamma integral", t_mean.args[1], "the mean of a noncentral t with n - 1 degrees at sqrt(n) z"),
        ), rivals=(
            Rival("no bias", z * sp.sqrt(n), "as if the peers' deviation were known"),
            Rival("n degrees", z * sp.sqrt(n) * sp.sqrt(n / 2) * GammaRatio(n / 2, -sp.S.Half), "the mean costs one",
                  near=True),
            Rival("sqrt(n+1)", t_mean.args[1] * sp.sqrt(n + 1) / sp.sqrt(n), "the batch for the peers", near=True),
        )),
        Part("t_square", t_square, derivation=(
            Step("helmert", (n - 1) * (z**2 + 1 / n) * n * ChiMean(1 / c, n - 1), "independent mean and variance"),
            Step("gamma integral", t_square.args[1], "of a noncentral t with n - 1 degrees at sqrt(n) z"),
        ), rivals=(
            Rival("no noise", n * z**2 * (n - 1) / (n - 3), "as if the peers' mean were known"),
            Rival("n degrees", (n * z**2 + 1) * n / (n - 2), "the mean costs one", near=True),
            Rival("n + 1", ((n + 1) * z**2 + 1) * (n - 1) / (n - 3), "the batch for the peers", near=True),
        )),
        Part("second_order", mean, derivation=(
            Step("moment", second_rhs.xreplace(folded), "independent peers: set partitions of up to four factors"),
            Step("definition", second_rhs, "the population's central moments"),
        ), rivals=(
            Rival("unbiased", y, "as if peers added noise and no bias"),
            Rival("B peers", second_rhs.xreplace({B: B + 1}), "the example is one of the batch", near=True),
            Rival("no skewness", second_rhs.xreplace({mu3: sp.S.Zero}), "as if the population were symmetric"),
            Rival("order 1/B", y + slope / B, "the leading terms, for every B", near=True),
        )),
        Part("drift", drift, derivation=(
            Step("series", drift.args[1], "to order 1/B, h = 1/B"),
        ), rivals=(
            Rival("Gaussian", y + h * (sp.Rational(3, 4) * y - y**3 / (2 * mu2)), "no skewness, no kurtosis"),
            Rival("no skewness", y + h * (slope - mu3 / (2 * mu2)), "as if the population were symmetric"),
            Rival("shrinkage", y + h * sp.Rational(3, 4) * y, "no cubic term"),
            Rival("mu4/mu2^2", y + h * (slope + sp.Rational(3, 8) * y), "kappa + 3 for kappa + 2", near=True),
        )),
        Part("spread", spread, derivation=(
            Step("moment", spread_rhs.xreplace(folded), "the mean's noise, the deviation's, and their covariance"),
            Step("definition", spread_rhs, "the population's central moments"),
        ), rivals=(
            Rival("mean alone", (B - 1) / B**2 * mu2, "additive noise only"),
            Rival("uncorrelated", (B - 1) / B**2 * (mu2 + (mu4 - mu2**2) / (4 * mu2**2) * y**2),
                  "as if mean and deviation were uncorrelated"),
            Rival("1/B", spread_rhs * B / (B - 1), "the limit of large batches", near=True),
            Rival("Gaussian", (B - 1) / B**2 * (mu2 + mu3 / mu2 * y + y**2 / 2), "no kurtosis", near=True),
        )),
    ),
    params=(
        Param(B, Integers(3), 8, "entries that share the statistics (BatchNorm: batch size times positions)",
              "one peer has no spread"),
        Param(T, Reals(), 2, "the example's distance from its peers' mean, times sqrt(B-1), in units of their unbiased "
              "standard deviation"),
        Param(z, Reals(), 1, "the input in units of the population's standard deviation, from its mean"),
        Param(n, Integers(4), 7, "number of peers, B - 1", "the mean square of T is infinite for n <= 3"),
        Param(y, Reals(), 1, "deviation of the input from the population mean"),
        Param(mu2, Reals(0, open=True), Fraction(1), "second central moment of the population"),
        Param(mu3, Reals(), Fraction(0), "third central moment of the population"),
        Param(mu4, Reals(0), Fraction(3), "fourth central moment of the population"),
        Param(h, Reals(0, 1, open=True), Fraction(1, 8), "1/B"),
        IID,
    ),
    exactness=Exactness.MODEL,
    assumptions=(
        Assumption("independent peers", "the peers are independent draws, and the example at hand is given"),
        Assumption("Gaussian", "for the moments of T: peers are Gaussian. The map holds for all data, the expansion "
                   "for every population with four moments"),
        Assumption("delta method", "second_order, drift and spread speak of a polynomial: the output, times the "
                   "population's standard deviation, to second (for spread first) order in the errors of mean and "
                   "variance; what it leaves out is of order 1/B^2 and not small below B of about 8"),
    ),
    sources=(
        Source("teye2018", note="outputs of BatchNorm as random variables given the input"),
        Source("batchlaws", read=True, note="the map and both orders are derived here"),
    ),
    where={T: Student(i), mu2: m2, mu3: m3, mu4: m4},
    headline="map",
    words=(
        "Fix an example and draw its peers: what is its normalized value? It is sqrt(B-1) T/sqrt(T^2 + B(B-2)), "
        "where T is the example's t-statistic against its peers, so for Gaussian data a monotone map of a "
        "noncentral t with B - 2 degrees of freedom at sqrt(B-1) z. For other data and large batches the output is "
        "z, plus a drift of order 1/B that pulls outliers in, plus noise of variance (1 + gamma z + (kappa + 2) "
        "z^2/4)/B: additive noise from the mean, multiplicative noise from the deviation, and their covariance, "
        "which skewness makes. People leave the multiplicative part out, though at z = 2 it is twice the other, or "
        "use the expansion at B = 4, where the exact law is bounded by sqrt(3)."
    ),
    answers={6: "Given its input an output is a map of a noncentral t; its variance is about (1 + (kappa+2)z^2/4)/B."},
)
