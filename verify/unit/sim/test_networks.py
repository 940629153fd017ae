"""Networks: layout, gradients by differences, per-example gradients sum to the batch gradient."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import array_api_strict as strict
import numpy as np
import pytest

from sim.networks import MLP, mean_gradient
from verify.unit.sim.test_layers import STEP, slope

NETWORKS = [
    MLP((3, 4, 2)),
    MLP((3, 4, 4, 2), activation="gelu", norm="layer", eps=0.1),
    MLP((3, 4, 2), activation="tanh", norm="group", groups=2, eps=0.1, loss="squared"),
    MLP((3, 4, 2), activation="tanh", norm="rms", eps=0.1),
    MLP((3, 4, 2), activation="linear", norm="batch", eps=0.1),
    MLP((3, 2), loss="squared"),
]


def problem(network: MLP, R: int = 2, B: int = 5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(8)
    theta = network.initial(R, rng=rng) + 0.1 * rng.standard_normal((R, network.size))
    x = rng.standard_normal((R, B, network.widths[0]))
    if network.loss == "squared":
        return theta, x, rng.standard_normal((R, B, network.widths[-1]))
    return theta, x, rng.integers(0, network.widths[-1], size=(R, B))


def test_layout_covers_the_vector_once() -> None:
    network = NETWORKS[1]
    slots = network.slots
    assert slots[0].start == 0
    assert all(a.stop == b.start for a, b in pairwise(slots))
    assert network.size == 3 * 4 + 4 + 8 + 4 * 4 + 4 + 8 + 4 * 2 + 2
    theta = network.initial(2, rng=np.random.default_rng(0))
    views = network.views(theta)
    assert (views[0, "gamma"] == 1).all()
    assert not views[1, "b"].any()
    views[0, "W"][:] = 7
    assert (theta[:, :12] == 7).all()


def test_forward_by_hand() -> None:
    network = MLP((2, 1, 2), activation="relu")
    theta = np.array([[1.0, 2.0, 0.5, 3.0, -1.0, 0.25, 0.0]])
    out = network.outputs(theta, np.array([[1.0, 1.0], [-9.0, 0.0]]))
    assert out.tolist() == [[[10.75, -3.5], [0.25, 0.0]]]
    assert network.hidden(theta, np.array([[1.0, 1.0]])).tolist() == [[[3.5]]]


@pytest.mark.parametrize("network", NETWORKS, ids=lambda n: f"{n.widths}-{n.norm}-{n.loss}")
def test_gradient_by_differences(network: MLP) -> None:
    theta, x, y = problem(network)
    losses, gradient = network.gradient(theta, x, y)
    assert np.allclose(losses, network.losses(theta, x, y), rtol=1e-14)
    found = slope(lambda t: float(network.losses(t, x, y).mean(axis=1).sum()), theta)
    # truncation STEP^2 |f'''| / 6 with |f'''| < 500, rounding 100 roundoffs of |f| < 20 over STEP
    assert np.allclose(gradient, found, rtol=0, atol=500 * STEP**2 / 6 + 100 * 1.2e-16 * 20 / STEP)


@pytest.mark.parametrize("network", NETWORKS, ids=lambda n: f"{n.widths}-{n.norm}-{n.loss}")
def test_example_gradients_sum_to_the_batch_gradient(network: MLP) -> None:
    theta, x, y = problem(network)
    if network.norm == "batch":
        with pytest.raises(ValueError, match="do not exist under batch norm"):
            network.example_gradients(theta, x, y)
        return
    each = network.example_gradients(theta, x, y)
    assert each.shape == (2, 5, network.size)
    assert np.allclose(each.mean(axis=1), network.gradient(theta, x, y)[1], rtol=1e-12, atol=1e-14)
    alone = network.gradient(theta, x[:, 3:4], y[:, 3:4])[1]
    assert np.allclose(each[:, 3], alone, rtol=1e-12, atol=1e-14)


def test_shared_inputs_equal_repeated_ones() -> None:
    network = NETWORKS[0]
    theta, x, y = problem(network)
    shared = network.gradient(theta, x[0], y[0])[1]
    repeated = network.gradient(theta, np.stack([x[0]] * 2), np.stack([y[0]] * 2))[1]
    assert (shared == repeated).all()


@pytest.mark.parametrize("network", NETWORKS, ids=lambda n: f"{n.widths}-{n.norm}-{n.loss}")
def test_strict_array_api_gives_the_same(network: MLP) -> None:
    arrays = problem(network)

    def all_of(theta: Any, x: Any, y: Any) -> list[Any]:
        found = [*network.gradient(theta, x, y), mean_gradient(network.factors(theta, x, y)[1])]
        return found if network.norm == "batch" else [*found, network.example_gradients(theta, x, y)]

    theirs = all_of(*(strict.asarray(a) for a in arrays))
    for one, other in zip(all_of(*arrays), theirs, strict=True):
        assert np.allclose(one, np.asarray(other), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"widths": (3,)}, "at least two whole numbers"),
        ({"widths": (3, 0)}, "at least two whole numbers"),
        ({"widths": (3, 2), "activation": "x"}, "unknown activation 'x'"),
        ({"widths": (3, 2), "loss": "x"}, "unknown loss 'x'"),
        ({"widths": (3, 2), "norm": "instance"}, "unknown norm 'instance'"),
    ],
)
def test_bad_descriptions_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MLP(**arguments)


def test_bad_shapes_are_refused() -> None:
    network = MLP((3, 2))
    with pytest.raises(ValueError, match=r"parameters must have shape \(R, 8\), got \(1, 7\)"):
        network.outputs(np.zeros((1, 7)), np.zeros((4, 3)))
    with pytest.raises(ValueError, match=r"inputs must have shape \(B, 3\)"):
        network.outputs(np.zeros((1, 8)), np.zeros((4, 2)))
    with pytest.raises(ValueError, match="number of replicas R"):
        network.initial(0, rng=np.random.default_rng(0))
