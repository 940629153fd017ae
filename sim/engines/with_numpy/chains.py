"""SGD chains on least squares, many at once: each step a batch of rows for every chain."""

from __future__ import annotations

import numpy as np

from sim.engines.with_numpy.subsets import packed

__all__ = ["advance", "padded_width", "walk_packed"]

_CHAINS = 512  # chains that step together: their gathered rows stay in the second-level cache


def padded_width(d: int) -> int:
    """Return the least multiple of eight with room for d coordinates and the target."""
    return -(-(d + 1) // 8) * 8


def advance(
    rows: np.ndarray,
    theta: np.ndarray,
    indices: np.ndarray,
    B: int,
    step: float,
    *,
    last: int,
    first: int,
    diverged_at: np.ndarray,
) -> None:
    """Take T steps of every chain, in place.

    Parameters
    ----------
    rows
        Shape (N, W): the features, the target, zeros; W from `padded_width`.
    theta
        Shape (C, W): the parameters, -1 at the target's place, zeros; so a row times it is the residual.
    indices
        Unsigned, shape (T, C, >= B): the batch of each step and chain, in the first B columns.
    B
        Batch size.
    step
        Step size over batch size.
    last
        The target's place: the number of features.
    first
        Number of the first step, for the record.
    diverged_at
        Int64, shape (C,), -1 for a chain whose residuals have been finite so far; the number of the step at
        which their sum was not is noted.  A diverged chain stays as it was.
    """
    kind = theta.dtype.type
    for start in range(0, len(theta), _CHAINS):
        part = theta[start : start + _CHAINS]
        batch = np.empty((len(part), B, theta.shape[1]), dtype=theta.dtype)
        flat = batch.reshape(-1, theta.shape[1])
        noted = diverged_at[start : start + _CHAINS]
        for t in range(len(indices)):
            chosen = indices[t, start : start + _CHAINS, :B].reshape(-1).astype(np.intp)
            # the mode spares a pass that would check the indices
            np.take(rows, chosen, axis=0, out=flat, mode="clip")
            residual = np.matvec(batch, part)
            residual *= kind(step)
            change = np.vecmat(residual, batch)
            change[:, last] = 0
            if noted.max() < 0 and np.isfinite(residual.sum()):
                part -= change
                continue
            fine = np.isfinite(residual.sum(axis=1))
            noted[~fine & (noted < 0)] = first + t
            fine &= noted < 0
            part[fine] -= change[fine]


def walk_packed(
    rows: np.ndarray,
    theta: np.ndarray,
    B: int,
    step: float,
    *,
    steps: int,
    at_once: int,
    last: int,
    first: int,
    diverged_at: np.ndarray,
    rng: np.random.Generator,
) -> None:
    """Take steps of every chain, in place, on batches without replacement that fit a word.

    Parameters
    ----------
    rows, theta, B, step, last, first, diverged_at
        As for `advance`; the number of rows and B are sizes that `sim.engines.with_numpy.subsets.fits_a_word` accepts.
    steps
        Number of steps.
    at_once
        Steps whose batches are drawn at a time; part of what fixes the draws.
    rng
        The stream.
    """
    for start in range(0, steps, at_once):
        some = min(at_once, steps - start)
        indices = packed(len(rows), B, some * len(theta), rng=rng).reshape(some, len(theta), 8)
        advance(rows, theta, indices, B, step, last=last, first=first + start, diverged_at=diverged_at)
