"""Ensembles of multilayer perceptrons: R replicas in one flat (R, P) parameter array.

Hidden layers are dense, then an optional normalization, then the activation; the output layer is dense.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from sim import layers, norms
from sim.arrays import namespace

__all__ = ["MLP", "Factors", "Slot", "mean_gradient"]


@dataclass(frozen=True, slots=True)
class Slot:
    """Where one parameter array lives in the flat vector.

    Parameters
    ----------
    layer, name
        Number of the layer, and ``W``, ``b``, ``gamma`` or ``beta``.
    start, stop
        Range in the flat vector.
    shape
        Shape without the replicate axis.
    """

    layer: int
    name: str
    start: int
    stop: int
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Factors:
    """The gradient of one dense layer, not multiplied out: example i's weight gradient is ``x_i d_i'``.

    Parameters
    ----------
    x
        Input of the layer, shape (R, B, I).
    d
        Derivative of the loss with respect to the dense output, shape (R, B, O): the bias gradients.
    dgamma, dbeta
        Gradients of the norm's scale and shift by example, shape (R, B, O); None without a norm.
    """

    x: Any
    d: Any
    dgamma: Any
    dbeta: Any


def mean_gradient(factors: tuple[Factors, ...]) -> Any:
    """Multiply the factors out to the gradient of the mean loss, shape (R, P)."""
    xp = namespace(factors[0].x)
    R, B = factors[0].x.shape[:2]
    arrays = []
    for f in factors:
        arrays.append(xp.reshape(xp.matmul(xp.permute_dims(f.x, (0, 2, 1)), f.d), (R, -1)) / B)
        arrays += [xp.mean(each, axis=1) for each in (f.d, f.dgamma, f.dbeta) if each is not None]
    return xp.concat(arrays, axis=1)


@dataclass(frozen=True, slots=True)
class _Tape:
    """One hidden or output layer's record: its input, the slope after it, the norm's cache."""

    x: Any
    slope: Any
    cache: norms.Cache | None


@dataclass(frozen=True, slots=True)
class MLP:
    """A multilayer perceptron, described; its parameters are passed to every call.

    Parameters
    ----------
    widths
        Input width, hidden widths, output width.
    activation
        One of `sim.layers.ACTIVATIONS`.
    loss
        One of `sim.layers.LOSSES`.
    norm
        None or one of ``batch``, ``layer``, ``group``, ``rms``, applied before each hidden activation.
    groups
        Number of groups, for ``group`` only.
    eps
        Of the normalization.
    """

    widths: tuple[int, ...]
    activation: str = "tanh"
    loss: str = "cross_entropy"
    norm: str | None = None
    groups: int | None = None
    eps: float = 1e-5

    def __post_init__(self) -> None:
        """Refuse descriptions outside what is stated above."""
        if len(self.widths) < 2 or any(
            isinstance(w, bool) or not isinstance(w, int) or w < 1 for w in self.widths
        ):
            raise ValueError(f"widths must be at least two whole numbers >= 1, got {self.widths!r}")
        if self.activation not in layers.ACTIVATIONS:
            raise ValueError(
                f"unknown activation {self.activation!r}: allowed are {', '.join(layers.ACTIVATIONS)}"
            )
        if self.loss not in layers.LOSSES:
            raise ValueError(f"unknown loss {self.loss!r}: allowed are {', '.join(layers.LOSSES)}")
        if self.norm not in (None, "batch", "layer", "group", "rms"):
            raise ValueError(f"unknown norm {self.norm!r}: allowed are None, batch, layer, group, rms")

    @property
    def slots(self) -> tuple[Slot, ...]:
        """The layout of the flat parameter vector."""
        found, start = [], 0
        for layer, (wide, out) in enumerate(pairwise(self.widths)):
            arrays: list[tuple[str, tuple[int, ...]]] = [("W", (wide, out)), ("b", (out,))]
            if self.norm and layer < len(self.widths) - 2:
                arrays += [("gamma", (out,)), ("beta", (out,))]
            for name, shape in arrays:
                stop = start + math.prod(shape)
                found.append(Slot(layer, name, start, stop, shape))
                start = stop
        return tuple(found)

    @property
    def size(self) -> int:
        """Number of parameters P."""
        return self.slots[-1].stop

    def initial(self, R: int, *, rng: np.random.Generator) -> np.ndarray:
        """Draw R replicas: weights normal with variance 1 / fan-in, shifts 0, scales 1.

        Parameters
        ----------
        R
            Number of replicas, at least 1.
        rng
            The stream.

        Returns
        -------
        numpy.ndarray of float64, shape (R, P)
        """
        if isinstance(R, bool) or not isinstance(R, int) or R < 1:
            raise ValueError(f"number of replicas R must be a whole number >= 1, got {R!r}")
        theta = np.zeros((R, self.size))
        for slot in self.slots:
            if slot.name == "W":
                normal = rng.standard_normal((R, slot.stop - slot.start))
                theta[:, slot.start : slot.stop] = normal / math.sqrt(slot.shape[0])
            elif slot.name == "gamma":
                theta[:, slot.start : slot.stop] = 1.0
        return theta

    def views(self, theta: Any) -> dict[tuple[int, str], Any]:
        """Return the parameter arrays by (layer, name), each (R, ...), as views where the library allows.

        Parameters
        ----------
        theta
            Shape (R, P).

        Raises
        ------
        ValueError
            If `theta` has another shape.
        """
        xp = namespace(theta)
        if theta.ndim != 2 or theta.shape[1] != self.size:
            raise ValueError(f"parameters must have shape (R, {self.size}), got {tuple(theta.shape)}")
        return {
            (s.layer, s.name): xp.reshape(theta[:, s.start : s.stop], (theta.shape[0], *s.shape))
            for s in self.slots
        }

    def _forward(self, theta: Any, x: Any) -> tuple[Any, list[_Tape], dict[tuple[int, str], Any]]:
        xp = namespace(theta, x)
        parts, last = self.views(theta), len(self.widths) - 2
        if x.shape[-1] != self.widths[0] or x.ndim not in (2, 3):
            raise ValueError(
                f"inputs must have shape (B, {self.widths[0]}) or (R, B, {self.widths[0]}), got {x.shape}"
            )
        h = xp.broadcast_to(x, (theta.shape[0], *x.shape[-2:]))
        tapes = []
        for layer in range(last + 1):
            z, cache, slope, inputs = layers.dense(h, parts[layer, "W"], parts[layer, "b"]), None, None, h
            if layer < last:
                if self.norm:
                    scale, shift = parts[layer, "gamma"], parts[layer, "beta"]
                    z, cache = norms.forward(
                        self.norm, z, groups=self.groups, eps=self.eps, gamma=scale, beta=shift
                    )
                h, slope = layers.activate(self.activation, z)
            tapes.append(_Tape(inputs, slope, cache))
        return z, tapes, parts

    def outputs(self, theta: Any, x: Any) -> Any:
        """Return the outputs (logits), shape (R, B, K), of inputs (B, I) or (R, B, I)."""
        return self._forward(theta, x)[0]

    def hidden(self, theta: Any, x: Any) -> Any:
        """Return the first layer's dense output before normalization and activation, shape (R, B, H)."""
        xp, parts = namespace(theta, x), self.views(theta)
        h = xp.broadcast_to(x, (theta.shape[0], *x.shape[-2:]))
        return layers.dense(h, parts[0, "W"], parts[0, "b"])

    def losses(self, theta: Any, x: Any, y: Any) -> Any:
        """Return the loss of each example, shape (R, B)."""
        return self._residual(self.outputs(theta, x), y)[0]

    def _residual(self, outputs: Any, y: Any) -> tuple[Any, Any]:
        return (
            layers.cross_entropy(outputs, y) if self.loss == "cross_entropy" else layers.squared(outputs, y)
        )

    def factors(self, theta: Any, x: Any, y: Any) -> tuple[Any, tuple[Factors, ...]]:
        """Return the losses (R, B) and what each layer's gradient is made of.

        Parameters
        ----------
        theta, x, y
            As for `gradient`.

        Returns
        -------
        tuple
            Losses and, for each layer, its `Factors`.  Under batch norm they are derivatives of the summed
            loss, not of one example's.
        """
        xp = namespace(theta, x)
        outputs, tapes, parts = self._forward(theta, x)
        losses, d = self._residual(outputs, y)
        found = []
        for layer in range(len(tapes) - 1, -1, -1):
            tape, dgamma, dbeta = tapes[layer], None, None
            if tape.slope is not None:
                d = d * tape.slope
            if tape.cache is not None:
                d, dgamma, dbeta = norms.backward(tape.cache, d)
            found.append(Factors(tape.x, d, dgamma, dbeta))
            if layer:
                # the input's gradient alone: the weights' is left to whoever multiplies the factors out
                d = xp.matmul(d, xp.permute_dims(parts[layer, "W"], (0, 2, 1)))
        return losses, tuple(reversed(found))

    def gradient(self, theta: Any, x: Any, y: Any) -> tuple[Any, Any]:
        """Return the losses (R, B) and the gradient (R, P) of their mean over the batch.

        Parameters
        ----------
        theta
            Shape (R, P).
        x
            Inputs, shape (B, I) or (R, B, I).
        y
            Labels (B,) or (R, B), or targets (B, K) or (R, B, K).
        """
        losses, found = self.factors(theta, x, y)
        return losses, mean_gradient(found)

    def example_gradients(self, theta: Any, x: Any, y: Any) -> Any:
        """Return the gradient of each example's loss, shape (R, B, P).

        Parameters
        ----------
        theta, x, y
            As for `gradient`.

        Raises
        ------
        ValueError
            Under batch norm, where the loss of one example depends on its peers.
        """
        if self.norm == "batch":
            raise ValueError(
                "per-example gradients do not exist under batch norm: a loss depends on its peers"
            )
        xp = namespace(theta, x)
        losses, found = self.factors(theta, x, y)
        R, B = losses.shape
        arrays = []
        for f in found:
            arrays.append(xp.reshape(f.x[..., :, None] * f.d[..., None, :], (R, B, -1)))
            arrays += [each for each in (f.d, f.dgamma, f.dbeta) if each is not None]
        return xp.concat(arrays, axis=2)
