"""When SGD on fresh Gaussian least squares is stable: necessary and sufficient, for every spectrum."""

from fractions import Fraction

import sympy as sp

from theory.domain import Constraint, Integers, Param, Reals
from theory.law import Exactness, Law, Part, Rival, Source, Step
from theory.nodes.gauss import CoordSum, Fresh, Largest, Moment, d1, d2, da, db, ha, hb, res, xa, xb
from theory.nodes.indicator import Positive
from theory.nodes.lms import (
    FRESH,
    GAIN,
    GAUSSIAN,
    LABELS,
    LOSS,
    MOVED,
    WEIGHT,
    LargestStep,
    Stable,
    gain,
    h_max,
)
from theory.notation import At, B, BatchSum, eta, h1, h2, sigma2
from theory.parameters import BATCH, IID, RATE

square = Fresh(MOVED**2, B)
change = square - da**2
paired = (da - eta * Moment(xa * res)) ** 2 + eta**2 / B * (Moment(xa**2) * Moment(res**2) + Moment(xa * res) ** 2)
along = (1 - eta * ha) ** 2 * da**2 + eta**2 / B * (ha * (LOSS + sigma2) + ha**2 * da**2)
coordinate = sp.Eq(change, eta**2 / B * ha * (LOSS + sigma2) - eta * ha * (2 - eta * ha * (1 + 1 / B)) * da**2,
                   evaluate=False)
other = db - eta * BatchSum(xb * res) / B
mixed = sp.Eq(Fresh(MOVED * other, B), (1 - eta * (ha + hb) + eta**2 * ha * hb * (1 + 1 / B)) * da * db,
              evaluate=False)
drift = sp.Eq(CoordSum(WEIGHT * square) - CoordSum(WEIGHT * da**2), -eta * ((1 - gain) * LOSS - gain * sigma2),
              evaluate=False)
reach = 2 - eta * h_max * (1 + 1 / B)
criterion = sp.Eq(Stable(eta, B), Positive(1 - gain) * Positive(reach), evaluate=False)
edge = sp.Eq(At(gain, eta, LargestStep(B)), sp.S.One, evaluate=False)

middle = (B + 1) * (h1 + h2) + d1 * h1 + d2 * h2
with sp.evaluate(False):
    two = 4 * B / (middle + sp.sqrt(middle**2 - 4 * (B + 1) * (B + 1 + d1 + d2) * h1 * h2))
two_levels = sp.Eq(LargestStep(B), two, evaluate=False)
trace = d1 * h1 + d2 * h2

