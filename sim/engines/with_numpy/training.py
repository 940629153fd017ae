"""Training as array programs: a chunk of replicas takes all its steps in buffers made once."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sim.engines.program import Program
from sim.engines.with_numpy.normalize import Norm

__all__ = ["replicas_at_once", "run"]

_PAD = 16  # entries between rows: a stride of a power of two would crowd few sets of the cache
_CHUNK_BYTES = 6 << 20
_FEW = 2


def replicas_at_once(program: Program, B: int, dtype: Any) -> int:
    """Return how many replicas make a chunk whose buffers stay in cache."""
    memory = {"sgd": 2, "heavy_ball": 3, "nesterov": 4, "adam": 5}[program.method]
    entries = memory * program.size + 3 * B * sum(program.widths)
    return max(1, min(32, _CHUNK_BYTES // (entries * np.dtype(dtype).itemsize)))


def _activate(name: str, u: np.ndarray, h: np.ndarray) -> None:
    """Set `h` to the activation of `u`."""
    match name:
        case "linear":
            h[...] = u
        case "relu":
            np.maximum(u, u.dtype.type(0), out=h)
        case "tanh":
            np.tanh(u, out=h)
        case _:
            root, cubic = math.sqrt(2 / math.pi), 0.044715
            np.multiply(u, 0.5 * (1 + np.tanh(root * (u + cubic * u * u * u))), out=h)


def _slope(name: str, u: np.ndarray, h: np.ndarray, d: np.ndarray) -> None:
    """Multiply `d` by the activation's slope."""
    match name:
        case "relu":
            d *= h > 0
        case "tanh":
            d *= 1 - h * h
        case "gelu":
            root, cubic = math.sqrt(2 / math.pi), 0.044715
            t = np.tanh(root * (u + cubic * u * u * u))
            d *= 0.5 * (1 + t) + 0.5 * u * (1 - t * t) * root * (1 + 3 * cubic * u * u)


class _Chunk:
    """The buffers of a chunk and one step's passes over them."""

    def __init__(self, program: Program, theta: np.ndarray, X: np.ndarray, B: int) -> None:
        R, kind = len(theta), theta.dtype
        self.program, self.theta, self.R, self.B = program, theta, R, B
        self.gradient = np.zeros_like(theta)
        self.layers = program.layers
        # a column of ones makes the bias, which lies after the weights, their last row
        self.inputs = [np.ones((R, B, w + _PAD), kind) for w in program.widths[:-1]]
        self.X = np.ones((len(X), X.shape[1] + _PAD), kind)
        self.X[:, : X.shape[1]] = X
        self.reach = float(np.abs(X).max(initial=1.0)) * math.sqrt(B * self.X.shape[1])
        self.u = [np.empty((R, B, w), kind) for w in program.widths[1:]]
        self.d = [np.empty((R, B, w), kind) for w in program.widths[1:]]
        self.norms = [
            Norm(
                program.norm, R, B, w, groups=program.groups, alpha=program.alpha, eps=program.eps, dtype=kind
            )
            for w in program.widths[1:-1]
            if program.norm != "none"
        ]
        self.W = [self._part(theta, p.W, p.wide + 1, p.out) for p in self.layers]
        self.dW = [self._part(self.gradient, p.W, p.wide + 1, p.out) for p in self.layers]
        self.affine, self.daffine = (
            [
                (self._part(flat, p.gamma, 1, p.out), self._part(flat, p.beta, 1, p.out))
                for p in self.layers
                if p.gamma >= 0
            ]
            for flat in (theta, self.gradient)
        )
        self.rows = np.arange(R * B) * program.widths[-1]
        self.ones = np.ones((program.widths[-1], 1), kind)

    @staticmethod
    def _part(flat: np.ndarray, start: int, rows: int, columns: int) -> np.ndarray:
        return flat[:, start : start + rows * columns].reshape(len(flat), rows, columns)

    def _by_weights(self, x: np.ndarray, W: np.ndarray, out: np.ndarray) -> None:
        """Multiply by the weights, a few rows one at a time: a BLAS packs a matrix but not for a vector."""
        if self.B > _FEW:
            np.matmul(x, W, out=out)
            return
        np.matmul(x[:, :, None], W[:, None], out=out[:, :, None])

    def forward(self, index: np.ndarray) -> None:
        name = self.program.activation
        flat = self.inputs[0].reshape(-1, self.X.shape[1])
        np.take(self.X, index.reshape(-1), axis=0, out=flat, mode="clip")
        for number, p in enumerate(self.layers):
            u = self.u[number]
            self._by_weights(self.inputs[number][..., : p.wide + 1], self.W[number], u)
            if number == len(self.layers) - 1:
                return
            if self.norms:
                gamma, beta = self.affine[number]
                np.multiply(self.norms[number].forward(u), gamma, out=u)
                u += beta
            _activate(name, u, self.inputs[number + 1][..., : p.out])

    def residual(self, index: np.ndarray, y: np.ndarray, scale: np.ndarray) -> np.ndarray:
        """Set the scaled gradient with respect to the outputs; return the losses, shape (R,)."""
        z, d = self.u[-1], self.d[-1]
        chosen = y[index.reshape(-1)]
        if self.program.loss == "squared":
            np.subtract(z, chosen.reshape(z.shape), out=d)
            losses = 0.5 * np.vecdot(d, d)
            d *= scale
        else:
            top = z[..., 0].copy()
            for k in range(1, z.shape[-1]):
                np.maximum(top, z[..., k], out=top)
            np.subtract(z, top[..., None], out=d)
            at = self.rows + chosen
            picked = d.reshape(-1)[at].reshape(top.shape)
            np.exp(d, out=d)
            total = d @ self.ones
            losses = np.log(total)[..., 0] - picked
            d *= scale / total
            d.reshape(-1)[at] -= np.broadcast_to(scale[:, 0], top.shape).reshape(-1)
        return losses.mean(axis=1, dtype=np.float64)

    def backward(self) -> None:
        name = self.program.activation
        for number in range(len(self.layers) - 1, -1, -1):
            p, d = self.layers[number], self.d[number]
            if number < len(self.layers) - 1:
                _slope(name, self.u[number], self.inputs[number + 1][..., : p.out], d)
                if self.norms:
                    self.norms[number].backward(d, self.affine[number][0], *self.daffine[number])
            np.matmul(self.inputs[number][..., : p.wide + 1].transpose(0, 2, 1), d, out=self.dW[number])
            if number:
                self._by_weights(d, self.W[number][:, : p.wide].transpose(0, 2, 1), self.d[number - 1])

    def finite(self) -> np.ndarray:
        """Say which replicas' gradients have a finite sum, by a bound where that settles all of them."""
        largest = 1e30 if self.theta.itemsize == 4 else 1e290
        longest = []
        for arrays in (self.inputs[1:], self.d):
            squares = [np.vecdot(x.reshape(self.R, -1), x.reshape(self.R, -1)).max() for x in arrays]
            longest.append(math.sqrt(max(squares, default=1.0)))
        if max(self.reach, longest[0]) * longest[1] < largest / 1e8 and not self.norms:
            return np.ones(self.R, dtype=bool)
        finite: np.ndarray = np.isfinite(self.gradient @ np.ones(self.program.size, self.theta.dtype))
        return finite


