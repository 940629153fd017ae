"""Gradient noise of a network: covariance spectrum, layer by layer, and the noise scale with an interval.

The noise scale is the ratio ``tr S / |G|^2``.  On a data set taken as the whole population it is computed, not
estimated.  From a sample it is a ratio of two estimates, and the interval is Fieller's: where the data cannot tell
the gradient from zero it is unbounded, as it must be.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import stdtrit

from sim import tangents
from sim.arrays import namespace
from sim.networks import MLP, Factors, mean_gradient
from sim.observables import require_examples

__all__ = [
    "METHODS",
    "Moments",
    "NoiseScale",
    "Sharpness",
    "batch_sharpness",
    "from_batches",
    "from_examples",
    "gram",
    "moments",
    "spectrum",
]

METHODS = ("jackknife", "delta")


def gram(network: MLP, theta: Any, x: Any, y: Any) -> Any:
    """Return the inner products of all per-example gradients, without forming them.

    Parameters
    ----------
    network, theta, x, y
        As for `MLP.gradient`; no batch norm.

    Returns
    -------
    array, shape (R, N, N)

    Notes
    -----
    Outer products meet as ``<a d', b e'> = <a, b> <d, e>``; the bias adds ``<d, e>``.
    """
    require_examples(network)
    total: Any = 0.0
    for f in network.factors(theta, x, y)[1]:
        total = total + (_products(f.x) + 1.0) * _products(f.d)
        for each in (f.dgamma, f.dbeta):
            if each is not None:
                total = total + _products(each)
    return total


def _products(a: Any) -> Any:
    xp = namespace(a)
    return xp.matmul(a, xp.permute_dims(a, (0, 2, 1)))


def spectrum(network: MLP, theta: Any, x: Any, y: Any) -> Any:
    """Return the eigenvalues of the per-example gradient covariance (divisor N), largest first.

    Parameters
    ----------
    network, theta, x, y
        As for `gram`.

    Returns
    -------
    array, shape (R, N)
        The N that the Gram matrix has; beyond the smaller of N - 1 and P they are 0 up to rounding.

    Notes
    -----
    The covariance ``Z' Z / N`` of centered gradients Z, shape (N, P), and the N x N matrix ``Z Z' / N`` share their
    nonzero eigenvalues.  Memory and time grow as N^2 and N^3, whatever P.
    """
    K = gram(network, theta, x, y)
    xp = namespace(K)
    rows = xp.mean(K, axis=1, keepdims=True)
    centered = K - rows - xp.permute_dims(rows, (0, 2, 1)) + xp.mean(rows, axis=2, keepdims=True)
    return xp.flip(xp.linalg.eigvalsh(centered / K.shape[1]), axis=1)


@dataclass(frozen=True, slots=True)
class Moments:
    """Squares of per-example gradients and their products with the mean gradient, by layer.

    Parameters
    ----------
    squares
        ``|g_i|^2``, shape (R, L, N); sums over layers are those of the whole gradient.
    along
        ``<g_i, G>`` for the mean gradient G of the N examples, shape (R, L, N).
    """

    squares: Any
    along: Any

    @property
    def square(self) -> Any:
        """Squared mean gradient of each layer, shape (R, L)."""
        return namespace(self.along).mean(self.along, axis=2)

    @property
    def trace(self) -> Any:
        """Trace of the covariance (divisor N) of each layer's gradients, shape (R, L)."""
        return namespace(self.squares).mean(self.squares, axis=2) - self.square


def moments(network: MLP, theta: Any, x: Any, y: Any) -> Moments:
    """Return per-example squares and projections by layer, without forming the gradients.

    Parameters
    ----------
    network, theta, x, y
        As for `gram`.
    """
    require_examples(network)
    factors = network.factors(theta, x, y)[1]
    xp, G = namespace(theta, x), network.views(mean_gradient(factors))
    pairs = [_layer_moments(f, G, layer) for layer, f in enumerate(factors)]
    return Moments(*(xp.stack([pair[i] for pair in pairs], axis=1) for i in (0, 1)))


def _layer_moments(f: Factors, G: dict[tuple[int, str], Any], layer: int) -> tuple[Any, Any]:
    xp = namespace(f.x)
    square = (xp.sum(f.x * f.x, axis=2) + 1.0) * xp.sum(f.d * f.d, axis=2)
    along = xp.sum((xp.matmul(f.x, G[layer, "W"]) + G[layer, "b"][:, None, :]) * f.d, axis=2)
    for name, each in (("gamma", f.dgamma), ("beta", f.dbeta)):
        if each is not None:
            square = square + xp.sum(each * each, axis=2)
            along = along + xp.sum(each * G[layer, name][:, None, :], axis=2)
    return square, along


