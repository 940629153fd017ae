"""Stationary variance of reshuffled SGD at the ends of its epochs."""

import sympy as sp

from theory.domain import Constraint, Integers, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.epochs import EpochVar, Iterate
from theory.nodes.places import OrderMean, Place, Steps, j, m
from theory.nodes.series import Taylor
from theory.notation import B, BatchSum, ChainCov, E, N, OtherSum, PopMean, delta0, dg, eta, g, gbar, h, sigma2, t
from theory.parameters import BATCH, CURVATURE, FITS, POPULATION, RATE, VARIANCE

a = 1 - eta * h
epoch = N / B
moment = OrderMean(Iterate(delta0, t) ** 2)
path = a**t * delta0 - eta * Steps(a ** (t - j) * (Place(g, j) / B - gbar), j, t)
own, plain = Steps(a ** (2 * (t - j)), j, t), Steps(a ** (t - j), j, t)
first, second = BatchSum(g) / B - gbar, OtherSum(g) / B - gbar
variance, covariance = sigma2 / B * (N - B) / (N - 1), -sigma2 / (N - 1)
S1, S2 = (1 - a**t) / (1 - a), (1 - a ** (2 * t)) / (1 - a**2)


def pairs(same: sp.Expr, apart: sp.Expr) -> sp.Expr:
    """Second moment by the variance of one batch and the covariance of two."""
    return a ** (2 * t) * delta0**2 + eta**2 * (own * same + (plain**2 - own) * apart)


def gathered(batches: sp.Expr, after: sp.Expr = t) -> sp.Expr:
    """Noise gathered in an epoch of so many batches, after some of them."""
    return eta**2 * sigma2 / (N - 1) * (batches * S2 - S1**2).xreplace({t: after})


with sp.evaluate(False):
    finite = a ** (2 * t) * delta0**2 + eta**2 * sigma2 / (N - 1) * (
        (N / B) * ((1 - a ** (2 * t)) / (1 - a**2)) - ((1 - a**t) / (1 - a)) ** 2)
    closed = sigma2 / (N - 1) * (
        eta * (N / B) / (h * (2 - eta * h)) - (1 - a ** (N / B)) / (h**2 * (1 + a ** (N / B))))
    ratio = 1 / (N - B) * (N - B * (2 - eta * h) * (1 - a ** (N / B)) / (eta * h * (1 + a ** (N / B))))
at_end = EpochVar(sp.S.Zero)
fresh = sp.Limit(ChainCov(1, 1, t), t, sp.oo)
fresh_closed = eta * ((N - B) / (B * (N - 1))) * sigma2 / (h * (2 - eta * h))
size = sigma2 / (N - 1) * h * epoch * (epoch**2 - 1) / 24
series = size * eta**3 * (1 + sp.Rational(3, 2) * eta * h)
small = eta**2 * h**2 * epoch * (epoch + 1) / 12

