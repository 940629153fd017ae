"""The gradient noise scale of Gaussian least squares: d + 1 at every point."""

from fractions import Fraction

import sympy as sp

from theory.domain import Param, Reals
from theory.law import Exactness, Law, Part, Rival, Source, Step
from theory.nodes.gauss import CoordSum, Fresh, Moment, d, da, ha, res, xa
from theory.nodes.lms import AFTER, DIMENSION, DISTANCE, FRESH, GAUSSIAN, LABELS, LOSS
from theory.notation import At, B, BatchSum, eta, h, sigma2
from theory.parameters import BATCH, CURVATURE, IID, RATE

mean = Fresh(BatchSum(xa * res) / B, B)
variance = Fresh((BatchSum(xa * res) / B) ** 2, B) - mean**2
paired = (Moment(xa**2) * Moment(res**2) + Moment(xa * res) ** 2) / B
scale = B * CoordSum(variance) / CoordSum(mean**2)
weighted = B * CoordSum(ha * variance) / CoordSum(ha * mean**2)
measured = B * CoordSum(paired) / CoordSum(Moment(xa * res) ** 2)
distance2 = sp.Symbol("distance2", positive=True)
best = 1 / (h * (1 + (d + 1) / B))


def along(loss: sp.Expr) -> sp.Expr:
    """The noise scale in the eigenbasis, where twice the loss is given."""
    return CoordSum(ha * loss + ha**2 * da**2) / CoordSum(ha**2 * da**2)


constant = sp.Eq(scale, d + 1, evaluate=False)
curved = sp.Eq(weighted, d + 1, evaluate=False)
noisy = sp.Eq(scale, d + 1 + d * sigma2 / (h * distance2), evaluate=False)
progress = sp.Eq(1 - At(AFTER / DISTANCE, eta, best), 1 / (1 + (d + 1) / B), evaluate=False)

LAW = Law(
    id="lms.noise_scale",
    version=1,
    title="The gradient noise scale of Gaussian least squares is d + 1, everywhere",
    parts=(
        Part("constant", constant, derivation=(
            Step("isserlis", measured, "the variance of a batch mean is that of an example over B"),
            Step("eigenbasis", along(LOSS), "along an eigenvector the gradient has mean h_a delta_a"),
            Step("spectrum", constant.args[1], "all eigenvalues are h; the distance cancels"),
        ), rivals=(
            Rival("d", d, "the trace alone", near=True),
            Rival("d+2", d + 2, "does not subtract the squared mean gradient", near=True),
            Rival("per batch", (d + 1) / B, "the variance of the batch mean, not of an example"),
        )),
        Part("weighted", curved, derivation=(
            Step("isserlis", B * CoordSum(ha * paired) / CoordSum(ha * Moment(xa * res) ** 2), "as before"),
            Step("eigenbasis", CoordSum(ha * (ha * LOSS + ha**2 * da**2)) / CoordSum(ha**3 * da**2), "as before"),
            Step("spectrum", curved.args[1], "with equal eigenvalues the weights cancel"),
        ), rivals=(
            Rival("h too many", h * (d + 1), "weights in the numerator only"),
            Rival("d", d, "the trace alone", near=True),
            Rival("1", sp.S.One, "one direction"),
        )),
        Part("noisy", noisy, derivation=(
            Step("isserlis", measured, "as before"),
            Step("eigenbasis", along(LOSS + sigma2), "label noise adds to the loss, not to the mean gradient"),
            Step("spectrum", d + 1 + d * sigma2 / (h * DISTANCE), "all eigenvalues are h"),
            Step("definition", noisy.args[1], "the squared distance from the solution"),
        ), rivals=(
            Rival("constant", d + 1, "no label noise"),
            Rival("additive", d * sigma2 / (h * distance2), "the noise at the solution only"),
            Rival("d+1 in both", (d + 1) * (1 + sigma2 / (h * distance2)), "label noise has no direction of its own",
                  near=True),
        )),
        Part("progress", progress, derivation=(
            Step("law:lms.best_rate/attained", 1 - (d + 1) / (B + d + 1), "the best factor at this batch"),
            Step("algebra", progress.args[1], "the share of the noiseless progress at noise scale d + 1"),
        ), rivals=(
            Rival("d", 1 / (1 + d / B), "a near miss", near=True),
            Rival("squared", 1 / (1 + (d + 1) / B) ** 2, "the model applied twice"),
            Rival("full", sp.S.One, "a noiseless step"),
        )),
    ),
    params=(
        BATCH, CURVATURE, RATE, DIMENSION, LABELS,
        Param(distance2, Reals(0, open=True), Fraction(1), "squared distance of the parameters from the solution"),
        IID,
    ),
    exactness=Exactness.MODEL,
    assumptions=(GAUSSIAN, FRESH),
    uses=("lms.best_rate",),
    sources=(
        Source("mccandlish2018", note="the noise scale and the model of a step's progress; values derived here"),
        Source("batchlaws", read=True, note="closed forms"),
    ),
    where={ha: h, distance2: DISTANCE},
    headline="noisy",
    words=(
        "The gradient noise scale, variance of an example's gradient over squared mean gradient, usually drifts "
        "during training. On Gaussian least squares with equal eigenvalues and no label noise it does not: it is d + "
        "1 at every point, because gradient and noise both shrink in proportion to the distance. The model in which "
        "a step makes the share 1/(1 + noise scale/B) of the noiseless progress then holds exactly, and noise scale "
        "and critical batch of linear scaling are one number. Label noise adds d sigma^2/(h distance^2), which grows "
        "without bound as the solution is approached."
    ),
    answers={5: "Noise scale and critical batch of linear scaling are one number here, d + 1, at every point."},
)
