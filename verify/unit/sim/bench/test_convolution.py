"""The workload of deeper, wider and convolutional networks: what is counted, and that others compute the same."""

from __future__ import annotations

import numpy as np
import pytest

from sim.bench import convolution
from sim.optimizers import Optimizer
from sim.training import train


@pytest.mark.parametrize(
    ("setting", "engine"),
    [("conv B=8", "numpy"), ("conv B=8", "numba"), ("conv batch B=32", "numpy"), ("width 512 B=8", "numpy")],
)
def test_the_answer_is_that_of_plain_training_in_double_precision(setting: str, engine: str) -> None:
    if engine == "numba":
        pytest.importorskip("numba")
    task, small = convolution.prepare(setting, engine=engine), convolution.workload(setting).small
    plain = train(
        small.network,  # type: ignore[arg-type]
        small.theta.astype(np.float64),
        small.X.astype(np.float64),
        small.y,
        small.batches,
        optimizer=Optimizer("heavy_ball", convolution.ETA, beta=convolution.BETA),
    )
    # float32 against float64 over five steps
    assert np.allclose(task.answer(), convolution.summary(plain.losses.T), rtol=task.tolerance / 10)
    R, T, _ = convolution.workload(setting).batches.shape
    assert task.units == R * T


@pytest.mark.parametrize("setting", ["depth 20 B=8", "conv batch B=32"])
def test_the_engines_give_the_same_answer(setting: str) -> None:
    pytest.importorskip("numba")
    one, two = (convolution.prepare(setting, engine=engine, threads=2) for engine in ("numpy", "numba"))
    assert np.allclose(one.answer(), two.answer(), rtol=one.tolerance / 10)


def test_operations_by_hand() -> None:
    conv = 2 * 16 * 9 * 64, 2 * 32 * 144 * 64, 2 * 512 * 10
    assert convolution._flop(convolution.workload("conv B=8", replicas=1).network) == 3 * sum(conv) - conv[0]
    wide = 2 * 64 * 512, 2 * 512 * 512, 2 * 512 * 10
    assert convolution._flop(convolution.workload("width 512 B=8", replicas=1).network) == 3 * sum(wide) - wide[0]


@pytest.mark.parametrize(
    ("setting", "peer"),
    [
        ("conv B=8", "JAX lax.map, columns by hand"),
        ("width 512 B=8", "JAX scan of vmap"),
        ("conv batch B=32", "torch all replicas by hand"),
        ("conv B=8", "torch replica after replica"),
        ("depth 20 B=8", "torch all replicas by hand"),
    ],
)
def test_peers_give_the_same_answer(setting: str, peer: str) -> None:
    pytest.importorskip(peer.split()[0].lower())
    contender = convolution.peers(setting)[peer]()
    assert contender.name == peer
    assert np.allclose(contender.answer(), convolution.prepare(setting, engine="numpy").answer(), rtol=1e-4)


def test_unknown_settings_are_refused() -> None:
    for function in (convolution.prepare, convolution.peers):
        with pytest.raises(ValueError, match="unknown setting 'x': allowed are conv B=8, conv B=32"):
            function("x")
