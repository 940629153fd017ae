"""The exact distribution of a normalized Gaussian activation, at every batch size."""

from fractions import Fraction

import sympy as sp

from theory.domain import Integers, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.gammas import GammaRatio
from theory.nodes.spheres import Below, Output, SphereMean, w, xhat, z
from theory.notation import B, k
from theory.parameters import IID

half = sp.Rational(1, 2)


def ratio(freedom: sp.Expr) -> sp.Expr:
    """Even moment of a coordinate, for some number of dimensions."""
    return GammaRatio(half, k) / GammaRatio(freedom / 2, k)


moment = sp.Eq(Output(xhat ** (2 * k), B), (B - 1) ** k * ratio(B - 1), evaluate=False)
odd = sp.Eq(Output(xhat ** (2 * k - 1), B), sp.S.Zero, evaluate=False)
kurtosis = sp.Eq(Output(xhat**4, B) - 3, -6 / (B + 1), evaluate=False)
coin = sp.Eq(Below(w, 2), half, evaluate=False)
arcsine = sp.Eq(Below(w, 3), half + sp.asin(w) / sp.pi, evaluate=False)
uniform = sp.Eq(Below(w, 4), (1 + w) / 2, evaluate=False)
semicircle = sp.Eq(Below(w, 5), half + (w * sp.sqrt(1 - w**2) + sp.asin(w)) / sp.pi, evaluate=False)
normal = {size: sp.erfc(-w * sp.sqrt(sp.Rational(size - 1, 2))) / 2 for size in (2, 3, 4, 5)}

LAW = Law(
    id="norm.out.sphere",
    version=1,
    title="Normalized Gaussian activations lie uniformly on a sphere: coin, arcsine, uniform, semicircle",
    parts=(
        Part("moment", moment, derivation=(
            Step("direction", (B - 1) ** k * SphereMean(z ** (2 * k), B - 1), "sqrt(B-1) times a coordinate"),
            Step("beta integral", moment.args[1], "Gamma functions of the integral"),
        ), rivals=(
            Rival("normal", 2**k * GammaRatio(half, k), "as if normalized Gaussians were Gaussian"),
            Rival("B dimensions", (B - 1) ** k * ratio(B), "the mean costs one dimension", near=True),
            Rival("radius", B**k * ratio(B - 1), "the radius of all outputs for the largest of one", near=True),
        )),
        Part("odd", odd, derivation=(
            Step("direction", sp.sqrt(B - 1) ** (2 * k - 1) * SphereMean(z ** (2 * k - 1), B - 1), "a coordinate"),
            Step("beta integral", sp.S.Zero, "opposite directions are as likely"),
        ), rivals=(
            Rival("1/B", 1 / B, "a bias of the mean"),
            Rival("-1/(B-1)", -1 / (B - 1), "the correlation with a peer"),
            Rival("1/B^2", 1 / B**2, "a small bias", near=True),
        )),
        Part("kurtosis", kurtosis, derivation=(
            Step("direction", (B - 1) ** 2 * SphereMean(z**4, B - 1) - 3, "sqrt(B-1) times a coordinate"),
            Step("beta integral", kurtosis.args[1], "3 (B-1)/(B+1) - 3"),
        ), rivals=(
            Rival("zero", sp.S.Zero, "Gaussian outputs"),
            Rival("-6/B", -6 / B, "an off-by-one", near=True),
            Rival("-6/(B+3)", -6 / (B + 3), "the same for B + 2 entries", near=True),
        )),
        Part("coin", coin, derivation=(
            Step("antiderivative", half, "two values, -1 and 1"),
        ), rivals=(
            Rival("uniform", (1 + w) / 2, "spread out over the range"),
            Rival("normal", normal[2], "a Gaussian of variance one"),
            Rival("arcsine", arcsine.args[1], "one entry more", near=True),
        )),
        Part("arcsine", arcsine, derivation=(
            Step("antiderivative", arcsine.args[1], "the first coordinate of a point on a circle"),
        ), rivals=(
            Rival("uniform", (1 + w) / 2, "one entry more", near=True),
            Rival("normal", normal[3], "a Gaussian of variance one"),
            Rival("half angle", half + sp.asin(w) / (2 * sp.pi), "a factor of two"),
        )),
        Part("uniform", uniform, derivation=(
            Step("antiderivative", uniform.args[1], "Archimedes: slices of a sphere have equal areas"),
        ), rivals=(
            Rival("arcsine", arcsine.args[1], "one entry fewer", near=True),
            Rival("normal", normal[4], "a Gaussian of variance one"),
            Rival("semicircle", semicircle.args[1], "one entry more", near=True),
        )),
        Part("semicircle", semicircle, derivation=(
            Step("antiderivative", semicircle.args[1], "Wigner's law, on [-2, 2]"),
        ), rivals=(
            Rival("uniform", (1 + w) / 2, "one entry fewer", near=True),
            Rival("normal", normal[5], "a Gaussian of variance one"),
            Rival("parabola", half + (3 * w - w**3) / 4, "one entry more", near=True),
        )),
    ),
    params=(
        Param(B, Integers(2), 8, "entries that share the statistics (BatchNorm: batch size times positions)",
              "a single entry is its own mean"),
        Param(k, Integers(1), 2, "half the order of the moment"),
        Param(w, Reals(-1, 1, open=True), Fraction(1, 2), "place of the output in units of the largest, sqrt(B - 1)",
              "no output lies beyond sqrt(B - 1)"),
        IID,
    ),
    exactness=Exactness.MODEL,
    assumptions=(
        Assumption("Gaussian", "the entries are independent Gaussians of one mean and standard deviation"),
        Assumption("no regularizer", "eps = 0"),
    ),
    sources=(
        Source("thompson1935", note="the distribution of one deviation in units of the sample's standard deviation"),
        Source("basu1955", note="the outputs are independent of mean and variance"),
        Source("batchlaws", read=True, note="the reading for normalization layers"),
    ),
    headline="moment",
    words=(
        "Normalized Gaussians are not Gaussian. The outputs of a group lie uniformly on a sphere of radius sqrt(B), "
        "in the space of vectors that sum to zero, independently of the mean and the variance that were divided "
        "out. A single output is a coin at B = 2, has the arcsine law at B = 3, is uniform at B = 4, follows "
        "Wigner's semicircle at B = 5, and becomes Gaussian only as B grows: its excess kurtosis is -6/(B+1), its "
        "range sqrt(B-1). What small batches put out is therefore flat and bounded, and heavy tails of the input do "
        "not come through. The same holds for LayerNorm over Gaussian channels, with the number of channels for B."
    ),
    answers={
        6: "At B = 2, 3, 4, 5 a normalized Gaussian is a coin, arcsine, uniform, semicircle: the batch shapes it.",
    },
)
