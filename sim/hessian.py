"""The Hessian of a network's loss on a data set, as an operator: one replica, both passes kept.

A product costs six matrix products a layer, of which pairs are taken as one: tangent and activation lie
interleaved in memory, ``[Rh, h]``, as do residual and its tangent, ``[d, Rd]``.  Read as rows of length 2 I, the
first meets ``[W; V]`` for ``Rh W + h V``; read as twice as many rows of length I it meets the other for
``Rh' d + h' Rd``; nothing is copied.  Rows are taken in chunks that stay in cache.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from sim import layers, tangents
from sim.engines import choose
from sim.networks import MLP

__all__ = ["Hessian", "hessian", "matrix"]

_CHUNK_BYTES = 1 << 20  # interleaved activations of one chunk: about a core's level-2 cache


@dataclass(frozen=True, slots=True)
class Hessian:
    """The Hessian of the mean loss of one replica on given examples, as an operator.

    Parameters
    ----------
    network
        The architecture.
    size
        Number of parameters P.
    dtype
        Of the arithmetic.
    times
        Product with a vector of shape (P,).  Not for two threads at once: the scratch memory is shared.
    """

    network: MLP
    size: int
    dtype: np.dtype
    times: Callable[[np.ndarray], np.ndarray]

    def block(self, layer: int) -> tuple[slice, Callable[[np.ndarray], np.ndarray]]:
        """Return the range of one layer's parameters and the product with the diagonal block of that layer.

        Parameters
        ----------
        layer
            Number of the layer, from 0.
        """
        found = [slot for slot in self.network.slots if slot.layer == layer]
        if not found:
            raise ValueError(f"layer must lie in 0..{len(self.network.widths) - 2}, got {layer!r}")
        within = slice(found[0].start, found[-1].stop)

        def times(v: np.ndarray) -> np.ndarray:
            whole = np.zeros(self.size, dtype=self.dtype)
            whole[within] = v
            return self.times(whole)[within]

        return within, times


@dataclass(frozen=True, slots=True)
class _Rows:
    """What one chunk of examples keeps: inputs, interleaved pairs by layer, slopes, bends, probabilities."""

    x: np.ndarray
    inputs: tuple[np.ndarray, ...]
    residuals: tuple[np.ndarray, ...]
    slopes: tuple[np.ndarray, ...]
    bends: tuple[np.ndarray | None, ...]
    p: np.ndarray | None


def _checked(network: MLP, theta: np.ndarray, X: np.ndarray, y: np.ndarray) -> None:
    if theta.ndim != 1 or theta.shape[0] != network.size:
        raise ValueError(f"parameters must have shape ({network.size},), got {theta.shape}")
    if theta.dtype not in (np.float32, np.float64):
        raise ValueError(f"parameters must be float32 or float64, got {theta.dtype}")
    if X.ndim != 2 or X.shape[1] != network.widths[0] or not len(X):
        raise ValueError(f"inputs must have shape (N, {network.widths[0]}) with N >= 1, got {X.shape}")
    want = (len(X),) if network.loss == "cross_entropy" else (len(X), network.widths[-1])
    if y.shape != want:
        raise ValueError(f"labels or targets must have shape {want}, got {y.shape}")
    if network.loss == "cross_entropy":
        if y.dtype.kind not in "iu":
            raise ValueError(f"labels must be whole numbers, got {y.dtype}")
        if y.min() < 0 or y.max() >= network.widths[-1]:
            raise ValueError(f"labels must lie in 0..{network.widths[-1] - 1}, got {y.min()}..{y.max()}")
    for what, array in (("parameters", theta), ("inputs", X), ("labels or targets", y)):
        bad = ~np.isfinite(array)
        if bad.any():
            where = tuple(int(i) for i in np.argwhere(bad)[0])
            raise ValueError(f"{what} must be finite, got {array[where]} at index {where}")


def hessian(network: MLP, theta: np.ndarray, X: np.ndarray, y: np.ndarray, *, engine: str = "auto") -> Hessian:
    """Run both passes at one point and return the Hessian there.

    Parameters
    ----------
    network
        The architecture.
    theta
        One replica's parameters, shape (P,), float32 or float64: the dtype of all arithmetic.
    X
        Inputs, shape (N, I).
    y
        Labels (N,), or targets (N, K) under squared loss.
    engine
        As for `sim.engines.choose`; it does what lies between the matrix products of a network without norms.

    Returns
    -------
    Hessian
        Under batch norm of the loss whose statistics are those of all N examples together.

    Raises
    ------
    ValueError
        If a shape, a dtype or a value is not as above.

    Notes
    -----
    Memory grows as N times the widths; the relu's second derivative at its kink is taken as 0.
    """
    _checked(network, theta, X, y)
    X = np.ascontiguousarray(X, dtype=theta.dtype)
    if network.loss == "squared":
        y = y.astype(theta.dtype)
    if network.norm:
        at = tangents.primal(network, theta[None], X, y)
        times = lambda v: tangents.product(at, v[None])[0]  # noqa: E731
        return Hessian(network, network.size, theta.dtype, times)
    return Hessian(network, network.size, theta.dtype, _interleaved(network, theta, X, y, engine))


def _chunks(network: MLP, X: np.ndarray, y: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    rows = max(64, _CHUNK_BYTES // (2 * max(network.widths) * X.itemsize))
    parts = max(1, round(len(X) / rows))
    yield from zip(np.array_split(X, parts), np.array_split(y, parts), strict=True)


def _activated(name: str, z: np.ndarray, into: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Write the activation and return slope and bend; relu, the common case, without temporaries."""
    if name == "relu":
        np.maximum(z, z.dtype.type(0), out=into)
        return np.greater(z, 0).astype(z.dtype), None
    into[...], slope = layers.activate(name, z)
    return slope, tangents.bend(name, z)


