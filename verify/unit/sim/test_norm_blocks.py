"""Norms as layers: against the kernels, tokens as samples, learned alpha, statistics seen and given; refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim import ghost, hybrid, norms
from sim.blocks import Pass
from sim.norm_blocks import COUPLED, KINDS, Norm


def _layer(kind: str, **more: Any) -> Norm:
    extra = {"group": {"groups": 2}, "ghost": {"size": 2}, "hybrid": {"alpha": 0.3}}.get(kind, {})
    return Norm(kind, **extra, **more)


def _parameters(seed: int, C: int = 4) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {"gamma": rng.random((2, C)) + 0.5, "beta": rng.standard_normal((2, C))}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_its_kernel(kind: str) -> None:
    p, x = _parameters(0), np.random.default_rng(1).standard_normal((2, 6, 4, 3, 2))
    y, _ = _layer(kind).forward(p, x, Pass())
    match kind:
        case "ghost":
            expected, _ = ghost.forward(x, size=2, **p)
        case "hybrid":
            expected, _ = hybrid.forward(x, alpha=0.3, **p)
        case _:
            expected, _ = norms.forward(kind, x, groups=2 if kind == "group" else None, **p)
    assert (y == expected).all()


@pytest.mark.parametrize("kind", [k for k in KINDS if k != "instance"])
def test_each_token_is_a_sample(kind: str) -> None:
    layer, p = _layer(kind), _parameters(2)
    x = np.random.default_rng(3).standard_normal((2, 3, 4, 4))
    y, tape = layer.forward(p, x, Pass())
    flat, other = layer.forward(p, x.reshape(2, 12, 4), Pass())
    assert (y == flat.reshape(y.shape)).all()
    dx, found = layer.backward(p, tape, x, True)
    dflat, others = layer.backward(p, other, x.reshape(2, 12, 4), True)
    assert (dx == dflat.reshape(x.shape)).all()
    assert all((found[name] == others[name]).all() for name in ("gamma", "beta"))


def test_a_learned_alpha_is_the_logistic_function() -> None:
    x = np.random.default_rng(4).standard_normal((2, 5, 4))
    layer = Norm("hybrid", affine=False)
    logit = np.array([[-800.0], [np.log(3.0)]])
    y, _ = layer.forward({"logit": logit}, x, Pass())
    expected, _ = hybrid.forward(x, alpha=np.array([0.0, 0.75]))
    assert np.allclose(y, expected, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("kind", COUPLED)
def test_statistics_are_seen_and_given(kind: str) -> None:
    layer, p = _layer(kind), _parameters(5)
    x = np.random.default_rng(6).standard_normal((2, 6, 4, 3, 1))
    mode = Pass(seen=[])
    trained, _ = layer.forward(p, x, mode)
    (seen,) = mode.seen or []
    assert seen.count == (6 if kind == "ghost" else 18)
    mean, var = norms.statistics("batch", x[:, :2] if kind == "ghost" else x)
    assert (seen.mean[:, 0] == mean).all()
    assert (seen.var[:, 0] == var).all()
    given = norms.Running(mean, var)
    y, tape = layer.forward(p, x, Pass(given=iter([given])))
    if kind != "ghost":
        # the two round differently
        assert np.allclose(y, trained, rtol=0, atol=1e-13)
    else:
        assert np.allclose(y[:, :2], trained[:, :2], rtol=0, atol=1e-13)
    alone, _ = layer.forward(p, x[:, :1], Pass(given=iter([given])))
    assert (alone == y[:, :1]).all()
    dx, _ = layer.backward(p, tape, np.ones_like(x), True)
    if kind != "hybrid":
        assert np.allclose(dx, (p["gamma"] / np.sqrt(var + 1e-5))[:, None, :, None, None], rtol=1e-14)


@pytest.mark.parametrize(
    ("kind", "more", "message"),
    [
        ("spectral", {}, "batch, layer, instance, group, rms, ghost, hybrid"),
        ("group", {}, "group norm needs groups"),
        ("ghost", {}, "ghost norm needs a size"),
        ("batch", {"groups": 2}, "groups is of group norm only, got groups=2 for batch"),
        ("layer", {"size": 2}, "size is of ghost norm only"),
        ("batch", {"alpha": 0.5}, "alpha is of hybrid norm only"),
        ("hybrid", {"alpha": 1.5}, r"alpha must lie in 0\.\.1, got 1\.5"),
        ("hybrid", {"reading": "both"}, "statistics, outputs"),
        ("batch", {"eps": -1.0}, "eps must be a finite number >= 0"),
    ],
)
def test_bad_descriptions_are_refused(kind: str, more: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Norm(kind, **more)


def test_one_image_is_a_batch_of_positions() -> None:
    mode = Pass(seen=[])
    x = np.random.default_rng(7).standard_normal((2, 1, 4, 3, 2))
    Norm("batch").forward(_parameters(8), x, mode)
    (seen,) = mode.seen or []
    assert seen.count == 6
    assert (seen.var[:, 0] == norms.statistics("instance", x)[1][:, 0]).all()
