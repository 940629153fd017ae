"""The fastest mean-square convergence at a batch size, and what it costs in examples."""

from fractions import Fraction

import sympy as sp

from theory.domain import Integers, Param, Reals
from theory.law import Exactness, Law, Part, Rival, Source, Step
from theory.nodes import bound, logarithms  # noqa: F401  (their rules)
from theory.nodes.gauss import d, ha
from theory.nodes.lms import AFTER, DIMENSION, DISTANCE, FRESH, GAUSSIAN
from theory.notation import At, B, b, eta, h
from theory.parameters import BATCH, CURVATURE, IID, RATE

R = sp.Symbol("R", positive=True)
ratio = AFTER / DISTANCE
factor = (1 - eta * h) ** 2 + eta**2 * h**2 * (d + 1) / B
best = 1 / (h * (1 + (d + 1) / B))


def floor(size: sp.Expr) -> sp.Expr:
    """The best factor at a batch size."""
    return (d + 1) / (size + d + 1)


def at(size: sp.Expr) -> sp.Expr:
    """The measured factor at the best step of a batch size."""
    return At(ratio.xreplace({B: size}), eta, best.xreplace({B: size}))


attained = sp.Eq(at(B), floor(B), evaluate=False)
least = sp.Ge(ratio, floor(B), evaluate=False)
split = sp.Le(at(b) * at(B), floor(b + B), evaluate=False)
steps = sp.Eq(-sp.log(R) / sp.log(at(B)), sp.log(R) / sp.log(1 + B / (d + 1)), evaluate=False)
cost = sp.Eq((d + 1) * sp.log(at(sp.S.One)) / sp.log(at(d + 1)), (d + 1) * sp.log(1 + 1 / (d + 1)) / sp.log(2),
             evaluate=False)
LAW = Law(
    id="lms.best_rate",
    version=1,
    title="The fastest convergence at a batch size, and its cost in examples",
    parts=(
        Part("attained", attained, derivation=(
            Step("law:lms.contraction/factor", factor.xreplace({eta: best}), "the factor at any step, at this one"),
            Step("algebra", attained.args[1], "set the step"),
        ), rivals=(
            Rival("d/(B+d)", d / (B + d), "forgets that the error's own direction counts twice", near=True),
            Rival("gradient descent", sp.S.Zero, "one step solves a problem of equal eigenvalues"),
            Rival("hyperbola", (d + 1) / (2 * B + d + 1), "half the critical batch"),
        )),
        Part("least", least, derivation=(
            Step("law:lms.contraction/factor", factor, "the factor at any step"),
            Step("bound", least.args[1], "what is above the least value is a square", where={
                "difference": (1 + (d + 1) / B) * h**2 * (eta - best) ** 2}),
        ), rivals=(
            Rival("d+2", (d + 2) / (B + d + 2), "a count too large", near=True),
            Rival("B for B+d+1", (d + 1) / (d + 2), "the bound of single examples"),
            Rival("square root", sp.sqrt((d + 1) / (B + d + 1)), "the rate of the distance, not of its square"),
        )),
        Part("split", split, derivation=(
            Step("law:/attained", floor(b) * at(B), "the first batch", where={B: b}),
            Step("law:/attained", floor(b) * floor(B), "the second"),
            Step("bound", split.args[1], "(1 + x)(1 + y) exceeds 1 + x + y by x y", where={
                "difference": b * B * (d + 1) / ((b + d + 1) * (B + d + 1) * (b + B + d + 1))}),
        ), rivals=(
            Rival("product of the dimensions", (d + 1) ** 2 / ((b + d + 1) * (B + d + 2)), "a near miss", near=True),
            Rival("same", (d + 1) ** 2 / (b + B + d + 1) ** 2, "two steps of the large batch"),
            Rival("d for d+1", d / (b + B + d), "a count too small", near=True),
        )),
        Part("steps", steps, derivation=(
            Step("law:/attained", -sp.log(R) / sp.log(floor(B)), "the best factor"),
            Step("logarithms", steps.args[1], "the logarithm of a quotient"),
        ), rivals=(
            Rival("small step", sp.log(R) * (1 + (d + 1) / B), "the hyperbola, which holds for small steps only"),
            Rival("d for d+1", sp.log(R) / sp.log(1 + B / d), "a near miss", near=True),
            Rival("linear", sp.log(R) * (d + 1) / B, "perfect scaling"),
        )),
        Part("cost", cost, derivation=(
            Step("law:/attained", (d + 1) * sp.log(floor(sp.S.One)) / sp.log(at(d + 1)), "single examples", where={
                B: sp.S.One}),
            Step("law:/attained", (d + 1) * sp.log(floor(sp.S.One)) / sp.log(floor(d + 1)), "batches of d + 1", where={
                B: d + 1}),
            Step("logarithms", cost.args[1], "the examples of d + 1 steps of one against those of one step of d + 1"),
        ), rivals=(
            Rival("2", sp.Integer(2), "what the hyperbola says of the critical batch"),
            Rival("1/ln 2", 1 / sp.log(2), "the limit of many dimensions", near=True),
            Rival("1", sp.S.One, "perfect scaling up to the critical batch"),
        )),
    ),
    params=(
        BATCH, RATE, CURVATURE, DIMENSION,
        Param(b, Integers(1), 2, "a second batch size"),
        Param(R, Reals(1, open=True), Fraction(100), "factor by which the squared distance is to fall"),
        IID,
    ),
    exactness=Exactness.MODEL,
    assumptions=(GAUSSIAN, FRESH),
    uses=("lms.contraction",),
    sources=(
        Source("ma2018", note="the best step at a mini-batch size; exact form derived here"),
        Source("batchlaws", read=True, note="closed forms and the cost in examples"),
    ),
    where={ha: h},
    headline="steps",
    words=(
        "With the best step for its size, a batch of B leaves (d+1)/(B+d+1) of the squared distance, on average, and "
        "no step leaves less. So ln R/ln(1 + B/(d+1)) steps bring it down by R. Splitting a batch in two and "
        "stepping twice is always better: single examples are the cheapest in examples, and larger batches buy fewer "
        "steps with more examples. At the critical batch B = d + 1 each step halves the squared distance, and the "
        "examples cost at most 1/ln 2 = 1.44 times those of single-example steps, not the factor of 2 that the "
        "small-step law promises there."
    ),
    answers={5: "At its best step a batch of d + 1 costs at most 1.44 times the examples of single-example steps."},
)
