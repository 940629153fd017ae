"""Excess loss and squared gradient of SGD on a quadratic whose noise does not share the Hessian's axes."""

import sympy as sp

from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.linear import BELOW_ONE, COVARIANCE, HESSIAN, NOISE, STABLE, Coupled, Sigma11, Sigma22, h12
from theory.nodes.series import Taylor
from theory.notation import B, ByDesign, N, PopMean, du, dv, e1, e2, eta, h1, h2, sigma12
from theory.parameters import BATCH, DESIGN, FITS, POPULATION, RATE, STEP_INDEPENDENCE, UNIFORM_BATCH

with sp.evaluate(False):
    p_wor = (N - B) / (B * (N - 1))
    room = (2 - eta * h1) * (2 - eta * h2) - eta**2 * h12**2
p = ByDesign(p_wor, 1 / B)
other = ByDesign(1 / B, p_wor)

# Where H and Sigma have two rows, tr[(2 - eta H)^-1 Sigma] is this over the determinant `room`.
trace = (2 - eta * h2) * Sigma11 + 2 * eta * h12 * sigma12 + (2 - eta * h1) * Sigma22
measured = (2 - eta * h2) * PopMean(du**2) + 2 * eta * h12 * PopMean(du * dv) + (2 - eta * h1) * PopMean(dv**2)
total = Sigma11 + Sigma22
loss = (h1 * e1**2 + 2 * h12 * e1 * e2 + h2 * e2**2) / 2
slope2 = (h1 * e1 + h12 * e2) ** 2 + (h12 * e1 + h2 * e2) ** 2
inverse = (2 - eta * h2) * e1**2 + 2 * eta * h12 * e1 * e2 + (2 - eta * h1) * e2**2  # over `room`: e'(2 - eta H)^-1 e

excess = sp.Eq(Coupled(loss), eta * p * trace / (2 * room), evaluate=False)
gradient = sp.Eq(Coupled(slope2), p * (2 * trace / room - total), evaluate=False)
series = sp.Eq(Taylor(Coupled(loss), eta, 2), eta * p * total / 4 + eta**2 * p * (
    h1 * Sigma11 + 2 * h12 * sigma12 + h2 * Sigma22) / 8, evaluate=False)

LAW = Law(
    id="quadratic.excess",
    version=1,
    title="Excess loss of SGD on a quadratic: the trace form",
    parts=(
        Part("excess", excess, derivation=(
            Step("balance", eta * p * measured / (2 * room),
                 "with M = (2 - eta H)^-1/(2 eta), e'Me falls in a step by the excess loss, on average, and rises by "
                 "eta^2 tr M Sigma_B", where={
                     "function": inverse, "over": 2 * eta * room, "below_one": BELOW_ONE}),
            Step("definition", excess.args[1], "Sigma with divisor N"),
        ), rivals=(
            Rival("first order", eta * p * total / 4, "eta/4 tr Sigma_B, the small-step formula"),
            Rival("commuting", eta * p * (Sigma11 / (2 - eta * h1) + Sigma22 / (2 - eta * h2)) / 2,
                  "as if the coordinates were eigenvectors"),
            Rival("one curvature", eta * p * total / (2 * (2 - eta * (h1 + h2) / 2)), "the mean curvature for H"),
            Rival("no correction", eta * other * trace / (2 * room), "the other design's p_B"),
            Rival("mixed term", eta * p * (trace - eta * h12 * sigma12) / (2 * room), "counted once", near=True),
        )),
        Part("gradient", gradient, derivation=(
            Step("balance", p * (2 * measured / room - PopMean(du**2) - PopMean(dv**2)),
                 "the same with M = H (2 - eta H)^-1/eta = (2 (2 - eta H)^-1 - 1)/eta^2", where={
                     "function": 2 * inverse - room * (e1**2 + e2**2), "over": eta**2 * room,
                     "below_one": BELOW_ONE}),
            Step("definition", gradient.args[1], "Sigma with divisor N"),
        ), rivals=(
            Rival("zero", sp.S.Zero, "the gradient vanishes at the minimum, not in the cloud around it"),
            Rival("first order", eta * p * (h1 * Sigma11 + h2 * Sigma22) / 2, "small steps along the axes"),
            Rival("noise", p * total, "the noise of the batch gradient: its square, without the mean"),
            Rival("no total", p * 2 * trace / room, "the squared batch gradient, noise included", near=True),
        )),
        Part("series", series, derivation=(
            Step("law:/excess", Taylor(excess.args[1], eta, 2), "the exact trace form"),
            Step("series", series.args[1], "(2 - eta H)^-1 = 1/2 + eta H/4 + ..."),
        ), rivals=(
            Rival("first order", eta * p * total / 4, "without the next order"),
            Rival("mean curvature", eta * p * total / 4 + eta**2 * p * (h1 + h2) * total / 16,
                  "the trace of each alone"),
            Rival("along the axes", eta * p * total / 4 + eta**2 * p * (h1 * Sigma11 + h2 * Sigma22) / 8,
                  "without the mixed term"),
            Rival("1/4", eta * p * total / 4 + eta**2 * p * (
                h1 * Sigma11 + 2 * h12 * sigma12 + h2 * Sigma22) / 4, "a factor", near=True),
        )),
    ),
    params=(POPULATION, BATCH, RATE, *HESSIAN, *COVARIANCE, DESIGN),
    constraints=(FITS, *STABLE),
    exactness=Exactness.IDENTITY,
    assumptions=(
        UNIFORM_BATCH, STEP_INDEPENDENCE,
        Assumption("common curvature", "all examples share the Hessian; two coordinates, which need not be its axes"),
    ),
    sources=(
        Source("liu2021", note="discrete-time stationary covariance; abstract read"),
        Source("mandt2017", note="the continuous-time limit eta/4 tr Sigma_B"),
        Source("batchlaws", note="the trace form without a common eigenbasis", read=True),
    ),
    where=NOISE,
    headline="excess",
    words=(
        "How much loss does the noise of SGD cost, forever? On a quadratic exactly eta/2 tr[(2 - eta H)^-1 "
        "Sigma_B], whatever the directions of curvature and noise: they need not commute, and no covariance has to "
        "be solved for. For small steps it is eta/4 tr Sigma_B, in which the curvature cancels; the next term is "
        "eta^2/8 tr H Sigma_B. Written in coordinates that are not the axes of the Hessian the mixed terms of both "
        "count, which formulas for commuting matrices lose. The mean squared gradient in the cloud is eta tr[H (2 - "
        "eta H)^-1 Sigma_B], not zero."
    ),
    answers={
        4: "The excess loss is eta/4 tr Sigma_B at first order: the same in sharp and flat directions.",
        5: "It depends on eta/B at first order alone; eta^2/8 tr H Sigma_B is what the linear rule does not keep.",
    },
)