def _move(
    program: Program,
    chunk: _Chunk,
    velocity: np.ndarray,
    square: np.ndarray,
    eta: np.ndarray,
    ratio: np.ndarray | None,
    t: int,
) -> None:
    """Take a step; but for Adam, gradient and velocity carry the step size already."""
    theta, gradient = chunk.theta, chunk.gradient
    real = theta.dtype.type
    if program.method == "adam":
        velocity *= real(program.beta)
        velocity += real(1 - program.beta) * gradient
        square *= real(program.beta2)
        gradient *= gradient
        gradient *= real(1 - program.beta2)
        square += gradient
        np.multiply(square, real(1 / (1 - program.beta2**t)), out=gradient)
        np.sqrt(gradient, out=gradient)
        gradient += real(program.root)
        np.divide(velocity, gradient, out=gradient)
        gradient *= (eta / (1 - program.beta**t)).astype(theta.dtype)[:, None]
        move = gradient
    elif program.method == "sgd":
        move = gradient
    else:
        velocity *= real(program.beta) if ratio is None else (program.beta * ratio).astype(theta.dtype)[:, None]
        velocity += gradient
        move = velocity
        if program.method == "nesterov":
            gradient += real(program.beta) * velocity
            move = gradient
    if program.lam:
        theta *= (1 - eta * program.lam).astype(theta.dtype)[:, None]
    theta -= move


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
    chunk = _Chunk(program, theta, X, B)
    folded = program.method != "adam"
    kept = {r: theta[r].copy() for r in np.flatnonzero(diverged_at >= 0).tolist()}
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        if folded:
            velocity *= eta[:, :1].astype(theta.dtype)
        for t in range(T):
            index, now = batches[:, t], eta[:, t]
            scale = ((now if folded else np.ones(len(now))) / B).astype(theta.dtype)[:, None, None]
            chunk.forward(index)
            loss = chunk.residual(index, y, scale)
            chunk.backward()
            fine = np.isfinite(loss) & (loss <= program.limit) & chunk.finite()
            alive = diverged_at < 0
            if not fine.all() or kept:
                for fresh in np.flatnonzero(alive & ~fine).tolist():
                    kept[fresh], diverged_at[fresh] = theta[fresh].copy(), first + t
                # a stopped replica goes on as zeros, which nothing can make infinite, and is put back at the end
                for r in kept:
                    theta[r], chunk.gradient[r] = 0, 0
                    for memory in (velocity, square):
                        memory[r] = 0
                alive = diverged_at < 0
                if not alive.any():
                    break
            losses[alive, t] = loss[alive]
            changed = t > 0 and bool((now != eta[:, t - 1]).any())
            _move(program, chunk, velocity, square, now, now / eta[:, t - 1] if changed else None, first + t + 1)
        if folded:
            velocity /= eta[:, -1:].astype(theta.dtype)
    for r, row in kept.items():
        theta[r] = row
