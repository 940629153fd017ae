"""The noise of a batch as large as the data."""

import sympy as sp

from theory.law import Exactness, Experiment, Law, Part, Rival, Source, Step
from theory.notation import B, BatchSum, ByDesign, E, N, PopMean, dg, g, gbar, sigma2
from theory.parameters import DESIGN, FROZEN, POPULATION, UNIFORM_BATCH, VARIANCE

statement = sp.Eq(E((BatchSum(g) / N - gbar) ** 2, N), ByDesign(sp.S.Zero, sigma2 / N), evaluate=False)

LAW = Law(
    id="gradient.fullbatch",
    version=1,
    title="A batch of N examples is noise-free only without replacement",
    parts=(
        Part("variance", statement, derivation=(
            Step("law:gradient.variance/variance", ByDesign(sigma2 / N * (N - N) / (N - 1), sigma2 / N),
                 "the variance law at B = N", where={B: N}),
            Step("algebra", statement.args[1], "the correction (N-B)/(N-1) vanishes"),
        ), rivals=(
            Rival("sigma2/N", ByDesign(sigma2 / N, sigma2 / (N - 1)), "1/B continued to B = N"),
            Rival("zero with replacement", ByDesign(sigma2 / N**2, sp.S.Zero),
                  "N draws with replacement do not see every example"),
            Rival("N+1", ByDesign(sigma2 / (N * (N - 1)), sigma2 / (N + 1)), "an off-by-one", near=True),
        )),
    ),
    params=(POPULATION, VARIANCE, DESIGN),
    exactness=Exactness.IDENTITY,
    assumptions=(UNIFORM_BATCH, FROZEN),
    uses=("gradient.variance",),
    sources=(Source("cochran1977", note="finite-population correction"),),
    where={sigma2: PopMean(dg**2)},
    words=(
        "Take as many examples as there are. Drawn without replacement, they are the data set and the noise is exactly "
        "zero. Drawn with replacement, about a third of the examples is missing and the variance is sigma^2/N."
    ),
    answers={2: "At B = N the noise is exactly zero without replacement, sigma^2/N with."},
    experiments=(
        Experiment("batch_mean_moment", grid={"design": ("wor", "wr")},
                   fixed={"population": "ints:12:skewed", "order": 2, "B": 12}),
        Experiment("enumerate", channel="network", grid={"population": (
            "digits8:gradient:coordinate:30", "digits8:gradient:direction:0")},
            fixed={"sizes": (8,), "designs": ("wor",)}),
    ),
)
