"""The weight that a hybrid normalization learns on Gaussian activations: closed form in batch and width."""

from fractions import Fraction

import sympy as sp

from theory.domain import Integers, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.chi import GaussianMean, fidelity
from theory.nodes.hybrid import OVERLAPS, UNIT, Average, alpha, by_batch, by_sample, target
from theory.nodes.kernel import EFFECTS, Cosines, Hyper, Overlap, PowerSeries, UnitSquare, k, omega2, tau2
from theory.nodes.kernel import channels as d
from theory.nodes.least_squares import Best
from theory.notation import B, rho, s, sigma
from theory.parameters import IID

w_B, w_L = sp.symbols("w_B w_L", real=True)
half = sp.Rational(1, 2)
fixed = Average((alpha * by_batch + (1 - alpha) * by_sample - target) ** 2)
free = Average((w_B * by_batch + w_L * by_sample - target) ** 2)
learned_value = Best(free, w_B, w_L) / (Best(free, w_B, w_L) + Best(free, w_L, w_B))

roots, sizes = sp.sqrt(B - 1) * sp.sqrt(d - 1), sp.sqrt(B) * sp.sqrt(d)
argument = rho**2 * (1 - 1 / B) * (1 - 1 / d)
ahead = roots * (rho * roots / sizes) / (2 * sp.pi)
term = (sp.gamma(k + 3 * half) / (sp.gamma(3 * half) * sp.gamma(k + 1))
        * sp.gamma(k + half) * sp.gamma(B / 2) / sp.gamma(k + half + B / 2)
        * sp.gamma(k + half) * sp.gamma(d / 2) / sp.gamma(k + half + d / 2))
first = (sp.gamma(half) * sp.gamma(B / 2) / sp.gamma(half + B / 2)
         * sp.gamma(half) * sp.gamma(d / 2) / sp.gamma(half + d / 2))


def kernel(correlation: sp.Expr) -> sp.Expr:
    """Return the mean product of the two outputs at a correlation of the inputs."""
    z = argument.xreplace({rho: correlation})
    return fidelity(B) * fidelity(d) * correlation * Hyper((B + 1) / 2, (d + 1) / 2, z)


both = 1 / sp.sqrt((1 + omega2) * (1 + tau2))


