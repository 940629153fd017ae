"""Every convex measure of noise falls with the batch size, and is smaller without replacement."""

import sympy as sp

from theory.domain import Constraint
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.convex import OthersMean, Phi, Repeated, With, Without
from theory.notation import B, BatchSum, E, N, g, gbar
from theory.parameters import BATCH, DESIGN, FITS, FROZEN, POPULATION, UNIFORM_BATCH


def noise(size: sp.Expr) -> sp.Expr:
    """Expected value of the function at the mean of a batch."""
    return E(Phi(BatchSum(g) / size), size)


larger = E(Phi(BatchSum(OthersMean(g)) / (B + 1)), B + 1)
falls = sp.Le(noise(B + 1), noise(B), evaluate=False)
order = sp.Le(Without(noise(B)), With(noise(B)), evaluate=False)

LAW = Law(
    id="sampling.convex_order",
    version=1,
    title="Noise falls with the batch size in every convex measure",
    parts=(
        Part("falls", falls, derivation=(
            Step("leave one out", larger, "leave out each of the B+1 examples in turn and average"),
            Step("jensen", E(BatchSum(Phi(OthersMean(g))) / (B + 1), B + 1), "the function of a mean of B+1 numbers"),
            Step("exchange", noise(B), "what is left is a batch of B"),
        ), rivals=(
            Rival("like 1/B", B / (B + 1) * noise(B), "the rate of the variance for every measure"),
            Rival("no noise", Phi(gbar), "the full gradient bounds from below, not from above"),
            Rival("B+1 on the right", E(Phi(BatchSum(g) / (B + 1)), B), "the larger batch's divisor on the smaller "
                  "batch", near=True),
        )),
        Part("order", order, derivation=(
            Step("repeat", Without(E(Phi(Repeated(BatchSum(g) / B)), B)), "repeat the examples as B draws with "
                 "replacement would: the sum keeps its mean"),
            Step("jensen", Without(E(Repeated(Phi(BatchSum(g) / B)), B)), "the function of a mean over repetitions"),
            Step("redraw", With(noise(B)), "repetitions of distinct examples are draws with replacement"),
        ), rivals=(
            Rival("finite-population factor", (N - B) / (N - 1) * With(noise(B)), "the variance's factor for every "
                  "measure"),
            Rival("B+1 with replacement", With(noise(B + 1)), "one more draw does not make up for repetitions at B = 1",
                  near=True),
            Rival("no noise", Phi(gbar), "the full gradient bounds from below, not from above"),
        )),
    ),
    params=(POPULATION, BATCH, DESIGN),
    constraints=(
        FITS,
        Constraint(B < N, "B = {B} is not allowed: a batch of B+1 must fit into the {N} samples", "wor"),
    ),
    exactness=Exactness.BOUND,
    assumptions=(
        UNIFORM_BATCH, FROZEN,
        Assumption("convex", "the measure is a convex function of the batch mean; one coordinate or direction, or "
                   "any number of them"),
    ),
    sources=(
        Source("hoeffding1963", locator="Theorem 4", note="with and without replacement; both parts are derived here"),
        Source("batchlaws", read=True, note="the derivations"),
    ),
    headline="falls",
    words=(
        "Variance is only one measure of noise. The mean of B+1 examples is the average of the B+1 means that leave "
        "one of them out, so every convex function of it, such as the absolute error, the fourth power, the part above "
        "a threshold, |1 - eta x|^q or an exponential, is smaller on average than for B examples, with and without "
        "replacement. Without replacement it is never larger than with. Both hold with equality for linear functions. "
        "How fast it falls depends on the function: 1/B is special to squares. For a function that is not convex, such "
        "as the logarithm that decides almost-sure stability, a larger batch can be worse."
    ),
    answers={
        2: "Not only the variance: the mean of every convex function of the batch gradient falls as B grows.",
        4: "What is convex in the batch curvature, mean-square growth for one, falls with B; its logarithm need not.",
    },
)
