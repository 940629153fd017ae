"""SGD on the weight of a hybrid normalization reaches the best weight of the training loss."""

from fractions import Fraction

import sympy as sp

from theory.domain import Constraint, Integers, Param, Reals
from theory.law import Assumption, Exactness, Experiment, Law, Part, Rival, Source, Step
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
from theory.nodes.passes import AlphaMean, Passes, alpha0, slope
from theory.notation import eta, t

r_B, r_L, q = fit_batch, fit_sample, overlap
best = sp.Rational(1, 2) + (r_B - r_L) / (2 * (1 - q))
error = alpha * by_batch + (1 - alpha) * by_sample - target
with sp.evaluate(False):
    slope_rhs = 2 * (1 - q) * (alpha - best)
    mean_rhs = best + (1 - 2 * eta * (1 - q)) ** t * (alpha0 - best)
expanded = 2 * (1 - q) * alpha - (1 - q + r_B - r_L)

gradient = sp.Eq(Passes(slope()), slope_rhs, evaluate=False)
mean = sp.Eq(AlphaMean(t), mean_rhs, evaluate=False)
SMALL = {"population": "ints:6:skewed", "B": 2, "d": 3}

LAW = Law(
    id="norm.hybrid.alpha_sgd",
    version=1,
    title="SGD takes the weight of a hybrid normalization to the best of the training loss, on average exactly",
    parts=(
        Part("gradient", gradient, derivation=(
            Step("batches", Average(error * (by_batch - by_sample)), "the mean slope is the slope of the mean"),
            Step("average", expanded, "multiply out; mean squares are one"),
            Step("algebra", slope_rhs, "it vanishes at the best weight"),
        ), rivals=(
            Rival("at inference", 2 * (1 - r_L) * (alpha - 1), "the slope of the loss with perfect statistics"),
            Rival("no overlap", 2 * (alpha - sp.Rational(1, 2) - (r_B - r_L) / 2), "as if the outputs were unrelated"),
            Rival("half", (1 - q) * (alpha - best), "the loss is half the mean square already", near=True),
        )),
        Part("mean", mean, derivation=(
            Step("alpha steps", mean_rhs, "the distance from the best weight shrinks by one factor a step", where={
                "part": sp.Symbol("gradient")}),
        ), rivals=(
            Rival("best", best, "as if it were reached at once"),
            Rival("half the rate", best + (1 - eta * (1 - q)) ** t * (alpha0 - best), "the bend is twice 1 - q",
                  near=True),
            Rival("exponential", best + sp.exp(-2 * eta * (1 - q) * t) * (alpha0 - best), "gradient flow", near=True),
            Rival("one half", sp.Rational(1, 2) + (1 - 2 * eta * (1 - q)) ** t * (alpha0 - sp.Rational(1, 2)),
                  "as if both outputs fitted alike"),
        )),
    ),
    params=(
        Param(r_B, Reals(-1, 1, open=True), Fraction(9, 10), "mean product of the batch-normalized output and the "
              "target"),
        Param(r_L, Reals(-1, 1, open=True), Fraction(8, 10), "mean product of the sample-normalized output and the "
              "target"),
        Param(q, Reals(-1, 1, open=True), Fraction(7, 10), "mean product of the two outputs",
              "at 1 both outputs are the same and nothing moves"),
        Param(alpha, Reals(), Fraction(1, 2), "weight of the batch's normalization; 1 - alpha is the sample's"),
        Param(alpha0, Reals(), Fraction(1, 2), "weight at the start"),
        Param(eta, Reals(0, open=True), Fraction(1, 2), "step size of alpha"),
        Param(t, Integers(0), 10, "number of steps"),
    ),
    constraints=(
        Constraint(1 + 2 * r_B * r_L * q >= r_B**2 + r_L**2 + q**2, "r_B = {r_B}, r_L = {r_L}, q = {q} are not the "
                   "mean products of three quantities: 1 + 2 r_B r_L q must be >= r_B^2 + r_L^2 + q^2"),
    ),
    exactness=Exactness.IDENTITY,
    assumptions=(
        Assumption("fresh batches", "every step sees an independent batch of the same law; only alpha is trained"),
        Assumption("squared loss", "the loss of a batch is half the mean square of mixture minus target over its "
                   "entries; the read-out is fixed"),
        Assumption("mean squares", "both outputs and the target have mean square one over the entries"),
    ),
    sources=(Source("batchlaws", read=True, note="derived here; no earlier statement is known to us"),),
    where={**OVERLAPS, **UNIT},
    headline="mean",
    words=(
        "Train only the weight alpha of a hybrid layer by SGD with squared loss. Its mean after t steps is known "
        "exactly, for any step size and any distribution of the batches: the distance from the best weight of the "
        "training loss is multiplied by 1 - 2 eta (1 - q) a step. So alpha converges on average where the best weight "
        "says, which need not lie between 0 and 1, at a rate set by how much the two outputs disagree; where they "
        "nearly agree, as in large batches of wide layers, it moves slowly and needs a larger step than the weights. A "
        "learned scale behind the layer takes it to the other weight of norm.hybrid.alpha_identity. The best weight is "
        "that of the training loss: with the statistics of inference the slope is another one, and vanishes at 1."
    ),
    answers={10: "SGD takes alpha on average exactly to 1/2 + (r_B - r_L)/(2(1 - q)), by the factor "
                 "1 - 2 eta (1 - q) a step."},
    experiments=(
        Experiment("hybrid_alpha", part="mean", grid={"t": (1, 4)}, fixed={**SMALL, "eta": Fraction(1, 2),
                                                                         "start": 0}),
        Experiment("hybrid_alpha", part="mean", fixed={"population": "ints:6:even", "B": 3, "d": 2, "t": 8,
                                                       "eta": Fraction(1, 4), "start": 1}),
    ),
)
