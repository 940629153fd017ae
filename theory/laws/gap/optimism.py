"""The generalization gap of SGD on least squares does not depend on the batch size."""

from fractions import Fraction

import sympy as sp

from theory.domain import Integers, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.labels import FitCov, FitMean, Gap, LabelCov, tau
from theory.notation import B, ByDesign, N, PopMean, eta, h1, h2, t, u, v, w
from theory.parameters import BATCH, DESIGN, FITS, POPULATION, RATE, STEP_INDEPENDENCE, UNIFORM_BATCH

c1, c2 = sp.symbols("c_1 c_2", real=True)
a1, a2 = 1 - eta * h1, 1 - eta * h2
fit1, fit2 = (1 - a1**t) / h1 * c1, (1 - a2**t) / h2 * c2
with sp.evaluate(False):
    closed = 2 * tau**2 / N * ((1 - a1**t) + (1 - a2**t))
step = sp.Eq(FitMean(u, t + 1), a1 * FitMean(u, t) + eta * c1, evaluate=False)
mean = sp.Eq(FitMean(u, t), fit1, evaluate=False)
gap = sp.Eq(Gap(t), closed, evaluate=False)
p = ByDesign((N - B) / (B * (N - 1)), 1 / B)

LAW = Law(
    id="gap.optimism",
    version=1,
    title="On least squares the generalization gap of SGD does not depend on the batch size",
    parts=(
        Part("step", step, derivation=(
            Step("fresh batch", step.args[1], "mean inputs squared are the curvature; inputs of different modes are "
                 "uncorrelated"),
        ), rivals=(
            Rival("no decay", FitMean(u, t) + eta * c1, "as if the residual did not shrink"),
            Rival("other curvature", a2 * FitMean(u, t) + eta * c1, "the other mode's curvature"),
            Rival("divided by B", (1 - eta * h1 / B) * FitMean(u, t) + eta * c1 / B, "as if only one example of the "
                  "batch counted", near=True),
        )),
        Part("mean", mean, derivation=(
            Step("label steps", fit1, "from zero", where={"part": sp.Symbol("step")}),
        ), rivals=(
            Rival("converged", c1 / h1, "the least-squares fit at finite t"),
            Rival("t+1", (1 - a1 ** (t + 1)) / h1 * c1, "an off-by-one", near=True),
            Rival("first order", eta * t * c1, "small steps"),
        )),
        Part("gap", gap, derivation=(
            Step("covariance penalty", 2 * FitCov(t), "twice the covariance of label and fit"),
            Step("labels apart", 2 * LabelCov(u * FitMean(u, t) + v * FitMean(v, t)), "batches know nothing of labels"),
            Step("law:/mean", 2 * LabelCov(u * fit1 + v * FitMean(v, t)), "the mean fit, first mode"),
            Step("law:/mean", 2 * LabelCov(u * fit1 + v * fit2), "second mode",
                 where={u: v, v: u, h1: h2, h2: h1, c1: c2, c2: c1}),
            Step("label noise", closed, "only an example's own label correlates with it"),
        ), rivals=(
            Rival("least squares", 4 * tau**2 / N, "the converged fit, 2 d tau^2/N"),
            Rival("first order", 2 * tau**2 / N * eta * t * (h1 + h2), "short training"),
            Rival("noise of the batch", closed * p, "as if smaller batches closed the gap, or opened it"),
            Rival("half", tau**2 / N * (2 - a1**t - a2**t), "the loss here has no 1/2", near=True),
            Rival("t+1", 2 * tau**2 / N * (2 - a1 ** (t + 1) - a2 ** (t + 1)), "an off-by-one", near=True),
        )),
    ),
    params=(
        POPULATION, BATCH, RATE,
        Param(tau, Reals(0), Fraction(1), "standard deviation of the label noise"),
        Param(h1, Reals(0, open=True), Fraction(1), "curvature of the first mode: mean square of the inputs along it"),
        Param(h2, Reals(0, open=True), Fraction(1, 4), "curvature of the second mode"),
        Param(c1, Reals(), Fraction(1), "mean product of input and label in the first mode"),
        Param(c2, Reals(), Fraction(1), "mean product of input and label in the second mode"),
        Param(t, Integers(0), 10, "number of steps"),
        DESIGN,
    ),
    constraints=(FITS,),
    exactness=Exactness.IDENTITY,
    assumptions=(
        UNIFORM_BATCH, STEP_INDEPENDENCE,
        Assumption("least squares", "the fit is linear in the parameters, the gradient that of half the squared "
                   "residual, the start zero, the step size constant; the gap is that of the squared residual"),
        Assumption("fixed inputs", "fresh labels are drawn at the same inputs"),
        Assumption("label noise", "label noise is independent between examples and of the batches, of equal variance"),
        Assumption("eigenbasis", "u and v are the inputs along eigenvectors of the Hessian, so their mean product is "
                   "zero; two modes stand for any number, each with its term"),
    ),
    sources=(
        Source("efron2004", note="covariance penalties; the statement on SGD is derived here"),
        Source("batchlaws", read=True, note="the derivation"),
    ),
    where={h1: PopMean(u**2), h2: PopMean(v**2), c1: PopMean(u * w), c2: PopMean(v * w), PopMean(u * v): sp.S.Zero},
    headline="gap",
    words=(
        "Fit a linear model by SGD from zero: how much lower is the loss on the labels fitted than on fresh ones? On "
        "average by 2 tau^2/N times the trace of I - (I - eta H)^t, at every batch size, with and without replacement, "
        "and for gradient descent. The gap is twice the covariance of labels and fit, the fit is linear in the labels, "
        "and independent batches do not change its mean. So a gap that depends on the batch size needs something else: "
        "a nonlinear model, which can choose between minima, or batches that depend on each other. In reshuffled "
        "epochs they do, pair by pair of steps, and after several epochs the gap differs between batch sizes, from "
        "the second order in the step size on."
    ),
    answers={5: "In linear models independent batches of any size leave one gap, 2 tau^2/N tr(I-(I-eta H)^t)."},
)
