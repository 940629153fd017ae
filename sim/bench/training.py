"""Training an ensemble: 64 replicas (in one setting 256) of a 64-128-128-10 relu network on the digits, heavy ball 0.9.

Every contender takes the same steps: the same initial parameters, the same batches, drawn beforehand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module

import numpy as np

from sim import data, designs, ensembles
from sim.bench.task import Contender, Task
from sim.ensembles import Network
from sim.optimizers import Optimizer

__all__ = ["BETA", "ETA", "SETTINGS", "Workload", "peers", "prepare", "summary", "workload"]

_NORMS = {
    "none": Network((64, 128, 128, 10)),
    "batch": Network((64, 128, 128, 10), norm="batch"),
    "layer": Network((64, 128, 128, 10), norm="layer"),
    "group": Network((64, 128, 128, 10), norm="group", groups=8),
    "hybrid": Network((64, 128, 128, 10), norm="hybrid", alpha=0.5),
}
_STEPS = {2: 400, 8: 200, 32: 80, 128: 30}
SETTINGS = (*(f"B={B} {norm}" for B in _STEPS for norm in _NORMS), "B=8 none R=256")
"""Batch size, norm and, where it is not `REPLICAS`, the number of replicas."""

REPLICAS = 64
ETA, BETA = 0.01, 0.9
_FLOP = 6 * (64 * 128 + 128 * 128 + 128 * 10) - 2 * 64 * 128
"""Multiplications and additions of a step for each example: three products a layer, two for the first."""


@dataclass(frozen=True, slots=True)
class Workload:
    """What every contender is given.

    Parameters
    ----------
    network
        The architecture.
    theta
        Initial parameters, shape (R, P), float32.
    X, y
        Inputs (N, 64), float32, and labels (N,).
    batches
        Indices, shape (R, T, B).
    """

    network: Network
    theta: np.ndarray
    X: np.ndarray
    y: np.ndarray
    batches: np.ndarray


def workload(setting: str, *, replicas: int | None = None) -> Workload:
    """Return the work of a setting.

    Parameters
    ----------
    setting
        One of `SETTINGS`.
    replicas
        Number of replicas; the setting's own if not given.

    Raises
    ------
    ValueError
        If the setting is unknown.
    """
    if setting not in SETTINGS:
        raise ValueError(f"unknown setting {setting!r}: allowed are {', '.join(SETTINGS)}")
    size, norm, *more = setting.split()
    network, B = _NORMS[norm], int(size.removeprefix("B="))
    if replicas is None:
        replicas = int(more[0].removeprefix("R=")) if more else REPLICAS
    X, y = data.load("digits")
    rng = np.random.Generator(np.random.PCG64DXSM(4))
    # one at a time: the double precision that they are drawn in would be the peak of memory
    theta = np.empty((replicas, network.size), np.float32)
    for row in theta:
        row[:] = network.initial(1, rng=rng)[0]
    drawn = designs.draw("wor", len(X), B, replicas * _STEPS[B], rng=rng)
    return Workload(network, theta, X.astype(np.float32), y, drawn.reshape(replicas, _STEPS[B], B))


def first_steps(given: Workload) -> np.ndarray:
    """Return the batches that answers are taken on: few, for under batch statistics rounding soon grows."""
    T, B = given.batches.shape[1:]
    few = 4 if B < 8 else 10
    return np.ascontiguousarray(given.batches[:, : min(T, few)])


def summary(losses: np.ndarray) -> np.ndarray:
    """Return what is compared: the ensemble's mean loss at each step, of losses (R, T)."""
    return np.asarray(np.mean(losses, axis=0, dtype=np.float64))


def _floor(given: Workload) -> tuple[Callable[[], None], str]:
    R, T, B = given.batches.shape
    rng = np.random.Generator(np.random.PCG64DXSM(5))
    if B < 8:
        first, second = (rng.standard_normal(given.theta.shape[1], dtype=np.float32) for _ in range(2))
        total = np.empty_like(first)

        def triads() -> None:
            for _ in range(2 * R * T):
                np.add(first, second, out=total)

        return triads, "six passes over the parameters in the second-level cache a step"
    a, b = (rng.random((512, 512), dtype=np.float32) for _ in range(2))
    out, times = np.empty_like(a), max(1, round(R * T * B * _FLOP / (2 * 512**3)))

    def products() -> None:
        for _ in range(times):
            np.matmul(a, b, out=out)

    return products, "the multiplications and additions of its products, at the rate of large ones"


def prepare(setting: str, *, engine: str = "auto", threads: int = 1) -> Task:
    """Return the task.

    Parameters
    ----------
    setting
        ``B=2 none`` and so on: batch size and norm.
    engine
        As for `sim.engines.choose`.
    threads
        Threads that share the replicas.
    """
    given = workload(setting)
    optimizer = Optimizer("heavy_ball", ETA, beta=BETA)
    run = partial(
        ensembles.replay,
        given.network,
        given.theta,
        given.X,
        given.y,
        optimizer=optimizer,
        engine=engine,
        threads=threads,
    )

    def answer() -> np.ndarray:
        return summary(run(first_steps(given)).losses.T)

    answer()
    floor, words = _floor(given)
    R, T, B = given.batches.shape
    # float32 against float32 in another order of summation; two examples make a variance near zero, whose
    # inverse root magnifies rounding
    tolerance = 2e-2 if B == 2 and given.network.norm in ("batch", "hybrid") else 1e-3
    return Task(partial(run, given.batches), floor, words, R * T, "replica-step", answer, tolerance)


def peers(setting: str, *, threads: int = 1) -> Mapping[str, Callable[[], Contender]]:
    """Return the same training in JAX, replica after replica and all at once, and in torch."""
    workload(setting, replicas=1)

    def jax(form: str) -> Contender:
        return import_module("sim.bench.peers.training_jax").contender(setting, form)

    def torch() -> Contender:
        return import_module("sim.bench.peers.training_torch").contender(setting, threads=threads)

    return {
        "JAX lax.map of scan": partial(jax, "map"),
        "JAX scan of vmap": partial(jax, "vmap"),
        "torch bmm by hand": torch,
    }
