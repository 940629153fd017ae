"""Pre-norm against post-norm: how the mean square of the residual stream divides the last block's gradient."""

from fractions import Fraction

import sympy as sp

from theory.domain import Integers, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.residual import Blocks, q, v
from theory.nodes.residual import blocks as L
from theory.notation import n

first = 1 + L * v
second = first**2 + 2 * (first**2 - 1) / n
with sp.evaluate(False):
    spread_rhs = 2 * (first**2 - 1) / n
    ratio_rhs = sp.sqrt((1 + v) / (1 + L * v))
    product = (1 + L * v) / (1 + (L - 1) * v)

stream = sp.Eq(Blocks(q, L), first, evaluate=False)
spread = sp.Eq(Blocks(q**2, L) - Blocks(q, L) ** 2, spread_rhs, evaluate=False)
growth = sp.Eq(Blocks(q, L) / Blocks(q, L - 1), product, evaluate=False)
ratio = sp.Eq(sp.sqrt(Blocks(q, 1) / Blocks(q, L)), ratio_rhs, evaluate=False)

LAW = Law(
    id="norm.llm.pre_post",
    version=1,
    title="The last block's gradient under pre-norm and post-norm",
    parts=(
        Part("stream", stream, derivation=(
            Step("residual blocks", first, "every block adds v, whatever the stream", where={"first": first}),
        ), rivals=(
            Rival("doubling", (1 + v) ** L, "as if the block's input were not normalized"),
            Rival("constant", 1 + v, "the stream of post-norm"),
            Rival("L-1", 1 + (L - 1) * v, "an off-by-one", near=True),
        )),
        Part("spread", spread, derivation=(
            Step("residual blocks", second - first**2, "of the squares too", where={"first": first, "second": second}),
            Step("algebra", spread_rhs, "collect"),
        ), rivals=(
            Rival("zero", sp.S.Zero, "the limit of wide layers"),
            Rival("central", 2 * (L * v) ** 2 / n, "forgets the start", near=True),
            Rival("chi-square", 2 * first**2 / n, "as if the start were random as well", near=True),
        )),
        Part("growth", growth, derivation=(
            Step("residual blocks", product, "both by the same closed form", where={"first": first}),
        ), rivals=(
            Rival("doubling", 1 + v, "as if every block grew the stream alike"),
            Rival("one", sp.S.One, "as if it did not grow"),
            Rival("next", (1 + (L + 1) * v) / (1 + L * v), "one block later", near=True),
        )),
        Part("ratio", ratio, derivation=(
            Step("residual blocks", ratio_rhs, "one block before the norm, or all of them", where={"first": first}),
        ), rivals=(
            Rival("1/sqrt(L)", 1 / sp.sqrt(L), "its rate for deep networks", near=True),
            Rival("1/L", 1 / L, "the square of the rate"),
            Rival("equal", sp.S.One, "as if the place of the norm did not matter"),
            Rival("no block", 1 / sp.sqrt(1 + L * v), "post-norm divides by its own block too", near=True),
        )),
    ),
    params=(
        Param(L, Integers(1), 24, "blocks of the network"),
        Param(v, Reals(0, open=True), Fraction(1), "mean square of what a block adds to the stream"),
        Param(n, Integers(1), 768, "width of the stream"),
    ),
    exactness=Exactness.MODEL,
    assumptions=(
        Assumption("at initialization", "the weights of every block are independent Gaussians of variance v/n, n the "
                   "width; a block is such a matrix on the stream over its root mean square; the stream starts at "
                   "mean square one"),
        Assumption("one norm behind the last block", "with pre-norm the final norm divides by the root mean square "
                   "of the stream after L blocks, with post-norm the block's own norm by that after one; the "
                   "rest of the last block's gradient is alike in both"),
        Assumption("wide", "ratio: the mean square is replaced by its mean, from which it departs by a relative "
                   "variance below 2/n at every depth"),
    ),
    sources=(
        Source("xiong2020", note="the gradients of the last layer fall with depth under pre-norm, not under post-norm"),
        Source("batchlaws", read=True, note="the constant, and the spread at finite width, derived here"),
    ),
    headline="ratio",
    words=(
        "In a pre-norm network every block reads the normalized residual stream and adds to the stream itself, so "
        "after L blocks its mean square is 1 + Lv. The final norm divides by its root, and the gradient of the last "
        "block's weights with it. With post-norm the stream is normalized after every block and the last block's "
        "gradient is divided by the root of 1 + v only. The ratio is sqrt((1 + v)/(1 + Lv)), the constant behind the "
        "known rate of one over the root of the depth: 0.28 at 24 blocks with v = 1. At finite width the mean square "
        "is exactly a random walk's and its relative variance stays below 2/n however deep the network. The warm-up "
        "that post-norm needs is one consequence of its larger gradients at the top; how a trained network behaves is "
        "another matter."
    ),
    answers={11: "Where the norm stands decides the scale of the last block's gradient at initialization: pre-norm's "
                 "is sqrt((1 + v)/(1 + Lv)) times post-norm's."},
)
