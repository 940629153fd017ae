"""Curvature of an ensemble: extreme Hessian eigenvalues with residuals, traces with standard errors, by layer.

Each replica is worked on alone: its passes are kept while its products are taken, and let go before the next.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from sim.davidson import davidson
from sim.hessian import hessian
from sim.lanczos import Ritz, lanczos
from sim.networks import MLP
from sim.threads import each

__all__ = ["Trace", "extreme_eigenvalues", "trace"]

_PART = 8  # start and corrections come from one example in eight, where products cost an eighth
_PART_LEAST = 64  # and not from fewer examples than this
_PART_RTOL = 0.02  # where only the start does


def _replicas(theta: np.ndarray, X: np.ndarray, y: np.ndarray) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Split shared or per-replica data into one problem a replica."""
    if theta.ndim != 2 or not len(theta):
        raise ValueError(f"parameters must have shape (R, P) with R >= 1, got {theta.shape}")
    if X.ndim == 2:
        return [(row, X, y) for row in theta]
    if X.ndim != 3 or len(X) != len(theta) or len(y) != len(theta):
        raise ValueError(
            f"data must have shapes (N, I) and (N, ...), or with {len(theta)} replicas in front,"
            f" got {X.shape} and {y.shape}"
        )
    return list(zip(theta, X, y, strict=True))


def extreme_eigenvalues(
    network: MLP,
    theta: np.ndarray,
    X: np.ndarray,
    y: np.ndarray,
    *,
    k: int = 1,
    end: str = "largest",
    layer: int | None = None,
    rtol: float = 1e-3,
    most: int = 200,
    subsample: bool = True,
    threads: int = 1,
    engine: str = "auto",
    rng: np.random.Generator,
) -> tuple[Ritz, ...]:
    """Find the outermost eigenvalues of every replica's Hessian.

    Parameters
    ----------
    network
        The architecture.
    theta
        Parameters, shape (R, P).
    X, y
        Data for all replicas, (N, I) and (N,) or (N, K), or for each with R in front.
    k, end, rtol, most
        As for `sim.lanczos.lanczos`.
    layer
        Number of a layer, for the diagonal block of its parameters alone; None for all parameters.
    subsample
        Whether one example in eight may say where to look: for one eigenvalue it proposes the start and every
        correction (`sim.davidson.davidson`), for several the start.  It saves products on the whole data and changes
        nothing about the certificate.
    threads
        Replicas worked on at the same time; the result does not depend on it.
    engine
        As for `sim.hessian.hessian`.
    rng
        Stream of the start vectors and subsets, split by replica.

    Returns
    -------
    tuple of Ritz
        One a replica; ``products`` counts those on the whole data.
    """
    problems, streams = _replicas(theta, X, y), rng.spawn(len(theta))

    def operator(r: int, chosen: np.ndarray | slice) -> Callable[[np.ndarray], np.ndarray]:
        point, inputs, labels = problems[r]
        H = hessian(network, point, inputs[chosen], labels[chosen], engine=engine)
        return H.times if layer is None else H.block(layer)[1]

    def run(r: int) -> Ritz:
        N, times = len(problems[r][1]), operator(r, slice(None))
        size = network.size if layer is None else _length(network, layer)
        start = streams[r].standard_normal(size).astype(theta.dtype)
        if subsample and N // _PART >= _PART_LEAST:
            part = operator(r, np.sort(streams[r].permutation(N)[: N // _PART]))
            if k == 1:
                return davidson(times, part, start, end=end, rtol=rtol, most=most)
            start = lanczos(part, start, k=k, end=end, rtol=_PART_RTOL, most=most).vectors.sum(axis=0)
        return lanczos(times, start, k=k, end=end, rtol=rtol, most=most)

    return tuple(each(run, len(theta), threads=threads))


def _length(network: MLP, layer: int) -> int:
    return sum(slot.stop - slot.start for slot in network.slots if slot.layer == layer)


@dataclass(frozen=True, slots=True)
class Trace:
    """An estimate of a trace, of the whole Hessian or of one layer's block.

    Parameters
    ----------
    value
        The estimate, unbiased.
    standard_error
        Its standard error, from the spread between probes.
    probes
        Number of probes.
    """

    value: float
    standard_error: float
    probes: int


def trace(
    network: MLP,
    theta: np.ndarray,
    X: np.ndarray,
    y: np.ndarray,
    *,
    probes: int = 32,
    threads: int = 1,
    engine: str = "auto",
    rng: np.random.Generator,
) -> tuple[Mapping[int | None, Trace], ...]:
    """Estimate the trace of every replica's Hessian and of each layer's diagonal block.

    Parameters
    ----------
    network, theta, X, y, threads, engine
        As for `extreme_eigenvalues`.
    probes
        Products a replica, at least 2.
    rng
        Stream of the probes, split by replica.

    Returns
    -------
    tuple of dict
        One a replica: the trace under None, those of the layers under their numbers.

    Notes
    -----
    For signs z drawn independently, ``z' H z`` has the trace for its mean, after Hutchinson (1990); restricted to
    a layer's entries of both z and H z it has the trace of that block, since signs of other layers average out.
    """
    if isinstance(probes, bool) or not isinstance(probes, int) or probes < 2:
        raise ValueError(f"probes must be a whole number >= 2, got {probes!r}")
    problems, streams = _replicas(theta, X, y), rng.spawn(len(theta))
    bounds = np.cumsum([0] + [_length(network, layer) for layer in range(len(network.widths) - 1)])

    def run(r: int) -> Mapping[int | None, Trace]:
        H, found = hessian(network, *problems[r], engine=engine), np.empty((probes, len(bounds) - 1))
        for i in range(probes):
            z = streams[r].integers(0, 2, size=H.size).astype(H.dtype) * 2 - 1
            found[i] = np.add.reduceat(z * H.times(z), bounds[:-1], dtype=np.float64)
        columns: dict[int | None, np.ndarray] = {None: found.sum(axis=1)}
        columns |= dict(enumerate(found.T))
        return {key: Trace(float(c.mean()), float(c.std(ddof=1)) / probes**0.5, probes) for key, c in columns.items()}

    return tuple(each(run, len(theta), threads=threads))
