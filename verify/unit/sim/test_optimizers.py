"""Optimizers on a quadratic, against their recursions written out with plain numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from sim.optimizers import Optimizer

ETA, BETA, H = 0.1, 0.9, 2.0


def run(optimizer: Optimizer, steps: int) -> list[float]:
    theta = np.array([[1.0]])
    state = optimizer.start(theta)
    path = []
    for _ in range(steps):
        theta, state = optimizer.step(theta, H * theta, state)
        path.append(theta.item())
    return path


def test_sgd_contracts_by_one_factor() -> None:
    assert run(Optimizer("sgd", ETA), 3) == pytest.approx([0.8, 0.64, 0.512], rel=1e-14)


def test_heavy_ball_follows_its_two_term_recursion() -> None:
    path = [1.0, *run(Optimizer("heavy_ball", ETA, BETA), 6)]
    assert path[1] == pytest.approx(0.8)
    for a, b, c in zip(path, path[1:], path[2:], strict=False):
        assert c == pytest.approx(b - ETA * H * b + BETA * (b - a), rel=1e-12)


def test_nesterov_follows_its_lookahead_recursion() -> None:
    theta, v, expected = 1.0, 0.0, []
    for _ in range(5):
        v = BETA * v + H * theta
        theta -= ETA * (H * theta + BETA * v)
        expected.append(theta)
    assert run(Optimizer("nesterov", ETA, BETA), 5) == pytest.approx(expected, rel=1e-13)
    assert run(Optimizer("nesterov", ETA, BETA), 5) != pytest.approx(run(Optimizer("heavy_ball", ETA, BETA), 5))


def test_adam_by_hand() -> None:
    theta, m, s, expected = 1.0, 0.0, 0.0, []
    for t in range(1, 5):
        g = H * theta
        m, s = 0.9 * m + 0.1 * g, 0.99 * s + 0.01 * g * g
        theta -= ETA * (m / (1 - 0.9**t)) / (math.sqrt(s / (1 - 0.99**t)) + 1e-8)
        expected.append(theta)
    assert run(Optimizer("adam", ETA, 0.9, beta2=0.99), 4) == pytest.approx(expected, rel=1e-13)


def test_weight_decay_is_decoupled() -> None:
    path = run(Optimizer("adam", ETA, lam=0.5), 1)
    assert path[0] == pytest.approx(run(Optimizer("adam", ETA), 1)[0] - ETA * 0.5, rel=1e-12)


def test_step_size_by_replica() -> None:
    theta = np.ones((2, 1))
    optimizer = Optimizer("sgd", np.array([0.1, 0.2]))
    assert optimizer.step(theta, theta, optimizer.start(theta))[0][:, 0] == pytest.approx([0.9, 0.8])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("adagrad", 0.1), "sgd, heavy_ball, nesterov, adam"),
        (("sgd", 0.0), "eta must be a finite number > 0, got 0"),
        (("sgd", float("nan")), "eta"),
        (("sgd", np.array([0.1, -1.0])), r"got -1\.0"),
        (("sgd", 0.1, 0.5), "sgd has no momentum"),
        (("heavy_ball", 0.1, 1.0), r"beta must lie in \[0, 1\), got 1\.0"),
        (("adam", 0.1, 0.9, 1.0), "beta2"),
        (("adam", 0.1, 0.9, 0.9, 0.0), "eps > 0"),
        (("sgd", 0.1, 0.0, 0.9, 1e-8, -1.0), "lam must be >= 0"),
    ],
)
def test_bad_settings_are_refused(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Optimizer(*arguments)
