"""The Jacobian of a normalized group, and what it does to the constant, to the output and to all else."""

from fractions import Fraction

import sympy as sp

from theory.domain import Integers, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.group import Delta, Hat, Item, Mean, Sd, Slope, Total, i, j, l
from theory.notation import B, eps, u, x

z_eps = sp.Symbol("z_eps", real=True)
scale = sp.Symbol("scale", positive=True)
w_i = sp.Symbol("w_i", real=True)
root = Sd(eps)
entry_rhs = (Delta(i, j) - (1 + Hat(i, eps) * Hat(j, eps)) / B) / root
mean = Mean(Item(x, l), l)
centered = Item(x, i) - mean
variance = Mean((Item(x, l) - mean) ** 2, l)
derivative = Slope(Hat(i, eps), j)


def rest(at: sp.Symbol) -> sp.Expr:
    """Entry of any vector after its parts along the constant and along the output are taken off."""
    along = Mean(Hat(l, 0) * Item(u, l), l)
    return Item(u, at) - Mean(Item(u, l), l) - Hat(at, 0) * along


with sp.evaluate(False):
    own_rhs = (1 - (1 + z_eps**2) / B) / scale
    output_rhs = (eps / scale**2) * (z_eps / scale)
entry = sp.Eq(derivative, entry_rhs, evaluate=False)
own = sp.Eq(Slope(Hat(i, eps), i), own_rhs, evaluate=False)
constant = sp.Eq(Total(derivative, j), sp.S.Zero, evaluate=False)
output = sp.Eq(Total(derivative * Hat(j, eps), j), output_rhs, evaluate=False)
others = sp.Eq(Total(derivative * rest(j), j), w_i / scale, evaluate=False)

LAW = Law(
    id="norm.grad.jacobian",
    version=1,
    title="The Jacobian of a normalization layer is a projector over the standard deviation",
    parts=(
        Part("entry", entry, derivation=(
            Step("group", Slope(centered / root, j), "the layer, as defined"),
            Step("group", Slope(centered, j) / root - centered * Slope(variance, j) / (2 * root**3),
                 "quotient rule; v is the variance, the root that of v + eps"),
            Step("group", (Delta(i, j) - 1 / B) / root - centered * (2 * (Item(x, j) - mean) / B) / (2 * root**3),
                 "x_j moves the mean by 1/B and the variance by 2 (x_j - m)/B"),
            Step("group", entry_rhs, "x_i - m is the root times hat_i"),
        ), rivals=(
            Rival("B-1", (Delta(i, j) - (1 + Hat(i, eps) * Hat(j, eps)) / (B - 1)) / root,
                  "the unbiased divisor, which the layer does not use", near=True),
            Rival("mean only", (Delta(i, j) - 1 / B) / root, "forgets that the variance moves too"),
            Rival("statistics held", Delta(i, j) / root, "treats mean and variance as constants"),
            Rival("outputs of eps = 0", (Delta(i, j) - (1 + Hat(i, 0) * Hat(j, 0)) / B) / root,
                  "eps also shrinks the outputs in the last term", near=True),
        )),
        Part("own", own, derivation=(
            Step("law:/entry", (Delta(i, i) - (1 + Hat(i, eps) * Hat(i, eps)) / B) / root, "the diagonal",
                 where={j: i}),
            Step("group", own_rhs, "z_eps is the entry's normalized value, scale what the layer divides by"),
        ), rivals=(
            Rival("statistics held", 1 / scale, "treats mean and variance as constants"),
            Rival("mean only", (1 - 1 / B) / scale, "forgets that the variance moves too"),
            Rival("B-1", (1 - (1 + z_eps**2) / (B - 1)) / scale, "the unbiased divisor", near=True),
        )),
        Part("constant", constant, derivation=(
            Step("law:/entry", Total(entry_rhs, j), "the entries of row i"),
            Step("group", sp.S.Zero, "1 - 1, and the normalized values sum to zero"),
        ), rivals=(
            Rival("statistics held", 1 / scale, "treats mean and variance as constants"),
            Rival("one part in B", 1 / (B * scale), "as if the mean took out all but one part"),
            Rival("eps leaks", eps / scale**3, "eps changes the scale, not the invariance to a shift", near=True),
        )),
        Part("output", output, derivation=(
            Step("law:/entry", Total(entry_rhs * Hat(j, eps), j), "the entries of row i"),
            Step("group", Hat(i, eps) * (1 - Mean(Hat(j, eps) ** 2, j)) / root, "the normalized values sum to zero"),
            Step("group", output_rhs, "their mean square is v/(v + eps)"),
        ), rivals=(
            Rival("zero", sp.S.Zero, "exact at eps = 0 only", near=True),
            Rival("kept", z_eps / scale, "the eigenvalue 1 of all other directions"),
            Rival("v/(v+eps)", (1 - eps / scale**2) * z_eps / scale, "the complementary share"),
        )),
        Part("others", others, derivation=(
            Step("law:/entry", Total(entry_rhs * rest(j), j), "the entries of row i"),
            Step("group", rest(i) / root, "the rest of the vector sums to zero, and so do its products with outputs"),
            Step("group", w_i / scale, "the vector's entry at i"),
        ), rivals=(
            Rival("B-1", w_i * (B - 1) / (B * scale), "as if every direction lost one part in B", near=True),
            Rival("zero", sp.S.Zero, "only the constant and the output are lost"),
            Rival("eps", w_i * (1 - eps / scale**2) / scale, "eps acts along the output only"),
        )),
    ),
    params=(
        Param(B, Integers(2), 8, "entries that share the statistics (BatchNorm: batch size times positions)",
              "one entry has no spread"),
        Param(eps, Reals(0), Fraction(1, 1000), "regularizer under the root"),
        Param(z_eps, Reals(), 1, "normalized value of the entry"),
        Param(scale, Reals(0, open=True), 1, "what the layer divides by, sqrt(v + eps)"),
        Param(w_i, Reals(), 1, "the entry's part of a vector that is orthogonal to the constant and to the output"),
    ),
    exactness=Exactness.IDENTITY,
    assumptions=(Assumption("spread", "the entries are not all equal, or eps > 0"),),
    sources=(
        Source("ioffe2015", note="the backward pass through batch mean and variance"),
        Source("batchlaws", read=True, note="the action on the three kinds of directions, with eps, derived here"),
    ),
    where={z_eps: Hat(i, eps), scale: Sd(eps), w_i: rest(i)},
    headline="own",
    words=(
        "How does a normalized value answer to the inputs of its group? By the identity minus one part in B for the "
        "shared mean and one part in B, times the outputs, for the shared variance, all divided by the standard "
        "deviation. The matrix is symmetric: it kills a shift of all inputs, shrinks a stretch of them to eps/(v + "
        "eps), and passes every other direction unchanged but for the divisor. It has B - 2 directions left; with two "
        "examples and eps = 0 nothing passes. People forget that the statistics move with the inputs, or count one "
        "lost direction."
    ),
    answers={6: "An output answers to every peer, by -(1 + product of the two outputs)/(B sqrt(v + eps))."},
)
