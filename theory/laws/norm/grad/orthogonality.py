"""A gradient that comes back through a normalization layer is orthogonal to shifts and, at eps = 0, to the output."""

from fractions import Fraction

import sympy as sp

from theory.domain import Constraint, Integers, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.group import Back, Delta, Hat, Item, Mean, Sd, Slope, Total, Upstream, gamma, i, j, l
from theory.notation import B, eps, x

z_eps = sp.Symbol("z_eps", real=True)
root = Sd(eps)
scale, overlap = sp.Symbol("scale", positive=True), sp.Symbol("overlap", real=True)
mean = Mean(Item(x, l), l)
jacobian = (Delta(i, j) - (1 + Hat(i, eps) * Hat(j, eps)) / B) / root
chain = Total(gamma * Upstream(i, eps) * Slope(Hat(i, eps), j), i)
back = Total(gamma * Upstream(i, eps) * jacobian, i)
along = Total(Upstream(l, eps) * Hat(l, eps), l)
shift = sp.Eq(Total(Back(j, eps), j), sp.S.Zero, evaluate=False)
with sp.evaluate(False):
    output_rhs = gamma * overlap / scale * (eps / scale**2)
output = sp.Eq(Total(Back(j, eps) * Hat(j, eps), j), output_rhs, evaluate=False)
inputs = sp.Eq(Total(Back(j, 0) * Item(x, j), j), sp.S.Zero, evaluate=False)
jacobian_0 = (Delta(i, j) - (1 + Hat(i, 0) * Hat(j, 0)) / B) / Sd(0)
back_0 = Total(gamma * Upstream(i, 0) * jacobian_0, i)

LAW = Law(
    id="norm.grad.orthogonality",
    version=1,
    title="Gradients through a normalization layer do not shift and do not stretch",
    parts=(
        Part("shift", shift, derivation=(
            Step("group", Total(chain, j), "chain rule through y = gamma hat + beta"),
            Step("law:norm.grad.jacobian/entry", Total(back, j), "the Jacobian"),
            Step("group", sp.S.Zero, "its columns sum to zero"),
        ), rivals=(
            Rival("upstream", gamma * Total(Upstream(l, eps), l) / scale, "treats mean and variance as constants"),
            Rival("one part in B", gamma * Mean(Upstream(l, eps), l) / scale, "as if one part were left", near=True),
            Rival("eps leaks", gamma * Total(Upstream(l, eps), l) * eps / scale**3,
                  "eps weakens the other orthogonality, not this one", near=True),
        )),
        Part("output", output, derivation=(
            Step("group", Total(chain * Hat(j, eps), j), "chain rule through y = gamma hat + beta"),
            Step("law:norm.grad.jacobian/entry", Total(back * Hat(j, eps), j), "the Jacobian"),
            Step("group", gamma * along * (1 - Mean(Hat(l, eps) ** 2, l)) / root, "it shrinks its own output"),
            Step("group", output_rhs, "by eps/(v + eps)"),
        ), rivals=(
            Rival("zero", sp.S.Zero, "exact at eps = 0 only", near=True),
            Rival("upstream", gamma * overlap / scale, "treats the variance as a constant"),
            Rival("no gain", overlap / scale * (eps / scale**2), "forgets the learned gain"),
            Rival("v/(v+eps)", gamma * overlap / scale * (1 - eps / scale**2), "the complementary share"),
        )),
        Part("inputs", inputs, derivation=(
            Step("group", Total(chain.xreplace({eps: sp.S.Zero}) * Item(x, j), j), "chain rule, at eps = 0"),
            Step("law:norm.grad.jacobian/entry", Total(back_0 * Item(x, j), j), "the Jacobian",
                 where={eps: sp.S.Zero, scale: Sd(0)}),
            Step("group", mean * Total(back_0, j) + Sd(0) * Total(back_0 * Hat(j, 0), j),
                 "x is the mean plus s times the output"),
            Step("group", sp.S.Zero, "both vanish"),
        ), rivals=(
            Rival("upstream", gamma * Total(Upstream(l, 0) * Item(x, l), l) / Sd(0),
                  "treats the statistics as constants"),
            Rival("mean only", gamma * Total(Upstream(l, 0) * Hat(l, 0), l), "forgets that the variance moves too",
                  near=True),
            Rival("variance only", gamma * mean * Total(Upstream(l, 0), l) / Sd(0), "forgets that the mean moves too"),
        )),
    ),
    params=(
        Param(B, Integers(2), 8, "entries that share the statistics (BatchNorm: batch size times positions)",
              "one entry has no spread"),
        Param(gamma, Reals(), 1, "learned gain of the layer"),
        Param(eps, Reals(0), Fraction(1, 1000), "regularizer under the root"),
        Param(overlap, Reals(), 1, "sum of the outputs times the loss's derivatives by them"),
        Param(scale, Reals(0, open=True), 1, "what the layer divides by, sqrt(v + eps)"),
    ),
    constraints=(
        Constraint(eps <= scale**2, "eps = {eps} exceeds scale^2 = {scale}^2: the scale is sqrt(v + eps)"),
    ),
    exactness=Exactness.IDENTITY,
    assumptions=(
        Assumption("spread", "the entries are not all equal, or eps > 0"),
        Assumption("any loss", "the loss is any differentiable function of the outputs, coupling them as it likes"),
    ),
    uses=("norm.grad.jacobian",),
    sources=(
        Source("ioffe2015", note="the backward pass through batch mean and variance"),
        Source("batchlaws", read=True, note="the share that eps leaves, derived here"),
    ),
    where={scale: Sd(eps), overlap: along},
    headline="output",
    words=(
        "A normalization layer does not answer to a shift of its inputs, nor, at eps = 0, to a stretch. So the "
        "gradient that comes back through it has no part along either: over the batch it sums to zero, and its "
        "product with the inputs is zero. No example can be pushed without pushing its peers the other way. With eps "
        "> 0 the second orthogonality is off by the factor eps/(v + eps), which matters for channels whose variance "
        "has come down to eps; the first stays exact."
    ),
    answers={6: "The gradients of a batch sum to zero in every channel: each example's part depends on its peers."},
)
