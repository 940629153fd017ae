"""Training 16 replicas of deeper, wider and convolutional networks on the digits, SGD with momentum 0.9.

``conv``: two 3x3 convolutions, 16 and 32 channels, on images of 8 x 8, mean over 2 x 2, one dense layer; with
``batch``, batch norm after each convolution.  ``depth 20``: 19 hidden layers of 128.  ``width 512``: two hidden
layers of 512.  Every contender takes the same steps: the same initial parameters, the same batches, drawn beforehand.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from itertools import pairwise

import numpy as np

from sim import data, designs, engines, ensembles, in_place
from sim.bench.task import Contender, Task
from sim.blocks import Activation, Conv, Dense, Flatten, Layer, Pool
from sim.norm_blocks import Norm
from sim.optimizers import Optimizer
from sim.sequential import Network, mlp

__all__ = ["BETA", "ETA", "FORMS", "REPLICAS", "SETTINGS", "Workload", "peers", "prepare", "summary", "workload"]

SETTINGS = (
    "conv B=8",
    "conv B=32",
    "conv batch B=32",
    "depth 20 B=8",
    "depth 20 B=32",
    "width 512 B=8",
    "width 512 B=32",
)
FORMS = {"map": "JAX lax.map of scan", "vmap": "JAX scan of vmap", "columns": "JAX lax.map, columns by hand"}
REPLICAS = 16
ETA, BETA = 0.01, 0.9
_STEPS = {8: 20, 32: 5}
_WIDTHS = {"depth 20": (64, *(128,) * 19, 10), "width 512": (64, 512, 512, 10)}


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
        Inputs, first axis N, float32, and labels (N,).
    batches
        Indices, shape (R, T, B).
    """

    network: Network
    theta: np.ndarray
    X: np.ndarray
    y: np.ndarray
    batches: np.ndarray

    @property
    def small(self) -> Workload:
        """The first steps of a few replicas, which answers are taken on."""
        batches = np.ascontiguousarray(self.batches[:4, :5])
        return replace(self, theta=self.theta[:4], batches=batches)


def _network(name: str) -> Network:
    if name in _WIDTHS:
        return mlp(_WIDTHS[name])
    norm: tuple[Layer, ...] = (Norm("batch"),) if name == "conv batch" else ()
    stages = (Conv(16), *norm, Activation(), Conv(32), *norm, Activation())
    return Network((1, 8, 8), (*stages, Pool("average"), Flatten(), Dense(10)))


def workload(setting: str, *, replicas: int = REPLICAS) -> Workload:
    """Return the work of a setting.

    Parameters
    ----------
    setting
        One of `SETTINGS`.
    replicas
        Number of replicas.

    Raises
    ------
    ValueError
        If the setting is unknown.
    """
    if setting not in SETTINGS:
        raise ValueError(f"unknown setting {setting!r}: allowed are {', '.join(SETTINGS)}")
    name, _, size = setting.rpartition(" B=")
    network, B = _network(name), int(size)
    X, y = data.load("digits")
    rng = np.random.Generator(np.random.PCG64DXSM(6))
    theta = network.initial(replicas, rng=rng).astype(np.float32)
    drawn = designs.draw("wor", len(X), B, replicas * _STEPS[B], rng=rng)
    X = X.astype(np.float32).reshape(-1, *network.shape)
    return Workload(network, theta, X, y, drawn.reshape(replicas, _STEPS[B], B))


def summary(losses: np.ndarray) -> np.ndarray:
    """Return what is compared: the mean loss over the replicas at each step, of losses (R, T)."""
    return np.asarray(np.mean(losses, axis=0, dtype=np.float64))


def _flop(network: Network) -> int:
    """Multiplications and additions of a step for each example: three products a layer, two for the first."""
    shapes = [network.shape]
    for layer in network.chain:
        shapes.append(layer.output(shapes[-1]))
    products = [
        2 * math.prod(layer.parameters(before)["W"].shape) * math.prod(after[1:])
        for layer, (before, after) in zip(network.chain, pairwise(shapes), strict=True)
        if isinstance(layer, Dense | Conv)
    ]
    return 3 * sum(products) - products[0]


def _floor(given: Workload) -> Callable[[], None]:
    R, T, B = given.batches.shape
    rng = np.random.Generator(np.random.PCG64DXSM(7))
    a, b = (rng.random((512, 512), dtype=np.float32) for _ in range(2))
    out, times = np.empty_like(a), max(1, round(R * T * B * _flop(given.network) / (2 * 512**3)))

    def products() -> None:
        for _ in range(times):
            np.matmul(a, b, out=out)

    return products


def prepare(setting: str, *, engine: str = "auto", threads: int = 1) -> Task:
    """Return the task.

    Parameters
    ----------
    setting
        One of `SETTINGS`.
    engine
        As for `sim.engines.choose`.
    threads
        Threads that share the replicas.
    """
    given = workload(setting)
    name = setting.rpartition(" B=")[0]
    method = Optimizer("heavy_ball", ETA, beta=BETA)
    if name in _WIDTHS and engines.choose(engine).name == "numba":
        run = partial(
            ensembles.replay, ensembles.Network(_WIDTHS[name]), engine="numba", threads=threads, optimizer=method
        )
    else:
        run = partial(in_place.train, given.network, optimizer=method, engine=engine, threads=threads)
    small = given.small

    def work() -> object:
        return run(given.theta, given.X, given.y, given.batches)

    def answer() -> np.ndarray:
        return summary(run(small.theta, small.X, small.y, small.batches).losses.T)

    answer()
    R, T, _ = given.batches.shape
    # float32 against float32 in another order of summation, five steps, losses of about two: roundoffs of 6e-8 grow
    # through twenty layers by some thousands
    return Task(
        work,
        _floor(given),
        "the multiplications and additions of its products, at the rate of large ones",
        R * T,
        "replica-step",
        answer,
        1e-3,
    )


def peers(setting: str, *, threads: int = 1) -> Mapping[str, Callable[[], Contender]]:
    """Return the same training in JAX, replica after replica and all at once, and in torch.

    Convolutions are given to JAX in its own form and as products with columns made by hand, and to torch as grouped
    convolutions over all replicas and one replica after another.  JAX's own with all replicas at once is left out:
    it is slower still than one after another, and a call takes many seconds.
    """
    conv = isinstance(workload(setting, replicas=1).network.chain[0], Conv)

    def jax(form: str) -> Contender:
        return import_module("sim.bench.peers.convolution_jax").contender(setting, form)

    def torch(form: str) -> Contender:
        return import_module("sim.bench.peers.convolution_torch").contender(setting, form, threads=threads)

    found = {FORMS[form]: partial(jax, form) for form in (("map", "columns") if conv else ("map", "vmap"))}
    found["torch all replicas by hand"] = partial(torch, "together")
    if conv:
        found["torch replica after replica"] = partial(torch, "alone")
    return found
