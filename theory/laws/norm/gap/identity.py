"""The master identity: batch-normalized against population-normalized activations."""

from fractions import Fraction

import sympy as sp

from theory.domain import Constraint, Integers, Param, Reals
from theory.law import Assumption, Exactness, Experiment, Law, Part, Rival, Source, Step
from theory.notation import B, BatchSum, E, PopMean, eps, m, mu, r, s, sigma, sigma_hat, x
from theory.parameters import DESIGN, FITS, POPULATION

normalized, reference = (x - m) / s, (x - mu) / sigma
regularized = (x - m) / r
with sp.evaluate(False):
    batch_rhs = (1 - s / sigma) ** 2 + ((m - mu) / sigma) ** 2
    eps_rhs = s**2 * (1 / r - 1 / sigma) ** 2 + ((m - mu) / sigma) ** 2
batch = sp.Eq(BatchSum((normalized - reference) ** 2) / B, batch_rhs, evaluate=False)
batch_eps = sp.Eq(BatchSum((regularized - reference) ** 2) / B, eps_rhs, evaluate=False)
batch_product = sp.Eq(BatchSum((x - m) * (x - mu)) / (B * s * sigma), s / sigma, evaluate=False)
expected = sp.Eq(E(BatchSum((normalized - reference) ** 2) / B, B), 2 * (1 - sigma_hat / sigma), evaluate=False)
correlation = sp.Eq(E(BatchSum((x - m) * (x - mu)) / (B * s * sigma), B), sigma_hat / sigma, evaluate=False)
BATCH_SUMS = {BatchSum(x): B * m, BatchSum(x**2): B * (s**2 + m**2)}


def expanded(root: sp.Expr) -> sp.Expr:
    """Sum of squared differences after multiplying out, `root` the divisor of the layer."""
    a, c = 1 / root - 1 / sigma, mu / sigma - m / root
    return (a**2 * BatchSum(x**2) + 2 * a * c * BatchSum(x) + c**2 * B) / B


def collected(root: sp.Expr) -> sp.Expr:
    """The same with the batch's own mean and variance inserted."""
    a, c = 1 / root - 1 / sigma, mu / sigma - m / root
    return a**2 * (s**2 + m**2) + 2 * a * c * m + c**2


