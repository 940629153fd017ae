"""With independent batches the spread of the gradients leaves no trace in the mean path, to second order."""

import sympy as sp

from theory.domain import Integers, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.descent import Flow, FreshMean, FreshMove
from theory.nodes.places import Past, Place, Steps, j
from theory.nodes.series import Taylor
from theory.notation import B, BatchSum, ByDesign, E, N, PopMean, dg, du, eta, g, gbar, t, u, ubar
from theory.parameters import BATCH, DESIGN, FITS, POPULATION, RATE, STEP_INDEPENDENCE, UNIFORM_BATCH

two = sp.Integer(2)
c_ug = sp.Symbol("c_ug", real=True)
p = ByDesign((N - B) / (B * (N - 1)), 1 / B)
path = -eta * Past(g, t) / B + eta**2 * Steps(Place(u, j) * Past(g, j - 1), j, t) / B**2
hessian, gradient = E(BatchSum(u), B) / B, E(BatchSum(g), B) / B
pairs = t * (t - 1) / 2
with sp.evaluate(False):
    claim = -eta * t * gbar + eta**2 * (t * (t - 1) / 2) * (ubar * gbar)

LAW = Law(
    id="implicit.iid_none",
    version=1,
    title="Independent batches: no penalty on the spread of the gradients in the mean path",
    parts=(
        Part("mean", sp.Eq(Taylor(FreshMove(t), eta, two), claim, evaluate=False), derivation=(
            Step("expand", FreshMean(path, t), "each step meets the gradients moved by all steps before it",
                 where={FreshMove(t): path}),
            Step("independent places", -eta * t * gradient + eta**2 * Steps(j - 1, j, t) * hessian * gradient,
                 "Hessian and gradient of independent batches: their mean product is the product of the means"),
            Step("finite sum", -eta * t * gradient + eta**2 * pairs * hessian * gradient, "pairs of steps",
                 where={Steps(j - 1, j, t): pairs}),
            Step("moment", claim, "batch means are unbiased", where={u: ubar + du, g: gbar + dg}),
        ), rivals=(
            Rival("with spread", -eta * t * gbar + eta**2 / 2 * (t**2 * ubar * gbar - t * (ubar * gbar + p * c_ug)),
                  "the term of reshuffled epochs claimed for independent batches"),
            Rival("plain flow", -eta * t * gbar + eta**2 / 2 * t**2 * ubar * gbar, "the flow of L itself"),
            Rival("t+1", -eta * t * gbar + eta**2 / 2 * t * (t + 1) * ubar * gbar, "an off-by-one", near=True),
        )),
        Part("flow", sp.Eq(Taylor(Flow(eta / 4 * gbar**2, t), eta, two), claim, evaluate=False), derivation=(
            Step("flow", -eta * t * (gbar + eta / 2 * ubar * gbar) + (eta * t) ** 2 / 2 * ubar * gbar,
                 "the gradient of |G|^2/4 is HG/2"),
            Step("algebra", claim, "the mean displacement of independent batches, and that of gradient descent"),
        ), rivals=(
            Rival("plain flow", -eta * t * gbar + eta**2 / 2 * t**2 * ubar * gbar, "the flow of L itself"),
            Rival("coefficient 1/2", -eta * t * gbar + eta**2 / 2 * (t**2 - 2 * t) * ubar * gbar,
                  "a factor of two in the modified loss", near=True),
            Rival("with spread", -eta * t * gbar + eta**2 / 2 * (t**2 * ubar * gbar - t * (ubar * gbar + p * c_ug)),
                  "the flow of the modified loss of reshuffled epochs"),
        )),
    ),
    params=(
        POPULATION, BATCH, RATE,
        Param(t, Integers(1), 4, "number of steps"),
        Param(gbar, Reals(), 1, "full gradient G at the start; a vector in several dimensions"),
        Param(ubar, Reals(), 1, "Hessian H of the mean loss at the start; a matrix in several dimensions"),
        Param(c_ug, Reals(), 1, "mean of (H_i - H)(g_i - G) over the examples, which does not enter"),
        DESIGN,
    ),
    constraints=(FITS,),
    exactness=Exactness.ASYMPTOTIC,
    assumptions=(
        UNIFORM_BATCH, STEP_INDEPENDENCE,
        Assumption("smooth", "three continuous derivatives of each loss; u_i is the Hessian of example i, g_i its "
                   "gradient"),
        Assumption("few steps", "conditional on the start; a fixed number of steps as the step size goes to zero"),
    ),
    sources=(
        Source("barrett2021", note="the gradient-norm term of gradient descent"),
        Source("li2017", note="the drift of the second-order stochastic modified equation"),
        Source("batchlaws", read=True, note="this form derived here"),
    ),
    where={c_ug: PopMean(du * dg)},
    headline="mean",
    words=(
        "Draw every batch afresh, with or without replacement inside it, and the mean path of SGD is that of "
        "full-batch gradient descent through second order in the step size: neither B nor the spread of the gradients "
        "enters. The modified loss is L + eta/4 |G|^2 alone. The penalty on the spread that is often quoted for SGD "
        "comes from reshuffling, which makes batches of an epoch correlate; it is no property of mini-batch noise as "
        "such. Other effects of independent noise, on the variance or over long times, are not excluded by this."
    ),
    answers={4: "Independent mini-batch noise adds no penalty to the mean path at this order; reshuffled batches do."},
)
