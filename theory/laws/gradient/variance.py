"""Variance of the mini-batch gradient, with and without replacement."""

from fractions import Fraction

import sympy as sp

from theory.domain import Integers, Param, Reals
from theory.law import Assumption, Exactness, Experiment, Law, Part, Rival, Source, Step
from theory.notation import (
    B,
    BatchSum,
    ByDesign,
    E,
    N,
    PopMean,
    cov_uv,
    dg,
    du,
    dv,
    g,
    gbar,
    sigma2,
    u,
    ubar,
    v,
    vbar,
)
from theory.parameters import DESIGN, FITS, FROZEN, UNIFORM_BATCH

with sp.evaluate(False):
    wor = (sigma2 / B) * ((N - B) / (N - 1))
    wr = sigma2 / B
    second_moment = (PopMean(dg**2) / B) * ((N - B) / (N - 1))
statement = sp.Eq(E((BatchSum(g) / B - gbar) ** 2, B), ByDesign(wor, wr), evaluate=False)

LAW = Law(
    id="gradient.variance",
    version=1,
    title="Variance of the mini-batch gradient",
    parts=(
        Part("variance", statement, derivation=(
            Step("law:sampling.bilinear/second", ByDesign(second_moment, PopMean(dg**2) / B),
                 "the bilinear lemma with u = v = g",
                 where={u: g, v: g, ubar: gbar, vbar: gbar, cov_uv: PopMean(dg**2), du: dg, dv: dg}),
            Step("definition", statement.args[1], "sigma^2 is the per-example variance with divisor N"),
        ), rivals=(
            Rival("1/B without correction", ByDesign(sigma2 / B, sigma2 / B * (N - B) / (N - 1)),
                  "the popular 1/B; wrong by (N-B)/(N-1), without bound as B approaches N"),
            Rival("(N-B)/N", ByDesign(sigma2 / B * (N - B) / N, sigma2 / (B + sp.Rational(1, 10))),
                  "the right correction for the variance with divisor N-1, here with the wrong one", near=True),
            Rival("B-1 for B", ByDesign(sigma2 * (N - B) / ((B + 1) * (N - 1)), sigma2 / (B + 1)),
                  "Bessel's correction where none belongs", near=True),
            Rival("standard deviation rate", ByDesign(sigma2 / sp.sqrt(B) * (N - B) / (N - 1), sigma2 / sp.sqrt(B)),
                  "1/sqrt(B) is how the standard deviation falls, not the variance"),
        )),
    ),
    params=(
        Param(N, Integers(2), 1797, "population size: examples the batches are drawn from"),
        Param(B, Integers(1), 32, "batch size"),
        Param(sigma2, Reals(0), Fraction(1), "per-example variance of the gradient (a coordinate, a direction, or the "
              "trace), divisor N"),
        DESIGN,
    ),
    constraints=(
        FITS,
    ),
    exactness=Exactness.IDENTITY,
    assumptions=(
        UNIFORM_BATCH,
        FROZEN,
        Assumption("mean loss", "the batch gradient is a mean; for a sum over the batch multiply by B^2"),
    ),
    uses=("sampling.bilinear",),
    sources=(Source("cochran1977", note="variance of the mean of a simple random sample"),),
    where={sigma2: PopMean(dg**2)},
    words=(
        "How noisy is the gradient of a mini-batch? Its variance is the per-example variance divided by B, times "
        "(N-B)/(N-1) when the batch is drawn without replacement, as an epoch does. The same number holds for every "
        "coordinate, every direction and the trace, so for the whole covariance matrix. It matters as soon as the "
        "batch is more than a few percent of the data: at B = N the noise is exactly zero, where 1/B still promises "
        "sigma^2/N."
    ),
    answers={2: "Inversely proportional to B exactly with replacement; without, times (N-B)/(N-1)."},
    experiments=(
        Experiment("batch_mean_moment", grid={"B": (1, 2, 4, 8), "design": ("wor", "wr")},
                   fixed={"population": "ints:12:skewed", "order": 2}),
        Experiment("batch_mean_trace", channel="network", grid={"B": (1, 4, 16, 64, 256, 1024, 1797)},
                   fixed={"population": "digits:gradient:all", "design": "wor"}, delta=Fraction(1, 10),
                   profile="standard"),
        Experiment("batch_mean_moment", channel="network", grid={
            "B": (1, 4, 16, 64, 256, 1024, 1797),
            "population": tuple(f"digits:gradient:direction:{k}" for k in range(3))},
            fixed={"order": 2, "design": "wor"}, delta=Fraction(1, 10), profile="standard"),
        Experiment("enumerate", channel="network", grid={"population": (
            "digits8:gradient:coordinate:30", "digits8:gradient:coordinate:31", "digits8:gradient:direction:0",
            "digits8:gradient:direction:1")}),
    ),
)
