"""How much of what an output answers to belongs to the other examples of its batch."""

from fractions import Fraction

import sympy as sp

from theory.domain import Constraint, Integers, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.group import Delta, Hat, Mean, Sd, Slope, Total, i, j, l
from theory.notation import B, eps

z, z_eps = sp.symbols("z z_eps", real=True)
q = sp.Symbol("q", positive=True)


def stated(e: sp.Expr, at: sp.Basic = Slope) -> sp.Expr:
    """Share of the squared entries of row i that belong to other examples, for a Jacobian of some form."""
    square = (Slope(Hat(i, e), j) if at is Slope else at) ** 2
    return Total((1 - Delta(i, j)) * square, j) / Total(square, j)


def jacobian(e: sp.Expr) -> sp.Expr:
    """Entry of the Jacobian by `norm.grad.jacobian`."""
    return (Delta(i, j) - (1 + Hat(i, e) * Hat(j, e)) / B) / Sd(e)


own = 1 - (1 + Hat(i, 0) ** 2) / B
own_eps = 1 - (1 + Hat(i, eps) ** 2) / B
row_eps = 1 - (1 + (2 - (1 - eps / Sd(eps) ** 2)) * Hat(i, eps) ** 2) / B
with sp.evaluate(False):
    eps_rhs = 1 - (1 - (1 + z_eps**2) / B) ** 2 / (1 - (1 + (2 - q) * z_eps**2) / B)
share = sp.Eq(stated(sp.S.Zero), (1 + z**2) / B, evaluate=False)
total = sp.Eq(Total(stated(sp.S.Zero), i), sp.Integer(2), evaluate=False)
mean = sp.Eq(Mean(stated(sp.S.Zero), i), 2 / B, evaluate=False)
regularized = sp.Eq(stated(eps), eps_rhs, evaluate=False)

LAW = Law(
    id="norm.grad.peer_share",
    version=1,
    title="Outliers answer to their peers most",
    parts=(
        Part("share", share, derivation=(
            Step("law:norm.grad.jacobian/entry", stated(sp.S.Zero, jacobian(sp.S.Zero)), "the Jacobian at eps = 0",
                 where={eps: sp.S.Zero, z_eps: z}),
            Step("group", (own / Sd(0) ** 2 - own**2 / Sd(0) ** 2) / (own / Sd(0) ** 2),
                 "the matrix is a projector over s: its rows' squares sum to its diagonal over s"),
            Step("group", share.args[1], "one minus the diagonal of the projector"),
        ), rivals=(
            Rival("1/B", 1 / B, "the share through the mean alone"),
            Rival("own share", 1 - (1 + z**2) / B, "what the entry itself keeps"),
            Rival("B-1", (1 + z**2) / (B - 1), "a share of the peers, not of the batch", near=True),
            Rival("2/B", 2 / B, "the mean over the batch, claimed for every example"),
        )),
        Part("total", total, derivation=(
            Step("law:/share", Total((1 + z**2) / B, i), "example by example"),
            Step("group", sp.Integer(2), "the squared outputs sum to B"),
        ), rivals=(
            Rival("one", sp.S.One, "the mean alone"),
            Rival("2 - 2/B", 2 - 2 / B, "as if the squared outputs summed to B - 2", near=True),
            Rival("B-2", B - 2, "what the projector keeps"),
        )),
        Part("mean", mean, derivation=(
            Step("law:/share", Mean((1 + z**2) / B, i), "example by example"),
            Step("group", 2 / B, "the mean squared output is one"),
        ), rivals=(
            Rival("1/B", 1 / B, "the mean alone"),
            Rival("2/(B-1)", 2 / (B - 1), "an off-by-one", near=True),
            Rival("1 - 2/B", 1 - 2 / B, "what the entries themselves keep"),
        )),
        Part("regularized", regularized, derivation=(
            Step("law:norm.grad.jacobian/entry", stated(eps, jacobian(eps)), "the Jacobian"),
            Step("group", (row_eps - own_eps**2) / row_eps, "the mean squared output is q = v/(v + eps)"),
            Step("group", eps_rhs, "z_eps is the output"),
        ), rivals=(
            Rival("as at eps = 0", (1 + z_eps**2) / B, "right at q = 1 only", near=True),
            Rival("q squared", 1 - (1 - (1 + z_eps**2) / B) ** 2 / (1 - (1 + (2 - q**2) * z_eps**2) / B),
                  "a wrong power of the shrinkage", near=True),
            Rival("1/B", 1 / B, "the share through the mean alone"),
        )),
    ),
    params=(
        Param(B, Integers(3), 8, "entries that share the statistics (BatchNorm: batch size times positions)",
              "at B = 2 the Jacobian is zero and has no shares"),
        Param(z, Reals(), 1, "normalized value of the example, at eps = 0"),
        Param(eps, Reals(0, open=True), Fraction(1, 1000), "regularizer under the root"),
        Param(z_eps, Reals(), 1, "normalized value of the example, with eps"),
        Param(q, Reals(0, 1), Fraction(9, 10), "shrinkage of the variance by eps, v/(v + eps)"),
    ),
    constraints=(
        Constraint(z**2 <= B - 1, "z = {z} is not allowed: no normalized value of {B} entries exceeds sqrt(B-1)"),
        Constraint(z_eps**2 <= q * (B - 1), "z_eps = {z_eps} is not allowed: no normalized value of {B} entries "
                   "exceeds sqrt(q(B-1))"),
        Constraint(q > 0, "q = {q} is not allowed: a group without spread has no shares"),
    ),
    exactness=Exactness.IDENTITY,
    assumptions=(
        Assumption("spread", "the entries are not all equal"),
        Assumption("a response", "the example is not alone against equal peers: at z^2 = B - 1 its row is zero"),
    ),
    uses=("norm.grad.jacobian",),
    sources=(Source("batchlaws", read=True, note="derived here; no earlier statement is known to us"),),
    where={z: Hat(i, 0), z_eps: Hat(i, eps), q: Mean(Hat(l, eps) ** 2, l)},
    headline="share",
    words=(
        "Move every input of a batch a little, at random: which part of an output's answer comes from the other "
        "examples? Exactly (1 + z^2)/B of its variance, z being the output itself. Over the batch the shares sum to "
        "2, whatever the data: the two statistics cost two units. A typical example owes 2/B to its peers, an outlier "
        "much more, nearly all as |z| approaches its largest value sqrt(B - 1). The usual 1/B counts the mean and "
        "forgets the variance."
    ),
    answers={6: "Of the squared sensitivity of an output z, the share (1 + z^2)/B is its peers': 2/B on average."},
)
