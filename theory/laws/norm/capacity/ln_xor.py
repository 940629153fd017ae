"""LayerNorm between two affine maps computes XOR, which no affine map does."""

import sympy as sp

from theory.domain import Constraint, Integers, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.corners import Corners, Third, x1, x2

p, q = sp.symbols("p q", positive=True)
w0, w1, w2 = sp.symbols("w0:3", real=True)
shift = sp.Symbol("shift", positive=True)
label = -x1 * x2
length = sp.sqrt(3 * shift**2 / (3 * shift**2 + 1))
level = sp.sqrt(2) / 2 * (1 + length)
with sp.evaluate(False):
    margin_rhs = (sp.sqrt(2) / 2) * (1 - sp.sqrt(3 * shift**2 / (3 * shift**2 + 1)))
third = sp.Eq(Third(p, q) ** 2, 2 - (p - q) ** 2 / (2 * (p**2 + p * q + q**2)), evaluate=False)
margin = sp.Eq(label * (Third(x1 + shift, x2 + shift) + level), margin_rhs, evaluate=False)
affine = sp.Eq(Corners(label * (w1 * x1 + w2 * x2 + w0)), sp.S.Zero, evaluate=False)
total = x1 + x2 + 2 * shift
square = (x1 + shift) ** 2 + (x1 + shift) * (x2 + shift) + (x2 + shift) ** 2

LAW = Law(
    id="norm.capacity.ln_xor",
    version=1,
    title="LayerNorm between two affine maps computes XOR",
    parts=(
        Part("third", third, derivation=(
            Step("roots", (p + q) ** 2 / (sp.Rational(2, 3) * (p**2 + p * q + q**2)),
                 "mean 0, mean square 2/3 of the form"),
            Step("algebra", third.args[1], "4 (p^2 + p q + q^2) = 3 (p + q)^2 + (p - q)^2"),
        ), rivals=(
            Rival("linear", 2 - (p - q) / (2 * (p + q)), "the outputs see the difference squared"),
            Rival("constant", sp.Integer(2), "the value at p = q"),
            Rival("no 2", 2 - (p - q) ** 2 / (p**2 + p * q + q**2), "a factor", near=True),
        )),
        Part("margin", margin, derivation=(
            Step("roots", label * (level - total / sp.sqrt(sp.Rational(2, 3) * square)),
                 "the third output, as defined"),
            Step("corners", margin_rhs, "equal inputs give -sqrt(2), unequal ones a little more"),
        ), rivals=(
            Rival("none", sp.S.Zero, "what an affine reader is left with"),
            Rival("half", (sp.sqrt(2) / 4) * (1 - length), "half the distance of the two values, halved", near=True),
            Rival("no root", (sp.sqrt(2) / 2) / (3 * shift**2 + 1), "the squares' distance for that of the values"),
        )),
        Part("affine", affine, derivation=(
            Step("roots", (w1 + w2 + w0) * -1 + (w0 - w1 - w2) * -1 + (w1 - w2 + w0) + (w2 - w1 + w0),
                 "corner by corner"),
            Step("algebra", sp.S.Zero, "all cancels"),
        ), rivals=(
            Rival("threshold", 4 * w0 + 1, "the labels sum to zero, so the threshold cancels"),
            Rival("slopes", w1 + w2 + 1, "the slopes cancel, too"),
            Rival("a rest", w0 / 4 + sp.Rational(1, 2), "nothing is left", near=True),
        )),
    ),
    params=(
        Param(x1, Integers(-1, 1), 1, "first input, 1 or -1"),
        Param(x2, Integers(-1, 1), -1, "second input, 1 or -1"),
        Param(shift, Reals(1, open=True), 3, "shift of both inputs before the layer",
              "at a shift of 1 or less a corner loses its direction"),
        Param(p, Reals(0, open=True), 2, "first of the layer's three inputs"),
        Param(q, Reals(0, open=True), 4, "second of them; the third is -p - q"),
        Param(w0, Reals(), 1, "threshold of an affine reader"),
        Param(w1, Reals(), 1, "its slope in x1"),
        Param(w2, Reals(), 1, "its slope in x2"),
    ),
    constraints=(
        Constraint(sp.Eq(x1**2, 1), "x1 = {x1} is not allowed: an input is 1 or -1"),
        Constraint(sp.Eq(x2**2, 1), "x2 = {x2} is not allowed: an input is 1 or -1"),
    ),
    exactness=Exactness.IDENTITY,
    assumptions=(
        Assumption("the net", "affine from 2 to 3 numbers, x to (x1 + shift, x2 + shift, minus their sum); LayerNorm "
                   "without gain, eps = 0; a threshold on the third output"),
        Assumption("the label", "XOR: +1 where the inputs differ, -1 where they agree"),
    ),
    sources=(
        Source("ni2024", note="networks whose only nonlinearity is LayerNorm; this one-layer instance is ours"),
        Source("batchlaws", read=True, note="margin and impossibility derived here"),
    ),
    headline="margin",
    words=(
        "LayerNorm is a nonlinearity. Send the two inputs of XOR through an affine map to three numbers that sum to "
        "zero, normalize, and put a threshold on the third output: it reads sqrt(2) in size where the inputs agree "
        "and less where they differ, so all four answers are right, each by the same margin. No affine map does that: "
        "over the four corners its answers times the labels sum to zero. So LayerNorm removes two dimensions and yet "
        "lets a network say more. The margin is small, .0127 at a shift of 3, and grows to .095 as the shift falls to "
        "1."
    ),
    answers={9: "LayerNorm adds expressivity: affine, LayerNorm, affine computes XOR, which affine maps alone cannot."},
)
