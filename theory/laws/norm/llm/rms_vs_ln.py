"""RMSNorm against LayerNorm: the same after centering, and how far apart without it."""

from fractions import Fraction

import sympy as sp

from theory.domain import Constraint, Integers, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.directions import Direction, Signs
from theory.nodes.group import MEMBERS, Hat, Item, Mean, i, j, l
from theory.notation import eps, m, n, s, u, v, x

f = sp.Symbol("f", nonnegative=True)
k_4 = sp.Symbol("k_4", positive=True)
h_1, h_2 = sp.symbols("h_1 h_2", real=True)

squares = Mean(Item(x, l) ** 2, l)
centered = Item(x, i) - Mean(Item(x, l), l)
spread = Mean((Item(x, j) - Mean(Item(x, l), l)) ** 2, j)
row = h_1 * u + h_2 * v
ln_row = (Item(row, i) - Mean(Item(row, l), l)) / sp.sqrt(Mean(Item(row, l) ** 2, l) - Mean(Item(row, l), l) ** 2 + eps)


def folded(at: sp.Symbol) -> sp.Expr:
    """Return an output of the layer whose weights are centered over the outputs."""
    return h_1 * (Item(u, at) - Mean(Item(u, l), l)) + h_2 * (Item(v, at) - Mean(Item(v, l), l))


def rms(output: sp.Expr, mean_square: sp.Expr) -> sp.Expr:
    """Divide by the root of the mean square."""
    return output / sp.sqrt(mean_square + eps)


one_sided = h_1 * (Item(u, i) - Mean(Item(u, l), l)) + h_2 * Item(v, i)
with sp.evaluate(False):
    second = (3 - 2 * (k_4 / n)) / n**2
    isotropic = 3 / (n * (n + 2))

cosine = sp.Eq(Mean(Hat(i, 0) * Item(x, i) / sp.sqrt(squares), i), sp.sqrt(1 - f), evaluate=False)
composition = sp.Eq(Hat(i, eps), rms(centered, spread), evaluate=False)
folding = sp.Eq(ln_row, rms(folded(i), Mean(folded(j) ** 2, j)), evaluate=False)
signs = sp.Eq(Signs(f), 1 / n, evaluate=False)
signs_square = sp.Eq(Signs(f**2), second, evaluate=False)
direction = sp.Eq(Direction(f), 1 / n, evaluate=False)
direction_square = sp.Eq(Direction(f**2), isotropic, evaluate=False)

