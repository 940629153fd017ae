"""Curvature of a 64-128-128-10 relu network on all digits: one Hessian product, or the largest eigenvalue.

The eigenvalue is asked for with a residual of at most 1e-2 or 1e-4 of it, by every contender that can measure one.
Its error is of the second order in the residual: a residual of 1e-2 leaves about 1e-4 of the value here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module

import numpy as np

from sim import curvature, data
from sim.bench.task import Contender, Task
from sim.hessian import hessian
from sim.lanczos import Ritz
from sim.networks import MLP
from sim.threads import each

__all__ = ["NETWORK", "RTOL", "SETTINGS", "peers", "point", "prepare"]

SETTINGS = ("product", "largest eigenvalue, residual 1e-2", "largest eigenvalue, residual 1e-4")
NETWORK = MLP((64, 128, 128, 10), activation="relu")
RTOL = {SETTINGS[1]: 1e-2, SETTINGS[2]: 1e-4}
"""Largest residual over the eigenvalue, by setting."""
PRODUCTS = 20
"""Products that one call of the first setting takes at one point."""


def point() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return parameters (P,), inputs (N, 64), labels (N,) and a direction (P,), in float32 but the labels."""
    X, y = data.load("digits")
    rng = np.random.Generator(np.random.PCG64DXSM(5))
    theta = NETWORK.initial(1, rng=rng)[0].astype(np.float32)
    return theta, X.astype(np.float32), y, rng.standard_normal(NETWORK.size).astype(np.float32)


def summary(v: np.ndarray, products: list[np.ndarray]) -> np.ndarray:
    """Return what of a product is compared: its length, and its part along the direction."""
    return np.array([np.linalg.norm(products[0]), v @ products[0]])


def _known(setting: str) -> None:
    if setting not in SETTINGS:
        raise ValueError(f"unknown setting {setting!r}: allowed are {', '.join(SETTINGS)}")


def _floor(products: int, threads: int) -> Callable[[], object]:
    """Return the matrix products of some Hessian products, as many on each of the threads."""
    own = [_one_product() for _ in range(threads)]

    def run(k: int) -> None:
        for _ in range(products):
            own[k]()

    return lambda: each(run, threads, threads=threads)


def _one_product() -> Callable[[], None]:
    """Return the matrix products of one Hessian product, at their shapes, both passes known."""
    rng, N = np.random.Generator(np.random.PCG64DXSM(6)), len(point()[1])
    x, pairs = rng.random((N, 64), np.float32), rng.random((N, 256), np.float32)
    small, tall = rng.random((N, 20), np.float32), rng.random((2 * N, 10), np.float32)
    first, wide = rng.random((64, 128), np.float32), rng.random((256, 128), np.float32)
    last, back, d = (rng.random(s, np.float32) for s in ((256, 10), (20, 128), (N, 128)))
    twice = pairs.reshape(2 * N, 128)
    shapes = [(x, first), (pairs, wide), (pairs, last), (twice.T, tall), (small, back), (twice.T, twice)]
    shapes += [(pairs, wide), (x.T, d)]
    outs = [np.empty((a.shape[0], b.shape[1]), np.float32) for a, b in shapes]

    def product() -> None:
        for (a, b), out in zip(shapes, outs, strict=True):
            np.matmul(a, b, out=out)

    return product


def prepare(setting: str, *, engine: str = "auto", threads: int = 1) -> Task:
    """Return the task.

    Parameters
    ----------
    setting
        ``product``: 20 Hessian products at one point, its two passes included.  Else: from parameters and data to
        eigenvalue and residual, for one replica a thread.
    engine
        As for `sim.hessian.hessian`.
    threads
        Replicas worked on at the same time; one product runs on one.
    """
    _known(setting)
    theta, X, y, v = point()
    if setting == "product":

        def take() -> list[np.ndarray]:
            H = hessian(NETWORK, theta, X, y, engine=engine)
            return [H.times(v) for _ in range(PRODUCTS)]

        # float32 sums of 1797 terms in another order: 1e-5 at most, left a factor of 20
        return Task(
            take,
            _floor(PRODUCTS, 1),
            "the float32 matrix products of 20 Hessian products, at their shapes",
            PRODUCTS,
            "product",
            lambda: summary(v, take()),
            2e-4,
        )
    copies = np.repeat(theta[None], threads, axis=0)

    def find() -> tuple[Ritz, ...]:
        rng = np.random.Generator(np.random.PCG64DXSM(7))
        return curvature.extreme_eigenvalues(
            NETWORK, copies, X, y, rtol=RTOL[setting], threads=threads, engine=engine, rng=rng
        )

    products = find()[0].products
    return Task(
        find,
        _floor(products, threads),
        f"the float32 matrix products of {products} Hessian products a replica, at their shapes",
        threads,
        "eigenvalue",
        lambda: np.array([find()[0].values[0]]),
        # errors here: 1e-4 at a residual of 1e-2, 1e-8 at 1e-4, and 2e-4 for power iteration
        1e-3,
    )


def _jax(setting: str, form: str) -> Contender:
    module = import_module("sim.bench.peers.curvature_jax")
    return module.contender(setting, form)


def _torch(name: str, *given: str, threads: int) -> Contender:
    module = import_module("sim.bench.peers.curvature_torch")
    return getattr(module, name)(*given, threads=threads)


def peers(setting: str, *, threads: int = 1) -> Mapping[str, Callable[[], Contender]]:
    """Return builders of the same work in other libraries; each computes one replica, whatever the threads.

    Parameters
    ----------
    setting
        One of `SETTINGS`.
    threads
        Threads of the other library.
    """
    _known(setting)
    found: dict[str, Callable[[], Contender]] = {
        "jax_linearize": partial(_jax, setting, "linearize"),
        "jax_jvp_grad": partial(_jax, setting, "jvp(grad)"),
        "torch_double_backward": partial(_torch, "double_backward", setting, threads=threads),
    }
    if setting != SETTINGS[0]:
        found["pyhessian"] = partial(_torch, "pyhessian", setting, threads=threads)
        found["curvlinops"] = partial(_torch, "curvlinops", setting, threads=threads)
    return found
