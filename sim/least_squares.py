"""Mini-batch SGD on linear least squares: simulated chains, and the exact moments they must have.

Example i has the loss ``(a_i . theta - y_i)^2 / 2``.  The error ``e = theta - theta*`` obeys ``e <- e - eta g_B``
with ``g_B`` the batch mean of ``a_i (a_i . e - r_i)``, r the residuals at the optimum; the first two moments of e
then close on themselves for any N, B, eta and data.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import linalg

from sim import data, designs, engines
from sim.engines.with_numpy.chains import padded_width
from sim.engines.with_numpy.subsets import fits_a_word
from sim.threads import each

__all__ = ["BLOCK", "Chains", "Problem", "moments_after", "simulate", "stationary"]

BLOCK = 1024
"""Chains to a random stream: streams, and so results, do not depend on the number of threads."""

_DRAWS = 1 << 16  # batches drawn at a time
_LARGEST_D = 64  # the exact covariance solves d (d + 1) / 2 equations


@dataclass(frozen=True, slots=True)
class Problem:
    """A least-squares problem and how SGD walks on it.

    Parameters
    ----------
    A
        Features, shape (N, d), of rank d.
    y
        Targets, shape (N,).
    B
        Batch size.
    eta
        Step size, above 0.
    design
        One of `sim.designs.DESIGNS`: a fresh batch each step.

    Attributes
    ----------
    optimum
        The minimizer of the mean loss, shape (d,).
    """

    A: np.ndarray
    y: np.ndarray
    B: int
    eta: float
    design: str = "wor"
    optimum: np.ndarray = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse what is outside the stated."""
        A, y = data.checked(self.A, "A"), data.checked(self.y, "y")
        if A.ndim != 2 or y.shape != A.shape[:1]:
            raise ValueError(f"A and y must have shapes (N, d) and (N,), got {A.shape} and {y.shape}")
        designs.check_sizes(len(A), self.B, self.design)
        if not (np.isfinite(self.eta) and self.eta > 0):
            raise ValueError(f"step size eta must be finite and > 0, got {self.eta}")
        optimum, _, rank, _ = linalg.lstsq(A, y, cond=max(A.shape) * np.finfo(A.dtype).eps)
        if rank < A.shape[1]:
            raise ValueError(f"A must have rank d = {A.shape[1]} for one optimum to exist, got rank {rank}")
        object.__setattr__(self, "A", A)
        object.__setattr__(self, "y", y)
        object.__setattr__(self, "optimum", optimum)

    @property
    def noise_factor(self) -> float:
        """Variance of a batch mean over that of one example: ``(N - B) / (B (N - 1))``, or ``1 / B``."""
        N = len(self.A)
        if self.design == "wr":
            return 1 / self.B
        return (N - self.B) / (self.B * (N - 1)) if N > 1 else 0.0


@dataclass(frozen=True, slots=True)
class Chains:
    """What `simulate` finds.

    Parameters
    ----------
    theta
        Last parameters of each chain, shape (C, d), in the type simulated.
    mean, second
        Mean of ``theta - theta*``, shape (d,), and of its outer square, (d, d), over chains and recorded
        steps; not a number if a chain diverged.
    recorded
        Number of recorded steps.
    diverged_at
        Shape (C,): the step at which a chain's residuals were no longer finite, counted from 0; -1 if none.
    """

    theta: np.ndarray
    mean: np.ndarray
    second: np.ndarray
    recorded: int
    diverged_at: np.ndarray

    @property
    def diverged(self) -> bool:
        """Whether any chain did."""
        return bool((self.diverged_at >= 0).any())