LAW = Law(
    id="norm.gap.identity",
    version=1,
    title="The gap between batch and population normalization",
    parts=(
        Part("batch", batch, derivation=(
            Step("sum", expanded(s), "multiply out; the sum runs over the batch"),
            Step("definition", collected(s), "sum x = B m, sum x^2 = B (s^2 + m^2)", where=BATCH_SUMS),
            Step("algebra", batch_rhs, "collect the two squares"),
        ), rivals=(
            Rival("no mean term", (1 - s / sigma) ** 2, "the batch mean is wrong too"),
            Rival("linear", (1 - s**2 / sigma**2) ** 2 + ((m - mu) / sigma) ** 2, "variances for standard deviations"),
            Rival("own scale", (1 - s / sigma) ** 2 + ((m - mu) / s) ** 2, "the mean error is in population units",
                  near=True),
        )),
        Part("batch_eps", batch_eps, derivation=(
            Step("sum", expanded(r), "the same with the regularized root"),
            Step("definition", collected(r), "the batch's own mean and variance", where=BATCH_SUMS),
            Step("algebra", eps_rhs, "collect"),
        ), rivals=(
            Rival("eps ignored", batch_rhs, "eps shrinks the output"),
            Rival("root for variance", r**2 * (1 / r - 1 / sigma) ** 2 + ((m - mu) / sigma) ** 2,
                  "the spread of the batch is s, not its regularized root", near=True),
            Rival("no mean term", s**2 * (1 / r - 1 / sigma) ** 2, "the batch mean is wrong too"),
        )),
        Part("batch_product", batch_product, derivation=(
            Step("sum", (BatchSum(x**2) - (m + mu) * BatchSum(x) + m * mu * B) / (B * s * sigma), "multiply out"),
            Step("definition", s**2 / (s * sigma), "the batch's own mean and variance", where=BATCH_SUMS),
            Step("algebra", s / sigma, "cancel"),
        ), rivals=(
            Rival("one", sp.S.One, "batch-normalized activations are not the population-normalized ones"),
            Rival("inverse", sigma / s, "upside down"),
            Rival("square", s**2 / sigma**2, "variances for standard deviations", near=True),
        )),
        Part("expected", expected, derivation=(
            Step("law:/batch", E(batch_rhs, B), "the identity, batch by batch"),
            Step("moment", 1 - 2 * E(s, B) / sigma + sigma**2 / sigma**2,
                 "E[s^2 + (m - mu)^2] is the second moment of one example, whatever the design"),
            Step("definition", 2 * (1 - sigma_hat / sigma), "sigma_hat = E[s]"),
        ), rivals=(
            Rival("3/(2B)", sp.Rational(3, 2) / B, "the large-batch Gaussian value"),
            Rival("one minus square", 1 - sigma_hat**2 / sigma**2, "a variance share, not the gap"),
            Rival("half", 1 - sigma_hat / sigma, "forgets that both terms contribute", near=True),
            Rival("1/B", 1 / B, "the mean's share alone"),
        )),
        Part("correlation", correlation, derivation=(
            Step("law:/batch_product", E(s / sigma, B), "batch by batch"),
            Step("linearity", E(s, B) / sigma, "sigma is a constant"),
            Step("definition", sigma_hat / sigma, "sigma_hat = E[s]"),
        ), rivals=(
            Rival("one", sp.S.One, "only for the population's own statistics"),
            Rival("square", (sigma_hat / sigma) ** 2, "the square of the correlation", near=True),
            Rival("(B-1)/B", (B - 1) / B, "the bias of the variance, not of the standard deviation"),
        )),
    ),
    params=(
        POPULATION,
        Param(B, Integers(2), 8, "batch size", "one example has no batch standard deviation"),
        Param(sigma, Reals(0, open=True), 1, "population standard deviation"),
        Param(sigma_hat, Reals(0), Fraction(9, 10), "expected batch standard deviation E[sigma_hat]"),
        Param(eps, Reals(0, open=True), Fraction(1, 1000), "regularizer under the root"),
        DESIGN,
    ),
    constraints=(
        FITS,
        Constraint(sigma_hat <= sigma, "sigma_hat = {sigma_hat} exceeds sigma = {sigma}: E[sigma_hat] <= sigma "
                   "(Jensen)"),
    ),
    exactness=Exactness.IDENTITY,
    assumptions=(
        Assumption("common law", "the examples share mean and standard deviation; any dependence is allowed"),
        Assumption("spread", "every batch has a positive standard deviation (or eps > 0)"),
    ),
    sources=(Source("batchlaws", read=True, note="derived here; no earlier statement is known to us"),),
    where={PopMean(x): mu, PopMean(x**2): sigma**2 + mu**2, sigma_hat: E(s, B)},
    headline="expected",
    words=(
        "Normalize an activation with the batch's statistics, or with the population's: how far apart are the results? "
        "For every single batch the mean squared gap is the squared relative error of the standard deviation plus the "
        "squared error of the mean. On average it is 2(1 - E[s]/sigma), exactly, for any data. Perfect running "
        "averages do not close this gap: it is there because training uses s and inference sigma."
    ),
    answers={6: "The train/inference gap is 2(1 - E[s]/sigma) even with perfect running averages."},
    experiments=(
        Experiment("normalized_gap", part="expected", grid={"B": (2, 3, 5)},
                   fixed={"population": "ints:8:even", "design": "wor"}, delta=Fraction(1, 40)),
        Experiment("enumerate", part="expected", channel="network", fixed={
            "population": "digits8:preactivation:0", "sizes": (2, 3, 8), "designs": ("wor",)}),
    ),
)
