"""Variance of reshuffled SGD between the ends of its epochs."""

import sympy as sp

from theory.domain import Constraint, Integers, Param
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.epochs import EpochVar
from theory.nodes.places import Steps, j, m
from theory.nodes.series import Taylor
from theory.notation import B, N, PopMean, dg, eta, h, sigma2, t
from theory.parameters import BATCH, CURVATURE, FITS, POPULATION, RATE, VARIANCE

a = 1 - eta * h
epoch = N / B
here, at_end = EpochVar(t), EpochVar(sp.S.Zero)
S1, S2 = (1 - a**t) / (1 - a), (1 - a ** (2 * t)) / (1 - a**2)


def inside(batches: sp.Expr) -> sp.Expr:
    """Noise gathered since the epoch began."""
    return eta**2 * sigma2 / (N - 1) * (batches * S2 - S1**2)


with sp.evaluate(False):
    ends = sigma2 / (N - 1) * (
        eta * (N / B) / (h * (2 - eta * h)) - (1 - a ** (N / B)) / (h**2 * (1 + a ** (N / B))))
    closed = sigma2 / (N - 1) * (
        eta * (N / B) / (h * (2 - eta * h)) - (1 - 2 * a**t + 2 * a ** (2 * t) / (1 + a ** (N / B))) / h**2)
    peak = sigma2 / (N - 1) * (eta * (N / B) / (h * (2 - eta * h)) - (1 - a ** (N / B)) / (2 * h**2))
    below = peak - 2 * sigma2 / ((N - 1) * h**2 * (1 + a ** (N / B))) * (a**t - (1 + a ** (N / B)) / 2) ** 2
    mean = sigma2 / (N - 1) * (eta * (N / B) / (h * (2 - eta * h)) - 1 / h**2 + (
        2 * (B / N) * a * (1 - a ** (N / B)) / (eta * h**3 * (2 - eta * h))))
average = Steps(EpochVar(j), j, epoch) * B / N
at_place = closed.xreplace({t: j})
powers, squares = Steps(a**j, j, m), Steps(a ** (2 * j), j, m)
power_sum, square_sum = a * (1 - a**m) / (1 - a), a**2 * (1 - a ** (2 * m)) / (1 - a**2)
summed = sigma2 / (N - 1) * (eta * m / (h * (2 - eta * h)) - (
    1 - 2 * power_sum / m + 2 * square_sum / (m * (1 + a**m))) / h**2)
series = sigma2 / (N - 1) * (
    eta**2 * t * (epoch - t) + eta**3 * h * (epoch * (epoch**2 - 1) / 24 - t * (epoch - t) * (t - 1)))

