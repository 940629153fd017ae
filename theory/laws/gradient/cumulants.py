"""Third and fourth moments of the mini-batch gradient."""

from fractions import Fraction

import sympy as sp

from theory.domain import Constraint, Param, Reals
from theory.law import Exactness, Experiment, Law, Part, Rival, Source, Step
from theory.notation import (
    B,
    BatchSum,
    ByDesign,
    E,
    N,
    PopMean,
    dg,
    g,
    gbar,
    kappa,
    mu2,
    mu3,
    mu4,
    mu_uvw,
    sigma2,
    u,
    ubar,
    v,
    vbar,
    w,
    wbar,
)
from theory.parameters import BATCH, DESIGN, FITS, FROZEN, POPULATION, UNIFORM_BATCH

error = BatchSum(g) / B - gbar
P = B * (N - B)
with sp.evaluate(False):
    third_wor = (N - B) * (N - 2 * B) / (B**2 * (N - 1) * (N - 2)) * mu3
    fourth_wor = (N - B) / (B**3 * (N - 1) * (N - 2) * (N - 3)) * (
        (N**2 + N - 6 * N * B + 6 * B**2) * mu4 + 3 * N * (N - B - 1) * (B - 1) * mu2**2)
    fourth_wr = mu4 / B**3 + 3 * (B - 1) / B**3 * mu2**2
    excess_wor = (N - 1) * (N * (N + 1) - 6 * P) / ((N - 2) * (N - 3) * P) * kappa - (
        6 * N / ((N - 2) * (N - 3)) * (1 - (N - 1) / P))
third = sp.Eq(E(error**3, B), ByDesign(third_wor, mu3 / B**2), evaluate=False)
fourth = sp.Eq(E(error**4, B), ByDesign(fourth_wor, fourth_wr), evaluate=False)
excess = sp.Eq(E(error**4, B) / E(error**2, B) ** 2 - 3, ByDesign(excess_wor, kappa / B), evaluate=False)
variance = ByDesign(mu2 / B * (N - B) / (N - 1), mu2 / B)

