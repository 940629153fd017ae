"""What a Hessian product does between its matrix products, row by row; see `sim.hessian`."""

from __future__ import annotations

import numpy as np

__all__ = ["ahead", "back", "outputs"]


def ahead(Rz: np.ndarray, c: np.ndarray, slope: np.ndarray, into: np.ndarray, offset: int) -> None:
    """Add the tangent `c` of the bias to `Rz` in place and write its product with the slope.

    Parameters
    ----------
    Rz
        Tangent before the bias, shape (n, O).
    c
        Shape (O,).
    slope
        Of the activation, shape (n, O).
    into, offset
        Columns from `offset` on are written, as many as `Rz` has.
    """
    Rz += c
    np.multiply(Rz, slope, out=into[:, offset : offset + len(c)])


def outputs(
    Rz: np.ndarray,
    c: np.ndarray,
    p: np.ndarray | None,
    weight: float,
    into: np.ndarray,
    offset: int,
    sums: np.ndarray,
) -> None:
    """Write the loss Hessian in the outputs times their tangent, over N, and add its column sums.

    Parameters
    ----------
    Rz, c
        As for `ahead`; `Rz` is used up.
    p
        Probabilities under cross-entropy, shape (n, K); None for the identity.
    weight
        One over the number of examples.
    into, offset
        As for `ahead`.
    sums
        Added to, shape (K,).
    """
    Rz += c
    Rz *= Rz.dtype.type(weight)
    if p is not None:
        Rz -= np.vecdot(p, Rz)[:, None]
        Rz *= p
    into[:, offset : offset + len(c)] = Rz
    sums += np.ones(len(Rz), Rz.dtype) @ Rz


def back(
    Rh: np.ndarray,
    slope: np.ndarray,
    bent: np.ndarray | None,
    Rz: np.ndarray,
    into: np.ndarray,
    offset: int,
    sums: np.ndarray,
) -> None:
    """Write the tangent of a residual from that of the activation's gradient, and add its column sums.

    Parameters
    ----------
    Rh
        Tangent of the gradient in the activation, shape (n, O).
    slope, bent
        Of the activation; the bend times the gradient, or None where it is 0.
    Rz
        As `ahead` left it; used up where there is a bend.
    into, offset
        As for `ahead`; `into` may be `Rh`.
    sums
        Added to, shape (O,).
    """
    found = np.multiply(Rh, slope, out=into[:, offset : offset + len(sums)])
    if bent is not None:
        found += np.multiply(bent, Rz, out=Rz)
    sums += np.ones(len(Rh), Rh.dtype) @ found
