"""Layers as frozen descriptions that chain into networks: each says its shapes, its parameters and its two passes.

An example has shape (C,) for vectors, (C, H, W) for images, (T, D) for tokens.  Dense layers and norms take
each token as a sample of its own.  A layer's parameters come to it by name, replicate axis first.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sim import attention, convolution, layers, norms
from sim.arrays import namespace

__all__ = [
    "Activation",
    "Attention",
    "Conv",
    "Dense",
    "Flatten",
    "Layer",
    "Parameter",
    "Pass",
    "Pool",
    "Seen",
]

Shape = tuple[int, ...]
Arrays = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter array.

    Parameters
    ----------
    shape
        Without the replicate axis.
    deviation, value
        Initial entries are normal with this standard deviation around this value.
    """

    shape: Shape
    deviation: float = 0.0
    value: float = 0.0


@dataclass(frozen=True, slots=True)
class Seen:
    """Batch statistics that a norm used: mean and biased variance (R, m, C) of m parts of `count` entries each."""

    mean: Any
    var: Any
    count: int


@dataclass(frozen=True, slots=True)
class Pass:
    """How a forward pass treats batch statistics.

    Parameters
    ----------
    given
        Running statistics for the norms that need them, in order; None to use the batch's own, as in training.
    seen
        Filled with the statistics used, in order; None to keep none.
    """

    given: Iterator[norms.Running] | None = None
    seen: list[Seen] | None = None


class Layer(Protocol):
    """What a network asks of a layer; tapes are the layer's own business."""

    def output(self, shape: Shape) -> Shape:
        """Return the shape of an example after the layer, or refuse it."""
        ...

    def parameters(self, shape: Shape) -> dict[str, Parameter]:
        """Return the parameter arrays for examples of this shape."""
        ...

    def forward(self, p: Arrays, x: Any, mode: Pass) -> tuple[Any, Any]:
        """Return the output and the tape."""
        ...

    def backward(self, p: Arrays, tape: Any, dy: Any, inputs: bool) -> tuple[Any, dict[str, Any]]:
        """Return the input's gradient, None where not wanted, and the parameters', summed over the batch."""
        ...


def _tokens_as_samples(x: Any) -> Any:
    """(R, B, T, D) to (R, B T, D); other shapes as they are."""
    return namespace(x).reshape(x, (x.shape[0], -1, x.shape[3])) if x.ndim == 4 else x


@dataclass(frozen=True, slots=True)
class Dense:
    """``x W + b`` on vectors or on each token; initial weights have variance ``gain / fan-in``."""

    width: int
    gain: float = 1.0

    def output(self, shape: Shape) -> Shape:
        """Return the shape with its last length replaced."""
        if len(shape) not in (1, 2) or self.width < 1:
            raise ValueError(f"a dense layer of width {self.width} takes vectors or tokens, got shape {shape}")
        return (*shape[:-1], self.width)

    def parameters(self, shape: Shape) -> dict[str, Parameter]:
        """Return W (I, O) and b (O,)."""
        wide = shape[-1]
        return {
            "W": Parameter((wide, self.width), math.sqrt(self.gain / wide)),
            "b": Parameter((self.width,)),
        }

    def forward(self, p: Arrays, x: Any, mode: Pass) -> tuple[Any, Any]:
        """Return the output; the tape is the input."""
        y = layers.dense(_tokens_as_samples(x), p["W"], p["b"])
        return namespace(y).reshape(y, (*x.shape[:-1], self.width)), x

    def backward(self, p: Arrays, tape: Any, dy: Any, inputs: bool) -> tuple[Any, dict[str, Any]]:
        """Return the gradients."""
        xp, x, d = namespace(dy), _tokens_as_samples(tape), _tokens_as_samples(dy)
        gradients = {"W": xp.matmul(xp.permute_dims(x, (0, 2, 1)), d), "b": xp.sum(d, axis=1)}
        if not inputs:
            return None, gradients
        dx = xp.matmul(d, xp.permute_dims(p["W"], (0, 2, 1)))
        return xp.reshape(dx, tuple(tape.shape)), gradients


@dataclass(frozen=True, slots=True)
class Conv:
    """Convolution with square kernels and zero padding; initial weights have variance ``gain / fan-in``."""

    channels: int
    size: int = 3
    stride: int = 1
    padding: int = 1
    gain: float = 2.0

    def output(self, shape: Shape) -> Shape:
        """Return (channels, H', W')."""
        if len(shape) != 3 or self.channels < 1:
            raise ValueError(f"a convolution to {self.channels} channels takes (C, H, W), got shape {shape}")
        sides = (convolution.output_side(s, self.size, stride=self.stride, padding=self.padding) for s in shape[1:])
        return (self.channels, *sides)

    def parameters(self, shape: Shape) -> dict[str, Parameter]:
        """Return W (O, C, k, k) and b (O,)."""
        fan_in = shape[0] * self.size**2
        return {
            "W": Parameter((self.channels, shape[0], self.size, self.size), math.sqrt(self.gain / fan_in)),
            "b": Parameter((self.channels,)),
        }

    def forward(self, p: Arrays, x: Any, mode: Pass) -> tuple[Any, Any]:
        """Return the output; the tape is the columns."""
        return convolution.convolve(x, p["W"], p["b"], stride=self.stride, padding=self.padding)

    def backward(self, p: Arrays, tape: Any, dy: Any, inputs: bool) -> tuple[Any, dict[str, Any]]:
        """Return the gradients."""
        dx, dW, db = convolution.convolve_backward(tape, p["W"], dy, inputs=inputs)
        return dx, {"W": dW, "b": db}


