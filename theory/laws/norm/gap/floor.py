"""How small the gap can be, whatever the data; and what becomes of it where a batch may have no spread."""

import sympy as sp

from theory.domain import Param, Reals
from theory.law import Assumption, Exactness, Experiment, Law, Part, Rival, Source, Step
from theory.nodes.unit import BATCH_OF_UNIT, BELOW_SIGMA, MOMENTS, SIGMA, SIGMA_HAT, square_share
from theory.nodes.unspread import DEVIATION, Filled, Flat
from theory.nodes.unspread import deviation as s
from theory.notation import B, BatchSum, ByDesign, E, N, m, mu, sigma, sigma_hat, x
from theory.parameters import DESIGN, FITS, FROZEN, POPULATION, UNIFORM_BATCH

p = sp.Symbol("p", nonnegative=True)
reference = (x - mu) / sigma
flat = Flat(s)
filled_gap = BatchSum((Filled(x - m, s) - reference) ** 2) / B
share = ByDesign(square_share(B), (B - 1) / B)
root = ByDesign(sp.sqrt(square_share(B) * sigma**2), sp.sqrt((B - 1) / B * sigma**2))
with sp.evaluate(False):
    batch_rhs = (1 - s / sigma) ** 2 + ((m - mu) / sigma) ** 2 - flat
    expected_rhs = 2 - p - 2 * sigma_hat / sigma
    jensen_rhs = 2 - p - 2 * root / sigma
batch = sp.Eq(filled_gap, batch_rhs, evaluate=False)
expected = sp.Eq(E(filled_gap, B), expected_rhs, evaluate=False)
jensen = sp.Ge(E(filled_gap, B), jensen_rhs, evaluate=False)
of_mean = ByDesign((N - B) / (B * (N - 1)), 1 / B)
first_square, second_square = ((1 - flat) * (1 - s / sigma)) ** 2, ((m - mu) / sigma) ** 2
squares_rhs = first_square + second_square
squares = sp.Eq(filled_gap, squares_rhs, evaluate=False)
mean_share = sp.Ge(E(filled_gap, B), of_mean, evaluate=False)

LAW = Law(
    id="norm.gap.floor",
    version=1,
    title="The gap where batches may have no spread, and its lower bounds for any data",
    parts=(
        Part("batch", batch, derivation=(
            Step("flat or not", batch_rhs, "a batch with spread as in norm.gap.identity; without, the outputs are zero "
                 "and the gap is the squared error of the mean"),
        ), rivals=(
            Rival("as with spread", (1 - s / sigma) ** 2 + ((m - mu) / sigma) ** 2, "a batch without spread has no "
                  "outputs to be off by"),
            Rival("plus", (1 - s / sigma) ** 2 + ((m - mu) / sigma) ** 2 + flat, "a sign"),
            Rival("twice", (1 - s / sigma) ** 2 + ((m - mu) / sigma) ** 2 - 2 * flat, "a factor", near=True),
        )),
        Part("expected", expected, derivation=(
            Step("law:/batch", E(batch_rhs, B), "batch by batch"),
            Step("flat means", 2 - E(flat, B) - 2 * E(s, B) / sigma,
                 "E[s^2 + (m - mu)^2] is the variance of one example"),
            Step("definition", expected_rhs, "p is the share of batches without spread, sigma_hat = E[s]"),
        ), rivals=(
            Rival("p ignored", 2 - 2 * sigma_hat / sigma, "right where every batch has spread", near=True),
            Rival("2p", 2 - 2 * p - 2 * sigma_hat / sigma, "a factor"),
            Rival("conditional", (2 - 2 * sigma_hat / sigma) * (1 - p), "as if flat batches had no gap"),
        )),
        Part("lower", jensen, derivation=(
            Step("law:/expected", 2 - p - 2 * E(s, B) / sigma, "the gap"),
            Step("root mean square", jensen_rhs, "E[s] <= sqrt(E[s^2])", where={"second": share * sigma**2}),
        ), rivals=(
            Rival("no p", 2 - 2 * root / sigma, "flat batches lower the gap", near=True),
            Rival("1/B", 1 / B, "for independent draws with spread only"),
            Rival("Gaussian", sp.Rational(3, 2) / B, "the large-batch Gaussian value"),
        )),
        Part("squares", squares, derivation=(
            Step("flat or not", squares_rhs, "without spread the first square is zero"),
        ), rivals=(
            Rival("one square", ((1 - flat) * (1 - s / sigma)) ** 2, "the batch mean is wrong too"),
            Rival("as with spread", (1 - s / sigma) ** 2 + ((m - mu) / sigma) ** 2, "a batch without spread has no "
                  "outputs to be off by", near=True),
            Rival("all flat", (1 - s / sigma) ** 2 + ((1 - flat) * (m - mu) / sigma) ** 2, "the mean of a flat batch "
                  "counts", near=True),
        )),
        Part("of_mean", mean_share, derivation=(
            Step("law:/squares", E(squares_rhs, B), "two squares, batch by batch"),
            Step("in every batch", E(second_square, B), "the first square is dropped",
                 where={"difference": first_square}),
            Step("moment", of_mean, "the variance of the batch mean"),
        ), rivals=(
            Rival("Gaussian", sp.Rational(3, 2) * of_mean, "the large-batch Gaussian value"),
            Rival("one percent", sp.Rational(101, 100) * of_mean, "no larger multiple holds", near=True),
            Rival("p more", of_mean + p, "flat batches have a gap, the error of their mean, but no more"),
        )),
    ),
    params=(
        POPULATION, BATCH_OF_UNIT, SIGMA, SIGMA_HAT,
        Param(p, Reals(0, 1), 0, "share of the batches that have no spread, all their examples being equal"),
        DESIGN,
    ),
    constraints=(FITS, BELOW_SIGMA),
    exactness=Exactness.DISTRIBUTION_FREE,
    assumptions=(
        Assumption("zero where flat", "a batch without spread has outputs 0, as any regularizer makes them"),
        UNIFORM_BATCH, FROZEN,
    ),
    sources=(Source("batchlaws", read=True, note="derived here; no earlier statement is known to us"),),
    where={**MOMENTS, sigma_hat: E(s, B), s: DEVIATION, p: E(flat, B)},
    headline="expected",
    words=(
        "Activations with atoms, after a rectifier say, give batches in which all examples are equal: their standard "
        "deviation is zero, and any regularizer makes their outputs zero. With p the share of such batches the mean "
        "squared gap is 2 - p - 2 E[s]/sigma. Since E[s] is at most the root of E[s^2], the gap is at least 2 - p - 2 "
        "sqrt(E[s^2])/sigma for any data: for independent draws with spread 2(1 - sqrt(1 - 1/B)). Flat batches or not, "
        "it is at least Var(m)/sigma^2, 1/B for independent draws, what the batch mean alone costs; the gap is exactly "
        "that where every batch with spread has the deviation sigma, as for pairs from two equally frequent values. "
        "The formula of batches with spread charges every flat one by 1 too much."
    ),
    answers={6: "The gap is at least 1/B for independent draws from any law, and 2(1 - sqrt(1 - 1/B)) without atoms."},
    experiments=(
        Experiment("enumerate", part="expected", channel="network", fixed={
            "population": "digits8:preactivation:0", "sizes": (2, 3, 8), "designs": ("wor",)}),
    ),
)