LAW = Law(
    id="reshuffle.within_epoch",
    version=1,
    title="Within an epoch the cloud of reshuffled SGD swells and shrinks",
    parts=(
        Part("variance", sp.Eq(here, closed, evaluate=False), derivation=(
            Step("settled epochs", a ** (2 * t) * at_end + inside(m), "what is kept of the start, and the noise since",
                 where={"part": sp.Symbol("reshuffle.stationary/gathered")}),
            Step("law:reshuffle.stationary/variance", a ** (2 * t) * ends + inside(m),
                 "the variance at the ends of epochs"),
            Step("definition", closed, "m = N/B batches an epoch; collect powers of a"),
        ), rivals=(
            Rival("at the ends", ends, "the variance at the ends of epochs, at every place"),
            Rival("fresh prefix", a ** (2 * t) * ends + eta**2 * sigma2 * (N - B) / (B * (N - 1)) * S2,
                  "independent batches within the epoch"),
            Rival("N for N-1", closed * (N - 1) / N, "the divisor", near=True),
            Rival("next batch", closed.xreplace({t: t + 1}), "an off-by-one", near=True),
        )),
        Part("peak", sp.Eq(here, below, evaluate=False), derivation=(
            Step("law:/variance", closed, "the variance at every place"),
            Step("algebra", below, "complete the square in a^t"),
        ), rivals=(
            Rival("the peak itself", peak, "reached only where a^t = (1 + a^m)/2"),
            Rival("half the drop", (peak + below) / 2, "a factor of two", near=True),
            Rival("no curvature", sigma2 / (N - 1) * eta**2 * t * (epoch - t), "the bridge of frozen parameters"),
        )),
        Part("average", sp.Eq(average, mean, evaluate=False), derivation=(
            Step("law:/variance", Steps(at_place, j, epoch) * B / N, "the variance at every place", where={t: j}),
            Step("definition", Steps(at_place, j, m) / m, "m = N/B batches an epoch"),
            Step("finite sum", summed, "two geometric sums", where={powers: power_sum, squares: square_sum}),
            Step("definition", mean, "1 - a^2 = eta h (2 - eta h)"),
        ), rivals=(
            Rival("at the ends", ends, "the variance at the ends of epochs"),
            Rival("independent", eta * sigma2 * (N - B) / (B * (N - 1) * h * (2 - eta * h)), "independent batches"),
            Rival("without a", mean + 2 * sigma2 * B * (1 - a**epoch) / (
                (N - 1) * N * h**2 * (2 - eta * h)), "the places 0 to m - 1 counted one too early", near=True),
        )),
        Part("small_steps", sp.Eq(Taylor(here, eta, sp.Integer(3)), series, evaluate=False), derivation=(
            Step("law:/variance", Taylor(closed, eta, sp.Integer(3)), "the variance at every step size"),
            Step("series", series, "eta^2 times the bridge of frozen parameters, and the next order"),
        ), rivals=(
            Rival("bridge", sigma2 / (N - 1) * eta**2 * t * (epoch - t), "the lowest order alone", near=True),
            Rival("random walk", sigma2 / (N - 1) * eta**2 * t * (epoch - 1), "independent batches"),
            Rival("t for t-1", sigma2 / (N - 1) * (eta**2 * t * (epoch - t) + eta**3 * h * (
                epoch * (epoch**2 - 1) / 24 - t**2 * (epoch - t))), "an off-by-one", near=True),
        )),
    ),
    params=(
        POPULATION, BATCH, RATE, CURVATURE, VARIANCE,
        Param(t, Integers(0), 2, "number of batches into the epoch"),
    ),
    constraints=(
        FITS,
        Constraint(sp.Eq(sp.Mod(N, B), 0), "B = {B} does not divide N = {N}: an epoch must consist of whole batches"),
        Constraint(B < N, "B = {B} is not allowed: at B = N = {N} an epoch is one full batch, without noise"),
        Constraint(t * B <= N, "{t} batches of {B} exceed the {N} samples of an epoch"),
        Constraint(eta * h < 2, "eta*h must be < 2 (eta = {eta}, h = {h}): beyond it there is no stationary law"),
    ),
    exactness=Exactness.IDENTITY,
    assumptions=(
        Assumption("reshuffled", "every epoch uses each example once, in a fresh uniformly random order"),
        Assumption("common curvature", "all examples share the Hessian; one eigenmode; plain SGD at a fixed step size"),
        Assumption("stable", "0 < eta h < 2"),
    ),
    uses=("reshuffle.stationary",),
    sources=(
        Source("ying2019", note="a neighbourhood of order eta^2, periodic in the epoch; abstract read"),
        Source("batchlaws", read=True, note="the closed forms are derived here"),
    ),
    where={sigma2: PopMean(dg**2), m: epoch},
    headline="variance",
    words=(
        "The cloud of reshuffled SGD breathes with the epoch. At its ends the variance is of order eta^3; in between "
        "it is of order eta^2, eta^2 sigma^2 t(m - t)/(N - 1) at lowest order, the noise not yet made up for by later "
        "batches. It is widest where a^t = (1 + a^m)/2, near the middle for small steps and later for large ones or "
        "long epochs. Where in the epoch a model is evaluated or saved thus decides how noisy it is: the end is best. "
        "A mean over places of the epoch is of order eta^2, between the two."
    ),
    answers={2: "Inside an epoch the noise of the batches has not yet cancelled: it does so at the epoch's end."},
)
