"""Training networks of layers in place: each replica takes all its steps on arrays that are allocated once.

The batch is the last axis of every activation, (C, H, W, B) or (I, B), so that copies, products and sums run over
long contiguous stretches and flattening is free.  A row of ones below each activation makes a dense layer's bias
one more row of its weights.  Each layer's step is taken while its gradient is still in the cache, which is
why a replica that diverges is run again, with a look at every gradient before it is used.  So it is in NumPy; the
numba engine runs the same steps compiled, from a table (`sim.in_place.plan`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from importlib import import_module
from queue import SimpleQueue
from typing import Any

import numpy as np

from sim import engines
from sim.in_place import plan
from sim.in_place.layers import compiled
from sim.optimizers import Optimizer
from sim.sequential import Network
from sim.threads import check, each
from sim.training import Outcome

__all__ = ["METHODS", "train"]

METHODS = ("sgd", "heavy_ball")


class _Diverged(Exception):
    """A gradient that is not finite, met where gradients are looked at."""


class _Replica:
    """One replica's arrays in NumPy: parameters, velocity, activations, residuals."""

    def __init__(self, network: Network, B: int, dtype: np.dtype[Any], beta: float) -> None:
        self.theta = np.empty(network.size, dtype)
        self.velocity = np.empty(network.size, dtype)
        self.beta = np.asarray(beta, dtype)
        self.steps = compiled(network, self.theta, B)
        # one scratch for all gradients: each is used up before the next is written
        scratch = np.empty(max((s.stop - s.start for s in self.steps), default=0), dtype)
        for step in self.steps:
            step.receive(scratch[: step.stop - step.start])
        self.scratch = scratch
        self.first, self.last = self.steps[0], self.steps[-1]
        self.d = np.empty_like(self.last.y)
        self.places = np.arange(B)

    def loss(self, labels: np.ndarray, kind: str, scale: Any) -> float:
        """Run forward from the first layer's input; leave the scaled residual and return the mean loss."""
        for step in self.steps:
            step.forward()
        z, d = self.last.y, self.d
        if kind == "squared":
            np.subtract(z, labels.T, out=d)
            value = 0.5 * float(np.vdot(d, d))
        else:
            np.subtract(z, z.max(axis=0), out=d)
            picked = float(d[labels, self.places].sum())
            np.exp(d, out=d)
            total = d.sum(axis=0)
            value = float(np.log(total).sum()) - picked
            np.divide(d, total, out=d)
            d[labels, self.places] -= 1
        np.multiply(d, scale, out=d)
        return value / z.shape[1]

    def update(self, careful: bool) -> None:
        """Run backward and step each layer once its gradient, already scaled by the step size, is known."""
        d = self.d
        for step in reversed(self.steps):
            d = step.backward(d)
            if step.stop == step.start:
                continue
            gradient = self.scratch[: step.stop - step.start]
            if careful and not math.isfinite(float(gradient.sum())):
                raise _Diverged
            theta, v = self.theta[step.start : step.stop], self.velocity[step.start : step.stop]
            if self.beta:
                np.multiply(v, self.beta, out=v)
                np.add(v, gradient, out=v)
                gradient = v
            np.subtract(theta, gradient, out=theta)


def _run(
    replica: _Replica, start: np.ndarray, data: tuple[np.ndarray, np.ndarray], batches: np.ndarray, kind: str,
    eta: float, limit: float, losses: np.ndarray, careful: bool,
) -> int:  # fmt: skip
    """Train one replica; return the step at which it diverged, -1 for none, -2 for one that must be run carefully."""
    columns, y = data
    replica.theta[...] = start
    replica.velocity[...] = 0
    scale = np.asarray(eta / batches.shape[1], start.dtype)
    for t, index in enumerate(batches):
        # the indices were checked: "clip" only spares the check in the loop
        np.take(columns, index, axis=1, out=replica.first.x, mode="clip")
        loss = replica.loss(y[index], kind, scale)
        if not loss <= limit:
            return t if careful or t == 0 else -2
        losses[t] = loss
        if careful:
            before = replica.theta.copy()
        try:
            replica.update(careful)
        except _Diverged:
            replica.theta[...] = before
            losses[t] = np.inf
            return t
    return -1 if careful or np.isfinite(replica.theta).all() else -2


def train(
    network: Network,
    theta: np.ndarray,
    X: np.ndarray,
    y: np.ndarray,
    batches: np.ndarray,
    *,
    optimizer: Optimizer,
    limit: float = 1e6,
    engine: str = "auto",
    threads: int = 1,
) -> Outcome:
    """Train every replica on its own sequence of batches, as `sim.training.train` does, faster.

    Parameters
    ----------
    network
        Dense layers, convolutions, pooling, activations, flattening, residual blocks of these, and every norm but ghost
        and hybrid, with ``eps > 0``; other networks train with `sim.training.train`.
    theta
        Initial parameters, shape (R, P), float32 or float64; not changed.
    X, y
        The data, first axis N; `X` is brought to the type of `theta`.
    batches
        Indices, shape (T, B) for all replicas alike or (R, T, B).
    optimizer
        One of `METHODS`, without weight decay; the step size may differ by replica.
    limit
        A batch loss above this, or one that is not finite, is divergence; so is a gradient that is not finite.
    engine
        As for `sim.engines.choose`, ``numpy`` or ``numba``; they agree up to rounding.
    threads
        Threads that share the replicas; the result does not depend on their number.

    Returns
    -------
    Outcome
        The same as that of `sim.training.train` up to rounding.

    Raises
    ------
    ValueError
        If shapes or types do not fit, an index is outside the data, or the network or method is none of the above.
    """
    R = theta.shape[0]
    eta = np.broadcast_to(np.asarray(optimizer.eta, dtype=np.float64), (R,))
    _check(network, theta, X, y, batches, optimizer, limit)
    check(threads)
    chosen = engines.choose(engine)
    if chosen.on_device:
        raise ValueError(f"in place the engines are numpy, numba, got {chosen.name}")
    batches = np.broadcast_to(batches, (R, *batches.shape[-2:]))
    make = _compiled if chosen.name == "numba" else _plain
    worker = make(network, theta.dtype, X, y, batches.shape[2], optimizer.beta, limit)
    found, losses, diverged_at = theta.copy(), np.full((R, batches.shape[1]), np.inf), np.full(R, -1)

    free: SimpleQueue[_Run] = SimpleQueue()
    for _ in range(min(threads, R)):
        free.put(worker())

    def work(r: int) -> None:
        run = free.get()
        try:
            diverged_at[r] = run(found[r], batches[r], float(eta[r]), losses[r])
        finally:
            free.put(run)

    each(work, R, threads=threads)
    return Outcome(found, np.ascontiguousarray(losses.T), diverged_at)


