"""Growth of gradients through layers with BatchNorm at a finite batch: infinite for B <= 3."""

import sympy as sp

from theory.domain import Integers, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.chi import GaussianMean
from theory.nodes.rectified import Gate, PairMean, Passed, Relu, StandardMean, apart, y1, y2, z
from theory.notation import B, n, s, sigma
from theory.parameters import IID

pi = sp.pi
angle = apart(B)
inverse = sigma**2 * GaussianMean(s**-2, B)

# What two normalized entries give behind a rectifier: the mean product of the outputs, and the chance that both pass.
sine, cosine = sp.sqrt(1 - 1 / (B - 1) ** 2), -1 / (B - 1)
product = (sine + (pi - angle) * cosine) / (2 * pi)
chance = (pi - angle) / (2 * pi)


def traced(slope: sp.Expr, gates: sp.Expr) -> sp.Expr:
    """Trace over B - 1, its entries summed: `slope` at one entry, `gates` at two."""
    diagonal = (1 - 1 / B) * StandardMean(slope) - StandardMean(z**2 * slope) / B
    beside = -(PairMean(gates, angle) + PairMean(y1 * y2 * gates, angle)) / B
    return diagonal - beside


linear_spread = StandardMean(z**2) - PairMean(y1 * y2, angle)
relu_spread = StandardMean(Relu(z) ** 2) - PairMean(Relu(y1) * Relu(y2), angle)
linear = sp.Eq(inverse / linear_spread * Passed(1, B), (B - 2) / (B - 3), evaluate=False)
half = sp.Rational(1, 2)
bracket = B / 2 - 3 * half + 1 / B + (B - 1) / B * (chance + product)
rate = B / ((half - product) * (B - 3) * (B - 1)) * bracket
relu = sp.Eq(inverse / relu_spread * Passed(Gate(z), B), rate, evaluate=False)
moment = B / (B - 3)

LAW = Law(
    id="norm.depth.bn_explosion",
    version=1,
    title="Growth of gradients a layer of BatchNorm, at every batch size",
    parts=(
        Part("linear", linear, derivation=(
            Step("law:norm.stat.inv_std_moments/inverse_square", moment / linear_spread * Passed(1, B),
                 "the batch's standard deviation is independent of the normalized entries", where={n: B}),
            Step("exchangeable trace", moment / linear_spread * (
                (1 - 1 / B) - StandardMean(z**2) / B + (1 + PairMean(y1 * y2, angle)) / B),
                "P takes off the mean and the normalized batch"),
            Step("wedge", linear.args[1], "correlation -1/(B-1) of two normalized entries"),
        ), rivals=(
            Rival("none", sp.S.One, "as if normalizing kept the gradients"),
            Rival("mean only", (B - 1) / (B - 3), "the Jacobian also projects off the normalized batch", near=True),
            Rival("no moment", (B - 2) / (B - 1), "the projection alone: gradients that shrink"),
            Rival("twice the moment", (B - 2) * (B - 1) / (B - 3) ** 2, "1/s^2 counted with B/(B-1)", near=True),
        )),
        Part("relu", relu, derivation=(
            Step("law:norm.stat.inv_std_moments/inverse_square", moment / relu_spread * Passed(Gate(z), B),
                 "the batch's standard deviation is independent of the normalized entries", where={n: B}),
            Step("exchangeable trace", moment / relu_spread * traced(Gate(z), Gate(y1) * Gate(y2)),
                 "P takes off the mean and the normalized batch"),
            Step("wedge", rate, "at the angle of two normalized entries"),
        ), rivals=(
            Rival("none", sp.S.One, "He initialization without the norm"),
            Rival("large batch", pi / (pi - 1), "the limit of large batches"),
            Rival("product", (B - 2) / (B - 3) * pi / (pi - 1), "the linear rate times the limit", near=True),
            Rival("independent gates", B / ((half - product) * (B - 3) * (B - 1)) * (
                B / 2 - 3 * half + 1 / B + (B - 1) / B * (sp.Rational(1, 4) + product)),
                "the normalized entries are correlated", near=True),
        )),
    ),
    params=(
        Param(B, Integers(4), 8, "batch size (entries of one channel)",
              "the mean squared gradient is infinite for B <= 3: E[1/s^2] diverges"),
        Param(sigma, Reals(0, open=True), 1, "standard deviation of the inputs of a norm; it drops out"),
        IID,
    ),
    exactness=Exactness.MODEL,
    assumptions=(
        Assumption("wide", "the width is infinite, weights are independent Gaussians at initialization, and the "
                   "backward signal is independent of the forward one"),
        Assumption("settled", "enough layers below, so that all pairs of examples of the batch are alike: the "
                   "covariance over the batch is the permutation-symmetric fixed point"),
        Assumption("no regularizer", "eps = 0"),
    ),
    uses=("norm.stat.inv_std_moments",),
    sources=(
        Source("yang2019", note="the linear rate and the limit of large batches"),
        Source("batchlaws", read=True, note="the rectifier at a finite batch derived here"),
    ),
    headline="relu",
    words=(
        "In a wide network at initialization each layer x -> W phi(BN(x)) multiplies the mean squared gradient, on its "
        "way back, by (B-2)/(B-3) without an activation and for rectifiers by 3.08 at B = 4, 1.79 at 8, 1.59 at 16 and "
        "1.49 at 64, falling to pi/(pi-1) = 1.467; it is infinite for B <= 3. The rate has three factors: E[1/s^2], "
        "the spread that the activation leaves, and the share of the gradient that passes the projection off the mean "
        "and off the normalized batch. So BatchNorm restores the forward statistics at every depth and pays with "
        "gradients that explode with depth, the more the smaller the batch. People infer from steady activations "
        "that gradients are steady. At B = 4 and 5 the mean is finite but 1/s^4 has none, so that samples of it jump."
    ),
    answers={
        6: "Small batches make gradients explode with depth: 3.08 a layer at B = 4, infinite on average at B <= 3.",
        8: "Normalizing at each depth with BatchNorm restores activations and makes gradients grow by a fixed factor.",
    },
)
