"""Arithmetic and memory of a training step of a multilayer perceptron."""

import sympy as sp

from theory.domain import Constraint, Integers, Param
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.costs import (
    AccumulatedBytes,
    AccumulatedOps,
    BackwardOps,
    FirstLayer,
    ForwardOps,
    LayerSum,
    OutputBytes,
    StateBytes,
    d_in,
    d_out,
    moments,
)
from theory.notation import B, N, b
from theory.parameters import BATCH, POPULATION

q, q1, D = sp.symbols("q q_1 D", integer=True, positive=True)
weights, outputs = d_in * d_out, d_out
both = ForwardOps(B) + BackwardOps(B)
forward = sp.Eq(ForwardOps(B), 2 * B * q, evaluate=False)
training = sp.Eq(both, B * (6 * q - 2 * q1), evaluate=False)
accumulated = sp.Eq(AccumulatedOps(B, b), B * (6 * q - 2 * q1), evaluate=False)
kept = sp.Eq(OutputBytes(B), 8 * B * D, evaluate=False)
peak = sp.Eq(AccumulatedBytes(B, b), 8 * b * D, evaluate=False)
state = sp.Eq(StateBytes(moments), 8 * (2 + moments) * (q + D), evaluate=False)

LAW = Law(
    id="cost.mlp",
    version=1,
    title="What a step of a multilayer perceptron costs, in operations and bytes",
    parts=(
        Part("forward", forward, derivation=(
            Step("products", LayerSum(2 * B * weights), "inputs times weights"),
            Step("layers", 2 * B * q, "q weights"),
        ), rivals=(
            Rival("one for two", B * q, "counts a multiplication and an addition as one"),
            Rival("data set", 2 * N * q, "the step sees the batch only"),
            Rival("biases", B * (2 * q + D), "additions of biases are no matrix products", near=True),
        )),
        Part("training", training, derivation=(
            Step("products", LayerSum(6 * B * weights) - FirstLayer(2 * B * weights),
                 "three products a layer; the first layer's inputs need no gradient"),
            Step("layers", training.args[1], "q weights, q_1 of them in the first layer"),
        ), rivals=(
            Rival("6Bq", 6 * B * q, "the rule of thumb: also a gradient for the data", near=True),
            Rival("4Bq", 4 * B * q, "backward as cheap as forward"),
            Rival("data set", N * (6 * q - 2 * q1), "the step sees the batch only"),
            Rival("8Bq", B * (8 * q - 4 * q1), "gradients of the weights computed twice", near=True),
        )),
        Part("accumulated", accumulated, derivation=(
            Step("micro-batches", both, "as many operations as in one batch"),
            Step("law:/training", accumulated.args[1], "both passes"),
        ), rivals=(
            Rival("one micro-batch", b * (6 * q - 2 * q1), "accumulation saves no arithmetic"),
            Rival("6Bq", 6 * B * q, "also a gradient for the data", near=True),
            Rival("once more", (B + b) * (6 * q - 2 * q1), "one micro-batch too many"),
        )),
        Part("outputs", kept, derivation=(
            Step("entries", LayerSum(8 * B * outputs), "one number a unit and example"),
            Step("layers", 8 * B * D, "D units"),
        ), rivals=(
            Rival("constant", 8 * D, "as if activations did not grow with the batch"),
            Rival("data set", 8 * N * D, "the step sees the batch only"),
            Rival("with inputs", 8 * B * (D + FirstLayer(d_in)), "the data are there anyway", near=True),
        )),
        Part("peak", peak, derivation=(
            Step("micro-batches", OutputBytes(b), "one micro-batch at a time"),
            Step("law:/outputs", 8 * b * D, "at the micro-batch size", where={B: b}),
        ), rivals=(
            Rival("whole batch", 8 * B * D, "as if accumulation saved nothing"),
            Rival("number of micro-batches", 8 * B / b * D, "the other factor of the batch"),
            Rival("b+1", 8 * (b + 1) * D, "an off-by-one", near=True),
        )),
        Part("state", state, derivation=(
            Step("entries", LayerSum(8 * (2 + moments) * (weights + outputs)), "weights and biases, several times"),
            Step("layers", state.args[1], "P = q + D parameters"),
        ), rivals=(
            Rival("no gradient", 8 * (1 + moments) * (q + D), "forgets the gradient"),
            Rival("no biases", 8 * (2 + moments) * q, "weights only", near=True),
            Rival("grows with the batch", 8 * (2 + moments * B) * (q + D), "as if the optimizer saw examples"),
        )),
    ),
    params=(
        POPULATION, BATCH,
        Param(b, Integers(1), 2, "micro-batch size"),
        Param(q, Integers(1), 13568, "weights: sum over the layers of input width times output width"),
        Param(q1, Integers(1), 4096, "weights of the first layer"),
        Param(D, Integers(1), 202, "units: sum of the layers' output widths; as many biases"),
        Param(moments, Integers(0), 1, "numbers the optimizer keeps a parameter: 0 SGD, 1 momentum, 2 Adam"),
    ),
    constraints=(
        Constraint(b <= B, "the micro-batch of b = {b} exceeds the batch of {B}"),
        Constraint(q1 <= q, "q_1 = {q_1} exceeds q = {q}: the first layer's weights are among all weights"),
    ),
    exactness=Exactness.IDENTITY,
    assumptions=(
        Assumption("dense layers", "a multilayer perceptron with biases; matrix products only are counted, a "
                   "multiplication and an addition as two; biases, activations and the loss are not"),
        Assumption("engine", "every product is computed once, none for the gradient of the data; what is kept for the "
                   "backward pass is the output of every layer, in float64"),
    ),
    sources=(Source("batchlaws", read=True, note="counted here; the simulator is metered against it"),),
    where={q: LayerSum(d_in * d_out), q1: FirstLayer(d_in * d_out), D: LayerSum(d_out)},
    headline="training",
    words=(
        "A step costs arithmetic in proportion to the batch: two operations an example and weight forward, four "
        "backward, less two for the weights of the first layer, whose inputs need no gradient. The usual 6 is an upper "
        "bound, too high by half for a single layer. Memory has a part that grows with the batch, the layer outputs, "
        "and one that does not, parameters, gradient and optimizer. The size of the data set enters neither. With "
        "accumulation the outputs of one micro-batch are kept at a time and the arithmetic stays, so any batch size, "
        "the full data set included, can be had at the memory of one example."
    ),
    answers={1: "Memory grows with the batch or micro-batch, never with the data set; so full-batch steps need not "
             "cost more of it."},
)