LAW = Law(
    id="norm.llm.rms_vs_ln",
    version=1,
    title="RMSNorm is LayerNorm but for the mean, which is one part in d",
    parts=(
        Part("cosine", cosine, derivation=(
            Step("group", s / sp.sqrt(s**2 + m**2), "the outputs agree up to the mean that one of them keeps"),
            Step("group", sp.sqrt(1 - f), "f is the mean's share of the mean square"),
        ), rivals=(
            Rival("square", 1 - f, "the square of the cosine", near=True),
            Rival("one", sp.S.One, "as if the mean did not matter"),
            Rival("share", sp.sqrt(f), "the sine"),
        )),
        Part("composition", composition, derivation=(
            Step("group", rms(centered, spread), "the mean square of what is centered is the variance"),
        ), rivals=(
            Rival("RMSNorm", rms(Item(x, i), squares), "without centering"),
            Rival("root too large", rms(centered, squares), "centered above and not below", near=True),
            Rival("root only", rms(Item(x, i), spread), "centered below and not above", near=True),
        )),
        Part("folding", folding, derivation=(
            Step("group", folding.args[1], "centering is linear, so the weights can do it"),
        ), rivals=(
            Rival("weights as they are", rms(Item(row, i), Mean(Item(row, l) ** 2, l)), "RMSNorm in its place"),
            Rival("one row", rms(one_sided, Mean(folded(j) ** 2, j)), "every input's weights must be centered",
                  near=True),
            Rival("no regularizer", folded(i) / sp.sqrt(Mean(folded(j) ** 2, j) + eps / 2), "another eps", near=True),
        )),
        Part("signs", signs, derivation=(
            Step("fair signs", 1 / n, "only the squares survive in the square of the sum"),
        ), rivals=(
            Rival("n-1", 1 / (n - 1), "an off-by-one", near=True),
            Rival("2/n", 2 / n, "twice as much"),
            Rival("zero", sp.S.Zero, "the mean is zero on average, its square is not"),
        )),
        Part("signs_square", signs_square, derivation=(
            Step("fair signs", second, "four entries coincide in pairs or all together"),
        ), rivals=(
            Rival("Gaussian", 3 / (n * (n + 2)), "the mean over Gaussian sizes, for all sizes", near=True),
            Rival("square", 1 / n**2, "as if the share did not vary"),
            Rival("no peak", 3 / n**2, "the large-n value"),
        )),
        Part("direction", direction, derivation=(
            Step("flip", Direction(Signs(f)), "a random direction has fair signs"),
            Step("law:/signs", Direction(1 / n), "whatever the sizes"),
            Step("turn", 1 / n, "a constant"),
        ), rivals=(
            Rival("n-1", 1 / (n - 1), "an off-by-one", near=True),
            Rival("n+1", 1 / (n + 1), "an off-by-one", near=True),
            Rival("2/n", 2 / n, "twice as much"),
        )),
        Part("direction_square", direction_square, derivation=(
            Step("flip", Direction(Signs(f**2)), "a random direction has fair signs"),
            Step("law:/signs_square", Direction(second), "whatever the sizes"),
            Step("turn", (3 - 6 / (n + 2)) / n**2, "the mean of k_4 is 3n/(n + 2)"),
            Step("algebra", isotropic, "collect"),
        ), rivals=(
            Rival("square", 1 / n**2, "as if the share did not vary"),
            Rival("n^2", 3 / n**2, "the large-n value", near=True),
            Rival("two Gaussians", 2 / (n * (n + 2)), "one of the three pairings is missing", near=True),
        )),
    ),
    params=(
        Param(n, Integers(2), 768, "entries of the vector", "a single entry has no variance"),
        Param(f, Reals(0, 1), Fraction(1, 100), "share of the mean in the mean square, m^2 over mean x^2"),
        Param(k_4, Reals(1), Fraction(3), "mean fourth power over the squared mean square of the entries"),
        Param(eps, Reals(0, open=True), Fraction(1, 100000), "regularizer under the root"),
        Param(h_1, Reals(), Fraction(1), "first input of the linear layer before the normalization"),
        Param(h_2, Reals(), Fraction(1), "second input of that layer"),
    ),
    constraints=(
        Constraint(k_4 <= n, "k_4 = {k_4} exceeds n = {n}: a single entry of n that is not zero has k_4 = n"),
    ),
    exactness=Exactness.DISTRIBUTION_FREE,
    assumptions=(
        Assumption("any vector", "cosine, composition and folding hold for every vector with spread; two inputs of the "
                   "layer stand for any number"),
        Assumption("fair signs", "signs: given their sizes, the entries have independent fair signs, as for "
                   "independent entries of symmetric law"),
        Assumption("isotropic", "direction: the vector points in a uniformly random direction, as a Gaussian one does"),
    ),
    sources=(
        Source("zhang2019rms", note="RMSNorm"),
        Source("jiang2023rms", note="LayerNorm as RMSNorm behind centered weights"),
        Source("batchlaws", read=True, note="the share of the mean for entries of fair signs, derived here"),
    ),
    where={MEMBERS: n, f: Mean(Item(x, l), l) ** 2 / squares, k_4: Mean(Item(x, l) ** 4, l) / squares**2},
    headline="cosine",
    words=(
        "LayerNorm subtracts the mean and divides by the standard deviation; RMSNorm divides by the root mean square. "
        "The first is the second after centering, and centering can be folded into the weights before it: nothing is "
        "lost by leaving it out of the layer. On the same vector the outputs have the cosine sqrt(1 - f), f the mean's "
        "share of the mean square. If the signs of the entries are fair, f is 1/n on average for every law of their "
        "sizes, and for a random direction it has the second moment 3/(n(n+2)) of a Beta(1/2, (n-1)/2) variable: at "
        "width 768 the two outputs differ by a thousandth. Activations with a common offset have a large f, and there "
        "the two layers do differ."
    ),
    answers={11: "LayerNorm equals RMSNorm behind centered weights; without centering their outputs have the cosine "
                 "sqrt(1 - f), with f of mean 1/n."},
)