LAW = Law(
    id="reshuffle.stationary",
    version=1,
    title="Reshuffled SGD settles into a cloud of order eta^3 at the ends of its epochs",
    parts=(
        Part("gathered", sp.Eq(moment, finite, evaluate=False), derivation=(
            Step("unroll", OrderMean(path**2), "each step shrinks the error and adds the noise of its batch",
                 where={Iterate(delta0, t): path}),
            Step("places", pairs(E(first**2, B), E(first * second, B)),
                 "the square of a weighted sum over places: each place with itself, and all pairs"),
            Step("law:gradient.variance/variance", pairs(variance, E(first * second, B)), "the noise of one batch"),
            Step("law:reshuffle.covariance/covariance", pairs(variance, covariance), "two batches of one epoch"),
            Step("finite sum", a ** (2 * t) * delta0**2 + eta**2 * (S2 * variance + (S1**2 - S2) * covariance),
                 "two geometric sums", where={own: S2, plain: S1}),
            Step("algebra", finite, "variance - covariance = sigma^2 (N/B)/(N - 1)"),
        ), rivals=(
            Rival("independent", a ** (2 * t) * delta0**2 + eta**2 * variance * S2, "batches without correlation"),
            Rival("N for N-1", a ** (2 * t) * delta0**2 + eta**2 * sigma2 / N * (epoch * S2 - S1**2), "the divisor",
                  near=True),
            Rival("frozen", a ** (2 * t) * delta0**2 + eta**2 * sigma2 / (N - 1) * t * (epoch - t),
                  "the bridge of frozen parameters, which forgets nothing"),
        )),
        Part("variance", sp.Eq(at_end, closed, evaluate=False), derivation=(
            Step("settled epochs", gathered(m, m) / (1 - a ** (2 * m)),
                 "an epoch keeps a^(2m) of the variance it starts from and adds what it gathers",
                 where={"part": sp.Symbol("gathered")}),
            Step("definition", closed, "m = N/B batches an epoch; 1 - a^m cancels"),
        ), rivals=(
            Rival("independent", fresh_closed, "independent batches: order eta, not eta^3"),
            Rival("N for N-1", closed * (N - 1) / N, "the divisor", near=True),
            Rival("one epoch", gathered(epoch, epoch), "the noise of a single epoch, nothing kept from before"),
            Rival("sign", sigma2 / (N - 1) * (eta * epoch / (h * (2 - eta * h)) - (1 + a**epoch) / (
                h**2 * (1 - a**epoch))), "a sign", near=True),
        )),
        Part("small_steps", sp.Eq(Taylor(at_end, eta, sp.Integer(4)), series, evaluate=False), derivation=(
            Step("law:/variance", Taylor(closed, eta, sp.Integer(4)), "the variance at every step size"),
            Step("series", series, "orders one and two cancel"),
        ), rivals=(
            Rival("order eta^2", series / eta, "a power of the step size"),
            Rival("first term", size * eta**3, "without the correction 3/2 eta h", near=True),
            Rival("m^3", size * eta**3 * (1 + sp.Rational(3, 2) * eta * h) * epoch**2 / (epoch**2 - 1 + epoch),
                  "m(m^2 - 1) is not m^3", near=True),
        )),
        Part("ratio", sp.Eq(at_end / fresh, ratio, evaluate=False), derivation=(
            Step("law:/variance", closed / fresh, "reshuffled epochs"),
            Step("law:quadratic.stationary/variance", closed / fresh_closed, "independent batches"),
            Step("algebra", ratio, "sigma^2 and N - 1 cancel"),
        ), rivals=(
            Rival("no gain", sp.S.One, "reshuffling taken for independent batches"),
            Rival("finite population", (N - B) / (N - 1), "the factor of a single batch"),
            Rival("leading term", small, "true to lowest order in eta h only", near=True),
        )),
        Part("small_ratio", sp.Eq(Taylor(at_end / fresh, eta, sp.Integer(2)), small, evaluate=False), derivation=(
            Step("law:/ratio", Taylor(ratio, eta, sp.Integer(2)), "the ratio at every step size"),
            Step("series", small, "(eta h)^2 m (m + 1)/12"),
        ), rivals=(
            Rival("m-1", eta**2 * h**2 * epoch * (epoch - 1) / 12, "an off-by-one", near=True),
            Rival("m^2", eta**2 * h**2 * epoch**2 / 12, "many batches an epoch", near=True),
            Rival("order one", eta * h * epoch / 6, "a power of the step size"),
        )),
    ),
    params=(
        POPULATION, BATCH, RATE, CURVATURE, VARIANCE,
        Param(t, Integers(0), 2, "number of batches into the epoch"),
        Param(delta0, Reals(), 1, "distance of the epoch's start from the minimum"),
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
    uses=("gradient.variance", "reshuffle.covariance", "quadratic.stationary"),
    sources=(
        Source("kuehn2023", note="variances under the anticorrelated noise of epochs, with momentum; abstract read"),
        Source("ying2019", note="a neighbourhood of order eta^2 and not eta; abstract read"),
        Source("batchlaws", read=True, note="the closed form is derived here"),
    ),
    where={sigma2: PopMean(dg**2), m: epoch},
    headline="variance",
    words=(
        "Draw batches by shuffling the data every epoch and the noise of an epoch nearly cancels. What is left at its "
        "end comes from forgetting alone: early batches are damped a little more than late ones. The stationary "
        "variance there is of order eta^3, where independent batches leave order eta: smaller by (eta h)^2 m(m + 1)/12 "
        "with m batches an epoch, as long as eta h m is small. Formulas for independent batches overstate the noise of "
        "the usual training loop at the ends of epochs, most in flat directions."
    ),
    answers={
        2: "Over an epoch of small steps the noise of the batches all but cancels; independent draws leave far more.",
        4: "At the ends of reshuffled epochs the cloud is of order eta^3, narrow in flat directions most of all.",
    },
)
