"""The weight of batch against per-sample normalization that a layer with squared loss learns."""

from fractions import Fraction

import sympy as sp

from theory.domain import Constraint, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.hybrid import (
    OVERLAPS,
    UNIT,
    Average,
    alpha,
    by_batch,
    by_sample,
    fit_batch,
    fit_sample,
    overlap,
    target,
)
from theory.nodes.least_squares import Best
from theory.parameters import DESIGN

w_B, w_L = sp.symbols("w_B w_L", real=True)
r_B, r_L, q = fit_batch, fit_sample, overlap

fixed = Average((alpha * by_batch + (1 - alpha) * by_sample - target) ** 2)
free = Average((w_B * by_batch + w_L * by_sample - target) ** 2)
fixed_rhs = alpha**2 + (1 - alpha) ** 2 + 1 + 2 * alpha * (1 - alpha) * q - 2 * alpha * r_B - 2 * (1 - alpha) * r_L
free_rhs = w_B**2 + w_L**2 + 1 + 2 * w_B * w_L * q - 2 * w_B * r_B - 2 * w_L * r_L
half = sp.Rational(1, 2)
best = half + (r_B - r_L) / (2 * (1 - q))
best_B, best_L = (r_B - q * r_L) / (1 - q**2), (r_L - q * r_B) / (1 - q**2)
share = (r_B - q * r_L) / ((r_B + r_L) * (1 - q))
lowest = 2 * (1 - r_L) - (1 - q + r_B - r_L) ** 2 / (2 * (1 - q))
free_lowest = 1 - (r_B**2 + r_L**2 - 2 * q * r_B * r_L) / (1 - q**2)
with sp.evaluate(False):
    from_half = (1 + q) / (r_B + r_L) * (best - half)

loss = sp.Eq(fixed, fixed_rhs, evaluate=False)
optimum = sp.Eq(Best(fixed, alpha), best, evaluate=False)
parabola = sp.Eq(fixed, lowest + 2 * (1 - q) * (alpha - best) ** 2, evaluate=False)
free_loss = sp.Eq(free, free_rhs, evaluate=False)
learned_value = Best(free, w_B, w_L) / (Best(free, w_B, w_L) + Best(free, w_L, w_B))
learned = sp.Eq(learned_value, share, evaluate=False)
side = sp.Eq(learned_value - half, from_half, evaluate=False)

