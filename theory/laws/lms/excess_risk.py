"""The stationary excess risk of SGD on fresh Gaussian least squares with label noise."""

from fractions import Fraction

import sympy as sp

from theory.domain import Constraint, Param, Reals
from theory.law import Exactness, Law, Part, Rival, Source, Step
from theory.nodes.gauss import CoordSum, Largest, d, ha
from theory.nodes.lms import DIMENSION, FRESH, GAIN, GAUSSIAN, LABELS, Excess, gain, h_max
from theory.notation import B, eta, h, sigma2
from theory.parameters import BATCH, CURVATURE, IID, RATE

value = sigma2 / 2 * gain / (1 - gain)
stationary = sp.Eq(Excess(eta, B), value, evaluate=False)
with sp.evaluate(False):
    closed = sigma2 / 2 * (d * eta * h / (2 * B - eta * h * (B + d + 1)))
alike = sp.Eq(Excess(eta, B), closed, evaluate=False)

LAW = Law(
    id="lms.excess_risk",
    version=1,
    title="Stationary excess risk of SGD on fresh Gaussian least squares",
    parts=(
        Part("any_spectrum", stationary, derivation=(
            Step("settled", value, "the weighted squares of lms.stability do not change: (1 - chi) 2 R = chi sigma^2"),
        ), rivals=(
            Rival("first order", sigma2 / 2 * gain, "noise that does not grow with the error"),
            Rival("additive noise", sigma2 / 2 * CoordSum(eta * ha / B / (2 - eta * ha)),
                  "the noise at the solution, wherever the parameters are"),
            Rival("small step", sigma2 / 4 * eta * CoordSum(ha) / B, "the continuous-time formula"),
            Rival("no half", sigma2 * gain / (1 - gain), "the loss is half the squared residual", near=True),
        )),
        Part("alike", alike, derivation=(
            Step("law:/any_spectrum", value, "whatever the eigenvalues are"),
            Step("spectrum", closed, "chi = d (eta h/B)/(2 - eta h(1 + 1/B)) for d equal eigenvalues"),
        ), rivals=(
            Rival("additive noise", sigma2 / 2 * (d * eta * h / (B * (2 - eta * h))), "no multiplicative noise"),
            Rival("small step", sigma2 / 4 * d * eta * h / B, "the continuous-time formula"),
            Rival("d for d+1", sigma2 / 2 * (d * eta * h / (2 * B - eta * h * (B + d))), "a near miss", near=True),
            Rival("d+1 above", sigma2 / 2 * ((d + 1) * eta * h / (2 * B - eta * h * (B + d + 1))), "a near miss",
                  near=True),
        )),
    ),
    params=(
        BATCH, RATE, CURVATURE, DIMENSION, LABELS,
        Param(gain, Reals(0, 1, open=True), Fraction(1, 2),
              "noise gain: sum over a of (eta h_a/B)/(2 - eta h_a(1 + 1/B))",
              "at a gain of 1 the variance is infinite"),
        Param(h_max, Reals(0, open=True), Fraction(1), "largest eigenvalue of the Hessian"),
        IID,
    ),
    constraints=(
        Constraint(eta * h_max * (1 + 1 / B) < 2, "not stable in mean square: eta*h_max*(1 + 1/B) must be < 2 "
                   "(eta = {eta}, h_max = {h_max}, B = {B})"),
        Constraint(eta * h * (1 + (d + 1) / B) < 2, "not stable in mean square: eta*h*(1 + (d+1)/B) must be < 2 "
                   "(eta = {eta}, h = {h}, d = {d}, B = {B})"),
    ),
    exactness=Exactness.MODEL,
    assumptions=(GAUSSIAN, FRESH),
    uses=("lms.stability",),
    sources=(
        Source("horowitz1981", note="misadjustment at B = 1"),
        Source("feuer1985", note="misadjustment at B = 1"),
        Source("jain2018", note="operator view of mini-batch SGD in least squares"),
        Source("batchlaws", read=True, note="mini-batch form from one drift equation"),
    ),
    where={gain: GAIN, h_max: Largest(ha)},
    headline="alike",
    words=(
        "At a constant step SGD does not reach the solution: the label noise keeps it at an excess risk of sigma^2/2 "
        "times chi/(1 - chi), chi the noise gain that also decides stability. The numerator is the noise of the "
        "labels, the denominator the noise that the error itself makes, which the usual formula leaves out: at small "
        "steps both agree, at the edge of stability the risk is infinite, not finite. With d equal eigenvalues it is "
        "sigma^2/2 times d eta h/(2B - eta h(B + d + 1)): growing the batch in proportion to the step keeps it only "
        "while eta h is small."
    ),
    answers={
        4: "The stationary excess risk is sigma^2/2 times chi/(1 - chi), and has no bound as the edge is approached.",
        5: "Scaling step and batch together keeps the excess risk at first order in eta h only.",
    },
)
