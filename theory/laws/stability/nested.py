"""A larger batch is never less stable in mean square: the second-moment operators are ordered."""

from fractions import Fraction

import sympy as sp

from theory.domain import Constraint, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes import bound  # noqa: F401
from theory.nodes.stretch import SpectralRadius, form, stretch, y1, y2
from theory.notation import (
    At,
    B,
    BatchSum,
    ByDesign,
    E,
    N,
    PopMean,
    Root,
    du,
    dv,
    eta,
    hbar,
    s2,
    u,
    ubar,
    v,
    vbar,
)
from theory.parameters import BATCH, DESIGN, FITS, POPULATION, RATE, STEP_INDEPENDENCE, UNIFORM_BATCH


def share(size: sp.Expr) -> sp.Expr:
    """p_B."""
    with sp.evaluate(False):
        without = (N - size) / (size * (N - 1))
    return ByDesign(without, 1 / size)


p, fewer = share(B), share(B + 1)
one = sp.Integer(1)
descent = (y1 - eta * form(ubar, vbar)) ** 2
spread = eta**2 * PopMean(form(du, dv) ** 2)


def centered(size: sp.Expr) -> sp.Expr:
    """Return the stretch with the Hessians as mean plus deviation."""
    return E((y1 - eta * form(ubar, vbar) - eta * form(BatchSum(du), BatchSum(dv)) / size) ** 2, size)


difference = sp.Eq(stretch(B) - stretch(B + 1), (p - fewer) * (stretch(one) - descent), evaluate=False)
congruence = sp.Eq(stretch(one) - descent, spread, evaluate=False)
order = sp.Ge(stretch(B) - stretch(B + 1), 0, evaluate=False)
radius = sp.Le(SpectralRadius(B + 1), SpectralRadius(B), evaluate=False)

growth = ((1 - p) * (1 - eta * hbar) ** 2 + p * ((1 - eta * hbar) ** 2 + eta**2 * s2) - 1) / eta
threshold = Root(growth, eta)
edges = sp.Le(threshold / At(threshold, B, B + 1), one, evaluate=False)
q0, q1, q2, q3 = sp.symbols("q0:4", nonnegative=True)
charts = {N: 2 + q0 + q1, B: 1 + q0}