def fits(of_batch: sp.Expr, of_sample: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """Return the two mean products with the target from those of the groups."""
    return of_batch / sp.sqrt(1 + omega2), of_sample / sp.sqrt(1 + tau2)


def best(of_batch: sp.Expr, of_sample: sp.Expr, together: sp.Expr) -> sp.Expr:
    """Return the weight under a fixed read-out."""
    r_B, r_L = fits(of_batch, of_sample)
    return half + (r_B - r_L) / (2 * (1 - together))


def share(of_batch: sp.Expr, of_sample: sp.Expr, together: sp.Expr) -> sp.Expr:
    """Return the weight under a learned read-out."""
    r_B, r_L = fits(of_batch, of_sample)
    return (r_B - together * r_L) / ((r_B + r_L) * (1 - together))


gauss_B, gauss_L = GaussianMean(s, B) / sigma, GaussianMean(s, d) / sigma
averages = (Average(by_batch * target), Average(by_sample * target), Average(by_batch * by_sample))
r_B, r_L, q = averages
together = Overlap(B, d, both)
closed = (fidelity(B), fidelity(d), kernel(both))

overlap = sp.Eq(Overlap(B, d, rho), kernel(rho), evaluate=False)
optimum = sp.Eq(Best(fixed, alpha), best(*closed), evaluate=False)
learned = sp.Eq(learned_value, share(*closed), evaluate=False)

LAW = Law(
    id="norm.hybrid.alpha_gaussian",
    version=1,
    title="The learned weight of a hybrid normalization on Gaussian activations",
    parts=(
        Part("overlap", overlap, derivation=(
            Step("own deviation", roots * Cosines(B - 1, d - 1, rho * roots / sizes), "both entries are cosines"),
            Step("inverse roots", ahead * UnitSquare(B - 1, d - 1, argument), "two inverse roots, two integrals"),
            Step("binomial series", ahead * PowerSeries(term, k, argument), "term by term"),
            Step("hypergeometric", ahead * first * Hyper((B + 1) / 2, (d + 1) / 2, argument), "the ratio of the terms"),
            Step("gamma", kernel(rho), "the factors are the fidelities of the two groups"),
        ), rivals=(
            Rival("product of fits", fidelity(B) * fidelity(d) * rho, "as if the errors were independent"),
            Rival("correlation", rho, "as if both groups were infinite"),
            Rival("rho^2", fidelity(B) * fidelity(d) * rho * Hyper((B + 1) / 2, (d + 1) / 2, rho**2 / 2),
                  "the series in the correlation of the entries, not of their deviations", near=True),
            Rival("B/2", fidelity(B) * fidelity(d) * rho * Hyper(B / 2, d / 2, argument), "an off-by-one in the "
                  "degrees of freedom", near=True),
        )),
        Part("optimum", optimum, derivation=(
            Step("law:norm.hybrid.alpha_identity/optimum", half + (r_B - r_L) / (2 * (1 - q)), "any mean products"),
            Step("random effects", best(gauss_B, gauss_L, together), "those of Gaussian groups"),
            Step("law:norm.stat.inv_std_moments/fidelity", best(fidelity(B), gauss_L, together), "of the batch"),
            Step("law:norm.stat.inv_std_moments/fidelity", best(fidelity(B), fidelity(d), together), "of the sample",
                 where={B: d}),
            Step("law:/overlap", best(*closed), "of the two", where={rho: both}),
        ), rivals=(
            Rival("independent errors", best(fidelity(B), fidelity(d), fidelity(B) * fidelity(d) * both),
                  "the overlap as the product of the two fits", near=True),
            Rival("no overlap", best(fidelity(B), fidelity(d), sp.S.Zero), "as if the two outputs were unrelated"),
            Rival("no effects", best(*closed).xreplace({omega2: sp.S.Zero, tau2: sp.S.Zero}),
                  "as if neither channels nor examples differed in level"),
            Rival("sizes", B / (B + d), "weights in proportion to the entries pooled"),
        )),
        Part("learned", learned, derivation=(
            Step("law:norm.hybrid.alpha_identity/learned", (r_B - q * r_L) / ((r_B + r_L) * (1 - q)),
                 "any three mean products"),
            Step("random effects", share(gauss_B, gauss_L, together), "those of Gaussian groups"),
            Step("law:norm.stat.inv_std_moments/fidelity", share(fidelity(B), gauss_L, together), "of the batch"),
            Step("law:norm.stat.inv_std_moments/fidelity", share(fidelity(B), fidelity(d), together), "of the sample",
                 where={B: d}),
            Step("law:/overlap", share(*closed), "of the two", where={rho: both}),
        ), rivals=(
            Rival("fixed read-out", best(*closed), "the learned scale changes the weight", near=True),
            Rival("independent errors", share(fidelity(B), fidelity(d), fidelity(B) * fidelity(d) * both),
                  "the overlap as the product of the two fits", near=True),
            Rival("no effects", share(*closed).xreplace({omega2: sp.S.Zero, tau2: sp.S.Zero}),
                  "as if neither channels nor examples differed in level"),
        )),
    ),
    params=(
        Param(B, Integers(2), 8, "batch size", "one example has no batch standard deviation"),
        Param(d, Integers(2), 64, "channels an example's statistics pool", "one channel has no standard deviation"),
        Param(tau2, Reals(0), Fraction(1, 10), "variance of the channels' levels, in units of the signal's"),
        Param(omega2, Reals(0), Fraction(0), "variance of the examples' offsets, a nuisance, in units of the signal's"),
        Param(rho, Reals(0, 1), Fraction(9, 10), "correlation of the two inputs"),
        Param(alpha, Reals(), half, "weight of the batch's normalization; 1 - alpha is the sample's"),
        Param(w_B, Reals(), half, "weight of the batch-normalized output where the scale is learned too"),
        Param(w_L, Reals(), half, "weight of the sample-normalized output where the scale is learned too"),
        Param(sigma, Reals(0, open=True), 1, "standard deviation of a Gaussian group"),
        IID,
    ),
    exactness=Exactness.MODEL,
    assumptions=(
        Assumption("two-way random effects", "an activation is a signal plus its channel's level plus its example's "
                   "offset, all independent and Gaussian, the signal of variance one; the target is the signal"),
        Assumption("squared loss", "alpha, or alpha and a scale behind it, minimizes the expected squared error"),
        Assumption("no eps", "both normalizations divide by the biased standard deviation"),
    ),
    uses=("norm.hybrid.alpha_identity", "norm.stat.inv_std_moments"),
    sources=(
        Source("batchlaws", read=True, note="derived here; no earlier statement is known to us"),
    ),
    where={**OVERLAPS, **UNIT},
    population=EFFECTS,
    headline="optimum",
    words=(
        "On Gaussian activations the learned weight of batch against sample normalization is a closed form in the "
        "batch size, the width, and two variances: that of the channels' levels, which only the batch's statistics "
        "remove, and that of the examples' offsets, which only the sample's remove. Without either it is one half "
        "exactly at B = d, rises with B, tends to 0 for wide layers at a fixed batch and to 1 for large batches. "
        "Levels push it up, offsets down; with offsets it does not tend to 1 however large the batch. The overlap of "
        "the two outputs is a hypergeometric function, not the product of their fits: both contain the same entry, so "
        "their errors agree in part."
    ),
    answers={10: "On Gaussian activations alpha has a closed form: 1/2 at B = d with equal levels, toward 1 as "
                 "B grows, but never 1 if examples carry offsets."},
)
