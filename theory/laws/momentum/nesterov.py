"""Stationary state of SGD with Nesterov's momentum on a quadratic."""

import sympy as sp

from theory.domain import Constraint
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.momentum import BELOW_ONE, MOMENTUM, Nesterov, beta
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

a = 1 - eta * h
with sp.evaluate(False):
    p_wor = (N - B) / (B * (N - 1))
    room = (1 - beta + eta * h * beta) * (2 * (1 + beta) - eta * h * (1 + 2 * beta))
p = ByDesign(p_wor, 1 / B)
other = ByDesign(1 / B, p_wor)

variance = sp.Eq(Nesterov(e1**2), eta * p * sigma2 * (1 + beta - eta * h * beta) / (h * room), evaluate=False)
ahead = sp.Eq(Nesterov((e1 + beta * e2) ** 2),
              eta * p * sigma2 * (1 + beta + eta * h * beta * (1 + 2 * beta)) / (h * room), evaluate=False)
move = sp.Eq(Nesterov(e2**2), 2 * eta**2 * p * sigma2 / room, evaluate=False)
heavy_ball = (1 - beta) * (2 * (1 + beta) - eta * h)

# The quadratics whose mean changes in a step by minus the left side plus a constant: the Lyapunov equation, solved.
of_variance = (1 + beta * a - beta * (2 + beta) * a**2 + beta**3 * a**3) * e1**2 + 2 * beta * a**2 * (
    1 - beta**2 * a) * e1 * e2 + beta**2 * a**2 * (1 + beta * a) * e2**2
of_ahead = (1 + beta**2 - beta * (1 + 2 * beta - beta**2) * a) * e1**2 + 2 * beta * (
    1 - beta**2 * a) * e1 * e2 + beta**2 * (1 + beta * a) * e2**2
of_move = (1 - a) * (1 + beta * a) * e1**2 - 2 * beta * a * (1 - a) * e1 * e2 + (1 + a + beta * a - beta * a**2) * e2**2

LAW = Law(
    id="momentum.nesterov",
    version=1,
    title="Nesterov's momentum on a quadratic: the stationary cloud",
    parts=(
        Part("variance", variance, derivation=(
            Step("balance", eta * p * PopMean(dg**2) * (1 + beta - eta * h * beta) / (h * room),
                 "a quadratic in error and last move has the same mean before and after a step",
                 where={"function": of_variance, "over": eta * h * room}),
            Step("definition", variance.args[1], "sigma^2 with divisor N"),
        ), rivals=(
            Rival("heavy ball", eta * p * sigma2 * (1 + beta) / (h * heavy_ball), "the other method"),
            Rival("SGD at eta/(1-beta)", eta * p * sigma2 / (h * (2 * (1 - beta) - eta * h)),
                  "the effective step size alone"),
            Rival("no momentum", eta * p * sigma2 / (h * (2 - eta * h)), "momentum as if it averaged the noise away"),
            Rival("no correction", eta * other * sigma2 * (1 + beta - eta * h * beta) / (h * room),
                  "the other design's p_B"),
            Rival("look-ahead", ahead.args[1], "the point at which the gradient is taken", near=True),
        )),
        Part("ahead", ahead, derivation=(
            Step("balance", eta * p * PopMean(dg**2) * (1 + beta + eta * h * beta * (1 + 2 * beta)) / (h * room),
                 "the same for theta + beta w", where={"function": of_ahead, "over": eta * h * room}),
            Step("definition", ahead.args[1], "sigma^2 with divisor N"),
        ), rivals=(
            Rival("iterate", variance.args[1], "the point before looking ahead"),
            Rival("heavy ball", eta * p * sigma2 * (1 + beta) / (h * heavy_ball), "the other method"),
            Rival("1 + beta", eta * p * sigma2 * (1 + beta + eta * h * beta * (1 + beta)) / (h * room),
                  "beta for 2 beta", near=True),
        )),
        Part("move", move, derivation=(
            Step("balance", 2 * eta**2 * p * PopMean(dg**2) / room, "the same for the last move",
                 where={"function": of_move, "over": room}),
            Step("definition", move.args[1], "sigma^2 with divisor N"),
        ), rivals=(
            Rival("heavy ball", 2 * eta**2 * p * sigma2 / heavy_ball, "the other method"),
            Rival("no eta", 2 * p * sigma2 / room, "the velocity in units of gradients"),
            Rival("half", eta**2 * p * sigma2 / room, "a factor", near=True),
        )),
    ),
    params=(POPULATION, BATCH, RATE, CURVATURE, VARIANCE, MOMENTUM, DESIGN),
    constraints=(
        FITS, BELOW_ONE,
        Constraint(eta * h * (1 + 2 * beta) < 2 * (1 + beta),
                   "eta*h must be < 2(1 + beta)/(1 + 2 beta) (eta = {eta}, h = {h}, beta = {beta}): beyond it "
                   "Nesterov's method diverges and there is no stationary law"),
    ),
    exactness=Exactness.IDENTITY,
    assumptions=(
        UNIFORM_BATCH, STEP_INDEPENDENCE,
        Assumption("common curvature", "all examples share the Hessian; one eigenmode"),
        Assumption("Nesterov's method", "w <- beta w - eta g(theta + beta w), theta <- theta + w, with constant beta"),
    ),
    sources=(
        Source("nesterov1983", note="the method"),
        Source("sutskever2013", note="the form with a velocity"),
        Source("batchlaws", note="both variances, with the factor of finite data", read=True),
    ),
    where={sigma2: PopMean(dg**2)},
    headline="variance",
    words=(
        "Nesterov's method settles into a cloud, too, and it has two: that of the iterates, and the wider one of "
        "the look-ahead points, at which gradients are taken. Programs that store the look-ahead point as the "
        "parameter (theta <- theta - eta (g + beta v) with v <- beta v + g, as deep learning libraries do) show the "
        "second, so a formula for the first fails on them. For small steps both are the cloud of plain SGD at "
        "eta/(1 - beta). Near the edge eta h = 2(1 + beta)/(1 + 2 beta) both blow up, at smaller steps than without "
        "momentum."
    ),
    answers={
        4: "Nesterov's momentum amplifies the noise like heavy ball at small steps, and earlier at large ones.",
    },
)
