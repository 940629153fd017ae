"""The train/inference gap of Gaussian activations: its constant, and its series as two-sided bounds."""

import sympy as sp

from theory.domain import Integers, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes import fidelity as _rules  # noqa: F401  (its rule)
from theory.nodes.chi import ChiMean, GaussianMean, c, fidelity
from theory.nodes.gammas import GammaRatio
from theory.notation import B, m, mu, s, sigma
from theory.parameters import IID

body = (1 - s / sigma) ** 2 + ((m - mu) / sigma) ** 2
constant = fidelity(B)
known = sp.sqrt(2 / B) * GammaRatio(B / 2, sp.S.Half)
two_terms = sp.Rational(3, 2) / B + sp.Rational(7, 16) / B**2
three_terms = two_terms + sp.Rational(9, 64) / B**3
measured = GaussianMean(body, B)
with sp.evaluate(False):
    gap_rhs = 2 * (1 - constant)
    about_rhs = 2 * (1 - known)
gap = sp.Eq(measured, gap_rhs, evaluate=False)
lower = sp.Ge(measured, two_terms, evaluate=False)
upper = sp.Le(measured, three_terms, evaluate=False)
about = sp.Eq(ChiMean((1 - sp.sqrt(c / B)) ** 2, B), about_rhs, evaluate=False)

LAW = Law(
    id="norm.gap.gaussian",
    version=1,
    title="The gap of Gaussian activations, and its series for every batch size",
    parts=(
        Part("gap", gap, derivation=(
            Step("helmert", 1 - 2 * ChiMean(sp.sqrt(c), B - 1) / sp.sqrt(B) + ChiMean(c, B - 1) / B + 1 / B,
                 "B v/sigma^2 is a sum of B - 1 squares, independent of the mean"),
            Step("gamma integral", 1 - 2 * constant + (B - 1) / B + 1 / B, "moments of chi-square"),
            Step("gamma", gap_rhs, "collect"),
        ), rivals=(
            Rival("3/(2B)", sp.Rational(3, 2) / B, "one term of the series: 0.75 for 0.872 at B = 2"),
            Rival("c4", 2 * (1 - sp.sqrt(B / (B - 1)) * constant), "the constant of the unbiased variance"),
            Rival("known mean", about_rhs + 1 / B, "as if the two errors did not share the mean", near=True),
            Rival("root of the mean", 2 * (1 - sp.sqrt((B - 1) / B)), "Jensen's lower bound"),
        )),
        Part("lower", lower, derivation=(
            Step("law:/gap", gap_rhs, "the gap"),
            Step("two entries more", two_terms, "1 - 3/(4B) - 7/(32 B^2) lies above c_B"),
        ), rivals=(
            Rival("three terms", three_terms, "the next term overshoots", near=True),
            Rival("1/2 for 7/16", sp.Rational(3, 2) / B + sp.Rational(1, 2) / B**2 + sp.Rational(1, 8) / B**3,
                  "above the gap for large batches"),
            Rival("2/B", 2 / B, "above the gap"),
        )),
        Part("upper", upper, derivation=(
            Step("law:/gap", gap_rhs, "the gap"),
            Step("two entries more", three_terms, "1 - 3/(4B) - 7/(32 B^2) - 9/(128 B^3) lies below c_B"),
        ), rivals=(
            Rival("two terms", two_terms, "below the gap at every size", near=True),
            Rival("3/(2B)", sp.Rational(3, 2) / B, "below the gap at every size"),
            Rival("split of a known mean", sp.Rational(3, 2) / B + sp.Rational(3, 8) / B**2, "below the gap"),
        )),
        Part("known_mean", about, derivation=(
            Step("gamma integral", 1 - 2 * known + 1, "moments of a sum of B squares"),
            Step("gamma", about_rhs, "collect"),
        ), rivals=(
            Rival("own mean", gap_rhs, "the deviation about the batch's own mean"),
            Rival("own mean less 1/B", 2 * (1 - constant) - 1 / B, "the standard deviation's share in the full layer",
                  near=True),
            Rival("1/(2B)", sp.Rational(1, 2) / B, "one term of its series"),
        )),
    ),
    params=(
        Param(B, Integers(2), 8, "number of entries the statistic pools (BatchNorm: batch size times positions)",
              "a single entry has no standard deviation"),
        Param(sigma, Reals(0, open=True), 1, "population standard deviation"),
        Param(mu, Reals(), 0, "population mean"),
        IID,
    ),
    exactness=Exactness.MODEL,
    assumptions=(Assumption("Gaussian", "the activations of the batch are independent Gaussians of one law; eps = 0"),),
    sources=(
        Source("cochran1934", note="the sum of squared deviations of a Gaussian sample is chi-square"),
        Source("batchlaws", read=True, note="the gap and the bounds for every size, derived here"),
    ),
    headline="gap",
    words=(
        "For Gaussian activations the mean squared gap between batch and population normalization is 2(1 - c_B) with "
        "c_B = sqrt(2/B) Gamma(B/2)/Gamma((B-1)/2): 0.872 at B = 2, 0.195 at B = 8, 0.047 at B = 32. It lies between "
        "3/(2B) + 7/(16 B^2) and that plus 9/(64 B^3), at every batch size from 2 on, so the familiar 3/(2B) is always "
        "too small, by 14 percent at B = 2 and 1 percent at B = 32. A layer that knows its mean has "
        "2(1 - sqrt(2/B) Gamma((B+1)/2)/Gamma(B/2)) from the standard deviation alone, about 1/(2B). The constant of "
        "quality control, c4, belongs to the unbiased variance and is not this one."
    ),
    answers={
        6: "For Gaussian activations the gap is 2(1 - c_B): between 3/(2B) + 7/(16B^2) and that plus 9/(64B^3).",
        7: "What a batch of B makes of its statistics is off by 0.872 at B = 2 and by 0.047 at B = 32, about 3/(2B).",
    },
)
