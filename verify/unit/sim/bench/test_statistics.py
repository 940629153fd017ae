"""The workload of batch statistics: its answer is the exact one, and the others' as well."""

from __future__ import annotations

import numpy as np
import pytest

from sim import activations, engines
from sim.bench import statistics

ENGINES = [pytest.param(name, id=name) for name in engines.names()]


def _exact(setting: str) -> np.ndarray:
    found = activations.exact(statistics.LARGEST[setting], correlation=statistics.correlation(setting))
    assert found.sizes == statistics.sizes(setting)
    return np.concatenate([found.mean_square, found.variance, found.variance_square])


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("setting", statistics.SETTINGS)
def test_answer_is_the_exact_one(setting: str, name: str) -> None:
    task = statistics.prepare(setting, engine=name)
    assert task.answer() == pytest.approx(_exact(setting), rel=0.04)
    task.floor()


@pytest.mark.parametrize(("peer", "library"), [("jax each size", "jax"), ("torch tree", "torch")])
def test_others_reach_the_exact_answer(peer: str, library: str) -> None:
    pytest.importorskip(library)
    other = statistics.peers("independent")[peer]()
    assert other.answer() == pytest.approx(_exact("independent"), rel=0.05)


def test_unknown_setting() -> None:
    for call in (statistics.prepare, statistics.peers):
        with pytest.raises(ValueError, match="unknown setting 'other': allowed are independent, correlated"):
            call("other")
