"""Escape by multiplicative noise: a power law in the distance, with the tail index as the power."""

from fractions import Fraction

import sympy as sp

from theory.domain import Constraint, Integers, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.escape import Ever, Reached, Ruin
from theory.nodes.multiplicative import TailIndex
from theory.notation import B, t
from theory.parameters import BATCH, DESIGN, FITS, POPULATION, RATE, STEP_INDEPENDENCE, UNIFORM_BATCH

start = sp.Symbol("x0", positive=True)
n, m = sp.symbols("n m", integer=True, nonnegative=True)
k1, k2 = sp.symbols("k1 k2", integer=True, positive=True)
odds = k1 / k2

bound = sp.Le(Reached(start, t), start ** TailIndex(B), evaluate=False)
ruin = sp.Eq(Ruin(n, m, k1, k2), (odds**m - 1) / (odds ** (n + m) - 1), evaluate=False)
ever = sp.Eq(Ever(n, k1, k2), (k2 / k1) ** n, evaluate=False)

LAW = Law(
    id="escape.power",
    version=1,
    title="Multiplicative noise escapes by a power of the distance",
    parts=(
        Part("bound", bound, derivation=(
            Step("ville", bound.args[1], "|theta|^alpha is a martingale: Ville's inequality"),
        ), rivals=(
            Rival("mean square", start**2, "as if the second moment were the martingale"),
            Rival("one more", start ** (TailIndex(B) + 1), "the power of a density for that of a tail"),
            Rival("a fifth more", start ** (TailIndex(B) * sp.Rational(6, 5)), "a slightly larger power", near=True),
        )),
        Part("ruin", ruin, derivation=(
            Step("harmonic", ruin.args[1], "gambler's ruin on the logarithm of the error"),
        ), rivals=(
            Rival("odds inverted", (odds ** (-m) - 1) / (odds ** (-n - m) - 1), "up and down exchanged"),
            Rival("fair game", m / (n + m), "without drift"),
            Rival("m+1", (odds ** (m + 1) - 1) / (odds ** (n + m + 1) - 1), "an off-by-one", near=True),
        )),
        Part("ever", ever, derivation=(
            Step("minimal", ever.args[1], "the limit of falling as far as one likes"),
        ), rivals=(
            Rival("straight up", (k2 / (k1 + k2)) ** n, "only the path without a step back", near=True),
            Rival("certain", sp.S.One, "as if every error were exceeded some day"),
            Rival("square", (k2 / k1) ** (2 * n), "the rate of the loss taken for that of the error"),
        )),
    ),
    params=(
        POPULATION, BATCH, RATE,
        Param(start, Reals(0, 1, open=True), Fraction(1, 8), "distance at the start over the distance to reach"),
        Param(t, Integers(0), 100, "number of steps"),
        Param(n, Integers(0), 3, "levels up to reach"),
        Param(m, Integers(1), 5, "levels down that end the game"),
        Param(k1, Integers(1), 3, "examples whose steps lead a level down"),
        Param(k2, Integers(1), 1, "examples whose steps lead a level up"),
        DESIGN,
    ),
    constraints=(
        FITS,
        Constraint(k1 > k2, "k1 = {k1} must exceed k2 = {k2}: otherwise every level is reached with probability one"),
    ),
    exactness=Exactness.BOUND,
    assumptions=(
        UNIFORM_BATCH, STEP_INDEPENDENCE,
        Assumption("quadratic examples", "each example's loss is quadratic with curvature u_i; all share the minimum; "
                   "one direction"),
        Assumption("an index exists", "some factor exceeds 1 and the mean logarithm is negative (tail.kesten)"),
        Assumption("lattice", "for the equalities: single examples, k1 of which multiply the error by 1/c and k2 by c; "
                   "a level is a factor c"),
    ),
    uses=("tail.kesten",),
    sources=(
        Source("ville1939", note="the inequality for nonnegative martingales; derived here by induction"),
        Source("mori2022", note="escape depends on the logarithm of the barrier; abstract read"),
        Source("batchlaws", read=True, note="the bound by the tail index, its equality on lattices"),
    ),
    headline="ever",
    words=(
        "With noise proportional to the error, SGD leaves a neighbourhood of a stable minimum with probability at most "
        "(|theta_0|/R)^alpha, alpha the tail index of |1 - eta h_B|: a power of the distance, not an exponential of "
        "the height, in any number of steps. On a lattice, where steps multiply the error by c or 1/c, it is exact at "
        "the lattice's points: the chance of ever getting n levels up is (k2/k1)^n, which is (|theta_0|/R)^alpha with "
        "alpha = ln(k1/k2)/ln c. Halving the distance of the start lowers the chance by 2^alpha only. A run that gets "
        "near the minimum without leaving has settled."
    ),
    answers={4: "A stable minimum is left with a chance that is a power of the starting distance, larger for smaller "
                "batches while the index exceeds one."},
)
