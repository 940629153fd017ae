"""Matrix products of small shapes, as register tiles written in LLVM's vector types.

A BLAS packs its operands before it multiplies, which at a few rows costs more than the product; and its small
kernels exist for few processors.  A tile here keeps a few rows times a few vectors of the result in registers
and walks once along the summed index.  Tiles inline into the loops around them, for any vector length the
host has, in single and double precision.
"""

from __future__ import annotations

from typing import Any

import llvmlite.binding as llvm  # type: ignore[import-untyped]
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = ["BYTES", "ROWS", "Emitter", "descend", "dots", "move", "outer", "residuals"]

BYTES = 64 if llvm.get_host_cpu_features().get("avx512f") else 32
"""Width of a vector; where the host's are narrower LLVM splits them."""

ROWS = 8
"""Rows that enter a step of a chain together, and columns of a vector there."""


class Emitter:
    """What tiles need: addresses, broadcasts and fused multiply-adds of one element type."""

    def __init__(self, context: Any, builder: Any, element: Any, lanes: int) -> None:
        self.context, self.builder = context, builder
        self.scalar = context.get_value_type(element)
        self.vector = ir.VectorType(self.scalar, lanes)
        self.word = ir.IntType(64)
        self.zero = ir.Constant(self.vector, [0.0] * lanes)
        self.lanes, self.align = lanes, 4 if element == types.float32 else 8
        name = f"llvm.fmuladd.v{lanes}f{8 * self.align}"
        kind = ir.FunctionType(self.vector, [self.vector] * 3)
        self.fmuladd = cgutils.get_or_insert_function(builder.module, kind, name)

    def whole(self, number: int) -> Any:
        """Return a constant index."""
        return ir.Constant(self.word, number)

    def data(self, kind: Any, array: Any) -> Any:
        """Return where the entries of an array begin."""
        return cgutils.create_struct_proxy(kind)(self.context, self.builder, array).data

    def offset(self, start: Any, step: Any, count: int) -> Any:
        """Return ``start + count step``."""
        return self.builder.add(start, self.builder.mul(step, self.whole(count)))

    def spread(self, one: Any) -> Any:
        """Return a vector of equal entries."""
        first = self.builder.insert_element(ir.Constant(self.vector, ir.Undefined), one, self.whole(0))
        mask = ir.Constant(ir.VectorType(ir.IntType(32), self.lanes), [0] * self.lanes)
        return self.builder.shuffle_vector(first, first, mask)

    def load(self, data: Any, at: Any) -> Any:
        """Load a vector."""
        pointer = self.builder.bitcast(self.builder.gep(data, [at]), self.vector.as_pointer())
        return self.builder.load(pointer, align=self.align)

    def store(self, value: Any, data: Any, at: Any) -> None:
        """Store a vector."""
        pointer = self.builder.bitcast(self.builder.gep(data, [at]), value.type.as_pointer())
        self.builder.store(value, pointer, align=self.align)

    def broadcast(self, data: Any, at: Any) -> Any:
        """Return a vector of one entry of an array."""
        return self.spread(self.builder.load(self.builder.gep(data, [at]), align=self.align))

    def outer(
        self, rows: int, vectors: int, left: Any, first: Any, by_row: Any, by_k: Any, right: Any, start: Any, step: Any,
        count: Any,
    ) -> list[Any]:  # fmt: skip
        """Return the tile of ``sum_k a[m, k] w[k, n]``, row after row."""
        builder = self.builder
        cells = self.accumulators(rows * vectors)
        with cgutils.for_range(builder, count, intp=self.word) as loop:
            row = builder.add(start, builder.mul(loop.index, step))
            column = builder.add(first, builder.mul(loop.index, by_k))
            loaded = [self.load(right, builder.add(row, self.whole(v * self.lanes))) for v in range(vectors)]
            for m in range(rows):
                factor = self.broadcast(left, self.offset(column, by_row, m))
                for v in range(vectors):
                    self.add_product(factor, loaded[v], cells[m * vectors + v])
        return [builder.load(cell) for cell in cells]

    def accumulators(self, count: int) -> list[Any]:
        """Return places for vectors, zero at first; LLVM makes registers of them."""
        cells = [cgutils.alloca_once(self.builder, self.vector) for _ in range(count)]
        for cell in cells:
            self.builder.store(self.zero, cell)
        return cells

    def fused(self, a: Any, b: Any, c: Any) -> Any:
        """Return ``a b + c``."""
        return self.builder.call(self.fmuladd, [a, b, c])

    def add_product(self, a: Any, b: Any, cell: Any) -> None:
        """Add ``a b`` to an accumulator."""
        self.builder.store(self.fused(a, b, self.builder.load(cell)), cell)

    def pick(self, a: Any, b: Any, lanes: list[int]) -> Any:
        """Return the entries at these places of two vectors in line."""
        return self.builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(ir.IntType(32), len(lanes)), lanes))

    def eight_sums(self, eight: list[Any]) -> Any:
        """Return the sums of eight vectors of eight, as one vector."""
        turns = (
            ([0, 8, 1, 9, 4, 12, 5, 13], [2, 10, 3, 11, 6, 14, 7, 15]),
            ([0, 1, 8, 9, 4, 5, 12, 13], [2, 3, 10, 11, 6, 7, 14, 15]),
            ([0, 1, 2, 3, 12, 13, 14, 15], [4, 5, 6, 7, 8, 9, 10, 11]),
        )
        for left, right in turns:
            eight = [
                self.builder.fadd(self.pick(a, b, left), self.pick(a, b, right))
                for a, b in zip(eight[::2], eight[1::2], strict=True)
            ]
        return eight[0]

    def four_sums(self, four: list[Any]) -> Any:
        """Return the sums of the lanes of four vectors, as one vector of four."""
        lanes, build = self.lanes, self.builder
        while lanes > 4:
            half = lanes // 2
            low, high = list(range(half)), list(range(half, lanes))
            four = [build.fadd(self.pick(v, v, low), self.pick(v, v, high)) for v in four]
            lanes = half
        while len(four) > 1:
            four = [
                build.fadd(self.pick(a, b, [0, 2, 4, 6]), self.pick(a, b, [1, 3, 5, 7]))
                for a, b in zip(four[::2], four[1::2], strict=True)
            ]
        return four[0]


