"""BatchNorm on one token: it outputs its shift, whatever the token."""

from fractions import Fraction

import sympy as sp

from theory.domain import Constraint, Integers, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.directions import Alone
from theory.nodes.group import MEMBERS, Delta, Hat, Item, Mean, Slope, gamma, i, j, l
from theory.notation import eps, n, s, x

beta = sp.Symbol("beta", real=True)
v = sp.Symbol("v", nonnegative=True)
output = sp.Eq(gamma * Alone(i, eps) + beta, beta, evaluate=False)
slope = sp.Eq(Slope(gamma * Alone(i, eps) + beta, j), sp.S.Zero, evaluate=False)
with sp.evaluate(False):
    kept = gamma**2 * (v / (v + eps))
layer = sp.Eq(Mean((gamma * Hat(l, eps) + beta - beta) ** 2, l), kept, evaluate=False)

LAW = Law(
    id="norm.llm.decode_b1",
    version=1,
    title="BatchNorm on a batch of one outputs its shift for every token",
    parts=(
        Part("output", output, derivation=(
            Step("group", beta, "the mean of one value is the value itself"),
        ), rivals=(
            Rival("in a batch", gamma * Hat(i, eps) + beta, "what the same token gives among others"),
            Rival("passes", gamma * Item(x, i) + beta, "as if one token were left as it is"),
            Rival("no shift", sp.S.Zero, "forgets the learned shift", near=True),
        )),
        Part("slope", slope, derivation=(
            Step("group", sp.S.Zero, "a constant has no derivative"),
        ), rivals=(
            Rival("constant statistics", gamma * Delta(i, j) / sp.sqrt(eps), "treats mean and variance as constants"),
            Rival("mean only", gamma * (Delta(i, j) - 1 / n) / sp.sqrt(eps), "as if the mean were that of a batch",
                  near=True),
            Rival("in a batch", gamma * (Delta(i, j) - (1 + Hat(i, eps) * Hat(j, eps)) / n) / sp.sqrt(v + eps),
                  "the Jacobian among others"),
        )),
        Part("layer", layer, derivation=(
            Step("group", gamma**2 * s**2 / (s**2 + eps), "LayerNorm pools the token's own channels"),
            Step("group", kept, "v is their variance"),
        ), rivals=(
            Rival("zero", sp.S.Zero, "what BatchNorm keeps"),
            Rival("all", gamma**2, "right at eps = 0 only", near=True),
            Rival("root", gamma**2 * sp.sqrt(v / (v + eps)), "a standard deviation for a variance", near=True),
        )),
    ),
    params=(
        Param(n, Integers(2), 768, "channels of the token", "LayerNorm of one channel is BatchNorm of one token"),
        Param(gamma, Reals(), 1, "learned gain"),
        Param(beta, Reals(), Fraction(1, 2), "learned shift"),
        Param(eps, Reals(0, open=True), Fraction(1, 100000), "regularizer under the root",
              "without it a batch of one divides 0 by 0"),
        Param(v, Reals(0), Fraction(1), "variance of the token over its channels"),
    ),
    constraints=(Constraint(sp.Ne(gamma, 0), "gamma = 0 is not allowed: without gain every layer outputs its shift"),),
    exactness=Exactness.IDENTITY,
    assumptions=(
        Assumption("batch statistics", "the layer uses the statistics of the batch at hand, one token in one position, "
                   "as in autoregressive decoding of one sequence; running statistics are another layer"),
    ),
    sources=(Source("batchlaws", read=True, note="derived here; that one example has no variance is well known"),),
    where={MEMBERS: n, v: Mean(Item(x, l) ** 2, l) - Mean(Item(x, l), l) ** 2},
    headline="layer",
    words=(
        "In autoregressive decoding of one sequence a layer sees one token at a time. BatchNorm with the statistics of "
        "that batch subtracts the token from itself: its output is the shift beta for every token, and no gradient "
        "passes. The network then says the same thing after every prompt. LayerNorm pools the channels of the token "
        "and keeps gamma^2 v/(v + eps) of its power, as it does in a batch of any size. Running statistics avoid the "
        "collapse and bring back the gap between training and inference."
    ),
    answers={
        7: "LayerNorm is defined on one token and is there what it is in any batch.",
        11: "With batch statistics, BatchNorm outputs beta for every token when one sequence is decoded; LayerNorm "
            "does not.",
    },
)
