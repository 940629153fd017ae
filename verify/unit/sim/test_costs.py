"""The simulator metered against the law of costs: operations of its matrix products, bytes it keeps."""

from __future__ import annotations

import math
from typing import Any

import array_api_compat.numpy as library
import numpy as np
import pytest

from sim.accumulation import accumulate
from sim.networks import MLP
from sim.optimizers import Optimizer
from sim.training import train
from theory import laws

COST = laws.load("cost.mlp")
NETWORKS = [MLP((5, 3)), MLP((4, 6, 3), activation="relu"), MLP((5, 7, 6, 3), norm="layer"), MLP((3, 8, 8, 8, 2))]


def sums(network: MLP) -> dict[str, int]:
    """The law's letters for a network."""
    pairs = list(zip(network.widths, network.widths[1:], strict=False))
    return {"q": sum(a * b for a, b in pairs), "q_1": math.prod(pairs[0]), "D": sum(network.widths[1:])}


def predicted(part: str, network: MLP, **values: int) -> int:
    letters = sums(network)
    needed = {s.name for s in COST.closed_form(part=part).free_symbols}
    return int(COST.predict(part=part, **{k: v for k, v in (letters | values).items() if k in needed}).value)


def problem(network: MLP, B: int, R: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    return network.initial(R, rng=rng), rng.standard_normal((R, B, network.widths[0])), rng.integers(0, 2, (R, B))


@pytest.fixture
def operations(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Operations of each matrix product since it was asked for: a multiplication and an addition for each term."""
    found: list[int] = []
    plain = library.matmul

    def metered(a: Any, b: Any) -> Any:
        found.append(2 * math.prod(a.shape) * b.shape[-1])
        return plain(a, b)

    monkeypatch.setattr(library, "matmul", metered)
    return found


@pytest.mark.parametrize("B", [1, 4, 32])
@pytest.mark.parametrize("network", NETWORKS, ids=lambda n: str(n.widths))
def test_operations_of_both_passes(network: MLP, B: int, operations: list[int]) -> None:
    theta, x, y = problem(network, B)
    network.outputs(theta, x)
    assert sum(operations) == predicted("forward", network, B=B)
    operations.clear()
    network.gradient(theta, x, y)
    assert sum(operations) == predicted("training", network, B=B)
    # two products in the first layer, three in every other
    assert len(operations) == 3 * (len(network.widths) - 1) - 1


@pytest.mark.parametrize("N", [40, 400])
def test_a_step_costs_the_same_on_any_data_set_and_for_every_replica(N: int, operations: list[int]) -> None:
    network, rng = NETWORKS[1], np.random.default_rng(2)
    X, y = rng.standard_normal((N, 4)), rng.integers(0, 3, N)
    theta = network.initial(3, rng=rng)
    train(network, theta, X, y, rng.integers(0, N, (5, 8)), optimizer=Optimizer("sgd", 0.1))
    assert sum(operations) == 5 * 3 * predicted("training", network, B=8)


@pytest.mark.parametrize("b", [1, 4, 5])
def test_accumulation_saves_no_operation(b: int, operations: list[int]) -> None:
    network = NETWORKS[1]
    theta, x, y = problem(network, 13)
    sizes = [b] * (13 // b) + [13 % b] * (13 % b > 0)
    accumulate(network, theta, x, y, sizes)
    assert sum(operations) == predicted("accumulated", network, B=13)


@pytest.mark.parametrize("B", [1, 4, 32])
@pytest.mark.parametrize("network", NETWORKS, ids=lambda n: str(n.widths))
def test_bytes_of_the_outputs_kept(network: MLP, B: int) -> None:
    theta, x, _ = problem(network, B)
    outputs, tapes, _ = network._forward(theta, x)
    kept = outputs.nbytes + sum(tape.x.nbytes for tape in tapes[1:])
    assert kept == predicted("outputs", network, B=B)
    # beyond the law's engine this one keeps the activations' slopes: as much again for the hidden layers
    slopes = sum(tape.slope.nbytes for tape in tapes if tape.slope is not None)
    assert slopes == kept - outputs.nbytes


@pytest.mark.parametrize(("method", "slots"), [("sgd", 0), ("heavy_ball", 1), ("adam", 2)])
def test_bytes_of_the_state_do_not_depend_on_the_batch(method: str, slots: int) -> None:
    for network, B in ((NETWORKS[0], 3), (NETWORKS[1], 3), (NETWORKS[1], 17)):
        theta, x, y = problem(network, B)
        gradient = network.gradient(theta, x, y)[1]
        optimizer = Optimizer(method, 0.1, 0.9 if slots else 0.0)
        theta, state = optimizer.step(theta, gradient, optimizer.start(theta))
        kept = [a for a in (theta, gradient, state.velocity, state.square) if a is not None]
        assert sum(a.nbytes for a in kept) == predicted("state", network, slots=slots)