@dataclass(frozen=True, slots=True)
class NoiseScale:
    """An estimated noise scale.

    Parameters
    ----------
    value
        ``trace / square``; infinite where the estimate of the square is not above 0.
    low, high
        Fieller's interval; `high` is infinite where the square cannot be told from 0.
    trace, square
        Estimates of ``tr S`` and ``|G|^2``, each unbiased.
    trace_error, square_error
        Their standard errors.
    """

    value: float
    low: float
    high: float
    trace: float
    square: float
    trace_error: float
    square_error: float


def _interval(trace: float, square: float, covariance: np.ndarray, q: float) -> tuple[float, float]:
    """Return the positive ratios rho at which ``trace - rho square`` is within q standard errors of 0.

    They solve ``a rho^2 - 2 b rho + c <= 0``; after Fieller (1954).
    """
    a = square**2 - q**2 * covariance[1, 1]
    b = trace * square - q**2 * covariance[0, 1]
    c = trace**2 - q**2 * covariance[0, 0]
    if a > 0 and square <= 0:
        # a square below 0 by more than its error is of no population: nothing can be excluded
        return 0.0, np.inf
    if a > 0:
        # the estimate itself solves it, so that the roots are real up to rounding
        root = max(b * b - a * c, 0.0) ** 0.5
        return max((b - root) / a, 0.0), max((b + root) / a, 0.0)
    if c <= 0:
        return 0.0, np.inf
    # c > 0 >= a: one root is positive, and all above it belong
    return (c / (b + (b * b - a * c) ** 0.5) if b > 0 or a < 0 else np.inf), np.inf


def _scale(trace: float, square: float, covariance: np.ndarray, q: float) -> NoiseScale:
    low, high = _interval(trace, square, covariance, q)
    value = trace / square if square > 0 else np.inf
    errors = np.sqrt(np.diag(covariance))
    return NoiseScale(value, low, high, trace, square, float(errors[0]), float(errors[1]))


def _level(confidence: float) -> float:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie in (0, 1), got {confidence!r}")
    return 0.5 + confidence / 2


def from_examples(
    squares: np.ndarray, along: np.ndarray, *, confidence: float = 0.95, method: str = "jackknife"
) -> NoiseScale:
    """Estimate the noise scale of a population from the gradients of n examples drawn from it independently.

    Parameters
    ----------
    squares, along
        Of one replica, whole network or one layer, shape (n,): from `moments`.
    confidence
        Of the interval, in (0, 1); approximate, by Student's t with n - 1 degrees of freedom.
    method
        ``jackknife``: standard errors from leaving out each example in turn, exactly, at no further gradient.
        ``delta``: from the linear terms alone, too small where the gradient is near 0.

    Returns
    -------
    NoiseScale
        Trace with divisor n - 1; the square is ``|g|^2 - tr S / n``, since noise inflates the squared mean.

    Raises
    ------
    ValueError
        If shapes differ, n < 3, a value is not finite, or an argument is outside its range.
    """
    q, t = np.asarray(squares, np.float64), np.asarray(along, np.float64)
    if q.ndim != 1 or q.shape != t.shape or len(q) < 3:
        raise ValueError(f"squares and along must have one shape (n,) with n >= 3, got {q.shape} and {t.shape}")
    if method not in METHODS:
        raise ValueError(f"unknown method {method!r}: allowed are {', '.join(METHODS)}")
    for name, values in (("squares", q), ("along", t)):
        if not np.isfinite(values).all():
            bad = int(np.argmin(np.isfinite(values)))
            raise ValueError(f"{name} must be finite, got {values[bad]} at index {bad}")
    n, a, b = len(q), float(q.mean()), float(t.mean())
    found = _unbiased(n, a, b)
    if method == "delta":
        influence = np.stack([q - 2 * t + b - (a - b), 2 * (t - b)])
        covariance = influence @ influence.T / (n * (n - 1))
    else:
        without = np.stack(_unbiased(n - 1, (n * a - q) / (n - 1), (n * n * b - 2 * n * t + q) / (n - 1) ** 2))
        spread = without - without.mean(axis=1, keepdims=True)
        covariance = spread @ spread.T * ((n - 1) / n)
    return _scale(found[0], found[1], covariance, float(stdtrit(n - 1, _level(confidence))))


def _unbiased(n: int, a: Any, b: Any) -> tuple[Any, Any]:
    """From the mean square a and the squared mean b of n gradients, the estimates of trace and square."""
    return (a - b) * n / (n - 1), (n * b - a) / (n - 1)


