"""Layers of a network as steps on fixed buffers with the batch as the last axis; see `sim.in_place`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sim import blocks, convolution
from sim import layers as plain
from sim.in_place.norms import NormStep
from sim.in_place.step import Array, Step, activation
from sim.norm_blocks import Norm
from sim.sequential import Network, Residual

__all__ = ["compiled"]


class DenseStep(Step):
    """Weights with the bias as their last row."""

    def receive(self, gradient: Array) -> None:
        """Take the place of the gradient, shape (I + 1, O)."""
        shape = (len(self.x) + 1, len(self.y))
        self.weights, self.gradient = self.parameters.reshape(shape), gradient.reshape(shape)

    def forward(self) -> None:
        """Multiply."""
        np.matmul(self.weights.T, self.x_ones, out=self.y)

    def backward(self, d: Array) -> Array:
        """Multiply twice."""
        np.matmul(self.x_ones, d.T, out=self.gradient)
        if self.inputs:
            np.matmul(self.weights[:-1], d, out=self.dx)
        return self.dx


class ActivationStep(Step):
    """An activation, entry by entry; relu without a pass over a scalar, which is slow in NumPy."""

    def __init__(self, name: str, *args: Any) -> None:
        super().__init__(*args)
        self.name, self.zero, self.slope = name, np.zeros_like(self.x), np.zeros_like(self.x)
        self.mask = np.zeros(self.x.shape, bool)

    def forward(self) -> None:
        """Apply the activation."""
        if self.name == "relu":
            np.maximum(self.x, self.zero, out=self.y)
        elif self.name == "tanh":
            np.tanh(self.x, out=self.y)
        else:
            self.y[...], self.slope = plain.activate(self.name, self.x)

    def backward(self, d: Array) -> Array:
        """Multiply by the slope."""
        if self.name == "relu":
            np.greater(self.y, self.zero, out=self.mask)
            return np.multiply(d, self.mask, out=d)
        if self.name == "tanh":
            np.multiply(self.y, self.y, out=self.slope)
            np.subtract(1, self.slope, out=self.slope)
        return np.multiply(d, self.slope, out=d)


class FlattenStep(Step):
    """Nothing moves: rows are already in C order."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.y, self.y_ones = self.x, self.x_ones

    def forward(self) -> None:
        """Do nothing."""

    def backward(self, d: Array) -> Array:
        """Do nothing."""
        return d


