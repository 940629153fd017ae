"""One landscape with a sharp and a flat minimum; the batch size selects."""

from fractions import Fraction

import sympy as sp

from theory.domain import Constraint, Integers, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.levels import Largest, Levels, factor
from theory.notation import B, eta, h1, h2
from theory.parameters import STEP_INDEPENDENCE, UNIFORM_BATCH

S = h1 + h2
sharp = (h1, sp.Integer(2), h2, sp.Integer(2))
flat = (h1 / 9, sp.Integer(2), h2 / 9, sp.Integer(2))


def ln(curvature: sp.Expr) -> sp.Expr:
    """Logarithm of the factor of a batch of this curvature."""
    return sp.log(sp.Abs(1 - eta * curvature))


def exponent(size: int) -> sp.Expr:
    """Lyapunov exponent at the sharp minimum for batches of a size."""
    return Levels(sp.log(sp.Abs(factor(sp.Integer(size)))), sp.Integer(size), *sharp)


one = sp.Eq(exponent(1), (ln(h1) + ln(h2)) / 2, evaluate=False)
two = sp.Eq(exponent(2), (ln(h1) + 4 * ln(S / 2) + ln(h2)) / 6, evaluate=False)
three = sp.Eq(exponent(3), (ln((2 * h1 + h2) / 3) + ln((h1 + 2 * h2) / 3)) / 2, evaluate=False)
spread = eta**2 * (h1 - h2) ** 2
square = sp.Eq(Levels(factor(B) ** 2, B, *sharp), (1 - eta * S / 2) ** 2 + (4 - B) / (12 * B) * spread, evaluate=False)
ends = [sp.Abs(1 - eta * h / 9) for h in (h1, h2)]
absorbed = sp.Le(Largest(sp.Abs(factor(B)), B, *flat), sp.Max(*ends), evaluate=False)

LAW = Law(
    id="select.minimum",
    version=1,
    title="Two minima of zero loss: which batch sizes leave the sharp one",
    parts=(
        Part("one", one, derivation=(
            Step("count", one.args[1], "two flat and two sharp examples"),
        ), rivals=(
            Rival("of the mean", ln(S / 2), "gradient descent's exponent"),
            Rival("mean square", sp.log((1 - eta * S / 2) ** 2 + spread / 4) / 2, "half the logarithm of the mean "
                  "square"),
            Rival("no half", ln(h1) + ln(h2), "of two steps", near=True),
        )),
        Part("two", two, derivation=(
            Step("count", two.args[1], "six pairs, four of them mixed"),
        ), rivals=(
            Rival("of the mean", ln(S / 2), "gradient descent's exponent"),
            Rival("with replacement", (ln(h1) + 2 * ln(S / 2) + ln(h2)) / 4, "half of the pairs mixed", near=True),
            Rival("mean square", sp.log((1 - eta * S / 2) ** 2 + spread / 12) / 2, "half the logarithm of the mean "
                  "square"),
        )),
        Part("three", three, derivation=(
            Step("count", three.args[1], "one example is left out, flat or sharp"),
        ), rivals=(
            Rival("of the mean", ln(S / 2), "gradient descent's exponent"),
            Rival("between B = 2 and 4", (two.args[1] + ln(S / 2)) / 2, "as if it were monotone and smooth in B"),
            Rival("mean square", sp.log((1 - eta * S / 2) ** 2 + spread / 36) / 2, "half the logarithm of the mean "
                  "square", near=True),
        )),
        Part("mean_square", square, derivation=(
            Step("count", square.args[1], "p_B = (4-B)/(3B) times the variance (h1 - h2)^2/4"),
        ), rivals=(
            Rival("gradient descent", (1 - eta * S / 2) ** 2, "without the spread of the curvatures"),
            Rival("with replacement", (1 - eta * S / 2) ** 2 + spread / (4 * B), "1/B for p_B"),
            Rival("divisor 3", (1 - eta * S / 2) ** 2 + (4 - B) / (9 * B) * spread, "the variance with divisor N - 1",
                  near=True),
        )),
        Part("absorbed", absorbed, derivation=(
            Step("extremes", absorbed.args[1], "a batch mean lies between the curvatures of its examples"),
        ), rivals=(
            Rival("the mean decides", sp.Abs(1 - eta * S / 18), "the factor of gradient descent", near=True),
            Rival("the flat examples decide", ends[0], "enough only while eta h2 is small"),
            Rival("the sharp examples decide", ends[1], "enough only while eta h1 is large"),
        )),
    ),
    params=(
        Param(B, Integers(1, 4), 2, "batch size, of four examples"),
        Param(eta, Reals(0, open=True), Fraction(1), "step size (learning rate)"),
        Param(h1, Reals(0, open=True), Fraction(1, 5), "curvature of two examples at the sharp minimum"),
        Param(h2, Reals(0, open=True), Fraction(17, 5), "curvature of the two others there"),
    ),
    constraints=(
        Constraint(h1 < h2, "h1 = {h1} must be below h2 = {h2}: name the flatter examples first"),
    ),
    exactness=Exactness.IDENTITY,
    assumptions=(
        UNIFORM_BATCH, STEP_INDEPENDENCE,
        Assumption("landscape", "example i has the loss a_i theta^2/2 for theta < 1/4 and a_i (theta - 1)^2/18 beyond, "
                   "with a = (h1, h1, h2, h2): continuous, zero at both minima, nine times sharper at 0 than at 1"),
        Assumption("without replacement", "batches of distinct examples, of the four"),
    ),
    uses=(),
    sources=(
        Source("wu2018", note="stability selects minima by sharpness and non-uniformity; abstract read"),
        Source("batchlaws", read=True, note="the landscape and its exponents"),
    ),
    headline="mean_square",
    words=(
        "Two minima of zero loss, one nine times flatter; take curvatures 0.2 and 3.4 at the sharp one and step 1. "
        "There the exponents are 0.326, -0.040, -0.517, -0.223 for B = 1, 2, 3, 4 and the factors of the mean square "
        "3.20, 1.49, 0.92, 0.64. In the flat minimum every factor of every batch is between 0.62 and 0.98, so whoever "
        "gets there stays. B = 1 leaves the sharp minimum with probability one, B = 4 never from within 1/4 of it. B = "
        "2 is stable almost surely but not in mean square: near the minimum most runs stay and some leave, about 8 of "
        "100 from 0.001. B = 3 is stable in both senses, and still a run that starts at 0.2, near the edge at 1/4, "
        "leaves in one case of four; from 0.001 the chance is below 3 in a million (escape.power). So noise selects "
        "the flat minimum here, gradually in the batch size, and 'stable' does not mean that nobody leaves."
    ),
    answers={4: "Here the claim holds exactly: B = 1 always ends in the flat minimum, the full batch stays in the "
                "sharp one, B = 2 and 3 leave with a chance that depends on the start."},
)
