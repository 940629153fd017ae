"""What one step does to the distance from the solution, when every batch is fresh."""

import sympy as sp

from theory.law import Exactness, Law, Part, Rival, Source, Step
from theory.nodes.gauss import CoordSum, Moment, d, da, ha, res, xa
from theory.nodes.lms import AFTER, DIMENSION, DISTANCE, FRESH, GAUSSIAN, LABELS, LOSS
from theory.notation import B, eta, h, sigma2
from theory.parameters import BATCH, CURVATURE, IID, RATE

loss = LOSS + sigma2
paired = CoordSum((da - eta * Moment(xa * res)) ** 2 + eta**2 / B * (
    Moment(xa**2) * Moment(res**2) + Moment(xa * res) ** 2))

step = sp.Eq(AFTER, CoordSum((1 - eta * ha) ** 2 * da**2) + eta**2 / B * (
    CoordSum(ha) * loss + CoordSum(ha**2 * da**2)), evaluate=False)
alike = (1 - eta * h) ** 2 + eta**2 * h**2 * (d + 1) / B
noisy = sp.Eq(AFTER, alike * DISTANCE + eta**2 * h * d * sigma2 / B, evaluate=False)
factor = sp.Eq(AFTER / DISTANCE, alike, evaluate=False)


def wrong(dimension: sp.Expr) -> sp.Expr:
    """The factor with another count of dimensions."""
    return (1 - eta * h) ** 2 + eta**2 * h**2 * dimension / B


LAW = Law(
    id="lms.contraction",
    version=1,
    title="One SGD step on fresh Gaussian least squares",
    parts=(
        Part("step", step, derivation=(
            Step("isserlis", paired, "the B pairs of a draw with itself; other pairs of draws are independent"),
            Step("eigenbasis", step.args[1], "along an eigenvector the gradient has mean h_a delta_a"),
        ), rivals=(
            Rival("additive noise", CoordSum((1 - eta * ha) ** 2 * da**2) + eta**2 / B * CoordSum(ha) * sigma2,
                  "the noise at the solution, wherever the parameters are"),
            Rival("noise = loss x curvature", CoordSum((1 - eta * ha) ** 2 * da**2) + eta**2 / B * CoordSum(ha) * loss,
                  "leaves out the square of the gradient"),
            Rival("no batch", CoordSum((1 - eta * ha) ** 2 * da**2) + eta**2 * (
                CoordSum(ha) * loss + CoordSum(ha**2 * da**2)), "single-example steps"),
            Rival("raw fourth moment", CoordSum((1 - eta * ha) ** 2 * da**2) + eta**2 / B * (
                CoordSum(ha) * loss + 2 * CoordSum(ha**2 * da**2)), "does not subtract the mean gradient's square",
                near=True),
        )),
        Part("noisy", noisy, derivation=(
            Step("isserlis", paired, "as before"),
            Step("eigenbasis", step.args[1], "along an eigenvector the gradient has mean h_a delta_a"),
            Step("spectrum", noisy.args[1], "all eigenvalues are h"),
        ), rivals=(
            Rival("one dimension", alike * DISTANCE + eta**2 * h * sigma2 / B, "every coordinate adds label noise"),
            Rival("d for d+1", wrong(d) * DISTANCE + eta**2 * h * d * sigma2 / B, "a near miss", near=True),
            Rival("noise free of h", alike * DISTANCE + eta**2 * d * sigma2 / B,
                  "the input's size scales the noise"),
        )),
        Part("factor", factor, derivation=(
            Step("isserlis", paired / DISTANCE, "as before, without label noise"),
            Step("eigenbasis", (CoordSum((1 - eta * ha) ** 2 * da**2) + eta**2 / B * (
                CoordSum(ha) * LOSS + CoordSum(ha**2 * da**2))) / DISTANCE, "the residual is x.delta"),
            Step("spectrum", factor.args[1], "all eigenvalues are h; the distance cancels"),
        ), rivals=(
            Rival("gradient descent", (1 - eta * h) ** 2, "no noise"),
            Rival("d", wrong(d), "forgets that the error's own direction counts twice", near=True),
            Rival("d+2", wrong(d + 2), "the raw fourth moment, its mean square counted again", near=True),
            Rival("d+1 without B", wrong((d + 1) * B), "single-example steps"),
        )),
    ),
    params=(BATCH, RATE, CURVATURE, DIMENSION, LABELS, IID),
    exactness=Exactness.MODEL,
    assumptions=(GAUSSIAN, FRESH),
    sources=(
        Source("horowitz1981", note="second-moment recursion of LMS with Gaussian inputs at B = 1"),
        Source("feuer1985", note="the same with its exact stability analysis"),
        Source("batchlaws", read=True, note="mini-batch form, for every dimension by index algebra"),
    ),
    headline="factor",
    words=(
        "Least squares on a stream of fresh Gaussian inputs is the learning problem in which everything can be "
        "computed. One step multiplies the expected squared distance from the solution by (1 - eta h)^2, as gradient "
        "descent would, plus eta^2 h^2 (d+1)/B: the price of seeing only B examples in d dimensions. The noise is "
        "not the noise at the solution: it shrinks with the distance, so that without label noise the error falls by "
        "the same factor for ever. The count is d + 1 and not d, because the direction of the error itself is seen "
        "with its square."
    ),
    answers={5: "Batch and step enter through eta^2 (d+1)/B beside (1 - eta h)^2: only the first scales linearly."},
)
