"""What the worst shift of a given length costs at a quadratic minimum."""

from fractions import Fraction

import sympy as sp

from theory.domain import Integers, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.eigenmodes import Greatest, ModeSum
from theory.notation import N, u, x

top = sp.Symbol("h_max", nonnegative=True)
length = sp.Symbol("R", positive=True)
rise = ModeSum(u * x**2 / 2)
worst = top * length**2 / 2
bound = sp.Le(rise, worst, evaluate=False)
attained = sp.Eq(Greatest(u * length**2 / 2), worst, evaluate=False)

LAW = Law(
    id="flat.worst_shift",
    version=1,
    title="The worst shift of a minimum costs half its largest curvature",
    parts=(
        Part("bound", bound, derivation=(
            Step("largest", top * ModeSum(x**2 / 2), "no mode is sharper than the sharpest"),
            Step("common factor", worst, "R^2 is the sum of the squared shifts"),
        ), rivals=(
            Rival("mean curvature", ModeSum(u) / N * length**2 / 2, "tr(H)/d, the mean over directions"),
            Rival("quarter", top * length**2 / 4, "another half", near=True),
            Rival("linear", top * length / 2, "the squared length, not the length", near=True),
        )),
        Part("attained", attained, derivation=(
            Step("scale", worst, "the shift along the sharpest mode"),
        ), rivals=(
            Rival("mean curvature", ModeSum(u) / N * length**2 / 2, "the mean over the modes"),
            Rival("no half", top * length**2, "Taylor's 1/2", near=True),
            Rival("trace", ModeSum(u) * length**2 / 2, "tr(H) for its largest eigenvalue"),
        )),
    ),
    params=(
        Param(N, Integers(1), 2, "dimension: number of eigenmodes of the Hessian"),
        Param(top, Reals(0), Fraction(4), "largest curvature: the largest eigenvalue of the Hessian"),
        Param(length, Reals(0, open=True), Fraction(1), "length of the shift"),
    ),
    exactness=Exactness.BOUND,
    assumptions=(
        Assumption("quadratic minimum", "the loss is quadratic; i runs over its eigenmodes, u_i >= 0 their "
                   "curvatures, x_i the shift along them; the left side is the loss above its minimum"),
    ),
    sources=(
        Source("keskar2017", note="sharpness as the worst case nearby"),
        Source("batchlaws", read=True, note="this form derived here"),
    ),
    where={top: Greatest(u), length: sp.sqrt(ModeSum(x**2))},
    headline="bound",
    words=(
        "Shift the parameters from a quadratic minimum, or the landscape under them, by a vector of length R: the loss "
        "rises by at most half the largest Hessian eigenvalue times R^2, and by exactly that along the sharpest "
        "direction. So flatness against the worst shift is a matter of one eigenvalue, and flatness against random "
        "shifts one of the trace: in d dimensions the two may differ by a factor d, and minima that agree in one need "
        "not agree in the other. A shift of the landscape and a shift of the parameters are the same statement."
    ),
    answers={3: "Against the worst shift of length R a minimum loses exactly half its largest curvature times R^2."},
)
