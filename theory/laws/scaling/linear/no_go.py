"""No exact scaling rule for two curvatures."""

import sympy as sp

from theory.domain import Constraint, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.indicator import Positive, Same
from theory.nodes.matching import MatchedBatch, MatchedRate
from theory.notation import At, B, ByDesign, N, eta, h, h1, h2, k
from theory.parameters import (
    BATCH,
    DESIGN,
    FITS,
    NOISE_LEFT,
    POPULATION,
    RATE_BEFORE,
    SCALE,
    STEP_INDEPENDENCE,
    UNIFORM_BATCH,
)

same_rate = Same(At(MatchedRate(k), h, h1), At(MatchedRate(k), h, h2))
same_batch = Same(At(MatchedBatch(k), h, h1), At(MatchedBatch(k), h, h2))


def rate(curvature: sp.Expr) -> sp.Expr:
    """Exact step size of `scaling.linear.exact`."""
    return (1 - (1 - eta * curvature) ** k) / curvature


def batch(curvature: sp.Expr) -> sp.Expr:
    """Exact batch size of `scaling.linear.exact`."""
    step = rate(curvature)
    r = step / eta * (2 - eta * curvature) / (2 - step * curvature)
    return ByDesign(N * B * r / (N - B + B * r), B * r)


rates, batches = Same(rate(h1), rate(h2)), Same(batch(h1), batch(h2))
statement = sp.Eq(same_rate * same_batch, Same(h1, h2), evaluate=False)

# If both curvatures ask for one step size s and one batch size, then (s - eta)(h1 - h2) = 0; and s = eta only where
# 1 - eta h = 0, in both.  As one combination of the two equations:
A1, A2, R1, R2, V1, V2, W, Q = sp.symbols("A1 A2 R1 R2 V1 V2 W Q", real=True)


def whole(power: sp.Expr, curvature: sp.Expr) -> sp.Expr:
    """What multiplies the equation of batch sizes, without replacement, to clear its denominator."""
    return (N - B) * (1 + power) + B * (1 - power) * (2 - eta * curvature) / (eta * curvature)


LETTERS = {
    A1: (1 - eta * h1) ** k, A2: (1 - eta * h2) ** k,
    R1: 1 - (1 - eta * h1) ** (k - 1), R2: 1 - (1 - eta * h2) ** (k - 1),
    V1: whole(A1, h1), V2: whole(A2, h2),
    W: h1 * (h1 * R2 - h2 * R1),
    Q: rate(h1) * h2 * (2 - eta * h1) + (2 - eta * h2) * (1 + A1),
}
of_rates = W * Q - 2 * (1 - A1) * R1 * h2 * (h1 - h2)
of_batches = ByDesign(-W * eta * V1 * V2 / (N * B), -W * eta * (1 + A1) * (1 + A2) / B)
unit = 2 * eta * (1 - A1) * R1 * R2

LAW = Law(
    id="scaling.linear.no_go",
    version=1,
    title="No exact scaling rule for two curvatures",
    parts=(
        Part("no_go", statement, derivation=(
            Step("law:scaling.linear.exact/rate", rates * same_batch, "the step size that each curvature asks for"),
            Step("law:scaling.linear.exact/batch", rates * batches, "the batch size that each curvature asks for"),
            Step("equations", Same(h1, h2),
                 "one step size s and one batch size for both imply (s - eta)(h1 - h2) = 0, and s = eta only where "
                 "eta h = 1, in both",
                 where={"unit": ByDesign(unit * (N - B), unit), "power": sp.Integer(2),
                        "cofactor1": ByDesign(of_rates * (N - B), of_rates), "cofactor2": of_batches}),
        ), rivals=(
            Rival("always", sp.S.One, "the linear rule taken as exact"),
            Rival("never", sp.S.Zero, "also for one curvature twice"),
            Rival("step size alone", rates, "as if equal step sizes were enough: past eta h = 1 they can be equal for "
                  "two curvatures, with batch sizes that differ", near=True),
            Rival("small steps", Positive(1 - eta * h1) * Positive(1 - eta * h2), "as if small steps were enough"),
        )),
    ),
    params=(
        POPULATION, BATCH, RATE_BEFORE,
        Param(h1, Reals(0, open=True), 1, "curvature of the first mode"),
        Param(h2, Reals(0, open=True), 2, "curvature of the second mode"),
        SCALE, DESIGN,
    ),
    constraints=(
        FITS,
        *(Constraint(eta * c < 2, f"eta*{c} must be < 2 (eta = {{eta}}, {c} = {{{c}}}): the small steps must be stable")
          for c in (h1, h2)),
        NOISE_LEFT,
    ),
    exactness=Exactness.IDENTITY,
    assumptions=(
        UNIFORM_BATCH, STEP_INDEPENDENCE,
        Assumption("common Hessian", "all examples share the Hessian; two of its eigenmodes, both with noise"),
    ),
    uses=("scaling.linear.exact",),
    sources=(Source("batchlaws", note="stated and derived here", read=True),),
    where=LETTERS,
    words=(
        "One step can replace k exactly in one curvature, by the right step size and batch. In a problem with two "
        "curvatures it cannot: no step size and batch size fit both, whatever k, the data and the noise. So the "
        "linear rule is no approximation of some hidden exact rule; any rule of a single step size and batch size "
        "changes mean or variance in one of the two. It is usually said that the step size alone decides, because "
        "the exact one depends on the curvature. That is true up to eta h = 1. Beyond it two curvatures can ask for "
        "the same step size (k = 3: eta h = 5/4 and 7/4), and it is the batch size that cannot be shared."
    ),
    answers={5: "With two curvatures no rule for step size and batch size keeps the dynamics exactly."},
)
