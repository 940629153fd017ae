"""Two variances of one layer: what BatchNorm divides by in training, and what it stores for inference."""

import sympy as sp

from theory.domain import Integers, Param, Reals
from theory.law import Exactness, Experiment, Law, Part, Rival, Source, Step
from theory.notation import B, BatchSum, ByDesign, E, N, PopMean, dx, sigma2, x
from theory.parameters import DESIGN, FITS, POPULATION, UNIFORM_BATCH

sums = BatchSum(x**2) - BatchSum(x) ** 2 / B
centered = BatchSum(dx**2) - BatchSum(dx) ** 2 / B
m2 = PopMean(dx**2)
of_population = ByDesign(N / (N - 1), 1)
stored = sp.Eq(E(sums / (B - 1), B), ByDesign(N / (N - 1) * sigma2, sigma2), evaluate=False)
output = sp.Eq(m2 / E(sums / (B - 1), B), ByDesign((N - 1) / N, 1), evaluate=False)
biased = sp.Eq(m2 / E(sums / B, B), ByDesign(B * (N - 1) / ((B - 1) * N), B / (B - 1)), evaluate=False)
ratio = sp.Eq(E(sums / (B - 1), B) / E(sums / B, B), B / (B - 1), evaluate=False)

LAW = Law(
    id="norm.gap.bessel",
    version=1,
    title="The unbiased variance that is stored makes the inference output's second moment right",
    parts=(
        Part("stored", stored, derivation=(
            Step("center", E(centered / (B - 1), B), "the variance does not see the mean"),
            Step("moment", of_population * m2, "B - 1 degrees of freedom"),
            Step("definition", stored.args[1], "sigma^2 with divisor N"),
        ), rivals=(
            Rival("biased", (B - 1) / B * stored.args[1], "what normalizes in training"),
            Rival("B/(B+1)", B / (B + 1) * stored.args[1], "an off-by-one", near=True),
            Rival("Bessel twice", B / (B - 1) * stored.args[1], "the correction applied to an unbiased variance"),
        )),
        Part("output", output, derivation=(
            Step("center", m2 / E(centered / (B - 1), B), "the variance does not see the mean"),
            Step("moment", output.args[1], "sigma^2 cancels"),
        ), rivals=(
            Rival("swapped", (B - 1) / B * output.args[1], "the correction on the wrong side"),
            Rival("biased store", B / (B - 1) * output.args[1], "without the correction"),
            Rival("1 - 1/B^2", (1 - 1 / B**2) * output.args[1], "both corrections", near=True),
        )),
        Part("biased", biased, derivation=(
            Step("center", m2 / E(centered / B, B), "the variance does not see the mean"),
            Step("moment", biased.args[1], "one of B degrees of freedom goes to the mean"),
        ), rivals=(
            Rival("right", ByDesign((N - 1) / N, 1), "only with the correction"),
            Rival("swapped", ((B - 1) / B) ** 2 * biased.args[1], "the correction on the wrong side"),
            Rival("(B+1)/B", ByDesign((B + 1) * (N - 1) / (B * N), (B + 1) / B), "an off-by-one", near=True),
        )),
        Part("ratio", ratio, derivation=(
            Step("center", E(centered / (B - 1), B) / E(centered / B, B), "the variance does not see the mean"),
            Step("moment", B / (B - 1), "the same sum of squares over B - 1 and over B"),
        ), rivals=(
            Rival("upside down", (B - 1) / B, "training divides by the smaller one"),
            Rival("one", sp.S.One, "they are not the same number"),
            Rival("(B+1)/B", (B + 1) / B, "an off-by-one", near=True),
        )),
    ),
    params=(
        POPULATION,
        Param(B, Integers(2), 8, "entries the statistic pools (batch size times positions)",
              "the unbiased variance divides by B-1"),
        Param(sigma2, Reals(0, open=True), 1, "variance of the activation, divisor N", "a constant activation has no "
              "normalized value"),
        DESIGN,
    ),
    constraints=(FITS,),
    exactness=Exactness.DISTRIBUTION_FREE,
    assumptions=(UNIFORM_BATCH,),
    sources=(
        Source("ioffe2015", note="unbiased variance for inference"),
        Source("batchlaws", read=True, note="derived here"),
    ),
    where={sigma2: PopMean(dx**2)},
    headline="ratio",
    words=(
        "In training BatchNorm divides by the biased variance of the batch; the running variance that PyTorch keeps "
        "for inference is the unbiased one, B/(B-1) times as large. The correction does one thing: averaged long "
        "enough, the inference output has mean square 1 for independent draws. With a biased store, as in Keras, it is "
        "B/(B-1), 2 at B = 2. It does not remove the train/inference gap, 2(1 - E[s]/sigma), because E[s] is not "
        "sqrt(E[s^2]). Within an epoch, without replacement, the unbiased variance estimates N/(N-1) sigma^2."
    ),
    answers={6: "The Bessel correction makes the inference output's second moment right; it does not close the gap."},
    experiments=(
        Experiment("enumerate", part="output", channel="network", fixed={
            "population": "digits8:preactivation:0", "sizes": (2, 3, 8), "designs": ("wor",)}),
    ),
)
