"""Every kernel of the normalization layers, in every implementation, keeps to its rounding bound on hard inputs.

Kinds: batch, layer, instance, group, RMS, ghost and both hybrids; implementations: the reference layers, the training
engines and training in place, each in NumPy and Numba; passes: forward and backward.  Bounds are those of
`verify.properties.rounded` on the formulas of `verify.properties.norm_kernels`: means are taken beyond the first entry
of a block, so that what they amplify is the spread of the block and never its distance from zero.
"""

from __future__ import annotations

from typing import Any

import flint
import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sim import ghost, norms
from verify.properties import rounded, strategies
from verify.properties.norm_kernels import KERNELS, Case, bounds, pooled

INPUTS = ("ordinary", "near constant", "far from zero", "subnormal", "constant blocks")
EXAMPLES = max(4, settings.default.max_examples // 12)
EPS = (2.0**-10, 2.0**-17)


def _entries(kind: str, dtype: Any, shape: tuple[int, ...]) -> st.SearchStrategy[np.ndarray]:
    """Arrays of one kind of input."""
    facts = np.finfo(dtype)
    small = hnp.arrays(np.float64, shape, elements=st.integers(-8, 8))
    match kind:
        case "ordinary":
            return hnp.arrays(dtype, shape, elements=st.floats(-4, 4, width=32))
        case "near constant":
            # neighbours of one number, a few units in its last place apart
            numbers = st.sampled_from([1.0, 0.1, -3e6])
            return st.builds(lambda c, k: (c * (1 + k * facts.eps)).astype(dtype), numbers, small)
        case "far from zero":
            far = st.sampled_from([c for c in (1e3, -1e6, 1e8, 1e12, 3e15) if c * facts.eps < 1])
            return st.builds(lambda c, k, n: (c + k * 2.0**n).astype(dtype), far, small, st.integers(-20, 12))
        case "subnormal":
            return small.map(lambda k: (k * float(facts.smallest_subnormal)).astype(dtype))
    # each block of some statistic constant: one number for each example, or for each channel
    own = st.one_of(st.just((shape[0], 1, 1)), st.just((1, shape[1], 1)), st.just((1, 1, 1)))
    number = st.sampled_from([0.1, 1.0, -7e5, 3e15, float(facts.tiny)])
    return own.flatmap(lambda s: hnp.arrays(dtype, s, elements=number.map(dtype))).map(
        lambda v: np.broadcast_to(v, shape).copy()
    )


def _shapes(implementation: str, kind: str, dtype: Any) -> st.SearchStrategy[tuple[int, int, int]]:
    """Shapes (B, C, S) with B = 1, B = 2, B = C, and in compiled code those that fill whole vectors."""
    B = st.sampled_from([1, 2, 3, 4]) if kind in ("layer", "group", "rms", "instance") else st.sampled_from([2, 4])
    if implementation.startswith("training"):
        plain = st.tuples(B, st.sampled_from([2, 4, 6]), st.just(1))
        if implementation.endswith("numpy"):
            return plain
        lanes = 64 // np.dtype(dtype).itemsize
        wide = st.tuples(st.sampled_from([2, 4, 5]), st.sampled_from([lanes, 4 * lanes + 2]), st.just(1))
        return st.one_of(plain, plain, wide)
    return st.tuples(B, st.sampled_from([2, 4]), st.sampled_from([1, 2, 3]))


@st.composite
def cases(draw: st.DrawFn, implementation: str, kind: str, inputs: str) -> Case:
    """Draw what a norm is given."""
    # the images' steps are compiled for one type alone, which takes long enough
    dtype = np.float64 if implementation == "in place, numba" else draw(st.sampled_from([np.float64, np.float32]))
    B, C, _ = shape = draw(_shapes(implementation, kind, dtype))
    x = draw(_entries(inputs, dtype, shape))
    dy = draw(hnp.arrays(dtype, shape, elements=st.floats(-2, 2, width=16)))
    gamma, beta = (draw(hnp.arrays(dtype, C, elements=st.floats(-2, 2, width=16))) for _ in range(2))
    groups = 2 if kind == "group" else 1
    alpha = draw(st.one_of(st.sampled_from([0.0, 1.0]), st.floats(0, 1, width=32))) if "hybrid" in kind else 0.0
    case = Case(x, dy, gamma, beta, groups, 2 if kind == "ghost" else B, alpha, draw(st.sampled_from(EPS)))
    assume(pooled(kind, case) > 1 or kind == "rms")
    return case


@pytest.mark.parametrize("implementation", [name for name, kind in KERNELS if kind == "batch"])
def test_what_underflows_inside_a_sum_is_scaled_with_it(implementation: str) -> None:
    # found by search: five units of the least number, normalized by 32
    x = np.array([[[0], [5]], [[5], [5]]]) * float(np.finfo(np.float64).smallest_subnormal)
    dy, zeros = np.array([[[0.25], [0]], [[0], [0]]]), np.zeros(2)
    case = Case(x, dy, zeros, zeros, 1, 2, 0.0, 2.0**-10)
    with flint.ctx.workprec(rounded.BITS):
        allowed = bounds("batch", case)
        for name, values in KERNELS[implementation, "batch"]("batch", case).items():
            assert allowed[name].holds(values), name


@pytest.mark.parametrize("inputs", INPUTS)
@pytest.mark.parametrize(("implementation", "kind"), KERNELS)
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_forward_and_backward_are_within_their_rounding_bounds(
    implementation: str, kind: str, inputs: str, data: st.DataObject
) -> None:
    case = data.draw(cases(implementation, kind, inputs))
    found = KERNELS[implementation, kind](kind, case)
    with flint.ctx.workprec(rounded.BITS):
        allowed = bounds("hybrid statistics" if kind == "hybrid" else kind, case)
        for name, values in found.items():
            assert values.dtype == case.x.dtype
            assert allowed[name].holds(values), name


def _constant(kind: str, x: np.ndarray) -> Case:
    B, C, _ = x.shape
    gamma, beta = np.ones(C, x.dtype), np.zeros(C, x.dtype)
    groups, size = 2 if kind == "group" else 1, B // 2 if kind == "ghost" else B
    return Case(x, np.ones_like(x), gamma, beta, groups, size, 0.3, 1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("implementation", "kind"), [case for case in KERNELS if case[1] != "rms"])
@settings(max_examples=EXAMPLES)
@given(value=st.one_of(st.sampled_from([0.1, 3e15, -7e5, 1e-40]), st.floats(-(2.0**99), 2.0**99, width=32)),
       shape=st.sampled_from([(2, 4), (4, 4), (6, 6), (6, 66), (6, 12)]))
@example(value=3e15, shape=(6, 6))
def test_a_constant_gives_exactly_zero(
    implementation: str, kind: str, dtype: Any, value: float, shape: tuple[int, int]
) -> None:
    B, C = shape
    assume(kind != "ghost" or B > 2)
    dtype = np.float64 if implementation == "in place, numba" else dtype
    x = np.full((B, C, 1 if implementation.startswith("training") else 3), value, dtype)
    found = KERNELS[implementation, kind](kind, _constant(kind, x))
    assert not found["y"].any()
    # and by its own blocks: channels under batch norm, examples under layer norm, whatever the others hold
    own = x.copy()
    axis = {"batch": 1, "ghost": 1, "layer": 0}.get(kind)
    if axis is not None:
        own *= (1 + np.arange(x.shape[axis], dtype=dtype)).reshape([-1 if a == axis else 1 for a in range(3)])
        assert not KERNELS[implementation, kind](kind, _constant(kind, own))["y"].any()


@pytest.mark.parametrize(("implementation", "kind"), [case for case in KERNELS if case[1] in ("batch", "layer")])
def test_neighbours_far_from_zero_are_told_apart(implementation: str, kind: str) -> None:
    """A sum in doubles of 1 and half a unit in its last place has no digit for it; so it was with compiled means."""
    x = np.ones((2, 2, 1))
    x[1, 0] = x[0, 1] = 1 + 2.0**-52
    case = _constant(kind, x)
    y = KERNELS[implementation, kind](kind, case)["y"][:, 0, 0]
    assert np.allclose(y, np.array([-1, 1]) * 2.0**-53 / np.sqrt(case.eps), rtol=1e-12, atol=0)


def test_mixed_means_would_not_give_a_constant_back() -> None:
    value, alpha = 4e15 + 0.5, 0.3
    assert alpha * value + (1 - alpha) * value != value
    x = np.full((3, 2, 1), value)
    for implementation in ("reference", "training, numpy"):
        kind = "hybrid statistics" if implementation == "reference" else "hybrid"
        assert not KERNELS[implementation, kind](kind, _constant(kind, x))["y"].any()


def test_means_of_raw_entries_would_break_the_bound() -> None:
    x = np.array([3e15, 3e15 + 1, 3e15 + 3]).reshape(3, 1, 1)
    one, zero = np.ones(1), np.zeros(1)
    case = Case(x, 0 * x, one, zero, 1, 3, 0.0, EPS[0])
    raw = x * (1 / 3)
    centered = x - raw.sum()
    naive = centered / np.sqrt((centered**2).mean() + EPS[0])
    with flint.ctx.workprec(rounded.BITS):
        allowed = bounds("batch", case)["y"]
        assert not allowed.holds(naive)
        assert allowed.holds(KERNELS["reference", "batch"]("batch", case)["y"])
        # a few dozen roundoffs of numbers of order one
        assert max(map(float, allowed.error.reshape(-1))) < 40 * 2.0**-53


@pytest.mark.parametrize("bessel", [False, True])
@pytest.mark.parametrize("sense", ["weight of the new batch", "weight of the old statistics"])
@given(weight=st.one_of(st.sampled_from([0.0, 0.01, 0.1, 0.5, 0.9, 0.99, 1.0]), st.floats(0, 1)),
       inputs=st.sampled_from(INPUTS), data=st.data())
def test_running_statistics_are_within_their_rounding_bound(
    sense: str, bessel: bool, weight: float, inputs: str, data: st.DataObject
) -> None:
    """In both senses of momentum, with and without Bessel's factor, over three batches, for batch and ghost batch.

    An update is ``old + w (new - old)`` or ``new - (1 - w) (new - old)``, each three roundings; the other sense of
    momentum gives the weight one more, and Bessel's factor the variance two.
    """
    B, C, parts = data.draw(st.sampled_from([(2, 2, 3), (3, 3, 2), (4, 2, 1)]))
    x = data.draw(_entries(inputs, np.float64, (parts * B, C, 1)))
    mean, var = ghost.statistics(x[None, ..., 0], size=B)
    start = norms.Running(np.full((1, C), 2.5), np.full((1, C), 0.3))
    new = weight if sense == "weight of the new batch" else 1.0 - weight
    after = ghost.update_running(start, mean, var, count=B, new_weight=new, bessel=bessel)
    step = start
    for part in range(parts):
        step = norms.update_running(step, mean[:, part], var[:, part], count=B, new_weight=new, bessel=bessel)
    assert (step.mean == after.mean).all()
    assert (step.var == after.var).all()
    with flint.ctx.workprec(rounded.BITS):
        f = rounded.Format(np.float64)
        w = f.exact([[weight]]) if sense == "weight of the new batch" else f.complement(weight).reshape(1, 1)
        one = f.exact([[1.0]])
        # Bessel's factor is a rounded quotient: its bound is that of the product by an inverse root, squared
        factor = (f.exact([[float(B * (B - 1))]])).inverse_root(1.0) * f.exact([[float(B)]])
        factor = factor * factor if bessel else one
        for old, news, found in ((start.mean, mean, after.mean), (start.var, var, after.var)):
            expected = f.exact(old)
            for part in range(parts):
                value = f.exact(news[:, part])
                if news is var and bessel:
                    value = value * factor
                away = value - expected
                expected = expected + w * away if new < 0.5 else value - (one - w) * away
            assert expected.holds(found)


@given(st.floats(0, 1), st.sampled_from([0.1, 3e15, -7e-300]), st.booleans())
def test_running_statistics_stay_where_batches_agree(weight: float, value: float, bessel: bool) -> None:
    held = norms.Running(np.full((1, 2), value), np.full((1, 2), abs(value)))
    count = 3
    batch = held.var / (count / (count - 1)) if bessel else held.var
    moved = norms.update_running(held, held.mean, batch, count=count, new_weight=weight, bessel=bessel)
    assert (moved.mean == value).all()
    if not bessel:
        assert (moved.var == abs(value)).all()
    new = norms.Running(held.mean + 1, held.var + 1)
    ends = [norms.update_running(held, new.mean, new.var, count=3, new_weight=w, bessel=False) for w in (0.0, 1.0)]
    assert (ends[0].mean == held.mean).all()
    assert (ends[1].mean == new.mean).all()


@given(strategies.streams(), st.sampled_from([0.1, 3e15]))
def test_inference_by_its_own_statistics_of_a_constant_is_exactly_zero(rng: np.random.Generator, value: float) -> None:
    x = np.full((1, int(rng.integers(2, 7)), 3), value)
    mean, var = norms.statistics("batch", x)
    weight = float(rng.random())
    running = norms.Running(mean, var)
    for _ in range(3):
        running = norms.update_running(running, mean, var, count=x.shape[1], new_weight=weight, bessel=True)
    assert not norms.forward_frozen(x, running)[0].any()
