"""Covariance of weighted sums under any exchangeable random weights."""

from fractions import Fraction

import sympy as sp

from theory.domain import Param, Reals
from theory.law import Assumption, Exactness, Experiment, Law, Part, Rival, Source, Step
from theory.notation import (
    B,
    E,
    N,
    PopMean,
    WeightedSum,
    cov_uv,
    u,
    ubar,
    v,
    vbar,
    w_cov,
    w_mean,
    w_sumvar,
    w_var,
)
from theory.parameters import POPULATION

statement = sp.Eq(
    E((WeightedSum(u) - N * w_mean * ubar) * (WeightedSum(v) - N * w_mean * vbar), B),
    (w_var - w_cov) * N * cov_uv + w_sumvar * ubar * vbar, evaluate=False)

LAW = Law(
    id="sampling.exchangeable",
    version=1,
    title="Exchangeable weights add noise along the covariance and along the mean",
    parts=(
        Part("covariance", statement, derivation=(
            Step("moment", w_var * N * PopMean(u * v) + w_cov * (N**2 * PopMean(u) * PopMean(v) - N * PopMean(u * v)),
                 "Var of the weight on the N diagonal pairs, Cov of two weights on the N(N-1) others"),
            Step("algebra", (w_var - w_cov) * N * (PopMean(u * v) - PopMean(u) * PopMean(v))
                 + (N * w_var + N * (N - 1) * w_cov) * PopMean(u) * PopMean(v),
                 "split off the population covariance"),
            Step("moment", statement.args[1], "the variance of the sum of the weights is N v + N(N-1) c"),
        ), rivals=(
            Rival("no mean term", (w_var - w_cov) * N * cov_uv,
                  "noise does not vanish with the spread of the data when the total weight is random"),
            Rival("v for v-c", w_var * N * cov_uv + w_sumvar * ubar * vbar,
                  "weights that compete for places are correlated", near=True),
            Rival("N-1 for N", (w_var - w_cov) * (N - 1) * cov_uv + w_sumvar * ubar * vbar,
                  "the divisor of the covariance is N here", near=True),
        )),
    ),
    params=(
        POPULATION,
        Param(w_var, Reals(0), Fraction(1, 4), "variance of one weight"),
        Param(w_cov, Reals(), Fraction(-1, 20), "covariance of two weights"),
        Param(w_sumvar, Reals(0), Fraction(1), "variance of the sum of the weights"),
        Param(cov_uv, Reals(), Fraction(1), "population covariance of u and v, divisor N"),
        Param(ubar, Reals(), Fraction(1), "population mean of u"),
        Param(vbar, Reals(), Fraction(1), "population mean of v"),
    ),
    exactness=Exactness.IDENTITY,
    assumptions=(
        Assumption("exchangeable weights", "any two weights have the same joint second moments"),
        Assumption("independent weights", "the weights do not depend on u and v"),
    ),
    sources=(Source("batchlaws", read=True, note="derived here; special cases are classical survey sampling"),),
    where={
        cov_uv: PopMean(u * v) - PopMean(u) * PopMean(v),
        ubar: PopMean(u),
        vbar: PopMean(v),
        w_sumvar: E((WeightedSum(1) - N * w_mean) ** 2, B),
    },
    words=(
        "Weight every example by a random number, exchangeable between examples: a batch indicator, a Poisson coin, a "
        "bootstrap count, a batch of random size. The noise of the weighted sum has two parts: one proportional to the "
        "covariance of the data, one to the square of its mean. People forget the second: it is there whenever the "
        "total weight is random, even if all examples agree."
    ),
    answers={2: "Batches of random size add noise along the mean gradient itself."},
    experiments=(
        Experiment("weighted_sum", grid={"Bmax": (2, 5)}, fixed={"population": "ints:8:even"}),
        Experiment("enumerate", channel="network", fixed={
            "population": "digits8:gradient:coordinate:30", "population_v": "digits8:gradient:coordinate:31",
            "sizes": (1,)}),
    ),
)
