"""Why every nonlinearity makes gradients grow behind batch normalization: the Gaussian Poincare inequality."""

import sympy as sp

from theory.domain import Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.rectified import Gate, Relu, StandardMean, hermite, z

a = sp.symbols("a0:5", real=True)
pi = sp.pi

phi = sum(a[k] * hermite(k) for k in range(5))
slope = sp.diff(phi, z)


def levels(weight: list[int]) -> sp.Expr:
    """Sum of squared coefficients, each with its weight times k!."""
    return sum(w * sp.factorial(k) * a[k] ** 2 for k, w in enumerate(weight))


energy = StandardMean(slope**2)
variance = StandardMean(phi**2) - StandardMean(phi) ** 2
steep, spread = levels([0, 1, 2, 3, 4]), levels([0, 1, 1, 1, 1])
relu_variance = StandardMean(Relu(z) ** 2) - StandardMean(Relu(z)) ** 2
relu = sp.Eq(StandardMean(Gate(z) ** 2) / relu_variance, pi / (pi - 1), evaluate=False)
gap = levels([0, 0, 1, 2, 3])

LAW = Law(
    id="norm.depth.bn_poincare",
    version=1,
    title="Behind large-batch BatchNorm gradients grow for every nonlinearity",
    parts=(
        Part("slope", sp.Eq(energy, steep, evaluate=False), derivation=(
            Step("half lines", steep, "He_k' = k He_(k-1): each coefficient counts k times k!"),
        ), rivals=(
            Rival("unweighted", levels([0, 1, 1, 1, 1]), "a slope has the function's own variance"),
            Rival("k squared", levels([0, 1, 4, 9, 16]), "k twice: the mean square of He_(k-1) is (k-1)!"),
            Rival("one less", levels([0, 0, 1, 2, 3]), "k - 1 in place of k", near=True),
        )),
        Part("variance", sp.Eq(variance, spread, evaluate=False), derivation=(
            Step("half lines", spread, "Hermite polynomials are orthogonal, with mean square k!"),
        ), rivals=(
            Rival("second moment", levels([1, 1, 1, 1, 1]), "the mean a0 is no variance", near=True),
            Rival("no factorials", sum(c**2 for c in a[1:]), "for polynomials scaled to mean square 1"),
            Rival("first only", a[1] ** 2, "as if the function were affine"),
        )),
        Part("gap", sp.Eq(energy - variance, gap, evaluate=False), derivation=(
            Step("law:/slope", steep - variance, "the slope"),
            Step("half lines", steep - spread, "the variance"),
            Step("algebra", gap, "k - 1 is left of each"),
        ), rivals=(
            Rival("none", sp.S.Zero, "gradients keep their size"),
            Rival("k", levels([0, 0, 2, 3, 4]), "the slope alone", near=True),
            Rival("mean subtracted", gap - a[0] ** 2, "for the second moment, as behind LayerNorm", near=True),
        )),
        Part("bound", sp.Ge(energy, variance, evaluate=False), derivation=(
            Step("law:/slope", steep, "the slope"),
            Step("bound", spread, "each weight k is at least 1", where={"difference": gap}),
            Step("half lines", variance, "the variance"),
        ), rivals=(
            Rival("second moment", StandardMean(phi**2), "false for a large mean"),
            Rival("strict", variance + a[1] ** 2, "an affine function has nothing to spare"),
            Rival("twice", 2 * variance, "true for functions without an affine part", near=True),
        )),
        Part("relu", relu, derivation=(
            Step("half lines", relu.args[1], "1/2 over (pi - 1)/(2 pi)"),
        ), rivals=(
            Rival("none", sp.S.One, "gradients keep their size"),
            Rival("second moment", sp.Rational(1, 2), "the mean square of the slope alone"),
            Rival("half-normal", pi / (pi - 2), "with the variance of |z|", near=True),
        )),
    ),
    params=tuple(Param(a[k], Reals(), 1 if k else 0, f"coefficient of the Hermite polynomial He_{k} in the activation")
                 for k in range(5)),
    exactness=Exactness.MODEL,
    assumptions=(
        Assumption("wide", "the width is infinite, weights are independent Gaussians at initialization, and the "
                   "backward signal is independent of the forward one"),
        Assumption("large batch", "the batch is so large that its statistics are the population's; small batches add a "
                   "factor of their own (norm.depth.bn_explosion)"),
        Assumption("polynomial", "the sums are proved for activations of degree 4 or less; the rectifier by itself"),
    ),
    sources=(
        Source("chernoff1981", note="the inequality for a Gaussian"),
        Source("yang2019", note="gradients explode behind BatchNorm for every activation"),
        Source("batchlaws", read=True, note="the link of the two"),
    ),
    headline="gap",
    words=(
        "In a wide network at initialization a layer x -> W phi(BN(x)) multiplies the mean squared gradient by "
        "E[phi'^2]/Var[phi] on its way back, for standard Gaussian z. By the Gaussian Poincare inequality this is at "
        "least 1, and what it has above 1 is the sum of (k-1) k! a_k^2 over the Hermite coefficients of phi: equality "
        "holds for affine functions and for no others. So behind BatchNorm every nonlinearity makes gradients explode "
        "with depth, the rectifier by pi/(pi-1) = 1.467 a layer, tanh by 1.178, and no gain of the weights changes "
        "that, since the next BatchNorm divides it out. People set the gain for a factor of 1, as one may without it. "
        "The statement is on random Gaussian weights; orthogonal ones, residual paths and training are another matter."
    ),
    answers={8: "Restoring the statistics at each depth has a price: gradients grow by E[phi'^2]/Var[phi] a layer."},
)
