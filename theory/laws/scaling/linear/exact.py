"""The one large step that does exactly what k small ones do, in one curvature."""

import sympy as sp

from theory.domain import Constraint
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.matching import MatchedBatch, MatchedRate
from theory.nodes.series import Taylor
from theory.notation import B, ByDesign, ChainCov, N, PopMean, dg, eta, h, k, sigma2, t
from theory.parameters import (
    BATCH,
    CURVATURE,
    DESIGN,
    FITS,
    NOISE_LEFT,
    POPULATION,
    RATE_BEFORE,
    SCALE,
    STEP_INDEPENDENCE,
    UNIFORM_BATCH,
    VARIANCE,
)

a = 1 - eta * h
rate = (1 - a**k) / h
ratio = rate / eta * (2 - eta * h) / (2 - rate * h)


def batch(r: sp.Expr) -> sp.Expr:
    """Batch size whose noise is that of B divided by r."""
    return ByDesign(N * B * r / (N - B + B * r), B * r)


def noise(size: sp.Expr) -> sp.Expr:
    """Variance of a batch gradient, for a batch size that need not be whole."""
    return ByDesign((N - size) / (size * (N - 1)), 1 / size) * sigma2


def stationary(step: sp.Expr, variance: sp.Expr) -> sp.Expr:
    """Stationary variance by `quadratic.stationary`."""
    return step * variance / (h * (2 - step * h))


def scaled(r: sp.Expr) -> sp.Expr:
    """Noise at the batch size that r gives."""
    wor, wr = batch(r).args
    return ByDesign((N - wor) / (wor * (N - 1)), 1 / wr) * sigma2


x = eta * h
limit = sp.Limit(ChainCov(1, 1, t), t, sp.oo)
curved = k * (k**2 - 1) / 12 * x**2
rate_law = sp.Eq(MatchedRate(k), rate, evaluate=False)
batch_law = sp.Eq(MatchedBatch(k), batch(ratio), evaluate=False)
kept = sp.Eq(limit, stationary(rate, scaled(ratio)), evaluate=False)
rate_series = sp.Eq(Taylor(MatchedRate(k), eta, 2), k * eta - k * (k - 1) / 2 * h * eta**2, evaluate=False)
batch_series = sp.Eq(Taylor(MatchedBatch(k), eta, 2), ByDesign(
    N * B * k / (N - B + B * k) - N * B * (N - B) / (N - B + B * k) ** 2 * curved, B * k - B * curved), evaluate=False)

