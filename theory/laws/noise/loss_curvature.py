"""Gradient noise of Gaussian least squares: gradient times gradient plus twice the loss times curvature."""

from fractions import Fraction

import sympy as sp

from theory.domain import Param, Reals
from theory.law import Exactness, Law, Part, Rival, Source, Step
from theory.nodes.gauss import CoordSum, Fresh, Moment, res, xa, xb
from theory.nodes.lms import FRESH, GAUSSIAN
from theory.notation import B, BatchSum
from theory.parameters import BATCH, IID

Ga, Gb, Hab = sp.symbols("G_a G_b H_ab", real=True)
L, G2, trH = sp.symbols("L G2 trH", positive=True)
left, right = BatchSum(xa * res) / B, BatchSum(xb * res) / B
covariance = Fresh(left * right, B) - Fresh(left, B) * Fresh(right, B)
total = CoordSum(Fresh(left**2, B) - Fresh(left, B) ** 2)
signal = CoordSum(Fresh(left, B) ** 2)

entry = sp.Eq(covariance, (Ga * Gb + 2 * L * Hab) / B, evaluate=False)
trace = sp.Eq(total, (G2 + 2 * L * trH) / B, evaluate=False)
scale = sp.Eq(B * total / signal, 1 + 2 * L * trH / G2, evaluate=False)
spread = CoordSum(Moment(xa**2) * Moment(res**2) + Moment(xa * res) ** 2)

LAW = Law(
    id="noise.loss_curvature",
    version=1,
    title="Gradient noise is loss times curvature, plus the gradient with itself",
    parts=(
        Part("entry", entry, derivation=(
            Step("isserlis", (Moment(xa * xb) * Moment(res**2) + Moment(xa * res) * Moment(xb * res)) / B,
                 "three pairings, one of which is the product of the means"),
            Step("isserlis", entry.args[1], "2 L = E r^2, H = E x x', G = E x r"),
        ), rivals=(
            Rival("loss x curvature", 2 * L * Hab / B, "leaves out the gradient with itself"),
            Rival("minus", (2 * L * Hab - Ga * Gb) / B, "subtracts the mean once too often", near=True),
            Rival("raw", (2 * Ga * Gb + 2 * L * Hab) / B, "does not subtract the mean", near=True),
            Rival("L for 2L", (Ga * Gb + L * Hab) / B, "the loss is half the squared residual"),
        )),
        Part("trace", trace, derivation=(
            Step("isserlis", spread / B, "coordinate by coordinate"),
            Step("isserlis", trace.args[1], "sums over the coordinates"),
        ), rivals=(
            Rival("loss x curvature", 2 * L * trH / B, "leaves out the gradient with itself"),
            Rival("minus", (2 * L * trH - G2) / B, "a sign", near=True),
            Rival("per example", G2 + 2 * L * trH, "the noise of one example"),
        )),
        Part("scale", scale, derivation=(
            Step("isserlis", spread / CoordSum(Moment(xa * res) ** 2), "the batch cancels"),
            Step("isserlis", scale.args[1], "sums over the coordinates"),
        ), rivals=(
            Rival("loss x curvature", 2 * L * trH / G2, "leaves out the gradient with itself", near=True),
            Rival("L for 2L", 1 + L * trH / G2, "the loss is half the squared residual"),
            Rival("2", 2 + 2 * L * trH / G2, "does not subtract the mean", near=True),
        )),
    ),
    params=(
        BATCH,
        Param(L, Reals(0, open=True), Fraction(1), "expected loss, half the mean squared residual"),
        Param(G2, Reals(0, open=True), Fraction(1), "squared length of the expected gradient"),
        Param(trH, Reals(0, open=True), Fraction(10), "trace of the Hessian"),
        Param(Ga, Reals(), Fraction(1), "a coordinate of the expected gradient"),
        Param(Gb, Reals(), Fraction(1), "another coordinate of the expected gradient"),
        Param(Hab, Reals(), Fraction(1), "the entry of the Hessian at both"),
        IID,
    ),
    exactness=Exactness.MODEL,
    assumptions=(GAUSSIAN, FRESH),
    sources=(
        Source("mori2022", note="noise proportional to loss times Hessian, near a minimum"),
        Source("isserlis1918", note="moments of jointly Gaussian variables by pairings"),
        Source("batchlaws", read=True, note="exact form at every point, with the gradient's own term"),
    ),
    where={L: Moment(res**2) / 2, Ga: Moment(xa * res), Gb: Moment(xb * res), Hab: Moment(xa * xb),
           G2: CoordSum(Moment(xa * res) ** 2), trH: CoordSum(Moment(xa**2))},
    headline="scale",
    words=(
        "Near a minimum gradient noise is often modelled as loss times curvature. For Gaussian inputs this is exact, "
        "at every point and in every basis, with one more term: the covariance of an example's gradient is 2 L H "
        "plus the expected gradient with itself. So the noise is largest along sharp directions and fades with the "
        "loss, while far from the solution a part of it points along the gradient. The noise scale follows: 1 + 2 L "
        "tr H/|G|^2, which cannot be below one. With other inputs the fourth moments add a term of their own."
    ),
    answers={
        2: "The covariance of a mini-batch gradient is (2 L H + G G')/B on Gaussian least squares, at every point.",
        4: "Noise is loss times curvature: sharp directions are the noisy ones, and the noise fades as the loss does.",
    },
)
