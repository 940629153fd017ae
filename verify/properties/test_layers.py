"""Layers keep their exact laws: adjoints, Jacobians of norms, hybrids between their ends, designs that stay in class.

Rounding bounds as in `verify.properties.test_kernels`: ``gamma(k) = k u / (1 - k u)`` after Higham (2002), chapter 3.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sim import accumulation, attention, convolution, designs, ghost, hybrid, norms
from sim.networks import MLP
from verify.properties import strategies

U = 2.0**-53
EPS = 1e-3


def gamma(k: int) -> float:
    return k * U / (1 - k * U)


def _draw(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Normal entries, cut off at 4 so that bounds can name a largest magnitude."""
    return np.clip(rng.standard_normal(shape), -4, 4)


@st.composite
def convolutions(draw: st.DrawFn) -> tuple[tuple[int, ...], int, int, int, int]:
    """Draw an input shape, output channels, a kernel size that fits, a stride and a padding."""
    padding = draw(st.integers(0, 2))
    H, W = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    size = draw(st.integers(1, min(4, min(H, W) + 2 * padding)))
    R, B, C = draw(st.integers(1, 2)), draw(st.integers(1, 3)), draw(st.integers(1, 3))
    return (R, B, C, H, W), draw(st.integers(1, 3)), size, draw(st.integers(1, 3)), padding


@given(convolutions(), strategies.streams())
def test_convolution_and_its_backward_are_adjoint(
    case: tuple[tuple[int, ...], int, int, int, int], rng: np.random.Generator
) -> None:
    shape, out, size, stride, padding = case
    x, W = _draw(rng, *shape), _draw(rng, shape[0], out, shape[2], size, size)
    y, columns = convolution.convolve(x, W, None, stride=stride, padding=padding)
    dy = _draw(rng, *y.shape)
    dx, dW, _ = convolution.convolve_backward(columns, W, dy)
    # three ways to sum the same products x W dy, each of at most 64 in magnitude
    n = y.size * shape[2] * size**2
    bound = 2 * gamma(n + 3) * n * 64
    total = float((y * dy).sum())
    assert abs(total - float((x * dx).sum())) <= bound
    assert abs(total - float((W * dW).sum())) <= bound


@given(hnp.arrays(np.int64, (1, 2, 2, 4, 6), elements=st.integers(-64, 64)), st.sampled_from([1, 2]))
def test_pooling_of_whole_numbers_is_exact(k: np.ndarray, size: int) -> None:
    x = k.astype(np.float64)
    top, place = convolution.max_pool(x, size)
    mean = convolution.average_pool(x, size)
    assert (mean <= top).all()
    ones = np.ones_like(top)
    spread = convolution.max_pool_backward(place, ones, size)
    assert set(np.unique(spread)) <= {0.0, 1.0}
    assert spread.sum() == top.size
    assert (x * spread).sum() == top.sum()
    assert (x * convolution.average_pool_backward(ones, size)).sum() == mean.sum()


@given(st.integers(2, 8), st.integers(1, 4), st.integers(1, 3), strategies.streams())
def test_batch_norm_gradients_sum_to_zero_and_are_orthogonal_to_the_normalized(
    B: int, C: int, S: int, rng: np.random.Generator
) -> None:
    x, dy = _draw(rng, 1, B, C, S), _draw(rng, 1, B, C, S)
    # eps > 0 leaves of the second law the share eps / (var + eps), which is exact too
    y, cache = norms.forward("batch", x, eps=EPS)
    dx = norms.backward(cache, dy)[0]
    n = B * S
    var = norms.statistics("batch", x)[1][0]
    inverse = 1 / np.sqrt(var + EPS)
    along = (dy * y).sum(axis=(0, 1, 3))
    # terms of dx are below inverse (4 + 4 + sqrt(n) * 4 sqrt(n)); sums of n of them, and the 20 operations behind each
    bound = inverse * (8 + 4 * n) * n * gamma(4 * n + 20) * math.sqrt(n)
    assert (np.abs(dx.sum(axis=(0, 1, 3))) <= bound).all()
    expected = along * inverse * EPS / (var + EPS)
    assert (np.abs((dx * y).sum(axis=(0, 1, 3)) - expected) <= 4 * bound).all()