def _shifted(k: int, sides: tuple[int, int], positions: tuple[int, int], stride: int, padding: int) -> list[Any]:
    """Return for each kernel entry the positions at which it meets the image, and the entries it meets there."""
    found = []
    for i in range(k):
        for j in range(k):
            place, meets = [], []
            for offset, side, count in zip((i, j), sides, positions, strict=True):
                first = max(0, -(-(padding - offset) // stride))
                last = min(count - 1, (side - 1 + padding - offset) // stride)
                begin = first * stride + offset - padding
                place.append(slice(first, max(first, last + 1)))
                meets.append(slice(begin, begin + stride * max(0, last - first + 1), stride))
            found.append((i, j, *place, *meets))
    return found


class ConvStep(Step):
    """Columns under the kernel, whose zeros at the border are written once, and one product."""

    def __init__(self, layer: blocks.Conv, before: tuple[int, ...], *args: Any) -> None:
        super().__init__(*args)
        self.k, self.O, self.B = layer.size, layer.channels, self.x.shape[1]
        (C, H, W), k = before, layer.size
        rows, cols = (convolution.output_side(s, k, stride=layer.stride, padding=layer.padding) for s in (H, W))
        self.images = self.x.reshape(C, H, W, self.B)
        self.columns = np.zeros((C, k, k, rows, cols, self.B), self.x.dtype)
        self.shifts = _shifted(k, (H, W), (rows, cols), layer.stride, layer.padding)
        self.flat = self.columns.reshape(C * k * k, -1)
        self.z = self.y.reshape(self.O, -1)
        self.ones = np.ones(self.z.shape[1], self.x.dtype)
        self.C, self.size = C, self.O * C * k * k
        # for unit stride the input's gradient is a convolution again, of the output's with turned kernels
        self.turned, self.back = layer.stride == 1 and layer.padding < k, k - 1 - layer.padding

    def receive(self, gradient: Array) -> None:
        """Take the places of kernels and shifts."""
        shape = (self.O, self.C * self.k**2)
        self.kernels, self.b = self.parameters[: self.size].reshape(shape), self.parameters[self.size :]
        self.gradient, self.db = gradient[: self.size].reshape(shape), gradient[self.size :]
        if not self.inputs:
            return
        if not self.turned:
            self.spread = np.empty(self.columns.shape, self.x.dtype)
            return
        _, H, W, B = self.images.shape
        k = self.k
        self.spread = np.zeros((self.O, k, H + k - 1, W, B), self.x.dtype)
        self.flipped, self.part = np.empty((k, self.C, self.O, k), self.x.dtype), np.empty_like(self.dx)

    def forward(self) -> None:
        """Copy, multiply, shift."""
        for i, j, r, c, R, C in self.shifts:
            self.columns[:, i, j, r, c] = self.images[:, R, C]
        np.matmul(self.kernels, self.flat, out=self.z)
        np.add(self.z, self.b[:, None], out=self.z)

    def backward(self, d: Array) -> Array:
        """Multiply for the kernels; for the input convolve back, or spread the columns where strides forbid it."""
        rows = d.reshape(self.O, -1)
        np.matmul(rows, self.flat.T, out=self.gradient)
        np.matmul(rows, self.ones, out=self.db)
        if not self.inputs:
            return self.dx
        if self.turned:
            self._convolve_back(d.reshape(self.O, *self.columns.shape[3:]))
            return self.dx
        np.matmul(self.kernels.T, rows, out=self.spread.reshape(self.C * self.k**2, -1))
        self.dx[...] = 0
        images = self.dx.reshape(self.images.shape)
        for i, j, r, c, R, C in self.shifts:
            images[:, R, C] += self.spread[:, i, j, r, c]
        return self.dx

    def _convolve_back(self, d: Array) -> None:
        """Shift by columns only; a shift by rows is another place to begin reading the same memory."""
        _, H, W, B = self.images.shape
        k, (rows, cols) = self.k, d.shape[1:3]
        for j in range(k):
            first, last = max(0, self.back - j), min(W, cols + self.back - j)
            begin = first + j - self.back
            self.spread[:, j, self.back : self.back + rows, first:last] = d[:, :, begin : begin + last - first]
        kernels = self.kernels.reshape(self.O, self.C, k, k)
        self.flipped[...] = kernels.transpose(2, 1, 0, 3)[::-1, ..., ::-1]
        spread, flipped = self.spread.reshape(self.O * k, -1), self.flipped.reshape(k, self.C, -1)
        out, part = self.dx.reshape(self.C, -1), self.part.reshape(self.C, -1)
        for i in range(k):
            np.matmul(flipped[i], spread[:, i * W * B : (i + H) * W * B], out=part if i else out)
            if i:
                np.add(out, part, out=out)


class PoolStep(Step):
    """Mean or maximum over tiles: first over their rows, in long stretches, then over their columns."""

    def __init__(self, layer: blocks.Pool, before: tuple[int, ...], *args: Any) -> None:
        super().__init__(*args)
        C, H, W = before
        self.kind, k, B = layer.kind, layer.size, self.x.shape[1]
        self.k, self.share = k, np.asarray(1 / k**2, self.x.dtype)
        self.tiles, self.dtiles = (a.reshape(C, H // k, k, W // k, k, B) for a in (self.x, self.dx))
        rows, drows = (a.reshape(C, H // k, k, W * B) for a in (self.x, self.dx))
        self.strip = np.empty((C, H // k, W * B), self.x.dtype)
        columns = self.strip.reshape(C, H // k, W // k, k, B)
        self.by_row, self.back_by_row = ([a[:, :, i] for i in range(k)] for a in (rows, drows))
        self.by_column = [columns[:, :, :, i] for i in range(k)]
        self.z = self.y.reshape(C, H // k, W // k, B)
        self.free, self.hit = np.empty(self.z.shape, bool), np.empty(self.z.shape, bool)

    def forward(self) -> None:
        """Reduce one axis of the tiles, then the other."""
        join = np.add if self.kind == "average" else np.maximum
        for parts, out in ((self.by_row, self.strip), (self.by_column, self.z)):
            if self.k == 1:
                np.copyto(out, parts[0])
                continue
            join(parts[0], parts[1], out=out)
            for part in parts[2:]:
                join(out, part, out=out)
        if self.kind == "average":
            np.multiply(self.z, self.share, out=self.z)

    def backward(self, d: Array) -> Array:
        """Spread the mean's gradient evenly, the maximum's to the first entry that has it."""
        d = d.reshape(self.z.shape)
        if self.kind == "average":
            np.multiply(d, self.share, out=d)
            for column in self.by_column:
                np.copyto(column, d)
            for row in self.back_by_row:
                np.copyto(row, self.strip)
            return self.dx
        self.free[...] = True
        for i in range(self.k):
            for j in range(self.k):
                np.equal(self.tiles[:, :, i, :, j], self.z, out=self.hit)
                np.logical_and(self.hit, self.free, out=self.hit)
                np.multiply(d, self.hit, out=self.dtiles[:, :, i, :, j])
                np.greater(self.free, self.hit, out=self.free)
        return self.dx


class ResidualStep(Step):
    """Two chains from one input, added; an empty shortcut is the input itself."""

    def __init__(self, layer: Residual, before: tuple[int, ...], *args: Any) -> None:
        super().__init__(*args)
        self.long = _chain(layer.chain, before, self.x, self.x_ones, self.parameters)
        used = self.long[-1].stop if self.long else 0
        self.short = _chain(layer.shortcut, before, self.x, self.x_ones, self.parameters[used:])
        self.used, self.d = used, np.empty_like(self.y)

    def receive(self, gradient: Array) -> None:
        """Hand each way its part."""
        for way, part in ((self.long, gradient[: self.used]), (self.short, gradient[self.used :])):
            for number, step in enumerate(way):
                step.inputs = self.inputs or number > 0
                step.receive(part[step.start : step.stop])

    def forward(self) -> None:
        """Run both ways and add."""
        for step in (*self.long, *self.short):
            step.forward()
        long, short = (way[-1].y if way else self.x for way in (self.long, self.short))
        np.add(long, short, out=self.y)

    def backward(self, d: Array) -> Array:
        """Run both ways back on a copy each, for either may overwrite it."""
        np.copyto(self.d, d)
        for step in reversed(self.long):
            d = step.backward(d)
        other = self.d
        for step in reversed(self.short):
            other = step.backward(other)
        return np.add(d, other, out=self.dx) if self.inputs else self.dx


def compiled(network: Network, theta: Array, B: int) -> list[Step]:
    """Return the steps of a network on one replica's flat parameters, in order.

    Parameters
    ----------
    network
        The architecture.
    theta
        Flat parameters, shape (P,); the steps keep views of it.
    B
        Batch size.

    Raises
    ------
    ValueError
        If a layer has no form in place, or the output is not a vector.
    """
    if len(network.output) != 1:
        raise ValueError(f"in place the output must be a vector, got {network.output}")
    x, ones = activation(network.shape, B, theta.dtype)
    found = _chain(network.chain, network.shape, x, ones, theta)
    for step in found:
        # nothing before the first parameters needs a gradient
        step.inputs = step.start > 0
    return found


def _chain(chain: tuple[Any, ...], shape: tuple[int, ...], x: Array, ones: Array, parameters: Array) -> list[Step]:
    """Return the steps of a chain; the input of each is the output of the one before."""
    found: list[Step] = []
    start = 0
    for layer in chain:
        after = layer.output(shape)
        stop = start + sum(math.prod(p.shape) for p in layer.parameters(shape).values())
        found.append(_step(layer, shape, x, ones, after, parameters[start:stop], start))
        x, ones, shape, start = found[-1].y, found[-1].y_ones, after, stop
    return found


def _step(layer: Any, before: tuple[int, ...], *args: Any) -> Step:
    match layer:
        case blocks.Dense() if len(before) == 1:
            return DenseStep(*args)
        case blocks.Conv():
            return ConvStep(layer, before, *args)
        case blocks.Pool():
            return PoolStep(layer, before, *args)
        case blocks.Activation():
            return ActivationStep(layer.name, *args)
        case blocks.Flatten():
            return FlattenStep(*args)
        case Norm() if len(before) != 2:
            return NormStep(layer, before, *args)
        case Residual():
            return ResidualStep(layer, before, *args)
    raise ValueError(f"in place there is no {type(layer).__name__} on shape {before}: train with sim.training.train")
