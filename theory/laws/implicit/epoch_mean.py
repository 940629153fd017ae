"""One reshuffled epoch descends, on average, a modified loss with a term from the spread of the gradients."""

import sympy as sp

from theory.domain import Constraint, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.descent import Flow, MeanMove
from theory.nodes.places import OrderMean, Past, Place, Steps, j, m
from theory.nodes.series import Taylor
from theory.notation import B, BatchSum, E, N, OtherSum, PopMean, dg, du, eta, g, gbar, u, ubar
from theory.parameters import BATCH, FITS, POPULATION, RATE

two = sp.Integer(2)
epoch = N / B
c_ug = sp.Symbol("c_ug", real=True)
p = (N - B) / (B * (N - 1))
modified = eta / 4 * gbar**2 + eta / 4 * p * PopMean(dg**2)


def path(n: sp.Expr) -> sp.Expr:
    """Displacement after n batches, through second order."""
    return -eta * Past(g, n) / B + eta**2 * Steps(Place(u, j) * Past(g, j - 1), j, n) / B**2


def displacement(n: sp.Expr, pair: sp.Expr) -> sp.Expr:
    """Its mean, when a Hessian and a gradient of two batches have a mean product."""
    return -eta * n * gbar + eta**2 * Steps(j - 1, j, n) * pair


pair = E(BatchSum(u) * OtherSum(g), B) / B**2
with sp.evaluate(False):
    claim = -eta * (N / B) * gbar + eta**2 / 2 * ((N / B) ** 2 * ubar * gbar - (N / B) * (
        ubar * gbar + (N - B) / (B * (N - 1)) * c_ug))

LAW = Law(
    id="implicit.epoch_mean",
    version=1,
    title="A reshuffled epoch descends a modified loss: gradient norm and gradient spread",
    parts=(
        Part("mean", sp.Eq(Taylor(MeanMove(m), eta, two), claim, evaluate=False), derivation=(
            Step("expand", OrderMean(path(m)), "each step meets the gradients moved by all steps before it",
                 where={MeanMove(m): path(m)}),
            Step("places", displacement(m, pair), "j - 1 earlier batches, each disjoint from the one at place j"),
            Step("finite sum", -eta * m * gbar + eta**2 * m * (m - 1) / 2 * pair, "pairs of an epoch",
                 where={Steps(j - 1, j, m): m * (m - 1) / 2}),
            Step("moment", -eta * m * gbar + eta**2 * m * (m - 1) / 2 * (ubar * gbar - PopMean(du * dg) / (N - 1)),
                 "Hessian and gradient of disjoint batches", where={u: ubar + du, g: gbar + dg}),
            Step("definition", claim, "m = N/B batches an epoch, and m - 1 = (N - B)/B"),
        ), rivals=(
            Rival("plain flow", -eta * epoch * gbar + eta**2 / 2 * epoch**2 * ubar * gbar, "the flow of L itself"),
            Rival("no spread", -eta * epoch * gbar + eta**2 / 2 * (epoch**2 - epoch) * ubar * gbar,
                  "the gradient norm alone, as for independent batches"),
            Rival("1/B", -eta * epoch * gbar + eta**2 / 2 * (epoch**2 * ubar * gbar - epoch * (ubar * gbar + c_ug / B)),
                  "the factor of independent draws for p", near=True),
            Rival("twice", -eta * epoch * gbar + eta**2 / 2 * (epoch**2 * ubar * gbar - 2 * epoch * (
                ubar * gbar + p * c_ug)), "a coefficient 1/2 for 1/4 in the modified loss", near=True),
        )),
        Part("flow", sp.Eq(Taylor(Flow(modified, m), eta, two), claim, evaluate=False), derivation=(
            Step("flow", -eta * m * (gbar + eta / 2 * ubar * gbar + eta / 2 * p * PopMean(du * dg)) + (
                eta * m) ** 2 / 2 * ubar * gbar,
                 "|G|^2/4 has gradient HG/2, the mean of |g_i - G|^2/4 half the covariance of H_i and g_i"),
            Step("definition", claim, "the mean displacement of the epoch"),
        ), rivals=(
            Rival("plain flow", -eta * epoch * gbar + eta**2 / 2 * epoch**2 * ubar * gbar, "the flow of L itself"),
            Rival("no spread", -eta * epoch * gbar + eta**2 / 2 * (epoch**2 - epoch) * ubar * gbar,
                  "the gradient norm alone"),
            Rival("coefficient 1/2", -eta * epoch * gbar + eta**2 / 2 * (epoch**2 * ubar * gbar - 2 * epoch * (
                ubar * gbar + p * c_ug)), "a factor of two in the modified loss", near=True),
        )),
    ),
    params=(
        POPULATION, BATCH, RATE,
        Param(gbar, Reals(), 1, "full gradient G where the epoch starts; a vector in several dimensions"),
        Param(ubar, Reals(), 1, "Hessian H of the mean loss where the epoch starts; a matrix in several dimensions"),
        Param(c_ug, Reals(), 1, "mean of (H_i - H)(g_i - G) over the examples: half the gradient of their mean "
              "squared deviation |g_i - G|^2"),
    ),
    constraints=(
        FITS,
        Constraint(sp.Eq(sp.Mod(N, B), 0), "B = {B} does not divide N = {N}: an epoch must consist of whole batches"),
    ),
    exactness=Exactness.ASYMPTOTIC,
    assumptions=(
        Assumption("reshuffled", "the epoch uses each example once, in a uniformly random order"),
        Assumption("smooth", "three continuous derivatives of each loss; u_i is the Hessian of example i, g_i its "
                   "gradient"),
        Assumption("one epoch", "conditional on the start; m = N/B batches, fixed as the step size goes to zero"),
    ),
    uses=(),
    sources=(
        Source("smith2021", note="the modified loss of the mean iterate under reshuffling; abstract read"),
        Source("barrett2021", note="the gradient-norm term of gradient descent"),
        Source("batchlaws", read=True, note="the exact coefficient for every N and B derived here"),
    ),
    where={m: epoch, c_ug: PopMean(du * dg)},
    headline="mean",
    words=(
        "Where does one reshuffled epoch lead on average? To second order in the step size, where the gradient flow "
        "of another loss leads: L + eta/4 |G|^2 + eta/4 p_B Gamma, with G the full gradient, Gamma the mean squared "
        "deviation of the examples' gradients from it, p_B = (N - B)/(B(N - 1)). Small batches thus prefer, on "
        "average, places where the examples agree; the term is absent at B = N. It holds for one epoch of small steps, "
        "not for the distribution SGD settles into, and it rests on reshuffling: independent batches have no such "
        "term."
    ),
    answers={4: "Over a reshuffled epoch the mean path descends L plus eta/4 (|G|^2 + p_B Gamma): noise as a penalty."},
)
