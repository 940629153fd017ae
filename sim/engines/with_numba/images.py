"""Steps on images (C, H, W, B) with strides: activations, pooling, copies and sums, norms, forward and backward.

Each takes a step of `sim.in_place.plan` and the flat array that its images lie in.
"""

from __future__ import annotations

import math
from typing import Any

from numba import njit

from sim.engines.with_numba.products import FAST, beyond, less

__all__ = ["activate", "activate_back", "add", "copy", "normalize", "normalize_back", "pool", "pool_back"]


@njit(cache=True, nogil=True)
def _move(f: Any, source: int, target: int, n: int) -> None:
    """Copy a row; numba's own assignment of slices takes seconds to compile."""
    x, y = f[source : source + n], f[target : target + n]
    for j in range(n):
        y[j] = x[j]


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def _rectify(f: Any, source: int, target: int, n: int, one: Any) -> None:
    """Set a row to its positive part; what is not a number stays so.

    By a factor of `one`, or the compiler would store only where something changes, entry by entry; and in place by one
    name, or it would fear that one row shifts the other.
    """
    x, y, zero = f[source : source + n], f[target : target + n], f.dtype.type(0)
    if source == target:
        for j in range(n):
            x[j] = one * (zero if x[j] < zero else x[j])
    else:
        for j in range(n):
            y[j] = one * (zero if x[j] < zero else x[j])


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def _rectify_back(f: Any, output: int, source: int, target: int, n: int) -> None:
    """Set a row to the gradient at `source` where the output is positive, to 0 times it elsewhere."""
    y, d, e = f[output : output + n], f[source : source + n], f[target : target + n]
    zero, one = f.dtype.type(0), f.dtype.type(1)
    if source == target:
        for j in range(n):
            d[j] *= one if y[j] > zero else zero
    else:
        for j in range(n):
            e[j] = d[j] * (one if y[j] > zero else zero)


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def activate(step: Any, f: Any, B: int) -> None:
    """Set y to the activation of x."""
    n, kind = step.W * B, f.dtype.type
    one, half = kind(1), kind(0.5)
    root, cubic = kind(math.sqrt(2 / math.pi)), kind(0.044715)
    for c in range(step.C):
        for h in range(step.H):
            xs, ys = step.x + c * step.x_c + h * step.x_h, step.y + c * step.y_c + h * step.y_h
            x, y = f[xs : xs + n], f[ys : ys + n]
            if step.option == 0:
                if xs != ys:
                    _move(f, xs, ys, n)
            elif step.option == 1:
                _rectify(f, xs, ys, n, kind(step.share))
            elif step.option == 2:
                for j in range(n):
                    y[j] = math.tanh(x[j])
            else:
                for j in range(n):
                    y[j] = half * x[j] * (one + math.tanh(root * (x[j] + cubic * x[j] * x[j] * x[j])))


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def activate_back(step: Any, f: Any, B: int) -> None:
    """Set dx to dy times the slope."""
    n, kind = step.W * B, f.dtype.type
    one, half = kind(1), kind(0.5)
    root, cubic, thrice = kind(math.sqrt(2 / math.pi)), kind(0.044715), kind(3 * 0.044715)
    for c in range(step.C):
        for h in range(step.H):
            xs, ys = step.x + c * step.x_c + h * step.x_h, step.y + c * step.y_c + h * step.y_h
            es, ds = step.dx + c * step.dx_c + h * step.dx_h, step.dy + c * step.dy_c + h * step.dy_h
            x, y, e, d = f[xs : xs + n], f[ys : ys + n], f[es : es + n], f[ds : ds + n]
            if step.option == 0:
                if es != ds:
                    _move(f, ds, es, n)
            elif step.option == 1:
                _rectify_back(f, ys, ds, es, n)
            elif step.option == 2:
                for j in range(n):
                    e[j] = d[j] * (one - y[j] * y[j])
            else:
                for j in range(n):
                    square = x[j] * x[j]
                    t = math.tanh(root * x[j] * (one + cubic * square))
                    inner = root * (one + thrice * square)
                    e[j] = d[j] * (half * (one + t) + half * x[j] * (one - t * t) * inner)


