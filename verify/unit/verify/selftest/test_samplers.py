"""The sampler's own laws catch every broken sampler and pass the honest one."""

from __future__ import annotations

import numpy as np
import pytest

from verify.selftest import samplers

N_BATCHES = 30_000


@pytest.mark.parametrize(("N", "B"), [(12, 4), (20, 7), (64, 3), (64, 32), (7, 7), (9, 1), (300, 40)])
def test_the_honest_sampler_passes(N: int, B: int) -> None:
    found = samplers.examine(samplers.HONEST, N, B, 20_000, rng=np.random.default_rng(N))
    assert not found.caught and found.broken == ""
    assert found.items is not None and (found.pairs is not None) == (N <= 80 and B > 1)


@pytest.mark.parametrize("name", samplers.MUTANTS)
def test_every_mutant_is_caught(name: str) -> None:
    found = samplers.examine(samplers.MUTANTS[name], *samplers.FAULTY_SIZE, N_BATCHES, rng=np.random.default_rng(0))
    assert found.caught


def test_neighbors_are_caught_by_pairs_alone() -> None:
    found = samplers.examine(samplers.MUTANTS["neighbors"], 12, 5, N_BATCHES, rng=np.random.default_rng(0))
    assert found.items is not None and found.items < 5 and found.pairs is not None and found.pairs > 1000


def test_an_index_outside_the_population_is_said() -> None:
    found = samplers.examine(lambda N, B, n, rng: np.full((n, B), N), 5, 1, 3, rng=np.random.default_rng(0))
    assert found.caught and "outside 0..4" in found.broken


def test_the_table_agrees(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    rows = samplers.table(2000, seed=1)
    assert len(rows) == 5 + len(samplers.MUTANTS)
    monkeypatch.setattr(samplers, "table", lambda: rows)
    assert samplers.main() == 1  # 2000 batches are too few for the subtle mutants
    assert "one item short" in capsys.readouterr().out
