"""Training by a plan of `sim.in_place.plan`, compiled: one replica takes all its steps on one flat array."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from sim.engines.with_numba import images
from sim.engines.with_numba.products import FAST
from sim.engines.with_numba.windows import correlate, products
from sim.in_place.plan import CODES

__all__ = ["run"]

_MULTIPLY, _ACTIVATE, _COPY, _POOL, _NORMALIZE, _FORK, _JOIN = range(len(CODES))


@njit(cache=True, nogil=True)
def _multiply(step: Any, places: Any, f: Any, theta: Any, B: int) -> None:
    """Set y to the product of weights and taps, plus the bias."""
    # a number of its own type: numba compiles again for every constant
    one: Any = np.int64(1)
    wide = step.S if step.stride > 1 else 1
    # a dense layer's weights lie (I, O), a convolution's (O, C k k)
    by_row = 1 if step.dense else step.K
    correlate(
        theta, step.theta, by_row, step.weights, step.O,
        f, step.x, step.stride * step.x_h, step.stride * B, step.taps, places, step.K,
        theta, step.bias, one, f, step.y, step.y_h, B, step.y_c, step.R, wide, step.stretch,
    )  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def _multiply_back(step: Any, places: Any, f: Any, theta: Any, gradient: Any, B: int) -> None:
    """Set the gradients of weights, bias and input."""
    still: Any = np.int64(0)
    one: Any = np.int64(1)
    wide, n = (step.S if step.stride > 1 else 1), step.S * B
    if step.dense:
        # few examples: better a sum of products of columns than inner products
        for o in range(step.O):
            for b in range(B):
                f[step.work + b * step.O + o] = f[step.dy + o * step.dy_c + b]
        correlate(
            f, step.x, step.x_c, step.left, step.K, f, step.work, still, still, step.rows, places, B,
            f, step.zero, still, gradient, step.theta, still, still, step.O, one, one, step.O,
        )  # fmt: skip
    else:
        products(
            f, step.dy, step.left, step.dy_h, B, step.O, f, step.x, step.taps, step.stride * step.x_h, step.stride * B,
            step.K, places, step.R, wide, step.stretch, gradient, step.theta, step.K,
        )  # fmt: skip
    for o in range(step.O):
        total = f.dtype.type(0)
        for h in range(step.R):
            at = step.dy + o * step.dy_c + h * step.dy_h
            row = f[at : at + n]
            for j in range(n):
                total += row[j]
        gradient[step.bias + o] = total
    if not step.inputs:
        return
    if step.copied:
        _part(step, f, B)
    k2 = step.size * step.size
    by_row = step.O if step.dense else k2
    correlate(
        theta, step.theta, by_row, step.turned, step.C,
        f, step.wide, step.wide_h, still, step.right, places, step.O * k2,
        f, step.zero, still, f, step.dx, step.dx_h, still, step.dx_c, step.H, one, step.W * B,
    )  # fmt: skip


@njit(cache=True, nogil=True)
def _part(step: Any, f: Any, B: int) -> None:
    """Copy dy into its frame, as many points apart as the stride; what falls outside meets no input."""
    stride, edge, k = step.stride, step.edge, step.size
    high, wide = step.H + k - 1, step.W + k - 1
    # the first and last of dy whose places lie inside
    first = -(edge // stride) if edge < 0 else 0
    R, S = min(step.R, (high - 1 - edge) // stride + 1), min(step.S, (wide - 1 - edge) // stride + 1)
    source = step.dy + first * (step.dy_h + B)
    target = step.wide + (edge + first * stride) * (step.wide_h + B)
    images.copy(
        f, source, step.dy_c, step.dy_h, B, target, step.wide_c, stride * step.wide_h, stride * B,
        step.O, max(0, R - first), max(0, S - first), B,
    )  # fmt: skip


@njit(cache=True, nogil=True)
def _forward(step: Any, places: Any, f: Any, theta: Any, B: int) -> None:
    if step.code == _MULTIPLY:
        _multiply(step, places, f, theta, B)
    elif step.code == _ACTIVATE:
        images.activate(step, f, B)
    elif step.code == _COPY:
        # the output is a vector: rows of B entries, one after another
        each = step.W * B
        images.copy(
            f, step.x, step.x_c, step.x_h, B, step.y, step.H * each, each, B, step.C, step.H, step.W, B
        )  # fmt: skip
    elif step.code == _POOL:
        images.pool(step, f, B)
    elif step.code == _NORMALIZE:
        images.normalize(step, f, theta, B)
    elif step.code == _JOIN:
        images.add(
            f, step.x, step.x_c, step.x_h, step.other, step.other_c, step.other_h,
            step.y, step.y_c, step.y_h, step.C, step.H, step.W * B,
        )  # fmt: skip


@njit(cache=True, nogil=True)
def _backward(step: Any, places: Any, f: Any, theta: Any, gradient: Any, B: int) -> None:
    if step.code == _MULTIPLY:
        _multiply_back(step, places, f, theta, gradient, B)
    elif step.code == _NORMALIZE:
        images.normalize_back(step, f, theta, gradient, B)
    elif not step.inputs and step.code != _JOIN:
        return
    elif step.code == _ACTIVATE:
        images.activate_back(step, f, B)
    elif step.code == _COPY:
        each = step.W * B
        images.copy(
            f, step.dy, step.H * each, each, B, step.dx, step.dx_c, step.dx_h, B, step.C, step.H, step.W, B
        )  # fmt: skip
    elif step.code == _POOL:
        images.pool_back(step, f, B)
    elif step.code == _FORK:
        images.add(
            f, step.other, step.other_c, step.other_h, step.d_other, step.d_other_c, step.d_other_h,
            step.dx, step.dx_c, step.dx_h, step.C, step.H, step.W * B,
        )  # fmt: skip
    else:
        for to, to_c, to_h in (
            (step.dx, step.dx_c, step.dx_h), (step.d_other, step.d_other_c, step.d_other_h)
        ):  # fmt: skip
            images.copy(
                f, step.dy, step.dy_c, step.dy_h, B, to, to_c, to_h, B, step.C, step.H, step.W, B
            )  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def _loss(f: Any, z0: int, d0: int, K: int, index: Any, labels: Any, targets: Any) -> float:
    """Set the gradient of the mean loss with respect to the outputs and return that loss."""
    B, kind = len(index), f.dtype.type
    share, total = kind(1.0 / B), 0.0
    for b in range(B):
        if len(labels):
            z, d = z0 + labels[index[b]] * B + b, d0 + labels[index[b]] * B + b
            top, mass = f[z0 + b], kind(0)
            for k in range(K):
                top = max(top, f[z0 + k * B + b])
            for k in range(K):
                value = math.exp(f[z0 + k * B + b] - top)
                f[d0 + k * B + b] = value
                mass += value
            total += math.log(mass) - (f[z] - top)
            for k in range(K):
                f[d0 + k * B + b] *= share / mass
            f[d] -= share
        else:
            for k in range(K):
                off = f[z0 + k * B + b] - targets[index[b], k]
                total += 0.5 * off * off
                f[d0 + k * B + b] = share * off
    return total / B


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def _update(theta: Any, velocity: Any, gradient: Any, eta: Any, beta: Any) -> None:
    for j in range(len(theta)):
        velocity[j] = beta * velocity[j] + gradient[j]
        theta[j] -= eta * velocity[j]


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def _sum(a: Any) -> Any:
    total = a.dtype.type(0)
    for j in range(len(a)):
        total += a[j]
    return total


@njit(cache=True, nogil=True)
def run(
    steps: Any, places: Any, f: Any, x0: int, xc: int, xh: int, shape: Any, z0: int, d0: int, K: int, theta: Any,
    velocity: Any, gradient: Any, X: Any, labels: Any, targets: Any, batches: Any, eta: Any, beta: Any, limit: float,
    losses: Any,
) -> int:  # fmt: skip
    """Train one replica; return the step at which it diverged, -1 for none.

    Parameters
    ----------
    steps, places, f, x0, xc, xh, shape, z0, d0, K
        The plan, and a flat array of its size.
    theta
        Parameters, shape (P,); moved.
    velocity, gradient
        Of the same shape; the first starts at 0.
    X
        The data, shape (N, entries of an example), of the same type.
    labels, targets
        Labels (N,) or targets (N, K); the other of the two is empty.
    batches
        Indices, shape (T, B).
    eta, beta
        Step size and momentum, of the same type.
    limit
        A batch loss above this is divergence.
    losses
        Shape (T,); entries from the divergence on are left.
    """
    T, B = batches.shape
    C, H, W = shape
    for t in range(T):
        index = batches[t]
        for b in range(B):
            row, at = X[index[b]], 0
            for c in range(C):
                for h in range(H):
                    for w in range(W):
                        f[x0 + c * xc + h * xh + w * B + b] = row[at]
                        at += 1
        for number in range(len(steps)):
            _forward(steps[number], places, f, theta, B)
        loss = _loss(f, z0, d0, K, index, labels, targets)
        if not loss <= limit:
            return t
        for number in range(len(steps) - 1, -1, -1):
            _backward(steps[number], places, f, theta, gradient, B)
        if not np.isfinite(_sum(gradient)):
            return t
        losses[t] = loss
        _update(theta, velocity, gradient, eta, beta)
    return -1