LAW = Law(
    id="scaling.linear.exact",
    version=1,
    title="The exact scaling rule of one curvature",
    parts=(
        Part("rate", rate_law, derivation=(
            Step("match", rate, "1 - eta' h = (1 - eta h)^k: the mean after one step is that after k"),
        ), rivals=(
            Rival("linear", k * eta, "the linear rule: first order in eta h"),
            Rival("square root", sp.sqrt(k) * eta, "the square-root rule"),
            Rival("gradient flow", (1 - sp.exp(-k * eta * h)) / h, "infinitesimal steps"),
            Rival("k+1", (1 - a ** (k + 1)) / h, "an off-by-one", near=True),
        )),
        Part("batch", batch_law, derivation=(
            Step("match", batch(ratio), "the noise of one step, eta'^2 sigma_B'^2, is what k steps leave",
                 where={"rate": rate}),
        ), rivals=(
            Rival("linear", ByDesign(k * B, k * B), "the linear rule"),
            Rival("no correction", ByDesign(B * ratio, N * B * ratio / (N + B * ratio)), "the other design's noise"),
            Rival("same ratio", batch(rate / eta), "eta/B kept, with the exact step size"),
            Rival("upside down", batch(rate / eta * (2 - rate * h) / (2 - eta * h)), "the discrete factor inverted"),
            Rival("1 - eta h", batch(rate / eta * (1 - eta * h / 4) / (1 - rate * h / 4)), "a factor", near=True),
        )),
        Part("kept", kept, derivation=(
            Step("law:quadratic.stationary/variance", stationary(eta, noise(B)), "the stationary variance"),
            Step("algebra", kept.args[1], "at eta', B' it is the same, as it is for the law of every k-th iterate"),
        ), rivals=(
            Rival("linear rule", stationary(k * eta, ByDesign((N - k * B) / (k * B * (N - 1)), 1 / (k * B)) * sigma2),
                  "k eta and k B"),
            Rival("linear batch", stationary(rate, ByDesign((N - k * B) / (k * B * (N - 1)), 1 / (k * B)) * sigma2),
                  "the exact step size with k B"),
            Rival("linear step", stationary(k * eta, scaled(ratio)), "k eta with the exact batch", near=True),
        )),
        Part("rate_series", rate_series, derivation=(
            Step("law:/rate", Taylor(rate, eta, 2), "the exact step size"),
            Step("series", rate_series.args[1], "binomial series, for every k"),
        ), rivals=(
            Rival("linear", k * eta, "first order only"),
            Rival("gradient flow", k * eta - k**2 / 2 * h * eta**2, "of (1 - exp(-k eta h))/h"),
            Rival("sign", k * eta + k * (k - 1) / 2 * h * eta**2, "a sign", near=True),
        )),
        Part("batch_series", batch_series, derivation=(
            Step("law:/batch", Taylor(batch(ratio), eta, 2), "the exact batch"),
            Step("series", batch_series.args[1], "no first-order term"),
        ), rivals=(
            Rival("linear", ByDesign(N * B * k / (N - B + B * k), B * k), "right to first order"),
            Rival("no correction", ByDesign(B * k - B * curved, N * B * k / (N + B * k)), "the other design"),
            Rival("k - 1", ByDesign(
                N * B * k / (N - B + B * k) - N * B * (N - B) / (N - B + B * k) ** 2 * curved * k / (k + 1),
                B * k - B * curved * k / (k + 1)), "k^2 (k-1) for k (k^2-1)", near=True),
        )),
    ),
    params=(POPULATION, BATCH, RATE_BEFORE, CURVATURE, SCALE, VARIANCE, DESIGN),
    constraints=(
        FITS,
        Constraint(eta * h < 2, "eta*h must be < 2 (eta = {eta}, h = {h}): the small steps must be stable"),
        NOISE_LEFT,
    ),
    exactness=Exactness.IDENTITY,
    assumptions=(
        UNIFORM_BATCH, STEP_INDEPENDENCE,
        Assumption("common curvature", "all examples share the Hessian; one eigenmode"),
        Assumption("fractional batch", "B' stands for its noise: it need not be a whole number, nor at least 1.  A "
                   "batch size drawn at random with mean inverse 1/B' has that noise"),
    ),
    uses=("quadratic.moments", "quadratic.stationary"),
    sources=(
        Source("goyal2017", note="the linear rule, its first order"),
        Source("krizhevsky2014", note="the linear and the square-root rule"),
        Source("batchlaws", note="the exact rule", read=True),
    ),
    where={sigma2: PopMean(dg**2)},
    headline="batch",
    words=(
        "On a quadratic of one curvature there is an exact rule in place of (k eta, k B): take the step eta' = (1 - "
        "(1 - eta h)^k)/h and the batch B' = B (eta'/eta)(2 - eta h)/(2 - eta' h), or its finite-data form. One "
        "such step has the mean and the variance of k small ones from every start, so the whole run has those of "
        "every k-th iterate; for Gaussian noise it has their law. It is stable for every k, as the linear rule is "
        "not. The batch is linear through first order, k - k(k^2-1)/12 (eta h)^2; what has to be less than linear "
        "is the step size. B' is a noise level: it need not be a whole number, and where eta h > 1 it can be below "
        "one, which no batch does. It depends on the curvature, which is why it is of no use with two."
    ),
    answers={5: "An exact rule exists in one curvature: a step below k eta, and a batch of k B up to second order."},
)
