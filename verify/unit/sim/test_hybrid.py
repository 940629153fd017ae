"""Hybrid norm by its definition, at its ends, by finite differences; the strict array API; refusals."""

from __future__ import annotations

from typing import Any

import array_api_strict as strict
import numpy as np
import pytest

from sim import hybrid, norms
from verify.unit.sim.test_layers import STEP, slope


def _arrays(seed: int, shape: tuple[int, ...] = (2, 3, 4, 2)) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    C = shape[2]
    return [rng.standard_normal(shape) * 2 + 1, rng.random((2, C)) + 0.5, rng.standard_normal((2, C)), rng.random(2),
            rng.standard_normal(shape)]  # fmt: skip


@pytest.mark.parametrize("reading", hybrid.READINGS)
def test_output_by_the_definition(reading: str) -> None:
    x, gamma, beta, alpha, _ = _arrays(0)
    y, _ = hybrid.forward(x, alpha=alpha, reading=reading, eps=0.1, gamma=gamma, beta=beta)
    for r, b, c in np.ndindex(2, 3, 4):
        a, batch, sample = alpha[r], x[r, :, c], x[r, b]
        if reading == "statistics":
            mean = a * batch.mean() + (1 - a) * sample.mean()
            found = (x[r, b, c] - mean) / np.sqrt(a * batch.var() + (1 - a) * sample.var() + 0.1)
        else:
            found = a * (x[r, b, c] - batch.mean()) / np.sqrt(batch.var() + 0.1)
            found = found + (1 - a) * (x[r, b, c] - sample.mean()) / np.sqrt(sample.var() + 0.1)
        assert np.allclose(y[r, b, c], found * gamma[r, c] + beta[r, c], rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("shape", [(2, 3, 4), (2, 3, 4, 2)])
@pytest.mark.parametrize("reading", hybrid.READINGS)
def test_backward_by_finite_differences(reading: str, shape: tuple[int, ...]) -> None:
    x, gamma, beta, alpha, dy = _arrays(1, shape)

    def value(a: np.ndarray, g: np.ndarray, c: np.ndarray, w: np.ndarray) -> float:
        return float((hybrid.forward(a, alpha=w, reading=reading, eps=0.1, gamma=g, beta=c)[0] * dy).sum())

    _, cache = hybrid.forward(x, alpha=alpha, reading=reading, eps=0.1, gamma=gamma, beta=beta)
    dx, dgamma, dbeta, dalpha = hybrid.backward(cache, dy)
    # truncation STEP^2 |f'''| / 6 with |f'''| < 500, rounding 50 roundoffs of |f| < 100 over STEP
    atol = 500 * STEP**2 / 6 + 50 * 1.2e-16 * 100 / STEP
    assert np.allclose(dx, slope(lambda a: value(a, gamma, beta, alpha), x), rtol=0, atol=atol)
    assert np.allclose(dgamma.sum(axis=1), slope(lambda a: value(x, a, beta, alpha), gamma), rtol=0, atol=atol)
    assert np.allclose(dbeta.sum(axis=1), slope(lambda a: value(x, gamma, a, alpha), beta), rtol=0, atol=atol)
    assert np.allclose(dalpha, slope(lambda a: value(x, gamma, beta, a), alpha), rtol=0, atol=atol)


@pytest.mark.parametrize("reading", hybrid.READINGS)
@pytest.mark.parametrize(("alpha", "kind"), [(1.0, "batch"), (0.0, "layer")])
def test_the_ends_are_batch_and_layer_norm(reading: str, alpha: float, kind: str) -> None:
    x, gamma, beta, _, dy = _arrays(2)
    y, cache = hybrid.forward(x, alpha=alpha, reading=reading, gamma=gamma, beta=beta)
    expected, other = norms.forward(kind, x, gamma=gamma, beta=beta)
    assert np.allclose(y, expected, rtol=0, atol=1e-13)
    for one, two in zip(hybrid.backward(cache, dy), norms.backward(other, dy), strict=False):
        assert np.allclose(one, two, rtol=0, atol=1e-12)


@pytest.mark.parametrize("reading", hybrid.READINGS)
def test_frozen_statistics_take_the_batch_s_place(reading: str) -> None:
    x, gamma, _, alpha, dy = _arrays(3)
    running = norms.Running(*norms.statistics("batch", x))
    more: dict[str, Any] = {"alpha": alpha, "reading": reading, "eps": 0.1, "gamma": gamma}
    y, cache = hybrid.forward_frozen(x, running, **more)
    # given means are rounded once more, by half a unit in the last place of numbers below 4
    assert np.allclose(y, hybrid.forward(x, **more)[0], rtol=0, atol=1e-14)
    alone, _ = hybrid.forward_frozen(x[:, :1], running, **more)
    assert (alone == y[:, :1]).all()
    found = slope(lambda a: float((hybrid.forward_frozen(a, running, **more)[0] * dy).sum()), x)
    atol = 500 * STEP**2 / 6 + 50 * 1.2e-16 * 100 / STEP
    assert np.allclose(hybrid.backward(cache, dy)[0], found, rtol=0, atol=atol)


@pytest.mark.parametrize("reading", hybrid.READINGS)
def test_strict_array_api_gives_the_same(reading: str) -> None:
    arrays = _arrays(4)

    def all_of(x: Any, gamma: Any, beta: Any, alpha: Any, dy: Any) -> list[Any]:
        y, cache = hybrid.forward(x, alpha=alpha, reading=reading, gamma=gamma, beta=beta)
        return [y, *hybrid.backward(cache, dy)]

    theirs = all_of(*(strict.asarray(a) for a in arrays))
    for one, other in zip(all_of(*arrays), theirs, strict=True):
        assert np.allclose(one, np.asarray(other), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"alpha": 1.5}, r"alpha must lie in 0\.\.1, got 1\.5"),
        ({"alpha": float("nan")}, r"alpha must lie in 0\.\.1, got nan"),
        ({"alpha": np.ones(3)}, r"alpha must be a number or have shape \(2,\), got \(3,\)"),
        ({"alpha": 0.5, "reading": "both"}, "statistics, outputs"),
        ({"alpha": 0.5, "eps": -1.0}, r"eps must be a finite number >= 0, got -1\.0"),
        ({"alpha": 0.5, "gamma": np.ones(5)}, r"gamma must have shape \(4,\) or \(2, 4\), got \(5,\)"),
    ],
)
def test_bad_arguments_are_refused(more: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        hybrid.forward(_arrays(5)[0], **more)


def test_bad_values_are_refused() -> None:
    x = _arrays(6)[0]
    with pytest.raises(ValueError, match="batch statistics needs at least 2"):
        hybrid.forward(x[:, :1, :, 0], alpha=0.5)
    with pytest.raises(ValueError, match="zero variance with eps = 0"):
        hybrid.forward(np.ones((2, 3, 4)), alpha=0.5, eps=0.0)
    _, cache = hybrid.forward(x, alpha=0.5)
    with pytest.raises(ValueError, match="dy must have the input's shape"):
        hybrid.backward(cache, x[:, :2])
    x[0, 1, 2, 0] = np.inf
    with pytest.raises(ValueError, match=r"got inf at index \(0, 1, 2, 0\)"):
        hybrid.forward(x, alpha=0.5)