@given(st.sampled_from(hybrid.READINGS), st.integers(2, 6), st.floats(0, 1), strategies.streams())
def test_hybrid_outputs_lie_between_and_gradients_sum_as_their_parts(
    reading: str, B: int, alpha: float, rng: np.random.Generator
) -> None:
    x, dy = _draw(rng, 1, B, 4), _draw(rng, 1, B, 4)
    y, cache = hybrid.forward(x, alpha=alpha, reading=reading, eps=EPS)
    dx, _, _, dalpha = hybrid.backward(cache, dy)
    batch, one = norms.forward("batch", x, eps=EPS)
    layer, two = norms.forward("layer", x, eps=EPS)
    # magnitudes: outputs below 8 / sqrt(eps), gradients below 100 / eps; a few hundred roundoffs of each
    if reading == "outputs":
        assert (y <= np.maximum(batch, layer) + 300 * U * 8 / math.sqrt(EPS)).all()
        assert (y >= np.minimum(batch, layer) - 300 * U * 8 / math.sqrt(EPS)).all()
        parts = alpha * norms.backward(one, dy)[0] + (1 - alpha) * norms.backward(two, dy)[0]
        assert np.abs(dx - parts).max() <= 300 * U * 100 / EPS
        assert abs(float(dalpha[0]) - float((dy * (batch - layer)).sum())) <= 300 * U * 100 / EPS
    # a shift of everything moves neither reading: the whole input gradient sums to zero
    assert abs(float(dx.sum())) <= 300 * U * 100 / EPS * x.size


@given(st.integers(1, 4), st.integers(2, 4), strategies.streams())
def test_ghosts_do_not_see_each_other(m: int, size: int, rng: np.random.Generator) -> None:
    x = _draw(rng, 1, m * size, 3)
    y, _ = ghost.forward(x, size=size, eps=EPS)
    order = rng.permutation(m)
    turned = x.reshape(1, m, size, 3)[:, order].reshape(x.shape)
    assert (
        ghost.forward(turned, size=size, eps=EPS)[0].reshape(1, m, size, 3) == y.reshape(1, m, size, 3)[:, order]
    ).all()


@given(st.integers(1, 5), st.booleans(), strategies.streams())
def test_attention_weights_are_a_distribution(T: int, causal: bool, rng: np.random.Generator) -> None:
    x, key, out = _draw(rng, 1, 2, T, 3), _draw(rng, 1, 3, 2), _draw(rng, 1, 2, 3)
    _, cache = attention.attend(x, key, key, key, out, causal=causal)
    assert (cache.weights >= 0).all()
    assert np.abs(cache.weights.sum(axis=-1) - 1).max() <= gamma(2 * T + 2)
    if causal:
        assert not np.triu(cache.weights, 1).any()
    # equal values come back as they are, whatever the weights
    same = np.broadcast_to(x[:, :, :1], x.shape)
    y, _ = attention.attend(same, key, key, key, out, causal=causal)
    assert np.abs(y - same @ key[0] @ out[0]).max() <= gamma(4 * T + 20) * 4 * 3 * 4 * 2 * 4


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), strategies.streams())
def test_accumulation_by_examples_is_the_whole_batch(sizes: list[int], rng: np.random.Generator) -> None:
    network, B = MLP((3, 4, 2)), sum(sizes)
    theta, x, y = network.initial(1, rng=rng), _draw(rng, 1, B, 3), rng.integers(0, 2, size=(1, B))
    each = np.abs(network.example_gradients(theta, x, y)).mean(axis=1)
    whole = network.gradient(theta, x, y)[1]
    found = accumulation.accumulate(network, theta, x, y, sizes)[1]
    # the same products of the same factors; products of another shape may round the factors, below 4 * 4, differently
    assert (np.abs(found - whole) <= 4 * gamma(B + 20) * (each + 16)).all()


@given(st.integers(1, 3), st.integers(1, 3), st.sampled_from(designs.DESIGNS), strategies.streams())
def test_class_pure_blocks_are_of_one_class(blocks: int, size: int, design: str, rng: np.random.Generator) -> None:
    labels = rng.permutation(np.repeat([3, 7, 8], [3, 4, 6]))
    found = designs.class_pure(labels, blocks * size, 5, blocks=blocks, design=design, rng=rng).reshape(5, blocks, size)
    assert (labels[found] == labels[found][:, :, :1]).all()
    if design == "wor":
        assert all(len(set(block)) == size for block in found.reshape(-1, size).tolist())


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.integers(0, 5), strategies.streams())
def test_micro_batches_are_disjoint(sizes: list[int], more: int, rng: np.random.Generator) -> None:
    N = sum(sizes) + more
    parts = designs.micro_batches(N, sizes, 6, rng=rng)
    assert [part.shape for part in parts] == [(6, size) for size in sizes]
    whole = np.sort(np.concatenate(parts, axis=1), axis=1)
    assert (np.diff(whole, axis=1) > 0).all()
    assert whole.min() >= 0
    assert whole.max() < N


@given(st.integers(1, 12), strategies.streams())
def test_a_block_larger_than_a_class_is_refused(size: int, rng: np.random.Generator) -> None:
    assume(size > 3)
    with pytest.raises(ValueError, match=f"a block of {size} exceeds the 3 samples of class 7"):
        designs.class_pure(np.array([7] * 3 + [1] * 20), size, 2, rng=rng)