_Run = Callable[[np.ndarray, np.ndarray, float, np.ndarray], int]
"""Moves a replica's parameters, fills its losses, and returns the step at which it diverged, -1 for none."""


def _plain(
    network: Network, dtype: np.dtype[Any], X: np.ndarray, y: np.ndarray, B: int, beta: float, limit: float
) -> Callable[[], _Run]:
    """Return what makes NumPy's run, one for each thread."""
    columns = np.ascontiguousarray(X.reshape(len(X), -1).T, dtype=dtype)

    def run(replica: _Replica, theta: np.ndarray, batches: np.ndarray, eta: float, losses: np.ndarray) -> int:
        start, end = theta.copy(), -1
        # each thread has warnings of its own
        with np.errstate(all="ignore"):
            for careful in (False, True):
                losses[...] = np.inf
                end = _run(replica, start, (columns, y), batches, network.loss, eta, limit, losses, careful)
                if end != -2:
                    break
        theta[...] = replica.theta
        return end

    return lambda: partial(run, _Replica(network, B, dtype, beta))


def _compiled(
    network: Network, dtype: np.dtype[Any], X: np.ndarray, y: np.ndarray, B: int, beta: float, limit: float
) -> Callable[[], _Run]:
    """Return what makes numba's run, one for each thread."""
    kernels = import_module("sim.engines.with_numba.in_place")
    made = plan.compiled(network, B, dtype)
    # one memory layout each, or the engine would compile itself again for another
    alike = partial(np.require, requirements=("C", "A", "W"))
    rows = alike(X.reshape(len(X), -1), dtype)
    entropy = network.loss == "cross_entropy"
    labels = alike(y if entropy else (), np.int64)
    targets = np.zeros((0, 0), dtype) if entropy else alike(y, dtype)

    def run(
        arrays: tuple[np.ndarray, ...], theta: np.ndarray, batches: np.ndarray, eta: float, losses: np.ndarray
    ) -> int:
        flat, velocity, gradient = arrays
        velocity[...] = 0
        return int(
            kernels.run(
                made.steps, made.places, flat, *made.x, made.shape, made.z, made.dz, made.classes, theta, velocity,
                gradient, rows, labels, targets, alike(batches, np.int64), dtype.type(eta), dtype.type(beta),
                float(limit), losses,
            )
        )  # fmt: skip

    def worker() -> _Run:
        arrays = (made.flat(dtype), np.empty(network.size, dtype), np.empty(network.size, dtype))
        return partial(run, arrays)

    return worker


def _check(
    network: Network, theta: np.ndarray, X: np.ndarray, y: np.ndarray, batches: np.ndarray, optimizer: Optimizer,
    limit: float,
) -> None:  # fmt: skip
    R, N = theta.shape[0], len(X)
    if theta.ndim != 2 or theta.shape[1] != network.size or theta.dtype not in (np.float32, np.float64):
        raise ValueError(
            f"theta must be float32 or float64 of shape (R, {network.size}), got {theta.dtype} {theta.shape}"
        )
    if X.shape[1:] != network.shape or len(y) != N:
        raise ValueError(
            f"data must have shape {(N, *network.shape)} and labels ({N}, ...), got {X.shape} and {y.shape}"
        )
    if not np.isfinite(X).all():
        raise ValueError("the data must be finite")
    K = network.output[-1]
    if network.loss == "cross_entropy":
        if y.ndim != 1 or not np.issubdtype(y.dtype, np.integer) or not 0 <= y.min() <= y.max() < K:
            raise ValueError(f"labels must be whole numbers in 0..{K - 1} of shape (N,), got {y.dtype} {y.shape}")
    elif y.shape != (N, K):
        raise ValueError(f"targets must have shape ({N}, {K}), got {y.shape}")
    if batches.ndim not in (2, 3) or (batches.ndim == 3 and batches.shape[0] != R) or not batches.size:
        raise ValueError(f"batches must have shape (T, B) or ({R}, T, B), none empty, got {batches.shape}")
    if not 0 <= batches.min() <= batches.max() < N:
        raise ValueError(f"batch indices must lie in 0..{N - 1}, got {batches.min()}..{batches.max()}")
    if optimizer.method not in METHODS or optimizer.lam:
        raise ValueError(
            f"in place the methods are {', '.join(METHODS)} without weight decay, "
            f"got {optimizer.method} with lam={optimizer.lam}"
        )
    if not limit > 0:
        raise ValueError(f"limit must be > 0, got {limit}")
