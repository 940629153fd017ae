"""Networks of layers: against the multilayer perceptron, finite differences, the strict array API; refusals."""

from __future__ import annotations

from itertools import pairwise

import array_api_strict as strict
import numpy as np
import pytest

from sim import norms
from sim.blocks import Activation, Attention, Conv, Dense, Flatten, Pool, Seen
from sim.networks import MLP
from sim.norm_blocks import Norm
from sim.sequential import Network, Residual, mlp, update_running
from verify.unit.sim.test_layers import STEP


def _images(norm: Norm) -> Network:
    block = Residual((Conv(4, stride=2), norm, Activation("tanh"), Conv(4)), (Conv(4, size=1, stride=2, padding=0),))
    return Network((2, 6, 6), (Conv(4), norm, Activation("gelu"), block, Pool("max", 3), Flatten(), Dense(3)))


def _tokens(norm: Norm) -> Network:
    mix = Residual((norm, Attention(3, causal=True)))
    think = Residual((norm, Dense(6), Activation("gelu"), Dense(4)))
    return Network((5, 4), (mix, think, Dense(3)))


HYBRIDS = [
    Norm("hybrid", eps=0.1, reading=reading, alpha=a) for reading in ("statistics", "outputs") for a in (None, 0.4)
]
NORMS = [
    Norm("batch", eps=0.1),
    Norm("layer", eps=0.1),
    Norm("rms", eps=0.1, affine=False),
    Norm("group", groups=2, eps=0.1),
    Norm("ghost", size=2, eps=0.1),
    *HYBRIDS,
]
NETWORKS = [
    *[mlp((5, 6, 4, 3), activation="tanh", norm=norm) for norm in NORMS],
    mlp((5, 6, 3), activation="gelu", norm=NORMS[0], place="after"),
    *[_images(norm) for norm in (*NORMS, Norm("instance", eps=0.1))],
    *[_tokens(norm) for norm in NORMS],
]