def from_batches(small: np.ndarray, large: np.ndarray, *, b: int, B: int, confidence: float = 0.95) -> NoiseScale:
    """Estimate the noise scale from squared gradient norms of batches of two sizes, pair by pair.

    Parameters
    ----------
    small, large
        Squared norms of the gradients of a batch of b and one of B examples, shape (m,); the batches of a pair may
        overlap or be nested, those of different pairs are independent.
    b, B
        Sizes, ``1 <= b < B``.
    confidence
        Of the interval, in (0, 1); approximate, by Student's t with m - 1 degrees of freedom.

    Returns
    -------
    NoiseScale
        Means over pairs are taken before the ratio: the mean of ratios is biased.

    Raises
    ------
    ValueError
        If shapes differ, m < 3, a value is not finite, or an argument is outside its range.

    Notes
    -----
    After McCandlish et al. (2018).  With independent examples both estimates are unbiased.  For batches drawn
    without replacement from N examples the trace is unbiased for the one with divisor N - 1, and the square is
    too small by that trace over N, whatever b and B.
    """
    s, g = np.asarray(small, np.float64), np.asarray(large, np.float64)
    if s.ndim != 1 or s.shape != g.shape or len(s) < 3:
        raise ValueError(f"small and large must have one shape (m,) with m >= 3, got {s.shape} and {g.shape}")
    if any(isinstance(k, bool) or not isinstance(k, int) for k in (b, B)) or not 1 <= b < B:
        raise ValueError(f"sizes must be whole numbers with 1 <= b < B, got b={b!r}, B={B!r}")
    for name, values in (("small", s), ("large", g)):
        if not (np.isfinite(values) & (values >= 0)).all():
            raise ValueError(f"{name} must hold finite squares >= 0, got {values.min()}..{values.max()}")
    pairs = np.stack([(s - g) / (1 / b - 1 / B), (B * g - b * s) / (B - b)])
    means = pairs.mean(axis=1)
    covariance = np.cov(pairs) / len(s)
    quantile = float(stdtrit(len(s) - 1, _level(confidence)))
    return _scale(float(means[0]), float(means[1]), covariance, quantile)


@dataclass(frozen=True, slots=True)
class Sharpness:
    """Batch sharpness: mean curvature along a batch's own gradient, by the mean squared gradient.

    Parameters
    ----------
    value
        ``E g_B' H_B g_B / E |g_B|^2`` of each replica, shape (R,).
    standard_error
        From the spread between batches, to first order, shape (R,).
    """

    value: np.ndarray
    standard_error: np.ndarray


def batch_sharpness(network: MLP, theta: Any, X: Any, y: Any, batches: np.ndarray) -> Sharpness:
    """Estimate the batch sharpness from given batches.

    Parameters
    ----------
    network
        The architecture; under batch norm gradients and Hessians are of the batch's own loss.
    theta
        Parameters, shape (R, P).
    X, y
        Data, first axis N.
    batches
        Indices, shape (m, B) with m >= 2.

    Raises
    ------
    ValueError
        If `batches` has another shape, an index is outside the data, or every gradient is 0.

    Notes
    -----
    After Andreyev and Beneventano (2024).  The replicate axis is taken by the batches, a few at a time.
    """
    if batches.ndim != 2 or len(batches) < 2:
        raise ValueError(f"batches must have shape (m, B) with m >= 2, got {batches.shape}")
    if not 0 <= batches.min() <= batches.max() < len(X):
        raise ValueError(f"batch indices must lie in 0..{len(X) - 1}, got {batches.min()}..{batches.max()}")
    value, error = np.empty(len(theta)), np.empty(len(theta))
    for r in range(len(theta)):
        found = np.concatenate([_curvatures(network, theta[r], X, y, part) for part in _few(network, batches)])
        top, bottom = found.T
        if not bottom.any():
            raise ValueError(f"every batch gradient of replica {r} is 0: the batch sharpness does not exist")
        value[r] = top.mean() / bottom.mean()
        rest = top - value[r] * bottom
        error[r] = rest.std(ddof=1) / len(rest) ** 0.5 / bottom.mean()
    return Sharpness(value, error)


def _few(network: MLP, batches: np.ndarray) -> list[np.ndarray]:
    """Split the batches so that a part's gradients take about 16 MB."""
    return np.array_split(batches, -(-len(batches) * network.size // (1 << 21)))


def _curvatures(network: MLP, theta: np.ndarray, X: Any, y: Any, batches: np.ndarray) -> np.ndarray:
    many = np.broadcast_to(theta, (len(batches), network.size))
    x_batch, y_batch = X[batches], y[batches]
    g = network.gradient(many, x_batch, y_batch)[1]
    Hg = tangents.product(tangents.primal(network, many, x_batch, y_batch), g)
    return np.stack([np.vecdot(g, Hg), np.vecdot(g, g)], axis=1)
