"""Convolutions as register tiles that read the image where it lies: nothing is copied into columns.

With the batch as the last axis a shift of the kernel is another place to begin reading the same memory, so the
summed index of a product is a table of places.  A dense layer is the convolution of an image of one point.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from sim.engines.with_numba.tiles import BYTES, Emitter

__all__ = ["correlate", "products"]


def _at(e: Emitter, data: Any, place: Any) -> Any:
    return e.builder.load(e.builder.gep(data, [place]), align=8)


def _window(rows: int, vectors: int, width: int) -> Any:
    """Return a tile that sets ``c[m, n] = b[m] + sum_k a[at(k), m] x[n + place(k)]`` for `rows` m, `vectors` n.

    Called as ``tile(a, a0, am, ta, x, x0, tx, places, K, b, b0, bm, c, c0, cm)``: flat arrays, first entries and
    strides; ``places[ta + k]`` and ``places[tx + k]`` say where the k-th factors lie.  `width` is a vector's bytes;
    0 for vectors of one entry.
    """

    @intrinsic
    def tile(
        typing: Any, a: Any, a0: Any, am: Any, ta: Any, x: Any, x0: Any, tx: Any, places: Any, K: Any, b: Any, b0: Any,
        bm: Any, c: Any, c0: Any, cm: Any,
    ) -> Any:  # fmt: skip
        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            e = Emitter(context, builder, c.dtype, max(1, width // (c.dtype.bitwidth // 8)))
            from_a, first, by_row, table, from_x, start, other, of_places, count, from_b, b_first, b_row, *out = args
            left, right, shift, result = e.data(a, from_a), e.data(x, from_x), e.data(b, from_b), e.data(c, out[0])
            where = e.data(places, of_places)
            cells = e.accumulators(rows * vectors)
            for m in range(rows):
                begin = e.broadcast(shift, e.offset(b_first, b_row, m))
                for v in range(vectors):
                    builder.store(begin, cells[m * vectors + v])
            with cgutils.for_range(builder, count, intp=e.word) as loop:
                column = builder.add(first, _at(e, where, builder.add(table, loop.index)))
                row = builder.add(start, _at(e, where, builder.add(other, loop.index)))
                loaded = [e.load(right, builder.add(row, e.whole(v * e.lanes))) for v in range(vectors)]
                for m in range(rows):
                    factor = e.broadcast(left, e.offset(column, by_row, m))
                    for v in range(vectors):
                        e.add_product(factor, loaded[v], cells[m * vectors + v])
            for m in range(rows):
                for v in range(vectors):
                    at = builder.add(e.offset(out[1], out[2], m), e.whole(v * e.lanes))
                    e.store(builder.load(cells[m * vectors + v]), result, at)
            return context.get_dummy_value()

        whole = types.int64
        left, right = (a, whole, whole, whole), (x, whole, whole, places, whole)
        return types.void(*left, *right, b, whole, whole, c, whole, whole), emit

    return tile


def _inner(rows: int) -> Any:
    """Return a tile of inner products over stretches of two images, for `rows` places m and four places n.

    Called as ``tile(a, a0, ta, ah, aw, x, x0, tx, xh, xw, places, H, W, V, c, c0, cm)``: ``c[m, n]`` is the sum of
    ``a[place(m) + i] x[place(n) + i]`` over H rows of W stretches of V vectors, with their strides.
    """

    @intrinsic
    def tile(
        typing: Any, a: Any, a0: Any, ta: Any, ah: Any, aw: Any, x: Any, x0: Any, tx: Any, xh: Any, xw: Any,
        places: Any, H: Any, W: Any, V: Any, c: Any, c0: Any, cm: Any,
    ) -> Any:  # fmt: skip
        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            e = Emitter(context, builder, c.dtype, BYTES // (c.dtype.bitwidth // 8))
            from_a, a_first, a_table, a_down, a_on, from_x, x_first, x_table, x_down, x_on, *rest = args
            of_places, high, wide, vectors, into, target, down = rest
            left, right, result = e.data(a, from_a), e.data(x, from_x), e.data(c, into)
            where = e.data(places, of_places)
            lefts = [builder.add(a_first, _at(e, where, builder.add(a_table, e.whole(m)))) for m in range(rows)]
            rights = [builder.add(x_first, _at(e, where, builder.add(x_table, e.whole(n)))) for n in range(4)]
            cells = e.accumulators(rows * 4)
            with (
                cgutils.for_range(builder, high, intp=e.word) as h,
                cgutils.for_range(builder, wide, intp=e.word) as w,
                cgutils.for_range(builder, vectors, intp=e.word) as v,
            ):
                on = builder.mul(v.index, e.whole(e.lanes))
                by_a, by_x = (
                    builder.add(on, builder.add(builder.mul(h.index, d), builder.mul(w.index, o)))
                    for d, o in ((a_down, a_on), (x_down, x_on))
                )
                loaded = [e.load(left, builder.add(begin, by_a)) for begin in lefts]
                for n in range(4):
                    factor = e.load(right, builder.add(rights[n], by_x))
                    for m in range(rows):
                        e.add_product(loaded[m], factor, cells[m * 4 + n])
            for m in range(rows):
                sums = e.four_sums([builder.load(cell) for cell in cells[m * 4 : m * 4 + 4]])
                e.store(sums, result, e.offset(target, down, m))
            return context.get_dummy_value()

        whole = types.int64
        left, right = (a, whole, whole, whole, whole), (x, whole, whole, whole, whole)
        return types.void(*left, *right, places, whole, whole, whole, c, whole, whole), emit

    return tile


_6x2, _4x2, _2x2, _1x2 = (_window(rows, 2, BYTES) for rows in (6, 4, 2, 1))
_6x1, _4x1, _2x1, _1x1 = (_window(rows, 1, BYTES) for rows in (6, 4, 2, 1))
_4xs, _1xs = _window(4, 1, 0), _window(1, 1, 0)
_inner3, _inner2, _inner1 = _inner(3), _inner(2), _inner(1)


@njit(cache=True, nogil=True)
def _pair(
    a: Any, a0: int, am: int, ta: int, M: int, x: Any, x0: int, tx: int, places: Any, K: int, b: Any, b0: int, bm: int,
    c: Any, c0: int, cm: int,
) -> None:  # fmt: skip
    """Fill two vectors of columns, six rows at a time where there are many."""
    m = 0
    while M - m >= 10 or M - m == 6 or M - m == 7:
        _6x2(a, a0 + m * am, am, ta, x, x0, tx, places, K, b, b0 + m * bm, bm, c, c0 + m * cm, cm)
        m += 6
    while M - m >= 4:
        _4x2(a, a0 + m * am, am, ta, x, x0, tx, places, K, b, b0 + m * bm, bm, c, c0 + m * cm, cm)
        m += 4
    if M - m >= 2:
        _2x2(a, a0 + m * am, am, ta, x, x0, tx, places, K, b, b0 + m * bm, bm, c, c0 + m * cm, cm)
        m += 2
    if m < M:
        _1x2(a, a0 + m * am, am, ta, x, x0, tx, places, K, b, b0 + m * bm, bm, c, c0 + m * cm, cm)


@njit(cache=True, nogil=True)
def _single(
    a: Any, a0: int, am: int, ta: int, M: int, x: Any, x0: int, tx: int, places: Any, K: int, b: Any, b0: int, bm: int,
    c: Any, c0: int, cm: int,
) -> None:  # fmt: skip
    """Fill one vector of columns."""
    m = 0
    while M - m >= 6:
        _6x1(a, a0 + m * am, am, ta, x, x0, tx, places, K, b, b0 + m * bm, bm, c, c0 + m * cm, cm)
        m += 6
    if M - m >= 4:
        _4x1(a, a0 + m * am, am, ta, x, x0, tx, places, K, b, b0 + m * bm, bm, c, c0 + m * cm, cm)
        m += 4
    if M - m >= 2:
        _2x1(a, a0 + m * am, am, ta, x, x0, tx, places, K, b, b0 + m * bm, bm, c, c0 + m * cm, cm)
        m += 2
    if m < M:
        _1x1(a, a0 + m * am, am, ta, x, x0, tx, places, K, b, b0 + m * bm, bm, c, c0 + m * cm, cm)


@njit(cache=True, nogil=True)
def _few(
    a: Any, a0: int, am: int, ta: int, M: int, x: Any, x0: int, tx: int, places: Any, K: int, b: Any, b0: int, bm: int,
    c: Any, c0: int, cm: int,
) -> None:  # fmt: skip
    """Fill one column."""
    m = 0
    while M - m >= 4:
        _4xs(a, a0 + m * am, am, ta, x, x0, tx, places, K, b, b0 + m * bm, bm, c, c0 + m * cm, cm)
        m += 4
    while m < M:
        _1xs(a, a0 + m * am, am, ta, x, x0, tx, places, K, b, b0 + m * bm, bm, c, c0 + m * cm, cm)
        m += 1


@njit(cache=True, nogil=True)
def correlate(
    a: Any, a0: int, am: int, ta: int, M: int, x: Any, x0: int, xh: int, xw: int, tx: int, places: Any, K: int,
    b: Any, b0: int, bm: int, c: Any, c0: int, ch: int, cw: int, cm: int, H: int, W: int, L: int,
) -> None:  # fmt: skip
    """Set ``c[m, h, w, l] = b[m] + sum_k a[m, k] x[place(k), h, w, l]``; l runs over L entries side by side.

    Of the strides, those ending in h and w are by rows and by stretches.  The last vector of a stretch overlaps the
    one before it, so nothing outside is touched.
    """
    lanes = BYTES // x.itemsize
    for h in range(H):
        for w in range(W):
            xs, cs, n = x0 + h * xh + w * xw, c0 + h * ch + w * cw, 0
            while L - n >= 2 * lanes:
                _pair(a, a0, am, ta, M, x, xs + n, tx, places, K, b, b0, bm, c, cs + n, cm)
                n += 2 * lanes
            while n < L:
                if L < lanes:
                    _few(a, a0, am, ta, M, x, xs + n, tx, places, K, b, b0, bm, c, cs + n, cm)
                    n += 1
                else:
                    at = min(n, L - lanes)
                    _single(a, a0, am, ta, M, x, xs + at, tx, places, K, b, b0, bm, c, cs + at, cm)
                    n += lanes


@njit(cache=True, nogil=True)
def _rest(
    a: Any, a0: int, ta: int, ah: int, aw: int, M: int, x: Any, x0: int, tx: int, xh: int, xw: int, N: int,
    places: Any, H: int, W: int, first: int, L: int, c: Any, c0: int, cm: int,
) -> None:  # fmt: skip
    """Add what the entries first..L of the stretches give."""
    for m in range(M):
        for n in range(N):
            total, left, right = a[0] * 0, a0 + places[ta + m], x0 + places[tx + n]
            for h in range(H):
                for w in range(W):
                    for i in range(first, L):
                        total += a[left + h * ah + w * aw + i] * x[right + h * xh + w * xw + i]
            c[c0 + m * cm + n] += total


@njit(cache=True, nogil=True)
def products(
    a: Any, a0: int, ta: int, ah: int, aw: int, M: int, x: Any, x0: int, tx: int, xh: int, xw: int, N: int,
    places: Any, H: int, W: int, L: int, c: Any, c0: int, cm: int,
) -> None:  # fmt: skip
    """Set ``c[m, n] = sum_hwl a[place(m), h, w, l] x[place(n), h, w, l]``."""
    lanes = BYTES // x.itemsize
    V = L // lanes
    start: Any = np.int64(0)
    if N < 4 or not V:
        for m in range(M):
            for n in range(N):
                c[c0 + m * cm + n] = 0
        _rest(a, a0, ta, ah, aw, M, x, x0, tx, xh, xw, N, places, H, W, start, L, c, c0, cm)
        return
    m = 0
    while m < M:
        rows = 3 if M - m >= 5 or M - m == 3 else min(2, M - m)
        for n in range(0, N, 4):
            at = min(n, N - 4)
            if rows == 3:
                _inner3(a, a0, ta + m, ah, aw, x, x0, tx + at, xh, xw, places, H, W, V, c, c0 + m * cm + at, cm)
            elif rows == 2:
                _inner2(a, a0, ta + m, ah, aw, x, x0, tx + at, xh, xw, places, H, W, V, c, c0 + m * cm + at, cm)
            else:
                _inner1(a, a0, ta + m, ah, aw, x, x0, tx + at, xh, xw, places, H, W, V, c, c0 + m * cm + at, cm)
        m += rows
    if V * lanes < L:
        _rest(a, a0, ta, ah, aw, M, x, x0, tx, xh, xw, N, places, H, W, V * lanes, L, c, c0, cm)
