"""Gradient noise of a 64-128-128-10 ReLU network on all digits: exact moments, and random batches at five sizes.

The others are given the batches; drawing them is part of our own work.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module

import numpy as np

from sim import data, engines, noise
from sim.bench.task import Contender, Task
from sim.engines.with_numpy.quadratic_form import ROWS
from sim.networks import MLP

__all__ = ["NETWORK", "SETTINGS", "SIZES", "R", "batches", "peers", "point", "prepare"]

BLAS_THREADS = True
"""Our products run through BLAS, so the harness gives it the threads."""

SETTINGS = ("exact", "exact and batches")
NETWORK = MLP((64, 128, 128, 10), activation="relu")
SIZES = (1, 4, 16, 64, 256)
R = 2000
"""Batches a size."""


def point() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return parameters (1, P) and inputs (N, 64) in float32, and labels (N,)."""
    X, y = data.load("digits")
    theta = NETWORK.initial(1, rng=np.random.Generator(np.random.PCG64DXSM(2)))
    return theta.astype(np.float32), X.astype(np.float32), y


def _stream() -> np.random.Generator:
    return np.random.Generator(np.random.SFC64(3))


def batches() -> np.ndarray:
    """Return the batches that our own work draws, int32, shape (R, 256)."""
    drawn: np.ndarray = engines.choose("numpy").subsets.ordered(len(point()[1]), SIZES[-1], R, rng=_stream())
    return drawn.astype(np.int32)


def _known(setting: str) -> None:
    if setting not in SETTINGS:
        raise ValueError(f"unknown setting {setting!r}: allowed are {', '.join(SETTINGS)}")


def _floor(setting: str) -> Callable[[], None]:
    rng, N = np.random.Generator(np.random.PCG64DXSM(2)), len(point()[1])
    shapes = list(zip(NETWORK.widths, NETWORK.widths[1:], strict=False))
    inputs = [rng.random((N, wide), np.float32) for wide, _ in shapes]
    weights = [rng.random(shape, np.float32) for shape in shapes]
    residuals = [rng.random((N, wide), np.float32) for _, wide in shapes]
    stream, out = _stream(), np.empty((ROWS, N), np.float32)

    def floor() -> None:
        for layer, (a, W, d) in enumerate(zip(inputs, weights, residuals, strict=True)):
            a @ W
            a.T @ d
            if layer:
                d @ W.T
        if setting == SETTINGS[0]:
            return
        stream.bit_generator.random_raw(R * SIZES[-1] // 4)
        for x in (*inputs, *residuals):
            for low in range(0, N, ROWS):
                high = min(low + ROWS, N)
                np.matmul(x[low:high], x[:high].T, out=out[: high - low, :high])

    return floor


def prepare(setting: str, *, engine: str = "auto", threads: int = 1) -> Task:
    """Return the task.

    Parameters
    ----------
    setting
        ``exact``: the trace of the covariance and ``|G|^2``.  ``exact and batches``: the norms of 2000 random
        batch gradients at each of five sizes too, and their distances from the full gradient.
    engine
        As for `sim.engines.choose`.
    threads
        Of the matrix products, which the process that measures sets; the rest runs on one.
    """
    _known(setting)
    theta, X, y = point()
    exact = setting == SETTINGS[0]

    def work() -> noise.Noise:
        if exact:
            return noise.measure(NETWORK, theta, X, y)
        return noise.measure(NETWORK, theta, X, y, sizes=SIZES, R=R, engine=engine, rng=_stream())

    def answer() -> np.ndarray:
        found = work()
        return np.array([found.trace, found.square, *(found.distances.sum(axis=0) / R)])

    words = "the float32 matrix products of one pass over all examples, at their shapes"
    if not exact:
        words += "; of half the Gram matrix; and 16 random bits an index"
    work()  # compiled
    # float32 in other orders of summation, and a unit within rounding of zero may be on or off: 1e-4
    return Task(work, _floor(setting), words, *_units(exact), answer, 1e-3)


def _units(exact: bool) -> tuple[int, str]:
    return (len(point()[1]), "example") if exact else (R * len(SIZES), "batch gradient")


def _build(library: str, form: str, setting: str, threads: int) -> Contender:
    module = import_module(f"sim.bench.peers.noise_trace_{library}")
    return module.contender(form, exact=setting == SETTINGS[0], threads=threads)


def peers(setting: str, *, threads: int = 1) -> Mapping[str, Callable[[], Contender]]:
    """Return builders of the same work in JAX, torch and, for the exact moments, BackPACK.

    BackPACK holds all gradients; it takes twenty seconds for the batches, and a gigabyte.

    Parameters
    ----------
    setting
        One of `SETTINGS`.
    threads
        Threads of the other library.
    """
    _known(setting)
    forms = [("jax", "vmap"), ("jax", "by hand"), ("torch", "func"), ("torch", "by hand")]
    if setting == SETTINGS[0]:
        forms.append(("torch", "BackPACK"))
    return {f"{library} {form}": partial(_build, library, form, setting, threads) for library, form in forms}
