"""The features of batches tell a sampler without replacement from others."""

from __future__ import annotations

import numpy as np
import pytest

from sim import bench, designs
from sim.bench import sampler


@pytest.mark.parametrize("setting", sampler.SETTINGS)
def test_two_streams_agree(setting: str) -> None:
    task = sampler.prepare(setting)
    assert bench.deviation(task.answer(), task.answer()) < task.tolerance


@pytest.mark.parametrize("setting", sampler.SETTINGS)
def test_batches_with_replacement_do_not(setting: str) -> None:
    N, B = sampler.sizes(setting)
    task, rng = sampler.prepare(setting), np.random.default_rng(1)
    found = sampler.features(designs.draw("wr", N, B, sampler.INDICES // B, rng=rng), N)
    assert bench.deviation(task.answer(), found) > task.tolerance or N / B > 200  # 8 of 1797: hardly ever a repeat
    assert found[2] < 1


def test_the_keys_of_numpy_agree() -> None:
    task = sampler.prepare("N=64 B=8")
    peer = sampler.peers("N=64 B=8")["NumPy random keys"]()
    assert bench.deviation(task.answer(), peer.answer()) < task.tolerance


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown setting 'N=3'"):
        sampler.prepare("N=3")
