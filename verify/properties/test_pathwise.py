"""The law `fdr.pathwise` on every training run of the simulator: it holds to rounding, whatever is trained."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim import blocks, layers, norm_blocks, sequential
from sim.blocks import Activation, Attention, Conv, Dense, Flatten, Pool
from sim.networks import MLP
from sim.norm_blocks import Norm
from sim.optimizers import Optimizer
from sim.sequential import Network, Residual
from sim.training import train
from verify.properties import strategies

UNIT = Fraction(1, 2**53)
TINY = Fraction(1, 2**1074)
"""Largest error of a product that underflows."""


def norm(kind: str, **more: Any) -> Norm:
    """A norm of any kind, on even numbers of channels and of samples."""
    return Norm(kind, **({"group": {"groups": 2}, "ghost": {"size": 2}}.get(kind, {}) | more))


def image(*middle: Any) -> Network:
    """A small convolutional network."""
    return Network((1, 4, 4), (Conv(2), *middle, Pool("average", 2), Flatten(), Dense(3)))


NETWORKS: dict[str, Any] = {
    **{f"MLP, {kind}": MLP((3, 4, 3), norm=kind, groups=2 if kind == "group" else None)
       for kind in (None, "batch", "layer", "group", "rms")},
    **{f"MLP, {name}": MLP((3, 4, 3), activation=name) for name in layers.ACTIVATIONS},
    "MLP, squared": MLP((3, 4, 1), loss="squared"),
    **{f"chain, {kind}": sequential.mlp((3, 4, 3), norm=norm(kind))
       for kind in norm_blocks.KINDS if kind != "instance"},
    **{f"convolution, {kind}": image(norm(kind), Activation("relu")) for kind in norm_blocks.KINDS},
    "norm after": sequential.mlp((3, 4, 3), norm=norm("batch"), place="after"),
    "hybrid, fixed": sequential.mlp((3, 4, 3), norm=norm("hybrid", alpha=0.25)),
    "hybrid, outputs": sequential.mlp((3, 4, 3), norm=norm("hybrid", reading="outputs")),
    "max pooling": Network((1, 4, 4), (Conv(2), Activation("tanh"), Pool("max", 2), Flatten(), Dense(3))),
    "residual": image(Residual((Conv(2), norm("batch"), Activation("relu"))), Activation("relu")),
    "residual, shortcut": image(Residual((Conv(3), Activation("relu")), (Conv(3, size=1, padding=0),))),
    "attention": Network((3, 2), (Attention(2), norm("layer"), Flatten(), Dense(3))),
    "attention, causal": Network((3, 2), (Residual((Attention(2, causal=True),)), Flatten(), Dense(3))),
}


@dataclass
class Recorder:
    """A network that remembers where it was asked for a gradient, and what it answered."""

    network: Any
    seen: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)

    def gradient(self, theta: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pass the question on and keep both."""
        losses, found = self.network.gradient(theta, x, y)
        self.seen.append((theta.copy(), found.copy()))
        return losses, found


def exact(values: np.ndarray) -> list[Fraction]:
    """Floats as the rationals they are."""
    return [Fraction(v) for v in values.tolist()]


def gap(path: list[np.ndarray], gradients: list[np.ndarray], eta: float) -> tuple[Fraction, Fraction, Fraction]:
    """Return the exact gap between the law's two sides, its rounding bound, and the term with eta^2.

    A step computes ``theta - eta g`` with two roundings: of the product, off by at most ``u |eta g|`` (and by the
    smallest number where it underflows), and of the difference, off by at most ``u |theta'|``, where theta' is
    the result.  So theta' is off by ``d <= u (|eta g| + |theta'|)`` in each entry, its square by at most
    ``2 |theta'| d + d^2``, and these add up over entries and steps.
    """
    rate, total, bound, power = Fraction(eta), Fraction(0), Fraction(0), Fraction(0)
    for (before, after), gradient in zip(pairwise(path), gradients, strict=True):
        for x, y, g in zip(exact(before), exact(after), exact(gradient), strict=True):
            total += y * y - x * x + 2 * rate * x * g - (rate * g) ** 2
            power += (rate * g) ** 2
            d = UNIT * (abs(rate * g) + abs(y)) + TINY
            bound += 2 * abs(y) * d + d * d
    return abs(total), bound, power


def run(network: Any, eta: float, B: int, T: int, R: int, rng: np.random.Generator) -> tuple[Any, Recorder]:
    """Train on random data by random batches."""
    shape = network.shape if isinstance(network, Network) else network.widths[:1]
    X = rng.standard_normal((8, *shape))
    y = rng.standard_normal((8, 1)) if network.loss == "squared" else rng.integers(0, 3, 8)
    batches = np.stack([rng.permuted(np.tile(np.arange(8), (T, 1)), axis=1)[:, :B] for _ in range(R)])
    recorder = Recorder(network)
    start = network.initial(R, rng=rng)
    return train(recorder, start, X, y, batches, optimizer=Optimizer("sgd", eta)), recorder  # type: ignore[arg-type]


@pytest.mark.parametrize("name", NETWORKS)
@settings(max_examples=6)
@given(rng=strategies.streams(), eta=st.sampled_from([1e-4, 0.1, 0.7, 30.0]), B=st.sampled_from([2, 4, 8]),
       T=st.integers(1, 4), R=st.integers(1, 2))
def test_the_norm_keeps_the_books(name: str, rng: np.random.Generator, eta: float, B: int, T: int, R: int) -> None:
    outcome, recorder = run(NETWORKS[name], eta, B, T, R, rng)
    for r in range(R):
        taken = T if outcome.diverged_at[r] < 0 else int(outcome.diverged_at[r])
        path = [theta[r] for theta, _ in recorder.seen[:taken]] + [outcome.theta[r]]
        found, bound, _ = gap(path, [gradient[r] for _, gradient in recorder.seen[:taken]], eta)
        assert found <= bound


def test_the_bound_is_far_below_every_term() -> None:
    rng = np.random.Generator(np.random.PCG64DXSM(3))
    outcome, recorder = run(NETWORKS["MLP, batch"], 0.1, 4, 4, 1, rng)
    path = [theta[0] for theta, _ in recorder.seen] + [outcome.theta[0]]
    found, bound, power = gap(path, [gradient[0] for _, gradient in recorder.seen], 0.1)
    assert found <= bound < power / 10**10
    wrong, _, _ = gap(path, [gradient[0] * (1 + 1e-9) for _, gradient in recorder.seen], 0.1)
    assert wrong > bound


def test_every_layer_of_the_simulator_is_trained_here() -> None:
    def used(chain: tuple[Any, ...]) -> set[str]:
        inner = [used(layer.chain) | used(layer.shortcut) for layer in chain if isinstance(layer, Residual)]
        return {type(layer).__name__ for layer in chain}.union(*inner)

    trained = set().union(*(used(n.chain) for n in NETWORKS.values() if isinstance(n, Network)))
    exist = {name for name in blocks.__all__ if hasattr(getattr(blocks, name), "backward")} - {"Layer"}
    assert exist | {"Residual", "Norm"} <= trained
