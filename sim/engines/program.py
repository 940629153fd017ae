"""What an engine trains: one architecture under one method, as plain numbers."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

__all__ = ["ACTIVATIONS", "LOSSES", "METHODS", "NORMS", "Dense", "Program"]

ACTIVATIONS = ("linear", "relu", "tanh", "gelu")
LOSSES = ("cross_entropy", "squared")
METHODS = ("sgd", "heavy_ball", "nesterov", "adam")
NORMS = ("none", "batch", "layer", "group", "rms", "hybrid")


@dataclass(frozen=True, slots=True)
class Dense:
    """Where one layer lies in the flat parameters: weights, then bias, then scale and shift.

    Parameters
    ----------
    wide, out
        Widths of input and output.
    W, b, gamma, beta
        First entries in the flat vector; `gamma` and `beta` are -1 where the layer has no norm.
    """

    wide: int
    out: int
    W: int
    b: int
    gamma: int
    beta: int


@dataclass(frozen=True, slots=True)
class Program:
    """A multilayer perceptron and its method, the same for every replica that runs it.

    Parameters
    ----------
    widths
        Input width, hidden widths, output width.
    activation, loss, method
        One of `ACTIVATIONS`, `LOSSES`, `METHODS`; as in `sim.layers` and `sim.optimizers`.
    norm
        One of `NORMS`, before each hidden activation, with scale and shift.  ``hybrid`` normalizes by mean
        ``alpha m_batch + (1 - alpha) m_layer`` and by the variance mixed alike.
    groups
        Number of groups; 1 but for ``group``.
    alpha
        Weight of the batch statistics in ``hybrid``, in 0..1.
    eps
        Added to the variance.
    beta, beta2, root
        Momentum; Adam's second decay and the constant added to its root.
    lam
        Decoupled weight decay.
    limit
        A batch loss above this is divergence.
    """

    widths: tuple[int, ...]
    activation: str
    loss: str
    norm: str
    groups: int
    alpha: float
    eps: float
    method: str
    beta: float
    beta2: float
    root: float
    lam: float
    limit: float

    @property
    def layers(self) -> tuple[Dense, ...]:
        """The layers' places, in the order of `sim.networks.MLP`."""
        found, start = [], 0
        for number, (wide, out) in enumerate(pairwise(self.widths)):
            bias, affine = start + wide * out, self.norm != "none" and number < len(self.widths) - 2
            scale = bias + out if affine else -1
            shift = bias + 2 * out if affine else -1
            found.append(Dense(wide, out, start, bias, scale, shift))
            start = bias + out * (3 if affine else 1)
        return tuple(found)

    @property
    def size(self) -> int:
        """Number of parameters P."""
        last = self.layers[-1]
        return last.b + last.out
