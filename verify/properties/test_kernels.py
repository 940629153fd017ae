"""Normalization kernels meet the exact value within derived rounding bounds, and keep their symmetries.

Throughout, ``u = 2^-53`` and ``gamma(k) = k u / (1 - k u)``, after Higham (2002), chapter 3: any order of summing n
numbers errs by at most ``gamma(n - 1)`` times the sum of their magnitudes, and a product of k factors ``1 + u`` differs
from 1 by at most ``gamma(k)``.  Exact values are rationals.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from sim import norms, observables
from sim.networks import MLP
from verify.properties import strategies

U = Fraction(1, 2**53)
TINY = Fraction(1, 2**1074)
EPS = 1e-5


def gamma(k: int) -> Fraction:
    return k * U / (1 - k * U)


def exact_moments(entries: list[Fraction], kind: str) -> tuple[Fraction, Fraction]:
    """The mean and the variance (divisor n) in rationals; RMS takes no mean off."""
    mean = Fraction(0) if kind == "rms" else sum(entries, Fraction(0)) / len(entries)
    return mean, sum(((v - mean) ** 2 for v in entries), Fraction(0)) / len(entries)


def variance_bound(entries: list[Fraction], kind: str) -> Fraction:
    """How far the computed variance may be from the exact one.

    The kernel subtracts the first entry f: ``s_i = (x_i - f)(1 + d_i)``, ``|d_i| <= u``.  The standard deviation is a
    seminorm, so that of s is within ``u r`` of that of x, ``r^2 = mean (x_i - f)^2``; squared, and by
    ``2 a b <= a^2 + b^2``, the variances differ by at most ``u (r^2 + v) + u^2 r^2``.  The mean of s is off by
    ``e <= gamma(n) mean|s|``, which adds ``e^2`` to the mean square exactly; centering (once, squared), squaring,
    summing and dividing cost ``gamma(n + 3)``; each square and the quotient may underflow by half of TINY.
    """
    n = len(entries)
    _, v = exact_moments(entries, kind)
    if kind == "rms":
        return gamma(n + 1) * v + (n + 2) * TINY
    shifted = [x - entries[0] for x in entries]
    r2 = sum((s * s for s in shifted), Fraction(0)) / n
    v_s = U * (r2 + v) + U * U * r2
    e = gamma(n) * (1 + U) * sum(map(abs, shifted), Fraction(0)) / n
    return v_s + gamma(n + 3) * (v + v_s) + (1 + gamma(n + 3)) * e * e + (n + 2) * TINY


def blocks(kind: str, groups: int | None, shape: tuple[int, ...]) -> list[list[tuple[int, ...]]]:
    """The indices that each statistic pools, by the definition of the layer."""
    keys: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
    for index in np.ndindex(*shape):
        r, b, c = index[:3]
        key = {
            "batch": (r, c),
            "instance": (r, b, c),
            "group": (r, b, c // (shape[2] // (groups or 1))),
        }.get(kind, (r, b))
        keys.setdefault(key, []).append(index)
    return list(keys.values())


@given(strategies.activations())
@example(("batch", None, np.full((1, 3, 1), 3e15)))
@example(("batch", None, np.array([[[1e8], [1e8 + 1], [1e8]]])))
@example(("layer", None, np.full((1, 1, 3), 0.1)))
def test_variance_is_within_its_rounding_bound(case: tuple[str, int | None, np.ndarray]) -> None:
    kind, groups, x = case
    mean, var = norms.statistics(kind, x, groups=groups)
    for block, m, v in zip(blocks(kind, groups, x.shape), mean.reshape(-1), var.reshape(-1), strict=True):
        entries = [Fraction(float(x[i])) for i in block]
        exact_mean, exact_var = exact_moments(entries, kind)
        assert abs(Fraction(float(v)) - exact_var) <= variance_bound(entries, kind)
        # the mean: the first entry plus the mean of the differences, each difference rounded, the sum rounded
        n = len(entries)
        reach = sum((abs(e - entries[0]) for e in entries), Fraction(0)) / n
        slack = gamma(n + 1) * reach + U * (abs(exact_mean) + 2 * reach) + TINY
        assert abs(Fraction(float(m)) - exact_mean) <= slack


@given(strategies.activations())
def test_output_is_within_its_rounding_bound(case: tuple[str, int | None, np.ndarray]) -> None:
    kind, groups, x = case
    y, _ = norms.forward(kind, x, groups=groups, eps=EPS)
    for block in blocks(kind, groups, x.shape):
        entries = [Fraction(float(x[i])) for i in block]
        n = len(entries)
        mean, var = exact_moments(entries, kind)
        under = var + Fraction(EPS)
        # |(1 + t)^(-1/2) - 1| <= t for 0 <= |t| <= 1/2; then the root, the quotient and the product round
        t = variance_bound(entries, kind) / under + 2 * U
        assume(t <= Fraction(1, 2))
        relative = t + 4 * U
        reach = sum((abs(e - entries[0]) for e in entries), Fraction(0)) / n if kind != "rms" else Fraction(0)
        root = Fraction(math.isqrt(int(under * 2**400))) / 2**200
        for index, entry in zip(block, entries, strict=True):
            centered = entry - mean
            first = abs(entry - entries[0]) if kind != "rms" else Fraction(0)
            error = 2 * U * first + 2 * gamma(n + 1) * reach + 2 * U * abs(centered)
            bound = (abs(centered) * relative + error * (1 + relative)) / root * (1 + Fraction(1, 2**90)) + TINY
            assert abs(Fraction(float(y[index])) - centered / root) <= bound + abs(centered / root) / 2**90


@given(strategies.activations(dyadic=True), st.randoms(use_true_random=False))
def test_dyadic_statistics_of_powers_of_two_are_exact_in_any_order(
    case: tuple[str, int | None, np.ndarray], shuffle: object
) -> None:
    kind, groups, x = case
    var = norms.statistics(kind, x, groups=groups)[1].reshape(-1)
    order = list(range(x.shape[1]))
    shuffle.shuffle(order)  # type: ignore[attr-defined]
    for block, v in zip(blocks(kind, groups, x.shape), var, strict=True):
        n = len(block)
        if n & (n - 1) == 0:
            assert Fraction(float(v)) == exact_moments([Fraction(float(x[i])) for i in block], kind)[1]
            if kind == "batch":
                mixed = norms.statistics(kind, x[:, order], groups=groups)[1].reshape(-1)
                assert (mixed == var).all()


@given(strategies.activations(dyadic=True), st.integers(-40, 40), st.integers(-(2**12), 2**12))
def test_scale_by_a_power_of_two_and_exact_shift_change_nothing(
    case: tuple[str, int | None, np.ndarray], exponent: int, steps: int
) -> None:
    kind, groups, x = case
    where = np.arange(x.size).reshape(x.shape)
    unit = np.ldexp(1.0, np.frexp(x[x != 0])[1].min() - 14) if x.any() else 1.0
    x = x + where * unit
    assume(all(len({float(x[i]) for i in block}) > 1 for block in blocks(kind, groups, x.shape)))
    y, _ = norms.forward(kind, x, groups=groups, eps=0.0)
    assert (norms.forward(kind, x * 2.0**exponent, groups=groups, eps=0.0)[0] == y).all()
    if kind != "rms":
        # all entries are whole multiples of `unit` below 2^28 of it, so the shift is exact
        assert (norms.forward(kind, x + steps * unit, groups=groups, eps=0.0)[0] == y).all()


@given(st.sampled_from(norms.KINDS), st.integers(2, 9), st.floats(allow_nan=False, allow_infinity=False))
@example("batch", 3, 3e15)
@example("layer", 3, 1.7976931348623157e308)
def test_constant_input_gives_exactly_zero(kind: str, n: int, value: float) -> None:
    assume(kind != "rms")
    x = np.full((1, n, 4, n), value)
    y, _ = norms.forward(kind, x, groups=2 if kind == "group" else None, eps=EPS)
    assert not y.any()


@given(strategies.activations())
def test_per_sample_norms_do_not_see_the_peers(case: tuple[str, int | None, np.ndarray]) -> None:
    kind, groups, x = case
    assume(kind != "batch")
    y, cache = norms.forward(kind, x, groups=groups, eps=EPS)
    dx = norms.backward(cache, np.ones_like(x) + x * 0)[0]
    for b in range(x.shape[1]):
        alone, one = norms.forward(kind, x[:, b : b + 1], groups=groups, eps=EPS)
        assert (alone == y[:, b : b + 1]).all()
        assert (norms.backward(one, np.ones_like(alone))[0] == dx[:, b : b + 1]).all()


def test_batch_norm_does_see_the_peers() -> None:
    x = np.array([[[0.0], [1.0], [5.0]]])
    other = np.array([[[0.0], [1.0], [7.0]]])
    assert norms.forward("batch", x)[0][0, 0, 0] != norms.forward("batch", other)[0][0, 0, 0]


@given(strategies.activations(), st.integers(-20, 20))
def test_backward_is_linear_and_orthogonal_to_shifts(case: tuple[str, int | None, np.ndarray], exponent: int) -> None:
    kind, groups, x = case
    _, cache = norms.forward(kind, x, groups=groups, eps=EPS)
    dy = np.cos(np.arange(x.size, dtype=np.float64)).reshape(x.shape)
    dx = norms.backward(cache, dy)[0]
    assert (norms.backward(cache, dy * 2.0**exponent)[0] == dx * 2.0**exponent).all()
    if kind == "rms":
        return
    y, _ = norms.forward(kind, x, groups=groups, eps=EPS)
    for block in blocks(kind, groups, x.shape):
        entries = [Fraction(float(x[i])) for i in block]
        n, inverse = len(block), 1 / math.sqrt(float(exact_moments(entries, kind)[1]) + EPS)
        y_block = [float(y[i]) for i in block]
        # exactly, the sum over a block is 0; |g| <= 1, and |y| <= sqrt(n) since the squares of y sum to at most n,
        # so that mean|g y| <= 1 and each term is below 2 + sqrt(n); sums of y carry the error of its mean
        drift = abs(math.fsum(y_block)) + float(gamma(2 * n)) * sum(map(abs, y_block))
        bound = 2 * inverse * (n * float(gamma(2 * n + 8)) * (2 + math.sqrt(n)) + drift)
        assert abs(math.fsum(float(dx[i]) for i in block)) <= bound


@given(strategies.activations(), st.data())
def test_a_bad_entry_is_named(case: tuple[str, int | None, np.ndarray], data: st.DataObject) -> None:
    kind, groups, x = case
    index = tuple(data.draw(st.integers(0, n - 1)) for n in x.shape)
    x[index] = data.draw(st.sampled_from([math.nan, math.inf, -math.inf]))
    with pytest.raises(ValueError) as caught:
        norms.statistics(kind, x, groups=groups)
    assert f"at index {index}" in str(caught.value)


@given(st.integers(1, 12), st.integers(1, 12))
def test_groups_split_the_channels_or_are_refused(C: int, G: int) -> None:
    x = np.arange(2.0 * C).reshape(1, 1, C, 2)
    if C % G:
        with pytest.raises(ValueError, match=f"{C} channels cannot be split into {G} groups"):
            norms.statistics("group", x, groups=G)
        return
    mean, var = norms.statistics("group", x, groups=G)
    assert mean.shape == (1, 1, G)
    # one group is layer norm; as many groups as channels is instance norm
    if G == 1:
        assert (var[..., 0] == norms.statistics("layer", x)[1]).all()
    if G == C:
        assert (var == norms.statistics("instance", x)[1]).all()


@given(st.integers(1, 5))
def test_batch_norm_needs_two_samples(C: int) -> None:
    x = np.ones((1, 1, C))
    with pytest.raises(ValueError, match="at least 2 samples per channel"):
        norms.statistics("batch", x)
    assert norms.statistics("batch", np.ones((1, 2, C)))[1].shape == (1, C)


@given(st.integers(1, 4), st.integers(1, 6), strategies.streams())
def test_example_gradients_average_to_the_gradient(width: int, B: int, rng: np.random.Generator) -> None:
    network = MLP((3, width, 2))
    theta = network.initial(2, rng=rng)
    x, y = rng.standard_normal((2, B, 3)), rng.integers(0, 2, size=(2, B))
    each = network.example_gradients(theta, x, y)
    gradient = network.gradient(theta, x, y)[1]
    # the two sum the same products of the same factors in different orders
    bound = 2 * float(gamma(B + 2)) * np.abs(each).mean(axis=1)
    assert (np.abs(each.mean(axis=1) - gradient) <= bound).all()
    # each squared norm is (|a|^2 + 1) |d|^2: sums of at most 4 width + 8 products either way
    found = observables.square_norms(network, theta, x, y)
    terms = network.size + 2 * (3 + width + 2) + 8
    square = (each**2).sum(axis=2)
    assert (np.abs(found - square) <= 2 * float(gamma(terms)) * square).all()
