"""What the learned weight of a hybrid normalization costs at inference."""

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
from theory.notation import At

w_B, w_L = sp.symbols("w_B w_L", real=True)
r_B, r_L, q = fit_batch, fit_sample, overlap

train = Average((alpha * by_batch + (1 - alpha) * by_sample - target) ** 2)
infer = Average((alpha * target + (1 - alpha) * by_sample - target) ** 2)
free = Average((w_B * target + w_L * by_sample - target) ** 2)
best = sp.Rational(1, 2) + (r_B - r_L) / (2 * (1 - q))
with sp.evaluate(False):
    cost = 2 * (1 - alpha) ** 2 * (1 - r_L)
    paid = 2 * ((1 - q - r_B + r_L) / (2 * (1 - q))) ** 2 * (1 - r_L)
free_cost = (1 - w_B) ** 2 + w_L**2 - 2 * (1 - w_B) * w_L * r_L

evaluation = sp.Eq(infer, cost, evaluate=False)
optimum = sp.Eq(Best(infer, alpha), sp.S.One, evaluate=False)
excess = sp.Eq(At(infer, alpha, Best(train, alpha)), paid, evaluate=False)
scaled = sp.Eq(free, free_cost, evaluate=False)

LAW = Law(
    id="norm.hybrid.train_eval",
    version=1,
    title="The learned weight of a hybrid normalization is best in training and not at inference",
    parts=(
        Part("evaluation", evaluation, derivation=(
            Step("average", cost, "the batch's part now meets the target: what is left is the sample's"),
        ), rivals=(
            Rival("first power", 2 * (1 - alpha) * (1 - r_L), "a square error is of second order", near=True),
            Rival("half", (1 - alpha) ** 2 * (1 - r_L), "both mean squares count", near=True),
            Rival("training", alpha**2 + (1 - alpha) ** 2 + 1 + 2 * alpha * (1 - alpha) * q - 2 * alpha * r_B
                  - 2 * (1 - alpha) * r_L, "the training loss: batch statistics are noisy, running ones are not"),
        )),
        Part("optimum", optimum, derivation=(
            Step("least squares", sp.S.One, "the batch's part alone meets the target", where={
                "loss": sp.Symbol("evaluation"), "alpha": sp.S.One}),
        ), rivals=(
            Rival("learned", best, "the weight that is best in training"),
            Rival("proportion", 1 / (1 + r_L), "weights in proportion to the fits"),
            Rival("error share", 1 - (1 - r_L) / 2, "as if the sample's part still helped", near=True),
        )),
        Part("excess", excess, derivation=(
            Step("law:/evaluation", 2 * (1 - Best(train, alpha)) ** 2 * (1 - r_L), "at the learned weight"),
            Step("law:norm.hybrid.alpha_identity/optimum", 2 * (1 - best) ** 2 * (1 - r_L), "which is known"),
            Step("algebra", paid, "collect"),
        ), rivals=(
            Rival("nothing", sp.S.Zero, "as if the learned weight were the best everywhere"),
            Rival("training loss", 2 * (1 - r_L) - (1 - q + r_B - r_L) ** 2 / (2 * (1 - q)),
                  "what the same weight pays in training"),
            Rival("first power", (1 - q - r_B + r_L) / (1 - q) * (1 - r_L), "a square error is of second order",
                  near=True),
            Rival("half", 2 * (1 - best) ** 2 * (1 - r_L) / 2, "both mean squares count", near=True),
        )),
        Part("scaled", scaled, derivation=(
            Step("average", free_cost, "two weights: zero at the batch's part alone"),
        ), rivals=(
            Rival("fixed read-out", 2 * w_L**2 * (1 - r_L), "right only where the weights add up to one"),
            Rival("no overlap", (1 - w_B) ** 2 + w_L**2, "as if the sample's output missed the target altogether"),
            Rival("other sign", (1 - w_B) ** 2 + w_L**2 + 2 * (1 - w_B) * w_L * r_L, "the overlap with the wrong sign",
                  near=True),
        )),
    ),
    params=(
        Param(r_B, Reals(-1, 1, open=True), Fraction(9, 10), "mean product, in training, of the batch-normalized "
              "output and the target"),
        Param(r_L, Reals(-1, 1, open=True), Fraction(8, 10), "mean product of the sample-normalized output and the "
              "target"),
        Param(q, Reals(-1, 1, open=True), Fraction(7, 10), "mean product of the two outputs in training",
              "at 1 both outputs are the same and every weight is as good"),
        Param(alpha, Reals(), Fraction(1, 2), "weight of the batch's normalization; 1 - alpha is the sample's"),
        Param(w_B, Reals(), Fraction(1, 2), "weight of the batch-normalized output where the scale is learned too"),
        Param(w_L, Reals(), Fraction(1, 2), "weight of the sample-normalized output where the scale is learned too"),
    ),
    constraints=(
        Constraint(1 + 2 * r_B * r_L * q >= r_B**2 + r_L**2 + q**2, "r_B = {r_B}, r_L = {r_L}, q = {q} are not the "
                   "mean products of three quantities: 1 + 2 r_B r_L q must be >= r_B^2 + r_L^2 + q^2"),
    ),
    exactness=Exactness.IDENTITY,
    assumptions=(
        Assumption("mean squares", "both outputs and the target have mean square one over the entries"),
        Assumption("perfect statistics", "at inference the batch's statistics are replaced by the population's, and "
                   "the target is the activation normalized by these"),
    ),
    uses=("norm.hybrid.alpha_identity",),
    sources=(Source("batchlaws", read=True, note="derived here; no earlier statement is known to us"),),
    where={**OVERLAPS, **UNIT},
    headline="excess",
    words=(
        "A hybrid layer learns its weight with the noisy statistics of training batches and is used with running "
        "statistics, which are nearly those of the population. Where the population-normalized activation is what the "
        "layer should output, the best weight at inference is 1: batch normalization with good running statistics has "
        "no error left. The learned weight is below 1, because in training the sample's statistics help against the "
        "noise of the batch's, and the layer pays 2(1 - alpha)^2(1 - r_L) for it. So a learned weight near 0 at small "
        "batches says what is best for the training loss and nothing about the test loss."
    ),
    answers={10: "The learned alpha is best for the training loss only: at inference it costs 2(1 - alpha)^2(1 - r_L), "
                 "and plain BatchNorm with perfect statistics nothing."},
)
