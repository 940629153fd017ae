"""A flat minimum that SGD leaves and a sharper one that it keeps."""

from fractions import Fraction

import sympy as sp

from theory.domain import Constraint, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.levels import Levels, factor
from theory.notation import B, ByDesign, N, Root, eta, hbar, s2
from theory.parameters import BATCH, DESIGN, FITS, POPULATION, RATE, STEP_INDEPENDENCE, UNIFORM_BATCH

with sp.evaluate(False):
    p_wor = (N - B) / (B * (N - 1))
p = ByDesign(p_wor, 1 / B)
q0, q1, q2, q3, q4 = sp.symbols("q0:5", nonnegative=True)
one = sp.Integer(1)
flat = (1 / (10 * eta), sp.Integer(3), 7 / (2 * eta), one)
sharp = (9 / (5 * eta), sp.Integer(4))

tolerance = sp.Eq(Root(((1 - eta * hbar) ** 2 + eta**2 * p * s2 - 1) / eta, s2), hbar * (2 - eta * hbar) / (eta * p),
                  evaluate=False)
kept = sp.Eq(Levels(factor(one) ** 2, one, *sharp), sp.Rational(16, 25), evaluate=False)
left = sp.Eq(Levels(factor(one) ** 2, one, *flat), sp.Rational(217, 100), evaluate=False)
surely = sp.Eq(Levels(sp.log(sp.Abs(factor(one))), one, *flat), sp.log(sp.Rational(729, 400)) / 4, evaluate=False)
descent = sp.Eq(Levels(factor(sp.Integer(4)) ** 2, sp.Integer(4), *flat),
                ByDesign(sp.Rational(1, 400), sp.Rational(871, 1600)), evaluate=False)

LAW = Law(
    id="select.counterexample",
    version=1,
    title="A sharp minimum that SGD keeps and a flatter one that it leaves",
    parts=(
        Part("tolerance", tolerance, derivation=(
            Step("algebra", Root(eta * p * s2 - hbar * (2 - eta * hbar), s2), "expand; divide by eta"),
            Step("root", tolerance.args[1], "linear in the variance", where={
                N: 2 + q0 + q1, B: 1 + q0, hbar: q2, eta: q3, s2: q4}),
        ), rivals=(
            Rival("flatter is safer", (2 - eta * hbar) / (eta**2 * p), "decreasing in the curvature", near=True),
            Rival("with replacement", hbar * (2 - eta * hbar) / (eta * ByDesign(1 / B, 1 / (B + 1))), "1/B for p_B"),
            Rival("single example", hbar * (2 - eta * hbar) / (2 * eta), "as if p were two"),
        )),
        Part("kept", kept, derivation=(
            Step("count", kept.args[1], "all examples alike: 1 - 1.8"),
        ), rivals=(
            Rival("left", sp.Rational(217, 100), "as if the sharper minimum were the less stable"),
            Rival("flat", sp.Rational(1, 400), "gradient descent in the other minimum"),
            Rival("unsquared", sp.Rational(4, 5), "the factor itself", near=True),
        )),
        Part("left", left, derivation=(
            Step("count", left.args[1], "three factors 0.9 and one -2.5"),
        ), rivals=(
            Rival("sharpness decides", sp.Rational(1, 400), "the square of 1 - 0.95"),
            Rival("kept", sp.Rational(16, 25), "at most that of the sharper minimum"),
            Rival("pairs", sp.Rational(217, 200), "as if the variance were halved", near=True),
        )),
        Part("surely", surely, derivation=(
            Step("count", (3 * sp.log(sp.Rational(9, 10)) + sp.log(sp.Rational(5, 2))) / 4, "0.9 thrice, -2.5 once"),
            Step("logarithms", surely.args[1], "the product of the four is 729/400"),
        ), rivals=(
            Rival("mean square", sp.log(sp.Rational(217, 100)) / 2, "half the logarithm of the mean square"),
            Rival("of the mean", sp.log(sp.Rational(1, 20)), "gradient descent's exponent"),
            Rival("stays", -sp.log(sp.Rational(729, 400)) / 4, "a sign: the flatter minimum as the stable one",
                  near=True),
        )),
        Part("descent", descent, derivation=(
            Step("count", descent.args[1], "all four examples have mean curvature 0.95; four draws miss some"),
        ), rivals=(
            Rival("like SGD", sp.Rational(217, 100), "GD-stable implies SGD-stable"),
            Rival("sharp", sp.Rational(16, 25), "the other minimum"),
            Rival("full batch by draws", ByDesign(sp.Rational(871, 1600), sp.Rational(1, 400)),
                  "four draws with replacement as if they were the four examples", near=True),
        )),
    ),
    params=(
        POPULATION, BATCH, RATE,
        Param(hbar, Reals(0, open=True), Fraction(1), "mean curvature over the examples"),
        DESIGN,
    ),
    constraints=(
        FITS,
        Constraint(eta * hbar < 2, "eta*hbar must be < 2 (eta = {eta}, hbar = {hbar}): no spread is tolerated beyond"),
        Constraint(B < N, "B = {B} is not allowed: at B = N = {N} every spread is tolerated", "wor"),
    ),
    exactness=Exactness.IDENTITY,
    assumptions=(
        UNIFORM_BATCH, STEP_INDEPENDENCE,
        Assumption("four examples", "beside the general tolerance: curvatures in units of 1/eta, 1.8 for all examples "
                   "at the sharp minimum, 0.1, 0.1, 0.1, 3.5 at the flat one, single-example steps"),
        Assumption("quadratic examples", "each example's loss is quadratic; all share the minimum; one direction"),
    ),
    sources=(
        Source("wu2018", note="sharpness and non-uniformity of a minimum; abstract read"),
        Source("batchlaws", read=True, note="the construction and the tolerance"),
    ),
    headline="tolerance",
    words=(
        "How much may the examples' curvatures differ before SGD leaves a minimum in mean square? Their variance must "
        "stay below hbar (2 - eta hbar)/(eta p_B). That is largest at eta hbar = 1 and falls to zero for sharp minima "
        "and for flat ones: the flatter the minimum, the smaller the spread it survives. An example: at step 1 and B = "
        "1, a minimum of curvature 1.8 for every example is kept (mean square factor 0.64), one of mean curvature 0.95 "
        "with examples 0.1, 0.1, 0.1, 3.5 is left, in mean square (2.17) and almost surely (exponent 0.150), while "
        "gradient descent keeps both. Non-uniformity decides, not sharpness."
    ),
    answers={4: "False for sharpness alone: SGD keeps a uniform minimum of curvature 1.8 and leaves a non-uniform one "
                "of 0.95, both kept by gradient descent."},
)
