"""Second moments of mini-batch SGD are a mixture of a full-batch step and single-example steps."""

from fractions import Fraction

import sympy as sp

from theory.domain import Param, Reals
from theory.law import Assumption, Exactness, Experiment, Law, Part, Rival, Source, Step
from theory.notation import B, BatchSum, ByDesign, E, N, PopMean, du, eta, hbar, s2, u, ubar
from theory.parameters import BATCH, DESIGN, FITS, POPULATION, RATE, STEP_INDEPENDENCE, UNIFORM_BATCH

with sp.evaluate(False):
    p_wor = (N - B) / (B * (N - 1))
p = ByDesign(p_wor, 1 / B)
single = (1 - eta * hbar) ** 2 + eta**2 * s2  # mean over examples of (1 - eta h_i)^2
statement = sp.Eq(E((1 - eta * BatchSum(u) / B) ** 2, B), (1 - p) * (1 - eta * hbar) ** 2 + p * single, evaluate=False)
examples = sp.Eq(PopMean((1 - eta * u) ** 2), single, evaluate=False)

LAW = Law(
    id="stability.mixture",
    version=1,
    title="A mini-batch step is a mixture of a full-batch and a single-example step",
    parts=(
        Part("single", examples, derivation=(
            Step("center", (1 - eta * hbar) ** 2 + eta**2 * PopMean(du**2), "curvatures as mean plus deviation"),
            Step("definition", single, "s^2 is the variance of the curvatures"),
        ), rivals=(
            Rival("no variance", (1 - eta * hbar) ** 2, "one curvature for all examples"),
            Rival("eta", (1 - eta * hbar) ** 2 + eta * s2, "the variance enters with eta^2"),
            Rival("minus", (1 - eta * hbar) ** 2 - eta**2 * s2, "a sign", near=True),
        )),
        Part("mixture", statement, derivation=(
            Step("center", (1 - eta * hbar) ** 2 + eta**2 * E(BatchSum(du) ** 2, B) / B**2
                 - 2 * eta * (1 - eta * hbar) * E(BatchSum(du), B) / B, "curvatures as mean plus deviation"),
            Step("moment", (1 - eta * hbar) ** 2 + eta**2 * ByDesign(
                p_wor * PopMean(du**2), PopMean(du**2) / B), "the bilinear lemma"),
            Step("definition", statement.args[1], "1 - p_B of the full step, p_B of the single-example step"),
        ), rivals=(
            Rival("p = 1/B", ByDesign((1 - 1 / B) * (1 - eta * hbar) ** 2 + single / B,
                                      (1 - 1 / (B + 1)) * (1 - eta * hbar) ** 2 + single / (B + 1)),
                  "the weight under sampling with replacement", near=True),
            Rival("full step only", (1 - eta * hbar) ** 2, "as if the batch did not matter"),
            Rival("single step only", single, "as if every batch were one example"),
        )),
    ),
    params=(
        POPULATION, BATCH, RATE,
        Param(hbar, Reals(0, open=True), Fraction(1), "mean curvature over the examples"),
        Param(s2, Reals(0), Fraction(1, 2), "variance of the per-example curvatures, divisor N"),
        DESIGN,
    ),
    constraints=(FITS,),
    exactness=Exactness.IDENTITY,
    assumptions=(
        UNIFORM_BATCH, STEP_INDEPENDENCE,
        Assumption("quadratic examples", "each example's loss is quadratic with curvature u_i; one direction"),
    ),
    sources=(
        Source("mulayoff2024", note="abstract: the mixture with weight about 1/B; the exact weight read in a summary"),
    ),
    where={s2: PopMean(du**2), hbar: PopMean(u), ubar: PopMean(u)},
    headline="mixture",
    words=(
        "How much does a random mini-batch step stretch or shrink a perturbation, in mean square? Exactly as much as a "
        "process that takes a full-batch step with probability 1 - p and a single-example step with probability p, "
        "with "
        "p = (N-B)/(B(N-1)). So the stability of SGD at any batch size interpolates between gradient descent and "
        "single-example SGD, and non-uniform curvature counts only through p times its variance."
    ),
    answers={4: "Whether noise throws SGD out of a minimum depends on sharpness and on the spread of the curvatures."},
    experiments=(
        Experiment("enumerate", part="mixture", channel="network",
                   fixed={"population": "digits8:gradient:coordinate:30", "eta": Fraction(1, 2)}),
    ),
)
