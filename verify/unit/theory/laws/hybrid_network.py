"""A network with one hidden layer, whose activations are normalized by a learned mixture of batch and sample."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sim import hybrid

INPUTS, HIDDEN, SEEDS = 16, 32, 2

Task = Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray]]


def sigmoid(a: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-a))


def trained_alpha(task: Task, *, B: int, bias: bool = False, classify: bool = False, steps: int = 600,
                  seed: int = 0) -> np.ndarray:
    """Return alpha after training by Adam on fresh data, one value a seed.

    Parameters
    ----------
    task
        ``task(rng, B)`` gives inputs, shape (SEEDS, B, INPUTS), and labels, shape (SEEDS, B).
    B
        Batch size.
    bias
        Whether the layer before the normalization has a bias.
    classify
        Whether the loss is logistic (labels -1 and 1) instead of squared.
    steps, seed
        Steps, and the seed of everything.
    """
    rng = np.random.default_rng(seed)
    theta = {
        "W": rng.standard_normal((SEEDS, INPUTS, HIDDEN)) / np.sqrt(INPUTS),
        "b": np.zeros((SEEDS, HIDDEN)),
        "v": rng.standard_normal((SEEDS, HIDDEN)) / np.sqrt(HIDDEN),
        "c": np.zeros(SEEDS),
        "a": np.zeros(SEEDS),
    }
    rates = dict.fromkeys(theta, 5e-3) | {"a": 1e-1, "b": 5e-3 if bias else 0.0}
    first, second = ({k: np.zeros_like(p) for k, p in theta.items()} for _ in range(2))
    for t in range(1, steps + 1):
        x, label = task(rng, B)
        pre = x @ theta["W"] + theta["b"][:, None, :]
        alpha = sigmoid(theta["a"])
        mixed, cache = hybrid.forward(pre, alpha=alpha, reading="outputs", eps=1e-5)
        active = np.maximum(mixed, 0.0)
        out = np.einsum("rbh,rh->rb", active, theta["v"]) + theta["c"][:, None]
        slope = (-label * sigmoid(-label * out) if classify else out - label) / B
        dpre, _, _, dalpha = hybrid.backward(cache, slope[:, :, None] * theta["v"][:, None, :] * (mixed > 0))
        gradient = {
            "W": np.einsum("rbi,rbh->rih", x, dpre),
            "b": dpre.sum(axis=1),
            "v": np.einsum("rb,rbh->rh", slope, active),
            "c": slope.sum(axis=1),
            "a": dalpha * alpha * (1 - alpha),
        }
        for name, g in gradient.items():
            first[name] = 0.9 * first[name] + 0.1 * g
            second[name] = 0.999 * second[name] + 0.001 * g * g
            step = first[name] / (1 - 0.9**t) / (np.sqrt(second[name] / (1 - 0.999**t)) + 1e-8)
            theta[name] = theta[name] - rates[name] * step
    return sigmoid(theta["a"])


def _inputs(rng: np.random.Generator, B: int) -> np.ndarray:
    return rng.standard_normal((SEEDS, B, INPUTS))


TEACHER = np.random.default_rng(1).standard_normal((INPUTS, 4)) / np.sqrt(INPUTS)


def teacher(rng: np.random.Generator, B: int) -> tuple[np.ndarray, np.ndarray]:
    """Four rectified units: twice the input has twice the label."""
    x = _inputs(rng, B)
    return x, np.maximum(x @ TEACHER, 0.0).sum(axis=2) - 1.6


def gain(rng: np.random.Generator, B: int) -> tuple[np.ndarray, np.ndarray]:
    """The same labels behind a random gain of every example, which says nothing."""
    x, label = teacher(rng, B)
    return x * np.exp(rng.standard_normal((SEEDS, B, 1))), label


def norm(rng: np.random.Generator, B: int) -> tuple[np.ndarray, np.ndarray]:
    """The label is the logarithm of the input's length, which LayerNorm removes."""
    x = _inputs(rng, B) * np.exp(0.5 * rng.standard_normal((SEEDS, B, 1)))
    return x, np.log(np.sqrt((x * x).mean(axis=2)))


def sign(rng: np.random.Generator, B: int) -> tuple[np.ndarray, np.ndarray]:
    """The side of a plane through the origin: the input's length says nothing."""
    x = _inputs(rng, B)
    return x, np.where(x @ TEACHER[:, 0] > 0, 1.0, -1.0)
