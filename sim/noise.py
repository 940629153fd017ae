"""Gradient noise of a network: exact moments over all examples, and the gradients of random mini-batches.

Per-example gradients are never formed.  A dense layer's are outer products, so that norms and inner products
of them are products of norms and inner products of the factors, after Goodfellow (2015); the squared norm of
any batch's gradient is then a sum over the Gram matrix of all examples, computed once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sim import data, designs, engines
from sim.networks import MLP

__all__ = ["METHODS", "Noise", "measure"]

METHODS = ("auto", "gram", "direct")
"""How batch gradients are found: from the Gram matrix, or by adding up each batch's outer products."""

_GRAM_BYTES = 1 << 31  # a larger Gram matrix is not formed
_LOOK_UP = 32  # multiplications that looking up one entry of the Gram matrix costs
_ROWS = 450  # examples that pass through the network at a time: their activations stay in the cache
_DIRECT_ENTRIES = 1 << 19  # entries of batch gradients formed at a time


@dataclass(frozen=True, slots=True)
class Noise:
    """What `measure` finds.

    Parameters
    ----------
    norms
        Squared norm of each example's gradient, float64, shape (N,).
    square
        Squared norm of the full gradient G.
    trace
        Trace of the covariance (divisor N) of the per-example gradients.
    sizes
        Batch sizes, shape (K,).
    squares
        ``|g_b|^2`` of the mini-batch gradients, float64, shape (R, K).
    distances
        ``|g_b - G|^2``, shape (R, K); their mean estimates ``trace (N - B) / (B (N - 1))`` without bias.
    method
        ``"gram"`` or ``"direct"``.
    """

    norms: np.ndarray
    square: float
    trace: float
    sizes: tuple[int, ...]
    squares: np.ndarray
    distances: np.ndarray
    method: str


