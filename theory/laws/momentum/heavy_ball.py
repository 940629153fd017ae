"""Stationary state of SGD with heavy-ball momentum on a quadratic."""

import sympy as sp

from theory.domain import Constraint
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.momentum import BELOW_ONE, MOMENTUM, HeavyBall, beta
from theory.notation import B, ByDesign, N, PopMean, dg, e1, e2, eta, h, sigma2
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

with sp.evaluate(False):
    p_wor = (N - B) / (B * (N - 1))
    room = (1 - beta) * (2 * (1 + beta) - eta * h)
p = ByDesign(p_wor, 1 / B)
other = ByDesign(1 / B, p_wor)

variance = sp.Eq(HeavyBall(e1**2), eta * p * sigma2 * (1 + beta) / (h * room), evaluate=False)
velocity = sp.Eq(HeavyBall(e2**2), 2 * p * sigma2 / room, evaluate=False)
covariance = sp.Eq(HeavyBall(e1 * e2), -eta * p * sigma2 / room, evaluate=False)

# The quadratics whose mean changes in a step by minus the left side plus a constant: the Lyapunov equation, solved.
of_variance = ((1 - beta) ** 2 * (1 + beta) + 2 * beta * eta * h) * e1**2 - 2 * beta * eta * (
    1 - beta**2 - eta * h) * e1 * e2 + beta**2 * eta**2 * (1 + beta) * e2**2
of_velocity = h * (1 + beta) * e1**2 + 2 * beta * eta * h * e1 * e2 + eta * (2 - (1 - beta) * eta * h) * e2**2
of_covariance = (1 - beta**2 - eta * h) * e1**2 + eta * (
    2 * (1 - beta**2) - eta * h) * e1 * e2 - beta**2 * eta**2 * e2**2

LAW = Law(
    id="momentum.heavy_ball",
    version=1,
    title="Heavy-ball momentum on a quadratic: the stationary cloud",
    parts=(
        Part("variance", variance, derivation=(
            Step("balance", eta * p * PopMean(dg**2) * (1 + beta) / (h * room),
                 "a quadratic in error and velocity has the same mean before and after a step",
                 where={"function": of_variance, "over": eta * h * room}),
            Step("definition", variance.args[1], "sigma^2 with divisor N"),
        ), rivals=(
            Rival("SGD at eta/(1-beta)", eta * p * sigma2 / (h * (2 * (1 - beta) - eta * h)),
                  "the effective step size alone: right as eta h goes to 0"),
            Rival("no momentum", eta * p * sigma2 / (h * (2 - eta * h)), "momentum as if it averaged the noise away"),
            Rival("small step", eta * p * sigma2 / (2 * h * (1 - beta)), "the continuous-time temperature"),
            Rival("no correction", eta * other * sigma2 * (1 + beta) / (h * room), "the other design's p_B"),
            Rival("1 - beta", eta * p * sigma2 * (1 + beta) / (h * (1 - beta) * (2 * (1 - beta) - eta * h)),
                  "a wrong stability edge", near=True),
        )),
        Part("velocity", velocity, derivation=(
            Step("balance", 2 * p * PopMean(dg**2) / room, "the same for the velocity",
                 where={"function": of_velocity, "over": eta * room}),
            Step("definition", velocity.args[1], "sigma^2 with divisor N"),
        ), rivals=(
            Rival("independent", p * sigma2 / (1 - beta**2), "a running sum of noise alone: the limit eta h to 0"),
            Rival("average", p * sigma2 * (1 - beta) / (1 + beta), "a weighted mean of gradients, not their sum"),
            Rival("no half", 4 * p * sigma2 / room, "a factor"),
            Rival("1 - eta h", 2 * p * sigma2 / ((1 - beta) * (2 * (1 + beta) - 2 * eta * h)), "a factor in the edge",
                  near=True),
        )),
        Part("covariance", covariance, derivation=(
            Step("balance", -eta * p * PopMean(dg**2) / room, "the same for their product",
                 where={"function": of_covariance, "over": eta * room}),
            Step("definition", covariance.args[1], "sigma^2 with divisor N"),
        ), rivals=(
            Rival("independent", sp.S.Zero, "the equilibrium of continuous time: position and velocity independent"),
            Rival("plus", eta * p * sigma2 / room, "a sign"),
            Rival("half", -eta * p * sigma2 / (2 * room), "a factor", near=True),
        )),
    ),
    params=(POPULATION, BATCH, RATE, CURVATURE, VARIANCE, MOMENTUM, DESIGN),
    constraints=(
        FITS, BELOW_ONE,
        Constraint(eta * h < 2 * (1 + beta), "eta*h must be < 2(1 + beta) (eta = {eta}, h = {h}, beta = {beta}): "
                   "beyond it heavy ball diverges and there is no stationary law"),
    ),
    exactness=Exactness.IDENTITY,
    assumptions=(
        UNIFORM_BATCH, STEP_INDEPENDENCE,
        Assumption("common curvature", "all examples share the Hessian; one eigenmode"),
        Assumption("heavy ball", "v <- beta v + g, theta <- theta - eta v, without dampening"),
    ),
    sources=(
        Source("polyak1964", note="the method"),
        Source("liu2021", note="discrete-time stationary distribution with momentum; abstract read"),
        Source("batchlaws", note="the formulas with the factor of finite data", read=True),
    ),
    where={sigma2: PopMean(dg**2)},
    headline="variance",
    words=(
        "With heavy-ball momentum SGD settles into a cloud of variance eta sigma_B^2 (1 + beta)/(h (1 - beta)(2(1 + "
        "beta) - eta h)). For small steps this is the cloud of plain SGD at the step size eta/(1 - beta): momentum "
        "averages gradients, and yet it makes the noise larger, not smaller. At finite steps the cloud is narrower "
        "than that of plain SGD at the effective step size, and it stays finite up to eta h = 2(1 + beta). Position "
        "and velocity are negatively correlated, which no continuous-time equilibrium shows."
    ),
    answers={
        4: "Momentum widens the cloud by about 1/(1 - beta): noise is amplified, not averaged away.",
        5: "At small steps the cloud depends on eta/(B(1 - beta)) alone, so the linear rule carries over; at finite "
           "steps it does not.",
    },
)
