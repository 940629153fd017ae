"""Normalization of one replica's activations, forward and backward, in place.

A buffer holds B rows of H entries at a stride.  ``kind`` is the norm's place in `sim.engines.program.NORMS`.  Means are
those of what the entries exceed the first of their column or row by, so that equal entries normalize to exactly 0.
"""

from __future__ import annotations

import math
from typing import Any

from numba import njit

from sim.engines.with_numba.products import FAST, beyond, less
from sim.engines.with_numba.stretches import FOUR, column_sums, standardize, standardize_back, standardize_columns
from sim.engines.with_numba.tiles import BYTES

__all__ = ["backward", "forward"]

_sums, _over_rows = column_sums(), standardize_columns()
_centered, _scaled = standardize(True), standardize(False)
_centered_back, _scaled_back = standardize_back(True), standardize_back(False)


@njit(cache=True, nogil=True)
def _fours(B: int, G: int, wide: int, itemsize: int) -> tuple[int, int]:
    """Return how many rows, and how many of their groups, go four at a time: groups of a row, or else rows."""
    if wide * itemsize % BYTES:
        return 0, 0
    if G >= FOUR:
        return B, G // FOUR * FOUR
    return (B // FOUR * FOUR, 1) if G == 1 else (0, 0)


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def _columns(z: Any, ld: int, B: int, H: int, mean: Any, var: Any) -> None:
    """Set mean, beyond the first entry, and variance of each column."""
    kind = z.dtype.type
    share, first = kind(1.0 / B), z[:H]
    for j in range(H):
        mean[j] = kind(0)
        var[j] = kind(0)
    for i in range(B):
        row = z[i * ld : i * ld + H]
        for j in range(H):
            mean[j] += less(row[j], first[j])
    for j in range(H):
        mean[j] *= share
    for i in range(B):
        row = z[i * ld : i * ld + H]
        for j in range(H):
            off = beyond(row[j], first[j], mean[j])
            var[j] += off * off
    for j in range(H):
        var[j] *= share


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def _row(row: Any, center: bool) -> Any:
    """Return the first entry and the mean beyond it, both 0 if not centered, and the variance about their sum."""
    kind = row.dtype.type
    share, total, square, first = kind(1.0 / len(row)), kind(0), kind(0), kind(0)
    if center:
        first = row[0]
        for j in range(len(row)):
            total += less(row[j], first)
    mean = total * share
    for j in range(len(row)):
        off = beyond(row[j], first, mean)
        square += off * off
    return first, mean, square * share


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def forward(
    code: int, z: Any, ld: int, B: int, H: int, G: int, alpha: float, eps: float, x_hat: Any, inverse: Any, stats: Any
) -> None:
    """Set the normalized input and ``1 / sqrt(var + eps)``.

    `inverse` has an entry for each column (batch), for each row and group (layer, group, rms), or for each
    entry (hybrid); `stats` holds the hybrid's means of columns, then of rows, beyond the first entry of each.
    """
    kind = z.dtype.type
    small, one = kind(eps), kind(1)
    if code == 1:
        panel = FOUR * BYTES // z.itemsize
        done = H // panel * panel
        for j in range(0, done, panel):
            _over_rows(z, j, ld, B, small, x_hat, inverse, j)
        rest = H - done
        mean, var, first = stats[:rest], inverse[done:H], z[done:H]
        _columns(z[done:], ld, B, rest, mean, var)
        for j in range(rest):
            var[j] = one / math.sqrt(var[j] + small)
        for i in range(B):
            row, hat = z[i * ld + done : i * ld + H], x_hat[i * ld + done : i * ld + H]
            for j in range(rest):
                hat[j] = beyond(row[j], first[j], mean[j]) * var[j]
    elif code == 5:
        share, rest = kind(alpha), kind(1 - alpha)
        mean, var, first = stats[:H], stats[H + B : 2 * H + B], z[:H]
        _columns(z, ld, B, H, mean, var)
        for i in range(B):
            row, hat, scale = z[i * ld : i * ld + H], x_hat[i * ld : i * ld + H], inverse[i * ld : i * ld + H]
            start, middle, spread = _row(row, True)
            stats[H + i] = middle
            spread = rest * spread + small
            for j in range(H):
                scale[j] = one / math.sqrt(share * var[j] + spread)
                # not by the mixed mean: of a constant, alpha and 1 - alpha times it need not add up to it
                by_column, by_row = beyond(row[j], first[j], mean[j]), beyond(row[j], start, middle)
                hat[j] = (share * by_column + rest * by_row) * scale[j]
    else:
        wide = H // G
        rows, groups = _fours(B, G, wide, z.itemsize)
        step, on = (wide, 1) if G > 1 else (ld, FOUR)
        for i in range(0, rows, on):
            for g in range(0, groups, FOUR):
                start, place = i * ld + g * wide, i * G + g
                if code == 4:
                    _scaled(z, start, step, wide, small, x_hat, inverse, place)
                else:
                    _centered(z, start, step, wide, small, x_hat, inverse, place)
        for i in range(B):
            for g in range(groups if i < rows else 0, G):
                start = i * ld + g * wide
                row, hat = z[start : start + wide], x_hat[start : start + wide]
                first, middle, spread = _row(row, code != 4)
                scale = one / math.sqrt(spread + small)
                inverse[i * G + g] = scale
                for j in range(wide):
                    hat[j] = beyond(row[j], first, middle) * scale


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def backward(
    code: int, d: Any, ld: int, B: int, H: int, G: int, alpha: float, x_hat: Any, inverse: Any, stats: Any, z: Any,
    gamma: Any, dgamma: Any, dbeta: Any, sums: Any,
) -> None:
    """Replace the gradient after the norm by that before it; set the gradients of scale and shift.

    `sums` is scratch of at least 2 H entries.
    """
    kind = d.dtype.type
    zero, one = kind(0), kind(1)
    panel = FOUR * BYTES // d.itemsize
    done = H // panel * panel
    for j in range(0, done, panel):
        _sums(d, j, ld, B, x_hat, dbeta, dgamma, j)
    for j in range(done, H):
        dgamma[j] = zero
        dbeta[j] = zero
    for i in range(B):
        row, hat = d[i * ld : i * ld + H], x_hat[i * ld : i * ld + H]
        for j in range(done, H):
            dbeta[j] += row[j]
            dgamma[j] += row[j] * hat[j]
    if code == 1:
        # the column means of g and g x_hat are those of dbeta and dgamma times the scale
        share = kind(1.0 / B)
        for i in range(B):
            row, hat = d[i * ld : i * ld + H], x_hat[i * ld : i * ld + H]
            for j in range(H):
                row[j] = (row[j] - share * (dbeta[j] + hat[j] * dgamma[j])) * (gamma[j] * inverse[j])
    elif code == 5:
        _backward_hybrid(d, ld, B, H, alpha, x_hat, inverse, stats, z, gamma, sums)
    else:
        wide = H // G
        share = one / kind(wide)
        rows, groups = _fours(B, G, wide, d.itemsize)
        step, own, on = (wide, wide, 1) if G > 1 else (ld, 0, FOUR)
        for i in range(0, rows, on):
            for g in range(0, groups, FOUR):
                start, place = i * ld + g * wide, i * G + g
                if code == 4:
                    _scaled_back(d, start, step, wide, gamma, g * wide, own, x_hat, inverse, place)
                else:
                    _centered_back(d, start, step, wide, gamma, g * wide, own, x_hat, inverse, place)
        for i in range(B):
            for g in range(groups if i < rows else 0, G):
                start = i * ld + g * wide
                row, hat, scale = d[start : start + wide], x_hat[start : start + wide], gamma[g * wide : (g + 1) * wide]
                total, product = zero, zero
                for j in range(wide):
                    value = row[j] * scale[j]
                    total += value
                    product += value * hat[j]
                    row[j] = value
                factor = inverse[i * G + g]
                total = zero if code == 4 else total * share * factor
                product *= share * factor
                for j in range(wide):
                    row[j] = row[j] * factor - total - hat[j] * product


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def _backward_hybrid(
    d: Any, ld: int, B: int, H: int, alpha: float, x_hat: Any, inverse: Any, stats: Any, z: Any, gamma: Any, sums: Any
) -> None:
    """Split each entry's pull on its mean and variance between its column and its row."""
    kind = d.dtype.type
    zero = kind(0)
    by_column, by_row = kind(alpha / B), kind((1 - alpha) / H)
    pull, spread = sums[:H], sums[H : 2 * H]
    for j in range(H):
        pull[j] = zero
        spread[j] = zero
    for i in range(B):
        row, hat, scale = d[i * ld : i * ld + H], x_hat[i * ld : i * ld + H], inverse[i * ld : i * ld + H]
        total, product = zero, zero
        for j in range(H):
            value = row[j] * gamma[j] * scale[j]
            second = value * hat[j] * scale[j]
            pull[j] += value
            spread[j] += second
            total += value
            product += second
            row[j] = value
        total *= by_row
        product *= by_row
        middle, inputs = stats[H + i], z[i * ld : i * ld + H]
        start = inputs[0]
        for j in range(H):
            row[j] -= total + product * beyond(inputs[j], start, middle)
    mean, first = stats[:H], z[:H]
    for i in range(B):
        row, inputs = d[i * ld : i * ld + H], z[i * ld : i * ld + H]
        for j in range(H):
            row[j] -= by_column * (pull[j] + spread[j] * beyond(inputs[j], first[j], mean[j]))