def outer(rows: int, vectors: int, width: int) -> Any:
    """Return a tile that adds ``sum_k a[m, k] w[k, n]`` over m in `rows` and n in `vectors` vectors.

    Parameters
    ----------
    rows, vectors
        Size of the tile in registers.
    width
        Bytes of a vector; 0 for vectors of one entry.

    Returns
    -------
    intrinsic
        ``tile(a, a0, am, ak, w, w0, wk, c, c0, cm, K)``: flat arrays, their first entry, and their strides by
        row and by k; ``c`` is overwritten.
    """

    @intrinsic
    def tile(
        typing: Any, a: Any, a0: Any, am: Any, ak: Any, w: Any, w0: Any, wk: Any, c: Any, c0: Any, cm: Any, K: Any
    ) -> Any:
        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            lanes = max(1, width // (c.dtype.bitwidth // 8))
            e = Emitter(context, builder, c.dtype, lanes)
            from_a, first, by_row, by_k, from_w, start, step, into, target, down, count = args
            left, right, result = e.data(a, from_a), e.data(w, from_w), e.data(c, into)
            found = e.outer(rows, vectors, left, first, by_row, by_k, right, start, step, count)
            for m in range(rows):
                for v in range(vectors):
                    at = builder.add(e.offset(target, down, m), e.whole(v * lanes))
                    e.store(found[m * vectors + v], result, at)
            return context.get_dummy_value()

        whole = types.int64
        return types.void(a, whole, whole, whole, w, whole, whole, c, whole, whole, whole), emit

    return tile


def descend(rows: int, vectors: int, fast: bool) -> Any:
    """Return a tile that makes a gradient as `outer` does and takes the step with it, never storing it.

    Parameters
    ----------
    rows, vectors
        Size of the tile in registers.
    fast
        Whether there is a velocity.

    Returns
    -------
    intrinsic
        ``tile(a, a0, am, ak, d, d0, dk, w, v, w0, wm, K, direct, step, keep, decay)``: the velocity `v`, which
        lies as the parameters `w` do, becomes ``keep v + g``; they become ``decay w - direct g - step v``, and
        without a velocity ``decay w - direct g``.
    """

    @intrinsic
    def tile(
        typing: Any, a: Any, a0: Any, am: Any, ak: Any, d: Any, d0: Any, dk: Any, w: Any, v: Any, w0: Any, wm: Any,
        K: Any, direct: Any, step: Any, keep: Any, decay: Any,
    ) -> Any:  # fmt: skip
        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            lanes = BYTES // (w.dtype.bitwidth // 8)
            e = Emitter(context, builder, w.dtype, lanes)
            from_a, first, by_row, by_k, from_d, start, dk, into, beside, target, down, count, *factors = args
            left, right = e.data(a, from_a), e.data(d, from_d)
            weights, velocity = e.data(w, into), e.data(v, beside)
            gradient = e.outer(rows, vectors, left, first, by_row, by_k, right, start, dk, count)
            direct, step, keep, decay = (e.spread(factor) for factor in factors)
            direct, step = builder.fneg(direct), builder.fneg(step)
            for number, slope in enumerate(gradient):
                m, n = divmod(number, vectors)
                at = builder.add(e.offset(target, down, m), e.whole(n * lanes))
                moved = e.fused(direct, slope, builder.fmul(decay, e.load(weights, at)))
                if fast:
                    faster = e.fused(keep, e.load(velocity, at), slope)
                    e.store(faster, velocity, at)
                    moved = e.fused(step, faster, moved)
                e.store(moved, weights, at)
            return context.get_dummy_value()

        whole = types.int64
        number = w.dtype
        arguments = (a, whole, whole, whole, d, whole, whole, w, v, whole, whole, whole, *[number] * 4)
        return types.void(*arguments), emit

    return tile


def dots(rows: int) -> Any:
    """Return a tile of inner products, ``sum_k a[m, k] w[n, k]`` over m in `rows` and n in four rows of w.

    Parameters
    ----------
    rows
        Rows of a.

    Returns
    -------
    intrinsic
        ``tile(a, a0, am, w, w0, wn, c, c0, cm, K)``: flat arrays, their first entry and row strides; K is a
        multiple of the vector length; ``c`` is overwritten.
    """

    @intrinsic
    def tile(typing: Any, a: Any, a0: Any, am: Any, w: Any, w0: Any, wn: Any, c: Any, c0: Any, cm: Any, K: Any) -> Any:
        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            width = BYTES // (c.dtype.bitwidth // 8)
            e = Emitter(context, builder, c.dtype, width)
            from_a, first, by_row, from_w, start, by_column, into, target, down, count = args
            left, right, result = e.data(a, from_a), e.data(w, from_w), e.data(c, into)
            cells = e.accumulators(rows * 4)
            vectors = builder.udiv(count, e.whole(width))
            with cgutils.for_range(builder, vectors, intp=e.word) as loop:
                k = builder.mul(loop.index, e.whole(width))
                lefts = [e.load(left, builder.add(k, e.offset(first, by_row, m))) for m in range(rows)]
                for n in range(4):
                    factor = e.load(right, builder.add(k, e.offset(start, by_column, n)))
                    for m in range(rows):
                        e.add_product(lefts[m], factor, cells[m * 4 + n])
            for m in range(rows):
                sums = e.four_sums([builder.load(cell) for cell in cells[m * 4 : m * 4 + 4]])
                e.store(sums, result, e.offset(target, down, m))
            return context.get_dummy_value()

        whole = types.int64
        return types.void(a, whole, whole, w, whole, whole, c, whole, whole, whole), emit

    return tile


def residuals() -> Any:
    """Return a tile of a chain's residuals, the inner products of its parameters with eight rows.

    Returns
    -------
    intrinsic
        ``tile(rows, starts, theta, at, steps, found, into, most, eights)``: flat arrays; the first entries of eight
        rows, as a tuple, and of the chain; factors of the eight results, which are set; and a tuple with an entry
        for each eight columns, as its length is known to the compiler.  It says whether the squares of the results
        are at most `most`, so that their sum is finite.
    """

    @intrinsic
    def tile(
        typing: Any, rows: Any, starts: Any, theta: Any, at: Any, steps: Any, found: Any, into: Any, most: Any,
        eights: Any,
    ) -> Any:  # fmt: skip
        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            e = Emitter(context, builder, rows.dtype, ROWS)
            data, firsts = e.data(rows, args[0]), cgutils.unpack_tuple(builder, args[1])
            point, place = e.data(theta, args[2]), args[3]
            sums = [e.zero] * ROWS
            for j in range(eights.count):
                parameters = e.load(point, builder.add(place, e.whole(ROWS * j)))
                columns = [e.load(data, builder.add(first, e.whole(ROWS * j))) for first in firsts]
                sums = [
                    e.fused(column, parameters, total) if j else builder.fmul(column, parameters)
                    for column, total in zip(columns, sums, strict=True)
                ]
            residual = builder.fmul(e.eight_sums(sums), e.load(e.data(steps, args[4]), e.whole(0)))
            e.store(residual, e.data(found, args[5]), args[6])
            small = builder.fcmp_ordered("<=", builder.fmul(residual, residual), e.spread(args[7]))
            bits = ir.IntType(ROWS)
            return builder.icmp_unsigned("==", builder.bitcast(small, bits), ir.Constant(bits, -1))

        whole = types.int64
        return types.boolean(rows, starts, theta, whole, steps, found, whole, rows.dtype, eights), emit

    return tile


def move() -> Any:
    """Return a tile that takes the step of a chain, given its residuals.

    Returns
    -------
    intrinsic
        ``tile(rows, starts, theta, at, found, origin, ends, eights)``: as for `residuals`; where the eight `ends`
        are below 0 they are what the last eight columns become.
    """

    @intrinsic
    def tile(
        typing: Any, rows: Any, starts: Any, theta: Any, at: Any, found: Any, origin: Any, ends: Any, eights: Any
    ) -> Any:
        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            e = Emitter(context, builder, rows.dtype, ROWS)
            data, firsts = e.data(rows, args[0]), cgutils.unpack_tuple(builder, args[1])
            point, place, origin = e.data(theta, args[2]), args[3], e.data(found, args[4])
            back = [builder.fneg(e.broadcast(origin, builder.add(args[5], e.whole(k)))) for k in range(ROWS)]
            for j in range(eights.count):
                there = builder.add(place, e.whole(ROWS * j))
                columns = [e.load(data, builder.add(first, e.whole(ROWS * j))) for first in firsts]
                parts = [e.load(point, there), builder.fmul(back[1], columns[1])]
                for k in (0, *range(2, ROWS)):
                    parts[k % 2] = e.fused(back[k], columns[k], parts[k % 2])
                moved = builder.fadd(*parts)
                if j == eights.count - 1:
                    fixed = e.load(e.data(ends, args[6]), e.whole(0))
                    moved = builder.select(builder.fcmp_ordered("<", fixed, e.zero), fixed, moved)
                e.store(moved, point, there)
            return context.get_dummy_value()

        whole = types.int64
        return types.void(rows, starts, theta, whole, found, whole, ends, eights), emit

    return tile
