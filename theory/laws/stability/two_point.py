"""Almost-sure and mean-square growth on a population of two curvatures."""

from fractions import Fraction

import sympy as sp

from theory.domain import Constraint, Integers, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.levels import Levels, factor
from theory.notation import B, ByDesign, eta, h1, h2
from theory.parameters import BATCH, DESIGN, RATE, STEP_INDEPENDENCE, UNIFORM_BATCH

k1, k2 = sp.symbols("k1 k2", integer=True, positive=True)
n = k1 + k2
levels = (h1, k1, h2, k2)
with sp.evaluate(False):
    p_wor = (k1 + k2 - B) / (B * (k1 + k2 - 1))
p = ByDesign(p_wor, 1 / B)
mean = (k1 * h1 + k2 * h2) / n


def ln(curvature: sp.Expr) -> sp.Expr:
    """Logarithm of the factor of a batch of this curvature."""
    return sp.log(sp.Abs(1 - eta * curvature))


def exponent(size: int) -> sp.Expr:
    """Lyapunov exponent for batches of a size."""
    return Levels(sp.log(sp.Abs(factor(sp.Integer(size)))), sp.Integer(size), *levels)


def pair(rest: int) -> sp.Expr:
    """Exponent for two draws; `rest` is 1 where the second must be another example."""
    first = k1 * (k1 - rest) * ln(h1) + k2 * (k2 - rest) * ln(h2)
    return (first + 2 * k1 * k2 * ln((h1 + h2) / 2)) / (n * (n - rest))


single = sp.Eq(exponent(1), (k1 * ln(h1) + k2 * ln(h2)) / n, evaluate=False)
double = sp.Eq(exponent(2), ByDesign(pair(1), pair(0)), evaluate=False)
square = sp.Eq(Levels(factor(B) ** 2, B, *levels),
               (1 - eta * mean) ** 2 + p * eta**2 * k1 * k2 * (h1 - h2) ** 2 / n**2, evaluate=False)

LAW = Law(
    id="stability.two_point",
    version=1,
    title="Two curvatures: what decides almost surely and what in mean square",
    parts=(
        Part("single", single, derivation=(
            Step("count", single.args[1], "a batch of one is an example of the one kind or the other"),
        ), rivals=(
            Rival("of the mean", ln(mean), "gradient descent's exponent: the logarithm of the mean factor"),
            Rival("mean square", sp.log((k1 * (1 - eta * h1) ** 2 + k2 * (1 - eta * h2) ** 2) / n) / 2,
                  "half the logarithm of the mean square"),
            Rival("swapped", (k2 * ln(h1) + k1 * ln(h2)) / n, "the two frequencies exchanged", near=True),
            Rival("unweighted", (ln(h1) + ln(h2)) / 2, "both kinds as if equally frequent", near=True),
        )),
        Part("double", double, derivation=(
            Step("count", double.args[1], "two of the first kind, two of the second, or one of each"),
        ), rivals=(
            Rival("other design", ByDesign(pair(0), pair(1)), "with for without replacement", near=True),
            Rival("single", (k1 * ln(h1) + k2 * ln(h2)) / n, "as if averaging two did nothing"),
            Rival("of the mean", ln(mean), "as if averaging two removed the noise"),
        )),
        Part("mean_square", square, derivation=(
            Step("count", square.args[1], "the curvatures have variance k1 k2 (h1 - h2)^2/(k1 + k2)^2"),
        ), rivals=(
            Rival("no noise", (1 - eta * mean) ** 2, "gradient descent"),
            Rival("other design", (1 - eta * mean) ** 2 + ByDesign(1 / B, 1 / (B + 1)) * eta**2 * k1 * k2
                  * (h1 - h2) ** 2 / n**2, "1/B without replacement"),
            Rival("divisor", (1 - eta * mean) ** 2 + p * eta**2 * k1 * k2 * (h1 - h2) ** 2 / (n * (n + 1)),
                  "n(n+1) for n^2", near=True),
        )),
    ),
    params=(
        BATCH, RATE,
        Param(h1, Reals(0, open=True), Fraction(1, 5), "curvature of the first kind of examples"),
        Param(k1, Integers(1), 15, "examples of the first kind"),
        Param(h2, Reals(0, open=True), Fraction(17, 5), "curvature of the second kind"),
        Param(k2, Integers(1), 1, "examples of the second kind"),
        DESIGN,
    ),
    constraints=(
        Constraint(B <= k1 + k2, "the batch of {B} exceeds the k1 + k2 samples (k1 = {k1}, k2 = {k2})", "wor"),
        Constraint(sp.Ne(eta * h1, 1), "eta = {eta} solves examples of curvature h1 = {h1} in one step: the logarithm "
                   "of the factor is not finite"),
        Constraint(sp.Ne(eta * h2, 1), "eta = {eta} solves examples of curvature h2 = {h2} in one step: the logarithm "
                   "of the factor is not finite"),
    ),
    exactness=Exactness.IDENTITY,
    assumptions=(
        UNIFORM_BATCH, STEP_INDEPENDENCE,
        Assumption("two kinds", "k1 examples have curvature h1 and k2 have h2"),
        Assumption("shared minimum", "each example's loss is quadratic; all share the minimum; one direction"),
    ),
    sources=(
        Source("batchlaws", read=True, note="derived here"),
        Source("ziyin2023", note="stability in probability, decided by the Lyapunov exponent; abstract read"),
    ),
    headline="single",
    words=(
        "The smallest model in which the notions of stability part: some examples have curvature h1, the others h2. "
        "With single examples the error shrinks almost surely if the weighted geometric mean of the two factors is "
        "below 1, and in mean square if the weighted mean of their squares is. A rare sharp kind therefore makes the "
        "mean square grow although nearly every run converges: with one example in sixteen of curvature 3.4, the rest "
        "0.2 and step 1, the factor of the mean square is 0.96 and at step 1.5 it is 1.51, while the exponents are "
        "-0.15 and -0.25. Averaging two examples adds the third factor |1 - eta (h1 + h2)/2|."
    ),
    answers={4: "Noise throws out in mean square where rare sharp examples make the mean of squares exceed 1; almost "
                "every run may still stay."},
)
