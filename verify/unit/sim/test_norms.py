"""Normalization layers: against plain loops, finite differences, the strict array API; refusals."""

from __future__ import annotations

from typing import Any

import array_api_strict as strict
import numpy as np
import pytest

from sim import norms
from verify.unit.sim.test_layers import STEP, slope

CASES: list[tuple[str, int | None]] = [
    ("batch", None),
    ("layer", None),
    ("instance", None),
    ("group", 2),
    ("rms", None),
]


def pooled(kind: str, x: np.ndarray, groups: int | None, r: int, b: int, c: int) -> np.ndarray:
    """Return the entries that share a statistic with channel c of example b, by the definition of each layer."""
    C = x.shape[2]
    match kind:
        case "batch":
            return x[r, :, c].reshape(-1)
        case "instance":
            return x[r, b, c].reshape(-1)
        case "group":
            width = C // (groups or 1)
            first = c // width * width
            return x[r, b, first : first + width].reshape(-1)
    return x[r, b].reshape(-1)


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (1, 4, 4, 2), (2, 3, 4, 2, 3)])
@pytest.mark.parametrize(("kind", "groups"), CASES)
def test_output_by_the_definition(kind: str, groups: int | None, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    x, gamma, beta = rng.standard_normal(shape) * 3 + 2, rng.random(4) + 0.5, rng.standard_normal(4)
    y, _ = norms.forward(kind, x, groups=groups, eps=0.1, gamma=gamma, beta=beta)
    for r, b, c in np.ndindex(*shape[:3]):
        entries = pooled(kind, x, groups, r, b, c)
        mean = 0.0 if kind == "rms" else entries.mean()
        var = ((entries - mean) ** 2).mean()
        expected = (x[r, b, c] - mean) / np.sqrt(var + 0.1) * gamma[c] + beta[c]
        assert np.allclose(y[r, b, c], expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(
    ("kind", "groups", "shape"),
    [
        ("batch", None, (2, 4)),
        ("layer", None, (2, 3)),
        ("rms", None, (2, 3)),
        ("instance", None, (2, 3, 4)),
        ("group", 2, (2, 3, 2)),
    ],
)
def test_statistics_shapes_and_values(kind: str, groups: int | None, shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(1).standard_normal((2, 3, 4, 5))
    mean, var = norms.statistics(kind, x, groups=groups)
    assert mean.shape == var.shape == shape
    entries = pooled(kind, x, groups, 1, 0, 0)
    last = (1, 0) if kind == "batch" else (1, 0, 0)[: len(shape)]
    expected = np.mean(entries**2) if kind == "rms" else entries.var()
    assert var[last] == pytest.approx(expected, rel=1e-13)
    assert mean[last] == pytest.approx(0 if kind == "rms" else entries.mean(), abs=1e-14)


@pytest.mark.parametrize(("kind", "groups"), CASES)
def test_backward_by_finite_differences(kind: str, groups: int | None) -> None:
    rng = np.random.default_rng(3)
    x, gamma, beta = rng.standard_normal((2, 3, 4, 2)), rng.random((2, 4)) + 0.5, rng.standard_normal((2, 4))
    dy = rng.standard_normal(x.shape)

    def value(a: np.ndarray, g: np.ndarray, c: np.ndarray) -> float:
        return float((norms.forward(kind, a, groups=groups, eps=0.1, gamma=g, beta=c)[0] * dy).sum())

    _, cache = norms.forward(kind, x, groups=groups, eps=0.1, gamma=gamma, beta=beta)
    dx, dgamma, dbeta = norms.backward(cache, dy)
    # truncation STEP^2 |f'''| / 6 with |f'''| < 500 here, rounding 50 roundoffs of |f| < 100 over STEP
    atol = 500 * STEP**2 / 6 + 50 * 1.2e-16 * 100 / STEP
    assert np.allclose(dx, slope(lambda a: value(a, gamma, beta), x), rtol=0, atol=atol)
    assert np.allclose(dgamma.sum(axis=1), slope(lambda a: value(x, a, beta), gamma), rtol=0, atol=atol)
    assert np.allclose(dbeta.sum(axis=1), slope(lambda a: value(x, gamma, a), beta), rtol=0, atol=atol)


def test_frozen_statistics_forward_and_backward() -> None:
    rng = np.random.default_rng(4)
    x, dy = rng.standard_normal((2, 3, 4, 2)), rng.standard_normal((2, 3, 4, 2))
    running = norms.Running(rng.standard_normal((2, 4)), rng.random((2, 4)))
    gamma = rng.random(4) + 0.5
    y, cache = norms.forward_frozen(x, running, eps=0.1, gamma=gamma)
    scale = gamma / np.sqrt(running.var + 0.1)
    assert np.allclose(y, (x - running.mean[:, None, :, None]) * scale[:, None, :, None], rtol=1e-13)
    assert np.allclose(norms.backward(cache, dy)[0], dy * scale[:, None, :, None], rtol=1e-13)
    single, _ = norms.forward_frozen(x[:, :1, :, :1], running)
    assert single.shape == (2, 1, 4, 1)


@pytest.mark.parametrize("value", [0.1, 3e15, -7e-300, 1e150])
@pytest.mark.parametrize(("kind", "groups"), [case for case in CASES if case[0] != "rms"])
def test_constant_input_gives_exactly_zero(kind: str, groups: int | None, value: float) -> None:
    x = np.full((1, 3, 4, 7), value)
    assert not norms.forward(kind, x, groups=groups)[0].any()
    mean, var = norms.statistics(kind, x, groups=groups)
    assert not var.any()
    assert (mean == value).all()


def test_running_statistics_state_both_conventions() -> None:
    zero = norms.Running(np.zeros((1, 1)), np.ones((1, 1)))
    mean, var = np.full((1, 1), 4.0), np.full((1, 1), 3.0)
    plain = norms.update_running(zero, mean, var, count=4, new_weight=0.25, bessel=False)
    assert (plain.mean.item(), plain.var.item()) == (1.0, 1.5)
    bessel = norms.update_running(zero, mean, var, count=4, new_weight=0.25, bessel=True)
    assert bessel.var.item() == 0.75 + 0.25 * 4.0
    with pytest.raises(ValueError, match=r"new_weight must lie in 0\.\.1, got 1\.5"):
        norms.update_running(zero, mean, var, count=4, new_weight=1.5, bessel=False)
    with pytest.raises(ValueError, match="count must be at least 2, got 1"):
        norms.update_running(zero, mean, var, count=1, new_weight=0.5, bessel=True)


@pytest.mark.parametrize(
    ("kind", "shape", "more", "message"),
    [
        ("batch", (1, 1, 3), {}, "batch statistics needs at least 2 samples per channel, got 1"),
        ("instance", (1, 4, 3), {}, "at least 2 samples per channel"),
        ("layer", (1, 4, 1), {}, "layer statistics needs at least 2"),
        ("group", (1, 4, 6), {"groups": 4}, "6 channels cannot be split into 4 groups"),
        ("group", (1, 4, 6), {}, "number of groups >= 1, got None"),
        ("group", (1, 4, 6), {"groups": 6}, "at least 2 samples per group"),
        ("batch", (1, 4, 6), {"groups": 2}, "batch norm has no groups"),
        ("other", (1, 4, 6), {}, "batch, layer, instance, group, rms"),
        ("batch", (4, 6), {}, r"shape \(R, B, C, \.\.\.\)"),
        ("batch", (1, 0, 6), {}, "without empty axes"),
        ("batch", (1, 4, 6), {"eps": -1e-5}, "eps must be a finite number >= 0, got -1e-05"),
        ("batch", (1, 4, 6), {"eps": float("nan")}, "eps"),
        ("batch", (1, 4, 6), {"gamma": np.ones(5)}, r"shape \(6,\) or \(1, 6\), got \(5,\)"),
    ],
)
def test_bad_arguments_are_refused(kind: str, shape: tuple[int, ...], more: dict[str, Any], message: str) -> None:
    x = np.random.default_rng(5).standard_normal(shape)
    with pytest.raises(ValueError, match=message):
        norms.forward(kind, x, **more)


def test_bad_values_are_refused() -> None:
    x = np.ones((1, 4, 2))
    with pytest.raises(ValueError, match=r"zero variance in block .* with eps = 0"):
        norms.forward("batch", x, eps=0.0)
    with pytest.raises(ValueError, match="real floating"):
        norms.forward("batch", np.ones((1, 4, 2), dtype=np.int64))
    with pytest.raises(ValueError, match="overflows float64"), np.errstate(over="ignore"):
        norms.forward("batch", np.array([[[1e200], [-1e200]]]))
    x[0, 2, 1] = np.nan
    with pytest.raises(ValueError, match=r"got nan at index \(0, 2, 1\)"):
        norms.statistics("layer", x)
    _, cache = norms.forward("layer", np.ones((1, 4, 2)))
    with pytest.raises(ValueError, match="dy must have the input's shape"):
        norms.backward(cache, np.ones((1, 4, 3)))


@pytest.mark.parametrize(("kind", "groups"), CASES)
def test_strict_array_api_gives_the_same(kind: str, groups: int | None) -> None:
    rng = np.random.default_rng(6)
    arrays = [
        rng.standard_normal((2, 3, 4, 2)),
        rng.random(4),
        rng.random((2, 4)),
        rng.standard_normal((2, 3, 4, 2)),
    ]

    def all_of(x: Any, gamma: Any, beta: Any, dy: Any) -> list[Any]:
        y, cache = norms.forward(kind, x, groups=groups, gamma=gamma, beta=beta)
        found = [y, *norms.backward(cache, dy), *norms.statistics(kind, x, groups=groups)]
        if kind == "batch":
            running = norms.Running(*norms.statistics(kind, x))
            found += norms.forward_frozen(x, running)[0:1]
            moved = norms.update_running(running, running.mean, running.var, count=6, new_weight=0.1, bessel=True)
            found += [moved.mean, moved.var]
        return found

    theirs = all_of(*(strict.asarray(a) for a in arrays))
    for one, other in zip(all_of(*arrays), theirs, strict=True):
        assert np.allclose(one, np.asarray(other), rtol=1e-13, atol=1e-14)


def test_single_precision_stays_single() -> None:
    x = np.random.default_rng(7).standard_normal((1, 4, 3)).astype(np.float32)
    assert norms.forward("batch", x)[0].dtype == np.float32
