"""How many labelings a linear reader can give, with and without LayerNorm in front of it."""

import sympy as sp

from theory.domain import Integers, Param
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.dichotomies import BehindLayer, BehindRms, BinomialSum, Cells, P, Raw, d, r

two, half = sp.Integer(2), sp.Rational(1, 2)
recursion = sp.Eq(Cells(P, r), Cells(P - 1, r) + Cells(P - 1, r - 1), evaluate=False)


def counted(name: str, node: sp.Expr, dimension: sp.Expr, why: str, *rivals: Rival) -> Part:
    """The count of a layer whose outputs, with a 1, span so many dimensions."""
    value = 2 * BinomialSum(P - 1, dimension - 1)
    return Part(name, sp.Eq(node, value, evaluate=False), derivation=(
        Step("homogeneous dichotomies", Cells(P, dimension), why),
        Step("law:/cells", value, "Cover's count", where={r: dimension}),
    ), rivals=(
        Rival("all", 2**P, "right up to as many points as dimensions only"),
        Rival("P for P-1", 2 * BinomialSum(P, dimension - 1), "an off-by-one", near=True),
        *rivals,
    ))


def capacity(name: str, node: type[Raw], dimension: sp.Expr) -> Part:
    """The share of labelings at twice as many points as dimensions."""
    points = 2 * dimension
    return Part(name, sp.Eq(node(points, d) / 2**points, half, evaluate=False), derivation=(
        Step("homogeneous dichotomies", Cells(points, dimension) / 2**points, "vectors"),
        Step("law:/cells", 2 * BinomialSum(points - 1, dimension - 1) / 2**points, "Cover's count",
             where={r: dimension, P: points}),
        Step("half row", 2 * two ** (points - 2) / 2**points, "the coefficients of a row are symmetric"),
        Step("algebra", half, "powers of two"),
    ), rivals=(
        Rival("all", sp.S.One, "right up to as many points as dimensions"),
        Rival("shrinks", 1 / (d + 1), "the share at twice the dimension is the same in all dimensions"),
        Rival("one more", half + two**(-points), "an off-by-one in the sum", near=True),
    ))


LAW = Law(
    id="norm.capacity.cover",
    version=1,
    title="LayerNorm costs a linear reader one dimension",
    parts=(
        Part("recursion", recursion, derivation=(
            Step("extend", recursion.args[1], "the new point splits the labelings of a space of one dimension less"),
        ), rivals=(
            Rival("doubles", 2 * Cells(P - 1, r), "not every labeling extends both ways"),
            Rival("same dimension", Cells(P - 1, r) + Cells(P - 1, r) / 2, "as if every other one did"),
            Rival("one way", Cells(P - 1, r) + 2, "only one pair extends both ways", near=True),
        )),
        Part("cells", sp.Eq(Cells(P, r), 2 * BinomialSum(P - 1, r - 1), evaluate=False), derivation=(
            Step("recursion", 2 * BinomialSum(P - 1, r - 1), "by induction over points and dimensions"),
        ), rivals=(
            Rival("all", 2**P, "right up to P = r only"),
            Rival("affine", 2 * BinomialSum(P - 1, r), "the count with a threshold", near=True),
            Rival("P for P-1", 2 * BinomialSum(P, r - 1), "an off-by-one", near=True),
        )),
        counted("raw", Raw(P, d), d + 1, "a threshold is one more coordinate",
                Rival("linear", 2 * BinomialSum(P - 1, d - 1), "the count without a threshold", near=True)),
        counted("layer_norm", BehindLayer(P, d), d, "the outputs sum to zero: they lie in a plane",
                Rival("costs nothing", 2 * BinomialSum(P - 1, d), "the mean is lost", near=True),
                Rival("costs two", 2 * BinomialSum(P - 1, d - 2),
                      "two numbers are lost, but unit length takes no dimension from a reader", near=True)),
        counted("rms", BehindRms(P, d), d + 1, "the outputs lie on a sphere, which spans all dimensions",
                Rival("costs one", 2 * BinomialSum(P - 1, d - 1), "LayerNorm's count", near=True)),
        capacity("capacity_raw", Raw, d + 1),
        capacity("capacity_layer_norm", BehindLayer, d),
    ),
    params=(
        Param(P, Integers(1), 6, "points"),
        Param(d, Integers(3), 3, "coordinates of a point", "LayerNorm leaves two values only of two coordinates"),
        Param(r, Integers(1), 3, "dimensions in which a linear function without threshold reads"),
    ),
    exactness=Exactness.IDENTITY,
    assumptions=(
        Assumption("general position", "as few of the vectors (outputs with a 1 added) are dependent as their number "
                   "allows; with random inputs this holds with probability one"),
        Assumption("linear reader", "labels are signs of an affine function of the layer's outputs; eps = 0"),
    ),
    sources=(
        Source("cover1965", note="function counting theorem and capacity 2d"),
        Source("batchlaws", read=True, note="the counts behind LayerNorm and RMSNorm derived here"),
    ),
    headline="layer_norm",
    words=(
        "How many of the 2^P labelings of P points can a linear classifier give? Cover's count answers it, and half "
        "of them at P = 2(d + 1) in d coordinates. Behind LayerNorm it is the count of one coordinate less, and half "
        "is at 2d: the outputs sum to zero. Their fixed length costs nothing, since a sphere is not flat, and behind "
        "RMSNorm the count is the old one. So one of d dimensions is what LayerNorm takes from the capacity of a "
        "linear reader; people say two, or expect a large loss."
    ),
    answers={9: "Behind LayerNorm a linear reader loses exactly one dimension: capacity 2d instead of 2(d + 1)."},
)
