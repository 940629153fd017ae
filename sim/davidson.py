"""The outermost eigenvalue of a symmetric operator that has a cheap likeness.

Of a Hessian over all examples the one over a few of them is a likeness: its products cost a fraction, and so do the
corrections that it proposes.  What is returned is measured on the operator itself, as in `sim.lanczos`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from sim.lanczos import Ritz, checked, fresh, lanczos, orthogonalized, ritz_pairs

__all__ = ["davidson"]

_STARTS_AT = 0.05  # residual, over the value, at which the likeness' own eigenvector is good enough for a start
_ROWS = 16  # vectors that memory is set aside for at first


def _correction(like: Callable[[Any], Any], theta: float, y: np.ndarray, r: np.ndarray, products: int) -> np.ndarray:
    """Return some steps of conjugate gradients towards t, orthogonal to y, with ``(theta - like) t = r``.

    A direction along which ``theta - like`` is not positive ends them: the likeness knows no better there.
    """
    value, t = r.dtype.type(theta), np.zeros_like(r)
    r = r - y * (y @ r)
    p, square = r.copy(), r @ r
    for _ in range(products):
        image = value * p - like(p)
        image -= y * (y @ image)
        curvature = p @ image
        if not curvature > 0:
            break
        t += (square / curvature) * p
        r -= (square / curvature) * image
        before, square = square, r @ r
        p *= square / before
        p += r
    return t


def _direction(t: np.ndarray, r: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """Return the unit vector of what `t` adds to the basis, else of what `r` adds, else any."""
    least = float(np.finfo(r.dtype).eps) * len(basis)
    for candidate in (t, r):
        length = float(np.linalg.norm(candidate))
        if length > 0:
            new = candidate / r.dtype.type(length)
            for _ in range(2):  # a correction may lie almost whole in the basis: twice is enough
                new = orthogonalized(new, basis)[0]
            if float(np.linalg.norm(new)) > least:
                return new / np.linalg.norm(new)
    return fresh(basis, len(r))


def davidson(
    times: Callable[[Any], Any],
    like: Callable[[Any], Any],
    start: np.ndarray,
    *,
    end: str = "largest",
    rtol: float = 1e-4,
    most: int = 200,
    inner: int = 3,
) -> Ritz:
    """Find the outermost eigenvalue in as few products as a likeness of the operator allows.

    Parameters
    ----------
    times
        The symmetric operator: a vector of shape (P,) to one of the same shape and dtype.
    like
        A symmetric operator that is like it and cheaper.
    start
        Start vector of the search in the likeness, shape (P,), float32 or float64; the work is done in its dtype.
    end, rtol, most
        As for `sim.lanczos.lanczos`; `most` counts products of the operator itself.
    inner
        Products of the likeness for each correction, at least 1.

    Returns
    -------
    Ritz
        One pair.  A bad likeness costs products and touches nothing of what its residual says.

    Raises
    ------
    ValueError
        If an argument is outside its range or a product is not finite or of another shape.

    Notes
    -----
    After Davidson (1975), with a correction orthogonal to the vector at hand as in Sleijpen and van der Vorst
    (1996).  Where a correction has made the residual worse, the residual itself is the next direction, as it is in
    the method of Lanczos.
    """
    checked(start, 1, end, rtol, most)
    if isinstance(inner, bool) or not isinstance(inner, int) or inner < 1:
        raise ValueError(f"inner must be a whole number >= 1, got {inner!r}")
    sign = start.dtype.type(1 if end == "largest" else -1)
    flipped = lambda v: sign * like(v)  # noqa: E731
    q, most = lanczos(flipped, start, rtol=_STARTS_AT, most=most).vectors[0], min(most, len(start))
    V, images = (np.empty((min(most, _ROWS), len(start)), dtype=start.dtype) for _ in range(2))
    T, last = np.zeros((most, most)), np.inf
    for j in range(most):
        if j == len(V):
            V, images = (np.concatenate([a, np.empty_like(a)])[:most] for a in (V, images))
        image = times(q)
        if image.shape != q.shape:
            raise ValueError(f"the product must have shape {q.shape}, got {image.shape}")
        if not np.isfinite(image).all():
            raise ValueError(f"the product is not finite at step {j}")
        V[j], images[j] = q, sign * image
        T[j, : j + 1] = T[: j + 1, j] = V[: j + 1] @ images[j]
        values, S = np.linalg.eigh(T[: j + 1, : j + 1])
        bound = rtol * float(np.abs(values).max())
        found = ritz_pairs(values[-1:], S[:, -1:], V[: j + 1], images[: j + 1], bound)
        if found.converged or j + 1 == most:
            break
        y, theta, residual = found.vectors[0], float(found.values[0]), float(found.residuals[0])
        r = S[:, -1].astype(start.dtype) @ images[: j + 1] - y.dtype.type(theta) * y
        worse, last = residual > last, residual
        q = _direction(r if worse else _correction(flipped, theta, y, r, inner), r, V[: j + 1])
    return Ritz(sign * found.values, found.residuals, found.vectors, found.products, found.converged)
