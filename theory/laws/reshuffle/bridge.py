"""The summed noise of an epoch is a discrete Brownian bridge."""

import sympy as sp

from theory.domain import Constraint, Integers, Param
from theory.law import Assumption, Exactness, Experiment, Law, Part, Rival, Source, Step
from theory.notation import B, BatchSum, E, N, PopMean, dg, g, gbar, sigma2, t
from theory.parameters import BATCH, FITS, FROZEN, POPULATION, VARIANCE

with sp.evaluate(False):
    closed = t * (N / B - t) / (N - 1) * sigma2
statement = sp.Eq(E((BatchSum(g) / B - t * gbar) ** 2, t * B), closed, evaluate=False)

LAW = Law(
    id="reshuffle.bridge",
    version=1,
    title="The summed noise of an epoch rises and returns to zero",
    parts=(
        Part("variance", statement, derivation=(
            Step("center", E(BatchSum(dg) ** 2, t * B) / B**2, "the first t batches are one batch of t B examples"),
            Step("moment", t * B * (N - t * B) / (B**2 * (N - 1)) * PopMean(dg**2),
                 "the variance law at t B, times t^2"),
            Step("definition", closed, "with m = N/B batches an epoch: t (m - t)/(N-1)"),
        ), rivals=(
            Rival("t times one batch", t * (N / B - 1) / (N - 1) * sigma2, "independent batches"),
            Rival("N for N-1", t * (N / B - t) / N * sigma2, "a divisor", near=True),
            Rival("t^2", t**2 * (N / B - t) / (N - 1) * sigma2, "perfectly correlated batches"),
        )),
    ),
    params=(POPULATION, BATCH, VARIANCE, Param(t, Integers(1), 3, "number of batches into the epoch")),
    constraints=(
        FITS,
        Constraint(t * B <= N, "{t} batches of {B} exceed the {N} samples of an epoch"),
    ),
    exactness=Exactness.IDENTITY,
    assumptions=(
        FROZEN,
        Assumption("reshuffled", "the order of the epoch is a uniformly random permutation"),
    ),
    sources=(Source("batchlaws", read=True, note="derived here; folklore"),),
    where={sigma2: PopMean(dg**2), gbar: PopMean(g)},
    words=(
        "Add up the noise of the batches as an epoch goes on. With independent batches its variance grows with every "
        "step. Within a reshuffled epoch it grows, turns at half time and is exactly zero at the end: a bridge. So the "
        "parameters at the end of an epoch are far less noisy than those in its middle."
    ),
    answers={2: "Over a whole epoch the noise of the batches sums to zero."},
    experiments=(
        Experiment("enumerate", channel="network", grid={"t": (1, 3), "population": (
            "digits8:gradient:coordinate:30", "digits8:gradient:direction:0")},
                   fixed={"sizes": (2,)}),
    ),
)
