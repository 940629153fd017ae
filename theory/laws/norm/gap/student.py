"""A fresh point normalized by the statistics of a small training set."""

import sympy as sp

from theory.domain import Integers, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.chi import ChiMean, GaussianMean, c, fidelity
from theory.nodes.gammas import GammaRatio
from theory.nodes.running import FreshPoint, point
from theory.notation import m, mu, n, s, sigma
from theory.parameters import IID

fresh = (sigma * point + mu - m) / s
inverse = sp.sqrt(n / 2) * GammaRatio((n - 1) / 2, -sp.S.Half)
square = FreshPoint(GaussianMean(fresh**2, n))
error = FreshPoint(GaussianMean((fresh - point) ** 2, n))
overlap = FreshPoint(GaussianMean(fresh * point, n))
with sp.evaluate(False):
    error_rhs = (n + 1) / (n - 3) + 1 - 2 * inverse
output = sp.Eq(square, (n + 1) / (n - 3), evaluate=False)
distance = sp.Eq(error, error_rhs, evaluate=False)
along = sp.Eq(overlap, inverse, evaluate=False)

LAW = Law(
    id="norm.gap.student",
    version=1,
    title="A fresh point normalized by few training points has Student's heavy tails",
    parts=(
        Part("output", output, derivation=(
            Step("fresh point", sigma**2 * GaussianMean(1 / s**2, n) + GaussianMean((mu - m) ** 2 / s**2, n),
                 "the point is independent of the statistics"),
            Step("helmert", (n + 1) * ChiMean(1 / c, n - 1), "mean and deviation are independent"),
            Step("gamma integral", output.args[1], "finite from n = 4 on"),
        ), rivals=(
            Rival("one", sp.S.One, "the second moment in training"),
            Rival("exact mean", n / (n - 3), "the training mean is wrong too", near=True),
            Rival("unbiased variance", (n**2 - 1) / (n * (n - 3)), "divided by the unbiased variance", near=True),
            Rival("n-2", (n + 1) / (n - 2), "one degree of freedom more"),
        )),
        Part("along", along, derivation=(
            Step("fresh point", sigma * GaussianMean(1 / s, n), "the point is independent of the statistics"),
            Step("helmert", sp.sqrt(n) * ChiMean(1 / sp.sqrt(c), n - 1), "a sum of n - 1 squares"),
            Step("gamma integral", inverse, "the power -1/2"),
        ), rivals=(
            Rival("one", sp.S.One, "as if the deviation were the population's"),
            Rival("inverse of the mean", 1 / fidelity(n), "Jensen's lower bound"),
            Rival("fidelity", fidelity(n), "the overlap in training", near=True),
        )),
        Part("error", distance, derivation=(
            Step("fresh point", sigma**2 * GaussianMean(1 / s**2, n) + GaussianMean((mu - m) ** 2 / s**2, n)
                 - 2 * sigma * GaussianMean(1 / s, n) + 1, "the point has mean 0 and variance 1"),
            Step("helmert", (n + 1) * ChiMean(1 / c, n - 1) - 2 * sp.sqrt(n) * ChiMean(1 / sp.sqrt(c), n - 1) + 1,
                 "mean and deviation are independent"),
            Step("gamma integral", error_rhs, "both moments"),
        ), rivals=(
            Rival("as in training", 2 * (1 - fidelity(n)), "the gap of a point that is among the n"),
            Rival("3/(2n)", sp.Rational(3, 2) / n, "the leading term for large n"),
            Rival("exact mean", n / (n - 3) + 1 - 2 * inverse, "the training mean is wrong too", near=True),
            Rival("n degrees", (n + 1) / (n - 2) + 1 - 2 * sp.sqrt(n / 2) * GammaRatio(n / 2, -sp.S.Half),
                  "the mean costs one"),
        )),
    ),
    params=(
        Param(n, Integers(4), 8, "training points whose statistics normalize the fresh point",
              "the mean square is infinite for n <= 3: E[1/s^2] does not exist"),
        Param(sigma, Reals(0, open=True), 1, "population standard deviation"),
        Param(mu, Reals(), 0, "population mean"),
        IID,
    ),
    exactness=Exactness.MODEL,
    assumptions=(
        Assumption("Gaussian", "training points and fresh point are independent Gaussians of one law; eps = 0"),
    ),
    sources=(
        Source("student1908", note="the law of the normalized mean"),
        Source("batchlaws", read=True, note="the reading for normalization by a training set, derived here"),
    ),
    headline="error",
    words=(
        "Normalize a new point by mean and standard deviation of n training points: sqrt((n-1)/(n+1)) times the result "
        "is Student's t with n - 1 degrees of freedom. Points of the training set never leave |x| <= sqrt(n - 1); a "
        "new one has polynomial tails. Its mean square is (n+1)/(n-3) where training shows 1, and its mean squared "
        "distance from the true value is infinite up to n = 3, 0.393 at n = 8, twice the 0.195 of a training point, "
        "and like 3/(2n) for large n. This is where scarce data hurt batch statistics: not in training, where all "
        "looks bounded, but on the first new example. Statistics of the sample itself have no such step."
    ),
    answers={9: "Statistics of n training points on a new point: infinite mean square error up to n = 3, twice the "
                "training gap at n = 8; per-sample statistics have none of it."},
)
