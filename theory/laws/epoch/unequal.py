"""Averaging the batch gradients of an epoch with a short last batch."""

from fractions import Fraction

import sympy as sp

from theory.domain import Constraint, Integers, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.partition import EpochE, EpochMean, K, OverBatches, b_k, b_last
from theory.notation import B, N, PopMean, dg, g, gbar, sigma2
from theory.parameters import BATCH, FROZEN, POPULATION, VARIANCE

inverse = sp.Symbol("b_inv", positive=True)
error = EpochE((EpochMean(g) - gbar) ** 2)
mean = sp.Eq(EpochE(EpochMean(g)), gbar, evaluate=False)
any_sizes = sigma2 * N / (N - 1) * (inverse / K - 1 / N)
variance = sp.Eq(error, any_sizes, evaluate=False)
with sp.evaluate(False):
    closed = sigma2 * (K - 1) * (B - b_last) ** 2 / (K**2 * B * b_last * ((K - 1) * B + b_last - 1))
short = sp.Eq(error, closed, evaluate=False)
size = (K - 1) * B + b_last

LAW = Law(
    id="epoch.unequal",
    version=1,
    title="The mean of an epoch's batch gradients is noisy if its batches are unequal",
    parts=(
        Part("mean", mean, derivation=(
            Step("deal", gbar, "every example is as likely to be in each batch"),
        ), rivals=(
            Rival("weighted", gbar * OverBatches(b_k) * OverBatches(1 / b_k), "as if short batches added weight"),
            Rival("zero", sp.S.Zero, "as if the gradient were zero"),
            Rival("K-1", gbar * K / (K - 1), "leaves the short batch out of the count", near=True),
        )),
        Part("variance", variance, derivation=(
            Step("deal", PopMean(dg**2) * (OverBatches(1 / b_k) / K - (1 - OverBatches(1 / b_k) / K) / (N - 1)),
                 "the same example twice, or two different ones"),
            Step("definition", any_sizes, "with the mean inverse size; S = sigma^2 N/(N-1)"),
        ), rivals=(
            Rival("divisor N", sigma2 * (inverse / K - 1 / N), "Sigma for S", near=True),
            Rival("independent batches", sigma2 * inverse / K, "as if the batches of an epoch were independent"),
            Rival("no noise", sp.S.Zero, "every example is used once, but not with the same weight"),
        )),
        Part("short", short, derivation=(
            Step("law:/variance", any_sizes, "any sizes"),
            Step("short last batch", closed, "mean inverse size ((K-1)/B + 1/b)/K and N = (K-1) B + b"),
        ), rivals=(
            Rival("no noise", sp.S.Zero, "true of equal batches"),
            Rival("divisor N", closed * (size - 1) / size, "Sigma for S", near=True),
            Rival("one of K", sigma2 * (B - b_last) / (K**2 * B * b_last), "the short batch's own excess over 1/B"),
            Rival("not squared", sigma2 * (K - 1) * (B - b_last) / (K**2 * B * b_last * (size - 1)), "vanishes to "
                  "second order at equal sizes", near=True),
        )),
    ),
    params=(
        POPULATION,
        BATCH,
        Param(K, Integers(2), 4, "number of batches in the epoch", "one batch is the full gradient"),
        Param(b_last, Integers(1), 1, "size of the last batch"),
        Param(inverse, Reals(0, 1), Fraction(1, 2), "mean over the batches of one over their size"),
        VARIANCE,
        Param(gbar, Reals(), Fraction(1), "full gradient (one coordinate)"),
    ),
    constraints=(
        Constraint(b_last <= B, "b_last = {b_last} is not allowed: the last batch is at most as large as the others, "
                   "B = {B}"),
        Constraint(K <= N, "{K} batches do not fit into {N} samples"),
        Constraint(inverse * N >= K, "b_inv = {b_inv} is not allowed: {K} batches of {N} samples have a mean inverse "
                   "size of at least K/N"),
    ),
    exactness=Exactness.IDENTITY,
    assumptions=(
        FROZEN,
        Assumption("reshuffled", "the order of the epoch is a uniformly random permutation, cut into batches of given "
                   "sizes"),
    ),
    sources=(Source("batchlaws", read=True, note="derived here"),),
    where={sigma2: PopMean(dg**2), gbar: PopMean(g), inverse: OverBatches(1 / b_k)},
    headline="short",
    words=(
        "If the batch size does not divide the data set, the last batch of an epoch is short, and an example in it "
        "weighs more in the mean over the epoch's batches. That mean is still unbiased over random orders, but no "
        "longer free of noise: its variance is S times the excess of 1/K of the mean inverse size over 1/N, which "
        "vanishes only for equal batches. With K-1 batches of B and one of b it is proportional to (B-b)^2. It is "
        "small for many batches; it matters for metrics and statistics averaged over few large ones. Weighting every "
        "batch by its size removes it; so does dropping the last batch, at the price of unused examples."
    ),
    answers={2: "Over an epoch with a short last batch the noise of the batches no longer sums to zero."},
)
