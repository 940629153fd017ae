"""Stationary variance of SGD when the examples' curvatures differ."""

from fractions import Fraction

import sympy as sp

from theory.domain import Constraint, Integers, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.notation import (
    B,
    BatchSum,
    ByDesign,
    ChainVarMixed,
    E,
    N,
    PopMean,
    dg,
    du,
    ec,
    eta,
    hbar,
    s2,
    sigma2,
    t,
    u,
    ubar,
)
from theory.parameters import BATCH, DESIGN, FITS, POPULATION, RATE, STEP_INDEPENDENCE, UNIFORM_BATCH, VARIANCE

with sp.evaluate(False):
    p_wor = (N - B) / (B * (N - 1))
p = ByDesign(p_wor, 1 / B)


def factor(weight: sp.Expr) -> sp.Expr:
    """Mean-square factor of one step."""
    return (1 - eta * hbar) ** 2 + eta**2 * weight * s2


noise = eta**2 * p * sigma2
step = sp.Eq(E((ec * (1 - eta * BatchSum(u) / B) - eta * BatchSum(dg) / B) ** 2, B), factor(p) * E(ec**2, B) + noise,
             evaluate=False)
closed = noise * (1 - factor(p) ** t) / (1 - factor(p))
finite = sp.Eq(ChainVarMixed(t), closed, evaluate=False)
limit = sp.Limit(ChainVarMixed(t), t, sp.oo)
stationary = sp.Eq(limit, eta * p * sigma2 / (2 * hbar - eta * (hbar**2 + p * s2)), evaluate=False)

LAW = Law(
    id="lsq.multiplicative",
    version=1,
    title="SGD with differing curvatures: noise that multiplies",
    parts=(
        Part("step", step, derivation=(
            Step("moment", E(ec**2, B) * ((1 - eta * PopMean(u)) ** 2 + eta**2 * ByDesign(
                p_wor * PopMean(du**2), PopMean(du**2) / B)) + eta**2 * ByDesign(
                p_wor * PopMean(dg**2), PopMean(dg**2) / B),
                "the error has mean zero, so curvature and noise do not mix", where={u: hbar + du}),
            Step("definition", step.args[1], "s^2 and sigma^2 with divisor N"),
        ), rivals=(
            Rival("additive noise only", (1 - eta * hbar) ** 2 * E(ec**2, B) + noise, "one curvature for all examples"),
            Rival("p = 1", ((1 - eta * hbar) ** 2 + eta**2 * s2) * E(ec**2, B) + noise, "single-example steps"),
            Rival("eta", ((1 - eta * hbar) ** 2 + eta * p * s2) * E(ec**2, B) + noise, "enters squared", near=True),
        )),
        Part("finite", finite, derivation=(
            Step("induction", closed, "V_0 = 0 and V_{t+1} = T V_t + eta^2 p_B sigma^2",
                 where={"part": sp.Symbol("step")}),
        ), rivals=(
            Rival("stationary", noise / (1 - factor(p)), "t = infinity at finite t"),
            Rival("additive", noise * (1 - (1 - eta * hbar) ** (2 * t)) / (1 - (1 - eta * hbar) ** 2),
                  "one curvature for all examples"),
            Rival("t+1", noise * (1 - factor(p) ** (t + 1)) / (1 - factor(p)), "an off-by-one", near=True),
        )),
        Part("stationary", stationary, derivation=(
            Step("law:/finite", sp.Limit(closed, t, sp.oo), "the variance at every step"),
            Step("limit", noise / (1 - factor(p)), "the mean-square factor is below one on the domain"),
            Step("algebra", stationary.args[1], "cancel eta"),
        ), rivals=(
            Rival("additive", eta * p * sigma2 / (hbar * (2 - eta * hbar)), "the formula for one common curvature"),
            Rival("p = 0", eta * p * sigma2 / (2 * hbar), "the small-step formula"),
            Rival("p = 1", eta * p * sigma2 / (2 * hbar - eta * (hbar**2 + s2)), "no batch averaging of the curvature"),
            Rival("plus", eta * p * sigma2 / (2 * hbar + eta * (hbar**2 + p * s2)), "a sign", near=True),
        )),
    ),
    params=(
        POPULATION, BATCH, RATE, VARIANCE,
        Param(hbar, Reals(0, open=True), Fraction(1), "mean curvature over the examples"),
        Param(s2, Reals(0), Fraction(1, 2), "variance of the per-example curvatures, divisor N"),
        Param(t, Integers(0), 10, "number of steps"),
        DESIGN,
    ),
    constraints=(
        FITS,
        Constraint(factor((N - B) / (B * (N - 1))) < 1,
                   "not stable in mean square: (1 - eta hbar)^2 + p_B eta^2 s2 must be "
                   "< 1 (eta = {eta}, hbar = {hbar}, s2 = {s2}, B = {B})", "wor"),
        Constraint(factor(1 / B) < 1, "not stable in mean square: (1 - eta hbar)^2 + eta^2 s2/B must be < 1 "
                   "(eta = {eta}, hbar = {hbar}, s2 = {s2}, B = {B})", "wr"),
    ),
    exactness=Exactness.IDENTITY,
    assumptions=(
        UNIFORM_BATCH, STEP_INDEPENDENCE,
        Assumption("quadratic examples",
                   "example i has curvature u_i and gradient g_i at the minimum of the mean loss"),
        Assumption("from the minimum", "the chain starts at the minimum, so its mean stays there"),
    ),
    uses=(),
    sources=(Source("mulayoff2024", note="asymptotic covariance near a minimum; abstract read"),),
    where={s2: PopMean(du**2), hbar: PopMean(u), ubar: PopMean(u), sigma2: PopMean(dg**2)},
    headline="stationary",
    words=(
        "When examples differ in curvature, the noise of a step grows with the distance from the minimum. The "
        "stationary "
        "variance is that of additive noise with eta(h^2 + p s^2) in place of eta h^2: larger, and infinite at a "
        "smaller "
        "step size. The popular formula with one common curvature misses it, most at small batches."
    ),
    answers={4: "With differing curvatures the cloud is wider and blows up earlier, at a step set by their spread."},
)
