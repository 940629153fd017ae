"""Noise that does not fade: the best steps see examples only, not batches."""

from fractions import Fraction

import sympy as sp

from theory import notation as nt
from theory.domain import Constraint, Integers, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.tradeoff import GreedyLoss, square
from theory.notation import At, B, BatchSum, ByDesign, E, N, PopMean, delta0, dg, e, eta, h, k, sigma2, t
from theory.parameters import (
    BATCH,
    CURVATURE,
    DESIGN,
    FITS,
    POPULATION,
    RATE,
    STEP_INDEPENDENCE,
    UNIFORM_BATCH,
    VARIANCE,
)


def share(size: sp.Expr) -> sp.Expr:
    """p_B."""
    return ByDesign((N - size) / (size * (N - 1)), 1 / size)


p = share(B)
moved = E(h * ((1 - eta * h) * e - eta * BatchSum(dg) / B) ** 2 / 2, B)
best = h * square / (h**2 * square + p * sigma2)
loss = sp.Eq(moved, h / 2 * ((1 - eta * h) ** 2 * square + eta**2 * p * sigma2), evaluate=False)
lowest = 1 / (2 / (h * square) + 2 * h / (p * sigma2))
least = sp.Ge(moved, lowest, evaluate=False)
step = sp.Eq(At(moved, eta, best), lowest, evaluate=False)


def after(steps: sp.Expr, size: sp.Expr) -> sp.Expr:
    """The closed form."""
    return 1 / (2 / (h * delta0**2) + 2 * h * steps / (share(size) * sigma2))


closed = sp.Eq(GreedyLoss(t), after(t, B), evaluate=False)
perfect = sp.Eq(At(GreedyLoss(t), B, k * B) / At(GreedyLoss(t), t, k * t),
                ByDesign(nt.resolve(after(t, k * B) / after(k * t, B), "wor"), sp.S.One), evaluate=False)

LAW = Law(
    id="tradeoff.additive",
    version=1,
    title="Greedy steps under noise that does not fade: examples count, not batches",
    parts=(
        Part("loss", loss, derivation=(
            Step("moment", h / 2 * ((1 - eta * h) ** 2 * E(e**2, B) + eta**2 * ByDesign(
                (N - B) / (B * (N - 1)) * PopMean(dg**2), PopMean(dg**2) / B)), "the noise has mean zero"),
            Step("definition", loss.args[1], "expected square of the error, variance of the examples"),
        ), rivals=(
            Rival("no noise", h / 2 * (1 - eta * h) ** 2 * square, "gradient descent"),
            Rival("no correction", h / 2 * ((1 - eta * h) ** 2 * square + eta**2 * sigma2 * ByDesign(
                1 / B, 1 / (B + 1))), "the other design's weight", near=True),
            Rival("eta", h / 2 * ((1 - eta * h) ** 2 * square + eta * p * sigma2), "enters squared"),
        )),
        Part("least", least, derivation=(
            Step("law:/loss", loss.args[1], "the expected loss after a step of any size"),
            Step("squares", lowest, "a parabola in the step size: what is above its lowest point is a square", where={
                "difference": h / 2 * (h**2 * square + E((BatchSum(dg) / B) ** 2, B)) * (eta - best) ** 2}),
        ), rivals=(
            Rival("half the noise", 1 / (2 / (h * square) + h / (p * sigma2)), "a factor of two", near=True),
            Rival("unmoved", h * square / 2, "the loss before the step"),
            Rival("noise alone", p * sigma2 / (2 * h), "the step that forgets where it was"),
        )),
        Part("step", step, derivation=(
            Step("law:/loss", lowest, "at the lowest point of the parabola"),
        ), rivals=(
            Rival("half the noise", 1 / (2 / (h * square) + h / (p * sigma2)), "a factor of two", near=True),
            Rival("one", 1 / (2 / (h * square) + 2 * h / sigma2), "no batch"),
            Rival("geometric", h * square / 2 * sp.Rational(1, 2), "a constant factor a step"),
        )),
        Part("steps", closed, derivation=(
            Step("greedy", closed.args[1], "each step adds 2 h/(p_B sigma^2) to the inverse of the loss"),
        ), rivals=(
            Rival("no start", p * sigma2 / (2 * h * (t + 1)), "forgets the starting loss"),
            Rival("t+1", after(t + 1, B), "an off-by-one", near=True),
            Rival("the other design", 1 / (2 / (h * delta0**2) + 2 * h * t / (ByDesign(1 / B, 1 / (B + 1)) * sigma2)),
                  "no correction for a finite population", near=True),
            Rival("geometric", h * delta0**2 / 2 * (1 - 1 / (1 + p * sigma2 / (h * delta0) ** 2)) ** t,
                  "a constant noise scale: tradeoff.greedy"),
        )),
        Part("perfect", perfect, derivation=(
            Step("law:/steps", after(t, k * B) / after(k * t, B), "both losses"),
            Step("algebra", perfect.args[1], "with replacement k B t examples are k B t examples"),
        ), rivals=(
            Rival("hyperbola", 1 + (k - 1) / (B + 1), "a price for the batch"),
            Rival("k", sp.Integer(1) / k, "steps count, not examples"),
            Rival("perfect", sp.S.One, "independent draws under both designs", near=True),
        )),
    ),
    params=(
        POPULATION, BATCH, RATE, CURVATURE, VARIANCE,
        Param(square, Reals(0, open=True), Fraction(1), "expected square of the error before the step"),
        Param(delta0, Reals(), Fraction(1), "distance of the start from the minimum"),
        Param(t, Integers(0), 10, "number of steps"),
        Param(k, Integers(2), 2, "scale factor of the batch", "k = 1 changes nothing"),
        DESIGN,
    ),
    constraints=(
        FITS,
        Constraint(B < N, "B = {B} is not allowed: at B = N = {N} there is no noise", "wor"),
        Constraint(k * B < N, "k*B must be below the {N} samples (k = {k}, B = {B})", "wor"),
        Constraint(sp.Ne(delta0, 0), "delta0 = {delta0} is not allowed: the start must not be the minimum"),
        Constraint(sigma2 > 0, "sigma2 must be > 0: without noise one step is enough"),
    ),
    exactness=Exactness.IDENTITY,
    assumptions=(
        UNIFORM_BATCH, STEP_INDEPENDENCE,
        Assumption("common curvature", "all examples share the Hessian; one eigenmode"),
        Assumption("greedy steps", "each step size makes the next expected loss least; it knows the expected loss "
                   "before the step and not the path"),
    ),
    sources=(
        Source("mccandlish2018", note="the best step for a noise scale; the chain of best steps is derived here"),
        Source("batchlaws", read=True, note="closed form under both designs"),
    ),
    where={sigma2: PopMean(dg**2), square: E(e**2, B)},
    headline="steps",
    words=(
        "When the noise does not fade with the loss, its scale grows as the loss falls, and the best step sizes "
        "shrink. The inverse of the expected loss then grows by the same amount every step, 2 h/(p_B sigma^2). With "
        "independent draws that is 2 h B/sigma^2, so only the number of examples counts: any batch does as well as "
        "any other, scaling is perfect and there is no critical batch. Without replacement large batches do better "
        "still, because p_B falls faster than 1/B. A critical batch therefore says something about noise that fades "
        "with the loss, not about noise as such."
    ),
    answers={5: "Under additive noise and best steps only the number of examples counts; there is no critical batch."},
)
