"""Training as array programs: a chunk of replicas takes all its steps in buffers made once.

The arrays may belong to NumPy, to the library of `sim.arrays.DEVICE`, whose arrays stay on their device, or to another
that follows the array-API standard and whose slices share memory with what they are slices of.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sim.arrays import to_host
from sim.engines.program import Program
from sim.engines.with_numpy.normalize import Norm
from sim.engines.with_numpy.passes import Passes

__all__ = ["replicas_at_once", "run"]

_PAD = 16  # entries between rows: a stride of a power of two would crowd few sets of the cache
_CHUNK_BYTES = 6 << 20
_FEW = 2
_ROOT, _CUBIC = math.sqrt(2 / math.pi), 0.044715  # of the tanh form of gelu


def replicas_at_once(program: Program, B: int, dtype: Any) -> int:
    """Return how many replicas make a chunk whose buffers stay in cache."""
    memory = {"sgd": 2, "heavy_ball": 3, "nesterov": 4, "adam": 5}[program.method]
    entries = memory * program.size + 3 * B * sum(program.widths)
    return max(1, min(32, _CHUNK_BYTES // (entries * np.dtype(dtype).itemsize)))


def _activate(xp: Passes, name: str, u: Any, h: Any) -> None:
    """Set `h` to the activation of `u`."""
    match name:
        case "linear":
            h[...] = u
        case "relu":
            xp.maximum(u, 0.0, out=h)
        case "tanh":
            xp.tanh(u, out=h)
        case _:
            xp.multiply(u, 0.5 * (1 + xp.tanh(_ROOT * (u + _CUBIC * u * u * u))), out=h)


def _slope(xp: Passes, name: str, u: Any, h: Any, d: Any) -> None:
    """Multiply `d` by the activation's slope."""
    match name:
        case "relu":
            xp.keep_where(d, h > 0)
        case "tanh":
            d *= 1 - h * h
        case "gelu":
            t = xp.tanh(_ROOT * (u + _CUBIC * u * u * u))
            d *= 0.5 * (1 + t) + 0.5 * u * (1 - t * t) * _ROOT * (1 + 3 * _CUBIC * u * u)


