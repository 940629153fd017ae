"""Expected loss after one SGD step on a quadratic."""

from fractions import Fraction

import sympy as sp

from theory.domain import Param, Reals
from theory.law import Assumption, Exactness, Experiment, Law, Part, Rival, Source, Step
from theory.notation import B, BatchSum, ByDesign, E, N, PopMean, delta0, dg, eta, h, sigma2
from theory.parameters import BATCH, CURVATURE, DESIGN, FITS, POPULATION, RATE, UNIFORM_BATCH, VARIANCE

with sp.evaluate(False):
    p_wor = (N - B) / (B * (N - 1))
p = ByDesign(p_wor, 1 / B)
G = h * delta0
step = delta0 - eta * (G + BatchSum(dg) / B)
statement = sp.Eq(E(h / 2 * step**2, B), h * delta0**2 / 2 - eta * G**2 + eta**2 / 2 * (h * G**2 + h * p * sigma2),
                  evaluate=False)

LAW = Law(
    id="noise_scale.one_step",
    version=1,
    title="Expected loss after one SGD step",
    parts=(
        Part("loss", statement, derivation=(
            Step("moment", h / 2 * ((1 - eta * h) ** 2 * delta0**2 + eta**2 * ByDesign(
                p_wor * PopMean(dg**2), PopMean(dg**2) / B)), "square; the noise has mean zero"),
            Step("definition", statement.args[1], "collect descent, curvature and noise"),
        ), rivals=(
            Rival("no noise", h * delta0**2 / 2 - eta * G**2 + eta**2 / 2 * h * G**2, "the deterministic step"),
            Rival("no correction", h * delta0**2 / 2 - eta * G**2 + eta**2 / 2 * (
                h * G**2 + h * ByDesign(1 / B, 1 / (B + 1)) * sigma2), "1/B without replacement"),
            Rival("trace for curvature-weighted", h * delta0**2 / 2 - eta * G**2 + eta**2 / 2 * (
                h * G**2 + (h + 1) * p * sigma2), "tr Sigma in place of tr(H Sigma)"),
            Rival("no half", h * delta0**2 / 2 - eta * G**2 + eta**2 * (h * G**2 + h * p * sigma2), "Taylor's 1/2",
                  near=True),
        )),
    ),
    params=(POPULATION, BATCH, RATE, CURVATURE, VARIANCE,
            Param(delta0, Reals(), Fraction(1), "distance of the parameters from the minimum, in this mode"), DESIGN),
    constraints=(FITS,),
    exactness=Exactness.IDENTITY,
    assumptions=(
        UNIFORM_BATCH,
        Assumption("quadratic", "the mean loss is quadratic; the sum over its eigenmodes gives the loss"),
    ),
    sources=(
        Source("mccandlish2018", note="the quadratic model of one step; the finite-population form is derived here"),
    ),
    where={sigma2: PopMean(dg**2)},
    words=(
        "How much does one step help? The gradient's part of the decrease grows with the step size, the price grows "
        "with "
        "its square, and the noise of the batch adds to the price in proportion to curvature times variance. So the "
        "best "
        "step shrinks with the noise, and past twice that step the loss rises on average. The noise that counts is "
        "weighted by the curvature: tr(H Sigma), not tr Sigma."
    ),
    answers={
        2: "A step lowers the loss on average only below a step size set by the noise.",
        5: "The best step size saturates in B once p_B tr(H Sigma) is small against G'HG.",
    },
    experiments=(
        Experiment("enumerate", channel="network", grid={"population": (
            "digits8:gradient:coordinate:30", "digits8:gradient:direction:0")},
                   fixed={"eta": "1/2", "h": 1, "delta0": "3/2"}),
    ),
)
