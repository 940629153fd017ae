"""How far the mean path of SGD is from the flow of a modified loss, through second order in the step size."""

from fractions import Fraction

import sympy as sp

from theory.domain import Constraint, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.descent import Flow, FreshMove, MeanMove
from theory.nodes.places import m
from theory.nodes.series import Taylor
from theory.notation import B, N, PopMean, dg, du, eta, gbar, t, ubar
from theory.parameters import BATCH, FITS, POPULATION, RATE

two = sp.Integer(2)
epoch = N / B
alpha, beta, c_ug = sp.symbols("alpha beta c_ug", real=True)
p = (N - B) / (B * (N - 1))
flow = Flow(alpha * eta * gbar**2 + beta * eta * PopMean(dg**2), m)
shuffled, fresh = MeanMove(m), FreshMove(m)


def taylor(body: sp.Expr) -> sp.Expr:
    """Through second order in the step size."""
    return Taylor(body, eta, two)


def shuffled_path(batches: sp.Expr) -> sp.Expr:
    """Mean displacement by `implicit.epoch_mean`."""
    return -eta * batches * gbar + eta**2 / 2 * (batches**2 * ubar * gbar - batches * (ubar * gbar + p * c_ug))


def fresh_path(batches: sp.Expr) -> sp.Expr:
    """Mean displacement by `implicit.iid_none`."""
    return -eta * batches * gbar + eta**2 * batches * (batches - 1) / 2 * ubar * gbar


with sp.evaluate(False):
    flow_path = -eta * (N / B) * gbar + eta**2 * ((N / B) ** 2 / 2 * (ubar * gbar) - (N / B) * (
        2 * alpha * (ubar * gbar) + 2 * beta * c_ug))
    residual = eta**2 * (N / B) * ((2 * alpha - sp.Rational(1, 2)) * (ubar * gbar) + (
        2 * beta - (N - B) / (2 * B * (N - 1))) * c_ug)
    fresh_residual = eta**2 * (N / B) * ((2 * alpha - sp.Rational(1, 2)) * (ubar * gbar) + 2 * beta * c_ug)
    difference = -(eta**2 * N * (N - B)) / (2 * B**2 * (N - 1)) * c_ug