def _output_residuals(loss: str, z: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the gradient of each loss in the outputs, and the probabilities; `z` is used up."""
    if loss == "squared":
        return z - y, None
    z -= z.max(axis=1, keepdims=True)
    p = np.exp(z, out=z)
    p /= p.sum(axis=1, keepdims=True)
    d = p.copy()
    d[np.arange(len(y)), y] -= 1
    return d, p


def _rows(network: MLP, W: list[np.ndarray], b: list[np.ndarray], x: np.ndarray, y: np.ndarray, N: int) -> _Rows:
    """Run both passes on a chunk; residuals are of the loss summed over the chunk, over N."""
    h, inputs, slopes, bends, last = x, [], [], [], len(W) - 1
    for layer in range(last):
        z = h @ W[layer]
        z += b[layer]
        pair = np.empty((len(x), 2, z.shape[1]), z.dtype)
        h = pair[:, 1]
        slope, bent = _activated(network.activation, z, h)
        inputs.append(pair)
        slopes.append(slope)
        bends.append(bent)
    d, p = _output_residuals(network.loss, h @ W[last] + b[last], y)
    d, residuals = d / x.dtype.type(N), []
    for layer in range(last, 0, -1):
        pair = np.empty((len(x), 2, d.shape[1]), d.dtype)
        pair[:, 0] = d
        residuals.append(pair)
        bent = bends[layer - 1]
        # the lowest layer's residual meets no tangent: its input is the data
        if layer > 1 or bent is not None:
            dy = d @ W[layer].T
            if bent is not None:
                bent *= dy
            d = np.multiply(dy, slopes[layer - 1], out=dy)
    return _Rows(x, tuple(inputs), tuple(residuals[::-1]), tuple(slopes), tuple(bends), p)


def _interleaved(
    network: MLP, theta: np.ndarray, X: np.ndarray, y: np.ndarray, engine: str
) -> Callable[[np.ndarray], np.ndarray]:
    last, N, dtype = len(network.widths) - 2, len(X), theta.dtype
    slots = network.slots

    def split(vector: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
        arrays = [vector[slot.start : slot.stop].reshape(slot.shape) for slot in slots]
        return arrays[::2], arrays[1::2]

    W, b = split(theta)
    kept = [_rows(network, W, b, x_rows, y_rows, N) for x_rows, y_rows in _chunks(network, X, y)]
    most = max(len(rows.x) for rows in kept)
    # per layer: [W; V] for the way forward, [V'; W'] for the way back, scratch for both
    ahead, back = [np.concatenate([w, w]) for w in W], [np.concatenate([w.T, w.T]) for w in W]
    z = [np.empty((most, w.shape[1]), dtype) for w in W]
    t = [np.empty((most, w.shape[0]), dtype) for w in W]
    shares = [np.empty_like(w) for w in W]
    kernels: Any = choose(engine).tangent_rows
    weight = 1 / N

    def times(v: np.ndarray) -> np.ndarray:
        if v.shape != theta.shape:
            raise ValueError(f"a direction must have shape {theta.shape}, got {v.shape}")
        V, c = split(v.astype(dtype, copy=False))
        result = np.zeros(network.size, dtype)
        into, into_b = split(result)
        for layer in range(1, last + 1):
            ahead[layer][len(W[layer]) :] = V[layer]
            back[layer][: W[layer].shape[1]] = V[layer].T
        for rows in kept:
            n = len(rows.x)
            np.matmul(rows.x, V[0], out=z[0][:n])
            for layer in range(last + 1):
                Rz = z[layer][:n]
                if layer:
                    np.matmul(rows.inputs[layer - 1].reshape(n, -1), ahead[layer], out=Rz)
                if layer < last:
                    kernels.ahead(Rz, c[layer], rows.slopes[layer], rows.inputs[layer].reshape(n, -1), 0)
            Rd = rows.residuals[-1].reshape(n, -1) if last else Rz
            kernels.outputs(Rz, c[last], rows.p, weight, Rd, Rd.shape[1] - Rz.shape[1], into_b[last])
            for layer in range(last, 0, -1):
                pair, inputs = rows.residuals[layer - 1], rows.inputs[layer - 1]
                flat = inputs.reshape(2 * n, -1).T, pair.reshape(2 * n, -1)
                into[layer] += np.matmul(*flat, out=shares[layer])
                Rh = np.matmul(pair.reshape(n, -1), back[layer], out=t[layer][:n])
                below = layer - 1
                Rd = rows.residuals[below - 1].reshape(n, -1) if below else Rh
                args = rows.slopes[below], rows.bends[below], z[below][:n]
                kernels.back(Rh, *args, Rd, Rd.shape[1] - Rh.shape[1], into_b[below])
            into[0] += np.matmul(rows.x.T, Rd, out=shares[0])
        return result

    return times


def matrix(H: Hessian) -> np.ndarray:
    """Return the Hessian written out, shape (P, P): P products, for small networks.

    Parameters
    ----------
    H
        From `hessian`.
    """
    return np.stack([H.times(row) for row in np.eye(H.size, dtype=H.dtype)])
