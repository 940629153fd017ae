"""Training an ensemble: R replicas, each with its own step size and batches, in one array program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sim.arrays import namespace, to_host
from sim.networks import MLP
from sim.optimizers import Optimizer

__all__ = ["Outcome", "train"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a training run left.

    Parameters
    ----------
    theta
        Parameters, shape (R, P); those of a diverged replica are from before the step at which it diverged.
    losses
        Batch loss at each step before it is taken, shape (T, R); ``inf`` from the step of divergence on.
    diverged_at
        Step (0-based) at which a replica diverged, shape (R,); -1 where it did not.
    """

    theta: Any
    losses: np.ndarray
    diverged_at: np.ndarray

    @property
    def diverged(self) -> int:
        """Number of replicas that diverged."""
        return int((self.diverged_at >= 0).sum())


def train(
    network: MLP,
    theta: Any,
    X: Any,
    y: Any,
    batches: np.ndarray,
    *,
    optimizer: Optimizer,
    limit: float = 1e6,
) -> Outcome:
    """Train every replica on its own sequence of batches.

    Parameters
    ----------
    network
        The architecture.
    theta
        Initial parameters, shape (R, P); not changed.
    X, y
        The data, first axis N.
    batches
        Indices, shape (T, B) for all replicas alike or (R, T, B).
    optimizer
        The method.
    limit
        A batch loss above this, or one that is not finite, is divergence.

    Returns
    -------
    Outcome
        Divergence is an outcome, never an error: a diverged replica stops and is marked.

    Raises
    ------
    ValueError
        If shapes do not fit, an index is outside the data, or `limit` is not above 0.
    """
    xp = namespace(theta, X, y)
    R, N = theta.shape[0], X.shape[0]
    if batches.ndim not in (2, 3) or (batches.ndim == 3 and batches.shape[0] != R):
        raise ValueError(f"batches must have shape (T, B) or ({R}, T, B), got {batches.shape}")
    if batches.size and not 0 <= batches.min() <= batches.max() < N:
        raise ValueError(f"batch indices must lie in 0..{N - 1}, got {batches.min()}..{batches.max()}")
    if not limit > 0:
        raise ValueError(f"limit must be > 0, got {limit}")
    T = batches.shape[-2]
    losses = np.full((T, R), np.inf)
    diverged_at = np.full(R, -1)
    alive = xp.ones((R, 1), dtype=xp.bool)
    state = optimizer.start(theta)
    with np.errstate(over="ignore", invalid="ignore"):
        for t in range(T):
            index = batches[..., t, :]
            flat = xp.asarray(index.reshape(-1))
            x_batch = xp.reshape(xp.take(X, flat, axis=0), (*index.shape, *X.shape[1:]))
            y_batch = xp.reshape(xp.take(y, flat, axis=0), (*index.shape, *y.shape[1:]))
            each, gradient = network.gradient(theta, x_batch, y_batch)
            loss = to_host(xp.mean(each, axis=1))
            fine = to_host(alive)[:, 0] & np.isfinite(loss) & (loss <= limit)
            fine &= np.isfinite(to_host(xp.sum(gradient, axis=1)))
            diverged_at[(diverged_at < 0) & ~fine] = t
            losses[t, fine] = loss[fine]
            if not fine.any():
                break
            alive = xp.asarray(fine[:, None])
            stepped, state = optimizer.step(theta, gradient, state)
            theta = xp.where(alive, stepped, theta)
    return Outcome(theta, losses, diverged_at)
