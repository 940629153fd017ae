"""One layer on fixed buffers: what `sim.in_place` asks of it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

__all__ = ["Array", "Step", "activation"]

Array = np.ndarray[Any, Any]


def activation(shape: tuple[int, ...], B: int, dtype: Any) -> tuple[Array, Array]:
    """Return a buffer (size, B) and the same with a row of ones below it."""
    size = math.prod(shape)
    whole = np.ones((size + 1, B), dtype)
    return whole[:size], whole


class Step:
    """A layer's buffers; the range of its parameters in the flat vector is start..stop.

    Parameters
    ----------
    x, ones
        The input (size, B), and the same with its row of ones.
    shape
        Shape of an example of the output.
    parameters, start
        The layer's parameters and where they begin.
    """

    def __init__(self, x: Array, ones: Array, shape: tuple[int, ...], parameters: Array, start: int) -> None:
        self.x, self.x_ones, self.parameters = x, ones, parameters
        self.start, self.stop = start, start + len(parameters)
        self.y, self.y_ones = activation(shape, x.shape[1], x.dtype)
        self.inputs = True
        self.dx = np.empty_like(x)

    def receive(self, gradient: Array) -> None:
        """Take the place where the gradient of the parameters is left."""

    def forward(self) -> None:
        """Fill `y` from `x`."""
        raise TypeError(f"{type(self).__name__} has no forward pass")

    def backward(self, d: Array) -> Array:
        """Leave the parameters' gradient where it is wanted and return the input's; `d` may be overwritten."""
        raise TypeError(f"{type(self).__name__} has no backward pass")
