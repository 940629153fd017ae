"""The curvature workload: what it computes, and that others compute the same."""

from __future__ import annotations

import numpy as np
import pytest

from sim import tangents
from sim.bench import curvature


def test_the_product_is_that_of_the_plain_form() -> None:
    task = curvature.prepare("product")
    theta, X, y, v = curvature.point()
    wide = [a.astype(np.float64) for a in (theta[None], v[None], X)]
    plain = tangents.product(tangents.primal(curvature.NETWORK, wide[0], wide[2], y), wide[1])[0]
    assert np.allclose(task.answer(), [np.linalg.norm(plain), v @ plain], rtol=task.tolerance / 20)
    assert len(task.work()) == task.units == curvature.PRODUCTS
    task.floor()


@pytest.mark.parametrize("setting", curvature.SETTINGS[1:])
def test_the_eigenvalue_is_certified_to_the_tolerance(setting: str) -> None:
    task = curvature.prepare(setting, threads=2)
    first, second = task.work()
    assert task.units == 2
    for ritz in (first, second):
        assert ritz.converged
        assert ritz.residuals[0] <= curvature.RTOL[setting] * ritz.values[0]
    # two replicas with the same parameters and streams of their own
    assert abs(first.values[0] - second.values[0]) <= first.residuals[0] + second.residuals[0]
    assert task.answer()[0] == first.values[0]
    assert f"{first.products} Hessian products" in task.floor_words


@pytest.mark.parametrize(
    ("setting", "peer"),
    [
        (curvature.SETTINGS[0], "jax_linearize"),
        (curvature.SETTINGS[0], "torch_double_backward"),
        (curvature.SETTINGS[1], "jax_jvp_grad"),
        (curvature.SETTINGS[2], "torch_double_backward"),
    ],
)
def test_peers_give_the_same_answer(setting: str, peer: str) -> None:
    pytest.importorskip(peer.split("_")[0])
    task, contender = curvature.prepare(setting), curvature.peers(setting)[peer]()
    contender.work()
    assert np.allclose(contender.answer(), task.answer(), rtol=task.tolerance)


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("peer", ["pyhessian", "curvlinops"])
def test_packages_give_the_same_eigenvalue(peer: str) -> None:
    pytest.importorskip(peer)
    task, contender = curvature.prepare(curvature.SETTINGS[2]), curvature.peers(curvature.SETTINGS[2])[peer]()
    assert np.allclose(contender.answer(), task.answer(), rtol=task.tolerance)


def test_unknown_settings_are_refused() -> None:
    for function in (curvature.prepare, curvature.peers):
        with pytest.raises(ValueError, match="unknown setting 'x': allowed are product, largest eigenvalue,"):
            function("x")
