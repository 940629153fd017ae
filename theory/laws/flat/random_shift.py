"""What a random shift costs at a minimum, on average."""

from fractions import Fraction

import sympy as sp

from theory.domain import Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.notation import PopMean, cov_uv, du, dv, dx, h, h1, h2, kappa, mu2, mu3, u, ubar, v, vbar
from theory.parameters import CURVATURE

h12, third, fourth = sp.symbols("h12 L3 L4", real=True)
C1, C2 = sp.symbols("C11 C22", nonnegative=True)
rise = PopMean(h1 * u**2 / 2 + h12 * u * v + h2 * v**2 / 2)
with sp.evaluate(False):
    claim = (h1 * C1 + 2 * h12 * cov_uv + h2 * C2) / 2 + (h1 * ubar**2 + 2 * h12 * ubar * vbar + h2 * vbar**2) / 2
quadratic = sp.Eq(rise, claim, evaluate=False)
centred = PopMean(h * dx**2 / 2 + third * dx**3 / 6 + fourth * dx**4 / 24)
series = h * mu2 / 2 + third * mu3 / 6 + fourth * mu2**2 * (1 + kappa / 3) / 8
quartic = sp.Eq(centred, series, evaluate=False)

LAW = Law(
    id="flat.random_shift",
    version=1,
    title="A random shift of a minimum costs half the trace of curvature times covariance",
    parts=(
        Part("quadratic", quadratic, derivation=(
            Step("center", (h1 * PopMean(du**2) + 2 * h12 * PopMean(du * dv) + h2 * PopMean(dv**2)) / 2
                 + (h1 * ubar**2 + 2 * h12 * ubar * vbar + h2 * vbar**2) / 2, "shifts as mean plus deviation"),
            Step("definition", claim, "tr(HC)/2 and half the curvature along the mean shift"),
        ), rivals=(
            Rival("no mean", (h1 * C1 + 2 * h12 * cov_uv + h2 * C2) / 2, "as if the shift were centred"),
            Rival("tr(H) times mean variance", (h1 + h2) * (C1 + C2) / 4 + (
                h1 * ubar**2 + 2 * h12 * ubar * vbar + h2 * vbar**2) / 2, "alike only if the shift is isotropic",
                near=True),
            Rival("diagonal", (h1 * C1 + h2 * C2) / 2 + (h1 * ubar**2 + h2 * vbar**2) / 2, "no mixed terms"),
            Rival("no half", h1 * C1 + 2 * h12 * cov_uv + h2 * C2 + h1 * ubar**2 + 2 * h12 * ubar * vbar
                  + h2 * vbar**2, "Taylor's 1/2"),
        )),
        Part("quartic", quartic, derivation=(
            Step("center", h * PopMean(dx**2) / 2 + third * PopMean(dx**3) / 6 + fourth * PopMean(dx**4) / 24,
                 "term by term"),
            Step("definition", series, "the fourth moment is (3 + kappa) times the squared variance"),
        ), rivals=(
            Rival("1/24", h * mu2 / 2 + third * mu3 / 6 + fourth * mu2**2 / 24, "the fourth moment is not the squared "
                  "variance", near=True),
            Rival("Gaussian", h * mu2 / 2 + fourth * mu2**2 / 8, "exact for Gaussian shifts only"),
            Rival("quadratic", h * mu2 / 2, "the curvature alone"),
        )),
    ),
    params=(
        Param(h1, Reals(), Fraction(1), "second derivative of the loss along the first coordinate"),
        Param(h2, Reals(), Fraction(1), "second derivative of the loss along the second coordinate"),
        Param(h12, Reals(), Fraction(1, 2), "mixed second derivative of the loss"),
        Param(C1, Reals(0), Fraction(1), "variance of the shift's first coordinate"),
        Param(C2, Reals(0), Fraction(1), "variance of the shift's second coordinate"),
        Param(cov_uv, Reals(), Fraction(0), "covariance of the shift's coordinates"),
        Param(ubar, Reals(), Fraction(0), "mean of the shift's first coordinate"),
        Param(vbar, Reals(), Fraction(0), "mean of the shift's second coordinate"),
        CURVATURE,
        Param(third, Reals(), Fraction(0), "third derivative of the loss along the shift"),
        Param(fourth, Reals(), Fraction(1), "fourth derivative of the loss along the shift"),
        Param(mu2, Reals(0, open=True), Fraction(1), "variance of the shift"),
        Param(mu3, Reals(), Fraction(0), "third central moment of the shift"),
        Param(kappa, Reals(-2), Fraction(0), "excess kurtosis of the shift; 0 if it is Gaussian"),
    ),
    exactness=Exactness.IDENTITY,
    assumptions=(
        Assumption("minimum", "the gradient vanishes where the shift starts; the left side is the mean of the loss "
                   "above its value there"),
        Assumption("polynomial loss", "the loss is quadratic in two coordinates (quadratic), or of degree four along "
                   "one direction (quartic); else these are the first terms of its Taylor series"),
        Assumption("any shift", "the population is that of the equally likely shifts: u, v their coordinates, or x "
                   "along a direction, there centred"),
    ),
    sources=(
        Source("hochreiter1997", note="flat minima by tolerance to perturbations of the weights"),
        Source("batchlaws", read=True, note="these forms derived here"),
    ),
    where={C1: PopMean(du**2), C2: PopMean(dv**2), cov_uv: PopMean(du * dv), ubar: PopMean(u), vbar: PopMean(v),
           mu2: PopMean(dx**2), mu3: PopMean(dx**3), kappa: PopMean(dx**4) / PopMean(dx**2) ** 2 - 3},
    headline="quadratic",
    words=(
        "Move the parameters of a minimum at random, or the landscape under them, as a change of data does: the loss "
        "rises on average by half the trace of Hessian times covariance of the shift, plus half the curvature along "
        "its mean. Nothing else about the shift's distribution matters while the loss is quadratic. So a flat minimum "
        "is robust to that extent, in the directions in which shifts happen; the trace of the Hessian alone decides "
        "only if all directions are shifted alike. Beyond, the fourth derivative adds one eighth of itself times the "
        "squared variance for a Gaussian shift, more for heavier tails; the third matters only for skewed shifts."
    ),
    answers={3: "A centred random shift costs tr(HC)/2 on average: flat directions are robust, where shifts go."},
)
