"""Mean exit time of SGD with Gaussian noise from a quadratic well."""

from fractions import Fraction

import sympy as sp

from theory.domain import Constraint, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.escape import ExitTime
from theory.notation import B, ByDesign, ChainCov, N, PopMean, dg, eta, h, sigma2, t
from theory.parameters import (
    BATCH,
    CURVATURE,
    DESIGN,
    FITS,
    POPULATION,
    RATE,
    STEP_INDEPENDENCE,
    UNIFORM_BATCH,
    VARIANCE,
)

R = sp.Symbol("R", positive=True)
with sp.evaluate(False):
    p_wor = (N - B) / (B * (N - 1))
p, other = ByDesign(p_wor, 1 / B), ByDesign(1 / B, 1 / (B + 1))
limit = sp.Limit(ChainCov(1, 1, t), t, sp.oo)


def height(weight: sp.Expr) -> sp.Expr:
    """Exponent: half the squared width of the well in standard deviations of the cloud."""
    return h * R**2 * (2 - eta * h) / (2 * eta * weight * sigma2)


def time(exponent: sp.Expr) -> sp.Expr:
    """Bound of the exit time by the exponent."""
    return sp.sqrt(sp.pi * exponent) * sp.exp(exponent)


A = sp.Symbol("A", positive=True)
continuous = h * R**2 / (eta * p * sigma2)
stay = ExitTime(R, p * sigma2)
exponent = sp.Eq(R**2 / (2 * limit), height(p), evaluate=False)
waiting = sp.Ge(stay, 1 / sp.erfc(sp.sqrt(A)), evaluate=False)
arrhenius = sp.Ge(stay, time(A), evaluate=False)

LAW = Law(
    id="escape.ar1",
    version=1,
    title="Exit time of SGD from a quadratic well",
    parts=(
        Part("exponent", exponent, derivation=(
            Step("law:quadratic.stationary/variance", R**2 / (2 * (eta * p * sigma2 / (h * (2 - eta * h)))),
                 "the stationary variance"),
            Step("algebra", height(p), "2 (h R^2/2)(1 - eta h/2)/(eta p sigma^2)"),
        ), rivals=(
            Rival("continuous time", continuous, "without the factor 1 - eta h/2"),
            Rival("other design", height(other), "1/B without replacement"),
            Rival("1 - eta h", h * R**2 * (1 - eta * h) / (eta * p * sigma2), "a wrong stability edge", near=True),
        )),
        Part("waiting", waiting, derivation=(
            Step("slab", waiting.args[1], "1 over the stationary chance to be outside"),
        ), rivals=(
            Rival("one-sided", 2 / sp.erfc(sp.sqrt(A)), "only one of the two exits"),
            Rival("continuous time", 1 / sp.erfc(sp.sqrt(2 * A / (2 - eta * h))), "the cloud without the discrete-time "
                  "factor"),
            Rival("a tenth more", sp.Rational(11, 10) / sp.erfc(sp.sqrt(A)), "slower by a fixed factor", near=True),
        )),
        Part("arrhenius", arrhenius, derivation=(
            Step("slab", 1 / sp.erfc(sp.sqrt(A)), "1 over the stationary chance to be outside"),
            Step("tail", time(A), "the tail of the Gaussian"),
        ), rivals=(
            Rival("continuous time", time(2 * A / (2 - eta * h)), "Arrhenius without the discrete-time factor"),
            Rival("one-sided", 2 * time(A), "only one of the two exits"),
            Rival("rounder prefactor", sp.sqrt(2 * sp.pi * A) * sp.exp(A), "the square root of 2 pi", near=True),
        )),
    ),
    params=(
        POPULATION, BATCH, RATE, CURVATURE, VARIANCE,
        Param(R, Reals(0, open=True), Fraction(1), "half-width of the well"),
        DESIGN,
    ),
    constraints=(
        FITS,
        Constraint(eta * h < 2, "eta = {eta} with h = {h} is not allowed: SGD is stable only for eta*h < 2"),
        Constraint(B < N, "B = {B} is not allowed: at B = N = {N} there is no noise and no exit", "wor"),
        Constraint(sigma2 > 0, "sigma2 = {sigma2} is not allowed: without noise there is no exit"),
    ),
    exactness=Exactness.BOUND,
    assumptions=(
        UNIFORM_BATCH, STEP_INDEPENDENCE,
        Assumption("common curvature", "all examples share the Hessian; one eigenmode"),
        Assumption("Gaussian noise", "for the exit time: the batch noise is Gaussian with the variance p sigma^2; true "
                   "batch noise is bounded and has another rate function"),
        Assumption("quasi-stationary", "the exit time counts from the law that a long stay leads to; the boundary is "
                   "hard"),
        Assumption("exponent", "A is the exponent of the first part, R^2 over twice the stationary variance"),
    ),
    uses=("quadratic.stationary",),
    sources=(
        Source("sidak1967", note="the probability of a slab under a Gaussian law"),
        Source("berman1964", note="extremes of stationary Gaussian sequences: the bound is sharp as B grows"),
        Source("liu2021", note="escape at finite step size; abstract read"),
        Source("batchlaws", read=True, note="the bounds at every batch size"),
    ),
    where={sigma2: PopMean(dg**2), A: height(p)},
    headline="arrhenius",
    words=(
        "How long does SGD stay in a quadratic well of half-width R? At least 1 over the stationary chance to be "
        "outside, at every batch size, hence at least sqrt(pi A) exp(A) steps, with A = (2 B/(eta sigma^2)) (h R^2/2) "
        "(1 - eta h/2) for draws with replacement: exponential in B over eta times the height of the barrier, with a "
        "discrete-time factor 1 - eta h/2 that the diffusion approximation misses, and a prefactor that grows like the "
        "square root of B. As B grows the bound becomes an equality (Berman): at eta h = 1/2, with R two standard "
        "deviations of the cloud at B = 4, the time is 1.18, 1.086, 1.017, 1.001 times the first bound and 1.40, 1.20, "
        "1.07, 1.03 times the second for B = 4, 8, 16, 32. This is for Gaussian noise: multiplicative noise escapes by "
        "a power law (escape.power)."
    ),
    answers={4: "With additive noise the time in a minimum is exponential in B/eta times the barrier: small batches "
                "leave shallow minima first."},
)
