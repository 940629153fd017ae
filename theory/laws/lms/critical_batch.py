"""The largest stable step as a function of the batch: linear, then saturated, with d + 1 between."""

import sympy as sp

from theory.domain import Integers, Param
from theory.law import Exactness, Law, Part, Rival, Source, Step
from theory.nodes.gauss import d, ha
from theory.nodes.lms import DIMENSION, FRESH, GAUSSIAN, LargestStep
from theory.notation import B, Root, eta, h, k
from theory.parameters import BATCH, CURVATURE, IID

value = 2 / (h * (1 + (d + 1) / B))
edge = sp.Eq(LargestStep(B), value, evaluate=False)
scaled = sp.Eq(LargestStep(k * B) / LargestStep(B), k * (B + d + 1) / (k * B + d + 1), evaluate=False)
half = sp.Eq(LargestStep(d + 1), 1 / h, evaluate=False)
q0, q1, q2, q3 = sp.symbols("q0:4", nonnegative=True)

LAW = Law(
    id="lms.critical_batch",
    version=1,
    title="The critical batch of linear scaling is d + 1",
    parts=(
        Part("edge", edge, derivation=(
            Step("factor is one", Root((1 - eta * h) ** 2 + eta**2 * h**2 * (d + 1) / B - 1, eta),
                 "the squared distance is multiplied by the factor of lms.contraction, from wherever it starts"),
            Step("algebra", Root(eta * h * (eta * h * (1 + (d + 1) / B) - 2), eta), "expand and factor"),
            Step("root", value, "the other zero is eta = 0", where={B: 1 + q0, d: 1 + q1, h: q2, eta: q3}),
        ), rivals=(
            Rival("gradient descent", 2 / h, "the edge of gradient descent, whatever the batch"),
            Rival("linear", 2 * B / (h * (d + 1)), "linear scaling without end"),
            Rival("d for d+1", 2 / (h * (1 + d / B)), "the trace alone", near=True),
            Rival("d+2", 2 / (h * (1 + (d + 2) / B)), "the raw fourth moment at every batch size", near=True),
        )),
        Part("scaled", scaled, derivation=(
            Step("law:/edge", (value.xreplace({B: k * B})) / LargestStep(B), "the edge at k B", where={B: k * B}),
            Step("law:/edge", value.xreplace({B: k * B}) / value, "the edge at B"),
            Step("algebra", scaled.args[1], "h cancels"),
        ), rivals=(
            Rival("linear", k, "the linear scaling rule"),
            Rival("square root", sp.sqrt(k), "the square-root scaling rule"),
            Rival("kept", sp.S.One, "no gain from the batch"),
            Rival("d for d+1", k * (B + d) / (k * B + d), "a near miss", near=True),
        )),
        Part("half", half, derivation=(
            Step("law:/edge", value.xreplace({B: d + 1}), "the edge at B = d + 1", where={B: d + 1}),
            Step("algebra", half.args[1], "1 + (d+1)/(d+1) = 2"),
        ), rivals=(
            Rival("ceiling", 2 / h, "no noise"),
            Rival("two thirds", sp.Rational(4, 3) / h, "half the noise"),
            Rival("B = d", 2 * d / (h * (2 * d + 1)), "the edge at B = d", near=True),
        )),
    ),
    params=(
        BATCH, CURVATURE, DIMENSION,
        Param(k, Integers(2, 4), 2, "scale factor of the linear rule", "k = 1 changes nothing"),
        IID,
    ),
    exactness=Exactness.MODEL,
    assumptions=(GAUSSIAN, FRESH),
    uses=("lms.contraction",),
    sources=(
        Source("ma2018", note="a critical batch up to which larger steps pay; its value here is derived here"),
        Source("jain2018", note="batch up to which mini-batching is near-linear in least squares"),
        Source("batchlaws", read=True, note="closed form"),
    ),
    where={ha: h},
    words=(
        "How large a step does SGD stand? On Gaussian least squares with d equal eigenvalues the answer is exact: "
        "2/h, gradient descent's edge, divided by 1 + (d+1)/B. Far below B = d + 1 the edge grows in proportion to "
        "B, which is the linear scaling rule; far above it does not grow at all, because the step is limited by the "
        "curvature and no longer by the noise. At B = d + 1 half of the ceiling is reached and half of what linear "
        "scaling promises. So the rule's critical batch is a property of the problem, here its dimension plus one, "
        "and nothing of the data set's size."
    ),
    answers={5: "The stable step grows by k(B + d + 1)/(kB + d + 1) for k times the batch: linear while kB << d + 1."},
)
