"""What LayerNorm makes unlearnable: labels that only the mean or the length of a sample carries."""

import sympy as sp

from theory.domain import Constraint, Integers, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.group import MEMBERS, Hat, Item, Mean, Sd, i, l
from theory.nodes.twins import Correct, Moved
from theory.notation import n, x

a, c = sp.Symbol("a", positive=True), sp.Symbol("c", real=True)
mean = Mean(Item(x, l), l)
half = sp.Rational(1, 2)


def accuracy(factor: sp.Expr, shift: sp.Expr) -> sp.Expr:
    """Accuracy on a sample of label 1 and its twin of label -1."""
    return (Correct(1, 1, 0) + Correct(-1, factor, shift)) / 2


def coin(name: str, factor: sp.Expr, shift: sp.Expr, why: str) -> Part:
    """A pair of twins of opposite labels."""
    return Part(name, sp.Eq(accuracy(factor, shift), half, evaluate=False), derivation=(
        Step("same output", accuracy(sp.S.One, sp.S.Zero), why),
        Step("one answer", half, "one of the two answers is right"),
    ), rivals=(
        Rival("learnable", sp.S.One, "what a head on the raw sample reaches"),
        Rival("never", sp.S.Zero, "a head that is always wrong would carry the label"),
        Rival("better than chance", half + 1 / n, "no head sees a little of it", near=True),
    ))


LAW = Law(
    id="norm.capacity.info_loss",
    version=1,
    title="Behind LayerNorm a label carried by mean or length is a coin toss",
    parts=(
        Part("twin", sp.Eq(Moved(i, a, c), Hat(i, 0), evaluate=False), derivation=(
            Step("group", a * (Item(x, i) - mean) / (a * Sd(0)), "mean and standard deviation move along"),
            Step("group", Hat(i, 0), "a cancels"),
        ), rivals=(
            Rival("scaled", a * Hat(i, 0), "the scale is divided out"),
            Rival("shifted", Hat(i, 0) + c / Sd(0), "the shift is taken off"),
            Rival("scaled back", Hat(i, 0) / a, "divided once too often", near=True),
        )),
        coin("mean", sp.S.One, -2 * mean, "reflecting the mean, x - 2m, changes no output"),
        coin("length", a, sp.S.Zero, "stretching, a x, changes no output"),
    ),
    params=(
        Param(n, Integers(2), 8, "entries of a sample", "one entry has no spread"),
        Param(a, Reals(0, open=True), 2, "factor between a sample and its twin"),
        Param(c, Reals(), 1, "shift between a sample and its twin"),
    ),
    constraints=(Constraint(a > 0, "a = {a} is not allowed: a negative factor turns the signs of all outputs"),),
    exactness=Exactness.IDENTITY,
    assumptions=(
        Assumption("nothing else", "the label depends on the sample's mean (or length) alone, and a sample is as "
                   "likely as its twin; eps = 0"),
        Assumption("LayerNorm first", "nothing before the layer has moved mean or length into other directions: a bias "
                   "or an affine map in front of it can"),
        Assumption("spread", "the entries of a sample are not all equal"),
    ),
    sources=(
        Source("ba2016", note="invariance to shift and scale of a single sample"),
        Source("batchlaws", read=True, note="its reading as an accuracy derived here"),
    ),
    where={MEMBERS: n},
    headline="mean",
    words=(
        "LayerNorm gives a sample and its stretched and shifted twins the same outputs. If the label is in what it "
        "takes off, say whether the mean is positive or the sample long, no head behind it does better than a coin, "
        "however large and however long it is trained: of two twins of opposite labels it gets one right. This is "
        "what LayerNorm costs in capacity. It is exact for LayerNorm on the raw sample; a bias or an affine map in "
        "front lets the network carry mean and length past it."
    ),
    answers={
        9: "A label in the mean or the length of the sample is unlearnable behind LayerNorm: accuracy one half.",
        10: "Where the label is in the sample's length, a hybrid layer has to turn to the batch's statistics.",
    },
)
