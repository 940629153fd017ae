"""Ensembles at full speed: R replicas of a network trained at once, each on its own stream of batches.

A replica's draws hang on its seed and on what is drawn, never on the engine, the chunk, the thread, or the
other replicas; so two groups with the same seeds see the same batches, and their difference is paired.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sim import designs, engines
from sim.arrays import to_host
from sim.engines.program import Program
from sim.groups import DESIGNS, Group, Network, Phase
from sim.optimizers import Optimizer
from sim.threads import each
from sim.training import Outcome

__all__ = ["DESIGNS", "Group", "Network", "Phase", "replay", "train"]

_SEGMENT = 1 << 16  # indices that one stream yields; part of what fixes the draws


def _stream(seed: int, *key: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64DXSM(np.random.SeedSequence(seed, spawn_key=key)))


def _segments(phase: Phase, design: str, N: int) -> Iterator[tuple[int, int]]:
    """Yield the segments of a phase as (first step, number of steps)."""
    length = max(1, _SEGMENT // phase.B)
    if design == "reshuffled":
        epoch = N // phase.B
        length = max(1, length // epoch) * epoch
    for start in range(0, phase.steps, length):
        yield start, min(length, phase.steps - start)


def _drawn(group: Group, seed: int, phase: int, segment: int, steps: int, N: int) -> np.ndarray:
    """Return the batches of one replica in one segment, shape (steps, B)."""
    B, rng = group.phases[phase].B, _stream(seed, 1, phase, segment)
    if group.design != "reshuffled":
        return designs.draw(group.design, N, B, steps, rng=rng)
    epochs = -(-steps // (N // B))
    return designs.reshuffled(N, B, epochs, rng=rng).reshape(-1, B)[:steps]


def _program(network: Network, optimizer: Optimizer, limit: float) -> Program:
    if not limit > 0:
        raise ValueError(f"limit must be > 0, got {limit}")
    return Program(
        widths=network.widths,
        activation=network.activation,
        loss=network.loss,
        norm=network.norm,
        groups=network.groups or 1,
        alpha=0.0 if network.alpha is None else float(network.alpha),
        eps=network.eps,
        method=optimizer.method,
        beta=float(optimizer.beta),
        beta2=float(optimizer.beta2),
        root=float(optimizer.eps),
        lam=float(optimizer.lam),
        limit=float(limit),
    )


def _data(network: Network, X: Any, y: Any, dtype: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the data in the engine's types, or say what is wrong with it."""
    X, y = np.asarray(X), np.asarray(y)
    if X.ndim != 2 or X.shape[1] != network.widths[0] or not len(X):
        raise ValueError(f"inputs must have shape (N, {network.widths[0]}), got {X.shape}")
    if not np.isfinite(X).all():
        where = tuple(int(axis[0]) for axis in np.nonzero(~np.isfinite(X)))
        raise ValueError(f"inputs must be finite, got {X[where]} at index {where}")
    K = network.widths[-1]
    if network.loss == "cross_entropy":
        if y.shape != (len(X),) or not np.issubdtype(y.dtype, np.integer):
            raise ValueError(f"labels must be {len(X)} whole numbers, got {y.dtype} of shape {y.shape}")
        if not 0 <= y.min() <= y.max() < K:
            raise ValueError(f"labels must lie in 0..{K - 1}, got {y.min()}..{y.max()}")
        return np.array(X, dtype=dtype, order="C"), np.array(y, dtype=np.int64)
    if y.shape != (len(X), K) or not np.isfinite(y).all():
        raise ValueError(f"targets must be finite, of shape {(len(X), K)}; got shape {y.shape}")
    return np.array(X, dtype=dtype, order="C"), np.array(y, dtype=dtype, order="C")


def _dtype(dtype: Any) -> Any:
    kind = np.dtype(dtype)
    if kind not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise ValueError(f"dtype must be float32 or float64, got {kind}")
    return kind


def _check_batch(network: Network, B: int) -> None:
    if B < 2 and network.norm in ("batch", "hybrid") and network.alpha != 0:
        raise ValueError(f"{network.norm} statistics needs at least 2 samples per channel, got {B}")


