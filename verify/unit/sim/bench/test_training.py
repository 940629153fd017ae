"""The training workload: every contender takes the same steps."""

from __future__ import annotations

import numpy as np
import pytest

from sim.bench import training


def test_settings_are_batch_sizes_by_norms():
    assert len(training.SETTINGS) == 21
    assert training.SETTINGS[0] == "B=2 none" and training.SETTINGS[-2] == "B=128 hybrid"
    assert len(training.workload(training.SETTINGS[-1]).theta) == 256
    with pytest.raises(ValueError, match="unknown setting 'B=3 none'"):
        training.prepare("B=3 none")


def test_workload_is_the_same_each_time():
    a, b = (training.workload("B=8 group", replicas=3) for _ in range(2))
    np.testing.assert_array_equal(a.theta, b.theta)
    np.testing.assert_array_equal(a.batches, b.batches)
    assert a.batches.shape == (3, 200, 8) and a.theta.dtype == np.float32
    assert training.first_steps(a).shape == (3, 10, 8)


@pytest.mark.parametrize("setting", ("B=2 none", "B=8 batch", "B=8 layer", "B=8 group", "B=8 hybrid"))
@pytest.mark.parametrize("library", ("numba", "jax", "torch"))
def test_contenders_compute_the_same(setting, library, monkeypatch):
    pytest.importorskip(library)
    monkeypatch.setattr(training, "REPLICAS", 2)
    monkeypatch.setitem(training._STEPS, 2, 6)
    monkeypatch.setitem(training._STEPS, 8, 12)
    task = training.prepare(setting, engine="numpy")
    answer = task.answer()
    assert task.units == 2 * training._STEPS[int(setting[2])] and (answer > 0.1).all()
    if library == "numba":
        others = [training.prepare(setting, engine="numba")]
    else:
        found = training.peers(setting)
        others = [build() for name, build in found.items() if name.lower().startswith(library)]
        assert {other.name for other in others} <= set(found)
    assert others
    for other in others:
        np.testing.assert_allclose(other.answer(), answer, rtol=task.tolerance)
