"""The gradient-noise workload: what it computes, what the others are given, and that they compute the same."""

from __future__ import annotations

import numpy as np
import pytest

from sim import engines, observables
from sim.bench import noise_trace

ENGINES = [pytest.param(name, id=name) for name in engines.names()]


@pytest.mark.parametrize("name", ENGINES)
def test_answers_are_those_of_the_observables(name: str) -> None:
    theta, X, y = noise_trace.point()
    trace, square = observables.gradient_trace(
        noise_trace.NETWORK, theta.astype(np.float64), X.astype(np.float64), y
    )
    found = noise_trace.prepare("exact", engine=name).answer()
    assert found == pytest.approx([trace[0], square[0]], rel=1e-4)
    task = noise_trace.prepare("exact and batches", engine=name)
    B, N = np.array(noise_trace.SIZES), len(X)
    law = trace[0] * (N - B) / (B * (N - 1))
    assert task.answer() == pytest.approx([trace[0], square[0], *law], rel=0.03)
    assert task.units == 10_000
    task.floor()


def test_the_others_are_given_batches() -> None:
    drawn = noise_trace.batches()
    assert drawn.shape == (2_000, 256)
    assert (np.diff(np.sort(drawn, axis=1), axis=1) > 0).all()


@pytest.mark.parametrize(("peer", "library"), [("jax by hand", "jax"), ("torch by hand", "torch")])
def test_others_compute_the_same(peer: str, library: str) -> None:
    pytest.importorskip(library)
    task = noise_trace.prepare("exact", engine="numpy")
    other = noise_trace.peers("exact")[peer]()
    assert other.answer() == pytest.approx(task.answer(), rel=task.tolerance)


def test_unknown_setting() -> None:
    for call in (noise_trace.prepare, noise_trace.peers):
        with pytest.raises(ValueError, match="unknown setting 'other': allowed are exact, exact and batches"):
            call("other")
