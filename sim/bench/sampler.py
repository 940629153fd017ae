"""Batches without replacement, against drawing their random bits."""

from __future__ import annotations

import numpy as np

from sim import designs
from sim.bench.task import Task

__all__ = ["prepare"]

_SIZES = ((8, 4), (64, 8), (1797, 8), (1797, 64), (1797, 256))
_INDICES = 1 << 18


def prepare() -> Task:
    """Return the task: 2^18 indices at each of five pairs (N, B)."""
    rng = np.random.Generator(np.random.PCG64DXSM(1))

    def work() -> None:
        for N, B in _SIZES:
            designs.draw("wor", N, B, _INDICES // B, rng=rng)

    def floor() -> None:
        # an index below 2^16 needs at most 16 bits: four to a word
        for _ in _SIZES:
            rng.bit_generator.random_raw(_INDICES // 4)

    return Task(
        work, floor, "the generator's raw 64-bit words, 16 bits an index", _INDICES * len(_SIZES), "index"
    )
