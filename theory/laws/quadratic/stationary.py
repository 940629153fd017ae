"""Stationary covariance and excess risk of SGD on a quadratic with additive noise."""

from fractions import Fraction

import sympy as sp

from theory.domain import Constraint, Param, Reals
from theory.law import Assumption, Exactness, Experiment, Law, Part, Rival, Source, Step
from theory.notation import B, ByDesign, ChainCov, N, PopMean, dg, du, dv, eta, h, h1, h2, sigma2, sigma12, t
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

a, a1, a2 = 1 - eta * h, 1 - eta * h1, 1 - eta * h2
with sp.evaluate(False):
    p_wor = (N - B) / (B * (N - 1))
p = ByDesign(p_wor, 1 / B)
limit = sp.Limit(ChainCov(1, 1, t), t, sp.oo)
pair_limit = sp.Limit(ChainCov(2, 3, t), t, sp.oo)
closed = eta**2 * p * sigma2 * (1 - a ** (2 * t)) / (1 - a**2)
pair_closed = eta**2 * p * sigma12 * (1 - (a1 * a2) ** t) / (1 - a1 * a2)

variance = sp.Eq(limit, eta * p * sigma2 / (h * (2 - eta * h)), evaluate=False)
covariance = sp.Eq(pair_limit, eta * p * sigma12 / (h1 + h2 - eta * h1 * h2), evaluate=False)
excess = sp.Eq(h * limit / 2, eta * p * sigma2 / (2 * (2 - eta * h)), evaluate=False)
balance = sp.Eq(2 * h * limit - eta * h**2 * limit, eta * p * sigma2, evaluate=False)

LAW = Law(
    id="quadratic.stationary",
    version=1,
    title="SGD on a quadratic: stationary covariance and excess risk",
    parts=(
        Part("variance", variance, derivation=(
            Step("law:quadratic.moments/variance", sp.Limit(closed, t, sp.oo), "the variance at every step"),
            Step("limit", eta**2 * p * sigma2 / (1 - a**2), "|1 - eta h| < 1 on the domain"),
            Step("algebra", variance.args[1], "1 - (1 - eta h)^2 = eta h (2 - eta h)"),
        ), rivals=(
            Rival("small step", eta * p * sigma2 / (2 * h), "the SDE formula: no eta h in the denominator"),
            Rival("no correction", eta * ByDesign(1 / B, (N - B) / (B * (N - 1))) * sigma2 / (h * (2 - eta * h)),
                  "the other design's p_B"),
            Rival("eta^2", eta**2 * p * sigma2 / (h * (2 - eta * h)), "the noise of one step"),
            Rival("1 - eta h", eta * p * sigma2 / (h * (2 - 2 * eta * h)), "a wrong stability edge", near=True),
        )),
        Part("covariance", covariance, derivation=(
            Step("law:quadratic.moments/covariance", sp.Limit(pair_closed, t, sp.oo), "the covariance at every step"),
            Step("limit", eta**2 * p * sigma12 / (1 - a1 * a2), "both modes contract on the domain"),
            Step("algebra", covariance.args[1], "1 - a1 a2 = eta (h1 + h2 - eta h1 h2)"),
        ), rivals=(
            Rival("commuting", eta * p * sigma12 / (sp.sqrt(h1 * h2) * (2 - eta * sp.sqrt(h1 * h2))),
                  "one curvature for the pair"),
            Rival("no product", eta * p * sigma12 / (h1 + h2), "the continuous-time Lyapunov equation"),
            Rival("plus", eta * p * sigma12 / (h1 + h2 + eta * h1 * h2), "a sign", near=True),
        )),
        Part("excess", excess, derivation=(
            Step("law:/variance", h / 2 * (eta * p * sigma2 / (h * (2 - eta * h))),
                 "half the curvature times the variance"),
            Step("algebra", excess.args[1], "cancel h; the sum over modes is eta/2 tr[(2 - eta H)^-1 Sigma_B]"),
        ), rivals=(
            Rival("first order", eta * p * sigma2 / 4, "eta/4 tr Sigma_B, the small-step term"),
            Rival("times h", h * eta * p * sigma2 / (2 * (2 - eta * h)), "the curvature cancels"),
            Rival("no half", eta * p * sigma2 / (2 - eta * h), "the loss is half the square", near=True),
        )),
        Part("balance", balance, derivation=(
            Step("law:/variance", (2 * h - eta * h**2) * (eta * p * sigma2 / (h * (2 - eta * h))), "insert"),
            Step("algebra", balance.args[1], "the discrete Lyapunov equation in one mode"),
        ), rivals=(
            Rival("continuous", eta * p * sigma2 * (1 + eta * h), "drift balance without the discrete term"),
            Rival("eta^2", eta**2 * p * sigma2, "an extra factor"),
            Rival("half", eta * p * sigma2 / 2, "a factor", near=True),
        )),
    ),
    params=(
        POPULATION, BATCH, RATE, CURVATURE, VARIANCE,
        Param(h1, Reals(0, open=True), Fraction(1), "curvature of the first mode"),
        Param(h2, Reals(0, open=True), Fraction(1, 2), "curvature of the second mode"),
        Param(sigma12, Reals(), Fraction(1), "noise covariance of the two modes, divisor N"),
        DESIGN,
    ),
    constraints=(
        FITS,
        *(Constraint(eta * curvature < 2, f"eta = {{eta}} with {curvature} = {{{curvature}}} is not allowed: SGD is "
                     f"stable only for eta*{curvature} < 2, beyond it there is no stationary law")
          for curvature in (h, h1, h2)),
    ),
    exactness=Exactness.IDENTITY,
    assumptions=(
        UNIFORM_BATCH, STEP_INDEPENDENCE,
        Assumption("common curvature", "all examples share the Hessian; directions are its eigenvectors"),
        Assumption("stable", "0 < eta h < 2 in every mode"),
    ),
    uses=("quadratic.moments",),
    sources=(
        Source("liu2021", note="discrete-time stationary distribution; abstract read"),
        Source("mandt2017", note="continuous-time limit"),
    ),
    where={sigma2: PopMean(dg**2), sigma12: PopMean(du * dv)},
    headline="variance",
    words=(
        "Run SGD forever on a quadratic at a fixed step size and it settles into a cloud around the minimum. Its "
        "variance is eta sigma_B^2/(h(2 - eta h)): proportional to the step size and to 1/B for small steps, and "
        "blowing up at the stability edge eta h = 2, which the popular small-step formula misses. The excess loss does "
        "not depend on the curvature at first order."
    ),
    answers={
        4: "The cloud is wide in flat directions and narrow in sharp ones, with an exact formula.",
        5: "At small steps the cloud depends on eta/B alone; at finite steps not.",
    },
    experiments=(
        Experiment("sgd_quadratic", part="variance", grid={"B": (1, 4), "design": ("wor", "wr")},
                   fixed={"population": "ints:12:skewed", "eta": Fraction(1, 2), "h": Fraction(1), "start": 0,
                          "t": 40, "order": 2}),
    ),
)
