"""Quantities read off a network or a batch: per-example gradients and their moments, errors of statistics."""

from __future__ import annotations

from typing import Any

from sim import norms
from sim.arrays import namespace
from sim.networks import MLP, Factors, mean_gradient

__all__ = [
    "covariance_trace",
    "gradient_trace",
    "noise_scale",
    "require_examples",
    "square_norms",
    "statistic_errors",
]


def require_examples(network: MLP) -> None:
    """Refuse a network in which the loss of one example depends on its peers.

    Parameters
    ----------
    network
        The architecture.

    Raises
    ------
    ValueError
        Under batch norm, where per-example gradients do not exist.
    """
    if network.norm == "batch":
        raise ValueError("per-example gradients do not exist under batch norm: a loss depends on its peers")


def covariance_trace(gradients: Any) -> Any:
    """Return the trace of the covariance (divisor N) of per-example gradients.

    Parameters
    ----------
    gradients
        Shape (R, N, P).

    Returns
    -------
    array, shape (R,)
    """
    xp = namespace(gradients)
    centered = gradients - xp.mean(gradients, axis=1, keepdims=True)
    return xp.mean(xp.sum(centered * centered, axis=2), axis=1)


def square_norms(network: MLP, theta: Any, x: Any, y: Any) -> Any:
    """Return the squared norm of each example's gradient without forming the gradients.

    Parameters
    ----------
    network, theta, x, y
        As for `MLP.gradient`.

    Returns
    -------
    array, shape (R, B)

    Notes
    -----
    A dense layer's per-example gradient is the outer product of its input a and residual d, so that its
    squared norm with the bias is ``(|a|^2 + 1) |d|^2``, after Goodfellow (2015).
    """
    return _square_norms(network, network.factors(theta, x, y)[1])


def _square_norms(network: MLP, factors: tuple[Factors, ...]) -> Any:
    require_examples(network)
    xp, total = namespace(factors[0].x), 0.0
    for f in factors:
        total = total + (xp.sum(f.x * f.x, axis=2) + 1.0) * xp.sum(f.d * f.d, axis=2)
        for each in (f.dgamma, f.dbeta):
            if each is not None:
                total = total + xp.sum(each * each, axis=2)
    return total


def gradient_trace(network: MLP, theta: Any, x: Any, y: Any) -> tuple[Any, Any]:
    """Return the trace of the per-example gradient covariance (divisor N) and the squared full gradient.

    Parameters
    ----------
    network, theta, x, y
        As for `MLP.gradient`.

    Returns
    -------
    tuple of array
        Trace and ``|G|^2``, shape (R,).

    Notes
    -----
    The trace is the mean squared norm minus ``|G|^2``.  In float64 it loses digits only where ``|G|^2``
    dominates, far from what noise measurements meet.
    """
    xp = namespace(theta, x)
    _, factors = network.factors(theta, x, y)
    G = mean_gradient(factors)
    square = xp.sum(G * G, axis=1)
    return xp.mean(_square_norms(network, factors), axis=1) - square, square


def noise_scale(trace: Any, square: Any) -> Any:
    """Return the simple noise scale ``tr Sigma / |G|^2``, after McCandlish et al. (2018).

    Parameters
    ----------
    trace, square
        From `gradient_trace`, or estimates of both.

    Returns
    -------
    array
        The naive ratio: from *estimates* it is biased, as the ratio of unbiased estimates is.

    Raises
    ------
    ValueError
        If a squared gradient is not above 0.
    """
    xp = namespace(trace, square)
    if not bool(xp.all(square > 0)):
        raise ValueError(f"the squared gradient must be > 0, got {float(xp.min(square))}")
    return trace / square


def statistic_errors(kind: str, x: Any, mean: float, var: float, *, groups: int | None = None) -> tuple[Any, Any]:
    """Return the squared errors of a layer's mean and variance against those of the population.

    Parameters
    ----------
    kind, x, groups
        As for `sim.norms.statistics`.
    mean, var
        Of the population the activations come from.

    Returns
    -------
    tuple of array
        Squared errors of mean and variance, shaped as the statistics.
    """
    found_mean, found_var = norms.statistics(kind, x, groups=groups)
    return (found_mean - mean) ** 2, (found_var - var) ** 2
