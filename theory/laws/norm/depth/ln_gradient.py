"""Growth of gradients through layers with LayerNorm: none for rectifiers behind it, pi/(pi-1) in front of it."""

import sympy as sp

from theory.domain import Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.laws.norm.depth.bn_poincare import a, energy, gap, levels, phi, relu_variance, steep
from theory.nodes.rectified import Gate, Relu, StandardMean, z

pi = sp.pi
gate = StandardMean(Gate(z) ** 2)
square = StandardMean(phi**2)
before = sp.Eq(gate / StandardMean(Relu(z) ** 2), sp.S.One, evaluate=False)
after = sp.Eq(gate / relu_variance, pi / (pi - 1), evaluate=False)
excess = sp.Eq(energy - square, gap - a[0] ** 2, evaluate=False)

LAW = Law(
    id="norm.depth.ln_gradient",
    version=1,
    title="Gradients behind LayerNorm: where the norm stands decides",
    parts=(
        Part("before", before, derivation=(
            Step("half lines", sp.S.One, "a rectifier halves both: half of the units pass, with half of the squares"),
        ), rivals=(
            Rival("as behind BatchNorm", pi / (pi - 1), "the rate with the variance below"),
            Rival("half", sp.Rational(1, 2), "the share of active units"),
            Rival("mean removed twice", pi / (pi - 2), "with the variance of |z|", near=True),
        )),
        Part("after", after, derivation=(
            Step("half lines", after.args[1], "a norm behind the rectifier divides by the variance"),
        ), rivals=(
            Rival("none", sp.S.One, "the rate of a norm in front of the rectifier"),
            Rival("half-normal", pi / (pi - 2), "with the variance of |z|", near=True),
            Rival("inverse", (pi - 1) / pi, "gradients that shrink"),
        )),
        Part("excess", excess, derivation=(
            Step("law:norm.depth.bn_poincare/slope", steep - square, "each coefficient counts k times k!"),
            Step("half lines", steep - levels([1, 1, 1, 1, 1]), "the second moment has the mean as well"),
            Step("algebra", excess.args[1], "k - 1 is left of each, and -1 of the mean"),
        ), rivals=(
            Rival("as behind BatchNorm", gap, "the mean is not subtracted by a norm in front", near=True),
            Rival("none", sp.S.Zero, "as for a rectifier"),
            Rival("mean added", gap + a[0] ** 2, "the sign of the mean"),
        )),
    ),
    params=tuple(Param(a[k], Reals(), 1 if k else 0, f"coefficient of the Hermite polynomial He_{k} in the activation")
                 for k in range(5)),
    exactness=Exactness.MODEL,
    assumptions=(
        Assumption("wide", "the width is infinite, weights are independent Gaussians at initialization, and the "
                   "backward signal is independent of the forward one; any batch size"),
        Assumption("polynomial", "the excess is proved for activations of degree 4 or less; the rectifier by itself"),
    ),
    uses=("norm.depth.bn_poincare",),
    sources=(
        Source("ba2016", note="LayerNorm"),
        Source("yang2019", note="the mean-field calculus of gradients behind norms"),
        Source("batchlaws", read=True, note="the comparison of places derived here"),
    ),
    headline="excess",
    words=(
        "With LayerNorm in front of the activation, x -> W phi(LN(x)), the mean squared gradient of a wide network at "
        "initialization is multiplied by E[phi'^2]/E[phi^2] a layer: for a rectifier exactly 1, so that nothing "
        "explodes at any depth or batch size. With the norm behind the rectifier, LN(relu(W x)), it is pi/(pi-1) = "
        "1.467 again, the rate of a large batch under BatchNorm. So it is the subtraction of the mean of the rectified "
        "signal that costs, and the place of the norm matters more than its kind. Other activations can go either way: "
        "the excess over 1 is, up to the second moment, the sum of (k-1) k! a_k^2 less the squared mean."
    ),
    answers={
        8: "LayerNorm in front of a rectifier restores the scale at every depth without growth of gradients.",
        7: "The rate does not depend on the batch size; BatchNorm's does.",
    },
)
