"""What a Hessian product does between its matrix products, one pass over memory each; see the NumPy engine.

Column sums run row by row, in another order than in the NumPy engine: in float32 results agree to 1e-5.  The rows
written to are handed over whole, with an offset into them: a strided view would keep the loops from vectorizing.
"""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["ahead", "back", "outputs"]


@njit(cache=True, nogil=True)
def ahead(Rz: np.ndarray, c: np.ndarray, slope: np.ndarray, into: np.ndarray, offset: int) -> None:
    """Add the bias and multiply by the slope; see the NumPy engine."""
    for i in range(Rz.shape[0]):
        row = into[i, offset : offset + Rz.shape[1]]
        for j in range(Rz.shape[1]):
            Rz[i, j] += c[j]
            row[j] = Rz[i, j] * slope[i, j]


@njit(cache=True, nogil=True)
def _outputs(
    Rz: np.ndarray,
    c: np.ndarray,
    p: np.ndarray,
    soft: bool,
    weight: float,
    into: np.ndarray,
    offset: int,
    sums: np.ndarray,
) -> None:
    for i in range(Rz.shape[0]):
        row, mean = into[i, offset : offset + Rz.shape[1]], weight * 0
        for k in range(Rz.shape[1]):
            Rz[i, k] = (Rz[i, k] + c[k]) * weight
            if soft:
                mean += p[i, k] * Rz[i, k]
        for k in range(Rz.shape[1]):
            if soft:
                Rz[i, k] = p[i, k] * (Rz[i, k] - mean)
            row[k] = Rz[i, k]
            sums[k] += Rz[i, k]


def outputs(
    Rz: np.ndarray, c: np.ndarray, p: np.ndarray | None, weight: float, into: np.ndarray, offset: int, sums: np.ndarray
) -> None:
    """Apply the loss Hessian; see the NumPy engine."""
    _outputs(Rz, c, Rz if p is None else p, p is not None, Rz.dtype.type(weight), into, offset, sums)


@njit(cache=True, nogil=True)
def _back(Rh: np.ndarray, slope: np.ndarray, into: np.ndarray, offset: int, sums: np.ndarray) -> None:
    for i in range(Rh.shape[0]):
        row = into[i, offset : offset + Rh.shape[1]]
        for j in range(Rh.shape[1]):
            value = Rh[i, j] * slope[i, j]
            row[j] = value
            sums[j] += value


@njit(cache=True, nogil=True)
def _back_bent(
    Rh: np.ndarray, slope: np.ndarray, bent: np.ndarray, Rz: np.ndarray, into: np.ndarray, offset: int, sums: np.ndarray
) -> None:
    for i in range(Rh.shape[0]):
        row = into[i, offset : offset + Rh.shape[1]]
        for j in range(Rh.shape[1]):
            value = Rh[i, j] * slope[i, j] + bent[i, j] * Rz[i, j]
            row[j] = value
            sums[j] += value


def back(
    Rh: np.ndarray,
    slope: np.ndarray,
    bent: np.ndarray | None,
    Rz: np.ndarray,
    into: np.ndarray,
    offset: int,
    sums: np.ndarray,
) -> None:
    """Take the tangent of a residual; see the NumPy engine."""
    if bent is None:
        _back(Rh, slope, into, offset, sums)
    else:
        _back_bent(Rh, slope, bent, Rz, into, offset, sums)