LAW = Law(
    id="stability.nested",
    version=1,
    title="A larger batch is never less stable in mean square",
    parts=(
        Part("congruence", congruence, derivation=(
            Step("center", centered(one) - descent, "Hessians as mean plus deviation"),
            Step("moment", spread, "deviations have mean zero"),
        ), rivals=(
            Rival("eta", spread / eta, "the step size enters squared"),
            Rival("uncentered", spread + eta**2 * form(ubar, vbar) ** 2, "the spread about zero"),
            Rival("divisor N-1", spread * N / (N - 1), "the unbiased variance", near=True),
        )),
        Part("difference", difference, derivation=(
            Step("center", centered(B) - centered(B + 1), "Hessians as mean plus deviation"),
            Step("moment", (p - fewer) * spread, "the bilinear lemma for both batches"),
            Step("moment", (p - fewer) * (centered(one) - descent), "the excess of single-example steps over gradient "
                 "descent"),
            Step("center", difference.args[1], "the Hessians themselves again"),
        ), rivals=(
            Rival("1/B", ByDesign(1 / B - 1 / (B + 1), 1 / B) * (stretch(one) - descent), "the weights 1/B"),
            Rival("p_B", p * (stretch(one) - descent), "as if the larger batch had no noise"),
            Rival("B for B+1", ByDesign(p / B, 1 / B**2) * (stretch(one) - descent), "the derivative of 1/B",
                  near=True),
        )),
        Part("order", order, derivation=(
            Step("law:/difference", difference.args[1], "the difference of the two batch sizes"),
            Step("law:/congruence", (p - fewer) * spread, "the excess of single-example steps"),
            Step("bound", sp.S.Zero, "p falls with the batch size; the spread is a mean of squares", where={
                **charts, "difference": ByDesign(N / (N - 1), 1) / (B * (B + 1)) * spread}),
        ), rivals=(
            Rival("like 1/B", stretch(B) / (B + 1), "the rate of the noise for the whole"),
            Rival("all of the noise", p * spread, "as if the larger batch had none"),
            Rival("1/B for p", ByDesign(1 / B - fewer, 1 / B) * spread, "1/B for the smaller batch",
                  near=True),
        )),
        Part("radius", radius, derivation=(
            Step("positive maps", SpectralRadius(B), "the operators are ordered on the cone", where={
                "part": sp.Symbol("order")}),
        ), rivals=(
            Rival("like 1/B", B / (B + 1) * SpectralRadius(B), "the rate of the noise for the whole"),
            Rival("square root", sp.sqrt(SpectralRadius(B)), "as if a larger batch halved the exponent"),
            Rival("a tenth less", sp.Rational(9, 10) * SpectralRadius(B), "a gain that does not depend on the spread",
                  near=True),
        )),
        Part("edges", edges, derivation=(
            Step("law:stability.meansquare/threshold", (hbar**2 + fewer * s2) / (hbar**2 + p * s2),
                 "the threshold at both batch sizes"),
            Step("bound", one, "p falls with the batch size", where={**charts, hbar: q2, s2: q3}),
        ), rivals=(
            Rival("proportional to B", B / (B + 1), "as if the threshold grew like the batch"),
            Rival("square root", sp.sqrt(B / (B + 1)), "as if it grew like its square root"),
            Rival("a tenth more", sp.Rational(10, 11), "a gain that does not depend on the spread", near=True),
        )),
    ),
    params=(
        POPULATION, BATCH, RATE,
        Param(y1, Reals(), Fraction(1), "part along the perturbation of y, in which its image is measured"),
        Param(y2, Reals(), Fraction(1), "part of the direction y across the perturbation"),
        Param(hbar, Reals(0, open=True), Fraction(1), "mean curvature over the examples, in one direction"),
        Param(s2, Reals(0), Fraction(1, 2), "variance of the per-example curvatures, divisor N"),
        DESIGN,
    ),
    constraints=(
        FITS,
        Constraint(B < N, "B = {B} is not allowed: a batch of B+1 must fit into the {N} samples", "wor"),
    ),
    exactness=Exactness.IDENTITY,
    assumptions=(
        UNIFORM_BATCH, STEP_INDEPENDENCE,
        Assumption("quadratic examples", "example i has the loss theta' H_i theta/2 about a shared minimum, "
                   "H_i = [[u, v], [v, w]]; the argument is the same in any dimension"),
        Assumption("mean square", "stable means that the second moment of the error does not grow"),
    ),
    uses=("stability.meansquare",),
    sources=(
        Source("mulayoff2024", note="monotone mean-square threshold; abstract read"),
        Source("kreinrutman1948", note="the spectral radius of a positive operator"),
        Source("batchlaws", read=True, note="the identity and the order by congruences"),
    ),
    where={s2: PopMean(du**2), hbar: PopMean(u), ubar: PopMean(u), vbar: PopMean(v)},
    headline="order",
    words=(
        "Is a larger batch ever less stable? In mean square never. The map that carries second moments over a step "
        "differs between B and B+1 by (p_B - p_(B+1)) times one fixed map, C to eta^2 times the mean of dH_i C dH_i', "
        "which sends covariances to covariances. So the moments of every perturbation in every direction, the spectral "
        "radius, and the set of stable steps and minima are nested: what B tolerates, B+1 tolerates, and gradient "
        "descent tolerates most. Almost-sure stability has no such order (stability.thresholds). The gain has no "
        "floor: examples of equal curvature gain nothing."
    ),
    answers={4: "In mean square the minima that SGD can stay in only grow with the batch size; small batches exclude "
                "most."},
)