LAW = Law(
    id="implicit.order",
    version=1,
    title="Which modified loss the mean path follows to second order, reshuffled or independent",
    parts=(
        Part("flow", sp.Eq(taylor(flow), flow_path, evaluate=False), derivation=(
            Step("flow", -eta * m * (gbar + 2 * alpha * eta * ubar * gbar + 2 * beta * eta * PopMean(du * dg)) + (
                eta * m) ** 2 / 2 * ubar * gbar, "the gradient of the modified loss, and the Hessian of L"),
            Step("definition", flow_path, "collect orders"),
        ), rivals=(
            Rival("unmodified", -eta * epoch * gbar + eta**2 * epoch**2 / 2 * ubar * gbar, "the flow of L itself"),
            Rival("half", -eta * epoch * gbar + eta**2 * (epoch**2 / 2 * ubar * gbar - epoch * (
                alpha * ubar * gbar + beta * c_ug)), "the gradient of a square without its factor 2", near=True),
            Rival("no curvature", -eta * epoch * gbar - eta**2 * epoch * (2 * alpha * ubar * gbar + 2 * beta * c_ug),
                  "a straight step of the flow"),
        )),
        Part("reshuffled", sp.Eq(taylor(shuffled - flow), residual, evaluate=False), derivation=(
            Step("termwise", taylor(shuffled) - taylor(flow), "term by term"),
            Step("law:implicit.epoch_mean/mean", shuffled_path(epoch) - taylor(flow), "the mean path of an epoch"),
            Step("law:/flow", shuffled_path(epoch) - flow_path, "the flow"),
            Step("algebra", residual, "zero for every set of losses only at alpha = 1/4, beta = p_B/4"),
        ), rivals=(
            Rival("independent", fresh_residual, "no term from the spread of the gradients"),
            Rival("alpha = 1/2", residual - eta**2 / 2 * epoch * ubar * gbar, "the gradient-norm term taken as 1/2",
                  near=True),
            Rival("1/B", eta**2 * epoch * ((2 * alpha - sp.Rational(1, 2)) * ubar * gbar + (
                2 * beta - 1 / (2 * B)) * c_ug), "the factor of independent draws for p", near=True),
            Rival("no difference", sp.S.Zero, "any modification will do"),
        )),
        Part("independent", sp.Eq(taylor(fresh - flow), fresh_residual, evaluate=False), derivation=(
            Step("termwise", taylor(fresh) - taylor(flow), "term by term"),
            Step("law:implicit.iid_none/mean", fresh_path(m) - taylor(flow), "the mean path of independent batches",
                 where={t: m}),
            Step("law:/flow", fresh_path(m) - flow_path, "the flow"),
            Step("definition", fresh_residual, "zero for every set of losses only at alpha = 1/4, beta = 0"),
        ), rivals=(
            Rival("reshuffled", residual, "the term from the spread claimed for independent batches"),
            Rival("alpha = 1/2", fresh_residual - eta**2 / 2 * epoch * ubar * gbar,
                  "the gradient-norm term taken as 1/2", near=True),
            Rival("one step", fresh_residual * B / N, "the residual of a single step for that of m", near=True),
        )),
        Part("difference", sp.Eq(taylor(shuffled - fresh), difference, evaluate=False), derivation=(
            Step("termwise", taylor(shuffled) - taylor(fresh), "term by term"),
            Step("law:implicit.epoch_mean/mean", shuffled_path(epoch) - taylor(fresh), "the mean path of an epoch"),
            Step("law:implicit.iid_none/mean", shuffled_path(epoch) - fresh_path(m),
                 "the mean path of independent batches", where={t: m}),
            Step("definition", difference, "the gradient norm enters both alike"),
        ), rivals=(
            Rival("none", sp.S.Zero, "reshuffled batches taken for independent ones"),
            Rival("1/B", -(eta**2) / 2 * epoch / B * c_ug, "the factor of independent draws for p", near=True),
            Rival("pairs", -(eta**2) / 2 * (epoch - 1) / (N - 1) * c_ug, "one pair a batch instead of all", near=True),
            Rival("sign", eta**2 / 2 * epoch * p * c_ug, "towards places where the examples disagree"),
        )),
    ),
    params=(
        POPULATION, BATCH, RATE,
        Param(alpha, Reals(), Fraction(1, 4), "coefficient of eta |G|^2 in the modified loss"),
        Param(beta, Reals(), 0, "coefficient of eta Gamma in the modified loss, Gamma the mean of |g_i - G|^2"),
        Param(gbar, Reals(), 1, "full gradient G at the start; a vector in several dimensions"),
        Param(ubar, Reals(), 1, "Hessian H of the mean loss at the start; a matrix in several dimensions"),
        Param(c_ug, Reals(), 1, "mean of (H_i - H)(g_i - G) over the examples, half the gradient of Gamma"),
    ),
    constraints=(
        FITS,
        Constraint(sp.Eq(sp.Mod(N, B), 0), "B = {B} does not divide N = {N}: an epoch must consist of whole batches"),
    ),
    exactness=Exactness.ASYMPTOTIC,
    assumptions=(
        Assumption("two ways to draw", "m = N/B batches: those of one reshuffled epoch, or independent ones of B "
                   "distinct examples each"),
        Assumption("smooth", "three continuous derivatives of each loss; u_i is the Hessian of example i, g_i its "
                   "gradient"),
        Assumption("one epoch", "conditional on the start; m fixed as the step size goes to zero"),
    ),
    uses=("implicit.epoch_mean", "implicit.iid_none"),
    sources=(
        Source("smith2021", note="the coefficients 1/4 under reshuffling"),
        Source("batchlaws", read=True, note="the residual for any coefficients derived here"),
    ),
    where={m: epoch, c_ug: PopMean(du * dg)},
    headline="reshuffled",
    words=(
        "Add alpha eta |G|^2 + beta eta Gamma to the loss and let its gradient flow run for the time of m steps: how "
        "far does it end from the mean path of SGD? At second order by a residual that vanishes for all losses at one "
        "pair only: (1/4, p_B/4) for a reshuffled epoch, (1/4, 0) for independent batches. With the right pair the two "
        "agree through order eta^2; with any other, or with the loss itself, through order eta only. The whole "
        "difference between the two ways to draw is -eta^2/2 m p_B times the mean of (H_i - H)(g_i - G), which points "
        "to where the examples agree."
    ),
    answers={4: "The penalty on the spread of gradients weighs p_B/4 under reshuffling, 0 for independent batches."},
)
