"""The frozen network behind the real populations: trained here, deterministically, then rounded.

A 64-10-10 tanh network after three epochs of SGD on the digits, so that its per-example gradients are
neither those of a random start nor all near zero.  Its parameters are rounded to multiples of 2^-10, its
gradients to multiples of 2^-13 and their components along directions to multiples of 2^-24; pre-activations
are multiples of 2^-14 of themselves, since pixels are multiples of 2^-4.  Rounding differences between BLAS
kernels are many orders smaller and do not reach the rounded values.  Sums over any batch are then exact: of
gradients even in float32, of scalars in float64 with a factor N to spare.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from sim import data, designs
from sim.networks import MLP
from sim.optimizers import Optimizer
from sim.training import train

__all__ = [
    "EIGHT",
    "GRADIENT_GRID",
    "NETWORK",
    "SIZE",
    "along",
    "direction",
    "gradients",
    "parameters",
    "preactivations",
]

NETWORK = MLP((64, 10, 10), activation="tanh", loss="cross_entropy")
SIZE = NETWORK.size
EIGHT = (0, 11, 22, 3, 14, 5, 16, 7)
"""Eight examples of the digits, of eight classes."""

GRADIENT_GRID = 1 << 13
"""Gradients are whole multiples of one over this."""

SCALAR_GRID = 1 << 24
"""Every scalar population is of whole multiples of one over this, below 2^6 in size."""

_SEED = 20240607
_GRID = 1 << 10


@lru_cache(maxsize=1)
def parameters() -> np.ndarray:
    """Return the frozen parameters, shape (1, P), multiples of 2^-10."""
    X, y = data.load("digits")
    rng = np.random.Generator(np.random.PCG64DXSM(_SEED))
    theta = NETWORK.initial(1, rng=rng)
    usable = len(X) // 32 * 32
    batches = designs.reshuffled(usable, 32, 3, rng=rng).reshape(-1, 32)
    outcome = train(NETWORK, theta, X[:usable], y[:usable], batches, optimizer=Optimizer("sgd", 0.25))
    if outcome.diverged:
        raise RuntimeError(f"training of the frozen network diverged at step {outcome.diverged_at[0]}")
    frozen: np.ndarray = np.round(outcome.theta * _GRID) / _GRID
    frozen.flags.writeable = False
    return frozen


def _examples(family: str) -> tuple[np.ndarray, np.ndarray]:
    X, y = data.load("digits")
    chosen = np.array(EIGHT) if family == "digits8" else np.arange(len(X))
    return X[chosen], y[chosen]


@lru_cache(maxsize=2)
def gradients(family: str) -> np.ndarray:
    """Return the per-example gradients at the frozen parameters, rounded to the grid.

    Parameters
    ----------
    family
        ``"digits"`` for all 1797 examples, ``"digits8"`` for eight.

    Returns
    -------
    numpy.ndarray of float64, shape (N, P)
    """
    X, y = _examples(family)
    found: np.ndarray = (
        np.round(NETWORK.example_gradients(parameters(), X, y)[0] * GRADIENT_GRID) / GRADIENT_GRID
    )
    found.flags.writeable = False
    return found


def preactivations(family: str) -> np.ndarray:
    """Return the pre-activations of the hidden layer, shape (N, 10)."""
    found: np.ndarray = NETWORK.hidden(parameters(), _examples(family)[0])[0]
    return found


@lru_cache(maxsize=64)
def direction(k: int) -> np.ndarray:
    """Return fixed unit direction `k`: whole pseudo-random coordinates, normalized; shape (P,)."""
    rng = np.random.Generator(np.random.PCG64DXSM([_SEED, k]))
    u = rng.integers(-1000, 1001, size=SIZE).astype(np.float64)
    unit: np.ndarray = u / np.sqrt(u @ u)
    return unit


def along(family: str, k: int) -> np.ndarray:
    """Return the components of the gradients along direction `k`, rounded to the grid; shape (N,)."""
    found: np.ndarray = np.round(gradients(family) @ direction(k) * SCALAR_GRID) / SCALAR_GRID
    return found
