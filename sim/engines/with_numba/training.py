"""Training, compiled: one replica takes all its steps while its parameters stay in the second-level cache."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from sim.engines.program import ACTIVATIONS, LOSSES, METHODS, NORMS, Program
from sim.engines.with_numba import normalize
from sim.engines.with_numba.products import FAST, multiply, multiply_and_step, multiply_transposed

__all__ = ["replicas_at_once", "run"]

_PAD = 16  # entries between rows: a stride of a power of two would crowd few sets of the cache
_PANEL = 24  # rows of the weight gradient made at a time, to be used while they are in the first-level cache


def replicas_at_once(program: Program, B: int, dtype: Any) -> int:
    """Return how many replicas share the buffers of one call: any number, as they run one by one."""
    return 16


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def _activate(code: int, u: Any, h: Any, n: int) -> None:
    kind = u.dtype.type
    zero, one, half = kind(0), kind(1), kind(0.5)
    if code == 0:
        h[:n] = u[:n]
    elif code == 1:
        for j in range(n):
            h[j] = u[j] if u[j] > zero else zero
    elif code == 2:
        for j in range(n):
            h[j] = math.tanh(u[j])
    else:
        root, cubic = kind(math.sqrt(2 / math.pi)), kind(0.044715)
        for j in range(n):
            h[j] = half * u[j] * (one + math.tanh(root * (u[j] + cubic * u[j] * u[j] * u[j])))


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def _slope(code: int, u: Any, h: Any, d: Any, n: int) -> None:
    """Multiply `d` by the activation's slope."""
    kind = u.dtype.type
    zero, one, half = kind(0), kind(1), kind(0.5)
    if code == 1:
        for j in range(n):
            d[j] = d[j] if h[j] > zero else zero
    elif code == 2:
        for j in range(n):
            d[j] *= one - h[j] * h[j]
    elif code == 3:
        root, cubic = kind(math.sqrt(2 / math.pi)), kind(0.044715)
        for j in range(n):
            square = u[j] * u[j]
            t = math.tanh(root * u[j] * (one + cubic * square))
            inner = root * (one + kind(3) * cubic * square)
            d[j] *= half * (one + t) + half * u[j] * (one - t * t) * inner


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def _residual(code: int, z: Any, d: Any, ld: int, B: int, K: int, index: Any, labels: Any, targets: Any) -> float:
    """Set the gradient of the mean loss with respect to the outputs and return that loss."""
    kind = z.dtype.type
    share, total = kind(1.0 / B), 0.0
    for i in range(B):
        row, out = z[i * ld : i * ld + K], d[i * ld : i * ld + K]
        if code == 0:
            label, top, scale = labels[index[i]], row[0], kind(0)
            for k in range(K):
                top = max(top, row[k])
            for k in range(K):
                out[k] = math.exp(row[k] - top)
                scale += out[k]
            total += math.log(scale) - (row[label] - top)
            scale = share / scale
            for k in range(K):
                out[k] *= scale
            out[label] -= share
        else:
            for k in range(K):
                off = row[k] - targets[index[i], k]
                total += 0.5 * off * off
                out[k] = share * off
    return total / B


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def _update(
    method: int, w: Any, v: Any, s: Any, g: Any, eta: float, beta: float, beta2: float, root: float, lam: float, t: int
) -> None:
    kind = w.dtype.type
    step, keep, decay = kind(eta), kind(beta), kind(1 - eta * lam)
    if method == 0:
        for j in range(len(w)):
            w[j] = decay * w[j] - step * g[j]
    elif method == 1:
        for j in range(len(w)):
            v[j] = keep * v[j] + g[j]
            w[j] = decay * w[j] - step * v[j]
    elif method == 2:
        for j in range(len(w)):
            v[j] = keep * v[j] + g[j]
            w[j] = decay * w[j] - step * (g[j] + keep * v[j])
    else:
        new, keep2, new2 = kind(1 - beta), kind(beta2), kind(1 - beta2)
        first, second, small = kind(1 / (1 - beta**t)), kind(1 / (1 - beta2**t)), kind(root)
        for j in range(len(w)):
            v[j] = keep * v[j] + new * g[j]
            s[j] = keep2 * s[j] + new2 * g[j] * g[j]
            w[j] = decay * w[j] - step * (v[j] * first) / (math.sqrt(s[j] * second) + small)


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def _length(x: Any) -> float:
    """Return the root of the sum of squares: no weight gradient exceeds the product of two of them."""
    total = x[0] * 0
    for j in range(len(x)):
        total += x[j] * x[j]
    return math.sqrt(total)


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def _total(x: Any) -> Any:
    """Return the sum of all entries; infinities and NaN stay in it."""
    total = x[0] * 0
    for j in range(len(x)):
        total += x[j]
    return total


