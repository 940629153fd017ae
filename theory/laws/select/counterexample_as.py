"""SGD settles almost surely in a minimum that gradient descent leaves."""

from fractions import Fraction

import sympy as sp

from theory.domain import Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.levels import Levels, factor
from theory.notation import eta
from theory.parameters import STEP_INDEPENDENCE, UNIFORM_BATCH

one, four = sp.Integer(1), sp.Integer(4)
# eta times the curvatures 0.25, 0.25, 0.5, 3 of a minimum of mean curvature 1, at eta h = 2.1.
levels = (sp.Rational(21, 40) / eta, sp.Integer(2), sp.Rational(21, 20) / eta, one, sp.Rational(63, 10) / eta, one)


def ln(top: int, bottom: int) -> sp.Expr:
    """Logarithm of a fraction."""
    return sp.log(sp.Rational(top, bottom))


half = sp.log(sp.Abs(factor(one)))
descent = sp.Eq(Levels(sp.log(sp.Abs(factor(four))), four, *levels), sp.log(sp.Rational(11, 10)), evaluate=False)
surely = sp.Eq(Levels(half, one, *levels), sp.log(sp.Rational(19133, 320000)) / 4, evaluate=False)
square = sp.Eq(Levels(factor(one) ** 2, one, *levels), sp.Rational(4567, 640), evaluate=False)

LAW = Law(
    id="select.counterexample_as",
    version=1,
    title="SGD settles almost surely in a minimum that gradient descent leaves",
    parts=(
        Part("descent", descent, derivation=(
            Step("count", descent.args[1], "1 - 2.1 each step"),
        ), rivals=(
            Rival("like SGD", sp.log(sp.Rational(19133, 320000)) / 4, "one stability for both"),
            Rival("stable", -sp.log(sp.Rational(11, 10)), "a sign: as if eta h = 2.1 were stable", near=True),
            Rival("mean of factors", sp.log(sp.Rational(17, 10)), "the mean of |1 - eta h_i|"),
        )),
        Part("surely", surely, derivation=(
            Step("count", (2 * ln(19, 40) + ln(1, 20) + ln(53, 10)) / 4,
                 "two factors 0.475, one -0.05, one -5.3"),
            Step("logarithms", surely.args[1], "their product is 0.0598"),
        ), rivals=(
            Rival("of the mean", sp.log(sp.Rational(11, 10)), "gradient descent's exponent"),
            Rival("mean square", sp.log(sp.Rational(4567, 640)) / 2, "half the logarithm of the mean square"),
            Rival("without the rare one", sp.log(sp.Rational(361, 32000)) / 4, "as if the factor -5.3 never came",
                  near=True),
        )),
        Part("mean_square", square, derivation=(
            Step("count", square.args[1], "the mean of the four squares"),
        ), rivals=(
            Rival("gradient descent", sp.Rational(121, 100), "1.1 squared"),
            Rival("stable", sp.sqrt(sp.Rational(19133, 320000)), "almost-sure stability taken for mean square: the "
                  "geometric mean"),
            Rival("unweighted", sp.Rational(4567, 640) * sp.Rational(4, 3), "each kind counted once", near=True),
        )),
    ),
    params=(Param(eta, Reals(0, open=True), Fraction(21, 10), "step size (learning rate)"),),
    exactness=Exactness.IDENTITY,
    assumptions=(
        UNIFORM_BATCH, STEP_INDEPENDENCE,
        Assumption("four examples", "curvatures in the ratio 1 : 1 : 2 : 12 and a step of eta h = 2.1, h their mean; "
                   "single-example steps against the full batch"),
        Assumption("shared minimum", "each example's loss is quadratic; all share the minimum; one direction"),
    ),
    sources=(
        Source("batchlaws", read=True, note="the construction"),
        Source("ziyin2023", note="stability in probability; abstract read"),
        Source("chemnitz2024", note="the Lyapunov exponent decides almost-sure convergence; abstract read"),
    ),
    headline="surely",
    words=(
        "At eta h = 2.1 gradient descent leaves the minimum: the error grows by 1.1 a step. Single-example steps on "
        "curvatures 0.25, 0.25, 0.5, 3 multiply it by 0.475, 0.475, 0.05 or 5.3 instead; their geometric mean is 0.49, "
        "so the error of every run goes to zero with probability one, although its mean square grows sevenfold a step: "
        "ever rarer runs are ever further out. So 'what gradient descent leaves, SGD leaves' is false, and so is "
        "'unstable in mean square means that SGD leaves'. Almost sure and mean square are not to be exchanged."
    ),
    answers={4: "False almost surely: single-example SGD settles in a minimum that gradient descent leaves."},
)
