"""Norms over stretches of a row or over columns, four at once, so that no sum is waited for alone.

Tiles as in `sim.engines.with_numba.tiles`.  A stretch is a whole number of vectors; stretches of four are one step
apart: the groups of a row, or the rows themselves.  Columns are taken in four vectors side by side.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from sim.engines.with_numba.tiles import BYTES, Emitter

__all__ = ["FOUR", "column_sums", "standardize", "standardize_back", "standardize_columns"]

FOUR = 4
"""Stretches, or vectors of columns, at once."""


def _less(e: Emitter, a: Any, b: Any) -> Any:
    """Return ``a - b``, which no fast sum may take apart, as in `sim.engines.with_numba.products.beyond`."""
    # numba gives its own flags to instructions that have none
    return e.builder.fsub(a, b, flags=("arcp",))


def _inverse_root(e: Emitter, value: Any) -> Any:
    kind = ir.FunctionType(e.vector, [e.vector])
    root = cgutils.get_or_insert_function(e.builder.module, kind, f"llvm.sqrt.v{e.lanes}f{8 * e.align}")
    return e.builder.fdiv(ir.Constant(e.vector, [1.0] * e.lanes), e.builder.call(root, [value]))


class _Stretches:
    """Loops over four stretches, and their sums."""

    def __init__(self, context: Any, builder: Any, element: Any, first: Any, step: Any, count: Any) -> None:
        lanes = BYTES // (element.bitwidth // 8)
        self.builder, self.e = builder, Emitter(context, builder, element, lanes)
        self.four = Emitter(context, builder, element, FOUR)
        self.vectors = builder.udiv(count, self.e.whole(lanes))
        self.starts = [self.e.offset(first, step, n) for n in range(FOUR)]
        one = ir.Constant(self.e.scalar, 1.0)
        self.share = self.four.spread(builder.fdiv(one, builder.uitofp(count, self.e.scalar)))

    @contextmanager
    def vectors_at(self) -> Iterator[list[Any]]:
        """Give where the vectors lie that come next in each stretch."""
        with cgutils.for_range(self.builder, self.vectors, intp=self.e.word) as loop:
            k = self.builder.mul(loop.index, self.e.whole(self.e.lanes))
            yield [self.builder.add(start, k) for start in self.starts]

    def means(self, cells: list[Any]) -> Any:
        """Return a vector of four: the sums of accumulators, over the stretches' length."""
        return self.builder.fmul(self.share, self.e.four_sums([self.builder.load(cell) for cell in cells]))

    def spread(self, four: Any) -> list[Any]:
        """Return a vector of each of four entries."""
        return [self.e.pick(four, four, [n] * self.e.lanes) for n in range(FOUR)]


def standardize(center: bool) -> Any:
    """Return a tile that brings four stretches to variance 1, and to mean 0 if they are centered.

    Parameters
    ----------
    center
        Whether the mean is taken away.

    Returns
    -------
    intrinsic
        ``tile(z, first, step, count, small, x, inverse, into)``: flat arrays, of which `x` lies as `z` does; the
        length of a stretch; `inverse` receives the four ``1 / sqrt(var + small)``.
    """

    @intrinsic
    def tile(
        typing: Any, z: Any, first: Any, step: Any, count: Any, small: Any, x: Any, inverse: Any, into: Any
    ) -> Any:
        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            s = _Stretches(context, builder, z.dtype, *args[1:4])
            e, inputs, result = s.e, s.e.data(z, args[0]), s.e.data(x, args[5])
            firsts, middles = [e.broadcast(inputs, start) for start in s.starts], [e.zero] * FOUR
            if center:
                cells = e.accumulators(FOUR)
                with s.vectors_at() as places:
                    for place, first, cell in zip(places, firsts, cells, strict=True):
                        value = _less(e, e.load(inputs, place), first)
                        builder.store(builder.fadd(builder.load(cell), value), cell)
                middles = s.spread(s.means(cells))

            def off(place: Any, n: int) -> Any:
                value = e.load(inputs, place)
                return _less(e, _less(e, value, firsts[n]), middles[n]) if center else value

            cells = e.accumulators(FOUR)
            with s.vectors_at() as places:
                for n, place in enumerate(places):
                    value = off(place, n)
                    e.add_product(value, value, cells[n])
            spreads = builder.fadd(s.means(cells), s.four.spread(args[4]))
            scales = _inverse_root(s.four, spreads)
            e.store(scales, e.data(inverse, args[6]), args[7])
            factors = s.spread(scales)
            with s.vectors_at() as places:
                for n, place in enumerate(places):
                    e.store(builder.fmul(off(place, n), factors[n]), result, place)
            return context.get_dummy_value()

        whole = types.int64
        return types.void(z, whole, whole, whole, z.dtype, x, inverse, whole), emit

    return tile


