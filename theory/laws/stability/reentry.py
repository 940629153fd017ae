"""The step sizes at which single-example SGD is almost surely stable form two intervals."""

from fractions import Fraction

import sympy as sp

from theory.domain import Constraint, Integers, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.levels import Levels, LyapunovEdge
from theory.notation import BatchSum, eta, h1, h2, u
from theory.parameters import STEP_INDEPENDENCE, UNIFORM_BATCH

k1 = sp.Symbol("k1", integer=True, positive=True)
S, P, one = h1 + h2, h1 * h2, sp.Integer(1)
root = sp.sqrt(h1**2 - 6 * h1 * h2 + h2**2)
q0 = sp.Symbol("q0", nonnegative=True)


def exponent(step: sp.Expr) -> sp.Expr:
    """Lyapunov exponent of single examples at a step size."""
    return Levels(sp.log(sp.Abs(1 - step * BatchSum(u))), one, h1, k1, h2, k1)


lost = sp.Eq(LyapunovEdge(one, h1, k1, h2, k1), 4 / (S + root), evaluate=False)
product = sp.Eq(exponent(eta), sp.log(sp.Abs((1 - eta * h1) * (1 - eta * h2))) / 2, evaluate=False)
last = sp.Eq(exponent(S / P), 0, evaluate=False)

LAW = Law(
    id="stability.reentry",
    version=1,
    title="Almost-sure stability of single-example SGD is lost and returns",
    parts=(
        Part("lost", lost, derivation=(
            Step("first crossing", lost.args[1], "(1 - eta h1)(eta h2 - 1) = 1 for the first time", where={
                "share": q0,
                "above": 2 * (S + root + 2 * q0 * S) / ((1 + q0) ** 2 * (S + root)),
                "below": 2 * q0 * (q0 * S + (2 + q0) * root) / ((1 + q0) ** 2 * (S + root)),
            }),
        ), rivals=(
            Rival("mean square", 2 * S / (h1**2 + h2**2), "the threshold of the mean square"),
            Rival("gradient descent", 4 / S, "2/h"),
            Rival("other zero", 4 / (S - root), "where stability returns, not where it is lost", near=True),
        )),
        Part("exponent", product, derivation=(
            Step("count", sp.log(sp.Abs(1 - eta * h1)) / 2 + sp.log(sp.Abs(1 - eta * h2)) / 2, "one example a step"),
            Step("logarithms", product.args[1], "a geometric mean of two factors"),
        ), rivals=(
            Rival("of the mean", sp.log(sp.Abs(1 - eta * S / 2)), "gradient descent's exponent"),
            Rival("mean square", sp.log((1 - eta * S / 2) ** 2 + eta**2 * (h1 - h2) ** 2 / 4) / 2,
                  "half the logarithm of the mean square"),
            Rival("no half", sp.log(sp.Abs((1 - eta * h1) * (1 - eta * h2))), "of two steps", near=True),
        )),
        Part("last", last, derivation=(
            Step("law:/exponent", sp.log(sp.Abs((1 - S / P * h1) * (1 - S / P * h2))) / 2, "at this step size", where={
                eta: S / P}),
            Step("logarithms", sp.S.Zero, "the factors are -h2/h1 and -h1/h2"),
        ), rivals=(
            Rival("gradient descent", sp.log(sp.Abs(1 - S**2 / (2 * P))), "its exponent there"),
            Rival("mean square", sp.log((h1**2 / h2**2 + h2**2 / h1**2) / 2) / 2, "half the logarithm of the mean "
                  "square"),
            Rival("one factor", sp.log(h2 / h1) / 2, "the factor above 1 alone", near=True),
        )),
    ),
    params=(
        Param(eta, Reals(0, open=True), Fraction(1, 2), "step size (learning rate)"),
        Param(h1, Reals(0, open=True), Fraction(1, 5), "curvature of one half of the examples"),
        Param(h2, Reals(0, open=True), Fraction(17, 5), "curvature of the other half"),
        Param(k1, Integers(1), 2, "examples of each kind"),
    ),
    constraints=(
        Constraint(h1 < h2, "h1 = {h1} must be below h2 = {h2}: name the flatter examples first"),
        Constraint(h1**2 - 6 * h1 * h2 + h2**2 > 0, "h2 = {h2} must exceed (3 + 2 sqrt 2) h1, h1 = {h1}: for "
                   "curvatures more alike, single examples are stable up to 1/h1 + 1/h2 without a gap"),
    ),
    exactness=Exactness.IDENTITY,
    assumptions=(
        UNIFORM_BATCH, STEP_INDEPENDENCE,
        Assumption("two kinds", "half of the examples have curvature h1 and half h2; the batch is one example"),
        Assumption("shared minimum", "each example's loss is quadratic; all share the minimum; one direction"),
    ),
    sources=(
        Source("batchlaws", read=True, note="derived here"),
        Source("ziyin2023", note="stability in probability, decided by the Lyapunov exponent; abstract read"),
    ),
    headline="lost",
    words=(
        "With single examples of two curvatures, equally many of each, the error shrinks almost surely while |(1 - eta "
        "h1)(1 - eta h2)| is below 1. That fails first at the step size 4/(h1 + h2 + root), root^2 = h1^2 - 6 h1 h2 + "
        "h2^2, and holds again between 4/(h1 + h2 - root) and 1/h1 + 1/h2, around the step 1/h1 that solves the "
        "flatter examples in one step. For h = 0.2 and 3.4 the stable steps are those below 0.631 and those from 4.664 "
        "to 5.294, where the mean square grows more than a hundredfold a step. 'The largest stable step size' means "
        "the first loss of stability, and almost sure says nothing about moments."
    ),
    answers={4: "The steps at which noise lets the iterate stay need not form an interval; sharpness alone decides "
                "nothing."},
)