@njit(cache=True, nogil=True)
def copy(
    f: Any, a: int, ac: int, ah: int, aw: int, c: int, cc: int, ch: int, cw: int, C: int, H: int, W: int, B: int
) -> None:
    """Copy an image to another place with strides of its own, the last ones by point."""
    for i in range(C):
        for h in range(H):
            xs, ys = a + i * ac + h * ah, c + i * cc + h * ch
            if aw == cw == B:
                _move(f, xs, ys, W * B)
                continue
            for w in range(W):
                _move(f, xs + w * aw, ys + w * cw, B)


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def add(
    f: Any, a: int, ac: int, ah: int, b: int, bc: int, bh: int, c: int, cc: int, ch: int, C: int, H: int, n: int
) -> None:
    """Set an image to the sum of two, in rows of n entries."""
    for i in range(C):
        for h in range(H):
            one, two, out = a + i * ac + h * ah, b + i * bc + h * bh, c + i * cc + h * ch
            x, y, z = f[one : one + n], f[two : two + n], f[out : out + n]
            for j in range(n):
                z[j] = x[j] + y[j]


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def _join(f: Any, into: int, other: int, n: int, greatest: bool, one: Any) -> None:
    """Add a row to another, or take the greater of each pair, or what is not a number; `one` as above."""
    x, y = f[into : into + n], f[other : other + n]
    if greatest:
        for j in range(n):
            x[j] = one * (x[j] if x[j] >= y[j] or x[j] != x[j] else y[j])
    else:
        for j in range(n):
            x[j] += y[j]


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def pool(step: Any, f: Any, B: int) -> None:
    """Set y to mean or maximum over tiles of x: first over their rows, in long stretches, then over their columns."""
    k, n, share, greatest = step.size, step.W * B, f.dtype.type(step.share), step.option != 0
    for c in range(step.O):
        for h in range(step.R):
            xs, ys = step.x + c * step.x_c + h * k * step.x_h, step.y + c * step.y_c + h * step.y_h
            _move(f, xs, step.work, n)
            for i in range(1, k):
                _join(f, step.work, xs + i * step.x_h, n, greatest, share)
            for w in range(step.S):
                at = step.work + w * k * B
                y, first = f[ys + w * B : ys + (w + 1) * B], f[at : at + B]
                if k == 2 and not greatest:
                    second = f[at + B : at + 2 * B]
                    for b in range(B):
                        y[b] = share * (first[b] + second[b])
                    continue
                for j in range(1, k):
                    _join(f, at, at + j * B, B, greatest, share)
                for b in range(B):
                    y[b] = share * first[b]


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def pool_back(step: Any, f: Any, B: int) -> None:
    """Spread the mean's gradient evenly, the maximum's to the first entry that has it."""
    k, kind = step.size, f.dtype.type
    share, zero, one = kind(step.share), kind(0), kind(1)
    for c in range(step.O):
        for h in range(step.R):
            ds = step.dy + c * step.dy_c + h * step.dy_h
            es = step.dx + c * step.dx_c + h * k * step.dx_h
            if not step.option:
                for w in range(step.S):
                    d = f[ds + w * B : ds + (w + 1) * B]
                    for j in range(k):
                        e = f[es + (w * k + j) * B : es + (w * k + j + 1) * B]
                        for b in range(B):
                            e[b] = share * d[b]
                n = step.W * B
                for i in range(1, k):
                    _move(f, es, es + i * step.dx_h, n)
                continue
            ys, xs = step.y + c * step.y_c + h * step.y_h, step.x + c * step.x_c + h * k * step.x_h
            for w in range(step.S):
                for b in range(B):
                    top, slope, free = f[ys + w * B + b], f[ds + w * B + b], one
                    for i in range(k):
                        for j in range(k):
                            at = (w * k + j) * B + b
                            hit = free if f[xs + i * step.x_h + at] == top else zero
                            f[es + i * step.dx_h + at] = hit * slope
                            free -= hit


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def _over_points(row: Any, W: int, B: int, share: Any) -> None:
    """Set each entry to `share` times the sum over the points of its row (W, B)."""
    for b in range(B):
        total = row[b]
        for w in range(1, W):
            total += row[w * B + b]
        row[b] = total * share
    for w in range(1, W):
        _move(row, 0, w * B, B)


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def normalize(step: Any, f: Any, theta: Any, B: int) -> None:
    """Set y to the normalized x, scaled and shifted; keep the normalized and the inverse roots."""
    C, H, W, kind = step.C, step.H, step.W, f.dtype.type
    n, share, eps, zero, one = W * B, kind(step.share), kind(step.eps), kind(0), kind(1)
    G = step.groups if step.groups else C
    wide = C // G
    mean, square = f[step.work : step.work + n], f[step.work + n : step.work + 2 * n]
    # means are those of what entries exceed the first of their block by: a constant block has variance exactly 0
    firsts = f[step.work + 2 * n : step.work + 3 * n]
    firsts[:] = zero
    for g in range(G):
        middle, spread, first = zero, zero, zero
        mean[:] = zero
        square[:] = zero
        if step.option:
            at = step.x + g * wide * step.x_c
            first = f[at]
            if step.groups:
                for w in range(W):
                    _move(f, at, step.work + 2 * n + w * B, B)
        for i in range(g * wide * H, (g + 1) * wide * H if step.option else g * wide * H):
            xs = step.x + i // H * step.x_c + i % H * step.x_h
            x = f[xs : xs + n]
            if step.groups:
                for j in range(n):
                    mean[j] += less(x[j], firsts[j])
            else:
                for j in range(n):
                    middle += less(x[j], first)
        if step.groups:
            _over_points(mean, W, B, share)
        middle *= share
        for i in range(g * wide * H, (g + 1) * wide * H):
            xs = step.x + i // H * step.x_c + i % H * step.x_h
            x, hat = f[xs : xs + n], f[step.hat + i * n : step.hat + (i + 1) * n]
            if step.groups:
                for j in range(n):
                    off = beyond(x[j], firsts[j], mean[j])
                    hat[j] = off
                    square[j] += off * off
            else:
                for j in range(n):
                    off = beyond(x[j], first, middle)
                    hat[j] = off
                    spread += off * off
        roots = f[step.work + (3 + g) * n : step.work + (4 + g) * n]
        if step.groups:
            _over_points(square, W, B, share)
            for j in range(n):
                roots[j] = one / math.sqrt(square[j] + eps)
        else:
            roots[:] = one / math.sqrt(spread * share + eps)
        for i in range(g * wide * H, (g + 1) * wide * H):
            ys = step.y + i // H * step.y_c + i % H * step.y_h
            y, hat = f[ys : ys + n], f[step.hat + i * n : step.hat + (i + 1) * n]
            for j in range(n):
                hat[j] *= roots[j]
            scale, shift = one, zero
            if step.affine:
                scale, shift = theta[step.theta + i // H], theta[step.theta + C + i // H]
            for j in range(n):
                y[j] = hat[j] * scale + shift


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def normalize_back(step: Any, f: Any, theta: Any, gradient: Any, B: int) -> None:
    """Set dx, and the gradients of scale and shift; the formula is that of `sim.norms.backward`."""
    C, H, W, kind = step.C, step.H, step.W, f.dtype.type
    n, share, zero, one = W * B, kind(step.share), kind(0), kind(1)
    G = step.groups if step.groups else C
    wide = C // G
    mean, product = f[step.work : step.work + n], f[step.work + n : step.work + 2 * n]
    for g in range(G):
        mean[:] = zero
        product[:] = zero
        for c in range(g * wide, (g + 1) * wide):
            total, slope = zero, zero
            scale = theta[step.theta + c] if step.affine else one
            for h in range(H):
                ds, hs = step.dy + c * step.dy_c + h * step.dy_h, step.hat + (c * H + h) * n
                d, hat = f[ds : ds + n], f[hs : hs + n]
                for j in range(n):
                    total += d[j]
                    slope += d[j] * hat[j]
                if step.groups and step.inputs:
                    for j in range(n):
                        mean[j] += scale * d[j]
                        product[j] += scale * d[j] * hat[j]
            if step.affine:
                gradient[step.theta + c], gradient[step.theta + C + c] = slope, total
            if not step.groups:
                mean[:] = scale * total * share
                product[:] = scale * slope * share
        if not step.inputs:
            continue
        if step.groups:
            _over_points(mean, W, B, share)
            _over_points(product, W, B, share)
        if not step.option:
            mean[:] = zero
        roots = f[step.work + (3 + g) * n : step.work + (4 + g) * n]
        for i in range(g * wide * H, (g + 1) * wide * H):
            ds, es = step.dy + i // H * step.dy_c + i % H * step.dy_h, step.dx + i // H * step.dx_c + i % H * step.dx_h
            d, e, hat = f[ds : ds + n], f[es : es + n], f[step.hat + i * n : step.hat + (i + 1) * n]
            scale = theta[step.theta + i // H] if step.affine else one
            for j in range(n):
                e[j] = (scale * d[j] - mean[j] - hat[j] * product[j]) * roots[j]
