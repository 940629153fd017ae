"""What halving the batch does to the variance."""

import sympy as sp

from theory.domain import Constraint, Integers, Param
from theory.law import Exactness, Experiment, Law, Part, Rival, Source, Step
from theory.notation import B, BatchSum, ByDesign, E, N, PopMean, dg, g, gbar, sigma2
from theory.parameters import DESIGN, FITS, FROZEN, POPULATION, UNIFORM_BATCH

with sp.evaluate(False):
    ratio_wor = (2 * N - B) / (N - B)
statement = sp.Eq(E((BatchSum(g) / (B / 2) - gbar) ** 2, B / 2) / E((BatchSum(g) / B - gbar) ** 2, B),
                  ByDesign(ratio_wor, 2), evaluate=False)
half = ByDesign(2 * sigma2 / B * (N - B / 2) / (N - 1), 2 * sigma2 / B)
full = ByDesign(sigma2 / B * (N - B) / (N - 1), sigma2 / B)

LAW = Law(
    id="gradient.halving",
    version=1,
    title="Halving the batch more than doubles the variance",
    parts=(
        Part("ratio", statement, derivation=(
            Step("law:gradient.variance/variance", half / E((BatchSum(g) / B - gbar) ** 2, B),
                 "the variance law at B/2", where={B: B / 2}),
            Step("law:gradient.variance/variance", half / full, "the variance law at B"),
            Step("algebra", statement.args[1], "the per-example variance cancels"),
        ), rivals=(
            Rival("doubles", ByDesign(2, 2 * N / (N - 1)), "the popular factor 2, exact with replacement only"),
            Rival("2N/(N-B)", ByDesign(2 * N / (N - B), 2 + 1 / N), "a correction applied to one batch only",
                  near=True),
            Rival("sqrt 2", ByDesign(sp.sqrt(2), sp.sqrt(2)), "the ratio of standard deviations"),
        )),
    ),
    params=(POPULATION, Param(B, Integers(2), 4, "batch size before halving"), DESIGN),
    constraints=(
        FITS,
        Constraint(sp.Eq(sp.Mod(B, 2), 0), "B = {B} is not allowed: B must be even to be halved"),
        Constraint(B < N, "B = {B} is not allowed: at B = N = {N} the variance is zero and the ratio undefined", "wor"),
    ),
    exactness=Exactness.IDENTITY,
    assumptions=(UNIFORM_BATCH, FROZEN),
    uses=("gradient.variance",),
    sources=(Source("cochran1977", note="ratio of two sampling variances"),),
    where={sigma2: PopMean(dg**2)},
    words=(
        "Halve the batch and the gradient variance doubles, says the folklore. That is exact for independent draws. "
        "Without replacement the factor is (2N-B)/(N-B): above 2 always, 3 when the batch is half the data, and "
        "without bound as B approaches N, because the variance in the denominator goes to zero."
    ),
    answers={2: "'Halving doubles' is exact with replacement; without, the factor is 2 + B/(N-B)."},
    experiments=(
        Experiment("batch_halving", grid={"B": (2, 4, 6)}, fixed={"population": "ints:8:skewed", "design": "wor"},
                   times=sp.Symbol("V_B")),
        Experiment("batch_halving", grid={"B": (4,)}, fixed={"population": "ints:8:skewed", "design": "wr"},
                   times=sp.Symbol("V_B")),
        Experiment("enumerate", channel="network", grid={"population": (
            "digits8:gradient:coordinate:30", "digits8:gradient:direction:0")}),
    ),
)
