"""Mean and covariance of SGD on a quadratic with additive noise, at every finite time."""

from fractions import Fraction

import sympy as sp

from theory.domain import Constraint, Integers, Param, Reals
from theory.law import Assumption, Exactness, Experiment, Law, Part, Rival, Source, Step
from theory.notation import (
    B,
    BatchSum,
    ByDesign,
    ChainCov,
    ChainMean,
    E,
    N,
    PopMean,
    delta0,
    dg,
    du,
    dv,
    e,
    e1,
    e2,
    eta,
    h,
    h1,
    h2,
    sigma2,
    sigma12,
    t,
)
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
noise = eta**2 * p * sigma2

mean_step = sp.Eq(E(a * e - eta * BatchSum(dg) / B, B), a * E(e, B), evaluate=False)
step = sp.Eq(E((a * e - eta * BatchSum(dg) / B) ** 2, B), a**2 * E(e**2, B) + noise, evaluate=False)
step_pair = sp.Eq(E((a1 * e1 - eta * BatchSum(du) / B) * (a2 * e2 - eta * BatchSum(dv) / B), B),
                  a1 * a2 * E(e1 * e2, B) + eta**2 * p * sigma12, evaluate=False)
mean = sp.Eq(ChainMean(t), a**t * delta0, evaluate=False)
variance = sp.Eq(ChainCov(1, 1, t), noise * (1 - a ** (2 * t)) / (1 - a**2), evaluate=False)
covariance = sp.Eq(ChainCov(2, 3, t), eta**2 * p * sigma12 * (1 - (a1 * a2) ** t) / (1 - a1 * a2), evaluate=False)

