"""One large step against k small ones."""

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

a = 1 - eta * h
small = ChainCov(1, 1, k)
large = At(ChainCov(1, 1, sp.Integer(1)), eta, k * eta, B, k * B)


def after(steps: sp.Expr, size: sp.Expr) -> sp.Expr:
    """Variance after some steps by `quadratic.moments`."""
    p = ByDesign((N - size) / (size * (N - 1)), 1 / size)
    return eta**2 * p * sigma2 * (1 - a ** (2 * steps)) / (1 - a**2)


one = (k * eta) ** 2 * ByDesign((N - k * B) / (k * B * (N - 1)), 1 / (k * B)) * sigma2
with sp.evaluate(False):
    wr = k * (1 - a**2) / (1 - a ** (2 * k))
    wor = k * (1 - a**2) / (1 - a ** (2 * k)) * ((N - k * B) / (N - B))
statement = sp.Eq(large / small, ByDesign(wor, wr), evaluate=False)

LAW = Law(
    id="scaling.linear.kstep",
    version=2,
    title="One large step is noisier than k small ones",
    parts=(
        Part("ratio", statement, derivation=(
            Step("law:quadratic.moments/variance", large / after(k, B), "k steps of size eta at B", where={
                t: k}),
            Step("law:quadratic.moments/variance", one / after(k, B), "one step of size k eta at k B", where={
                t: sp.Integer(1)}),
            Step("algebra", statement.args[1], "collect"),
        ), rivals=(
            Rival("equal", sp.S.One, "the idea behind the rule; exact only as eta h goes to 0"),
            Rival("no correction", ByDesign(wr, wor), "the other design's factor"),
            Rival("k for 2k", ByDesign(k * (1 - a) / (1 - a**k) * (N - k * B) / (N - B), k * (1 - a) / (1 - a**k)),
                  "the rate of the mean", near=True),
        )),
    ),
    params=(POPULATION, BATCH, RATE_BEFORE, CURVATURE, SCALE, DESIGN),
    constraints=(
        FITS,
        Constraint(eta * h < 2, "eta*h must be < 2 (eta = {eta}, h = {h}): the small steps must be stable"),
        SCALED_FITS, NOISE_LEFT,
    ),
    exactness=Exactness.IDENTITY,
    assumptions=(
        UNIFORM_BATCH, STEP_INDEPENDENCE,
        Assumption("common curvature", "all examples share the Hessian; one eigenmode"),
    ),
    uses=("quadratic.moments",),
    sources=(Source("goyal2017", note="the rule's argument by k small steps; the exact ratio is derived here"),),
    where={sigma2: PopMean(dg**2)},
    words=(
        "The argument for linear scaling is that one step of size k eta on k times the data does what k small steps "
        "do. "
        "For the noise it does not, exactly: the large step is noisier by k(1-a^2)/(1-a^(2k)), a = 1 - eta h, "
        "because the "
        "small steps partly forget their noise on the way. The factor is 1 + (k-1) eta h at first order. Within an "
        "epoch "
        "the finite data set works the other way."
    ),
    answers={5: "One step at (k eta, k B) is noisier than k steps at (eta, B), by 1 + (k-1) eta h at first order."},
)
