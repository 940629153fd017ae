"""The three matrix products of a dense layer, covered with register tiles."""

from __future__ import annotations

from typing import Any

from numba import njit

from sim.engines.with_numba.tiles import BYTES, descend, dots, outer

__all__ = ["FAST", "beyond", "less", "multiply", "multiply_and_step", "multiply_transposed"]

FAST = {"reassoc", "contract", "arcp", "nsz"}
"""Sums may be reordered; infinities and NaN keep their meaning, or divergence could not be seen."""

_NARROW = 16
_6x2, _4x2, _2x2, _1x2 = (outer(rows, 2, BYTES) for rows in (6, 4, 2, 1))
_6x1, _4x1, _2x1, _1x1 = (outer(rows, 1, BYTES) for rows in (6, 4, 2, 1))
_4xn, _2xn, _1xn = (outer(rows, 1, _NARROW) for rows in (4, 2, 1))
_1xs = outer(1, 1, 0)
_2x4, _1x4 = (outer(rows, 4, BYTES) for rows in (2, 1))
_dots3, _dots2, _dots1 = dots(3), dots(2), dots(1)
_straight6, _fast6 = descend(6, 2, False), descend(6, 2, True)


@njit(cache=True, nogil=True, fastmath=False)  # or it would take the flags of its caller
def less(a: Any, b: Any) -> Any:
    """Return ``a - b``, which no sum reordered by `FAST` may take apart: equal numbers must differ by exactly 0."""
    return a - b


@njit(cache=True, nogil=True, fastmath=False)  # or it would take the flags of its caller
def beyond(a: Any, b: Any, c: Any) -> Any:
    """Return ``(a - b) - c``, which `FAST` would turn into ``a - (b + c)``, a sum that may not have the digits of c."""
    return (a - b) - c


@njit(cache=True, nogil=True)
def _columns(
    a: Any, a0: int, am: int, ak: int, M: int, w: Any, w0: int, wk: int, c: Any, c0: int, cm: int, K: int, wide: bool
) -> None:
    """Fill two vectors, or one, of columns, six rows at a time where there are many."""
    m = 0
    if wide:
        while M - m >= 12 or M - m == 6:
            _6x2(a, a0 + m * am, am, ak, w, w0, wk, c, c0 + m * cm, cm, K)
            m += 6
        while M - m >= 4:
            _4x2(a, a0 + m * am, am, ak, w, w0, wk, c, c0 + m * cm, cm, K)
            m += 4
        if M - m >= 2:
            _2x2(a, a0 + m * am, am, ak, w, w0, wk, c, c0 + m * cm, cm, K)
            m += 2
        if m < M:
            _1x2(a, a0 + m * am, am, ak, w, w0, wk, c, c0 + m * cm, cm, K)
        return
    while M - m >= 6:
        _6x1(a, a0 + m * am, am, ak, w, w0, wk, c, c0 + m * cm, cm, K)
        m += 6
    if M - m >= 4:
        _4x1(a, a0 + m * am, am, ak, w, w0, wk, c, c0 + m * cm, cm, K)
        m += 4
    if M - m >= 2:
        _2x1(a, a0 + m * am, am, ak, w, w0, wk, c, c0 + m * cm, cm, K)
        m += 2
    if m < M:
        _1x1(a, a0 + m * am, am, ak, w, w0, wk, c, c0 + m * cm, cm, K)


@njit(cache=True, nogil=True)
def _narrow(
    a: Any, a0: int, am: int, ak: int, M: int, w: Any, w0: int, wk: int, c: Any, c0: int, cm: int, K: int, N: int
) -> None:
    """Fill fewer columns than a vector holds."""
    lanes = _NARROW // w.itemsize
    for n in range(0, N, lanes if lanes <= N else 1):
        m = 0
        if lanes > N:
            for m in range(M):
                _1xs(a, a0 + m * am, am, ak, w, w0 + n, wk, c, c0 + m * cm + n, cm, K)
            continue
        at = min(n, N - lanes)
        while M - m >= 4:
            _4xn(a, a0 + m * am, am, ak, w, w0 + at, wk, c, c0 + m * cm + at, cm, K)
            m += 4
        if M - m >= 2:
            _2xn(a, a0 + m * am, am, ak, w, w0 + at, wk, c, c0 + m * cm + at, cm, K)
            m += 2
        if m < M:
            _1xn(a, a0 + m * am, am, ak, w, w0 + at, wk, c, c0 + m * cm + at, cm, K)


