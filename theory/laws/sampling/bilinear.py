"""The master lemma: second and third mixed moments of batch means."""

from fractions import Fraction

import sympy as sp

from theory.domain import Constraint, Param, Reals
from theory.law import Assumption, Exactness, Experiment, Law, Part, Rival, Source, Step
from theory.notation import (
    B,
    BatchSum,
    ByDesign,
    E,
    N,
    PopMean,
    cov_uv,
    du,
    dv,
    dw,
    mu_uvw,
    u,
    ubar,
    v,
    vbar,
    w,
    wbar,
)
from theory.parameters import BATCH, DESIGN, FITS, POPULATION, UNIFORM_BATCH

with sp.evaluate(False):
    p_wor = (N - B) / (B * (N - 1))
    q_wor = (N - B) * (N - 2 * B) / (B**2 * (N - 1) * (N - 2))
p = ByDesign(p_wor, 1 / B)
q = ByDesign(q_wor, 1 / B**2)

second = sp.Eq(E((BatchSum(u) / B - ubar) * (BatchSum(v) / B - vbar), B), p * cov_uv, evaluate=False)
third = sp.Eq(E((BatchSum(u) / B - ubar) * (BatchSum(v) / B - vbar) * (BatchSum(w) / B - wbar), B), q * mu_uvw,
              evaluate=False)

LAW = Law(
    id="sampling.bilinear",
    version=1,
    title="Batch means of two quantities covary by p_B times their population covariance",
    parts=(
        Part("second", second, derivation=(
            Step("center", E(BatchSum(du) * BatchSum(dv) / B**2, B), "u_i = ubar + du_i; the means cancel"),
            Step("moment", ByDesign(
                B / N * (PopMean(du * dv) * N) / B**2 - B * (B - 1) / (N * (N - 1)) * (N * PopMean(du * dv)) / B**2,
                PopMean(du * dv) / B),
                "the same example twice with P = B/N, two distinct ones with P = B(B-1)/(N(N-1)); deviations sum to 0"),
            Step("algebra", p * PopMean(du * dv), "collect"),
            Step("definition", second.args[1], "Cov_N(u, v) is the mean of the product of deviations"),
        ), rivals=(
            Rival("no finite-population correction", ByDesign(cov_uv / B, cov_uv / (B + 1)),
                  "1/B is the law of independent draws; without replacement the batch exhausts the population"),
            Rival("N for N-1", ByDesign((N - B) / (B * N) * cov_uv, cov_uv / (B - sp.Rational(1, 2))),
                  "(N-B)/N belongs to the covariance with divisor N-1", near=True),
            Rival("B-1 for B", ByDesign((N - B + 1) / ((B + 1) * (N - 1)) * cov_uv, (B + 1) / B**2 * cov_uv),
                  "an off-by-one in the batch size", near=True),
        )),
        Part("third", third, derivation=(
            Step("center", E(BatchSum(du) * BatchSum(dv) * BatchSum(dw) / B**3, B), "deviations from the means"),
            Step("moment", ByDesign(
                (B / N - 3 * B * (B - 1) / (N * (N - 1)) + 2 * B * (B - 1) * (B - 2) / (N * (N - 1) * (N - 2)))
                * N * PopMean(du * dv * dw) / B**3,
                PopMean(du * dv * dw) / B**2),
                "one, two or three distinct examples, with the inclusion probabilities of each"),
            Step("algebra", q * PopMean(du * dv * dw), "collect: the bracket factors"),
            Step("definition", third.args[1], "the population's third mixed central moment"),
        ), rivals=(
            Rival("square of the second-order factor", ByDesign(p_wor**2 * mu_uvw, mu_uvw / B**3),
                  "the triple factor is not p_B^2"),
            Rival("N-B twice", ByDesign((N - B) ** 2 / (B**2 * (N - 1) * (N - 2)) * mu_uvw, (B + 1) / B**3 * mu_uvw),
                  "N-2B makes the third moment vanish at B = N/2", near=True),
            Rival("independent draws", ByDesign(mu_uvw / B**2, mu_uvw / B), "1/B^2 ignores the finite population"),
        )),
    ),
    params=(
        POPULATION,
        BATCH,
        Param(cov_uv, Reals(), Fraction(1), "population covariance of u and v, divisor N"),
        Param(mu_uvw, Reals(), Fraction(1), "population mean of the product of the three deviations"),
        DESIGN,
    ),
    constraints=(
        FITS,
        Constraint(N >= 3, "N = {N} is not allowed: the third moment needs N >= 3 (its factor divides by N-2)", "wor"),
    ),
    exactness=Exactness.IDENTITY,
    assumptions=(
        UNIFORM_BATCH,
        Assumption("frozen", "u, v, w do not depend on the batch"),
    ),
    sources=(
        Source("cochran1977", note="classical survey sampling, second order"),
        Source("isserlis1931", note="third order for finite populations"),
        Source("behnken1961", read=False, note="means up to order six for vectors; abstract read"),
    ),
    where={cov_uv: PopMean(du * dv), mu_uvw: PopMean(du * dv * dw)},
    words=(
        "Average any two quantities over the same random batch. How strongly the two averages move together is the "
        "population covariance times one number, p = (N-B)/(B(N-1)). Every noise law of the catalogue is this lemma "
        "plus algebra. People use 1/B, the law of independent draws; an epoch draws without replacement, and once the "
        "batch is a sizeable share of the data the two differ by the factor (N-B)/(N-1)."
    ),
    answers={2: "The noise of every batch average is one number, p_B, times a population covariance."},
    experiments=(
        Experiment("batch_mean_product", part="second", grid={"B": (2, 5), "design": ("wor", "wr")},
                   fixed={"population": "ints:12:skewed", "order": 2}),
        Experiment("batch_mean_product", part="third", grid={"B": (2, 3), "design": ("wor", "wr")},
                   fixed={"population": "ints:12:skewed", "order": 3}, delta=Fraction(1, 10)),
        Experiment("batch_mean_product", part="second", channel="network", grid={"B": (4, 64, 256)},
                   fixed={"population": "digits:gradient:direction:4", "order": 2, "design": "wor"},
                   delta=Fraction(1, 10), profile="standard"),
        *(Experiment("enumerate", part=part, channel="network",
                     fixed={"population": "digits8:gradient:coordinate:30",
                            "population_v": "digits8:gradient:coordinate:31",
                            "population_w": "digits8:gradient:coordinate:40"}) for part in ("second", "third")),
    ),
)
