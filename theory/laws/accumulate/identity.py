"""Gradient accumulation equals the large batch only with size weights."""

import sympy as sp

from theory.domain import Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.notation import PopMean, cov_uv, du, dv, u, ubar, v, vbar

statement = sp.Eq(PopMean(u * v) / PopMean(u), vbar + cov_uv / ubar, evaluate=False)

LAW = Law(
    id="accumulate.identity",
    version=1,
    title="Accumulating unequal micro-batches is off by a covariance",
    parts=(
        Part("mean", statement, derivation=(
            Step("center", (PopMean(du * dv) + ubar * vbar) / ubar,
                 "size u_j and mean gradient v_j as mean plus deviation"),
            Step("definition", statement.args[1], "the covariance of sizes and gradients over micro-batches"),
        ), rivals=(
            Rival("mean of means", vbar, "what averaging the micro-batch means gives"),
            Rival("minus", vbar - cov_uv / ubar, "a sign"),
            Rival("unscaled covariance", vbar + cov_uv, "sizes in examples, not in units of their mean", near=True),
        )),
    ),
    params=(
        Param(ubar, Reals(0, open=True), 4, "mean size of the micro-batches"),
        Param(vbar, Reals(), 1, "mean of the micro-batch mean gradients"),
        Param(cov_uv, Reals(), 0, "covariance of size and mean gradient over the micro-batches, divisor their number"),
    ),
    exactness=Exactness.IDENTITY,
    assumptions=(
        Assumption("sizes and means",
                   "u_j is the size of micro-batch j, v_j its mean gradient; the left side is the mean "
                   "gradient of all examples together"),
    ),
    sources=(Source("batchlaws", read=True, note="derived here; the bug is known from token-weighted losses"),),
    where={cov_uv: PopMean(du * dv), ubar: PopMean(u), vbar: PopMean(v)},
    words=(
        "Split a batch into micro-batches, average each, average the averages: that is the batch's gradient only if "
        "all "
        "micro-batches have the same size. Otherwise it is off by the covariance of size and gradient over the mean "
        "size. With sequences of unequal length the size is the number of tokens, and long sequences are underweighted."
    ),
    answers={1: "Accumulation reproduces the large batch exactly when micro-batches are weighted by size."},
)
