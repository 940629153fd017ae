"""The best step size under gradient noise, and how much it gains."""

from fractions import Fraction

import sympy as sp

import theory.nodes.bound  # noqa: F401  (the rule of bounds)
from theory.domain import Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.whole import Letter, Whole
from theory.notation import At, B, BatchSum, ByDesign, E, N, PopMean, du, dv, eta, h1, h2, u, ubar, v, vbar
from theory.parameters import BATCH, DESIGN, FITS, POPULATION, RATE, UNIFORM_BATCH

G2, GHG = Letter("G2", positive=True), Letter("GHG", positive=True)
THS = Letter("trHS", nonnegative=True)
q0, q1 = sp.symbols("q0 q1", nonnegative=True)
with sp.evaluate(False):
    p_wor = (N - B) / (B * (N - 1))
p = ByDesign((N - B) / (B * (N - 1)), 1 / B)
noisy = 1 + p * THS / GHG


def decrease(first: sp.Expr, second: sp.Expr) -> sp.Expr:
    """Expected decrease of the loss by one step: G.s - s'Hs/2 at s = eta times the batch gradient."""
    return E(eta * ubar * first - eta**2 * h1 / 2 * first**2 + eta * vbar * second - eta**2 * h2 / 2 * second**2, B)


def parabola(step: sp.Expr) -> sp.Expr:
    """Descent and its price."""
    return step * G2 - step**2 / 2 * (GHG + p * THS)


slope = ubar**2 + vbar**2
bend = h1 * ubar**2 + h2 * vbar**2
trace = h1 * PopMean(du**2) + h2 * PopMean(dv**2)
best = G2 / GHG / noisy
gain = G2**2 / (2 * GHG) / noisy
drop = decrease(BatchSum(u) / B, BatchSum(v) / B)
any_step = sp.Eq(drop, parabola(eta), evaluate=False)
optimum = sp.Eq(At(drop, eta, best), gain, evaluate=False)
ceiling = sp.Le(drop, gain, evaluate=False)
even = sp.Eq(At(drop, eta, 2 * best), sp.S.Zero, evaluate=False)
plain = ByDesign(1 / B, 1 / (B + 1))

LAW = Law(
    id="noise_scale.optimum",
    version=1,
    title="Gradient noise divides the best step and the best decrease by 1 + p B_noise",
    parts=(
        Part("decrease", any_step, derivation=(
            Step("center", decrease(ubar + BatchSum(du) / B, vbar + BatchSum(dv) / B), "mean plus deviation"),
            Step("moment", eta * slope - eta**2 / 2 * (bend + ByDesign(p_wor * trace, trace / B)),
                 "square; the noise has mean zero; its variances are weighed by the curvatures"),
            Step("write out", parabola(eta), "|G|^2, G'HG and tr(H Sigma)"),
        ), rivals=(
            Rival("no noise", eta * G2 - eta**2 / 2 * GHG, "the deterministic step"),
            Rival("no correction", eta * G2 - eta**2 / 2 * (GHG + plain * THS), "1/B without replacement", near=True),
            Rival("first order", eta * G2, "the descent without its price"),
        )),
        Part("optimum", optimum, derivation=(
            Step("law:/decrease", parabola(best), "the parabola at its top"),
            Step("algebra", gain, "one denominator cancels"),
        ), rivals=(
            Rival("squared", G2**2 / (2 * GHG) / noisy**2, "the denominator enters once", near=True),
            Rival("no noise", G2**2 / (2 * GHG), "the noiseless decrease"),
            Rival("no correction", G2**2 / (2 * GHG) / (1 + plain * THS / GHG), "1/B without replacement", near=True),
            Rival("trace", G2**2 / (2 * GHG) / (1 + p * (PopMean(du**2) + PopMean(dv**2)) / G2),
                  "tr Sigma/|G|^2 in place of tr(H Sigma)/G'HG"),
        )),
        Part("ceiling", ceiling, derivation=(
            Step("law:/decrease", parabola(eta), "any step"),
            Step("bound", gain, "complete the square", where={
                "difference": (GHG + p * THS) / 2 * (eta - best) ** 2, N: 2 + q0 + q1, B: 1 + q0}),
        ), rivals=(
            Rival("squared", G2**2 / (2 * GHG) / noisy**2, "more than the noise costs", near=True),
            Rival("half", gain / 2, "a step at half the best gains more"),
            Rival("twice the noise", G2**2 / (2 * GHG) / (2 * noisy - 1), "one example's share of the noise too much"),
        )),
        Part("break_even", even, derivation=(
            Step("law:/decrease", parabola(2 * best), "the parabola at twice its top"),
            Step("algebra", sp.S.Zero, "descent and price cancel"),
        ), rivals=(
            Rival("noiseless", G2**2 / (2 * GHG), "as if the step had no price"),
            Rival("flat top", gain, "as if nothing were lost beyond the best step"),
            Rival("noise only", -(2 * best) ** 2 / 2 * p * THS, "as if only the noise were left", near=True),
        )),
    ),
    params=(
        POPULATION, BATCH, RATE,
        Param(G2, Reals(0, open=True), Fraction(1), "squared norm |G|^2 of the full gradient",
              "a stationary point has no best step"),
        Param(GHG, Reals(0, open=True), Fraction(1), "curvature along the full gradient, G'HG",
              "without curvature there is no best step"),
        Param(THS, Reals(0), 16, "curvature-weighted noise tr(H Sigma), Sigma with divisor N"),
        Param(h1, Reals(0, open=True), Fraction(1), "curvature of the first mode"),
        Param(h2, Reals(0, open=True), Fraction(2), "curvature of the second mode"),
        DESIGN,
    ),
    constraints=(FITS,),
    exactness=Exactness.IDENTITY,
    assumptions=(
        UNIFORM_BATCH,
        Assumption("quadratic", "the mean loss is quadratic, so a step s lowers it by G.s - s'Hs/2; two of its "
                   "eigenmodes stand for any number, u and v are the examples' gradients along them"),
    ),
    sources=(
        Source("mccandlish2018", note="the optimal step and decrease for 1/B; the finite-population form and the "
               "bound are derived here"),
        Source("batchlaws", read=True, note="the derivation"),
    ),
    where={G2: Whole(slope), GHG: Whole(bend), THS: Whole(trace)},
    headline="optimum",
    words=(
        "One step along a batch gradient lowers a quadratic loss on average by a parabola in the step size. Its top "
        "lies at the noiseless best step |G|^2/G'HG divided by 1 + p B_noise, with B_noise = tr(H Sigma)/G'HG and "
        "p = 1/B with replacement, (N-B)/(B(N-1)) without; its height is divided by the same number, once. No step "
        "gains more on average, and beyond twice the best step the loss rises. So a batch far below the noise scale "
        "earns about its share and a batch far above it earns nothing further. The simpler tr Sigma/|G|^2 is the same "
        "number only if curvature and noise are unrelated, and a step chosen after seeing the batch is another matter."
    ),
    answers={
        2: "The loss falls on average exactly for steps below twice the best one, |G|^2/(G'HG + p tr(H Sigma)).",
        5: "The best step grows in proportion to B only far below the noise scale; beyond, it saturates.",
    },
)
