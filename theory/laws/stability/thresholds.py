"""The largest stable step size in mean square and almost surely, on the smallest population where they part."""

from fractions import Fraction

import sympy as sp

from theory.domain import Constraint, Integers, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.levels import LyapunovEdge, MeanSquareEdge
from theory.notation import B, Root, eta, h1, h2
from theory.parameters import STEP_INDEPENDENCE, UNIFORM_BATCH

S, P = h1 + h2, h1 * h2
levels = (h1, sp.Integer(2), h2, sp.Integer(2))
p = (4 - B) / (3 * B)
three, four = (LyapunovEdge(sp.Integer(size), *levels) for size in (3, 4))

growth = eta * (S**2 + p * (h1 - h2) ** 2) / 4 - S
mean_square = sp.Eq(MeanSquareEdge(B, *levels), 4 * S / (S**2 + p * (h1 - h2) ** 2), evaluate=False)
triple = sp.Eq(three, 9 * S / (2 * S**2 + P), evaluate=False)
full = sp.Eq(four, 4 / S, evaluate=False)
beyond = sp.Ge(three, 4 / S, evaluate=False)
q0, q1, q2, q3 = sp.symbols("q0:4", nonnegative=True)
both = (2 * S**2 + P) * (1 + q0) ** 2

LAW = Law(
    id="stability.thresholds",
    version=1,
    title="Almost-sure stability is not monotone in the batch size",
    parts=(
        Part("mean_square", mean_square, derivation=(
            Step("edge", Root(growth, eta), "the mean square grows by 1 + eta times this a step"),
            Step("root", mean_square.args[1], "linear in eta", where={
                B: 4 - 3 / (1 + q0), h1: q1, h2: q2, eta: q3}),
        ), rivals=(
            Rival("gradient descent", 4 / S, "2/h for every batch size"),
            Rival("with replacement", 4 * S / (S**2 + (h1 - h2) ** 2 / B), "1/B for (N-B)/(B(N-1))", near=True),
            Rival("largest curvature", 2 / h2, "as if the worst example decided"),
        )),
        Part("triple", triple, derivation=(
            Step("first crossing", triple.args[1], "batches of three have curvature (2 h1 + h2)/3 or (h1 + 2 h2)/3",
                 where={
                     "share": q0,
                     "above": 9 * q0 * S**2 / both,
                     "below": (2 * (q0 - 1) ** 2 * (2 * S**2 + P) + q0 * (7 * S**2 + 8 * P)) / both,
                 }),
        ), rivals=(
            Rival("mean square", 36 * S / (9 * S**2 + (h1 - h2) ** 2), "the threshold of the mean square"),
            Rival("gradient descent", 4 / S, "as if it were monotone and already there"),
            Rival("one kind", 6 / (h1 + 2 * h2), "2/h of the sharper batches", near=True),
        )),
        Part("full", full, derivation=(
            Step("first crossing", 4 / S, "one factor, 1 - eta (h1 + h2)/2", where={
                "share": q0, "above": 2 / (1 + q0), "below": 2 * q0 / (1 + q0)}),
        ), rivals=(
            Rival("mean of 2/h_i", 1 / h1 + 1 / h2, "the mean of the edges, not the edge of the mean"),
            Rival("largest curvature", 2 / h2, "as if the worst example decided"),
            Rival("half", 2 / S, "where one step is exact", near=True),
        )),
        Part("beyond", beyond, derivation=(
            Step("law:/triple", triple.args[1], "the edge at B = 3"),
            Step("bound", 4 / S, "what is left is (h1 - h2)^2 over a positive number", where={
                "difference": (h1 - h2) ** 2 / (S * (2 * S**2 + P))}),
        ), rivals=(
            Rival("a tenth more", sp.Rational(11, 10) * 4 / S, "the excess has no such bound when the curvatures are "
                  "alike", near=True),
            Rival("2/h1", 2 / h1, "the edge of the flatter examples"),
            Rival("B = 1 beyond too", 9 / (2 * S), "the largest value the edge can have, at h1 = 0"),
        )),
    ),
    params=(
        Param(B, Integers(1, 4), 3, "batch size, of four examples"),
        Param(h1, Reals(0, open=True), Fraction(1, 5), "curvature of two of the four examples"),
        Param(h2, Reals(0, open=True), Fraction(17, 5), "curvature of the two others"),
    ),
    constraints=(
        Constraint(h1 < h2, "h1 = {h1} must be below h2 = {h2}: name the flatter examples first"),
    ),
    exactness=Exactness.IDENTITY,
    assumptions=(
        UNIFORM_BATCH, STEP_INDEPENDENCE,
        Assumption("four examples", "two examples of curvature h1 and two of curvature h2, drawn without replacement"),
        Assumption("shared minimum", "each example's loss is quadratic; all share the minimum; one direction"),
        Assumption("first edge", "the edge is the first step size above 0 at which stability is lost; almost surely "
                   "it can return at larger steps"),
    ),
    sources=(
        Source("batchlaws", read=True, note="the population and its edges are derived here"),
        Source("ziyin2023", note="stability in probability, decided by the Lyapunov exponent; abstract read"),
    ),
    headline="triple",
    words=(
        "Four examples, two flat and two sharp, show that three notions of stability are three numbers. At curvatures "
        "0.2 and 3.4 the largest stable step is 0.621, 0.879, 1.021, 1.111 in mean square for B = 1, 2, 3, 4, and "
        "0.631, 1.024, 1.218, 1.111 almost surely; gradient descent has 1.111. In mean square the larger batch is "
        "always the more stable. Almost surely it is not: batches of three out of four tolerate larger steps than the "
        "whole data set, for every pair of unequal curvatures, because occasional small factors pull the error back "
        "more than occasional large ones push it out."
    ),
    answers={4: "In mean square small batches leave sharp minima first; almost surely B = 3 of 4 stays where gradient "
                "descent leaves."},
)
