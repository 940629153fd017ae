"""The laws of scale-invariant weights on every training run of the simulator: they hold to rounding.

Weights are scale-invariant where a layer that is linear in them, with its shift, feeds a normalization with eps = 0,
directly or through a rectifier.  The networks are those of `verify.properties.test_pathwise`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sim import hybrid, norm_blocks
from sim.blocks import Activation, Attention, Conv, Dense, Flatten
from sim.networks import MLP
from sim.norm_blocks import Norm
from sim.optimizers import Optimizer
from sim.sequential import Network, Residual, mlp
from sim.training import Outcome, train
from verify.properties import strategies
from verify.properties.test_pathwise import NETWORKS, TINY, UNIT, exact

HOMOGENEOUS = ("relu", "linear")
HALF_ULP = 2.0**-53


def regularized(layer: Any, eps: float) -> Any:
    """Return a layer or a network with another eps in its norms."""
    match layer:
        case Norm() | MLP():
            return dataclasses.replace(layer, eps=eps)
        case Network() | Residual():
            parts = {f.name for f in dataclasses.fields(layer)} & {"chain", "shortcut"}
            return dataclasses.replace(
                layer, **{part: tuple(regularized(one, eps) for one in getattr(layer, part)) for part in parts})
    return layer


@dataclass
class Watched:
    """A layer that keeps what passes through it."""

    layer: Any
    calls: list[dict[str, Any]] = field(default_factory=list)

    def output(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Pass the question on."""
        return self.layer.output(shape)  # type: ignore[no-any-return]

    def parameters(self, shape: tuple[int, ...]) -> Any:
        """Pass the question on."""
        return self.layer.parameters(shape)

    def forward(self, p: Any, x: Any, mode: Any) -> tuple[Any, Any]:
        """Pass the input on."""
        y, tape = self.layer.forward(p, x, mode)
        return y, (tape, x)

    def backward(self, p: Any, tape: Any, dy: Any, inputs: bool) -> Any:
        """Pass the gradient on and keep it with the input and the parameters."""
        self.calls.append({"p": p, "x": tape[1], "dy": dy})
        return self.layer.backward(p, tape[0], dy, inputs)


def pairs(chain: tuple[Any, ...], prefix: str = "") -> Iterator[tuple[Any, Any, str]]:
    """Find layers whose weights a norm rescales: the layer, the norm, and how their parameters' names begin."""
    for i, layer in enumerate(chain):
        if isinstance(layer, Residual):
            yield from pairs(layer.chain, f"{prefix}{i}.chain.")
            yield from pairs(layer.shortcut, f"{prefix}{i}.shortcut.")
        rest = [one for one in chain[i + 1:i + 3] if not (isinstance(one, Activation) and one.name in HOMOGENEOUS)]
        if isinstance(bare(layer), (Dense, Conv, Attention)) and rest and isinstance(bare(rest[0]), Norm):
            yield layer, rest[0], f"{prefix}{i}."


def bare(layer: Any) -> Any:
    return layer.layer if isinstance(layer, Watched) else layer


def watched(layer: Any) -> Any:
    """Return a network or a layer whose linear layers and norms are watched."""
    if isinstance(layer, (Network, Residual)):
        parts = {f.name for f in dataclasses.fields(layer)} & {"chain", "shortcut"}
        return dataclasses.replace(layer, **{part: tuple(map(watched, getattr(layer, part))) for part in parts})
    return Watched(layer) if isinstance(layer, (Dense, Conv, Attention, Norm)) else layer


def as_chain(network: Any) -> Network:
    """Return a network as a chain; a perceptron's parameters lie in the same order."""
    if isinstance(network, Network):
        return network
    norm = Norm(network.norm, groups=network.groups, eps=network.eps) if network.norm else None
    return mlp(network.widths, activation=network.activation, norm=norm, loss=network.loss)


def columns(network: Network, layer: Any, prefix: str) -> np.ndarray:
    """Return where a layer's scale-invariant parameters lie."""
    names = ("out",) if isinstance(bare(layer), Attention) else ("W", "b")
    wanted = {prefix + name for name in names}
    found = [np.arange(s.start, s.stop) for s in network.slots if f"{s.layer}.{s.name}" in wanted]
    return np.concatenate(found)


