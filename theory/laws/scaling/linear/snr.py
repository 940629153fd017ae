"""Signal to noise of one step under linear scaling."""

import sympy as sp

from theory.domain import Constraint
from theory.law import Exactness, Experiment, Law, Part, Rival, Source, Step
from theory.notation import B, BatchSum, ByDesign, E, N, PopMean, dg, g, gbar, k, sigma2
from theory.parameters import BATCH, DESIGN, FITS, FROZEN, POPULATION, SCALE, UNIFORM_BATCH


def noise(size: sp.Expr) -> sp.Expr:
    """Variance of a batch mean, as an expectation."""
    return E((BatchSum(g) / size - gbar) ** 2, size)


def variance(size: sp.Expr) -> sp.Expr:
    """The same by `gradient.variance`."""
    return ByDesign(sigma2 / size * (N - size) / (N - 1), sigma2 / size)


with sp.evaluate(False):
    wor = k * ((N - B) / (N - k * B))
statement = sp.Eq(noise(B) / noise(k * B), ByDesign(wor, k), evaluate=False)

LAW = Law(
    id="scaling.linear.snr",
    version=1,
    title="Linear scaling multiplies the signal-to-noise ratio of a step",
    parts=(
        Part("ratio", statement, derivation=(
            Step("law:gradient.variance/variance", variance(B) / noise(k * B), "noise at B"),
            Step("law:gradient.variance/variance", variance(B) / variance(k * B), "noise at k B", where={B: k * B}),
            Step("algebra", statement.args[1], "the signal |G|^2 and the step size cancel"),
        ), rivals=(
            Rival("kept", sp.S.One, "the ratio per example is kept, not the ratio per step"),
            Rival("no correction", ByDesign(k, k * (N - 1) / N), "k under sampling without replacement"),
            Rival("sqrt k", ByDesign(sp.sqrt(k) * (N - B) / (N - k * B), sp.sqrt(k)), "the ratio, not its square"),
            Rival("k+1", ByDesign((k + 1) * (N - B) / (N - k * B), k + 1), "an off-by-one", near=True),
        )),
    ),
    params=(POPULATION, BATCH, SCALE, DESIGN),
    constraints=(
        FITS,
        Constraint(k * B < N,
                   "the scaled batch k*B must stay below the {N} samples (k = {k}, B = {B}): at N the noise is "
                   "zero", "wor"),
    ),
    exactness=Exactness.IDENTITY,
    assumptions=(UNIFORM_BATCH, FROZEN),
    uses=("gradient.variance",),
    sources=(Source("goyal2017", note="the linear scaling rule; this consequence is derived here"),),
    where={sigma2: PopMean(dg**2)},
    words=(
        "Linear scaling is said to keep the signal-to-noise ratio. Per example it does. Per step it does not: the "
        "squared "
        "ratio of signal to noise of one step grows by k, and by more when the batch becomes a sizeable part of the "
        "data. "
        "The step size cancels from the ratio, so no choice of step size can keep it."
    ),
    answers={5: "The squared signal-to-noise ratio of a step grows by k; only the ratio per example is kept."},
    experiments=(
        Experiment("enumerate", channel="network", fixed={
            "population": "digits8:gradient:direction:0", "k": 2, "sizes": (1, 2, 3)}),
    ),
)