def _etas(optimizer: Optimizer, R: int) -> np.ndarray:
    eta = np.asarray(optimizer.eta, dtype=np.float64)
    if eta.shape not in ((), (R,)):
        raise ValueError(f"step size eta must be one number or have shape ({R},), got shape {eta.shape}")
    return np.array(np.broadcast_to(eta, (R,)), order="C")


@dataclass(frozen=True, slots=True)
class _Segment:
    """Steps with batches of one size.

    Parameters
    ----------
    batches
        Called with a slice of replicas; returns theirs, shape (R, T, B).
    eta
        Step sizes, shape (R, T).
    B
        Batch size.
    """

    batches: Callable[[slice], np.ndarray]
    eta: np.ndarray
    B: int


def _run(
    program: Program,
    theta: np.ndarray,
    X: np.ndarray,
    y: np.ndarray,
    segments: Sequence[_Segment],
    *,
    engine: str,
    threads: int,
    chunk: int | None,
) -> Outcome:
    """Take all steps; a chunk of replicas takes all of its own before another begins, so only its memory is needed."""
    for name, value in (("threads", threads), ("chunk", 1 if chunk is None else chunk)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"{name} must be a whole number >= 1, got {value!r}")
    chosen = engines.choose(engine)
    kernels, xp, R, kind = chosen.training, chosen.namespace, len(theta), theta.dtype
    if chunk is None:
        B = max((segment.B for segment in segments), default=1)
        chunk = R if chosen.on_device else kernels.replicas_at_once(program, B, kind)
    # as many chunks as that takes, and for every thread as many, all of about one size
    pieces = -(-R // chunk)
    size = -(-R // (-(-pieces // threads) * threads))
    found, X, y = xp.asarray(theta), xp.asarray(X), xp.asarray(y)
    losses = np.full((R, sum(segment.eta.shape[1] for segment in segments)), np.inf)
    diverged_at = np.full(R, -1, dtype=np.int64)

    def work(number: int) -> None:
        some, first = slice(number * size, min((number + 1) * size, R)), 0
        mine = found[some, :]
        none = xp.zeros_like(mine[:, :0])
        velocity = none if program.method == "sgd" else xp.zeros_like(mine)
        square = xp.zeros_like(mine) if program.method == "adam" else none
        for segment in segments:
            T = segment.eta.shape[1]
            told = np.full((mine.shape[0], T), np.inf)
            # one memory layout, or the compiled engine would compile itself again for another
            batches = np.ascontiguousarray(segment.batches(some), dtype=np.int64)
            eta = np.ascontiguousarray(segment.eta[some])
            kernels.run(
                program, mine, velocity, square, X, y, batches, eta, told, diverged_at[some], first=first
            )  # fmt: skip
            losses[some, first : first + T] = told
            first += T

    each(work, -(-R // size), threads=threads)
    return Outcome(to_host(found), np.ascontiguousarray(losses.T), diverged_at)


def replay(
    network: Network,
    theta: np.ndarray,
    X: Any,
    y: Any,
    batches: np.ndarray,
    *,
    optimizer: Optimizer,
    factors: np.ndarray | None = None,
    engine: str = "auto",
    threads: int = 1,
    chunk: int | None = None,
    limit: float = 1e6,
) -> Outcome:
    """Train on batches that are given.

    Parameters
    ----------
    network
        The architecture.
    theta
        Initial parameters, shape (R, P), float32 or float64: the type that is computed in; not changed.
    X, y
        Inputs (N, I) and labels (N,), or targets (N, K).
    batches
        Indices, shape (T, B) for all replicas alike or (R, T, B).
    optimizer
        The method; its step size may have shape (R,).
    factors
        Factors on the step size, above 0, shape (T,); 1 if not given.
    engine
        As for `sim.engines.choose`.  Every engine takes the same batches, drawn on the host, and gives NumPy arrays.
    threads
        Threads, at least 1; the numba engine scales with them.
    chunk
        Replicas whose buffers are shared; if not given, chosen to stay in cache, or all of them on a graphics device.
        Results do not depend on it beyond rounding.
    limit
        A batch loss above this, or one that is not finite, is divergence.

    Returns
    -------
    Outcome
        Divergence is recorded with its step, never an error.

    Raises
    ------
    ValueError
        Naming the value and what is allowed, for any argument outside what is stated above.
    """
    kind = _dtype(theta.dtype)
    if theta.ndim != 2 or theta.shape[1] != network.size or not len(theta):
        raise ValueError(f"parameters must have shape (R, {network.size}), got {theta.shape}")
    R = len(theta)
    X, y = _data(network, X, y, kind)
    if batches.ndim not in (2, 3) or (batches.ndim == 3 and len(batches) != R) or not batches.shape[-1]:
        raise ValueError(f"batches must have shape (T, B) or ({R}, T, B), got {batches.shape}")
    if batches.size and not 0 <= batches.min() <= batches.max() < len(X):
        raise ValueError(f"batch indices must lie in 0..{len(X) - 1}, got {batches.min()}..{batches.max()}")
    T, B = batches.shape[-2:]
    _check_batch(network, B)
    factors = np.ones(T) if factors is None else np.asarray(factors, dtype=np.float64)
    if factors.shape != (T,) or not ((factors > 0) & np.isfinite(factors)).all():
        raise ValueError(f"factors must be {T} finite numbers > 0, got shape {factors.shape}")
    whole = np.broadcast_to(batches, (R, T, B))
    steps = _Segment(lambda some: whole[some], _etas(optimizer, R)[:, None] * factors, B)
    program, start = _program(network, optimizer, limit), np.array(theta, order="C")
    return _run(program, start, X, y, [steps], engine=engine, threads=threads, chunk=chunk)


def train(
    groups: Sequence[Group],
    X: Any,
    y: Any,
    *,
    dtype: Any = np.float32,
    engine: str = "auto",
    threads: int = 1,
    chunk: int | None = None,
    limit: float = 1e6,
) -> tuple[Outcome, ...]:
    """Train every replica of every group on batches drawn from its own stream.

    Parameters
    ----------
    groups
        The points of the grid.
    X, y
        Inputs (N, I) and labels (N,), or targets (N, K).
    dtype
        float32, or float64 for identities and finite differences.
    engine, threads, chunk, limit
        As for `replay`.

    Returns
    -------
    tuple of Outcome
        One for each group.

    Raises
    ------
    ValueError
        Before anything is trained, if an argument or a group does not fit the data.
    """
    kind, N = _dtype(dtype), len(X)
    for group in groups:
        _etas(group.optimizer, len(group.seeds))
        for phase in group.phases:
            designs.check_sizes(N, phase.B, "wr" if group.design == "wr" else "wor")
            if group.design == "reshuffled" and N % phase.B:
                raise ValueError(f"batch size {phase.B} does not divide the {N} samples of an epoch")
            _check_batch(group.network, phase.B)
    return tuple(_grown(group, X, y, kind, engine, threads, chunk, limit) for group in groups)


def _grown(
    group: Group, X: Any, y: Any, kind: Any, engine: str, threads: int, chunk: int | None, limit: float
) -> Outcome:
    X, y = _data(group.network, X, y, kind)
    R, N = len(group.seeds), len(X)
    theta = np.concatenate([group.network.initial(1, rng=_stream(seed, 0)) for seed in group.seeds])
    etas, segments = _etas(group.optimizer, R), []
    for number, phase in enumerate(group.phases):
        for segment, (start, steps) in enumerate(_segments(phase, group.design, N)):

            def batches(some: slice, number: int = number, segment: int = segment, steps: int = steps) -> np.ndarray:
                seeds = group.seeds[some]
                return np.stack([_drawn(group, seed, number, segment, steps, N) for seed in seeds])

            eta = etas[:, None] * phase.factors[start : start + steps]
            segments.append(_Segment(batches, eta, phase.B))
    program = _program(group.network, group.optimizer, limit)
    return _run(program, theta.astype(kind), X, y, segments, engine=engine, threads=threads, chunk=chunk)
