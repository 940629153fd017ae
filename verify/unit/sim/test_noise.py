"""Gradient noise against the per-example gradients written out, by every method and engine."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim import engines, noise
from sim.networks import MLP

ENGINES = [pytest.param(name, id=name) for name in engines.names()]
NETWORKS = [
    MLP((5, 7, 4, 3), activation="relu"),
    MLP((5, 7, 3), activation="tanh"),
    MLP((5, 8, 3), activation="relu", norm="layer"),
    MLP((5, 8, 3), activation="gelu", norm="group", groups=2, loss="squared"),
    MLP((5, 3)),
]
SIZES = (1, 2, 9, 40)


def _problem(network: MLP, N: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(len(network.widths))
    x = rng.standard_normal((N, 5))
    y = rng.standard_normal((N, 3)) if network.loss == "squared" else rng.integers(0, 3, size=N)
    return network.initial(1, rng=rng) + 0.1, x, y


def _rng() -> np.random.Generator:
    return np.random.Generator(np.random.PCG64DXSM(5))


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("method", ["gram", "direct"])
@pytest.mark.parametrize("network", NETWORKS, ids=lambda n: f"{n.widths}-{n.norm}")
def test_every_quantity_written_out(network: MLP, method: str, name: str) -> None:
    theta, x, y = _problem(network)
    each = network.example_gradients(theta, x, y)[0]
    G, B = each.mean(axis=0), np.array(SIZES)
    found = noise.measure(
        network, theta, x, y, sizes=SIZES, R=25, dtype="float64", method=method, engine=name, rng=_rng()
    )
    assert found.method == method
    assert np.allclose(found.norms, (each**2).sum(axis=1), rtol=1e-12)
    assert found.square == pytest.approx(G @ G, rel=1e-12)
    assert found.trace == pytest.approx(((each - G) ** 2).sum(axis=1).mean(), rel=1e-11)
    batches = engines.choose(name).subsets.ordered(len(x), SIZES[-1], 25, rng=_rng())
    means = np.stack([each[batches[:, :b]].mean(axis=1) for b in B])
    assert np.allclose(found.squares.T, (means**2).sum(axis=2), rtol=1e-11)
    assert np.allclose(found.distances.T, ((means - G) ** 2).sum(axis=2), rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("name", ENGINES)
def test_float32_is_close(name: str) -> None:
    theta, x, y = _problem(NETWORKS[1])
    one, two = (
        noise.measure(NETWORKS[1], theta, x, y, sizes=SIZES, R=20, dtype=d, engine=name, rng=_rng())
        for d in ("float32", "float64")
    )
    assert one.trace == pytest.approx(two.trace, rel=1e-5)
    assert np.allclose(one.squares, two.squares, rtol=1e-4)


def test_the_mean_distance_is_the_law() -> None:
    """The law itself is the catalogue's; here its number, within five standard errors, and not a near miss."""
    theta, x, y = _problem(NETWORKS[0])
    found = noise.measure(NETWORKS[0], theta, x, y, sizes=(1, 9, 40), R=20_000, rng=_rng())
    N, B = len(x), np.array(found.sizes)
    mean, error = found.distances.mean(axis=0), found.distances.std(axis=0) / np.sqrt(20_000)
    assert (np.abs(mean - found.trace * (N - B) / (B * (N - 1))) < 5 * error).all()
    assert np.abs(mean - found.trace / B)[2] > 50 * error[2]


def test_a_batch_of_all_has_no_error() -> None:
    theta, x, y = _problem(NETWORKS[1], 20)
    found = noise.measure(NETWORKS[1], theta, x, y, sizes=(20,), R=3, dtype="float64", rng=_rng())
    assert np.abs(found.distances).max() < 1e-13


def test_without_batches() -> None:
    found = noise.measure(NETWORKS[1], *_problem(NETWORKS[1]))
    assert (found.method, found.squares.shape, found.distances.shape) == ("none", (0, 0), (0, 0))
    assert found.trace > 0


def test_the_method_follows_the_cost() -> None:
    network = MLP((64, 128, 128, 10), activation="relu")
    assert noise._cheaper(network, 1797, (1, 4, 16, 64, 256), 2000, 4) == "gram"
    assert noise._cheaper(network, 1797, (1,), 10, 4) == "direct"
    assert noise._cheaper(network, 30_000, (256,), 10**6, 4) == "direct", "the matrix would take 3.6 GB"


def _bad(**changed: Any) -> None:
    network = changed.pop("network", NETWORKS[0])
    theta, x, y = _problem(NETWORKS[0])
    given = {"theta": theta, "x": x, "y": y, "sizes": (2,), "R": 3, "rng": _rng(), **changed}
    noise.measure(network, given.pop("theta"), given.pop("x"), given.pop("y"), **given)


def test_refusals() -> None:
    theta, x, y = _problem(NETWORKS[0])
    holed = x.copy()
    holed[3, 1] = np.nan
    for changed, words in (
        ({"network": MLP((5, 7, 4, 3), norm="batch")}, "do not exist under batch norm"),
        ({"x": holed}, r"x must be finite, got nan at index \(3, 1\)"),
        ({"x": x[:, :4]}, r"x must have shape \(60, 5\), got \(60, 4\)"),
        ({"theta": theta[:, 1:]}, r"theta must have shape \(1, 89\), got \(1, 88\)"),
        ({"y": y + 1}, r"labels must lie in 0..2, got 1..3"),
        ({"sizes": (4, 2)}, r"batch sizes must increase, got \(4, 2\)"),
        ({"sizes": (2, 61)}, "batch size 61 exceeds the 60 samples"),
        ({"rng": None}, "need a stream"),
        ({"R": -1}, "number of batches R must be a whole number >= 0, got -1"),
        ({"method": "other"}, "allowed are auto, gram, direct"),
        ({"dtype": "float16"}, "allowed are float32, float64"),
        ({"theta": theta * 1e30}, "gradients overflow float32"),
    ):
        with pytest.raises(ValueError, match=words), np.errstate(all="ignore"):
            _bad(**changed)
