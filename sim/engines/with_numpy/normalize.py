"""Normalization of a chunk's activations, shape (R, B, H), forward and backward in buffers made once.

Sums over the batch and over channels are products with vectors of ones: a BLAS adds faster than a reduction.
"""

from __future__ import annotations

from typing import Any

from sim.engines.with_numpy.passes import Passes

__all__ = ["Norm"]


class Norm:
    """One layer's normalization: its buffers and the record that the backward pass needs.

    Parameters
    ----------
    xp
        The library that the arrays belong to.
    kind
        ``batch``, ``layer``, ``group``, ``rms`` or ``hybrid``.
    z, d
        Buffers of the activations before the norm and of their gradients, shape (R, B, H), contiguous.
    groups
        Number of groups; 1 but for ``group``.
    alpha
        Weight of the batch statistics in ``hybrid``.
    eps
        Added to the variance.
    """

    def __init__(self, xp: Passes, kind: str, z: Any, d: Any, *, groups: int, alpha: float, eps: float) -> None:
        R, B, H = z.shape
        self.xp, self.kind, self.z, self.d = xp, kind, z, d
        self.alpha, self.eps, self.wide = alpha, eps, H // groups
        # the normalized activations; in batch norm, the centered ones
        self.x_hat, self.scratch = xp.empty(z.shape), xp.empty(z.shape)
        self.z_rows, self.d_rows, self.hat_rows, self.scratch_rows = (
            xp.view(x, (R * B * groups, self.wide)) for x in (z, d, self.x_hat, self.scratch)
        )
        self.by_column, self.by_row = (xp.empty(z.shape) if kind == "hybrid" else None for _ in range(2))
        self.inverse: Any = xp.empty(z.shape) if kind == "hybrid" else None
        self.of_batch = xp.full((1, B), 1 / B)
        self.of_row = xp.full((self.wide,), 1 / self.wide)
        self.ones = xp.full((1, B), 1.0)

    def forward(self, gamma: Any) -> None:
        """Replace the activations before the norm by the normalized ones, scaled.

        Parameters
        ----------
        gamma
            The scale, shape (R, 1, H).
        """
        xp, z = self.xp, self.z
        match self.kind:
            case "batch":
                # beyond the first entry, so that equal entries have a variance of exactly 0
                xp.subtract(z, z[:, :1, :], out=self.x_hat)
                self.x_hat -= self.of_batch @ self.x_hat
                xp.multiply(self.x_hat, self.x_hat, out=self.scratch)
                self.inverse = 1 / xp.sqrt(self.of_batch @ self.scratch + self.eps)
                xp.multiply(self.x_hat, gamma * self.inverse, out=z)
                return
            case "hybrid":
                self._forward_hybrid()
            case _:
                x, hat = self.z_rows, self.hat_rows
                if self.kind == "rms":
                    hat[...] = x
                else:
                    xp.subtract(x, x[:, :1], out=hat)
                    hat -= (hat @ self.of_row)[:, None]
                var = xp.vecdot(hat, hat)[:, None] / self.wide
                self.inverse = 1 / xp.sqrt(var + self.eps)
                hat *= self.inverse
        xp.multiply(self.x_hat, gamma, out=z)

    def _forward_hybrid(self) -> None:
        xp, z, share, rest, column, row = self.xp, self.z, self.alpha, 1 - self.alpha, self.by_column, self.by_row
        xp.subtract(z, z[:, :1, :], out=column)
        column -= self.of_batch @ column
        xp.multiply(column, column, out=self.scratch)
        var = self.of_batch @ self.scratch
        xp.subtract(z, z[..., :1], out=row)
        row -= (row @ self.of_row)[..., None]
        spread = xp.vecdot(row, row)[..., None] / self.wide
        inverse = self.inverse
        xp.subtract(share * var, -(rest * spread + self.eps), out=inverse)
        xp.sqrt(inverse, out=inverse)
        xp.divide(1.0, inverse, out=inverse)
        # not by the mixed mean: of a constant, alpha and 1 - alpha times it need not add up to it
        xp.multiply(column, share, out=self.x_hat)
        xp.multiply(row, rest, out=self.scratch)
        self.x_hat += self.scratch
        self.x_hat *= inverse

    def backward(self, gamma: Any, dgamma: Any, dbeta: Any) -> None:
        """Replace the gradient after the norm by that before it; set those of scale and shift.

        Parameters
        ----------
        gamma, dgamma, dbeta
            Shape (R, 1, H).
        """
        xp, d = self.xp, self.d
        xp.matmul(self.ones, d, out=dbeta)
        xp.multiply(d, self.x_hat, out=self.scratch)
        xp.matmul(self.ones, self.scratch, out=dgamma)
        if self.kind == "batch":
            share = 1 / d.shape[1]
            dgamma *= self.inverse
            xp.multiply(self.x_hat, dgamma * (share * self.inverse), out=self.scratch)
            d -= dbeta * share
            d -= self.scratch
            d *= gamma * self.inverse
            return
        d *= gamma
        if self.kind == "hybrid":
            self._backward_hybrid()
            return
        g, hat, other = self.d_rows, self.hat_rows, self.scratch_rows
        product = xp.vecdot(g, hat)[:, None] / self.wide
        xp.multiply(hat, product, out=other)
        if self.kind != "rms":
            g -= (g @ self.of_row)[:, None]
        g -= other
        g *= self.inverse

    def _backward_hybrid(self) -> None:
        """Split each entry's pull on its mean and variance between its column and its row."""
        xp, d, share, rest = self.xp, self.d, self.alpha, 1 - self.alpha
        d *= self.inverse
        xp.multiply(d, self.x_hat, out=self.scratch)
        self.scratch *= self.inverse
        pull, spread = self.of_batch @ d, self.of_batch @ self.scratch
        row_pull, row_spread = (d @ self.of_row)[..., None], (self.scratch @ self.of_row)[..., None]
        for weight, mean, slope, centered in (
            (share, pull, spread, self.by_column), (rest, row_pull, row_spread, self.by_row)
        ):  # fmt: skip
            xp.multiply(centered, weight * slope, out=self.scratch)
            self.scratch += weight * mean
            d -= self.scratch
