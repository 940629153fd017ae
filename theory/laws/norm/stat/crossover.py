"""The batch size at which BatchNorm's variance error equals GroupNorm's."""

import sympy as sp

from theory.domain import Constraint, Integers, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.notation import HW, B, BatchSum, C, E, G, PopMean, Root, dx, rho, sigma2, x
from theory.parameters import IID


def mse(size: sp.Expr) -> sp.Expr:
    """Mean square error of the biased variance of `size` pooled entries, as an expectation."""
    return E((BatchSum(x**2) / size - (BatchSum(x) / size) ** 2 - sigma2) ** 2, size)


def gaussian(size: sp.Expr) -> sp.Expr:
    """The same by `norm.stat.var_error` at kappa = 0."""
    return sigma2**2 * (2 * size - 1) / size**2


batch, group = B * HW, C / G * HW
statement = sp.Eq(Root(mse(batch) - mse(group), B), C / G, evaluate=False)
biased = sp.Eq(Root((2 * B - 1) / B**2 - (1 - rho**2), B), 1 / (1 - rho), evaluate=False)
p0, p1, p2, p3 = sp.symbols("p0:4", nonnegative=True)

LAW = Law(
    id="norm.stat.crossover",
    version=1,
    title="BatchNorm beats GroupNorm's variance estimate above B = C/G",
    parts=(
        Part("crossover", statement, derivation=(
            Step("law:norm.stat.var_error/mse", Root(gaussian(batch) - mse(group), B),
                 "BatchNorm pools B samples at HW positions", where={B: batch}),
            Step("law:norm.stat.var_error/mse", Root(gaussian(batch) - gaussian(group), B),
                 "GroupNorm pools C/G channels at HW positions of one sample", where={B: group}),
            Step("root", statement.args[1], "the error depends on the pooled number alone and falls with it",
                 where={B: 1 + p0, HW: 1 + p1, G: 1 + p2, C: 1 + p2 + p3}),
        ), rivals=(
            Rival("C", C + G - 1, "all channels: right for LayerNorm (G = 1) only"),
            Rival("G HW", G * HW + C / G - 1 / G, "positions are pooled by both layers and cancel"),
            Rival("C/G + 1", C / G + 1, "an off-by-one", near=True),
        )),
        Part("biased", biased, derivation=(
            Step("root", biased.args[1], "(2B-1)/B^2 = 1 - rho^2 factors; the other root is below 1",
                 where={B: 1 + p0, rho: p1 / (1 + p1)}),
        ), rivals=(
            Rival("2/M", 2 / (1 - rho**2), "the small-error approximation", near=True),
            Rival("1/(1+rho)", 1 / (1 + rho), "the root below one sample"),
            Rival("1/M", 1 / (1 - rho**2), "half the approximation"),
        )),
    ),
    params=(
        Param(C, Integers(1), 256, "channels"),
        Param(G, Integers(1), 32, "groups"),
        Param(HW, Integers(1), 1, "spatial positions"),
        Param(rho, Reals(0, 1), 0, "sqrt(1 - M), M the relative mean square error of the competing estimate"),
        IID,
    ),
    constraints=(
        Constraint(sp.Eq(sp.Mod(C, G), 0), "{C} channels cannot be split into {G} groups"),
        Constraint(rho < 1, "rho = {rho} is not allowed: at rho = 1 the competing estimate is exact and never beaten"),
    ),
    exactness=Exactness.MODEL,
    assumptions=(
        Assumption("Gaussian", "activations are independent Gaussians of one variance across samples, channels and "
                   "positions; equality at B = C/G needs only that samples and channels are exchangeable"),
        Assumption("homogeneous channels", "all channels share mean and variance; otherwise GroupNorm carries a bias"),
    ),
    uses=("norm.stat.var_error",),
    sources=(Source("batchlaws", read=True, note="derived here; the setting is Wu & He 2018"),),
    where={sigma2: PopMean(dx**2)},
    model={PopMean(dx**4): 3 * PopMean(dx**2) ** 2},  # Gaussian activations: no excess kurtosis
    words=(
        "Which layer estimates the variance better? BatchNorm pools B samples, GroupNorm pools C/G channels; on equal "
        "terms the one that pools more wins, so they cross exactly at B = C/G, whatever the number of positions. With "
        "256 channels in 32 groups that is B = 8. People quote the number of channels, or let the positions enter."
    ),
    answers={7: "BatchNorm's error passes GroupNorm's exactly at B = C/G when the channels are alike."},
    experiments=(),
)
