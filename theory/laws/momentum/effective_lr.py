"""How far SGD with momentum is plain SGD at the step size eta/(1 - beta)."""

import sympy as sp

from theory.domain import Constraint
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.momentum import BELOW_ONE, MOMENTUM, HeavyBall, Nesterov, beta
from theory.nodes.series import Taylor
from theory.notation import At, B, ByDesign, N, PopMean, dg, e1, eta, h, sigma2
from theory.parameters import (
    BATCH,
    CURVATURE,
    DESIGN,
    FITS,
    POPULATION,
    RATE,
    STEP_INDEPENDENCE,
    UNIFORM_BATCH,
)

with sp.evaluate(False):
    p_wor = (N - B) / (B * (N - 1))
p = ByDesign(p_wor, 1 / B)
x = eta * h
cloud, nesterov_cloud = HeavyBall(e1**2), Nesterov(e1**2)
plain = At(cloud, beta, sp.Integer(0), eta, eta / (1 - beta))

ball = eta * p * sigma2 * (1 + beta) / (h * (1 - beta) * (2 * (1 + beta) - x))
nesterov = eta * p * sigma2 * (1 + beta - x * beta) / (
    h * (1 - beta + x * beta) * (2 * (1 + beta) - x * (1 + 2 * beta)))
sgd = eta * p * sigma2 / (h * (2 * (1 - beta) - x))
ball_ratio = (1 + beta) * (2 * (1 - beta) - x) / ((1 - beta) * (2 * (1 + beta) - x))
nesterov_ratio = (1 + beta - x * beta) * (2 * (1 - beta) - x) / (
    (1 - beta + x * beta) * (2 * (1 + beta) - x * (1 + 2 * beta)))

heavy_ball = sp.Eq(cloud / plain, ball_ratio, evaluate=False)
nesterov_law = sp.Eq(nesterov_cloud / plain, nesterov_ratio, evaluate=False)
heavy_ball_series = sp.Eq(Taylor(cloud / plain, eta, 1), 1 - beta / (1 - beta**2) * x, evaluate=False)
nesterov_series = sp.Eq(Taylor(nesterov_cloud / plain, eta, 1), 1 - beta * (2 + beta) / (1 - beta**2) * x,
                        evaluate=False)

LAW = Law(
    id="momentum.effective_lr",
    version=1,
    title="The effective step size of momentum, and what it misses",
    parts=(
        Part("heavy_ball", heavy_ball, derivation=(
            Step("law:momentum.heavy_ball/variance", ball / sgd,
                 "the variance with momentum, over that at momentum 0 and step size eta/(1 - beta)"),
            Step("algebra", ball_ratio, "the noise cancels"),
        ), rivals=(
            Rival("equal", sp.S.One, "momentum as nothing but a larger step size"),
            Rival("same step", (1 + beta) * (2 - x) / ((1 - beta) * (2 * (1 + beta) - x)), "plain SGD at eta"),
            Rival("inverse", 1 / ball_ratio, "upside down"),
            Rival("1 - beta", (1 - beta) * (2 * (1 - beta) - x) / ((1 + beta) * (2 * (1 + beta) - x)),
                  "the shares swapped"),
            Rival("2 x", (1 + beta) * (1 - beta - x) / ((1 - beta) * (1 + beta - x)), "a factor", near=True),
        )),
        Part("nesterov", nesterov_law, derivation=(
            Step("law:momentum.nesterov/variance", nesterov / plain, "the variance of the iterates"),
            Step("law:momentum.heavy_ball/variance", nesterov / sgd, "heavy ball at momentum 0 is plain SGD"),
            Step("algebra", nesterov_ratio, "the noise cancels"),
        ), rivals=(
            Rival("equal", sp.S.One, "momentum as nothing but a larger step size"),
            Rival("heavy ball", ball_ratio, "the other method"),
            Rival("look-ahead", nesterov_ratio * (1 + beta + x * beta * (1 + 2 * beta)) / (1 + beta - x * beta),
                  "the point at which the gradient is taken", near=True),
        )),
        Part("heavy_ball_series", heavy_ball_series, derivation=(
            Step("law:/heavy_ball", Taylor(ball_ratio, eta, 1), "the exact ratio"),
            Step("series", heavy_ball_series.args[1], "first order in the step size"),
        ), rivals=(
            Rival("no correction", sp.S.One, "right at order zero only"),
            Rival("1/(1-beta)", 1 - beta / (1 - beta) * x, "a factor 1 + beta"),
            Rival("plus", 1 + beta / (1 - beta**2) * x, "a sign", near=True),
        )),
        Part("nesterov_series", nesterov_series, derivation=(
            Step("law:/nesterov", Taylor(nesterov_ratio, eta, 1), "the exact ratio"),
            Step("series", nesterov_series.args[1], "first order in the step size"),
        ), rivals=(
            Rival("no correction", sp.S.One, "right at order zero only"),
            Rival("heavy ball", 1 - beta / (1 - beta**2) * x, "the other method"),
            Rival("2 beta", 1 - 2 * beta / (1 - beta**2) * x, "a term beta^2", near=True),
        )),
    ),
    params=(POPULATION, BATCH, RATE, CURVATURE, MOMENTUM, DESIGN),
    constraints=(
        FITS, BELOW_ONE,
        Constraint(eta * h < 2 * (1 - beta), "eta*h must be < 2(1 - beta) (eta = {eta}, h = {h}, beta = {beta}): "
                   "beyond it plain SGD at eta/(1 - beta) has no stationary law to compare with"),
        Constraint(B < N, "B = {B} is not allowed: at B = N = {N} there is no noise to compare", "wor"),
    ),
    exactness=Exactness.IDENTITY,
    assumptions=(
        UNIFORM_BATCH, STEP_INDEPENDENCE,
        Assumption("common curvature", "all examples share the Hessian; one eigenmode"),
        Assumption("the two methods", "as in momentum.heavy_ball and momentum.nesterov"),
    ),
    uses=("momentum.heavy_ball", "momentum.nesterov"),
    sources=(
        Source("smith2018", note="the temperature eta N/(B(1 - beta)), the limit of small steps"),
        Source("batchlaws", note="the exact ratios and their first order", read=True),
    ),
    where={sigma2: PopMean(dg**2)},
    headline="heavy_ball",
    words=(
        "Momentum beta is said to act as a step size eta/(1 - beta). Of the stationary cloud that is the limit of "
        "small steps. The exact ratio to plain SGD at that step size is (1 + beta)(2(1 - beta) - eta h)/((1 - "
        "beta)(2(1 + beta) - eta h)), below one: 1 - beta/(1 - beta^2) eta h at first order, and zero where plain "
        "SGD would diverge while heavy ball does not. Nesterov's iterates differ more, by beta(2 + beta)/(1 - "
        "beta^2) eta h. The batch size does not enter, so rules for batch and step size carry over only as far as "
        "the effective step size itself does."
    ),
    answers={
        5: "With momentum the cloud depends on eta/(B(1 - beta)) up to a relative error of beta/(1 - beta^2) eta h.",
    },
)
