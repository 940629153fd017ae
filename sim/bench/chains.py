"""SGD chains on least squares, 20 features, 256 examples, batches of 8 without replacement.

Others draw their batches by random keys and the eight largest of them, the fastest exact form that they have; or
are given ours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module

import numpy as np

from sim import engines, least_squares
from sim.bench.task import Contender, Task

__all__ = ["CHAINS", "SETTINGS", "STEPS", "indices", "peers", "prepare", "problem", "spread"]

SETTINGS = ("batches drawn", "batches given")
CHAINS, STEPS = 2048, 200


def problem() -> least_squares.Problem:
    """Return the problem."""
    rng = np.random.Generator(np.random.PCG64DXSM(8))
    A = rng.standard_normal((256, 20))
    return least_squares.Problem(A, A @ rng.standard_normal(20) + rng.standard_normal(256), 8, 0.05)


def indices() -> np.ndarray:
    """Return batches for every step and chain, int32, shape (STEPS, CHAINS, 8)."""
    rng = np.random.Generator(np.random.SFC64(9))
    drawn = engines.choose("numpy").subsets.packed(256, 8, STEPS * CHAINS, rng=rng)
    return np.asarray(drawn.reshape(STEPS, CHAINS, 8).astype(np.int32))


def spread(theta: np.ndarray) -> np.ndarray:
    """Return what is compared: the trace of the second moment of the chains' error."""
    error = theta.astype(np.float64) - problem().optimum
    return np.array([np.vecdot(error, error).mean()])


def _known(setting: str) -> None:
    if setting not in SETTINGS:
        raise ValueError(f"unknown setting {setting!r}: allowed are {', '.join(SETTINGS)}")


def prepare(setting: str, *, engine: str = "auto", threads: int = 1) -> Task:
    """Return the task: 200 steps of 2048 chains from the optimum, batches drawn by ourselves in both settings.

    Parameters
    ----------
    setting
        One of `SETTINGS`; it says what the others get.
    engine
        As for `sim.engines.choose`.
    threads
        Blocks of chains walked at once; the floor is shared among them.
    """
    _known(setting)
    given = problem()

    def work() -> np.ndarray:
        rng = np.random.Generator(np.random.SFC64(10))
        return least_squares.simulate(given, CHAINS, STEPS, engine=engine, threads=threads, rng=rng).theta

    stream = np.random.Generator(np.random.SFC64(11))
    rows, theta = stream.random((512, 160), np.float32), stream.random((160, 32), np.float32)
    out = np.empty((512, 32), np.float32)
    steps = CHAINS * STEPS // threads

    def floor() -> None:
        stream.bit_generator.random_raw(steps)
        for _ in range(steps // (16 * 512)):
            # 512 x 160 x 32 multiplications: the 320 of a step of 8192 chains
            np.matmul(rows, theta, out=out)

    work()  # compiled
    words = "a raw 64-bit word a chain-step, and its 320 float32 multiplications in a matrix product"
    # the trace of 2048 chains has a standard error of about 1 in 100
    return Task(work, floor, words, CHAINS * STEPS, "chain-step", lambda: spread(work()), 0.06)


def _build(library: str, form: str, setting: str, threads: int) -> Contender:
    module = import_module(f"sim.bench.peers.chains_{library}")
    return module.contender(form, given=setting == SETTINGS[1], threads=threads)


def peers(setting: str, *, threads: int = 1) -> Mapping[str, Callable[[], Contender]]:
    """Return builders of the same work in JAX and torch.

    Parameters
    ----------
    setting
        One of `SETTINGS`.
    threads
        Threads of the other library.
    """
    _known(setting)
    names = {"jax scan": ("jax", "scan"), "torch loop": ("torch", "loop")}
    if setting == SETTINGS[0]:
        names["jax map of scan"] = ("jax", "map of scan")
    return {name: partial(_build, *form, setting, threads) for name, form in names.items()}