def _squares(e: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.vecdot(e, e).astype(np.float64)
    return found


class _Sums:
    """Squared norms of examples, and the full gradient by layers, added up part by part of the examples."""

    def __init__(self, network: MLP, N: int, kind: np.dtype) -> None:
        shapes = list(zip(network.widths, network.widths[1:], strict=False))
        self.norms = np.zeros(N)
        self.W = [np.zeros(shape, dtype=kind) for shape in shapes]
        self.b = [np.zeros(shape[1], dtype=kind) for shape in shapes]

    def add(self, rows: slice, dense: Sequence[tuple[np.ndarray, np.ndarray]]) -> None:
        """Add the examples in `rows`, given the input and residual of each layer."""
        for (x, d), W, b in zip(dense, self.W, self.b, strict=True):
            self.norms[rows] += (_squares(x) + 1.0) * _squares(d)
            W += x.T @ d
            b += np.ones(len(d), dtype=d.dtype) @ d


def _relu_pass(
    parts: dict[tuple[int, str], np.ndarray],
    inputs: list[np.ndarray],
    residuals: list[np.ndarray],
    y: np.ndarray,
    zeros: np.ndarray,
) -> None:
    """Fill inputs but the first, and residuals, of the layers of a ReLU network without norm.

    NumPy compares with `zeros`, as large as any of them, eight entries at a time, but with a number one at a time; and
    it reduces short rows slowly: hence column by column, or by a product with ones.
    """
    last = len(residuals) - 1
    for layer in range(last):
        h = np.matmul(inputs[layer], parts[layer, "W"][0], out=inputs[layer + 1])
        h += parts[layer, "b"][0]
        np.maximum(h, zeros[: len(h), : h.shape[1]], out=h)
    d = np.matmul(inputs[last], parts[last, "W"][0], out=residuals[last])
    d += parts[last, "b"][0]
    top = d[:, 0].copy()
    for column in d.T[1:]:
        np.maximum(top, column, out=top)
    d -= top[:, None]
    np.exp(d, out=d)
    d /= (d @ np.ones(d.shape[1], dtype=d.dtype))[:, None]
    d[np.arange(len(y)), y] -= 1
    for layer in range(last, 0, -1):
        d = np.matmul(d, parts[layer, "W"][0].T, out=residuals[layer - 1])
        np.multiply(d, inputs[layer] > 0, out=d)


def _factors(
    network: MLP, theta: np.ndarray, x: np.ndarray, y: np.ndarray, *, keep: bool
) -> tuple[_Sums, list[tuple[np.ndarray, np.ndarray]], list[np.ndarray]]:
    """Return sums over the examples, inputs and residuals (N, .) of the layers, and gradients of norms' parameters.

    The second is of no use unless kept: a few hundred examples then pass at a time, in memory that stays in the cache.
    """
    N, sums = len(x), _Sums(network, len(x), x.dtype)
    if network.norm is None and network.activation == "relu" and network.loss == "cross_entropy":
        parts, wide, room = network.views(theta), network.widths, N if keep else min(N, _ROWS)
        inputs = [np.empty((room, w), dtype=x.dtype) for w in wide[1:-1]]
        residuals = [np.empty((room, w), dtype=x.dtype) for w in wide[1:]]
        zeros = np.zeros((min(N, _ROWS), max(wide)), dtype=x.dtype)
        for start in range(0, N, _ROWS):
            rows = slice(start, min(start + _ROWS, N))
            here = rows if keep else slice(0, rows.stop - start)
            before, after = [x[rows], *(h[here] for h in inputs)], [d[here] for d in residuals]
            _relu_pass(parts, before, after, y[rows], zeros)
            sums.add(rows, list(zip(before, after, strict=True)))
        return sums, list(zip([x, *inputs], residuals, strict=True)), []
    found = network.factors(theta, x, y)[1]
    dense = [(f.x[0], f.d[0]) for f in found]
    sums.add(slice(None), dense)
    return sums, dense, [e[0] for f in found for e in (f.dgamma, f.dbeta) if e is not None]


def _cheaper(network: MLP, N: int, sizes: Sequence[int], R: int, bytes_each: int) -> str:
    """Return the method of fewer multiplications, where memory allows it."""
    wide = list(zip(network.widths, network.widths[1:], strict=False))
    gram = N * N * sum(i + o for i, o in wide) // 2
    gram += R * sum(min(_LOOK_UP * b * b, N * N // 2) for b in sizes)
    direct = R * sum(b + 1 for b in sizes) * sum(i * o for i, o in wide)
    return "gram" if gram <= direct and N * N * bytes_each <= _GRAM_BYTES else "direct"


def _direct(
    dense: Sequence[tuple[np.ndarray, np.ndarray]],
    others: Sequence[np.ndarray],
    batches: np.ndarray,
    sizes: Sequence[int],
) -> np.ndarray:
    """Return ``|sum of gradients|^2`` of the prefixes by adding up each batch's outer products."""
    out = np.zeros((len(batches), len(sizes)))
    largest = max(x.shape[1] * d.shape[1] for x, d in dense)
    for k, b in enumerate(sizes):
        chunk = max(1, _DIRECT_ENTRIES // max(largest, b * max(x.shape[1] for x, _ in dense)))
        for start in range(0, len(batches), chunk):
            rows = batches[start : start + chunk, :b].astype(np.intp)
            total = out[start : start + chunk, k]
            for x, d in dense:
                picked = np.take(d, rows, axis=0)
                W = np.matmul(np.take(x, rows, axis=0).swapaxes(1, 2), picked).reshape(len(rows), -1)
                total += _squares(W) + _squares(picked.sum(axis=1))
            for e in others:
                total += _squares(np.take(e, rows, axis=0).sum(axis=1))
    return out


def measure(
    network: MLP,
    theta: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    *,
    sizes: Sequence[int] = (),
    R: int = 0,
    dtype: str = "float32",
    method: str = "auto",
    engine: str = "auto",
    rng: np.random.Generator | None = None,
) -> Noise:
    """Measure the exact noise of all examples and the gradients of `R` random batches at each size.

    Parameters
    ----------
    network
        Any without batch norm.
    theta
        One replica's parameters, shape (1, P).
    x, y
        All examples, (N, I) and labels (N,) or targets (N, K).
    sizes
        Increasing, in 1..N.
    R
        Batches a size.  They are nested: the smaller are the heads of the larger, each uniform without
        replacement by itself, so that batches of one size are independent and those of a row are not.
    dtype
        ``"float32"`` or ``"float64"`` of the factors; sums over examples are float64.
    method
        One of `METHODS`.
    engine
        As for `sim.engines.choose`.
    rng
        The stream of the batches; needed if there are any.

    Returns
    -------
    Noise

    Raises
    ------
    ValueError
        If an argument is outside what is stated above, or values are not finite.
    """
    if network.norm == "batch":
        raise ValueError("per-example gradients do not exist under batch norm: a loss depends on its peers")
    if dtype not in ("float32", "float64"):
        raise ValueError(f"unknown dtype {dtype!r}: allowed are float32, float64")
    if method not in METHODS:
        raise ValueError(f"unknown method {method!r}: allowed are {', '.join(METHODS)}")
    if isinstance(R, bool) or not isinstance(R, int) or R < 0:
        raise ValueError(f"number of batches R must be a whole number >= 0, got {R!r}")
    kind = np.dtype(dtype)
    x, theta = data.checked(x, "x", kind), data.checked(theta, "theta", kind)
    if x.ndim != 2 or x.shape[1] != network.widths[0] or len(x) != len(y):
        raise ValueError(f"x must have shape ({len(y)}, {network.widths[0]}), got {x.shape}")
    if theta.shape != (1, network.size):
        raise ValueError(f"theta must have shape (1, {network.size}), got {theta.shape}")
    if network.loss == "cross_entropy" and (np.min(y) < 0 or np.max(y) >= network.widths[-1]):
        raise ValueError(f"labels must lie in 0..{network.widths[-1] - 1}, got {np.min(y)}..{np.max(y)}")
    N, keep = len(x), bool(R and len(sizes))
    sums, dense, others = _factors(network, theta, x, y, keep=keep)
    norms, along, square = sums.norms, np.zeros(N), 0.0
    for (a, d), W, b in zip(dense, sums.W, sums.b, strict=True):
        W /= N
        b /= N
        square += float(_squares(W.reshape(-1)) + _squares(b))
        if keep:
            along += np.vecdot(np.matmul(a, W) + b, d)
    for e in others:
        norms += _squares(e)
        mean = e.mean(axis=0)
        square += float(_squares(mean))
        along += np.matmul(e, mean)
    trace = float(norms.mean()) - square
    if not np.isfinite(trace):
        raise ValueError(f"gradients overflow {dtype}: the trace of their covariance is {trace}")
    sizes = tuple(sizes)
    if not keep:
        nothing = np.zeros((0, len(sizes)))
        return Noise(norms, square, trace, sizes, nothing, nothing, "none")
    if list(sizes) != sorted(set(sizes)):
        raise ValueError(f"batch sizes must increase, got {sizes}")
    for B in sizes:
        designs.check_sizes(N, B)
    if rng is None:
        raise ValueError("random batches need a stream: rng must be a numpy.random.Generator, got None")
    kernels = engines.choose(engine)
    batches = kernels.subsets.ordered(N, sizes[-1], R, rng=rng)
    method = _cheaper(network, N, sizes, R, kind.itemsize) if method == "auto" else method
    if method == "gram":
        half = kernels.quadratic_form.half_gram(dense, others)
        found = kernels.quadratic_form.prefix_forms(half, batches, sizes)
    else:
        found = _direct(dense, others, batches, sizes)
    each = np.array(sizes, dtype=np.float64)
    squares = found / each**2
    heads = np.add.accumulate(np.take(along, batches), axis=1)[:, np.array(sizes) - 1] / each
    return Noise(norms, square, trace, sizes, squares, squares - 2 * heads + square, method)
