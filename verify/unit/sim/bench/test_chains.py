"""The workload of least-squares chains: its answer is the exact one, and the others' as well."""

from __future__ import annotations

import numpy as np
import pytest

from sim import engines, least_squares
from sim.bench import chains

ENGINES = [pytest.param(name, id=name) for name in engines.names()]


def _exact() -> float:
    p = chains.problem()
    return float(np.trace(least_squares.moments_after(p, p.optimum, chains.STEPS)[1]))


@pytest.mark.parametrize("name", ENGINES)
def test_answer_is_the_exact_trace(name: str) -> None:
    task = chains.prepare(chains.SETTINGS[0], engine=name)
    assert task.answer()[0] == pytest.approx(_exact(), rel=0.04)
    assert task.units == chains.CHAINS * chains.STEPS
    task.floor()


def test_the_others_are_given_batches() -> None:
    drawn = chains.indices()
    assert drawn.shape == (chains.STEPS, chains.CHAINS, 8)
    assert (np.diff(np.sort(drawn[::50, ::50], axis=2), axis=2) > 0).all()


@pytest.mark.parametrize(("peer", "library"), [("jax scan", "jax"), ("torch loop", "torch")])
def test_others_reach_the_exact_trace(peer: str, library: str) -> None:
    pytest.importorskip(library)
    other = chains.peers("batches given")[peer]()
    assert other.answer()[0] == pytest.approx(_exact(), rel=0.04)


def test_unknown_setting() -> None:
    for call in (chains.prepare, chains.peers):
        with pytest.raises(ValueError, match="unknown setting 'other': allowed are batches drawn, batches given"):
            call("other")
