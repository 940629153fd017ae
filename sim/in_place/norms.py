"""Norms on fixed buffers: every sum is a product with ones, which is the fastest sum there is in NumPy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sim.in_place.step import Array, Step
from sim.norm_blocks import Norm

__all__ = ["NormStep", "pools"]


def pools(layer: Norm, before: tuple[int, ...], B: int) -> tuple[int, int, int]:
    """Return the shape in which the middle axis is what one statistic pools.

    Parameters
    ----------
    layer
        The norm.
    before
        Shape of an example.
    B
        Batch size.

    Raises
    ------
    ValueError
        If the norm has no form in place, ``eps = 0``, or a statistic would pool a single entry.
    """
    C, S = before[0], math.prod(before[1:])
    match layer.kind:
        case "batch":
            found = C, S * B, 1
        case "instance":
            found = C, S, B
        case "group":
            G = layer.groups or 1
            found = G, C // G * S, B
        case "layer" | "rms":
            found = 1, C * S, B
        case _:
            raise ValueError(f"in place there is no {layer.kind} norm: train with sim.training.train")
    if found[1] < 2 and layer.kind != "rms":
        raise ValueError(f"{layer.kind} statistics needs at least 2 entries, got {found[1]}")
    if not layer.eps > 0:
        raise ValueError(f"in place a norm needs eps > 0, got {layer.eps}")
    return found


class NormStep(Step):
    """Statistics of the middle axis, then scale and shift of each channel, the first axis.

    `x_hat` keeps the normalized input; the centered one where `joined` is true.
    """

    def __init__(self, layer: Norm, before: tuple[int, ...], *args: Any) -> None:
        super().__init__(*args)
        C, S, B = before[0], math.prod(before[1:]), self.x.shape[1]
        shape, dtype = pools(layer, before, B), self.x.dtype
        self.centers, self.affine, self.C = layer.kind != "rms", layer.affine, C
        self.eps = np.asarray(layer.eps, dtype)
        # where a channel is a block its scale takes the inverse root along, which saves a pass
        self.joined = layer.kind == "batch" and layer.affine
        self.share = np.full((1, shape[1]), 1 / shape[1], dtype)
        self.x_hat, self.work = np.empty(shape, dtype), np.empty(shape, dtype)
        self.mean, self.inverse = np.empty((shape[0], 1, shape[2]), dtype), np.empty((shape[0], 1, shape[2]), dtype)
        self.pooled_x, self.pooled_dx = self.x.reshape(shape), self.dx.reshape(shape)
        self.rows = (C, S * B)
        self.ones = np.ones(S * B, dtype)

    def receive(self, gradient: Array) -> None:
        """Take the places of scale and shift."""
        C = self.C
        if self.affine:
            self.gamma, self.beta = self.parameters[:C, None], self.parameters[C:, None]
            self.dgamma, self.dbeta = gradient[:C], gradient[C:]

    def forward(self) -> None:
        """Center, scale by the root of the variance, apply scale and shift."""
        x_hat, mean, inverse = self.x_hat, self.mean, self.inverse
        if self.centers:
            # beyond the first entry, so that equal entries have a variance of exactly 0
            np.subtract(self.pooled_x, self.pooled_x[:, :1], out=x_hat)
            np.matmul(self.share, x_hat, out=mean)
            np.subtract(x_hat, mean, out=x_hat)
        else:
            np.copyto(x_hat, self.pooled_x)
        np.multiply(x_hat, x_hat, out=self.work)
        np.matmul(self.share, self.work, out=inverse)
        np.add(inverse, self.eps, out=inverse)
        np.sqrt(inverse, out=inverse)
        np.divide(1, inverse, out=inverse)
        if not self.joined:
            np.multiply(x_hat, inverse, out=x_hat)
        y, flat = self.y.reshape(self.rows), x_hat.reshape(self.rows)
        if self.affine:
            np.multiply(flat, self.gamma * inverse[:, 0] if self.joined else self.gamma, out=y)
            np.add(y, self.beta, out=y)
        else:
            np.copyto(y, flat)

    def backward(self, d: Array) -> Array:
        """Return the input's gradient by `sim.norms.backward`'s formula."""
        g, work, mean = d.reshape(self.rows), self.work, self.mean
        if self.affine:
            np.matmul(g, self.ones, out=self.dbeta)
            np.multiply(g, self.x_hat.reshape(self.rows), out=work.reshape(self.rows))
            np.matmul(work.reshape(self.rows), self.ones, out=self.dgamma)
            if self.joined:
                np.multiply(self.dgamma, self.inverse[:, 0, 0], out=self.dgamma)
            if not self.inputs:
                return self.dx
            np.multiply(g, self.gamma, out=g)
        pooled, dx = d.reshape(self.x_hat.shape), self.pooled_dx
        np.multiply(pooled, self.x_hat, out=work)
        np.matmul(self.share, work, out=mean)
        if self.joined:
            for _ in range(2):
                np.multiply(mean, self.inverse, out=mean)
        np.multiply(self.x_hat, mean, out=work)
        np.subtract(pooled, work, out=dx)
        if self.centers:
            np.matmul(self.share, pooled, out=mean)
            np.subtract(dx, mean, out=dx)
        np.multiply(dx, self.inverse, out=dx)
        return self.dx