EVERY: dict[str, Any] = {
    **NETWORKS,
    "tokens, rms": Network((3, 2), (Dense(4), Norm("rms"), Flatten(), Dense(3))),
    "attention, wide": Network((3, 4), (Attention(2), Norm("layer"), Flatten(), Dense(3))),
    "shortcut": Network((1, 4, 4), (Residual((Conv(2), Norm("group", groups=1), Activation("relu"), Conv(2)),
                                             (Conv(2, size=1, padding=0), Norm("batch"))), Flatten(), Dense(3))),
}
INVARIANT = {name: regularized(network, 0.0) for name, network in EVERY.items() if any(pairs(as_chain(network).chain))}


def pools(norm: Norm, shape: tuple[int, ...]) -> list[np.ndarray]:
    """Return, for each kind of statistic of a norm, which entries it pools, one row a statistic."""
    R, B, C = (shape[0], shape[1] * shape[2], shape[3]) if len(shape) == 4 else shape[:3]
    at = np.arange(np.prod(shape)).reshape(R, B, C, -1)
    over_batch = at.transpose(0, 2, 1, 3).reshape(R * C, -1)
    over_sample = at.reshape(R * B, -1)
    match norm.kind:
        case "batch":
            return [over_batch]
        case "ghost":
            return [over_batch.reshape(R * C, B // (norm.size or 1), -1).reshape(-1, (norm.size or 1) * at.shape[3])]
        case "instance":
            return [at.reshape(R * B * C, -1)]
        case "group":
            return [at.reshape(R * B * (norm.groups or 1), -1)]
        case "hybrid":
            return [over_batch, over_sample]
    return [over_sample]


def misalignment(linear: Watched, norm: Watched, call: int) -> list[float]:
    """Bound |<w, g>| of a computed gradient of each replica, which is 0 for the exact one.

    With z = x W + b the inner product is <z, dL/dz>.  Let u be the unit of rounding and k the length of the longest
    sum.  The layer's two products cost at most 2 k u S, S the product of all magnitudes.  In the norm every
    intermediate result is a sum of products whose magnitudes are at most those where all signs are +: z - m is
    below h = |z| + mean|z|, the normalized z below X = h/s, and dL/dz below

        D = |g|/s + mean(|g|/s) + h mean(|g| X/s^2),

    the means over what a statistic pools.  A mean, a centered z and a product of those cost at most (k + 4) u of
    that magnitude; the standard deviation, relative to itself, at most (k + 4) u times max X; and no result is made
    of more than six of these.  So dL/dz is off by at most 6 (k + 4) u (1 + max X) D, doubled here for higher orders.
    """
    kept, behind = linear.calls[call], norm.calls[call]
    p, x, dy = kept["p"], np.abs(kept["x"]), np.abs(kept["dy"])
    sums = max(dy[0].size, x[0].size)
    if isinstance(linear.layer, Attention):  # a mean over tokens with weights is below the largest
        spread = np.matmul(x, np.abs(p["value"])[:, None]).max(axis=2, keepdims=True)
        size = np.matmul(spread, np.abs(p["out"])[:, None])
    else:
        size, _ = linear.layer.forward({name: np.abs(values) for name, values in p.items()}, x, norm_blocks.Pass())
    bound = 2 * sums * HALF_ULP * (size * dy).reshape(len(dy), -1).sum(axis=1)

    z, g = behind["x"], np.abs(behind["dy"])
    if "gamma" in behind["p"]:
        scale = np.abs(behind["p"]["gamma"])
        g = g * (scale[:, None, None] if g.ndim == 4 else scale.reshape(len(g), 1, -1, *[1] * (g.ndim - 3)))
    rows = pools(norm.layer, z.shape)
    k = max(row.shape[1] for row in rows) + 4
    z, g = z.ravel(), g.ravel()

    def pooled(values: np.ndarray, statistic: Any = np.mean) -> np.ndarray:
        found = np.zeros((len(rows), values.size))
        for each, row in zip(found, rows, strict=True):
            each[row] = statistic(values[row], axis=1, keepdims=True)
        return found

    def root(values: np.ndarray, **axis: Any) -> np.ndarray:
        centered = values if norm.layer.kind == "rms" else values - values.mean(**axis)
        return np.sqrt((centered**2).mean(**axis))  # type: ignore[no-any-return]

    s = pooled(z, root).min(axis=0)
    h = np.abs(z) + pooled(np.abs(z)).sum(axis=0)
    D = g / s + pooled(g / s).sum(axis=0) + h * pooled(g * h / s**3).sum(axis=0)
    worst, total = (h / s).reshape(len(dy), -1).max(axis=1), (np.abs(z) * D).reshape(len(dy), -1).sum(axis=1)
    return (bound + 12 * k * HALF_ULP * (1 + worst) * total).tolist()  # type: ignore[no-any-return]


@dataclass
class Witness:
    """A network that remembers what it was asked and what it answered."""

    network: Any
    asked: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = field(default_factory=list)
    answers: list[np.ndarray] = field(default_factory=list)

    def gradient(self, theta: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pass the question on and keep both."""
        self.asked.append((theta.copy(), x, y))
        losses, found = self.network.gradient(theta, x, y)
        self.answers.append(found.copy())
        return losses, found


def data(network: Any, B: int, T: int, R: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw inputs, targets and batches."""
    X = rng.standard_normal((8, *as_chain(network).shape))
    y = rng.standard_normal((8, 1)) if network.loss == "squared" else rng.integers(0, 3, 8)
    return X, y, np.stack([rng.permuted(np.tile(np.arange(8), (T, 1)), axis=1)[:, :B] for _ in range(R)])


def run(
    network: Any, optimizer: Optimizer, B: int, T: int, R: int, rng: np.random.Generator
) -> tuple[Witness, Outcome]:
    """Train on random data; a run that meets a variance of zero ends before it."""
    X, y, batches = data(network, B, T, R, rng)
    start = network.initial(R, rng=rng)
    while True:
        witness = Witness(network)
        try:
            return witness, train(witness, start, X, y, batches, optimizer=optimizer)  # type: ignore[arg-type]
        except ValueError as refused:
            assume("zero variance" in str(refused) and witness.answers)
            batches = batches[:, :len(witness.answers)]


@dataclass
class Books:
    """What a run of one layer's weights leaves: exact numbers, and bounds on what rounding did to them."""

    gap: Fraction
    bound: Fraction
    growth: Fraction


def books(path: list[np.ndarray], gradients: list[np.ndarray], slack: list[Fraction], eta: float, lam: float) -> Books:
    """Return the exact gap between the two sides of the growth law over a run, its rounding bound, and the growth.

    A step computes ``theta - eta (g + lam theta)`` with four roundings: of ``lam theta``, of the sum, of the product
    with eta and of the difference.  So theta' is off by ``d <= u (|eta lam theta| + 2 |eta (g + lam theta)| +
    |theta'|)`` up to higher orders, and its square by at most ``2 |theta'| d + d^2``.  To this comes what the
    computed gradient has along theta, ``2 eta (1 - eta lam) <theta, g>``, bounded by `slack`.  Later steps multiply
    all of it by ``(1 - eta lam)^2``.
    """
    rate, decay, T = Fraction(eta), Fraction(lam), len(gradients)
    keep = 1 - rate * decay
    found = Books(Fraction(0), Fraction(0), Fraction(0))
    for step, ((before, after), gradient) in enumerate(zip(pairwise(path), gradients, strict=True), start=1):
        gap, bound, growth = Fraction(0), 2 * rate * abs(keep) * slack[step - 1], Fraction(0)
        for x, y, g in zip(exact(before), exact(after), exact(gradient), strict=True):
            growth += (rate * g) ** 2
            gap += y * y - (keep * x) ** 2 - (rate * g) ** 2
            d = UNIT * (abs(rate * decay * x) + 2 * abs(rate * (g + decay * x)) + abs(y)) * (1 + 8 * UNIT)
            d += 4 * (1 + rate) * TINY
            bound += 2 * abs(y) * d + d * d
        weight = keep ** (2 * (T - step))
        found.gap, found.bound = found.gap + weight * gap, found.bound + weight * bound
        found.growth += weight * growth
    return Books(abs(found.gap), found.bound, found.growth)


def kept(network: Any, witness: Witness, outcome: Outcome, eta: float, lam: float) -> Iterator[Books]:
    """Return the books of every scale-invariant layer of every replica."""
    chain = watched(regularized(as_chain(network), 0.0))
    for question in witness.asked:
        chain.gradient(*question)
    for layer, norm, prefix in pairs(chain.chain):
        at = columns(chain, layer, prefix)
        slack = [misalignment(layer, norm, call) for call in range(len(witness.asked))]
        for r, diverged in enumerate(outcome.diverged_at):
            taken = len(witness.asked) if diverged < 0 else int(diverged)
            path = [theta[r, at] for theta, _, _ in witness.asked[:taken]] + [outcome.theta[r, at]]
            yield books(path, [found[r, at] for found in witness.answers[:taken]],
                        [Fraction(each[r]) for each in slack[:taken]], eta, lam)


@pytest.mark.parametrize("name", INVARIANT)
@settings(max_examples=6)
@given(rng=strategies.streams(), eta=st.sampled_from([1e-4, 0.1, 0.7, 30.0]), lam=st.sampled_from([0, 0.01, 0.6, 3.0]),
       B=st.sampled_from([4, 8]), T=st.integers(1, 4), R=st.integers(1, 2))
def test_weights_grow_by_the_squared_step(
    name: str, rng: np.random.Generator, eta: float, lam: float, B: int, T: int, R: int
) -> None:
    network = INVARIANT[name]
    witness, outcome = run(network, Optimizer("sgd", eta, lam=lam), B, T, R, rng)
    for found in kept(network, witness, outcome, eta, lam):
        assert found.gap <= found.bound


@pytest.mark.parametrize("name", INVARIANT)
@settings(max_examples=6)
@given(rng=strategies.streams(), power=st.integers(-20, 20), B=st.sampled_from([4, 8]), R=st.integers(1, 2))
def test_a_power_of_two_leaves_the_loss_and_divides_the_gradient_bit_by_bit(
    name: str, rng: np.random.Generator, power: int, B: int, R: int
) -> None:
    network = INVARIANT[name]
    X, y, batches = data(network, B, 1, R, rng)
    theta, question = network.initial(R, rng=rng), (X[batches[:, 0]], y[batches[:, 0]])
    try:
        losses, gradient = network.gradient(theta, *question)
    except ValueError:
        assume(False)
    chain = as_chain(network)
    for layer, _, prefix in pairs(chain.chain):
        at, scaled, expected = columns(chain, layer, prefix), theta.copy(), gradient.copy()
        scaled[:, at] *= 2.0**power
        expected[:, at] /= 2.0**power
        again, found = network.gradient(scaled, *question)
        assert (again == losses).all()
        assert (found == expected).all()


def one_run(network: Any, optimizer: Optimizer) -> tuple[Witness, Outcome]:
    return run(network, optimizer, 8, 4, 1, np.random.Generator(np.random.PCG64DXSM(3)))


@pytest.mark.parametrize("name", ["MLP, batch", "chain, layer", "convolution, batch", "convolution, group", "residual"])
def test_the_bound_is_far_below_the_growth(name: str) -> None:
    witness, outcome = one_run(INVARIANT[name], Optimizer("sgd", 0.1, lam=0.6))
    for found in kept(INVARIANT[name], witness, outcome, 0.1, 0.6):
        assert found.gap <= found.bound < found.growth / 10**5


@pytest.mark.parametrize("name", ["MLP, batch", "convolution, group"])
def test_what_breaks_the_law_is_seen(name: str) -> None:
    network, plain = INVARIANT[name], Optimizer("sgd", 0.1, lam=0.6)
    witness, outcome = one_run(network, plain)
    wrong = Witness(network, witness.asked, [found * (1 + 1e-6) for found in witness.answers])
    broken = [kept(network, wrong, outcome, 0.1, 0.6), kept(network, witness, outcome, 0.1, 0.6 * (1 + 1e-9))]
    for trained, optimizer in ((regularized(network, 1e-3), plain),
                               (network, Optimizer("heavy_ball", 0.1, beta=0.5, lam=0.6))):
        witness, outcome = one_run(trained, optimizer)
        broken.append(kept(network, witness, outcome, 0.1, 0.6))
    for each in broken:
        assert all(found.gap > found.bound for found in each)


def test_every_norm_is_trained_here() -> None:
    found = [bare(norm) for network in INVARIANT.values() for _, norm, _ in pairs(as_chain(network).chain)]
    assert {norm.kind for norm in found} == set(norm_blocks.KINDS)
    assert {norm.reading for norm in found if norm.kind == "hybrid"} == set(hybrid.READINGS)
    layers = {type(layer) for network in INVARIANT.values() for layer, _, _ in pairs(as_chain(network).chain)}
    assert layers == {Dense, Conv, Attention}
