"""Layers against finite differences and a plain loop; the same code under the strict array API."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import array_api_strict as strict
import numpy as np
import pytest

from sim import layers

STEP = 2.0**-17  # near the cube root of the unit roundoff, where a central difference is best


def slope(f: Callable[[np.ndarray], float], x: np.ndarray) -> np.ndarray:
    """Return central differences of a scalar function, entry by entry."""
    found = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[index] += STEP
        down[index] -= STEP
        found[index] = (f(up) - f(down)) / (2 * STEP)
    return found


@pytest.mark.parametrize("name", layers.ACTIVATIONS)
def test_activation_slopes(name: str) -> None:
    z = np.array([-3.0, -1.0, -0.2, 0.3, 1.5, 4.0])
    _, found = layers.activate(name, z)
    # truncation STEP^2 |f'''| / 6 with |f'''| < 10 and rounding u |f| / STEP with |f| < 5
    assert np.allclose(found, np.diag(_jacobian(name, z)), rtol=0, atol=10 * STEP**2 / 6 + 2e-16 * 5 / STEP)


def _jacobian(name: str, z: np.ndarray) -> np.ndarray:
    return np.stack([slope(lambda x, k=k: float(layers.activate(name, x)[0][k]), z) for k in range(z.size)])


def test_activation_values() -> None:
    z = np.array([-2.0, 0.0, 2.0])
    assert layers.activate("relu", z)[0].tolist() == [0, 0, 2]
    assert layers.activate("relu", z)[1].tolist() == [0, 0, 1]
    assert layers.activate("linear", z)[0] is z
    assert layers.activate("gelu", z)[0][2] == pytest.approx(2 * 0.5 * (1 + math.erf(2 / math.sqrt(2))), abs=1e-3)
    with pytest.raises(ValueError, match="linear, relu, tanh, gelu"):
        layers.activate("swish", z)


def test_dense_and_its_gradients() -> None:
    rng = np.random.default_rng(0)
    x, W, b, dy = (rng.standard_normal(s) for s in [(2, 3, 4), (2, 4, 5), (2, 5), (2, 3, 5)])
    y = layers.dense(x, W, b)
    for r, i in np.ndindex(2, 3):
        assert np.allclose(y[r, i], x[r, i] @ W[r] + b[r], rtol=1e-14)
    dx, dW, db = layers.dense_backward(x, W, dy)
    # the output is linear in each argument, so only rounding separates the two
    assert np.allclose(dx, slope(lambda a: float((layers.dense(a, W, b) * dy).sum()), x), atol=1e-9)
    assert np.allclose(dW, slope(lambda a: float((layers.dense(x, a, b) * dy).sum()), W), atol=1e-9)
    assert np.allclose(db, slope(lambda a: float((layers.dense(x, W, a) * dy).sum()), b), atol=1e-9)


def test_cross_entropy_by_hand_and_by_differences() -> None:
    logits = np.random.default_rng(1).standard_normal((2, 3, 4))
    labels = np.array([[0, 3, 2], [1, 1, 0]])
    losses, residual = layers.cross_entropy(logits, labels)
    for r, i in np.ndindex(2, 3):
        p = np.exp(logits[r, i]) / np.exp(logits[r, i]).sum()
        assert losses[r, i] == pytest.approx(-math.log(p[labels[r, i]]), rel=1e-13)
    found = slope(lambda a: float(layers.cross_entropy(a, labels)[0].sum()), logits)
    assert np.allclose(residual, found, rtol=0, atol=1e-9)


def test_cross_entropy_of_huge_logits_is_finite() -> None:
    losses, residual = layers.cross_entropy(np.array([[[1e300, -1e300, 0.0]]]), np.array([1]))
    assert residual.tolist() == [[[1.0, -1.0, 0.0]]]
    assert losses[0, 0] == 2e300


def test_labels_outside_the_classes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"labels must lie in 0\.\.2, got 0\.\.3"):
        layers.cross_entropy(np.zeros((1, 2, 3)), np.array([0, 3]))


def test_squared_loss() -> None:
    losses, residual = layers.squared(np.array([[[1.0, 2.0]]]), np.array([[0.0, 4.0]]))
    assert losses.tolist() == [[2.5]]
    assert residual.tolist() == [[[1.0, -2.0]]]


def test_strict_array_api_gives_the_same() -> None:
    rng = np.random.default_rng(2)
    x, W, b, dy = (rng.standard_normal(s) for s in [(2, 3, 4), (2, 4, 5), (2, 5), (2, 3, 5)])
    labels = np.array([[0, 1, 4], [2, 2, 3]])

    def all_of(*arrays: Any) -> list[Any]:
        a, w, c, d, which = arrays
        y = layers.dense(a, w, c)
        found = [y, *layers.dense_backward(a, w, d), *layers.cross_entropy(y, which), *layers.squared(y, d)]
        for name in layers.ACTIVATIONS:
            found += layers.activate(name, y)
        return found

    ours = all_of(x, W, b, dy, labels)
    theirs = all_of(*(strict.asarray(a) for a in (x, W, b, dy, labels)))
    for one, other in zip(ours, theirs, strict=True):
        assert np.allclose(one, np.asarray(other), rtol=1e-13, atol=1e-14)
