"""Error of the batch mean inside a normalization layer."""

from fractions import Fraction

import sympy as sp

from theory.law import Exactness, Experiment, Law, Part, Rival, Source, Step
from theory.notation import (
    B,
    BatchSum,
    ByDesign,
    E,
    N,
    PopMean,
    cov_uv,
    du,
    dv,
    dx,
    mu,
    sigma2,
    u,
    ubar,
    v,
    vbar,
    x,
)
from theory.parameters import BATCH, DESIGN, FITS, POPULATION, UNIFORM_BATCH, VARIANCE

with sp.evaluate(False):
    wor = (sigma2 / B) * ((N - B) / (N - 1))
statement = sp.Eq(E((BatchSum(x) / B - mu) ** 2, B), ByDesign(wor, sigma2 / B), evaluate=False)

LAW = Law(
    id="norm.stat.mean_error",
    version=1,
    title="Error of the mean that BatchNorm subtracts",
    parts=(
        Part("error", statement, derivation=(
            Step("law:sampling.bilinear/second", ByDesign(
                PopMean(dx**2) * (N - B) / (B * (N - 1)), PopMean(dx**2) / B), "the bilinear lemma with u = v = x",
                where={u: x, v: x, ubar: mu, vbar: mu, cov_uv: PopMean(dx**2), du: dx, dv: dx}),
            Step("definition", statement.args[1], "sigma^2 with divisor N"),
        ), rivals=(
            Rival("no correction", ByDesign(sigma2 / B, sigma2 / B * (N - B) / (N - 1)),
                  "an epoch's shuffle draws without replacement"),
            Rival("(N-B)/N", ByDesign(sigma2 / B * (N - B) / N, sigma2 * N / (B * (N + 1))),
                  "the correction for the other divisor", near=True),
            Rival("B+1", ByDesign(sigma2 * (N - B) / ((B + 1) * (N - 1)), sigma2 / (B + 1)), "an off-by-one",
                  near=True),
        )),
    ),
    params=(POPULATION, BATCH, VARIANCE, DESIGN),
    constraints=(FITS,),
    exactness=Exactness.DISTRIBUTION_FREE,
    assumptions=(UNIFORM_BATCH,),
    uses=("sampling.bilinear",),
    sources=(Source("cochran1977", note="variance of the mean of a simple random sample"),),
    where={sigma2: PopMean(dx**2)},
    words=(
        "The mean that BatchNorm subtracts is a sample mean: its squared error is sigma^2/B for independent samples "
        "and smaller by (N-B)/(N-1) within an epoch. At B = 2 it is off by 0.7 standard deviations, typically; at "
        "B = 32 still by 0.18."
    ),
    answers={6: "The batch mean is off by sigma/sqrt(B), times the finite-population correction."},
    experiments=(
        Experiment("batch_mean_moment", grid={"B": (2, 8), "design": ("wor", "wr")},
                   fixed={"population": "ints:12:outlier", "order": 2}),
        Experiment("batch_mean_moment", channel="network", grid={"B": (2,), "population": (
            "digits:preactivation:0", "digits:preactivation:3")}, fixed={"order": 2, "design": "wor"},
            delta=Fraction(1, 10)),
        Experiment("batch_mean_moment", channel="network", grid={"B": (32, 512), "population": (
            "digits:preactivation:0", "digits:preactivation:3")}, fixed={"order": 2, "design": "wor"},
            delta=Fraction(1, 10), profile="standard"),
    ),
)
