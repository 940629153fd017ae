"""What restores the scale: a norm at each layer does at every depth, a norm at the input does not."""

from fractions import Fraction

import sympy as sp

from theory.domain import Integers, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes import logarithms  # noqa: F401
from theory.nodes.restored import Normed, Plain, Spread
from theory.nodes.restored import depth as L
from theory.nodes.restored import factor as a
from theory.notation import eps

v, q = sp.Symbol("v", positive=True), sp.Symbol("q", positive=True)
restored = sp.Eq(Normed(L, a), a**2 * v / (a**2 * v + eps), evaluate=False)
drift = sp.Eq(Plain(L, a), a ** (2 * L) * q, evaluate=False)
logarithm = sp.Eq(sp.log(Plain(L, a)) - sp.log(q), 2 * L * sp.log(a), evaluate=False)

LAW = Law(
    id="norm.depth.reset",
    version=1,
    title="A norm at each layer resets the scale; a norm at the input does not",
    parts=(
        Part("restored", restored, derivation=(
            Step("norm divides", Spread(L, a) / (Spread(L, a) + eps), "over the units of this layer alone"),
            Step("scaled layers", restored.args[1], "the factor of this layer's weights, squared"),
        ), rivals=(
            Rival("exactly one", sp.S.One, "the regularizer keeps it below 1", near=True),
            Rival("carried along", a ** (2 * L), "as without norms"),
            Rival("first power", a * v / (a * v + eps), "a variance takes the square", near=True),
            Rival("root", sp.sqrt(a**2 * v / (a**2 * v + eps)), "the factor of one entry, not of its square"),
        )),
        Part("input_only", drift, derivation=(
            Step("scaled layers", drift.args[1], "a rectifier lets a positive factor through"),
        ), rivals=(
            Rival("reset", q, "as if the norm at the input sufficed"),
            Rival("last layer", a**2 * q, "each layer multiplies"),
            Rival("not squared", a**L * q, "for the length in place of its square", near=True),
            Rival("one less", a ** (2 * L - 2) * q, "the first layer counts as well", near=True),
        )),
        Part("logarithm", logarithm, derivation=(
            Step("scaled layers", sp.log(a ** (2 * L) * q) - sp.log(q), "the factor of each layer"),
            Step("logarithms", logarithm.args[1], "a walk with a drift in the logarithm"),
        ), rivals=(
            Rival("none", sp.S.Zero, "as if the norm at the input sufficed"),
            Rival("one layer", 2 * sp.log(a), "does not grow with depth"),
            Rival("not squared", L * sp.log(a), "for the length in place of its square", near=True),
        )),
    ),
    params=(
        Param(v, Reals(0, open=True), 1, "variance of the layer's preactivations over its units, at a = 1"),
        Param(q, Reals(0, open=True), 1, "mean square of the layer's preactivations without norms, at a = 1"),
        Param(eps, Reals(0), Fraction(1, 100000), "regularizer of the norm"),
        Param(a, Reals(0, open=True), 1, "factor of the weights", "a negative factor changes which units are open"),
        Param(L, Integers(1), 30, "depth: number of the layer"),
    ),
    exactness=Exactness.IDENTITY,
    assumptions=(
        Assumption("no affine part", "the norm has no gain and no bias of its own, and layers have no biases"),
        Assumption("spread", "the preactivations of a layer are not all equal"),
        Assumption("rectifiers", "for the norm at the input only: activations let positive factors through"),
    ),
    sources=(
        Source("ba2016", note="invariance of LayerNorm to the scale of the weights"),
        Source("batchlaws", read=True, note="the comparison with a norm at the input only"),
    ),
    where={v: Spread(L, 1), q: Plain(L, 1)},
    headline="restored",
    words=(
        "With a norm at each layer the mean square behind the norm is v/(v + eps) at every depth, for every sample and "
        "all weights: 1 without a regularizer, and below 1 only where the variance v comes down to eps. Nothing of "
        "what the layers below did to the scale arrives. With a norm at the input only, a factor a of the weights of "
        "each layer arrives as a^(2L): 10% more a layer is a factor of 300 behind 30 layers. Random weights of "
        "finite width are such factors, drawn anew for each layer (norm.depth.log_width). People normalize the data "
        "and take the layers as normalized. The same holds for groups over a batch, where the norm is BatchNorm."
    ),
    answers={8: "A norm at each layer resets the second moment to v/(v + eps) at any depth; at the input it does not."},
)
