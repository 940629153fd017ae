"""Gaussian activations and the statistics of their batches, at all batch sizes from one stream.

Batches are nested: two of B make one of 2 B, whose mean and sum of squares follow from theirs, so one set of
draws serves every size.  Batches of one size are independent; those of two sizes are not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sim import data, engines
from sim.threads import check, each

__all__ = ["BLOCK", "BatchMoments", "exact", "grid_correlation", "sampled_law", "simulate"]

BLOCK = 2048
"""Largest batches to a random stream: streams, and so results, do not depend on the number of threads."""

_DRAWS = 1 << 16  # normal variates drawn at a time


@dataclass(frozen=True, slots=True)
class BatchMoments:
    """Moments of batch mean m and batch variance v (divisor: all values of the batch), by batch size.

    Parameters
    ----------
    route
        ``"draws"`` (activations drawn and averaged), ``"law of the statistics"`` (m and v drawn from their
        exact laws) or ``"exact"`` (closed form, no draws).
    sizes
        Batch sizes B, shape (K,).
    batches
        Number of batches at each size, shape (K,); 0 where nothing is drawn.
    mean, mean_square, variance, variance_square
        Averages of m, m^2, v and v^2, float64, shape (K,).
    """

    route: str
    sizes: tuple[int, ...]
    batches: tuple[int, ...]
    mean: np.ndarray
    mean_square: np.ndarray
    variance: np.ndarray
    variance_square: np.ndarray


def grid_correlation(height: int, width: int, rho: float) -> np.ndarray:
    """Return the correlation ``rho^(|dx| + |dy|)`` of the positions of a grid.

    Parameters
    ----------
    height, width
        Of the grid, at least 1.
    rho
        Correlation of neighbours, in [0, 1).

    Returns
    -------
    numpy.ndarray of float64, shape (height * width, height * width)
    """
    if height < 1 or width < 1:
        raise ValueError(f"height and width must be >= 1, got {height} and {width}")
    if not 0 <= rho < 1:
        raise ValueError(f"rho must lie in [0, 1), got {rho}")
    row, column = np.divmod(np.arange(height * width), width)
    apart = np.abs(row[:, None] - row) + np.abs(column[:, None] - column)
    return np.asarray(float(rho) ** apart)


def _correlation(given: np.ndarray | None) -> np.ndarray:
    if given is None:
        return np.ones((1, 1))
    C = data.checked(given, "correlation")
    if C.ndim != 2 or C.shape[0] != C.shape[1] or not np.allclose(C, C.T) or not np.allclose(np.diag(C), 1):
        raise ValueError(f"correlation must be a symmetric matrix with ones on its diagonal, got shape {C.shape}")
    return C


def _levels(largest: int, smallest: int) -> tuple[int, ...]:
    if isinstance(largest, bool) or not isinstance(largest, int) or largest < smallest or largest & (largest - 1):
        raise ValueError(f"largest batch must be a power of two >= {smallest}, got {largest!r}")
    return tuple(2**k for k in range(1, largest.bit_length()))


def _whole(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{name} must be a whole number >= 1, got {value!r}")


def exact(largest: int, *, correlation: np.ndarray | None = None) -> BatchMoments:
    """Return the moments in closed form, for batches of 2, 4, ..., `largest`.

    Parameters
    ----------
    largest
        A power of two, at least 2.
    correlation
        Of the P positions of an example, shape (P, P); None for one position.

    Returns
    -------
    BatchMoments

    Notes
    -----
    With C the correlation, ``s = 1'C1`` and ``u = 1'C^2 1``, the centered quadratic form B P v has mean
    ``B tr C - s / P`` and variance ``2 (B tr C^2 - 2 u / P + s^2 / P^2)``.
    """
    sizes, C = _levels(largest, 2), _correlation(correlation)
    B, P = np.array(sizes, dtype=np.float64), len(C)
    s, u, trace, square = C.sum(), (C @ C).sum(), np.trace(C), (C * C).sum()
    mean = (B * trace - s / P) / (B * P)
    spread = 2 * (B * square - 2 * u / P + (s / P) ** 2) / (B * P) ** 2
    return BatchMoments(
        "exact", sizes, (0,) * len(sizes), np.zeros(len(B)), s / (B * P**2), mean, mean**2 + spread
    )


def sampled_law(largest: int, R: int, *, rng: np.random.Generator) -> BatchMoments:
    """Draw batch statistics of independent activations from their exact laws: two variates a batch.

    Parameters
    ----------
    largest, R
        A power of two, and the number of batches at *each* size.
    rng
        The stream.

    Returns
    -------
    BatchMoments

    Notes
    -----
    By Cochran's theorem m is normal with variance 1 / B and B v is chi-square with B - 1 degrees of freedom,
    independent of m.  This assumes what `simulate` shows; it serves large scans.
    """
    sizes = _levels(largest, 2)
    _whole("R", R)
    sums = []
    for B in sizes:
        m = rng.standard_normal(R) / np.sqrt(B)
        v = rng.standard_gamma((B - 1) / 2, size=R) * (2 / B)
        sums.append((m.sum(), m @ m, v.sum(), v @ v))
    return BatchMoments("law of the statistics", sizes, (R,) * len(sizes), *(np.array(sums) / R).T)


def simulate(
    largest: int,
    R: int,
    *,
    correlation: np.ndarray | None = None,
    engine: str = "auto",
    threads: int = 1,
    rng: np.random.Generator,
) -> BatchMoments:
    """Draw standard Gaussian activations and average their batches, of 2, 4, ..., `largest` examples.

    Parameters
    ----------
    largest
        A power of two, at least 2.
    R
        Batches at the largest size; a size B has ``R largest / B`` of them.
    correlation
        Of the P positions of an example, shape (P, P); None for one position.  Examples are independent, and a
        batch's statistics run over examples and positions, as those of batch normalization do.
    engine
        As for `sim.engines.choose`.
    threads
        Blocks drawn at once.
    rng
        The stream from which each block of 2048 largest batches gets its own.

    Returns
    -------
    BatchMoments
        The same for any number of threads; for the two engines, equal to 1e-5.

    Raises
    ------
    ValueError
        If an argument is outside what is stated above, or the correlation is not positive definite.
    """
    sizes, C = _levels(largest, 2), _correlation(correlation)
    _whole("R", R)
    check(threads)
    normals = engines.choose(engine).normals
    try:
        root = np.linalg.cholesky(C).astype(np.float32)
    except np.linalg.LinAlgError as error:
        least = float(np.linalg.eigvalsh(C)[0])
        raise ValueError(f"correlation must be positive definite, its least eigenvalue is {least:.3g}") from error
    columns = [min(BLOCK, R - start) for start in range(0, R, BLOCK)]
    streams = rng.spawn(len(columns))
    at_once = max(1, _DRAWS // (largest * len(root)))

    def block(k: int) -> np.ndarray:
        sums = np.zeros((len(sizes), 4))
        normals.block(largest, columns[k], root, sums, at_once=at_once, rng=streams[k])
        return sums

    sums = np.sum(each(block, len(columns), threads=threads), axis=0)
    batches = tuple(R * largest // B for B in sizes)
    return BatchMoments("draws", sizes, batches, *(sums / np.array(batches)[:, None]).T)
