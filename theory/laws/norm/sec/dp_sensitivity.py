"""How much one record can change a sum of clipped gradients, behind LayerNorm and behind BatchNorm."""

import sympy as sp

from theory.domain import Integers, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.clipping import A, C_clip, Clip, HonestSum, LayerSum, OwnPart, RecordPart, T, unit
from theory.notation import B

steeper, farther = sp.symbols("steeper farther", nonnegative=True)
change = HonestSum(-T) - HonestSum(T)


def change_of(label: sp.Expr) -> sp.Expr:
    """Change of the whole sum when a record of some label moves from T to -T."""
    return change + RecordPart(-T, label) - RecordPart(T, label)


def honest(t: sp.Expr) -> sp.Expr:
    """Clipped gradients of the honest examples, one by one."""
    return (B - 2) * Clip(A * unit(sp.S.One, t)) + Clip(A * unit(2 - B, t))


def record(t: sp.Expr, label: sp.Expr) -> sp.Expr:
    """Clipped gradient of the record."""
    return Clip(A * label * unit(t, t))


def construction(name: str, left: sp.Expr, written: sp.Expr, right: sp.Expr, *rivals: Rival) -> Part:
    """A change that the record at T and at -T attains."""
    return Part(name, sp.Eq(left, right, evaluate=False), derivation=(
        Step("parts", written, "example by example"),
        Step("clip", right, "all gradients are longer than C; the far record sets all signs"),
    ), rivals=rivals)


LAW = Law(
    id="norm.sec.dp_sensitivity",
    version=1,
    title="Clipping does not bound what one record does behind BatchNorm",
    parts=(
        Part("layer_norm", sp.Le(sp.Abs(LayerSum(1) - LayerSum(0)), 2 * C_clip, evaluate=False), derivation=(
            Step("parts", sp.Abs(OwnPart(1) - OwnPart(0)), "the other samples' gradients do not change"),
            Step("lengths", 2 * C_clip, "two clipped gradients"),
        ), rivals=(
            Rival("C", C_clip, "right if records are added or removed, not replaced", near=True),
            Rival("2C/B", 2 * C_clip / B, "the sensitivity of the mean, not of the sum"),
            Rival("3C/2", sp.Rational(3, 2) * C_clip, "two opposite records attain 2C", near=True),
        )),
        construction("honest", change, honest(-T) - honest(T), 2 * C_clip * (B - 1),
                     Rival("none", sp.S.Zero, "what clipping is meant to give"),
                     Rival("2C", 2 * C_clip, "one record's worth"),
                     Rival("2C(B-2)", 2 * C_clip * (B - 2), "the change of the whole sum", near=True)),
        construction("same_label", change_of(sp.S.One),
                     honest(-T) - honest(T) + record(-T, sp.S.One) - record(T, sp.S.One), 2 * C_clip * (B - 2),
                     Rival("2C", 2 * C_clip * (B + 1) / B, "one record's worth, or a little more"),
                     Rival("2C(B-1)", 2 * C_clip * (B - 1), "the honest part alone", near=True),
                     Rival("C(B-2)", C_clip * (B - 2), "from nothing to all, not from one sign to the other")),
        construction("opposite_label", change_of(sp.S.NegativeOne),
                     honest(-T) - honest(T) + record(-T, sp.S.NegativeOne) - record(T, sp.S.NegativeOne),
                     2 * C_clip * B,
                     Rival("2C", 2 * C_clip, "one record's worth"),
                     Rival("2C(B-1)", 2 * C_clip * (B - 1), "the honest part alone", near=True),
                     Rival("2C(B-2)", 2 * C_clip * (B - 2), "for a record of the honest label", near=True)),
    ),
    params=(
        Param(B, Integers(3), 8, "batch size, the record included", "two kinds of honest examples are needed"),
        Param(C_clip, Reals(0, open=True), 1, "clipping length of a per-example gradient"),
        Param(steeper, Reals(0), 1, "slope A of the loss at an output above 3 B C_clip, where all gradients are longer "
              "than C_clip"),
        Param(farther, Reals(0), 1, "distance T of the record above 2 B (B - 2), where it sets all signs; the honest "
              "inputs are 1, B - 2 times, and -(B - 2)"),
    ),
    exactness=Exactness.BOUND,
    assumptions=(
        Assumption("one parameter", "the gain of one output, loss slope A or -A by the label; more "
                   "parameters only add room"),
        Assumption("training mode", "BatchNorm normalizes by the batch's own statistics; per-example gradients are "
                   "taken through it and clipped one by one"),
        Assumption("replaced", "neighbouring batches differ in one record"),
    ),
    sources=(
        Source("abadi2016", note="clipping per-example gradients, and the sensitivity that the noise is set by"),
        Source("batchlaws", read=True, note="the construction derived here"),
    ),
    where={A: 3 * B * C_clip + steeper, T: 2 * B * (B - 2) + farther},
    headline="opposite_label",
    words=(
        "Private training clips every example's gradient to length C, so that one record can change the sum by 2C at "
        "most, and sets the noise by that. It holds where an example's gradient depends on that example alone, as "
        "behind LayerNorm. Behind BatchNorm it does not: a far record turns the signs of all other outputs, and with "
        "them all clipped gradients. Replacing one record changes the honest part by 2C(B - 1) and the whole sum by "
        "2CB, as much as B clipped gradients can change at all. Clipping then gives nothing; the noise would have to "
        "be B times as large."
    ),
    answers={11: "Behind BatchNorm one record changes the clipped sum by up to 2CB, not 2C: the privacy proof fails."},
)
