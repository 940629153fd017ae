"""What the linear scaling rule does to the stationary variance."""

import sympy as sp

from theory.domain import Constraint
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.notation import At, B, ByDesign, ChainCov, N, PopMean, dg, eta, h, k, sigma2, t
from theory.parameters import (
    BATCH,
    CURVATURE,
    DESIGN,
    FITS,
    NOISE_LEFT,
    POPULATION,
    RATE_BEFORE,
    SCALE,
    SCALED_FITS,
    STEP_INDEPENDENCE,
    UNIFORM_BATCH,
)

limit = sp.Limit(ChainCov(1, 1, t), t, sp.oo)
scaled = At(limit, eta, k * eta, B, k * B)


def stationary(rate: sp.Expr, size: sp.Expr) -> sp.Expr:
    """Stationary variance by `quadratic.stationary`."""
    return rate * ByDesign((N - size) / (size * (N - 1)), 1 / size) * sigma2 / (h * (2 - rate * h))


with sp.evaluate(False):
    wor = (2 - eta * h) / (2 - k * eta * h) * ((N - k * B) / (N - B))
    wr = (2 - eta * h) / (2 - k * eta * h)
statement = sp.Eq(scaled / limit, ByDesign(wor, wr), evaluate=False)

LAW = Law(
    id="scaling.linear.ratio",
    version=1,
    title="Linear scaling does not keep the stationary variance",
    parts=(
        Part("ratio", statement, derivation=(
            Step("law:quadratic.stationary/variance", stationary(k * eta, k * B) / stationary(eta, B),
                 "the stationary variance at (k eta, k B) over that at (eta, B)"),
            Step("algebra", statement.args[1], "k/k cancels; the discrete-time and the finite-population factors stay"),
        ), rivals=(
            Rival("invariant", sp.S.One, "exact only for infinitesimal steps and infinite data"),
            Rival("no correction", ByDesign(wr, wor), "the factor of the other design"),
            Rival("inverse", ByDesign(1 / wor, 1 / wr), "upside down"),
            Rival("k eta for k eta h", ByDesign((2 - eta * h) / (2 - (k + 1) * eta * h) * (N - k * B) / (N - B),
                                               (2 - eta * h) / (2 - (k + 1) * eta * h)), "an off-by-one", near=True),
        )),
    ),
    params=(POPULATION, BATCH, RATE_BEFORE, CURVATURE, SCALE, DESIGN),
    constraints=(
        FITS,
        Constraint(k * eta * h < 2,
                   "k*eta*h must be < 2 for a stationary law after scaling (k = {k}, eta = {eta}, h = {h})"),
        SCALED_FITS, NOISE_LEFT,
    ),
    exactness=Exactness.IDENTITY,
    assumptions=(
        UNIFORM_BATCH, STEP_INDEPENDENCE,
        Assumption("common curvature", "all examples share the Hessian; one eigenmode"),
    ),
    uses=("quadratic.stationary",),
    sources=(Source("goyal2017", note="the linear scaling rule; the exact ratio is derived here"),),
    where={sigma2: PopMean(dg**2)},
    words=(
        "Multiply batch size and learning rate by k: folklore says that the cloud of parameters stays the same. On a "
        "quadratic it changes by an exact factor. It widens as k eta h approaches the stability edge 2, without bound, "
        "and it narrows as k B approaches the data set, to zero. The rule is the limit of small steps and large data."
    ),
    answers={5: "The stationary variance changes by (2 - eta h)/(2 - k eta h) times (N - kB)/(N - B)."},
)
