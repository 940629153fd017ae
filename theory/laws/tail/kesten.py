"""The tail index of SGD: which moments of the error are finite, and how it depends on the batch size."""

from fractions import Fraction

import sympy as sp

from theory.domain import Constraint, Integers, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.levels import factor
from theory.nodes.multiplicative import PathProduct, TailIndex
from theory.notation import B, E, N, PopMean, eta, t, u
from theory.parameters import BATCH, DESIGN, FITS, POPULATION, RATE, STEP_INDEPENDENCE, UNIFORM_BATCH

q, ratio = sp.Symbol("q", positive=True), sp.Symbol("c", positive=True)
k1, k2 = sp.symbols("k1 k2", integer=True, positive=True)


def power(size: sp.Expr, exponent: sp.Expr = q) -> sp.Expr:
    """Mean power of the factor of one step."""
    return E(sp.Abs(factor(size)) ** exponent, size)


moments = sp.Eq(PathProduct(sp.Abs(factor(B)) ** q, t), power(B) ** t, evaluate=False)
order = sp.Le(power(B + 1), power(B), evaluate=False)
index = sp.Ge(sp.Max(1, TailIndex(B + 1)), TailIndex(B), evaluate=False)
lattice = sp.Eq(TailIndex(sp.Integer(1), (1 - 1 / ratio) / eta, k1, (1 + ratio) / eta, k2),
                sp.log(k1 / k2) / sp.log(ratio), evaluate=False)

LAW = Law(
    id="tail.kesten",
    version=1,
    title="The tail index of SGD and the batch size",
    parts=(
        Part("moments", moments, derivation=(
            Step("steps", moments.args[1], "the factors of different steps are independent"),
        ), rivals=(
            Rival("once", t * power(B), "a sum where factors multiply"),
            Rival("from the mean square", power(B, sp.Integer(2)) ** (q * t / 2), "the square decides every moment"),
            Rival("t+1", power(B) ** (t + 1), "an off-by-one", near=True),
        )),
        Part("order", order, derivation=(
            Step("convex order", power(B), "|1 - eta h|^q is convex in h for q >= 1"),
        ), rivals=(
            Rival("like 1/B", B / (B + 1) * power(B), "the rate of the variance"),
            Rival("full batch", sp.Abs(1 - eta * PopMean(u)) ** q, "the power of the mean bounds from below"),
            Rival("power 1", power(B, sp.S.One), "as if higher powers were smaller", near=True),
        )),
        Part("index", index, derivation=(
            Step("index order", TailIndex(B), "the larger batch has the lighter tail", where={
                "part": sp.Symbol("order")}),
        ), rivals=(
            Rival("proportional to B", (B + 1) / B * TailIndex(B), "the rate at small noise", near=True),
            Rival("plus one", TailIndex(B) + 1, "as if every example added one finite moment"),
            Rival("three quarters of that rate", (1 + sp.Rational(3, 4) / B) * TailIndex(B), "a weaker dependence on B",
                  near=True),
        )),
        Part("lattice", lattice, derivation=(
            Step("tail index", lattice.args[1], "k2 c^alpha + k1 c^-alpha = k1 + k2 at c^alpha = k1/k2"),
        ), rivals=(
            Rival("two", sp.Integer(2), "as if the variance decided"),
            Rival("no way back", sp.log((k1 + k2) / k2) / sp.log(ratio), "the chance of growing each step, without the "
                  "steps back", near=True),
            Rival("diffusion", 2 * (k1 - k2) / ((k1 + k2) * sp.log(ratio)), "drift over variance of the logarithm"),
        )),
    ),
    params=(
        POPULATION, BATCH, RATE,
        Param(q, Reals(1), Fraction(2), "power of the error", "below 1 the power is not convex"),
        Param(t, Integers(0), 10, "number of steps"),
        Param(ratio, Reals(1, open=True), Fraction(2), "factor of the growing steps; the others have 1/c"),
        Param(k1, Integers(1), 3, "examples whose steps shrink the error to 1/c of it"),
        Param(k2, Integers(1), 1, "examples whose steps let it grow by c"),
        DESIGN,
    ),
    constraints=(
        FITS,
        Constraint(B < N, "B = {B} is not allowed: a batch of B+1 must fit into the {N} samples", "wor"),
        Constraint(k1 > k2, "k1 = {k1} must exceed k2 = {k2}: otherwise the error does not shrink almost surely and "
                   "there is no tail index"),
    ),
    exactness=Exactness.IDENTITY,
    assumptions=(
        UNIFORM_BATCH, STEP_INDEPENDENCE,
        Assumption("quadratic examples", "each example's loss is quadratic with curvature u_i; all share the minimum; "
                   "one direction"),
        Assumption("an index exists", "some factor exceeds 1 and the mean logarithm is negative"),
    ),
    uses=("sampling.convex_order",),
    sources=(
        Source("kesten1973", note="the stationary tail of random recursions has this index"),
        Source("gurbuzbalaban2021", note="heavy tails of SGD and their dependence on step and batch; abstract read"),
        Source("batchlaws", read=True, note="the finite-population parts"),
    ),
    headline="lattice",
    words=(
        "Near a shared minimum the q-th moment of the error is multiplied by E|1 - eta h_B|^q a step: below the tail "
        "index alpha, where that is 1, moments shrink, above it they explode, although almost every run converges. "
        "With additive noise on top, alpha is the power of the stationary tail (Kesten). The moments of power q >= 1 "
        "fall with the batch size, so an index of at least 1 never falls as B grows: larger batches have lighter "
        "tails, at small noise in proportion to B. For factors c and 1/c the index is ln(k1/k2)/ln c: with three "
        "shrinking examples against one that doubles the error it is 1.58, so the mean converges and the variance does "
        "not exist. An index below 1 can fall with B: for curvatures 1, 2, 3 and step 17/16, drawn with replacement, "
        "it is 0.74 at B = 1 and 0.48 at B = 2; powers q < 1 are not convex."
    ),
    answers={4: "Rare large factors give the error a power-law tail, heavier for small batches: escape is by rare "
                "jumps."},
)