@dataclass(frozen=True, slots=True)
class Pool:
    """Pooling over tiles of `size` x `size`: `kind` is ``average`` or ``max``."""

    kind: str = "average"
    size: int = 2

    def output(self, shape: Shape) -> Shape:
        """Return (C, H / size, W / size)."""
        if self.kind not in ("average", "max"):
            raise ValueError(f"unknown pooling {self.kind!r}: allowed are average, max")
        if len(shape) != 3 or self.size < 1 or shape[1] % self.size or shape[2] % self.size:
            raise ValueError(f"pooling by {self.size} takes (C, H, W) with sides it divides, got shape {shape}")
        return (shape[0], shape[1] // self.size, shape[2] // self.size)

    def parameters(self, shape: Shape) -> dict[str, Parameter]:
        """Return nothing."""
        return {}

    def forward(self, p: Arrays, x: Any, mode: Pass) -> tuple[Any, Any]:
        """Return the pooled images; the tape is where the maxima were."""
        if self.kind == "max":
            return convolution.max_pool(x, self.size)
        return convolution.average_pool(x, self.size), None

    def backward(self, p: Arrays, tape: Any, dy: Any, inputs: bool) -> tuple[Any, dict[str, Any]]:
        """Return the input's gradient."""
        if self.kind == "max":
            return convolution.max_pool_backward(tape, dy, self.size), {}
        return convolution.average_pool_backward(dy, self.size), {}


@dataclass(frozen=True, slots=True)
class Activation:
    """One of `sim.layers.ACTIVATIONS`, entry by entry."""

    name: str = "relu"

    def output(self, shape: Shape) -> Shape:
        """Return the shape as it is."""
        if self.name not in layers.ACTIVATIONS:
            raise ValueError(f"unknown activation {self.name!r}: allowed are {', '.join(layers.ACTIVATIONS)}")
        return shape

    def parameters(self, shape: Shape) -> dict[str, Parameter]:
        """Return nothing."""
        return {}

    def forward(self, p: Arrays, x: Any, mode: Pass) -> tuple[Any, Any]:
        """Return the values; the tape is the slopes."""
        return layers.activate(self.name, x)

    def backward(self, p: Arrays, tape: Any, dy: Any, inputs: bool) -> tuple[Any, dict[str, Any]]:
        """Return the input's gradient."""
        return dy * tape, {}


@dataclass(frozen=True, slots=True)
class Flatten:
    """Images or tokens to vectors, in C order."""

    def output(self, shape: Shape) -> Shape:
        """Return one length."""
        return (math.prod(shape),)

    def parameters(self, shape: Shape) -> dict[str, Parameter]:
        """Return nothing."""
        return {}

    def forward(self, p: Arrays, x: Any, mode: Pass) -> tuple[Any, Any]:
        """Return (R, B, length); the tape is the input's shape."""
        return namespace(x).reshape(x, (*x.shape[:2], -1)), tuple(x.shape)

    def backward(self, p: Arrays, tape: Any, dy: Any, inputs: bool) -> tuple[Any, dict[str, Any]]:
        """Return the input's gradient."""
        return namespace(dy).reshape(dy, tape), {}


@dataclass(frozen=True, slots=True)
class Attention:
    """Single-head self-attention on tokens, key width `width`; initial weights have variance 1 / fan-in."""

    width: int
    causal: bool = False

    def output(self, shape: Shape) -> Shape:
        """Return the shape as it is."""
        if len(shape) != 2 or self.width < 1:
            raise ValueError(f"attention of width {self.width} takes tokens (T, D), got shape {shape}")
        return shape

    def parameters(self, shape: Shape) -> dict[str, Parameter]:
        """Return the weights of query, key, value (D, K) and output (K, D)."""
        D, K = shape[1], self.width
        found = {name: Parameter((D, K), 1 / math.sqrt(D)) for name in ("query", "key", "value")}
        return {**found, "out": Parameter((K, D), 1 / math.sqrt(K))}

    def forward(self, p: Arrays, x: Any, mode: Pass) -> tuple[Any, Any]:
        """Return the output and the cache."""
        return attention.attend(x, p["query"], p["key"], p["value"], p["out"], causal=self.causal)

    def backward(self, p: Arrays, tape: Any, dy: Any, inputs: bool) -> tuple[Any, dict[str, Any]]:
        """Return the gradients."""
        dx, *found = attention.attend_backward(tape, p["query"], p["key"], p["value"], p["out"], dy)
        return dx, dict(zip(("query", "key", "value", "out"), found, strict=True))
