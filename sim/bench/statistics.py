"""Batch statistics of activations at batch sizes 2 to 256, against one pass over the memory."""

from __future__ import annotations

import numpy as np

from sim import norms
from sim.bench.task import Task

__all__ = ["prepare"]

_ENTRIES = 1 << 20
_CHANNELS = 16
_SIZES = (2, 4, 8, 16, 32, 64, 128, 256)


def prepare() -> Task:
    """Return the task: mean and variance of 2^20 activations at each of eight batch sizes."""
    rng = np.random.Generator(np.random.PCG64DXSM(3))
    flat = rng.standard_normal(_ENTRIES)
    stacks = [flat.reshape(-1, B, _CHANNELS) for B in _SIZES]
    other, result = rng.standard_normal(_ENTRIES), np.empty(_ENTRIES)

    def work() -> None:
        for stack in stacks:
            norms.statistics("batch", stack)

    def floor() -> None:
        for _ in _SIZES:
            np.multiply(flat, other, out=result)
            np.add(result, flat, out=result)

    return Task(work, floor, "a float64 triad over the same entries", _ENTRIES * len(_SIZES), "activation")
