"""How often a mini-batch step points uphill."""

from fractions import Fraction

import sympy as sp

from theory.domain import Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.tails import AtMostZero
from theory.nodes.whole import Letter
from theory.notation import B, BatchSum, ByDesign, E, N, PopMean, dx, mu, sigma2, x
from theory.parameters import BATCH, DESIGN, FITS, FROZEN, POPULATION, UNIFORM_BATCH

signal = Letter("G2", positive=True)
with sp.evaluate(False):
    p_wor = (N - B) / (B * (N - 1))
V = ByDesign((N - B) / (B * (N - 1)), 1 / B) * sigma2
slope = signal / (signal**2 + V)
chance = E(AtMostZero(BatchSum(x) / B), B)
bound = V / (V + signal**2)
statement = sp.Le(chance, bound, evaluate=False)

LAW = Law(
    id="gradient.uphill",
    version=1,
    title="A mini-batch step points uphill with a probability bounded by its noise",
    parts=(
        Part("chance", statement, derivation=(
            Step("square above", E((1 - slope * BatchSum(x) / B) ** 2, B), "Cantelli's square, with its best slope",
                 where={"slope": slope}),
            Step("center", E((1 - slope * (mu + BatchSum(dx) / B)) ** 2, B), "slopes as mean plus deviation"),
            Step("moment", (1 - slope * signal) ** 2 + slope**2 * ByDesign(
                p_wor * PopMean(dx**2), PopMean(dx**2) / B), "the deviation has mean zero and the variance law's "
                "variance"),
            Step("definition", bound, "with V = p_B sigma^2 and mean |G|^2"),
        ), rivals=(
            Rival("half", bound / 2, "as if the noise were symmetric"),
            Rival("|G|^2 for |G|^4", V / (V + signal), "slopes along the gradient have mean |G|^2, its square counts",
                  near=True),
            Rival("Gaussian", sp.erfc(signal / sp.sqrt(2 * V)) / 2, "holds for Gaussian noise only"),
            Rival("no correction", ByDesign((N - B) / (B * N), 1 / (B + 1)) * sigma2 / (
                ByDesign((N - B) / (B * N), 1 / (B + 1)) * sigma2 + signal**2), "a divisor", near=True),
        )),
    ),
    params=(
        POPULATION, BATCH,
        Param(sigma2, Reals(0), Fraction(1), "variance over the examples of the slope g_i.G along the full gradient, "
              "divisor N"),
        Param(signal, Reals(0, open=True), Fraction(1), "squared norm |G|^2 of the full gradient: the mean slope",
              "at a stationary point nothing is uphill or downhill"),
        DESIGN,
    ),
    constraints=(FITS,),
    exactness=Exactness.BOUND,
    assumptions=(
        UNIFORM_BATCH, FROZEN,
        Assumption("slopes", "x_i = g_i.G is the slope of example i's gradient along the full gradient G; the step "
                   "-g_B points uphill, or along the level set, when its mean over the batch is not positive"),
    ),
    sources=(
        Source("cantelli1928", note="the one-sided inequality; derived here for batches"),
        Source("batchlaws", read=True, note="the application and its finite-population form"),
    ),
    where={signal: PopMean(x), mu: PopMean(x), sigma2: PopMean(dx**2)},
    words=(
        "A step along a mini-batch gradient goes uphill, to first order, when that gradient has a negative product "
        "with the full one. The chance is at most V/(V + |G|^4), V the variance of the product: one half "
        "where V = |G|^4, little once the batch is large. The bound asks nothing of the "
        "distribution and cannot be lowered: one flat example and three of slope 4 at B = 1 meet it with one quarter. "
        "Gaussian tails, Phi(-|G|^2/sqrt(V)), are often smaller and not a bound. It says nothing of the step size: a "
        "step that points downhill may still overshoot."
    ),
    answers={2: "A step points uphill with probability at most V/(V + |G|^4), and this is attained."},
)