LAW = Law(
    id="lms.stability",
    version=1,
    title="Stability of SGD on fresh Gaussian least squares, for every spectrum",
    parts=(
        Part("coordinate", coordinate, derivation=(
            Step("isserlis", paired - da**2, "independent draws; pairings of x_a, x_a, r, r"),
            Step("eigenbasis", along - da**2, "along an eigenvector the gradient has mean h_a delta_a"),
            Step("eigenbasis", coordinate.args[1], "collect the coordinate's own square"),
        ), rivals=(
            Rival("gradient descent", -eta * ha * (2 - eta * ha) * da**2, "no noise"),
            Rival("own error only", eta**2 / B * ha * (ha * da**2 + sigma2) - eta * ha * (
                2 - eta * ha * (1 + 1 / B)) * da**2, "the noise comes from the error in every direction"),
            Rival("1+2/B", eta**2 / B * ha * (LOSS + sigma2) - eta * ha * (2 - eta * ha * (1 + 2 / B)) * da**2,
                  "does not subtract the square of the mean gradient", near=True),
        )),
        Part("off_diagonal", mixed, derivation=(
            Step("isserlis", (da - eta * Moment(xa * res)) * (db - eta * Moment(xb * res)) + eta**2 / B * (
                Moment(xa * xb) * Moment(res**2) + Moment(xa * res) * Moment(xb * res)), "pairings of x_a, x_b, r, r"),
            Step("eigenbasis", mixed.args[1], "different coordinates are uncorrelated"),
        ), rivals=(
            Rival("gradient descent", (1 - eta * ha) * (1 - eta * hb) * da * db, "no noise"),
            Rival("no batch", (1 - eta * (ha + hb) + 2 * eta**2 * ha * hb) * da * db, "single-example steps"),
            Rival("2/B", (1 - eta * (ha + hb) + eta**2 * ha * hb * (1 + 2 / B)) * da * db,
                  "a pairing too many", near=True),
        )),
        Part("drift", drift, derivation=(
            Step("isserlis", CoordSum(WEIGHT * paired) - CoordSum(WEIGHT * da**2), "coordinate by coordinate"),
            Step("eigenbasis", CoordSum(WEIGHT * along) - CoordSum(WEIGHT * da**2), "the part `coordinate`, weighted"),
            Step("eigenbasis", drift.args[1], "the weights cancel the coordinate's own term"),
        ), rivals=(
            Rival("no noise", -eta * LOSS, "gradient descent on the weighted squares"),
            Rival("additive noise", -eta * (LOSS - gain * sigma2), "noise that does not grow with the error"),
            Rival("1 + chi", -eta * ((1 + gain) * LOSS - gain * sigma2), "a sign", near=True),
            Rival("eta^2", -eta**2 * ((1 - gain) * LOSS - gain * sigma2), "a power of the step size"),
        )),
        Part("criterion", criterion, derivation=(
            Step("drift decides", criterion.args[1], "a positive form falls, or a coordinate grows"),
        ), rivals=(
            Rival("gradient descent", Positive(2 - eta * h_max), "the edge of gradient descent"),
            Rival("own direction", Positive(reach), "forgets the noise that other directions make"),
            Rival("without the square", Positive(1 - CoordSum(eta * ha / B / (2 - eta * ha))) * Positive(
                2 - eta * h_max), "additive-noise form of the gain", near=True),
            Rival("largest and trace", Positive(2 - eta * (h_max + (CoordSum(ha) + h_max) / B)),
                  "a bound by the largest eigenvalue and the trace: sufficient, not necessary"),
        )),
        Part("edge", edge, derivation=(
            Step("gain is one", sp.S.One, "the gain rises from zero without bound while the weights are positive"),
        ), rivals=(
            Rival("half", sp.Rational(1, 2), "the gain is not one half there"),
            Rival("1/B", 1 / B + (B - 1) / (2 * B), "depends on the batch"),
            Rival("1 + 1/B", 1 + 1 / B, "a near miss", near=True),
        )),
        Part("two_levels", two_levels, derivation=(
            Step("smaller zero", two, "gain = 1 is a quadratic in eta; its smaller zero"),
        ), rivals=(
            Rival("gradient descent", 2 / h2, "the edge of gradient descent"),
            Rival("largest and trace", 2 / (h2 + (trace + h2) / B), "sufficient, and exact for one eigenvalue only"),
            Rival("trace", 2 * B / trace, "the usual bound of adaptive filtering at small batches"),
            Rival("B for B+1", 4 * B / (middle + sp.sqrt(middle**2 - 4 * (B + 1) * (B + d1 + d2) * h1 * h2)),
                  "an off-by-one", near=True),
        )),
    ),
    params=(
        BATCH, RATE, LABELS,
        Param(h1, Reals(0, open=True), Fraction(1), "smaller eigenvalue of the Hessian"),
        Param(h2, Reals(0, open=True), Fraction(2), "larger eigenvalue of the Hessian"),
        Param(d1, Integers(1), 1, "number of coordinates with the smaller eigenvalue"),
        Param(d2, Integers(1), 1, "number of coordinates with the larger eigenvalue"),
        Param(gain, Reals(), Fraction(1, 2), "noise gain: sum over a of (eta h_a/B)/(2 - eta h_a(1 + 1/B))"),
        Param(h_max, Reals(0, open=True), Fraction(2), "largest eigenvalue of the Hessian"),
        IID,
    ),
    constraints=(Constraint(h1 <= h2, "h1 must not be above h2 (h1 = {h1}, h2 = {h2})"),),
    exactness=Exactness.MODEL,
    assumptions=(GAUSSIAN, FRESH),
    sources=(
        Source("horowitz1981", note="the condition at B = 1"),
        Source("feuer1985", note="the condition at B = 1, necessary and sufficient"),
        Source("ma2018", note="critical mini-batch of SGD in the interpolation regime"),
        Source("jain2018", note="mini-batching in least squares"),
        Source("batchlaws", read=True, note="mini-batch form, with a form whose drift decides"),
    ),
    where={gain: GAIN, h_max: Largest(ha)},
    headline="two_levels",
    words=(
        "Every coordinate's error makes noise in every other coordinate, so stability cannot be read off the "
        "sharpest direction. What counts is the noise gain chi: the sum over all eigenvalues of (eta h/B)/(2 - eta "
        "h(1 + 1/B)). SGD is stable in mean square if and only if chi is below 1 and eta h_max(1 + 1/B) below 2. The "
        "reason is one exact equation: a weighted sum of squared errors changes on average by -eta(1 - chi) times "
        "twice the excess risk, whatever the parameters are, so correlations between coordinates play no part. The "
        "usual bound by trace and largest eigenvalue is sufficient only, and gradient descent's 2/h_max is right for "
        "large batches only. For H = diag(1, 2) and single examples the edge is 4/(9 + sqrt 17) = 0.305, not 1."
    ),
    answers={
        4: "SGD tolerates a minimum only if the noise gain of its whole spectrum is below one, not just its sharpness.",
        5: "The largest stable step grows linearly in B while B is far below trace/h_max, then saturates at 2/h_max.",
    },
)
