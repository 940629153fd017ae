"""Error of the unbiased variance of a batch drawn from an epoch, without replacement."""

from fractions import Fraction

import sympy as sp

from theory.domain import Constraint, Integers, Param, Reals
from theory.law import Exactness, Experiment, Law, Part, Rival, Source, Step
from theory.notation import K2, K4, K22, B, BatchSum, E, N, PopMean, dx, mu2, mu4, x
from theory.parameters import FITS, POPULATION, UNIFORM_BATCH

unbiased = (BatchSum(x**2) - BatchSum(x) ** 2 / B) / (B - 1)
centered = (BatchSum(dx**2) - BatchSum(dx) ** 2 / B) / (B - 1)
with sp.evaluate(False):
    spread = K4 * (1 / B - 1 / N) + 2 * K22 * (1 / (B - 1) - 1 / (N - 1))
mean = sp.Eq(E(unbiased, B), K2, evaluate=False)
variance = sp.Eq(E((unbiased - K2) ** 2, B), spread, evaluate=False)
m2 = PopMean(dx**2)

LAW = Law(
    id="norm.stat.var_error_finite_pop",
    version=1,
    title="Variance of the batch variance within an epoch",
    parts=(
        Part("mean", mean, derivation=(
            Step("center", E(centered, B), "the variance does not see the mean"),
            Step("moment", N / (N - 1) * m2, "unbiased for the variance with divisor N-1"),
            Step("definition", K2, "K_2 is the population's second k-statistic"),
        ), rivals=(
            Rival("divisor N", (N - 1) / N * K2, "the population variance with divisor N is not what s^2 estimates",
                  near=True),
            Rival("B/(B-1)", B / (B - 1) * K2, "Bessel twice"),
            Rival("(N-B)/(N-1)", (N - B + 1) / N * K2, "no correction belongs on the mean"),
        )),
        Part("variance", variance, derivation=(
            Step("center", E((centered - K2) ** 2, B), "the variance does not see the mean"),
            Step("moment", spread, "set partitions of four factors; collected in Tukey's polykays"),
        ), rivals=(
            Rival("independent draws", K4 / B + 2 * K22 / (B - 1), "no finite-population correction"),
            Rival("K2^2 for K22", K4 * (1 / B - 1 / N) + 2 * K2**2 * (1 / (B - 1) - 1 / (N - 1)),
                  "the square of an estimate is not the estimate of a square", near=True),
            Rival("1/B for 1/(B-1)", K4 * (1 / B - 1 / N) + 2 * K22 * (1 / B - 1 / N), "an off-by-one", near=True),
        )),
    ),
    params=(
        POPULATION,
        Param(B, Integers(2), 4, "batch size", "the unbiased variance divides by B-1"),
        Param(mu2, Reals(0), Fraction(1), "second central moment of the population, divisor N"),
        Param(mu4, Reals(0), Fraction(3), "fourth central moment of the population, divisor N"),
    ),
    constraints=(
        FITS,
        Constraint(N >= 4, "N = {N} is not allowed: the fourth k-statistic needs N >= 4 (it divides by N-3)"),
    ),
    exactness=Exactness.DISTRIBUTION_FREE,
    assumptions=(UNIFORM_BATCH,),
    sources=(
        Source("tukey1950", note="polykays"),
        Source("choetal2005", note="variance of the variance from finite populations; abstract read"),
    ),
    where={
        mu2: PopMean(dx**2), mu4: PopMean(dx**4),
        K2: N / (N - 1) * mu2,
        K4: N**2 * ((N + 1) * mu4 - 3 * (N - 1) * mu2**2) / ((N - 1) * (N - 2) * (N - 3)),
        K22: (N - 1) / (N + 1) * (K2**2 - K4 / N),
    },
    headline="variance",
    words=(
        "Within an epoch the batches are drawn without replacement, and the batch variance is less noisy than for "
        "independent samples: both of its parts carry a finite-population correction, 1/B - 1/N for the kurtosis part "
        "and 1/(B-1) - 1/(N-1) for the rest. At B = N the statistic is exact."
    ),
    answers={6: "Within an epoch, the noise of the batch variance falls to zero as B approaches N."},
    experiments=(
        Experiment("batch_variance", part="mean", grid={"B": (2, 6)},
                   fixed={"population": "ints:12:skewed", "design": "wor", "kind": "unbiased", "statistic": "value"}),
        Experiment("batch_variance", part="variance", grid={"B": (2, 4, 8)}, delta=Fraction(1, 20),
                   fixed={"population": "ints:12:skewed", "design": "wor", "kind": "unbiased", "statistic": "spread"}),
        Experiment("batch_variance", part="mean", channel="network", grid={"B": (2, 16), "population": (
            "digits:preactivation:0", "digits:preactivation:3")}, delta=Fraction(1, 10),
            fixed={"design": "wor", "kind": "unbiased", "statistic": "value"}),
        Experiment("batch_variance", part="variance", channel="network", grid={"B": (2, 16), "population": (
            "digits:preactivation:0", "digits:preactivation:3")}, delta=Fraction(1, 10),
            fixed={"design": "wor", "kind": "unbiased", "statistic": "spread"}),
        Experiment("enumerate", part="variance", channel="network", fixed={"population": "digits8:preactivation:0"}),
    ),
)