LAW = Law(
    id="quadratic.moments",
    version=1,
    title="SGD on a quadratic: mean and covariance at every step",
    parts=(
        Part("mean_step", mean_step, derivation=(
            Step("moment", a * E(e, B), "the batch noise has mean zero and is independent of the error"),
        ), rivals=(
            Rival("no decay", E(e, B), "the mean contracts"),
            Rival("1 + eta h", (1 + eta * h) * E(e, B), "a sign"),
            Rival("squared", a**2 * E(e, B), "the rate of the second moment", near=True),
        )),
        Part("step", step, derivation=(
            Step("moment", a**2 * E(e**2, B) + eta**2 * ByDesign(
                PopMean(dg**2) * (N - B) / (B * (N - 1)), PopMean(dg**2) / B),
                "square, independence kills the cross term, the variance law gives the rest"),
            Step("definition", step.args[1], "sigma^2 with divisor N"),
        ), rivals=(
            Rival("eta for eta^2", a**2 * E(e**2, B) + eta * p * sigma2, "noise enters squared"),
            Rival("a for a^2", a * E(e**2, B) + noise, "the rate of the mean", near=True),
            Rival("no correction", a**2 * E(e**2, B) + eta**2 * ByDesign(1 / B, 1 / (B + 1)) * sigma2, "1/B under wor"),
        )),
        Part("step_pair", step_pair, derivation=(
            Step("moment", a1 * a2 * E(e1 * e2, B) + eta**2 * ByDesign(
                PopMean(du * dv) * (N - B) / (B * (N - 1)), PopMean(du * dv) / B), "as for one mode"),
            Step("definition", step_pair.args[1], "Sigma_12 is the noise covariance of the two modes"),
        ), rivals=(
            Rival("a1 squared", a1**2 * E(e1 * e2, B) + eta**2 * p * sigma12, "one rate for both modes"),
            Rival("no noise", a1 * a2 * E(e1 * e2, B), "modes share their batches"),
            Rival("eta", a1 * a2 * E(e1 * e2, B) + eta * p * sigma12, "noise enters squared", near=True),
        )),
        Part("mean", mean, derivation=(
            Step("induction", mean.args[1], "the mean shrinks by 1 - eta h a step",
                 where={"part": sp.Symbol("mean_step")}),
        ), rivals=(
            Rival("exponential", sp.exp(-eta * h * t) * delta0, "gradient flow, not the discrete iteration"),
            Rival("t+1", a ** (t + 1) * delta0, "an off-by-one", near=True),
            Rival("2t", a ** (2 * t) * delta0, "the rate of the variance"),
        )),
        Part("variance", variance, derivation=(
            Step("induction", variance.args[1], "V_0 = 0 and V_{t+1} = a^2 V_t + eta^2 p_B sigma^2",
                 where={"part": sp.Symbol("step")}),
        ), rivals=(
            Rival("stationary", noise / (1 - a**2), "t = infinity at finite t"),
            Rival("t for 2t", noise * (1 - a**t) / (1 - a**2), "the rate of the mean", near=True),
            Rival("t+1 steps", noise * (1 - a ** (2 * t + 2)) / (1 - a**2), "an off-by-one", near=True),
            Rival("no correction", eta**2 * ByDesign(1 / B, (N - B) / (B * (N - 1))) * sigma2
                  * (1 - a ** (2 * t)) / (1 - a**2), "the finite-population correction of the design"),
        )),
        Part("covariance", covariance, derivation=(
            Step("induction", covariance.args[1], "the pair recursion",
                 where={"part": sp.Symbol("step_pair")}),
        ), rivals=(
            Rival("stationary", eta**2 * p * sigma12 / (1 - a1 * a2), "t = infinity at finite t"),
            Rival("2t", eta**2 * p * sigma12 * (1 - (a1 * a2) ** (2 * t)) / (1 - a1 * a2), "twice the time"),
            Rival("eta", eta * p * sigma12 * (1 - (a1 * a2) ** t) / (1 - a1 * a2), "noise enters squared", near=True),
        )),
    ),
    params=(
        POPULATION, BATCH, RATE, CURVATURE, VARIANCE,
        Param(t, Integers(0), 10, "number of steps"),
        Param(delta0, Reals(), Fraction(1), "distance of the start from the minimum"),
        Param(h1, Reals(0, open=True), Fraction(1), "curvature of the first mode"),
        Param(h2, Reals(0, open=True), Fraction(1, 2), "curvature of the second mode"),
        Param(sigma12, Reals(), Fraction(1), "noise covariance of the two modes, divisor N"),
        DESIGN,
    ),
    constraints=(
        FITS,
        Constraint(sp.Ne(eta * h, 2), "eta*h = 2 is not allowed (eta = {eta}, h = {h}): there |1 - eta h| = 1 and the "
                   "variance grows linearly, t eta^2 sigma_B^2"),
        Constraint(sp.Ne(eta * h1 * h2, h1 + h2), "eta*h1*h2 = h1 + h2 is not allowed: the two modes resonate"),
    ),
    exactness=Exactness.IDENTITY,
    assumptions=(
        UNIFORM_BATCH, STEP_INDEPENDENCE,
        Assumption("common curvature", "all examples share the Hessian, so the noise does not depend on the "
                   "parameters; any loss h/2 (theta - x_i)^2"),
    ),
    uses=(),
    sources=(
        Source("liu2021", note="discrete-time SGD on quadratics; abstract read"),
        Source("mandt2017", note="the continuous-time counterpart"),
    ),
    where={sigma2: PopMean(dg**2), sigma12: PopMean(du * dv)},
    headline="variance",
    words=(
        "On a quadratic with the same curvature for every example, SGD is a linear recursion with independent noise: "
        "the mean path does not depend on the batch size, and the variance after t steps has a closed form for any "
        "step size, stable or not. Using the stationary formula after a few steps overstates the noise; using gradient "
        "flow for the mean is wrong at second order in the step size."
    ),
    answers={
        2: "Gradient variance becomes parameter variance through eta^2/(1 - (1 - eta h)^2).",
        4: "The mean path is independent of B; only the cloud around it grows as B falls.",
    },
    experiments=(
        Experiment("sgd_quadratic", part="variance", grid={"B": (1, 4), "t": (1, 3, 8), "design": ("wor", "wr")},
                   fixed={"population": "ints:12:skewed", "eta": Fraction(1, 4), "h": Fraction(1), "start": 0,
                          "order": 2}),
        Experiment("sgd_quadratic", part="mean", grid={"B": (1, 4)},
                   fixed={"population": "ints:12:skewed", "design": "wor", "eta": Fraction(1, 4), "h": Fraction(1),
                          "start": 8, "t": 3, "order": 1}),
    ),
)
