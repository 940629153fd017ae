"""Convolution and pooling against plain loops, their adjoints, the strict array API; refusals."""

from __future__ import annotations

from typing import Any

import array_api_strict as strict
import numpy as np
import pytest

from sim import convolution
from verify.unit.sim.test_layers import STEP, slope

U = 2.0**-53
CASES = [(3, 1, 1), (3, 2, 1), (3, 1, 0), (3, 3, 2), (1, 2, 0), (2, 1, 2), (5, 2, 2)]


def by_loops(x: np.ndarray, W: np.ndarray, b: np.ndarray, stride: int, padding: int) -> np.ndarray:
    R, B, _, H, V = x.shape
    O, k = W.shape[1], W.shape[3]  # noqa: E741
    padded = np.pad(x, ((0, 0),) * 3 + ((padding, padding),) * 2)
    rows, cols = (convolution.output_side(s, k, stride=stride, padding=padding) for s in (H, V))
    y = np.empty((R, B, O, rows, cols))
    for r, i, o, p, q in np.ndindex(y.shape):
        part = padded[r, i, :, p * stride : p * stride + k, q * stride : q * stride + k]
        y[r, i, o, p, q] = (part * W[r, o]).sum() + b[r, o]
    return y


@pytest.mark.parametrize(("size", "stride", "padding"), CASES)
def test_convolution_by_the_definition(size: int, stride: int, padding: int) -> None:
    rng = np.random.default_rng(0)
    x, W, b = (
        rng.standard_normal((2, 3, 2, 5, 6)),
        rng.standard_normal((2, 4, 2, size, size)),
        rng.standard_normal((2, 4)),
    )
    y, _ = convolution.convolve(x, W, b, stride=stride, padding=padding)
    # both sum at most n products in some order; gamma(n) times the sum of their magnitudes is below n^2 u max|x||W|
    n = 2 * size**2 + 1
    assert np.allclose(y, by_loops(x, W, b, stride, padding), rtol=0, atol=2 * n**2 * U * 16)


@pytest.mark.parametrize(("size", "stride", "padding"), CASES)
def test_backward_is_the_adjoint(size: int, stride: int, padding: int) -> None:
    rng = np.random.default_rng(1)
    x, W, b = (
        rng.standard_normal((2, 3, 2, 5, 6)),
        rng.standard_normal((2, 4, 2, size, size)),
        rng.standard_normal((2, 4)),
    )
    y, columns = convolution.convolve(x, W, b, stride=stride, padding=padding)
    dy = rng.standard_normal(y.shape)
    dx, dW, db = convolution.convolve_backward(columns, W, dy)
    assert (dx.shape, dW.shape, db.shape) == (x.shape, W.shape, b.shape)

    # the output is linear in each argument: a central difference has no truncation, only rounding, |f| < 2^10
    atol = 2 * 4000 * U * 2**10 / STEP

    def value(a: np.ndarray, w: np.ndarray, c: np.ndarray) -> float:
        return float((convolution.convolve(a, w, c, stride=stride, padding=padding)[0] * dy).sum())

    assert np.allclose(dx, slope(lambda a: value(a, W, b), x), rtol=0, atol=atol)
    assert np.allclose(dW, slope(lambda a: value(x, a, b), W), rtol=0, atol=atol)
    assert np.allclose(db, slope(lambda a: value(x, W, a), b), rtol=0, atol=atol)
    without, same, _ = convolution.convolve_backward(columns, W, dy, inputs=False)
    assert without is None
    assert (same == dW).all()


@pytest.mark.parametrize("size", [1, 2, 3])
def test_pooling_by_the_definition_and_its_adjoint(size: int) -> None:
    rng = np.random.default_rng(2)
    x = rng.standard_normal((2, 3, 2, 6, 12))
    tiles = x.reshape(2, 3, 2, 6 // size, size, 12 // size, size)
    mean, (top, place) = convolution.average_pool(x, size), convolution.max_pool(x, size)
    assert np.allclose(mean, tiles.mean(axis=(4, 6)), rtol=0, atol=size**2 * 8 * U)
    assert (top == tiles.max(axis=(4, 6))).all()
    dy = rng.standard_normal(mean.shape)
    back = convolution.average_pool_backward(dy, size)
    assert np.allclose(back, slope(lambda a: float((convolution.average_pool(a, size) * dy).sum()), x), atol=1e-9)
    back = convolution.max_pool_backward(place, dy, size)
    # all entries differ by far more than STEP, so the maximum is linear in between
    assert np.allclose(back, slope(lambda a: float((convolution.max_pool(a, size)[0] * dy).sum()), x), atol=1e-9)


def test_of_equal_entries_the_first_counts() -> None:
    _, place = convolution.max_pool(np.ones((1, 1, 1, 2, 2)))
    assert convolution.max_pool_backward(place, np.ones((1, 1, 1, 1, 1)))[0, 0, 0].tolist() == [[1, 0], [0, 0]]


def test_single_precision_stays_single() -> None:
    x, W = np.ones((1, 2, 1, 4, 4), np.float32), np.ones((1, 3, 1, 3, 3), np.float32)
    y, columns = convolution.convolve(x, W, None)
    found = [y, *convolution.convolve_backward(columns, W, y), convolution.average_pool(x), convolution.max_pool(x)[0]]
    assert {a.dtype for a in found} == {np.dtype(np.float32)}


def test_strict_array_api_gives_the_same() -> None:
    rng = np.random.default_rng(3)
    arrays = [
        rng.standard_normal(s) for s in [(2, 3, 2, 4, 6), (2, 4, 2, 3, 3), (2, 4), (2, 3, 4, 2, 3), (2, 3, 2, 2, 3)]
    ]

    def all_of(x: Any, W: Any, b: Any, dy: Any, dp: Any) -> list[Any]:
        y, columns = convolution.convolve(x, W, b, stride=2)
        top, place = convolution.max_pool(x)
        found = [y, *convolution.convolve_backward(columns, W, dy), top, place, convolution.average_pool(x)]
        return [*found, convolution.max_pool_backward(place, dp), convolution.average_pool_backward(dp)]

    theirs = all_of(*(strict.asarray(a) for a in arrays))
    for one, other in zip(all_of(*arrays), theirs, strict=True):
        assert np.allclose(one, np.asarray(other), rtol=1e-13, atol=1e-13)


def test_bad_arguments_are_refused() -> None:
    x, W = np.ones((1, 2, 3, 4, 4)), np.ones((1, 5, 3, 3, 3))
    with pytest.raises(ValueError, match=r"kernels must have shape \(1, O, 3, k, k\), got \(1, 5, 2, 3, 3\)"):
        convolution.convolve(x, W[:, :, :2], None)
    with pytest.raises(ValueError, match=r"shape \(R, B, C, H, W\)"):
        convolution.convolve(x[0], W, None)
    with pytest.raises(ValueError, match="stride must be a whole number >= 1, got 0"):
        convolution.convolve(x, W, None, stride=0)
    with pytest.raises(ValueError, match="padding must be a whole number >= 0, got -1"):
        convolution.convolve(x, W, None, padding=-1)
    with pytest.raises(ValueError, match="a kernel of 3 does not fit a side of 2 with padding 0"):
        convolution.convolve(x[..., :2], W, None, padding=0)
    with pytest.raises(ValueError, match="pooling by 3 does not divide images of 4 x 4"):
        convolution.average_pool(x, 3)
    _, columns = convolution.convolve(x, W, None)
    with pytest.raises(ValueError, match="dy must have the output's shape"):
        convolution.convolve_backward(columns, W, np.ones((1, 2, 5, 4, 3)))
