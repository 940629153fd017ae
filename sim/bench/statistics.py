"""Statistics of batches of Gaussian activations, independent or correlated over a 4 x 4 grid, at all batch sizes.

20480 batches of the largest size; the smaller sizes have more in our own work, and as many in the others' that draw
each size by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module

import numpy as np

from sim import activations
from sim.bench.task import Contender, Task

__all__ = ["LARGEST", "SETTINGS", "R", "correlation", "peers", "prepare", "sizes"]

SETTINGS = ("independent", "correlated")
LARGEST = {"independent": 256, "correlated": 64}
"""Largest batch of each setting."""

R = 20_480
"""Batches of the largest size."""


def correlation(setting: str) -> np.ndarray | None:
    """Return the correlation of the positions of an example, or None for one position."""
    return activations.grid_correlation(4, 4, 0.7) if setting == SETTINGS[1] else None


def sizes(setting: str) -> tuple[int, ...]:
    """Return the batch sizes of a setting."""
    return tuple(2**k for k in range(1, LARGEST[setting].bit_length()))


def _known(setting: str) -> None:
    if setting not in SETTINGS:
        raise ValueError(f"unknown setting {setting!r}: allowed are {', '.join(SETTINGS)}")


def prepare(setting: str, *, engine: str = "auto", threads: int = 1) -> Task:
    """Return the task.

    Parameters
    ----------
    setting
        One of `SETTINGS`.
    engine
        As for `sim.engines.choose`.
    threads
        Blocks of batches drawn at once; the floor is shared among them.
    """
    _known(setting)
    given, largest = correlation(setting), LARGEST[setting]

    def work() -> activations.BatchMoments:
        rng = np.random.Generator(np.random.SFC64(14))
        return activations.simulate(largest, R, correlation=given, engine=engine, threads=threads, rng=rng)

    def answer() -> np.ndarray:
        found = work()
        return np.concatenate([found.mean_square, found.variance, found.variance_square])

    draws = R * largest * (1 if given is None else len(given))
    stream = np.random.Generator(np.random.SFC64(15))

    def floor() -> None:
        # a sixteenth at a time, as a program that uses the words would: they stay in the cache
        for _ in range(16):
            stream.bit_generator.random_raw(draws // 2 // threads // 16)

    work()  # compiled
    words = "the generator's raw 64-bit words, half a word a draw"
    # a mean over 20480 squared normal variates has a standard error of 1 in 100
    return Task(work, floor, words, draws, "draw", answer, 0.06)


def _build(library: str, form: str, setting: str, threads: int) -> Contender:
    module = import_module(f"sim.bench.peers.statistics_{library}")
    return module.contender(form, setting, threads=threads)


def peers(setting: str, *, threads: int = 1) -> Mapping[str, Callable[[], Contender]]:
    """Return builders of the same work in JAX and torch: draws of each size by itself, or our tree of batches.

    Parameters
    ----------
    setting
        One of `SETTINGS`.
    threads
        Threads of the other library.
    """
    _known(setting)
    forms = [("jax", "each size"), ("jax", "tree"), ("torch", "each size"), ("torch", "tree")]
    return {f"{library} {form}": partial(_build, library, form, setting, threads) for library, form in forms}
