"""The squared gradient through a normalization layer: what the layer takes away, as an equality."""

from fractions import Fraction

import sympy as sp

from theory.domain import Constraint, Integers, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.group import Back, Delta, Hat, Mean, Sd, Slope, Total, Upstream, gamma, i, j, l
from theory.notation import B, eps

power = sp.Symbol("power", nonnegative=True)
pull, overlap = sp.symbols("pull overlap", real=True)
q, scale = sp.Symbol("q", nonnegative=True), sp.Symbol("scale", positive=True)
SUMS = {power: Total(Upstream(l, eps) ** 2, l), pull: Total(Upstream(l, eps), l),
        overlap: Total(Upstream(l, eps) * Hat(l, eps), l)}
AT_0 = {key: value.xreplace({eps: sp.S.Zero}) for key, value in SUMS.items()}


def back(e: sp.Expr) -> sp.Expr:
    """Gradient at input j by the chain rule and `norm.grad.jacobian`."""
    return Total(gamma * Upstream(i, e) * (Delta(i, j) - (1 + Hat(i, e) * Hat(j, e)) / B) / Sd(e), i)


def chain(e: sp.Expr) -> sp.Expr:
    """Gradient at input j by the chain rule."""
    return Total(gamma * Upstream(i, e) * Slope(Hat(i, e), j), i)


with sp.evaluate(False):
    rhs = gamma**2 / scale**2 * (power - pull**2 / B - (2 - q) * overlap**2 / B)
norm = sp.Eq(Total(Back(j, eps) ** 2, j), rhs, evaluate=False)
at_zero = sp.Eq(Sd(0) ** 2 * Total(Back(j, 0) ** 2, j),
                (gamma**2 * (power - pull**2 / B - overlap**2 / B)).xreplace(AT_0), evaluate=False)

LAW = Law(
    id="norm.grad.smoothing",
    version=1,
    title="What a normalization layer takes from the squared gradient",
    parts=(
        Part("norm", norm, derivation=(
            Step("group", Total(chain(eps) ** 2, j), "chain rule through y = gamma hat + beta"),
            Step("law:norm.grad.jacobian/entry", Total(back(eps) ** 2, j), "the Jacobian"),
            Step("group", rhs, "the square of the matrix, over the squared scale"),
        ), rivals=(
            Rival("statistics held", gamma**2 / scale**2 * power, "treats mean and variance as constants"),
            Rival("no output term", gamma**2 / scale**2 * (power - pull**2 / B), "forgets that the variance moves"),
            Rival("as at eps = 0", gamma**2 / scale**2 * (power - pull**2 / B - overlap**2 / B),
                  "the mean squared output is q, no longer one", near=True),
            Rival("2q", gamma**2 / scale**2 * (power - pull**2 / B - (2 - 2 * q + q**2) * overlap**2 / B),
                  "a wrong square", near=True),
        )),
        Part("at_zero", at_zero, derivation=(
            Step("group", Sd(0) ** 2 * Total(chain(sp.S.Zero) ** 2, j), "chain rule, at eps = 0"),
            Step("law:norm.grad.jacobian/entry", Sd(0) ** 2 * Total(back(sp.S.Zero) ** 2, j), "the Jacobian",
                 where={eps: sp.S.Zero, scale: Sd(0)}),
            Step("group", at_zero.args[1], "the matrix over s is its own square"),
        ), rivals=(
            Rival("1/sqrt(B)", (gamma**2 * (power - pull**2 / B - overlap**2 / sp.sqrt(B))).xreplace(AT_0),
                  "the other root of B on the last term", near=True),
            Rival("no output term", (gamma**2 * (power - pull**2 / B)).xreplace(AT_0), "mean-only normalization"),
            Rival("B-1", (gamma**2 * (power - pull**2 / B - overlap**2 / (B - 1))).xreplace(AT_0),
                  "the unbiased divisor", near=True),
            Rival("statistics held", (gamma**2 * power).xreplace(AT_0), "treats mean and variance as constants"),
        )),
    ),
    params=(
        Param(B, Integers(2), 8, "entries that share the statistics (BatchNorm: batch size times positions)",
              "one entry has no spread"),
        Param(gamma, Reals(), 1, "learned gain of the layer"),
        Param(power, Reals(0), 8, "sum of the squares of the loss's derivatives by the outputs"),
        Param(pull, Reals(), 2, "sum of the loss's derivatives by the outputs"),
        Param(overlap, Reals(), 2, "sum of the outputs times the loss's derivatives by them"),
        Param(q, Reals(0, 1), Fraction(9, 10), "shrinkage of the variance by eps, v/(v + eps)"),
        Param(eps, Reals(0), Fraction(1, 1000), "regularizer under the root"),
        Param(scale, Reals(0, open=True), 1, "what the layer divides by, sqrt(v + eps)"),
    ),
    constraints=(
        Constraint(pull**2 <= B * power, "pull = {pull} is not allowed: its square is at most B times power = {power} "
                   "(Cauchy-Schwarz, B = {B})"),
    ),
    exactness=Exactness.IDENTITY,
    assumptions=(
        Assumption("spread", "the entries are not all equal, or eps > 0"),
        Assumption("any loss", "the loss is any differentiable function of the outputs, coupling them as it likes"),
        Assumption("same outputs", "the upstream gradient is taken where the layer puts its outputs; a network without "
                   "the layer has another one"),
    ),
    uses=("norm.grad.jacobian",),
    sources=(
        Source("santurkar2018", note="the smoothing theorem: what the layer subtracts from the squared gradient"),
        Source("batchlaws", read=True, note="as an equality for every B, and with eps, derived here"),
    ),
    where={scale: Sd(eps), q: Mean(Hat(l, eps) ** 2, l), **SUMS},
    headline="norm",
    words=(
        "How large is the gradient behind a normalization layer, given the one in front of it? Multiply by gamma over "
        "the standard deviation and take away two squares: that of the mean gradient, and that of the gradient's "
        "overlap with the output, each over B. It is an equality, for every batch and loss. Two cautions: the divisor "
        "enlarges gradients when the batch's spread is small, and both squares are of order 1/B of the whole, so the "
        "layer smooths much only in the two directions it removes."
    ),
    answers={6: "The gradient behind the layer is divided by the batch's own spread: small spread, large gradient."},
)
