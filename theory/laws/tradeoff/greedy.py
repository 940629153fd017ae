"""Steps and examples when every step is the best one: no hyperbola."""

from fractions import Fraction

import sympy as sp

from theory.domain import Constraint, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes import logarithms  # noqa: F401  (its rule)
from theory.nodes.series import Taylor
from theory.notation import At, B, BatchSum, ByDesign, E, N, PopMean, delta0, dg, eta, h, sigma2
from theory.parameters import BATCH, CURVATURE, DESIGN, FITS, POPULATION, UNIFORM_BATCH, VARIANCE

R, noise = sp.Symbol("R", positive=True), sp.Symbol("B_noise", positive=True)
with sp.evaluate(False):
    p_wor = (N - B) / (B * (N - 1))
p = ByDesign(p_wor, 1 / B)
G = h * delta0
loss = h * delta0**2 / 2
measured = E(h / 2 * (delta0 - eta * (G + BatchSum(dg) / B)) ** 2, B)
best = 1 / (h * (1 + p * sigma2 / G**2))
predicted = loss - eta * G**2 + eta**2 / 2 * (h * G**2 + h * p * sigma2)
share = sp.Eq(1 - At(measured, eta, best) / loss, 1 / (1 + p * noise), evaluate=False)

count = -sp.log(R) / sp.log(1 - 1 / (1 + noise / B))
steps = sp.Eq(count, sp.log(R) / sp.log(1 + B / noise), evaluate=False)
examples = sp.Eq(Taylor(B * steps.args[1], B, sp.Integer(2)), sp.log(R) * (noise + B / 2 - B**2 / (12 * noise)),
                 evaluate=False)
at_scale = sp.Eq(At(count, B, noise) / sp.log(R), 1 / sp.log(2), evaluate=False)

LAW = Law(
    id="tradeoff.greedy",
    version=1,
    title="Steps and examples when every step is the best one",
    parts=(
        Part("share", share, derivation=(
            Step("law:noise_scale.one_step/loss", 1 - predicted.xreplace({eta: best}) / loss,
                 "the expected loss after a step of any size, at this one"),
            Step("definition", share.args[1], "the noise scale is sigma^2/G^2"),
        ), rivals=(
            Rival("no correction", 1 / (1 + ByDesign(1 / B, 1 / (B + 1)) * noise), "the other design's weight",
                  near=True),
            Rival("squared", 1 / (1 + p * noise) ** 2, "the share twice"),
            Rival("linear", 1 - p * noise, "the first order in the noise"),
            Rival("full", sp.S.One, "a noiseless Newton step"),
        )),
        Part("steps", steps, derivation=(
            Step("logarithms", steps.args[1], "the logarithm of a quotient"),
        ), rivals=(
            Rival("hyperbola", sp.log(R) * (1 + noise / B), "the law of small steps"),
            Rival("perfect", sp.log(R) * noise / B, "perfect scaling"),
            Rival("log 2", sp.log(R) / sp.log(2 + B / noise), "a near miss", near=True),
        )),
        Part("examples", examples, derivation=(
            Step("series", examples.args[1], "x/ln(1 + x) = 1 + x/2 - x^2/12 + ... at x = B/(noise scale)"),
        ), rivals=(
            Rival("hyperbola", sp.log(R) * (noise + B), "twice the excess: the law of small steps", near=True),
            Rival("perfect", sp.log(R) * noise, "no excess"),
            Rival("sign", sp.log(R) * (noise + B / 2 + B**2 / (12 * noise)), "a sign at second order", near=True),
        )),
        Part("at_noise_scale", at_scale, derivation=(
            Step("law:/steps", 1 / sp.log(2), "ln(1 + 1)"),
        ), rivals=(
            Rival("2", sp.Integer(2), "the hyperbola's value at the critical batch"),
            Rival("1", sp.S.One, "perfect scaling up to the noise scale"),
            Rival("3/2", sp.Rational(3, 2), "the second-order value", near=True),
        )),
    ),
    params=(
        POPULATION, BATCH, CURVATURE, VARIANCE,
        Param(delta0, Reals(), Fraction(1), "distance of the parameters from the minimum"),
        Param(noise, Reals(0, open=True), Fraction(100), "noise scale sigma^2/G^2, constant on the way"),
        Param(R, Reals(1, open=True), Fraction(100), "factor by which the loss is to fall"),
        DESIGN,
    ),
    constraints=(FITS, Constraint(sp.Ne(delta0, 0), "delta0 = {delta0} is not allowed: at the minimum no step helps")),
    exactness=Exactness.MODEL,
    assumptions=(
        UNIFORM_BATCH,
        Assumption("quadratic", "one eigenmode of a quadratic, step size chosen from the expected loss"),
        Assumption("constant noise scale", "beyond the part `share`: the noise scale does not change on the way, as in "
                   "lms.noise_scale"),
    ),
    uses=("noise_scale.one_step",),
    sources=(
        Source("mccandlish2018", note="the best step and its share; the step count of greedy steps is derived here"),
        Source("batchlaws", read=True, note="closed forms"),
    ),
    where={sigma2: PopMean(dg**2), noise: PopMean(dg**2) / (h * delta0) ** 2},
    headline="steps",
    words=(
        "The hyperbola of steps and examples is for small steps. If every step is the best one for its batch, the "
        "loss is multiplied by 1 - 1/(1 + noise scale/B) each time, and ln R/ln(1 + B/noise scale) steps are needed. "
        "Steps then fall without limit as the batch grows: there are no fewest steps, hence no hyperbola. At a batch "
        "of the noise scale the examples cost 1/ln 2 = 1.44 times their least value, not twice; one excess example "
        "in the batch costs half of what the hyperbola charges. lms.best_rate is a problem where this is exact."
    ),
    answers={5: "With best steps a batch of the noise scale costs 1.44 times the examples of small batches, not 2."},
)
