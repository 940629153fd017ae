"""The sharpest minimum that SGD tolerates in mean square, at fixed step and along the linear rule."""

from fractions import Fraction

import sympy as sp

from theory.domain import Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes import nonnegative  # noqa: F401  (its rule)
from theory.notation import At, B, ByDesign, N, PopMean, Root, c2, eta, hbar, k, v
from theory.parameters import (
    BATCH,
    DESIGN,
    FITS,
    POPULATION,
    RATE,
    SCALE,
    SCALED_FITS,
    STEP_INDEPENDENCE,
    UNIFORM_BATCH,
)


def share(size: sp.Expr) -> sp.Expr:
    """p_B."""
    return ByDesign((N - size) / (size * (N - 1)), 1 / size)


p = share(B)
edge = Root((1 - eta * hbar) ** 2 + p * eta**2 * c2 * hbar**2 - 1, hbar)
value = 2 / (eta * (1 + p * c2))
ceiling = sp.Eq(edge, value, evaluate=False)
rule = sp.Eq(At(edge, eta, k * eta, B, k * B) / edge, (1 + p * c2) / (k * (1 + share(k * B) * c2)), evaluate=False)
q0, q1, q2, q3, q4 = sp.symbols("q0:5", nonnegative=True)
fall = (k - 1) / (k * (1 + share(k * B) * c2))
change = sp.Eq(At(edge, eta, k * eta, B, k * B) / edge - 1, ByDesign(-(1 - c2 / (N - 1)) * fall, -fall), evaluate=False)
# Curvatures that are not negative, as squares.
spread = sp.Le(PopMean(v**4) / PopMean(v**2) ** 2 - 1, N - 1, evaluate=False)

LAW = Law(
    id="stability.sharpness_ceiling",
    version=1,
    title="The sharpness ceiling of SGD, at fixed step and along the linear rule",
    parts=(
        Part("ceiling", ceiling, derivation=(
            Step("algebra", Root(eta * hbar * (eta * hbar * (1 + p * c2) - 2), hbar), "expand and factor"),
            Step("root", value, "the other zero is hbar = 0", where={
                N: 1 + q0 + q1, B: 1 + q0, hbar: q2, c2: q3, eta: q4}),
        ), rivals=(
            Rival("2/eta", 2 / eta, "gradient descent's edge of stability"),
            Rival("p = 1/B", 2 / (eta * (1 + ByDesign(1 / B, 1 / (B + 1)) * c2)),
                 "the other design's weight", near=True),
            Rival("c for c^2", 2 / (eta * (1 + p * sp.sqrt(c2))), "the non-uniformity unsquared"),
        )),
        Part("linear_rule", rule, derivation=(
            Step("law:/ceiling", value.xreplace({eta: k * eta, B: k * B}) / value,
                 "the ceiling before and after scaling"),
            Step("algebra", rule.args[1], "eta cancels"),
        ), rivals=(
            Rival("kept", sp.S.One, "linear scaling does not keep the ceiling"),
            Rival("1/k", 1 / k, "uniform curvatures: the batch does not help"),
            Rival("rises", (1 + p * c2) / (1 + share(k * B) * c2), "what larger batches do at a fixed step", near=True),
        )),
        Part("change", change, derivation=(
            Step("law:/linear_rule", rule.args[1] - 1, "the ratio of the ceilings"),
            Step("algebra", change.args[1], "without replacement (k p_kB - p_B)(N - 1) = 1 - k"),
        ), rivals=(
            Rival("always falls", -fall, "the sign does not depend on the curvatures; exact with replacement only"),
            Rival("rises", ByDesign((1 - c2 / (N - 1)) * fall, fall), "a sign", near=True),
            Rival("N for N-1", ByDesign(-(1 - c2 / N) * fall, -fall * (1 - 1 / N)), "a divisor", near=True),
        )),
        Part("spread", spread, derivation=(
            Step("sum of squares", N - 1, "the squares of numbers >= 0 add up to at most the square of their sum"),
        ), rivals=(
            Rival("one", sp.S.One, "as if the spread could not exceed the mean"),
            Rival("N-2", N - 2, "one less", near=True),
            Rival("half", (N - 1) / 2, "half of the largest value"),
        )),
    ),
    params=(
        POPULATION, BATCH, RATE,
        Param(c2, Reals(0, open=True), Fraction(1), "squared relative non-uniformity of the curvatures, s2/hbar^2"),
        SCALE,
        DESIGN,
    ),
    constraints=(
        FITS,
        SCALED_FITS,
    ),
    exactness=Exactness.IDENTITY,
    assumptions=(
        UNIFORM_BATCH, STEP_INDEPENDENCE,
        Assumption("quadratic examples", "each example's loss is quadratic; all share the minimum; one direction"),
        Assumption("fixed non-uniformity", "the relative spread of the curvatures does not change with their mean"),
        Assumption("squares", "in the last part the curvatures are squares v_i^2: none is negative"),
    ),
    uses=("stability.meansquare",),
    sources=(Source("mulayoff2024", note="mean-square stability; the linear-rule form is derived here"),),
    headline="ceiling",
    words=(
        "How sharp may a minimum be before SGD leaves it, in mean square? At a fixed step size the ceiling rises with "
        "the batch, towards gradient descent's 2/eta: larger batches can end sharper. Along the linear scaling rule it "
        "falls with k, because the larger step costs more than the larger batch gains: it changes by a negative number "
        "times 1 - c^2/(N-1), and c^2 cannot exceed N-1 while no example has a negative curvature. It stays only if "
        "one example carries all of the curvature. So 'large batches are sharper, even with linear scaling' is not "
        "what this theory says; it says so for large batches at a capped step size."
    ),
    answers={
        4: "The sharpest minimum SGD tolerates is 2/(eta(1 + p c^2)): lower for smaller batches.",
        5: "Along the linear rule the sharpness ceiling falls with k; at a fixed step it rises with B.",
    },
)
