"""Almost-sure stability of SGD: the mean logarithm of the factor of one step."""

import sympy as sp

from theory.domain import Integers, Param
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.multiplicative import EdgeExponent, PathSum
from theory.notation import B, BatchSum, ByDesign, E, N, PopMean, du, eta, hbar, s2, t, u
from theory.parameters import BATCH, DESIGN, FITS, POPULATION, RATE, STEP_INDEPENDENCE, UNIFORM_BATCH

with sp.evaluate(False):
    p_wor = (N - B) / (B * (N - 1))
p = ByDesign(p_wor, 1 / B)
factor = 1 - eta * BatchSum(u) / B
gamma = E(sp.log(sp.Abs(factor)), B)
mixture = (1 - p) * (1 - eta * hbar) ** 2 + p * ((1 - eta * hbar) ** 2 + eta**2 * s2)


def square(weight: sp.Expr) -> sp.Expr:
    """Logarithm of the mean-square factor."""
    return sp.log((1 - eta * hbar) ** 2 + weight * eta**2 * s2)


rate = sp.Eq(PathSum(sp.log(sp.Abs(factor)), t), t * gamma, evaluate=False)
ceiling = sp.Le(2 * gamma, sp.log(mixture), evaluate=False)
edge = sp.Le(EdgeExponent(B), 0, evaluate=False)
relative = BatchSum(u) / (B * hbar)

LAW = Law(
    id="stability.lyapunov",
    version=1,
    title="Almost-sure stability is decided by the mean logarithm of the factor",
    parts=(
        Part("rate", rate, derivation=(
            Step("steps", rate.args[1], "the logarithm of the error is a sum of independent terms"),
        ), rivals=(
            Rival("mean square", t * sp.log(E(factor**2, B)) / 2, "half the logarithm of the mean square"),
            Rival("of the mean", t * sp.log(sp.Abs(1 - eta * hbar)), "gradient descent's exponent"),
            Rival("t+1", (t + 1) * gamma, "an off-by-one", near=True),
        )),
        Part("ceiling", ceiling, derivation=(
            Step("logarithms", E(sp.log(factor**2), B), "ln x^2 = 2 ln|x|"),
            Step("mean logarithm", sp.log(E(factor**2, B)), "Jensen's inequality"),
            Step("law:stability.mixture/mixture", sp.log(mixture), "the mean-square factor"),
        ), rivals=(
            Rival("gradient descent", square(sp.S.Zero), "as if the noise never slowed the error down", near=True),
            Rival("B+1", square(ByDesign((N - B - 1) / ((B + 1) * (N - 1)), 1 / (2 * B + 1))),
                  "the mean square of a larger batch", near=True),
            Rival("half", sp.log(mixture) / 2, "the exponent itself against the mean square"),
        )),
        Part("edge", edge, derivation=(
            Step("at the edge", E(sp.log(2 * relative - 1), B), "1 - eta h_B is negative for every batch"),
            Step("mean logarithm", sp.log(E(2 * relative - 1, B)), "Jensen's inequality"),
            Step("moment", sp.S.Zero, "the batch curvature is unbiased; ln 1 = 0"),
        ), rivals=(
            Rival("second order", -2 * p * s2 / hbar**2, "the first term of the series, as a bound", near=True),
            Rival("1/B", -1 / B, "an amount that does not depend on the curvatures"),
            Rival("log-normal", -sp.log(1 + 4 * p * s2 / hbar**2) / 2, "the exponent of log-normal factors of this "
                  "variance"),
        )),
    ),
    params=(
        POPULATION, BATCH, RATE,
        Param(t, Integers(0), 10, "number of steps"),
        DESIGN,
    ),
    constraints=(FITS,),
    exactness=Exactness.IDENTITY,
    assumptions=(
        UNIFORM_BATCH, STEP_INDEPENDENCE,
        Assumption("quadratic examples", "each example's loss is quadratic with curvature u_i; all share the minimum; "
                   "one direction"),
        Assumption("finite logarithms", "no batch has eta h_B = 1 exactly"),
        Assumption("at the edge", "the last part: at eta = 2/hbar, for populations in which every batch has more than "
                   "half of the mean curvature"),
    ),
    uses=("stability.mixture",),
    sources=(
        Source("ziyin2023", note="convergence in probability by the Lyapunov exponent; abstract read"),
        Source("chemnitz2024", note="almost-sure convergence to a minimum by the sign of the exponent; abstract read"),
        Source("batchlaws", read=True, note="the parts as stated, the edge"),
    ),
    where={s2: PopMean(du**2), hbar: PopMean(u)},
    headline="rate",
    words=(
        "Near a minimum that all examples share, a step multiplies the error by 1 - eta h_B. Its logarithm is a sum of "
        "independent terms, so by the law of large numbers a single run decays as exp(gamma t), gamma = E ln|1 - eta "
        "h_B|: stable almost surely if and only if gamma is negative. The mean square is another number and never the "
        "smaller one: 2 gamma is at most its logarithm, with equality only if |1 - eta h_B| is the same for every "
        "batch. So what is stable in mean square is stable almost surely, not the other way round. At gradient "
        "descent's edge 2/h the exponent is at most zero whenever every batch has at least half of the mean curvature: "
        "a little noise then makes SGD more stable than gradient descent, almost surely, and gamma is not monotone in "
        "the batch size (stability.thresholds)."
    ),
    answers={4: "Whether a single run is thrown out is decided by E ln|1 - eta h_B|, not by the mean square and not by "
                "sharpness alone."},
)
