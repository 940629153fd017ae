"""The frozen network: trained, rounded, and its gradients on the grid."""

from __future__ import annotations

import hashlib

import numpy as np

from sim import data, frozen
from sim.populations import population


def test_parameters_are_dyadic_and_trained() -> None:
    theta = frozen.parameters()
    assert (theta * 1024 == np.round(theta * 1024)).all()
    X, y = data.load("digits")
    accuracy = float((frozen.NETWORK.outputs(theta, X)[0].argmax(axis=1) == y).mean())
    assert 0.85 < accuracy < 0.99


def test_gradients_lie_on_the_grid_and_are_pinned() -> None:
    g = frozen.gradients("digits8") * frozen.GRADIENT_GRID
    assert g.shape == (8, frozen.SIZE)
    assert (g == np.round(g)).all()
    assert hashlib.sha256(g.astype(np.int32).tobytes()).hexdigest()[:16] == "bb83bb6e47a07731"


def test_eight_digits_have_eight_classes() -> None:
    assert len(set(data.load("digits")[1][list(frozen.EIGHT)].tolist())) == 8


def test_eight_gradients_are_rows_of_all() -> None:
    assert (frozen.gradients("digits8") == frozen.gradients("digits")[list(frozen.EIGHT)]).all()


def test_sums_of_gradients_are_exact_in_single_precision() -> None:
    g = frozen.gradients("digits")
    assert np.abs(g).sum(axis=0).max() * frozen.GRADIENT_GRID < 2**24
    assert (g.astype(np.float32).sum(axis=0).astype(np.float64) == g.sum(axis=0)).all()


def test_scalar_populations_lie_on_the_grid_and_leave_room_to_multiply() -> None:
    for name in ("direction:0", "direction:7", "coordinate:300"):
        x = population(f"digits:gradient:{name}") * frozen.SCALAR_GRID
        assert (x == np.round(x)).all()
        # N times any sum stays whole below 2^53
        assert len(x) * np.abs(x).sum() < 2**53
    z = frozen.preactivations("digits") * 2**14
    assert (z == np.round(z)).all()
    assert np.abs(z).max() < 2**20


def test_directions_are_unit_vectors_and_differ() -> None:
    u, v = frozen.direction(0), frozen.direction(1)
    assert abs(u @ u - 1) < 1e-12
    assert abs(u @ v) < 0.2
    along = frozen.along("digits8", 0)
    assert np.allclose(along, frozen.gradients("digits8") @ u, rtol=0, atol=2.0**-24)