class _Chunk:
    """The buffers of a chunk and one step's passes over them."""

    def __init__(self, xp: Passes, program: Program, theta: Any, X: Any, B: int) -> None:
        R, wide = theta.shape[0], X.shape[1]
        self.xp, self.program, self.theta, self.R, self.B = xp, program, theta, R, B
        self.gradient = xp.full(theta.shape, 0.0)
        self.layers = program.layers
        # a column of ones makes the bias, which lies after the weights, their last row
        inputs = [xp.full((R, B, w + _PAD), 1.0) for w in program.widths[:-1]]
        self.inputs = [x[..., : w + 1] for x, w in zip(inputs, program.widths, strict=False)]
        self.transposed = [xp.matrix_transpose(x) for x in self.inputs]
        self.h = [x[..., :w] for x, w in zip(inputs, program.widths, strict=False)]
        self.X = xp.full((X.shape[0], wide + _PAD), 1.0)
        self.X[:, :wide] = X
        self.batch = inputs[0]
        self.u = [xp.empty((R, B, w)) for w in program.widths[1:]]
        self.d = [xp.empty((R, B, w)) for w in program.widths[1:]]
        self.norms = [
            Norm(xp, program.norm, u, d, groups=program.groups, alpha=program.alpha, eps=program.eps)
            for u, d in zip(self.u[:-1], self.d[:-1], strict=True)
            if program.norm != "none"
        ]
        self.W = [self._part(theta, p.W, p.wide + 1, p.out) for p in self.layers]
        self.back = [xp.matrix_transpose(W[:, :-1, :]) for W in self.W]
        self.dW = [self._part(self.gradient, p.W, p.wide + 1, p.out) for p in self.layers]
        self.affine, self.daffine = (
            [
                (self._part(flat, p.gamma, 1, p.out), self._part(flat, p.beta, 1, p.out))
                for p in self.layers
                if p.gamma >= 0
            ]
            for flat in (theta, self.gradient)
        )
        K = program.widths[-1]
        self.rows = xp.placed(K * np.arange(R * B).reshape(R, 1, B))
        self.outputs = xp.view(self.d[-1], (R * B * K,))
        self.top = xp.empty((R, B))
        self.ones = xp.full((K, 1), 1.0)
        self.of_all = xp.full((program.size,), 1.0)
        if xp.near:
            self.reach = R * B * (wide + _PAD) * float(np.abs(X).max(initial=1.0)) ** 2
            self.factors = [[x.reshape(-1) for x in arrays] for arrays in (inputs[1:], self.d)]

    def _part(self, flat: Any, start: int, rows: int, columns: int) -> Any:
        return self.xp.view(flat[:, start : start + rows * columns], (flat.shape[0], rows, columns))

    def _by_weights(self, x: Any, W: Any, out: Any) -> None:
        """Multiply by the weights, a few rows one at a time: a BLAS packs a matrix but not for a vector."""
        if self.B > _FEW or not self.xp.near:
            self.xp.matmul(x, W, out=out)
            return
        self.xp.matmul(x[:, :, None], W[:, None], out=out[:, :, None])

    def forward(self, index: Any) -> None:
        xp, name = self.xp, self.program.activation
        xp.gather(self.X, index, out=self.batch)
        for number, u in enumerate(self.u):
            self._by_weights(self.inputs[number], self.W[number], u)
            if number == len(self.layers) - 1:
                return
            if self.norms:
                gamma, beta = self.affine[number]
                self.norms[number].forward(gamma)
                u += beta
            _activate(xp, name, u, self.h[number + 1])

    def residual(self, index: Any, y: Any, at: Any, scale: Any) -> Any:
        """Set the scaled gradient with respect to the outputs; return the losses, shape (R,), none below 0.

        `at` holds the places of the labels, shape (R, B), among the outputs of all examples.
        """
        xp, z, d = self.xp, self.u[-1], self.d[-1]
        if self.program.loss == "squared":
            xp.subtract(z, xp.gathered(y, index), out=d)
            losses = 0.5 * xp.vecdot(d, d)
            d *= scale
        else:
            xp.row_max(z, out=self.top)
            xp.subtract(z, self.top[..., None], out=d)
            picked = xp.gathered(self.outputs, at)
            xp.exp(d, out=d)
            total = d @ self.ones
            losses = xp.log(total)[..., 0] - picked
            d *= scale / total
            xp.subtract_in_rows(self.outputs, at, scale[..., 0])
        return xp.sum(losses, axis=1, dtype=xp.float64) / self.B

    def backward(self) -> None:
        xp, name = self.xp, self.program.activation
        for number in range(len(self.layers) - 1, -1, -1):
            d = self.d[number]
            if number < len(self.layers) - 1:
                _slope(xp, name, self.u[number], self.h[number + 1], d)
                if self.norms:
                    self.norms[number].backward(self.affine[number][0], *self.daffine[number])
            xp.matmul(self.transposed[number], d, out=self.dW[number])
            if number:
                self._by_weights(d, self.back[number], self.d[number - 1])

    def judged(self, losses: Any) -> np.ndarray:
        """Return the losses on the host, as nan where the sum of a replica's gradient is not finite."""
        if not self._bounded():
            finite = self.xp.isfinite(self.gradient @ self.of_all)
            losses = self.xp.where(finite, losses, math.nan)
        return to_host(losses)

    def _bounded(self) -> bool:
        """Say whether a bound on its factors already makes the gradient finite, which saves a pass over it.

        No entry of the weights' gradients exceeds the lengths of all inputs and all output gradients, multiplied.
        """
        if not self.xp.near:
            return False
        largest = 1e30 if self.theta.itemsize == 4 else 1e290
        inputs, d = (sum(float(np.dot(x, x)) for x in xs) for xs in self.factors)
        if not math.sqrt(self.reach + inputs) * math.sqrt(d) < largest / 1e8:
            return False
        return all(math.isfinite(np.add.reduce(part, axis=None)) for pair in self.daffine for part in pair)


