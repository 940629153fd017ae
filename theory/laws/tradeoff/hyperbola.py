"""Steps and examples to a goal lie on a hyperbola."""

from fractions import Fraction

import sympy as sp

from theory.domain import Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.tradeoff import Walk
from theory.notation import At, B, N, PopMean, u, v, w
from theory.parameters import BATCH

B_crit = sp.Symbol("B_crit", positive=True)
r = sp.Symbol("rho", positive=True)
fewest, cheapest = Walk(sp.S.One), Walk(1 / u)
steps, examples = Walk(1 / (1 + u / B)), Walk(1 / (B + u))
length, noise = PopMean(v**2), PopMean(u * v**2)
mean, square = PopMean(v**2 * w), PopMean(v**2 * w**2)

needed = sp.Eq(steps / fewest, 1 + B_crit / B, evaluate=False)
product = sp.Eq((steps / fewest - 1) * (examples / cheapest - 1), sp.S.One, evaluate=False)
twice = sp.Eq(At(steps, B, cheapest / fewest) / fewest, sp.Integer(2), evaluate=False)
varied = (Walk(1 / (1 + w / r)) / fewest - 1) * (Walk(1 / (r * w + w**2)) / Walk(1 / w**2) - 1)
adaptive = sp.Le(varied, sp.S.One, evaluate=False)

LAW = Law(
    id="tradeoff.hyperbola",
    version=1,
    title="Steps and examples to a goal lie on a hyperbola",
    parts=(
        Part("steps", needed, derivation=(
            Step("walk", PopMean(v**2 * (1 + u / B)) / length, "a stage takes 1 + u/B steps for each noiseless one"),
            Step("sum", 1 + noise / (B * length), "sums over the stages"),
            Step("definition", needed.args[1], "the critical batch is the mean noise scale along the path"),
        ), rivals=(
            Rival("square root", 1 + sp.sqrt(B_crit / B), "diminishing returns of another power"),
            Rival("linear", B_crit / B, "perfect scaling without end"),
            Rival("plain mean", 1 + PopMean(u) / B, "the mean noise scale without the stages' lengths", near=True),
        )),
        Part("product", product, derivation=(
            Step("walk", (PopMean(v**2 * (1 + u / B)) / length - 1) * (PopMean(v**2 * (B + u)) / noise - 1),
                 "stage by stage"),
            Step("sum", (noise / (B * length)) * (B * length / noise), "sums over the stages"),
            Step("algebra", sp.S.One, "one is the inverse of the other"),
        ), rivals=(
            Rival("2", sp.Integer(2), "each is doubled at the critical batch, and the excess over one is not"),
            Rival("sum form", steps / fewest + examples / cheapest - 3, "adds what is multiplied"),
            Rival("square", (steps / fewest - 1) ** 2, "the same power of both"),
            Rival("with 1 + 1/B", 1 + 1 / B, "a near miss", near=True),
        )),
        Part("critical", twice, derivation=(
            Step("walk", sp.Integer(2), "1 + (mean noise scale)/B at B = mean noise scale"),
        ), rivals=(
            Rival("1/ln 2", 1 / sp.log(2), "what greedy steps cost"),
            Rival("4", sp.Integer(4), "steps and examples, both doubled"),
            Rival("3/2", sp.Rational(3, 2), "a near miss", near=True),
        )),
        Part("adaptive", adaptive, derivation=(
            Step("walk", mean**2 / (length * square), "batch and square root of the noise scale in proportion"),
            Step("squares", sp.S.One, "Cauchy and Schwarz: what is missing is a variance", where={
                "difference": PopMean(v**2 * (w * length - mean) ** 2) / (length**2 * square)}),
        ), rivals=(
            Rival("half", sp.Rational(1, 2), "no path saves that much by itself"),
            Rival("mean over square", mean / square, "the gain without the square"),
            Rival("1 - 1/N", 1 - 1 / (N + 1), "a near miss", near=True),
        )),
    ),
    params=(
        BATCH,
        Param(B_crit, Reals(0, open=True), Fraction(100), "critical batch: mean noise scale along the path"),
        Param(r, Reals(0, open=True), Fraction(1), "batch over square root of the noise scale, where it is adapted"),
    ),
    exactness=Exactness.MODEL,
    assumptions=(
        Assumption("progress model", "a step of batch B makes the share 1/(1 + noise scale/B) of the noiseless one's "
                   "progress"),
        Assumption("small steps", "the path is the same for every batch size; fractions of a step count"),
    ),
    sources=(
        Source("mccandlish2018", note="the model, the hyperbola and adaptive batches"),
        Source("batchlaws", read=True, note="sums over the stages"),
    ),
    where={B_crit: PopMean(u * v**2) / PopMean(v**2)},
    headline="steps",
    words=(
        "Larger batches reach a goal in fewer steps with more examples. If a step makes the share 1/(1 + noise "
        "scale/B) of the progress of a noiseless one, the two costs lie on a hyperbola: (steps/fewest - "
        "1)(examples/fewest - 1) = 1, however the noise scale changes on the way. The critical batch, where both "
        "costs are twice their least value, is the mean noise scale, each stage weighted by its length in noiseless "
        "steps. A batch that follows the square root of the noise scale does better, unless the noise scale is "
        "constant. All this is for small steps; see tradeoff.next_order and tradeoff.greedy for what large ones do."
    ),
    answers={5: "In the small-step model, batches up to the critical one cost at most twice the examples."},
)
