"""The trace of the per-example gradient covariance on all digits, against its matrix products."""

from __future__ import annotations

import numpy as np

from sim import data, observables
from sim.bench.task import Task
from sim.networks import MLP

__all__ = ["prepare"]


def prepare() -> Task:
    """Return the task: one forward and backward pass of a 64-128-128-10 tanh network over 1797 examples."""
    X, y = data.load("digits")
    network = MLP((64, 128, 128, 10), activation="tanh")
    rng = np.random.Generator(np.random.PCG64DXSM(2))
    theta = network.initial(1, rng=rng)
    shapes = list(zip(network.widths, network.widths[1:], strict=False))
    inputs = [rng.random((len(X), wide)) for wide, _ in shapes]
    weights = [rng.random(shape) for shape in shapes]
    residuals = [rng.random((len(X), wide)) for _, wide in shapes]

    def work() -> object:
        return observables.gradient_trace(network, theta, X, y)

    def floor() -> None:
        for layer, (a, W, d) in enumerate(zip(inputs, weights, residuals, strict=True)):
            a @ W
            a.T @ d
            if layer:
                d @ W.T

    return Task(
        work, floor, "the eight float64 matrix products of one pass, at their shapes", len(X), "example"
    )