def _next(problem: Problem, residual: np.ndarray, m: np.ndarray, S: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Carry mean and second moment of the error one step on, exactly."""
    A, N = problem.A, len(problem.A)
    H = A.T @ A / N
    keep = np.eye(len(H)) - problem.eta * H
    size = np.vecdot(A @ S, A) - 2 * residual * (A @ m) + residual**2
    spread = (A.T * size) @ A / N - H @ S @ H
    return keep @ m, keep @ S @ keep + problem.eta**2 * problem.noise_factor * spread


def moments_after(problem: Problem, start: np.ndarray, t: int) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and second moment of ``theta - theta*`` after `t` steps, exactly but for rounding.

    Parameters
    ----------
    problem
        The problem.
    start
        Parameters before the first step, shape (d,).
    t
        Number of steps, at least 0.

    Returns
    -------
    tuple of numpy.ndarray
        Shapes (d,) and (d, d).
    """
    if isinstance(t, bool) or not isinstance(t, int) or t < 0:
        raise ValueError(f"number of steps t must be a whole number >= 0, got {t!r}")
    m = _point(problem, start) - problem.optimum
    S, residual = np.outer(m, m), problem.y - problem.A @ problem.optimum
    for _ in range(t):
        m, S = _next(problem, residual, m, S)
    return m, S


def _point(problem: Problem, start: Any) -> np.ndarray:
    point = data.checked(start, "start")
    if point.shape != problem.A.shape[1:]:
        raise ValueError(f"start must have shape {problem.A.shape[1:]}, got {point.shape}")
    return point


def stationary(problem: Problem) -> np.ndarray:
    """Return the covariance that SGD with a constant step settles at, exactly but for rounding.

    Parameters
    ----------
    problem
        The problem, of at most 64 features.

    Returns
    -------
    numpy.ndarray of float64, shape (d, d)

    Raises
    ------
    ValueError
        If there are more features, or the second moment does not settle: the largest eigenvalue of its
        recursion is then at least 1, and is named.

    Notes
    -----
    One step maps a second moment S to ``L S + Q``, with L linear and self-adjoint on symmetric matrices.  L is
    written out in an orthonormal basis of them and ``(1 - L) S = Q`` is solved.
    """
    N, d = problem.A.shape
    if d > _LARGEST_D:
        raise ValueError(f"the exact covariance is solved for at most {_LARGEST_D} features, got {d}")
    A, (i, j) = problem.A, np.triu_indices(d)
    weight = np.where(i == j, 1.0, np.sqrt(2.0))
    H = A.T @ A / N
    keep = np.eye(d) - problem.eta * H
    # coordinates of the symmetric matrices x x' and of X E X for each basis matrix E
    outer = A[:, i] * A[:, j] * weight
    noise = problem.eta**2 * problem.noise_factor

    def both_sides(X: np.ndarray) -> np.ndarray:
        products = X[i][:, i] * X[j][:, j] + X[i][:, j] * X[j][:, i]
        return products * weight[:, None] * weight / 2

    L = both_sides(keep) + noise * (outer.T @ outer / N - both_sides(H))
    largest = float(linalg.eigvalsh(L)[-1])
    if largest >= 1:
        raise ValueError(
            f"no stationary covariance: with eta = {problem.eta}, B = {problem.B} the second moment grows by "
            f"{largest:.6g} a step, which must be below 1"
        )
    residual = problem.y - A @ problem.optimum
    Q = noise * (outer * residual[:, None] ** 2).mean(axis=0)
    solved = linalg.solve(np.eye(len(i)) - L, Q, assume_a="pos") / weight
    S = np.zeros((d, d))
    S[i, j] = S[j, i] = solved
    return S


def _batches(problem: Problem, n: int, kernels: Any, rng: np.random.Generator) -> np.ndarray:
    N, B = len(problem.A), problem.B
    if problem.design == "wr":
        return rng.integers(0, N, size=(n, B), dtype=np.uint8 if N <= 256 else np.uint32)
    found: np.ndarray = kernels.ordered(N, B, n, rng=rng)
    return found


def _walk(
    problem: Problem,
    optimum: np.ndarray,
    theta: np.ndarray,
    rows: np.ndarray,
    stops: list[int],
    burn: int,
    kernels: Any,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Walk one block of chains, in place; return the sums of the error and its outer square, and divergences."""
    d, C = problem.A.shape[1], len(theta)
    mean, second = np.zeros(d), np.zeros((d, d))
    diverged_at = np.full(C, -1, dtype=np.int64)
    done, most, chains = 0, max(1, _DRAWS // C), kernels.chains
    same: dict[str, Any] = {"last": d, "diverged_at": diverged_at}
    step = problem.eta / problem.B
    for stop in stops:
        if problem.design != "wr" and fits_a_word(len(rows), problem.B):
            chains.walk_packed(
                rows, theta, problem.B, step, steps=stop - done, at_once=most, first=done, rng=rng, **same
            )
            done = stop
        while done < stop:
            steps = min(most, stop - done)
            drawn = _batches(problem, steps * C, kernels.subsets, rng).reshape(steps, C, -1)
            chains.advance(rows, theta, drawn, problem.B, step, first=done, **same)
            done += steps
        if done > burn:
            error = theta[:, :d].astype(np.float64) - optimum
            mean += error.sum(axis=0)
            second += error.T @ error
    return mean, second, diverged_at


def simulate(
    problem: Problem,
    chains: int,
    steps: int,
    *,
    start: np.ndarray | None = None,
    burn: int | None = None,
    every: int = 100,
    dtype: str = "float32",
    engine: str = "auto",
    threads: int = 1,
    rng: np.random.Generator,
) -> Chains:
    """Walk many independent chains.

    Parameters
    ----------
    problem
        The problem.
    chains, steps
        Numbers of chains and of steps of each, at least 1.
    start
        Parameters before the first step, shape (d,); the optimum if not given.
    burn
        Steps before the first record; all but the last if not given, so that only the end is recorded.
    every
        Steps between records; the last step is always one.
    dtype
        ``"float32"`` or ``"float64"`` of the chains; moments are summed in float64.
    engine
        As for `sim.engines.choose`.
    threads
        Blocks walked at once.
    rng
        The stream from which each block of 1024 chains gets its own.

    Returns
    -------
    Chains
        The same for any number of threads; for the two engines, equal but for rounding.

    Raises
    ------
    ValueError
        If an argument is outside what is stated above.
    """
    for name, value, low in (("chains", chains, 1), ("steps", steps, 1), ("every", every, 1), ("threads", threads, 1)):
        if isinstance(value, bool) or not isinstance(value, int) or value < low:
            raise ValueError(f"{name} must be a whole number >= {low}, got {value!r}")
    burn = steps - 1 if burn is None else burn
    if isinstance(burn, bool) or not isinstance(burn, int) or not 0 <= burn < steps:
        raise ValueError(f"burn must be a whole number in 0..{steps - 1}, got {burn!r}")
    if dtype not in ("float32", "float64"):
        raise ValueError(f"unknown dtype {dtype!r}: allowed are float32, float64")
    kernels = engines.choose(engine)
    (N, d), kind = problem.A.shape, np.dtype(dtype)
    rows = np.zeros((N, padded_width(d)), dtype=kind)
    rows[:, :d], rows[:, d] = problem.A, problem.y
    theta = np.zeros((chains, rows.shape[1]), dtype=kind)
    optimum = problem.optimum
    theta[:, :d], theta[:, d] = optimum if start is None else _point(problem, start), -1
    stops = sorted({*range(burn + every, steps, every), steps})
    parts = [theta[low : low + BLOCK] for low in range(0, chains, BLOCK)]
    streams = rng.spawn(len(parts))

    def walk(k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        # a chain that diverges overflows on its way: that is recorded, and nothing to warn of
        with np.errstate(over="ignore", invalid="ignore"):
            return _walk(problem, optimum, parts[k], rows, stops, burn, kernels, streams[k])

    found = each(walk, len(parts), threads=threads)
    diverged_at = np.concatenate([f[2] for f in found])
    total = chains * len(stops) if (diverged_at < 0).all() else np.nan
    return Chains(
        theta=theta[:, :d].copy(),
        mean=np.sum([f[0] for f in found], axis=0) / total,
        second=np.sum([f[1] for f in found], axis=0) / total,
        recorded=len(stops),
        diverged_at=diverged_at,
    )
