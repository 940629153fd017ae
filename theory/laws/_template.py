"""One sentence: what this law says.  Copy of the blank form; `batchlaws new family.name` fills in the id.

Fill in the statement, the derivation and at least three rivals (one a near miss), then run
``batchlaws verify {id}``: every check, the page and the citation follow from this file.
"""

import sympy as sp

from theory.law import Exactness, Experiment, Law, Part, Rival, Source, Step
from theory.notation import B, BatchSum, E, N, PopMean, dg, g, gbar, sigma2
from theory.parameters import BATCH, FITS, FROZEN, POPULATION, UNIFORM_BATCH, VARIANCE

# The left side is what brute force evaluates; the right side is the claim.
statement = sp.Eq(E((BatchSum(g) / B - gbar) ** 2, B), sigma2 / B * (N - B) / (N - 1), evaluate=False)

LAW = Law(
    id="family.name",
    version=1,
    title="A title of one line",
    parts=(
        Part("variance", statement, derivation=(
            # Each line equals the one before, by its rule (theory.proof.RULES); the last is the right side.
            Step("center", E(BatchSum(dg) ** 2 / B**2, B), "g_i = gbar + dg_i"),
            Step("moment", PopMean(dg**2) * (N - B) / (B * (N - 1)), "moment calculus"),
            Step("definition", statement.args[1], "sigma2 is the population mean of dg^2"),
        ), rivals=(
            Rival("no correction", sigma2 / B, "why somebody would believe it"),
            Rival("N for N-1", sigma2 / B * (N - B) / N, "a near miss", near=True),
            Rival("B+1", sigma2 / (B + 1) * (N - B) / (N - 1), "an off-by-one", near=True),
        )),
    ),
    params=(POPULATION, BATCH, VARIANCE),
    constraints=(FITS,),
    exactness=Exactness.IDENTITY,
    assumptions=(UNIFORM_BATCH, FROZEN),
    sources=(Source("cochran1977", note="what was taken from it; read=True with a locator where it was read"),),
    where={sigma2: PopMean(dg**2)},
    words=(
        "What it says, when it matters and what people get wrong, in a paragraph that anybody can read: the noise of a "
        "mini-batch gradient falls with the batch size, a little faster than one over B when the batch is drawn "
        "without replacement, and reaches zero when the batch is the data."
    ),
    answers={2: "How it answers claim 2, in one sentence."},
    experiments=(
        Experiment("batch_mean_moment", grid={"B": (2, 4)},
                   fixed={"population": "ints:12:skewed", "order": 2, "design": "wor"}),
    ),
)
