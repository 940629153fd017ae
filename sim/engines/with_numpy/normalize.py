"""Normalization of a chunk's activations, shape (R, B, H), forward and backward in buffers made once.

Sums over the batch and over channels are products with vectors of ones: a BLAS adds faster than a reduction.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["Norm"]


class Norm:
    """One layer's normalization: its buffers and the record that the backward pass needs.

    Parameters
    ----------
    kind
        ``batch``, ``layer``, ``group``, ``rms`` or ``hybrid``.
    R, B, H
        Shape of the activations.
    groups
        Number of groups; 1 but for ``group``.
    alpha
        Weight of the batch statistics in ``hybrid``.
    eps
        Added to the variance.
    dtype
        Of the activations.
    """

    def __init__(
        self, kind: str, R: int, B: int, H: int, *, groups: int, alpha: float, eps: float, dtype: Any
    ) -> None:
        self.kind, self.alpha, self.eps = kind, alpha, eps
        self.shape, self.rows, self.wide = (R, B, H), R * B * groups, H // groups
        self.x_hat, self.scratch, self.inputs = (np.empty(self.shape, dtype) for _ in range(3))
        self.inverse: Any = None
        self.mean: Any = None
        self.middle: Any = None
        self.of_batch = np.full((1, B), 1 / B, dtype)
        self.of_row = np.full(self.wide, 1 / self.wide, dtype)
        self.ones = np.ones((1, B), dtype)

    def _by_row(self, x: np.ndarray) -> np.ndarray:
        return x.reshape(self.rows, self.wide)

    def _row_mean(self, x: np.ndarray) -> np.ndarray:
        return (self._by_row(x) @ self.of_row)[:, None]

    def forward(self, z: np.ndarray) -> np.ndarray:
        """Return the normalized activations; `z` is spent."""
        match self.kind:
            case "batch":
                np.subtract(z, self.of_batch @ z, out=self.x_hat)
                np.multiply(self.x_hat, self.x_hat, out=self.scratch)
                self.inverse = 1 / np.sqrt(self.of_batch @ self.scratch + z.dtype.type(self.eps))
                self.x_hat *= self.inverse
            case "hybrid":
                self._forward_hybrid(z)
            case _:
                x, hat = self._by_row(z), self._by_row(self.x_hat)
                if self.kind == "rms":
                    hat[:] = x
                else:
                    np.subtract(x, self._row_mean(x), out=hat)
                var = np.vecdot(hat, hat)[:, None] / z.dtype.type(self.wide)
                self.inverse = 1 / np.sqrt(var + z.dtype.type(self.eps))
                hat *= self.inverse
        return self.x_hat

    def _forward_hybrid(self, z: np.ndarray) -> None:
        real = z.dtype.type
        share, rest = real(self.alpha), real(1 - self.alpha)
        np.copyto(self.inputs, z)
        self.mean, self.middle = self.of_batch @ z, (z @ self.of_row)[..., None]
        np.subtract(z, self.mean, out=self.scratch)
        np.multiply(self.scratch, self.scratch, out=self.scratch)
        var = self.of_batch @ self.scratch
        np.subtract(z, self.middle, out=self.scratch)
        spread = np.vecdot(self.scratch, self.scratch)[..., None] / real(self.wide)
        inverse = share * var + (rest * spread + real(self.eps))
        np.sqrt(inverse, out=inverse)
        np.divide(real(1), inverse, out=inverse)
        np.subtract(z, share * self.mean, out=self.x_hat)
        self.x_hat -= rest * self.middle
        self.x_hat *= inverse
        self.inverse = inverse

    def backward(self, d: np.ndarray, gamma: np.ndarray, dgamma: np.ndarray, dbeta: np.ndarray) -> None:
        """Replace the gradient after the norm by that before it; set those of scale and shift.

        Parameters
        ----------
        d
            Shape (R, B, H), contiguous.
        gamma, dgamma, dbeta
            Shape (R, 1, H).
        """
        np.matmul(self.ones, d, out=dbeta)
        np.multiply(d, self.x_hat, out=self.scratch)
        np.matmul(self.ones, self.scratch, out=dgamma)
        if self.kind == "batch":
            share = d.dtype.type(1 / self.shape[1])
            np.multiply(self.x_hat, dgamma * share, out=self.scratch)
            d -= dbeta * share
            d -= self.scratch
            d *= gamma * self.inverse
            return
        d *= gamma
        if self.kind == "hybrid":
            self._backward_hybrid(d)
            return
        g, hat, other = self._by_row(d), self._by_row(self.x_hat), self._by_row(self.scratch)
        product = np.vecdot(g, hat)[:, None] / d.dtype.type(self.wide)
        np.multiply(hat, product, out=other)
        if self.kind != "rms":
            g -= self._row_mean(g)
        g -= other
        g *= self.inverse

    def _backward_hybrid(self, d: np.ndarray) -> None:
        """Split each entry's pull on its mean and variance between its column and its row."""
        real = d.dtype.type
        share, rest = real(self.alpha), real(1 - self.alpha)
        d *= self.inverse
        np.multiply(d, self.x_hat, out=self.scratch)
        self.scratch *= self.inverse
        pull, spread = self.of_batch @ d, self.of_batch @ self.scratch
        row_pull, row_spread = (d @ self.of_row)[..., None], (self.scratch @ self.of_row)[..., None]
        # d -= share (pull + spread (x - mean)) + rest (row pull + row spread (x - middle))
        np.multiply(share * spread + rest * row_spread, self.inputs, out=self.scratch)
        d -= self.scratch
        d -= share * (pull - spread * self.mean)
        d -= rest * (row_pull - row_spread * self.middle)