def standardize_back(center: bool) -> Any:
    """Return a tile that carries the gradient of four stretches back through `standardize`.

    Parameters
    ----------
    center
        As there.

    Returns
    -------
    intrinsic
        ``tile(d, first, step, count, gamma, from_gamma, gamma_step, x, inverse, into)``: `d` is overwritten; of the
        scales `gamma` the stretches' own begin one `gamma_step` apart.
    """

    @intrinsic
    def tile(
        typing: Any, d: Any, first: Any, step: Any, count: Any, gamma: Any, from_gamma: Any, gamma_step: Any, x: Any,
        inverse: Any, into: Any,
    ) -> Any:  # fmt: skip
        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            s = _Stretches(context, builder, d.dtype, *args[1:4])
            e, slopes, hats, scales = s.e, s.e.data(d, args[0]), s.e.data(x, args[7]), s.e.data(gamma, args[4])
            own = [builder.sub(e.offset(args[5], args[6], n), s.starts[n]) for n in range(FOUR)]
            totals, products = e.accumulators(FOUR), e.accumulators(FOUR)
            with s.vectors_at() as places:
                for n, place in enumerate(places):
                    value = builder.fmul(e.load(slopes, place), e.load(scales, builder.add(place, own[n])))
                    if center:
                        builder.store(builder.fadd(builder.load(totals[n]), value), totals[n])
                    e.add_product(value, e.load(hats, place), products[n])
            factor = s.four.load(e.data(inverse, args[8]), args[9])
            middles = s.spread(builder.fmul(factor, s.means(totals)))
            pulls = s.spread(builder.fneg(builder.fmul(factor, s.means(products))))
            factors = s.spread(factor)
            with s.vectors_at() as places:
                for n, place in enumerate(places):
                    value = builder.fmul(e.load(slopes, place), e.load(scales, builder.add(place, own[n])))
                    moved = e.fused(e.load(hats, place), pulls[n], builder.fmul(value, factors[n]))
                    e.store(builder.fsub(moved, middles[n]) if center else moved, slopes, place)
            return context.get_dummy_value()

        whole = types.int64
        return types.void(d, whole, whole, whole, gamma, whole, whole, x, inverse, whole), emit

    return tile


@contextmanager
def _rows(e: Emitter, first: Any, step: Any, count: Any) -> Iterator[list[Any]]:
    """Give where the four vectors of a row lie, row after row."""
    with cgutils.for_range(e.builder, count, intp=e.word) as loop:
        row = e.builder.add(first, e.builder.mul(loop.index, step))
        yield [e.builder.add(row, e.whole(n * e.lanes)) for n in range(FOUR)]


def standardize_columns() -> Any:
    """Return a tile that brings four vectors of columns to mean 0 and variance 1.

    Returns
    -------
    intrinsic
        ``tile(z, first, step, rows, small, x, inverse, into)``: flat arrays, of which `x` lies as `z` does;
        `inverse` receives the columns' ``1 / sqrt(var + small)``.
    """

    @intrinsic
    def tile(typing: Any, z: Any, first: Any, step: Any, rows: Any, small: Any, x: Any, inverse: Any, into: Any) -> Any:
        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            e = Emitter(context, builder, z.dtype, BYTES // (z.dtype.bitwidth // 8))
            inputs, result, where = e.data(z, args[0]), e.data(x, args[5]), args[1:4]
            share = e.spread(builder.fdiv(ir.Constant(e.scalar, 1.0), builder.uitofp(args[3], e.scalar)))
            firsts = [e.load(inputs, builder.add(args[1], e.whole(n * e.lanes))) for n in range(FOUR)]
            cells = e.accumulators(FOUR)
            with _rows(e, *where) as places:
                for place, first, cell in zip(places, firsts, cells, strict=True):
                    value = _less(e, e.load(inputs, place), first)
                    builder.store(builder.fadd(builder.load(cell), value), cell)
            middles = [builder.fmul(share, builder.load(cell)) for cell in cells]
            cells = e.accumulators(FOUR)
            with _rows(e, *where) as places:
                for place, first, middle, cell in zip(places, firsts, middles, cells, strict=True):
                    value = _less(e, _less(e, e.load(inputs, place), first), middle)
                    e.add_product(value, value, cell)
                    e.store(value, result, place)
            least = e.spread(args[4])
            factors = [_inverse_root(e, e.fused(share, builder.load(cell), least)) for cell in cells]
            for n, factor in enumerate(factors):
                e.store(factor, e.data(inverse, args[6]), builder.add(args[7], e.whole(n * e.lanes)))
            with _rows(e, *where) as places:
                for place, factor in zip(places, factors, strict=True):
                    e.store(builder.fmul(e.load(result, place), factor), result, place)
            return context.get_dummy_value()

        whole = types.int64
        return types.void(z, whole, whole, whole, z.dtype, x, inverse, whole), emit

    return tile


def column_sums() -> Any:
    """Return a tile of sums over the rows of four vectors of columns.

    Returns
    -------
    intrinsic
        ``tile(d, first, step, rows, x, sums, products, into)``: flat arrays, of which `x` lies as `d` does; the sums
        of `d` and those of ``d x`` are set.
    """

    @intrinsic
    def tile(typing: Any, d: Any, first: Any, step: Any, rows: Any, x: Any, sums: Any, products: Any, into: Any) -> Any:
        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            e = Emitter(context, builder, d.dtype, BYTES // (d.dtype.bitwidth // 8))
            slopes, hats = e.data(d, args[0]), e.data(x, args[4])
            totals, weighted = e.accumulators(FOUR), e.accumulators(FOUR)
            with _rows(e, *args[1:4]) as places:
                for n, place in enumerate(places):
                    slope = e.load(slopes, place)
                    builder.store(builder.fadd(builder.load(totals[n]), slope), totals[n])
                    e.add_product(slope, e.load(hats, place), weighted[n])
            for n in range(FOUR):
                at = builder.add(args[7], e.whole(n * e.lanes))
                e.store(builder.load(totals[n]), e.data(sums, args[5]), at)
                e.store(builder.load(weighted[n]), e.data(products, args[6]), at)
            return context.get_dummy_value()

        whole = types.int64
        return types.void(d, whole, whole, whole, x, sums, products, whole), emit

    return tile
