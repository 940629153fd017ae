"""Hessian products against differences of gradients, for every norm, loss and activation."""

from __future__ import annotations

import array_api_strict as strict
import numpy as np
import pytest

from sim import layers, tangents
from sim.networks import MLP
from verify.unit.sim.test_networks import NETWORKS, problem

STEP = 1e-5
MORE = [
    *NETWORKS,
    MLP((3, 5, 4, 2), activation="tanh", norm="batch", eps=0.1),
    MLP((3, 4, 4, 2), activation="gelu", norm="rms", eps=0.1, loss="squared"),
]


def name(network: MLP) -> str:
    return f"{network.widths}-{network.activation}-{network.norm}-{network.loss}"


@pytest.mark.parametrize("network", MORE, ids=name)
def test_product_by_differences_of_gradients(network: MLP) -> None:
    theta, x, y = problem(network)
    v = np.random.default_rng(1).standard_normal(theta.shape)
    found = tangents.product(tangents.primal(network, theta, x, y), v)
    up, down = (network.gradient(theta + sign * STEP * v, x, y)[1] for sign in (1, -1))
    # truncation STEP^2 |third derivative of the gradient along v| / 6 with that below 5e4 for |v| of 7, rounding 100
    # roundoffs of gradients below 20 over STEP; the entries themselves reach 0.3 to 15
    bound = 5e4 * STEP**2 / 6 + 100 * 1.2e-16 * 20 / STEP
    assert np.allclose(found, (up - down) / (2 * STEP), rtol=0, atol=bound)
    assert np.abs(found).max() > 1e4 * bound


@pytest.mark.parametrize("network", MORE, ids=name)
def test_hessian_is_symmetric_and_linear(network: MLP) -> None:
    theta, x, y = problem(network)
    at = tangents.primal(network, theta, x, y)
    u, v = np.random.default_rng(2).standard_normal((2, *theta.shape))
    Hu, Hv = tangents.product(at, u), tangents.product(at, v)
    assert np.allclose(np.vecdot(u, Hv), np.vecdot(v, Hu), rtol=1e-11)
    assert np.allclose(tangents.product(at, 2 * u - v), 2 * Hu - Hv, rtol=0, atol=1e-12 * np.abs(Hu).max())


def test_replicas_do_not_meet() -> None:
    network = MORE[-1]
    theta, x, y = problem(network)
    v = np.random.default_rng(3).standard_normal(theta.shape)
    both = tangents.product(tangents.primal(network, theta, x, y), v)
    alone = tangents.product(tangents.primal(network, theta[1:], x[1:], y[1:]), v[1:])
    assert np.allclose(both[1:], alone, rtol=1e-13, atol=1e-15)


def test_batch_norm_makes_the_bias_before_it_flat() -> None:
    network = MORE[-2]
    theta, x, y = problem(network)
    slot = next(s for s in network.slots if s.name == "b")
    v = np.zeros_like(theta)
    v[:, slot.start : slot.stop] = 1.0
    found = tangents.product(tangents.primal(network, theta, x, y), v)
    assert np.abs(found).max() < 1e-14


@pytest.mark.parametrize("activation", ["tanh", "gelu"])
def test_bend_by_differences_of_the_slope(activation: str) -> None:
    z = np.linspace(-3, 3, 61)
    up, down = (layers.activate(activation, z + s * STEP)[1] for s in (1, -1))
    found = tangents.bend(activation, z)
    # fourth derivatives stay below 10; slopes below 2
    assert np.allclose(found, (up - down) / (2 * STEP), rtol=0, atol=10 * STEP**2 / 6 + 10 * 1.2e-16 * 2 / STEP)


def test_bend_is_none_where_it_is_zero() -> None:
    assert tangents.bend("relu", np.ones(2)) is None
    assert tangents.bend("linear", np.ones(2)) is None
    with pytest.raises(ValueError, match="unknown activation 'x'"):
        tangents.bend("x", np.ones(2))


@pytest.mark.parametrize("network", MORE, ids=name)
def test_strict_array_api_gives_the_same(network: MLP) -> None:
    theta, x, y = problem(network)
    v = np.random.default_rng(4).standard_normal(theta.shape)
    ours = tangents.product(tangents.primal(network, theta, x, y), v)
    theta, x, y, v = (strict.asarray(a) for a in (theta, x, y, v))
    theirs = tangents.product(tangents.primal(network, theta, x, y), v)
    assert np.allclose(ours, np.asarray(theirs), rtol=1e-12, atol=1e-13)


def test_bad_inputs_are_refused() -> None:
    with pytest.raises(ValueError, match=r"inputs must have shape \(B, 3\)"):
        tangents.primal(NETWORKS[0], np.zeros((1, NETWORKS[0].size)), np.zeros((2, 4)), np.zeros(2, int))