@njit(cache=True, nogil=True)
def multiply(
    a: Any, a0: int, am: int, ak: int, M: int, w: Any, w0: int, wk: int, c: Any, c0: int, cm: int, K: int, N: int
) -> None:
    """Set ``c[m, n] = sum_k a[m, k] w[k, n]``, of flat arrays with strides; rows of w and c are contiguous.

    The last vector of columns overlaps the one before it, so nothing outside the matrices is touched.
    """
    lanes = BYTES // w.itemsize
    if lanes > N:
        _narrow(a, a0, am, ak, M, w, w0, wk, c, c0, cm, K, N)
        return
    n = 0
    if M <= 3:
        while N - n >= 4 * lanes:
            m = 0
            if M >= 2:
                _2x4(a, a0, am, ak, w, w0 + n, wk, c, c0 + n, cm, K)
                m = 2
            if m < M:
                _1x4(a, a0 + m * am, am, ak, w, w0 + n, wk, c, c0 + m * cm + n, cm, K)
            n += 4 * lanes
    while N - n >= 2 * lanes:
        _columns(a, a0, am, ak, M, w, w0 + n, wk, c, c0 + n, cm, K, True)
        n += 2 * lanes
    while n < N:
        at = min(n, N - lanes)
        _columns(a, a0, am, ak, M, w, w0 + at, wk, c, c0 + at, cm, K, False)
        n += lanes


@njit(cache=True, nogil=True)
def multiply_transposed(
    a: Any, a0: int, am: int, M: int, w: Any, w0: int, wn: int, c: Any, c0: int, cm: int, K: int, N: int
) -> None:
    """Set ``c[m, n] = sum_k a[m, k] w[n, k]``; rows of a end in zeros up to a whole vector."""
    lanes = BYTES // w.itemsize
    K = (K + lanes - 1) // lanes * lanes
    n = 0
    while n < N:
        at = min(n, N - 4)
        if N < 4:
            for m in range(M):
                for column in range(N):
                    total = a[0] * 0
                    for k in range(K):
                        total += a[a0 + m * am + k] * w[w0 + column * wn + k]
                    c[c0 + m * cm + column] = total
            return
        m = 0
        while M - m >= 5 or M - m == 3:
            _dots3(a, a0 + m * am, am, w, w0 + at * wn, wn, c, c0 + m * cm + at, cm, K)
            m += 3
        while M - m >= 2:
            _dots2(a, a0 + m * am, am, w, w0 + at * wn, wn, c, c0 + m * cm + at, cm, K)
            m += 2
        if m < M:
            _dots1(a, a0 + m * am, am, w, w0 + at * wn, wn, c, c0 + m * cm + at, cm, K)
        n += 4


@njit(cache=True, nogil=True)
def multiply_and_step(
    fast: bool, a: Any, a0: int, ak: int, M: int, d: Any, d0: int, dk: int, w: Any, v: Any, w0: int, K: int, N: int,
    direct: Any, step: Any, keep: Any, decay: Any,
) -> int:  # fmt: skip
    """Step with the gradient ``sum_k a[k, m] d[k, n]`` for as many rows m as full tiles cover; return that many.

    The factors are those of `sim.engines.with_numba.tiles.descend`.
    """
    pair = 2 * BYTES // w.itemsize
    if N % pair:
        return 0
    rows = M // 6 * 6
    for m in range(0, rows, 6):
        for n in range(0, N, pair):
            at = w0 + m * N + n
            if fast:
                _fast6(a, a0 + m, 1, ak, d, d0 + n, dk, w, v, at, N, K, direct, step, keep, decay)
            else:
                _straight6(a, a0 + m, 1, ak, d, d0 + n, dk, w, v, at, N, K, direct, step, keep, decay)
    return rows