class _Rates:
    """What the step sizes come to in each step, as columns to multiply the replicas' arrays by.

    But for Adam, gradient and velocity carry the step size.
    """

    def __init__(self, xp: Passes, program: Program, eta: np.ndarray, B: int, first: int) -> None:
        def columns(host: np.ndarray) -> Any:
            return xp.astype(xp.placed(np.ascontiguousarray(host.T)), xp.dtype)[..., None]

        adam, momentum = program.method == "adam", program.method in ("heavy_ball", "nesterov")
        self.scale = columns((np.ones_like(eta) if adam else eta) / B)[..., None]
        self.decay = columns(1 - eta * program.lam) if program.lam else None
        self.first, self.last = (columns(eta[:, [t]])[0, ...] for t in (0, -1))
        ratio = eta[:, 1:] / eta[:, :-1]
        self.momentum = columns(program.beta * np.insert(ratio, 0, 1.0, axis=1)) if momentum else None
        steps = first + 1 + np.arange(eta.shape[1])
        self.adam = columns(eta / (1 - program.beta**steps)) if adam else None


def _move(program: Program, chunk: _Chunk, velocity: Any, square: Any, rates: _Rates, t: int, step: int) -> None:
    """Take the step that is number `t` of the call and number `step`, from 1, of all."""
    xp, theta, gradient = chunk.xp, chunk.theta, chunk.gradient
    if rates.adam is not None:
        velocity *= program.beta
        velocity += (1 - program.beta) * gradient
        square *= program.beta2
        gradient *= gradient
        gradient *= 1 - program.beta2
        square += gradient
        xp.multiply(square, 1 / (1 - program.beta2**step), out=gradient)
        xp.sqrt(gradient, out=gradient)
        gradient += program.root
        xp.divide(velocity, gradient, out=gradient)
        gradient *= rates.adam[t, ...]
        move = gradient
    elif rates.momentum is None:
        move = gradient
    else:
        velocity *= rates.momentum[t, ...]
        velocity += gradient
        move = velocity
        if program.method == "nesterov":
            gradient += program.beta * velocity
            move = gradient
    if rates.decay is not None:
        theta *= rates.decay[t, ...]
    theta -= move


def run(
    program: Program,
    theta: Any,
    velocity: Any,
    square: Any,
    X: Any,
    y: Any,
    batches: np.ndarray,
    eta: np.ndarray,
    losses: np.ndarray,
    diverged_at: np.ndarray,
    *,
    first: int = 0,
) -> None:
    """Take T steps with every replica of a chunk, in place.

    The first five arrays are of one library, on one device; the others are NumPy's.  To the host go the losses, once
    a step.

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
        Step sizes above 0, shape (R, T), float64.
    losses
        Receives the batch losses, shape (R, T), float64; untouched from the step of divergence on.
    diverged_at
        Steps of divergence, shape (R,), int64; replicas at 0 or above are passed over.
    first
        Steps taken before this call.
    """
    T, B = batches.shape[1:]
    if not T:
        return
    xp = Passes(theta)
    chunk, rates, drawn = _Chunk(xp, program, theta, X, B), _Rates(xp, program, eta, B, first), xp.placed(batches)
    labelled = program.loss == "cross_entropy"
    places = chunk.rows + xp.gathered(y, drawn) if labelled else drawn
    kept: dict[int, Any] = {}

    def stop(r: int) -> None:
        # a stopped replica goes on as zeros, which nothing can make infinite, and is put back at the end
        kept[r] = xp.asarray(theta[r, ...], copy=True)
        for x in (theta, velocity, square):
            x[r, ...] = 0.0

    for r in np.flatnonzero(diverged_at >= 0).tolist():
        stop(r)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        if rates.momentum is not None:
            velocity *= rates.first
        for t in range(T):
            index = drawn[:, t, :]
            chunk.forward(index)
            loss = chunk.residual(index, y, places[:, t, :], rates.scale[t, ...])
            chunk.backward()
            told = chunk.judged(loss)
            if not kept and told.max() <= program.limit:
                losses[:, t] = told
            else:
                fine, alive = np.isfinite(told) & (told <= program.limit), diverged_at < 0
                for r in np.flatnonzero(alive & ~fine).tolist():
                    diverged_at[r] = first + t
                    stop(r)
                for r in kept:
                    chunk.gradient[r, ...] = 0.0
                alive = diverged_at < 0
                if not alive.any():
                    break
                losses[alive, t] = told[alive]
            _move(program, chunk, velocity, square, rates, t, first + t + 1)
        if rates.momentum is not None:
            velocity /= rates.last
    for r, row in kept.items():
        theta[r, ...] = row
