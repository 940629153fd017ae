"""What the two-batch estimators of the gradient noise scale estimate, on a finite data set."""

from fractions import Fraction

import sympy as sp

from theory.domain import Constraint, Integers, Param, Reals
from theory.law import Exactness, Experiment, Law, Part, Rival, Source, Step
from theory.notation import B, BatchSum, ByDesign, E, N, PopMean, b, dg, g, gbar, sigma2
from theory.parameters import DESIGN, FITS, FROZEN, POPULATION, UNIFORM_BATCH, VARIANCE


def norm(size: sp.Expr) -> sp.Expr:
    """Expected squared norm of a batch mean."""
    return E((BatchSum(g) / size) ** 2, size)


def inflated(size: sp.Expr) -> sp.Expr:
    """The same by `gradient.norm_inflation`."""
    return gbar**2 + ByDesign((N - size) / (size * (N - 1)), 1 / size) * sigma2


trace = sp.Eq((norm(b) - norm(B)) / (1 / b - 1 / B), ByDesign(N / (N - 1) * sigma2, sigma2), evaluate=False)
signal = sp.Eq((B * norm(B) - b * norm(b)) / (B - b), ByDesign(gbar**2 - sigma2 / (N - 1), gbar**2), evaluate=False)

LAW = Law(
    id="noise_scale.estimators",
    version=1,
    title="What the two-batch noise-scale estimators estimate",
    parts=(
        Part("trace", trace, derivation=(
            Step("law:gradient.norm_inflation/norm", (inflated(b) - norm(B)) / (1 / b - 1 / B), "the small batch",
                 where={B: b}),
            Step("law:gradient.norm_inflation/norm", (inflated(b) - inflated(B)) / (1 / b - 1 / B), "the large batch"),
            Step("algebra", trace.args[1], "the signal cancels"),
        ), rivals=(
            Rival("trace with divisor N", ByDesign(sigma2, sigma2 * N / (N + 1)),
                  "the estimate has divisor N-1 on a finite data set", near=True),
            Rival("per example", ByDesign(sigma2 / B, sigma2 / B), "forgets to multiply by the batch size"),
            Rival("signal left in", ByDesign(N / (N - 1) * sigma2 + gbar**2, sigma2 + gbar**2), "does not subtract"),
        )),
        Part("signal", signal, derivation=(
            Step("law:gradient.norm_inflation/norm", (B * norm(B) - b * inflated(b)) / (B - b), "the small batch",
                 where={B: b}),
            Step("law:gradient.norm_inflation/norm", (B * inflated(B) - b * inflated(b)) / (B - b), "the large batch"),
            Step("algebra", signal.args[1], "with replacement the noise cancels; without, -1/N of it stays"),
        ), rivals=(
            Rival("unbiased", ByDesign(gbar**2, gbar**2 - sigma2 / N), "unbiased only for independent draws"),
            Rival("tr Sigma/N", ByDesign(gbar**2 - sigma2 / N, gbar**2 + sigma2 / N), "the trace with divisor N",
                  near=True),
            Rival("batch norm", ByDesign(gbar**2 + sigma2 / B, gbar**2 + sigma2 / B), "no correction at all"),
        )),
    ),
    params=(
        POPULATION,
        Param(B, Integers(2), 64, "the larger batch size"),
        Param(b, Integers(1), 4, "the smaller batch size"),
        VARIANCE,
        Param(gbar, Reals(), Fraction(1), "full gradient (one coordinate)"),
        DESIGN,
    ),
    constraints=(
        FITS,
        Constraint(b < B, "b = {b} is not allowed: the smaller batch must be below the larger, B = {B}"),
    ),
    exactness=Exactness.IDENTITY,
    assumptions=(UNIFORM_BATCH, FROZEN),
    uses=("gradient.norm_inflation",),
    sources=(
        Source("mccandlish2018", note="the estimators; the finite-population bias is derived here"),
    ),
    where={sigma2: PopMean(dg**2), gbar: PopMean(g)},
    words=(
        "Two batch sizes give two equations for signal and noise. On a finite data set drawn without replacement the "
        "noise estimate targets the trace with divisor N-1, and the signal estimate is too small by 1/N of it: near a "
        "minimum it is negative by law, not by bad luck. If the data are a sample of a wider population, that same "
        "number is the unbiased estimate of the wider squared gradient. The two batches may overlap; only their sizes "
        "matter. The ratio of the two is biased: average both before dividing."
    ),
    answers={
        2: "Signal and noise can be told apart from two batch sizes, with a known bias on finite data.",
        5: "The noise scale near a minimum goes negative because |G|^2 - tr S/N does.",
    },
    experiments=(
        Experiment("enumerate", part="signal", channel="network",
                   fixed={"population": "digits8:gradient:coordinate:30", "sizes": (4,), "b": 2}),
        Experiment("enumerate", part="trace", channel="network",
                   fixed={"population": "digits8:gradient:coordinate:30", "sizes": (5,), "b": 1}),
    ),
)