@njit(cache=True, nogil=True)
def _finite(h: Any, d: Any, at: Any, lds: Any, B: int, layers: Any, tails: Any, g: Any) -> bool:
    """Say whether the sum of the gradient is finite, by a bound where that settles it."""
    bound, largest = 0.0, 1e30 if h.itemsize == 4 else 1e290
    for number in range(len(layers)):
        # with the zeros between rows
        inputs = _length(h[at[number] : at[number + 1]])
        bound = max(bound, inputs * _length(d[at[number + 1] : at[number + 2]]))
    total = _total(tails.reshape(-1))
    if bound < largest / 1e8 and np.isfinite(total):
        return True
    for number in range(len(layers)):
        wide, out = layers[number, 0], layers[number, 1]
        for i in range(wide):
            multiply(h, at[number] + i, 1, lds[number], 1, d, at[number + 1], lds[number + 1], g, 0, out, B, out)
            total += g[:out].sum()
    return bool(np.isfinite(total))


@njit(cache=True, nogil=True)
def _layer(layers: Any, number: int) -> Any:
    """Return widths and places of a layer: wide, out, W, b, gamma."""
    return layers[number, 0], layers[number, 1], layers[number, 2], layers[number, 3], layers[number, 4]


@njit(cache=True, nogil=True)
def _replica(
    layers: Any, codes: Any, reals: Any, theta: Any, velocity: Any, square: Any, X: Any, labels: Any, targets: Any,
    batches: Any, eta: Any, losses: Any, first: int,
) -> int:  # fmt: skip
    """Take all steps of one replica; return the step at which it diverged, or -1."""
    T, B = batches.shape
    L = len(layers)
    activation, loss_code, norm, G, method = codes[0], codes[1], codes[2], codes[3], codes[4]
    alpha, eps, beta, beta2 = reals[0], reals[1], reals[2], reals[3]
    root, lam, limit = reals[4], reals[5], reals[6]
    lds, at = np.empty(L + 1, np.int64), np.empty(L + 2, np.int64)
    widest, size = layers[0, 0], len(theta)
    at[0], tail = 0, 0
    for number in range(L + 1):
        width = layers[number, 0] if number < L else layers[L - 1, 1]
        widest = max(widest, width)
        lds[number] = (width + _PAD - 1) // _PAD * _PAD + _PAD
        at[number + 1] = at[number] + B * lds[number]
    kind, real = theta.dtype, theta.dtype.type
    h, d, u = np.zeros(at[L + 1], kind), np.zeros(at[L + 1], kind), np.zeros(at[L + 1], kind)
    normed = at[L + 1] if norm else 1
    x_hat, inverse = np.zeros(normed, kind), np.zeros(normed, kind)
    stats = np.zeros((L, 2 * widest + B), kind)
    tails, sums = np.zeros((L, 3, widest), kind), np.zeros(2 * widest, kind)
    g = np.zeros(_PANEL * widest, kind)
    # reading past the last row is harmless where a vector of zeros multiplies what is read
    w = np.zeros(size + _PAD, kind)
    w[:size] = theta
    diverged = -1
    for t in range(T):
        index = batches[t]
        wide = layers[0, 0]
        for i in range(B):
            h[i * lds[0] : i * lds[0] + wide] = X[index[i]]
        for number in range(L):
            wide, out, W, b, gamma = _layer(layers, number)
            ld, start, place = lds[number + 1], at[number + 1], at[number + 1] + B * lds[number + 1]
            z = u[start:place]
            multiply(h, at[number], lds[number], 1, B, w, W, out, u, start, ld, wide, out)
            bias = w[b : b + out]
            for i in range(B):
                row = z[i * ld : i * ld + out]
                for j in range(out):
                    row[j] += bias[j]
            if number == L - 1:
                break
            if norm:
                hat, scale, shift = x_hat[start:place], w[gamma : gamma + out], w[gamma + out : gamma + 2 * out]
                normalize.forward(norm, z, ld, B, out, G, alpha, eps, hat, inverse[start:place], stats[number])
                for i in range(B):
                    row, after = hat[i * ld : i * ld + out], h[start + i * ld : start + i * ld + out]
                    for j in range(out):
                        after[j] = scale[j] * row[j] + shift[j]
                _activate(activation, h[start:place], h[start:place], B * ld)
            else:
                _activate(activation, z, h[start:place], B * ld)
        start, place = at[L], at[L + 1]
        loss = _residual(loss_code, u[start:place], d[start:place], lds[L], B, layers[L - 1, 1], index, labels, targets)
        if not (math.isfinite(loss) and loss <= limit):
            diverged = first + t
            break
        for number in range(L - 1, -1, -1):
            wide, out, W, b, gamma = _layer(layers, number)
            ld, start, place = lds[number + 1], at[number + 1], at[number + 1] + B * lds[number + 1]
            back, tail = d[start:place], tails[number]
            if number < L - 1:
                hat, z = x_hat[start:place] if norm else x_hat, u[start:place]
                if norm and activation == 3:
                    scale, shift = w[gamma : gamma + out], w[gamma + out : gamma + 2 * out]
                    for i in range(B):
                        row, after = hat[i * ld : i * ld + out], h[start + i * ld : start + i * ld + out]
                        for j in range(out):
                            after[j] = scale[j] * row[j] + shift[j]
                    _slope(activation, h[start:place], h[start:place], back, B * ld)
                    _activate(activation, h[start:place], h[start:place], B * ld)
                else:
                    _slope(activation, z, h[start:place], back, B * ld)
                if norm:
                    normalize.backward(
                        norm, back, ld, B, out, G, alpha, hat, inverse[start:place], stats[number], z,
                        w[gamma : gamma + out], tail[1], tail[2], sums,
                    )  # fmt: skip
            bias = tail[0]
            for j in range(out):
                bias[j] = 0
            for i in range(B):
                row = back[i * ld : i * ld + out]
                for j in range(out):
                    bias[j] += row[j]
            if number and out <= _PANEL and B >= 16:
                # few outputs make short inner products: turning the weights over costs less
                for i in range(wide):
                    for j in range(out):
                        g[j * wide + i] = w[W + i * out + j]
                multiply(d, start, ld, 1, B, g, 0, wide, d, at[number], lds[number], out, wide)
            elif number:
                multiply_transposed(d, start, ld, B, w, W, out, d, at[number], lds[number], out, wide)
        if not _finite(h, d, at, lds, B, layers, tails, g):
            diverged = first + t
            break
        losses[t] = loss
        for number in range(L):
            wide, out, W, b, gamma = _layer(layers, number)
            done = 0
            if method < 3:
                # what of a step goes with the gradient and what with the velocity
                direct = real(0.0 if method == 1 else eta[t])
                step = real(eta[t] * (0.0, 1.0, beta)[method])
                done = multiply_and_step(
                    method > 0, h, at[number], lds[number], wide, d, at[number + 1], lds[number + 1], w, velocity, W, B,
                    out, direct, step, real(beta), real(1 - eta[t] * lam),
                )  # fmt: skip
            for i in range(done, wide, _PANEL):
                rows = min(_PANEL, wide - i)
                multiply(h, at[number] + i, 1, lds[number], rows, d, at[number + 1], lds[number + 1], g, 0, out, B, out)
                p, q = W + i * out, W + (i + rows) * out
                _update(method, w[p:q], velocity[p:q], square[p:q], g, eta[t], beta, beta2, root, lam, first + t + 1)
            for part in range(3 if gamma >= 0 else 1):
                p, q = b + part * out, b + (part + 1) * out
                _update(
                    method, w[p:q], velocity[p:q], square[p:q], tails[number, part], eta[t], beta, beta2, root, lam,
                    first + t + 1,
                )  # fmt: skip
    theta[:] = w[:size]
    return diverged


