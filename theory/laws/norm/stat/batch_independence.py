"""Statistics of one sample do not depend on the batch: Layer, Instance and Group normalization."""

from fractions import Fraction

import sympy as sp

from theory.domain import Integers, Param, Reals
from theory.law import Assumption, Exactness, Experiment, Law, Part, Rival, Source, Step
from theory.notation import B, BatchSum, E, PopMean, dx, kappa, n, sigma2, x
from theory.parameters import BATCH, IID, VARIANCE

group_variance = BatchSum(x**2) / n - (BatchSum(x) / n) ** 2
error = sigma2**2 * (2 * n**2 - n + kappa * (n - 1) ** 2) / n**3
statement = sp.Eq(E((group_variance - sigma2) ** 2, n), error, evaluate=False)


def pooled(size: sp.Expr) -> sp.Expr:
    """The same error if the statistic pooled another number of entries."""
    return error.xreplace({n: size})


LAW = Law(
    id="norm.stat.batch_independence",
    version=1,
    title="The error of a per-sample statistic does not depend on the batch size",
    parts=(
        Part("error", statement, derivation=(
            Step("law:norm.stat.var_error/mse", statement.args[1],
                 "the pooled entries are the n of one sample's group; the other samples never enter", where={B: n}),
        ), rivals=(
            Rival("falls with the batch", pooled(n * (B + 1)),
                  "GroupNorm averaged over the batch would be another layer"),
            Rival("of s^2", sigma2**2 * (2 / (n - 1) + kappa / n), "the unbiased estimate is not what is used"),
            Rival("n+1", pooled(n + 1), "an off-by-one in the group", near=True),
            Rival("Gaussian for all", sigma2**2 * (2 * n - 1) / n**2, "drops the kurtosis"),
        )),
    ),
    params=(
        Param(n, Integers(2), 32, "entries of one sample's group: channels of the group times positions",
              "a group of one entry has no variance"),
        BATCH, VARIANCE,
        Param(kappa, Reals(-2), Fraction(0), "excess kurtosis of the activations; 0 for Gaussian"),
        IID,
    ),
    exactness=Exactness.DISTRIBUTION_FREE,
    assumptions=(
        Assumption("independent", "the entries of the group are independent draws of one distribution"),
        Assumption("fourth moment", "the fourth moment is finite"),
    ),
    uses=("norm.stat.var_error",),
    sources=(
        Source("ba2016", note="LayerNorm uses one sample"),
        Source("ulyanov2016", note="InstanceNorm"),
        Source("wuhe2018", note="abstract: GroupNorm's error does not depend on the batch size"),
    ),
    where={sigma2: PopMean(dx**2), kappa: PopMean(dx**4) / PopMean(dx**2) ** 2 - 3},
    words=(
        "Layer, Instance and Group normalization estimate the variance from one sample, so the batch size does not "
        "enter the error at all: it is set by the number n of entries in the group. Small groups are as unreliable as "
        "small batches. In code the independence is bitwise where the reduction runs over the sample's own entries."
    ),
    answers={7: "The error of a per-sample statistic is a function of the group size only; B does not appear."},
    experiments=(
        Experiment("group_variance", grid={"B": (1, 4, 16)}, delta=Fraction(1, 20),
                   fixed={"norm": "group", "C": 8, "G": 2, "HW": 2, "population": "ints:12:skewed"}),
        Experiment("group_variance", grid={"norm": ("layer", "instance")}, delta=Fraction(1, 20),
                   fixed={"B": 4, "C": 4, "G": 1, "HW": 4, "population": "ints:12:skewed"}),
        Experiment("group_variance", channel="network", grid={"B": (1, 4), "population": (
            "digits:preactivation:0", "digits:preactivation:3")}, delta=Fraction(1, 10),
            fixed={"norm": "group", "C": 8, "G": 2, "HW": 2}),
    ),
)