LAW = Law(
    id="norm.hybrid.alpha_identity",
    version=1,
    title="The best weight of a hybrid normalization",
    parts=(
        Part("loss", loss, derivation=(
            Step("average", fixed_rhs, "multiply out; the mean squares are one"),
        ), rivals=(
            Rival("no overlap", fixed_rhs - 2 * alpha * (1 - alpha) * q, "as if the two outputs were unrelated"),
            Rival("one overlap", fixed_rhs - alpha * (1 - alpha) * q, "the cross term enters twice", near=True),
            Rival("same fit", fixed_rhs.xreplace({r_L: r_B}), "as if both were equally close to the target"),
        )),
        Part("optimum", optimum, derivation=(
            Step("least squares", best, "the lowest point of the parabola", where={"loss": sp.Symbol("loss"),
                                                                                   "alpha": best}),
        ), rivals=(
            Rival("proportion", r_B / (r_B + r_L), "weights in proportion to the fits"),
            Rival("no overlap", half + (r_B - r_L) / 2, "as if the two outputs were unrelated", near=True),
            Rival("independent errors", (1 - r_L) / ((1 - r_B) + (1 - r_L)), "right if the two errors are unrelated"),
            Rival("twice", half + (r_B - r_L) / (1 - q), "a factor two too far from one half", near=True),
        )),
        Part("parabola", parabola, derivation=(
            Step("law:/loss", fixed_rhs, "the mean square"),
            Step("algebra", parabola.args[1], "complete the square"),
        ), rivals=(
            Rival("half the bend", lowest + (1 - q) * (alpha - best) ** 2, "the bend is twice 1 - q", near=True),
            Rival("nothing left", 2 * (1 - q) * (alpha - best) ** 2, "as if the target could be met"),
            Rival("no overlap", lowest + 2 * (alpha - best) ** 2, "as if the two outputs were unrelated"),
        )),
        Part("free_loss", free_loss, derivation=(
            Step("average", free_rhs, "multiply out; the mean squares are one"),
        ), rivals=(
            Rival("no overlap", free_rhs - 2 * w_B * w_L * q, "as if the two outputs were unrelated"),
            Rival("one overlap", free_rhs - w_B * w_L * q, "the cross term enters twice", near=True),
            Rival("same fit", free_rhs.xreplace({r_L: r_B}), "as if both were equally close to the target"),
        )),
        Part("learned", learned, derivation=(
            Step("least squares", best_B / (best_B + best_L), "the normal equations of two weights", where={
                "loss": sp.Symbol("free_loss"), "w_B": best_B, "w_L": best_L}),
            Step("algebra", share, "the sum of the weights is (r_B + r_L)/(1 + q)"),
        ), rivals=(
            Rival("fixed read-out", best, "the learned scale changes the weight", near=True),
            Rival("no overlap", r_B / (r_B + r_L), "as if the two outputs were unrelated"),
            Rival("other sign", (r_B + q * r_L) / ((r_B + r_L) * (1 + q)), "the overlap with the wrong sign",
                  near=True),
        )),
        Part("side", side, derivation=(
            Step("law:/learned", share - half, "the weight of the batch"),
            Step("algebra", from_half, "both are one half together, and on the same side of it where r_B + r_L > 0"),
        ), rivals=(
            Rival("equal", best - half, "the two weights differ"),
            Rival("no overlap", (best - half) / (r_B + r_L), "forgets that the two outputs agree in part", near=True),
            Rival("at one half", sp.S.Zero, "true only where both fits are equal"),
        )),
    ),
    params=(
        Param(r_B, Reals(-1, 1, open=True), Fraction(9, 10), "mean product of the batch-normalized output and the "
              "target"),
        Param(r_L, Reals(-1, 1, open=True), Fraction(8, 10), "mean product of the sample-normalized output and the "
              "target"),
        Param(q, Reals(-1, 1, open=True), Fraction(7, 10), "mean product of the two outputs",
              "at 1 both outputs are the same and every weight is as good"),
        Param(alpha, Reals(), half, "weight of the batch's normalization; 1 - alpha is the sample's"),
        Param(w_B, Reals(), half, "weight of the batch-normalized output where the scale is learned too"),
        Param(w_L, Reals(), half, "weight of the sample-normalized output where the scale is learned too"),
        DESIGN,
    ),
    constraints=(
        Constraint(1 + 2 * r_B * r_L * q >= r_B**2 + r_L**2 + q**2, "r_B = {r_B}, r_L = {r_L}, q = {q} are not the "
                   "mean products of three quantities: 1 + 2 r_B r_L q must be >= r_B^2 + r_L^2 + q^2"),
        Constraint(sp.Ne(r_B + r_L, 0), "r_B + r_L = 0 is not allowed: the two weights of a learned scale cancel"),
    ),
    exactness=Exactness.IDENTITY,
    assumptions=(
        Assumption("mean squares", "both outputs and the target have mean square one over the entries, which "
                   "normalization without eps grants the outputs"),
        Assumption("squared loss", "the layer's output, or a learned multiple of it, is fitted to the target by least "
                   "squares over the entries"),
    ),
    sources=(Source("batchlaws", read=True, note="derived here; no earlier statement is known to us"),),
    where={**OVERLAPS, **UNIT},
    headline="optimum",
    words=(
        "A hybrid layer outputs alpha times the batch-normalized activation plus 1 - alpha times the "
        "sample-normalized one. With squared loss the best alpha is one half plus the difference of the two fits over "
        "twice the disagreement 1 - q of the outputs; with a learned scale behind the layer it is another weight, on "
        "the same side of one half. Three numbers decide: how well each output follows the target, and how far the two "
        "follow each other. Weighting by the inverse error alone is right only where the two errors are unrelated, and "
        "they are not: both outputs contain the same activation. Nothing keeps the best alpha between 0 and 1."
    ),
    answers={10: "The learned alpha is 1/2 + (r_B - r_L)/(2(1 - q)): it moves toward the better of the two outputs."},
)
