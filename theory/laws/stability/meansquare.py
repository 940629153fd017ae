"""The largest step size at which SGD on a finite sum of quadratics is stable in mean square."""

from fractions import Fraction

import sympy as sp

from theory.domain import Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.notation import B, ByDesign, N, PopMean, Root, du, eta, hbar, s2, u
from theory.parameters import BATCH, DESIGN, FITS, POPULATION, STEP_INDEPENDENCE, UNIFORM_BATCH

with sp.evaluate(False):
    p_wor = (N - B) / (B * (N - 1))
p = ByDesign(p_wor, 1 / B)
# The mean-square factor minus one, divided by eta: it vanishes at the threshold.
growth = ((1 - p) * (1 - eta * hbar) ** 2 + p * ((1 - eta * hbar) ** 2 + eta**2 * s2) - 1) / eta
threshold = sp.Eq(Root(growth, eta), 2 * hbar / (hbar**2 + p * s2), evaluate=False)
q0, q1, q2, q3, q4 = sp.symbols("q0:5", nonnegative=True)

LAW = Law(
    id="stability.meansquare",
    version=1,
    title="Mean-square stability of SGD: largest step and sharpness ceiling",
    parts=(
        Part("threshold", threshold, derivation=(
            Step("algebra", Root(eta * (hbar**2 + p * s2) - 2 * hbar, eta), "expand; divide by eta"),
            Step("root", threshold.args[1], "linear in eta", where={
                N: 1 + q0 + q1, B: 1 + q0, hbar: q2, s2: q3, eta: q4}),
        ), rivals=(
            Rival("gradient descent", 2 / hbar, "the full-batch edge 2/h"),
            Rival("p = 1/B", 2 * hbar / (hbar**2 + ByDesign(1 / B, 1 / (B + 1)) * s2), "the other design's weight",
                  near=True),
            Rival("single example", 2 * hbar / (hbar**2 + 2 * s2), "as if p were two"),
        )),
    ),
    params=(
        POPULATION, BATCH,
        Param(hbar, Reals(0, open=True), Fraction(1), "mean curvature over the examples"),
        Param(s2, Reals(0, open=True), Fraction(1, 2), "variance of the per-example curvatures, divisor N"),
        DESIGN,
    ),
    constraints=(FITS,),
    exactness=Exactness.IDENTITY,
    assumptions=(
        UNIFORM_BATCH, STEP_INDEPENDENCE,
        Assumption("quadratic examples",
                   "each example's loss is quadratic with curvature u_i; one direction; all share "
                   "the minimum"),
        Assumption("mean square",
                   "stable means that the second moment of the error does not grow; almost-sure stability "
                   "is another notion with other thresholds"),
    ),
    uses=("stability.mixture",),
    sources=(Source("mulayoff2024", note="mean-square threshold of mini-batch SGD; abstract read"),),
    where={s2: PopMean(du**2), hbar: PopMean(u)},
    words=(
        "Gradient descent is stable up to a step size of 2/h. SGD is stable, in mean square, only up to "
        "2h/(h^2 + p s^2): smaller, by the spread s^2 of the curvatures between examples, weighted by p. The threshold "
        "rises with the batch size from the single-example value to 2/h at B = N. So noise ejects SGD from minima that "
        "gradient descent would keep, but by non-uniformity, not by sharpness alone."
    ),
    answers={4: "SGD leaves a minimum in mean square above 2h/(h^2 + p s^2): sharpness and non-uniformity together."},
)