def _case(network: Network, B: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    theta = network.initial(2, rng=rng)
    theta += 0.1 * rng.standard_normal(theta.shape)
    tokens = network.output[:-1]
    return theta, rng.standard_normal((2, B, *network.shape)), rng.integers(0, 3, size=(2, B, *tokens))


@pytest.mark.parametrize("network", NETWORKS, ids=lambda n: f"{len(n.shape)}-{n.chain[1]}"[:40])
def test_gradient_by_finite_differences_along_random_directions(network: Network) -> None:
    theta, x, y = _case(network)
    _, gradient = network.gradient(theta, x, y)
    rng = np.random.default_rng(1)
    for _ in range(4):
        v = rng.standard_normal(theta.shape)
        v /= np.abs(v).max()
        up, down = (network.losses(theta + s * STEP * v, x, y).mean(axis=1) for s in (1, -1))
        along = (gradient * v).sum(axis=1)
        # STEP^2 / 6 times a third derivative below 10^4 along the direction, and 1000 roundoffs of losses below 10
        atol = 1e4 * STEP**2 / 6 + 1e3 * 1.2e-16 * 10 / STEP
        assert np.allclose((up - down) / (2 * STEP), along, rtol=0, atol=atol)
        assert np.abs(along).max() > 1e3 * atol


@pytest.mark.parametrize("norm", [None, "batch", "layer", "group", "rms"])
def test_it_is_the_multilayer_perceptron(norm: str | None) -> None:
    groups = 2 if norm == "group" else None
    other = MLP((5, 6, 4, 3), norm=norm, groups=groups)
    network = mlp((5, 6, 4, 3), activation="tanh", norm=None if norm is None else Norm(norm, groups=groups))
    theta, x, y = _case(network)
    assert network.size == other.size
    for one, two in zip(network.gradient(theta, x, y), other.gradient(theta, x, y), strict=True):
        assert np.allclose(one, two, rtol=0, atol=1e-13)


@pytest.mark.parametrize("network", [_images(NORMS[1]), _tokens(NORMS[2]), mlp((5, 6, 3), norm=NORMS[3])])
def test_example_gradients_average_to_the_gradient(network: Network) -> None:
    theta, x, y = _case(network)
    each = network.example_gradients(theta, x, y)
    assert each.shape == (2, 4, network.size)
    assert np.allclose(each.mean(axis=1), network.gradient(theta, x, y)[1], rtol=0, atol=1e-13)
    shared = network.example_gradients(theta, x[0], y[0])
    assert np.allclose(shared[0], each[0], rtol=0, atol=1e-13)


def test_squared_loss_and_shared_targets() -> None:
    network = mlp((5, 6, 3), loss="squared")
    theta, x, _ = _case(network)
    y = np.random.default_rng(2).standard_normal((4, 3))
    outputs = network.outputs(theta, x)
    assert np.allclose(network.losses(theta, x, y), 0.5 * ((outputs - y) ** 2).sum(axis=-1), rtol=1e-14)
    each = network.example_gradients(theta, x, y)
    assert np.allclose(each.mean(axis=1), network.gradient(theta, x, y)[1], rtol=0, atol=1e-13)


@pytest.mark.parametrize("norm", [Norm("batch"), Norm("ghost", size=2), Norm("hybrid")])
def test_running_statistics_through_residual_blocks(norm: Norm) -> None:
    network = _images(norm)
    theta, x, y = _case(network)
    seen: list[Seen] = []
    network.gradient(theta, x, y, seen=seen)
    running = network.initial_running(2)
    assert len(seen) == len(running) == 2
    running = update_running(running, seen, new_weight=1.0, bessel=False)
    last = norms.Running(seen[0].mean[:, -1], seen[0].var[:, -1])
    assert (running[0].mean == last.mean).all()
    assert (running[0].var == last.var).all()
    alone = network.outputs(theta, x[:, :1], running=running)
    together = network.outputs(theta, x, running=running)
    # an example no longer sees its peers; products of another shape may round differently
    assert np.allclose(alone, together[:, :1], rtol=0, atol=1e-12)
    if norm.kind == "batch":
        assert np.allclose(together, network.outputs(theta, x), rtol=0, atol=1e-12)
    with pytest.raises(ValueError, match="the network has 2 norms with running statistics, got 1"):
        network.outputs(theta, x, running=running[:1])
    with pytest.raises(ValueError, match="1 running statistics but 2 seen"):
        update_running(running[:1], seen, new_weight=0.1, bessel=True)


@pytest.mark.parametrize(
    "network", [_images(NORMS[0]), _images(HYBRIDS[0]), _tokens(NORMS[4]), mlp((5, 6, 3), norm=HYBRIDS[2])]
)
def test_strict_array_api_gives_the_same(network: Network) -> None:
    theta, x, y = _case(network)
    theirs = network.gradient(*(strict.asarray(a) for a in (theta, x, y)))
    for one, other in zip(network.gradient(theta, x, y), theirs, strict=True):
        assert np.allclose(one, np.asarray(other), rtol=1e-12, atol=1e-13)


def test_slots_cover_the_vector_and_initial_follows_the_rules() -> None:
    network = _images(Norm("hybrid"))
    ends = [(s.start, s.stop) for s in network.slots]
    assert ends[0][0] == 0
    assert all(one[1] == two[0] for one, two in pairwise(ends))
    assert ends[-1][1] == network.size
    theta = network.initial(500, rng=np.random.default_rng(0))
    views = network.views(theta)
    # 500 * 72 draws: the relative standard error of a variance is sqrt(2 / 36000), six of it are allowed
    assert views["0.W"].var() == pytest.approx(2 / 18, rel=6 * (2 / 36000) ** 0.5)
    assert (views["1.gamma"] == 1).all()
    assert not views["1.logit"].any()


def test_bad_networks_and_inputs_are_refused() -> None:
    with pytest.raises(ValueError, match=r"the output must be a vector or tokens, got \(4, 6, 6\)"):
        Network((2, 6, 6), (Conv(4),))
    with pytest.raises(ValueError, match="cross_entropy, squared"):
        Network((2,), (Dense(2),), loss="hinge")
    with pytest.raises(ValueError, match="lengths >= 1"):
        Network((0,), (Dense(2),))
    with pytest.raises(ValueError, match="place before or after"):
        mlp((2, 3, 2), place="beside")
    network = mlp((5, 6, 3), norm=NORMS[0])
    theta, x, y = _case(network)
    with pytest.raises(ValueError, match=rf"parameters must have shape \(R, {network.size}\)"):
        network.gradient(theta[:, 1:], x, y)
    with pytest.raises(ValueError, match=r"with examples \(5,\)"):
        network.gradient(theta, x[..., 1:], y)
    with pytest.raises(ValueError, match="number of replicas R must be a whole number >= 1, got 0"):
        network.initial(0, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="per-example gradients do not exist under a batch norm"):
        network.example_gradients(theta, x, y)
    x[1, 2, 3] = np.nan
    with pytest.raises(ValueError, match="activations must be finite"):
        network.gradient(theta, x, y)
