"""Extreme eigenvalues of a symmetric operator known only by its products, with a residual for each.

Every returned pair comes with ``r = |A y - theta y|`` for a unit vector y, computed from the products
themselves.  For a symmetric operator some eigenvalue then lies within r of theta, whatever the iteration did;
that it is the *extreme* one is not certified, only likely: a start orthogonal to its eigenvector hides it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["ENDS", "Ritz", "checked", "fresh", "lanczos", "orthogonalized", "ritz_pairs"]

ENDS = ("largest", "smallest")
_ROWS = 16  # vectors that memory is set aside for at first
_GROWTH = 0.7  # a vector that loses more than this in one orthogonalization gets a second one


@dataclass(frozen=True, slots=True)
class Ritz:
    """Approximate eigenpairs at one end of a spectrum.

    Parameters
    ----------
    values
        The values, outermost first, shape (k,).
    residuals
        ``|A y - theta y|`` of each: an eigenvalue lies within this of the value; shape (k,).
    vectors
        Unit vectors, shape (k, P).
    products
        Number of products taken.
    converged
        Whether every residual met the tolerance.
    """

    values: np.ndarray
    residuals: np.ndarray
    vectors: np.ndarray
    products: int
    converged: bool


def orthogonalized(w: np.ndarray, basis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return `w` without its components along the rows of `basis`, and those components."""
    before = float(np.linalg.norm(w))
    along = basis @ w
    w = w - along @ basis
    if float(np.linalg.norm(w)) < _GROWTH * before:
        again = basis @ w
        w = w - again @ basis
        along = along + again
    return w, along


def fresh(basis: np.ndarray, P: int) -> np.ndarray:
    """Return a unit vector orthogonal to an invariant subspace, the same at every call."""
    rng = np.random.Generator(np.random.PCG64DXSM(len(basis)))
    w = rng.standard_normal(P).astype(basis.dtype)
    for _ in range(2):
        w = orthogonalized(w, basis)[0]
        w /= np.linalg.norm(w)
    return w


def checked(start: np.ndarray, k: int, end: str, rtol: float, most: int) -> None:
    """Raise ValueError, naming the value and what is allowed, unless the arguments of `lanczos` are in range."""
    if start.ndim != 1 or start.dtype not in (np.float32, np.float64):
        raise ValueError(f"the start must be a float32 or float64 vector, got {start.dtype} of shape {start.shape}")
    if not np.isfinite(start).all() or not start.any():
        raise ValueError("the start vector must be finite and not zero")
    if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= len(start):
        raise ValueError(f"k must be a whole number in 1..{len(start)}, got {k!r}")
    if end not in ENDS:
        raise ValueError(f"unknown end {end!r}: allowed are {', '.join(ENDS)}")
    if not 0 < rtol < 1:
        raise ValueError(f"rtol must lie in (0, 1), got {rtol!r}")
    if isinstance(most, bool) or not isinstance(most, int) or most < k:
        raise ValueError(f"most must be a whole number >= k = {k}, got {most!r}")


def lanczos(
    times: Callable[[Any], Any],
    start: np.ndarray,
    *,
    k: int = 1,
    end: str = "largest",
    rtol: float = 1e-4,
    most: int = 200,
) -> Ritz:
    """Find the `k` outermost eigenvalues by Lanczos with full reorthogonalization.

    Parameters
    ----------
    times
        The symmetric operator: a vector of shape (P,) to one of the same shape and dtype.
    start
        Start vector, shape (P,), float32 or float64; the work is done in its dtype.
    k
        How many eigenvalues.
    end
        ``"largest"`` or ``"smallest"``, in the order of the real line.
    rtol
        The iteration stops when every residual is at most `rtol` times the largest magnitude among the Ritz
        values.
    most
        Products allowed.

    Returns
    -------
    Ritz
        With ``converged = False``, and the residuals reached, where `most` products did not suffice.

    Raises
    ------
    ValueError
        If an argument is outside its range or a product is not finite or of another shape.

    Notes
    -----
    After Lanczos (1950); the second orthogonalization where a first one cancels much is after Daniel, Gragg,
    Kaufman and Stewart (1976).  One start vector meets a multiple eigenvalue once; where the iteration runs into
    an invariant subspace before it is done it goes on from a vector orthogonal to it.
    """
    checked(start, k, end, rtol, most)
    P = len(start)
    most = min(most, P)
    Q, images = (np.empty((min(most, _ROWS), P), dtype=start.dtype) for _ in range(2))
    T = np.zeros((most, most))
    q = start / np.linalg.norm(start)
    for j in range(most):
        if j == len(Q):
            Q, images = (np.concatenate([a, np.empty_like(a)])[:most] for a in (Q, images))
        Q[j] = q
        w = times(q)
        if w.shape != q.shape:
            raise ValueError(f"the product must have shape {q.shape}, got {w.shape}")
        if not np.isfinite(w).all():
            raise ValueError(f"the product is not finite at Lanczos step {j}")
        images[j] = w
        w, along = orthogonalized(w, Q[: j + 1])
        T[j, j], beta = float(along[j]), float(np.linalg.norm(w))
        theta, S = np.linalg.eigh(T[: j + 1, : j + 1])
        order = slice(None, -k - 1, -1) if end == "largest" else slice(0, k)
        theta_k, S_k, bound = theta[order], S[:, order], rtol * float(np.abs(theta).max())
        # the recurrence gives the residuals for nothing; what is returned is measured
        if j + 1 >= k and beta * float(np.abs(S_k[-1]).max()) <= bound:
            found = ritz_pairs(theta_k, S_k, Q[: j + 1], images[: j + 1], bound)
            if found.converged or j + 1 == most:
                return found
        if j + 1 < most:
            if beta > float(np.finfo(start.dtype).eps) * float(np.abs(theta).max()):
                q, T[j, j + 1], T[j + 1, j] = w / w.dtype.type(beta), beta, beta
            else:
                q = fresh(Q[: j + 1], P)
    return ritz_pairs(theta_k, S_k, Q[:most], images[:most], bound)


def ritz_pairs(theta: np.ndarray, S: np.ndarray, Q: np.ndarray, images: np.ndarray, bound: float) -> Ritz:
    """Return the pairs that columns of `S` make of a basis and its images, with the residuals measured."""
    weights = np.ascontiguousarray(S.T).astype(Q.dtype)
    vectors, lengths = weights @ Q, np.empty(len(theta))
    residuals = np.empty(len(theta))
    for i, (value, vector, image) in enumerate(zip(theta, vectors, weights @ images, strict=True)):
        lengths[i] = np.linalg.norm(vector)
        residuals[i] = np.linalg.norm(image - vector.dtype.type(value) * vector) / lengths[i]
    return Ritz(
        theta.copy(),
        residuals,
        vectors / lengths[:, None].astype(Q.dtype),
        len(Q),
        bool((residuals <= bound).all()),
    )