def run(
    program: Program,
    theta: np.ndarray,
    velocity: np.ndarray,
    square: np.ndarray,
    X: np.ndarray,
    y: np.ndarray,
    batches: np.ndarray,
    eta: np.ndarray,
    losses: np.ndarray,
    diverged_at: np.ndarray,
    *,
    first: int = 0,
) -> None:
    """Take T steps with every replica of a chunk, in place.

    Parameters
    ----------
    program
        What is trained.
    theta, velocity, square
        Parameters and the method's memory, shape (R, P); memory that the method does not use has P = 0.
    X
        Inputs, shape (N, I), of the parameters' type.
    y
        Labels (N,), int64, or targets (N, K), of the parameters' type.
    batches
        Indices, shape (R, T, B).
    eta
        Step sizes, shape (R, T), float64.
    losses
        Receives the batch losses, shape (R, T), float64; untouched from the step of divergence on.
    diverged_at
        Steps of divergence, shape (R,), int64; replicas at 0 or above are passed over.
    first
        Steps taken before this call.
    """
    layers = np.array([(p.wide, p.out, p.W, p.b, p.gamma) for p in program.layers], dtype=np.int64)
    codes = np.array(
        [
            ACTIVATIONS.index(program.activation),
            LOSSES.index(program.loss),
            NORMS.index(program.norm),
            program.groups,
            METHODS.index(program.method),
        ]
    )
    reals = np.array(
        [program.alpha, program.eps, program.beta, program.beta2, program.root, program.lam, program.limit]
    )
    labels = y if y.ndim == 1 else np.zeros(0, dtype=np.int64)
    targets = y if y.ndim == 2 else np.zeros((0, 0), dtype=theta.dtype)
    for r in np.flatnonzero(diverged_at < 0).tolist():
        diverged_at[r] = _replica(
            layers, codes, reals, theta[r], velocity[r], square[r], X, labels, targets, batches[r], eta[r], losses[r],
            first,
        )  # fmt: skip
