"""How large a normalized value can be: bounds that no data set exceeds."""

from fractions import Fraction

import sympy as sp

from theory.domain import Constraint, Integers, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.outputs import Delta, Hat, Mean, Total, i, j, l
from theory.notation import B, eps

q = sp.Symbol("q", positive=True)


def others(e: sp.Expr) -> sp.Expr:
    """Squares that are left when one value takes all it can: the others are equal then."""
    return (B - 1) / B * Total((1 - Delta(i, l)) ** 2 * (Hat(l, e) + Hat(i, e) / (B - 1)) ** 2, l)


apart = (Hat(i, 0) - Hat(j, 0)) ** 2
left_of_pair = ((1 - Delta(i, j)) ** 2 * (Hat(i, 0) + Hat(j, 0)) ** 2 + 2 * Delta(i, j) ** 2 * Hat(i, 0) ** 2
                + 2 * Total((1 - Delta(i, l)) ** 2 * (1 - Delta(j, l)) ** 2 * Hat(l, 0) ** 2, l))
value = sp.Le(Hat(i, 0) ** 2, B - 1, evaluate=False)
regularized = sp.Le(Hat(i, eps) ** 2, q * (B - 1), evaluate=False)
distance = sp.Le(apart, 2 * B, evaluate=False)

LAW = Law(
    id="norm.out.samuelson",
    version=1,
    title="No normalized value exceeds sqrt(B - 1)",
    parts=(
        Part("value", value, derivation=(
            Step("output squares", B - 1, "the others sum to -x_hat, and their squares to B - x_hat^2",
                 where={"difference": others(sp.S.Zero)}),
        ), rivals=(
            Rival("B-2", B - 2, "an off-by-one", near=True),
            Rival("sqrt(B-1)", sp.sqrt(B - 1), "the bound of the value for that of its square"),
            Rival("B/2", B / 2, "a pair of opposite values"),
            Rival("three sigma", sp.Integer(9) * (B - 1) / (B + 7), "as if a bell curve had an end", near=True),
        )),
        Part("regularized", regularized, derivation=(
            Step("output squares", q * (B - 1), "the same with squares that sum to q B",
                 where={"difference": others(eps)}),
        ), rivals=(
            Rival("q squared", q**2 * (B - 1), "the shrinkage twice", near=True),
            Rival("B-2", q * (B - 2), "an off-by-one", near=True),
            Rival("B/2", q * B / 2, "a pair of opposite values"),
        )),
        Part("distance", distance, derivation=(
            Step("output squares", 2 * B, "squares of two values and of what is left",
                 where={"difference": left_of_pair}),
        ), rivals=(
            Rival("B", B, "the largest of one value, squared and no more"),
            Rival("2(B-1)", 2 * (B - 1), "twice the bound of one value", near=True),
            Rival("2B-1", 2 * B - 1, "an off-by-one", near=True),
        )),
    ),
    params=(
        Param(B, Integers(2), 8, "entries that share the statistics (BatchNorm: batch size times positions)",
              "a single entry is its own mean"),
        Param(eps, Reals(0, open=True), Fraction(1, 1000), "regularizer under the root"),
        Param(q, Reals(0, 1), Fraction(9, 10), "shrinkage of the variance by eps, v/(v + eps)"),
    ),
    constraints=(Constraint(q > 0, "q = {q} is not allowed: a group without spread has no outputs to bound"),),
    exactness=Exactness.BOUND,
    assumptions=(Assumption("spread", "the entries are not all equal"),),
    sources=(
        Source("samuelson1968", note="no sample lies further than sqrt(n - 1) standard deviations from its mean"),
        Source("batchlaws", read=True, note="with a regularizer, and the distance of two outputs"),
    ),
    where={q: Mean(Hat(l, eps) ** 2, l)},
    headline="value",
    words=(
        "A normalized value is at most sqrt(B - 1) in size, whatever the data: a batch of 8 cannot put out more "
        "than 2.65, a batch of 2 nothing but -1 and 1. The bound is reached exactly when all other entries are "
        "equal, so an extreme outlier among B examples always looks the same, however far away it is. Two outputs "
        "are at most sqrt(2 B) apart. The bound people quote is sqrt(B), which is never reached. For LayerNorm the "
        "number of channels takes the place of B, which is one reason why its outputs can have large single entries "
        "and BatchNorm's in small batches cannot."
    ),
    answers={6: "In a batch of B no output exceeds sqrt(B-1): small batches clip outliers, whatever their distance."},
)