LAW = Law(
    id="gradient.cumulants",
    version=1,
    title="Skewness and kurtosis of the mini-batch gradient",
    parts=(
        Part("third", third, derivation=(
            Step("law:sampling.bilinear/third", ByDesign(
                (N - B) * (N - 2 * B) / (B**2 * (N - 1) * (N - 2)) * PopMean(dg**3), PopMean(dg**3) / B**2),
                "the third-order lemma with u = v = w = g",
                where={u: g, v: g, w: g, ubar: gbar, vbar: gbar, wbar: gbar, mu_uvw: PopMean(dg**3)}),
            Step("definition", third.args[1], "the population's third central moment"),
        ), rivals=(
            Rival("N-B twice", ByDesign((N - B) ** 2 / (B**2 * (N - 1) * (N - 2)) * mu3, mu3 / B),
                  "missing the factor N-2B that makes half-batches symmetric", near=True),
            Rival("1/B^2", ByDesign(mu3 / B**2, mu3 / B**3), "independent draws"),
            Rival("1/(B+1)", ByDesign((N - B) * (N - 2 * B - 1) / (B**2 * (N - 1) * (N - 2)) * mu3,
                                      mu3 / (B * (B + 1))), "an off-by-one", near=True),
        )),
        Part("fourth", fourth, derivation=(
            Step("center", E(BatchSum(dg) ** 4 / B**4, B), "deviations from the mean"),
            Step("moment", fourth.args[1], "fifteen set partitions of four factors, then Moebius inversion"),
        ), rivals=(
            Rival("Gaussian", ByDesign(3 * ((N - B) / (B * (N - 1))) ** 2 * mu2**2, 3 * mu2**2 / B**2),
                  "the fourth moment of a Gaussian of the same variance"),
            Rival("independent draws", ByDesign(mu4 / B**3 + 3 * (B - 1) / B**3 * mu2**2, mu4 / B**4), "wr under wor"),
            Rival("3B for 3(B-1)", ByDesign(
                (N - B) / (B**3 * (N - 1) * (N - 2) * (N - 3)) * (
                    (N**2 + N - 6 * N * B + 6 * B**2) * mu4 + 3 * N * (N - B) * (B - 1) * mu2**2),
                mu4 / B**3 + 3 / B**2 * mu2**2), "an off-by-one in the pair term", near=True),
        )),
        Part("excess", excess, derivation=(
            Step("law:/fourth", ByDesign(fourth_wor, fourth_wr) / E(error**2, B) ** 2 - 3, "the fourth moment"),
            Step("law:gradient.variance/variance", ByDesign(fourth_wor, fourth_wr) / variance**2 - 3,
                 "the variance law"),
            Step("definition", excess.args[1], "kappa = mu4/mu2^2 - 3; collect in P = B(N-B)"),
        ), rivals=(
            Rival("kappa/B", ByDesign(kappa / B, kappa / B**2), "independent draws under wor"),
            Rival("no constant", ByDesign((N - 1) * (N * (N + 1) - 6 * P) / ((N - 2) * (N - 3) * P) * kappa,
                                          kappa / (B + 1)), "a finite population bends the tails even at kappa = 0"),
            Rival("N for N-1", ByDesign(excess_wor * N / (N - 1), kappa * (N - 1) / (N * B)), "a divisor", near=True),
        )),
    ),
    params=(
        POPULATION, BATCH,
        Param(mu2, Reals(0), Fraction(1), "second central moment of the population, divisor N"),
        Param(mu3, Reals(), Fraction(1), "third central moment, divisor N"),
        Param(mu4, Reals(0), Fraction(3), "fourth central moment, divisor N"),
        Param(kappa, Reals(-2), Fraction(0), "excess kurtosis mu4/mu2^2 - 3"),
        DESIGN,
    ),
    constraints=(
        FITS,
        Constraint(N >= 4, "N = {N} is not allowed: the fourth moment needs N >= 4 (its factor divides by N-3)", "wor"),
        Constraint(B < N, "B = {B} is not allowed: at B = N = {N} the batch has no spread to normalize by", "wor"),
    ),
    exactness=Exactness.IDENTITY,
    assumptions=(UNIFORM_BATCH, FROZEN),
    uses=("sampling.bilinear", "gradient.variance"),
    sources=(
        Source("isserlis1931", note="third and fourth moments of sample means from finite populations"),
        Source("behnken1961", note="vector means up to order six; abstract read"),
    ),
    where={mu2: PopMean(dg**2), mu3: PopMean(dg**3), mu4: PopMean(dg**4),
           kappa: PopMean(dg**4) / PopMean(dg**2) ** 2 - 3, sigma2: PopMean(dg**2)},
    headline="excess",
    words=(
        "How fast does gradient noise become Gaussian? With independent draws the excess kurtosis falls as 1/B and the "
        "skewness as 1/sqrt(B). Without replacement both have closed forms that are symmetric under swapping the batch "
        "with its complement: the skewness vanishes at B = N/2, and near B = N the noise is as non-Gaussian as at "
        "B = 1."
    ),
    answers={2: "The noise is Gaussian only for batches that are large and far from the whole data set."},
    experiments=(
        Experiment("batch_mean_moment", part="third", grid={"B": (2, 3), "design": ("wor", "wr")},
                   fixed={"population": "ints:12:skewed", "order": 3}, delta=Fraction(1, 10)),
        Experiment("batch_mean_moment", part="fourth", grid={"B": (2, 4), "design": ("wor", "wr")},
                   fixed={"population": "ints:12:skewed", "order": 4}, delta=Fraction(1, 20)),
        Experiment("enumerate", part="third", channel="network", fixed={"population": "digits8:gradient:direction:0"}),
        Experiment("enumerate", part="fourth", channel="network", fixed={"population": "digits8:gradient:direction:0"}),
        Experiment("enumerate", part="excess", channel="network", fixed={"population": "digits8:gradient:direction:1"}),
    ),
)
