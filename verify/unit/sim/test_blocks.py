"""Single layers: shapes, parameters, refusals; what they compute is tested with the networks they make."""

from __future__ import annotations

import numpy as np
import pytest

from sim import blocks
from sim.blocks import Activation, Attention, Conv, Dense, Flatten, Layer, Pass, Pool
from sim.norm_blocks import Norm
from sim.sequential import Residual

LAYERS: list[tuple[Layer, tuple[int, ...], tuple[int, ...], int]] = [
    (Dense(7), (5,), (7,), 42),
    (Dense(7), (4, 5), (4, 7), 42),
    (Conv(4), (3, 6, 5), (4, 6, 5), 112),
    (Conv(4, size=3, stride=2, padding=0), (3, 7, 5), (4, 3, 2), 112),
    (Pool("max", 3), (2, 6, 9), (2, 2, 3), 0),
    (Pool("average"), (2, 6, 8), (2, 3, 4), 0),
    (Activation("gelu"), (3, 4), (3, 4), 0),
    (Flatten(), (3, 4, 2), (24,), 0),
    (Attention(3), (4, 5), (4, 5), 60),
    (Norm("layer"), (6,), (6,), 12),
    (Norm("group", groups=2, affine=False), (6, 3, 3), (6, 3, 3), 0),
    (Norm("hybrid"), (4, 6), (4, 6), 13),
    (Norm("hybrid", alpha=0.5), (4, 6), (4, 6), 12),
    (Residual((Dense(7), Activation("tanh"), Dense(5))), (5,), (5,), 82),
]


@pytest.mark.parametrize(("layer", "before", "after", "size"), LAYERS, ids=lambda v: type(v).__name__)
def test_shapes_parameters_and_gradients_agree(
    layer: Layer, before: tuple[int, ...], after: tuple[int, ...], size: int
) -> None:
    rng = np.random.default_rng(0)
    parameters = layer.parameters(before)
    assert layer.output(before) == after
    assert sum(int(np.prod(p.shape)) for p in parameters.values()) == size
    arrays = {name: rng.standard_normal((2, *p.shape)) for name, p in parameters.items()}
    x = rng.standard_normal((2, 3, *before))
    y, tape = layer.forward(arrays, x, Pass())
    assert y.shape == (2, 3, *after)
    dx, gradients = layer.backward(arrays, tape, y, True)
    assert dx.shape == x.shape
    assert {name: g.shape for name, g in gradients.items()} == {name: a.shape for name, a in arrays.items()}


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (Dense(3), (2, 4, 4), r"takes vectors or tokens, got shape \(2, 4, 4\)"),
        (Dense(0), (2,), "a dense layer of width 0"),
        (Conv(3), (4,), r"takes \(C, H, W\), got shape \(4,\)"),
        (Conv(3, size=9), (1, 4, 4), "a kernel of 9 does not fit a side of 4 with padding 1"),
        (Pool("median"), (1, 4, 4), "allowed are average, max"),
        (Pool("max", 3), (1, 4, 4), "with sides it divides"),
        (Activation("swish"), (3,), "linear, relu, tanh, gelu"),
        (Attention(2), (4,), r"takes tokens \(T, D\)"),
        (Norm("layer"), (1, 2, 3, 4), "takes vectors, tokens or images"),
        (Norm("group", groups=4), (6,), "6 channels cannot be split into 4 groups"),
        (Residual((Dense(3),)), (4,), r"adds \(4,\) and \(3,\): the shapes differ"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(layer: Layer, shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        layer.output(shape)


def test_initial_weights_keep_their_variance() -> None:
    found = blocks.Conv(8, gain=2.0).parameters((4, 6, 6))["W"]
    assert found.deviation == pytest.approx((2 / 36) ** 0.5)
    assert blocks.Dense(8).parameters((16,))["W"].deviation == 0.25
