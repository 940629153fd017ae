"""Training in place by numba against NumPy, and its tiles against plain sums, at every remainder of a vector."""

from __future__ import annotations

import numpy as np
import pytest

from sim import in_place
from sim.blocks import Activation, Conv, Dense, Flatten, Pool
from sim.norm_blocks import Norm
from sim.optimizers import Optimizer
from sim.sequential import Network, Residual, mlp

pytest.importorskip("numba")

from sim.engines.with_numba import in_place as kernels
from sim.engines.with_numba import windows
from sim.in_place import plan

TYPES = (np.float32, np.float64)
FEW = {np.float32: 1e-4, np.float64: 1e-12}  # sums of at most some hundred products of order one


def _windows(
    rng: np.random.Generator, dtype: type, C: int, k: int, H: int, W: int, L: int
) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """Return an image (C, H + k - 1, W + k - 1, L), what lies under a kernel (C k k, H, W, L), and the places."""
    image = rng.standard_normal((C, H + k - 1, W + k - 1, L)).astype(dtype)
    c, h, w = (stride // image.itemsize for stride in image.strides[:3])
    places = [i * c + j * h + m * w for i in range(C) for j in range(k) for m in range(k)]
    under = np.stack([image[i, j : j + H, m : m + W] for i in range(C) for j in range(k) for m in range(k)])
    return image, under, places


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("L", [1, 2, 3, 4, 7, 8, 12, 16, 21])
@pytest.mark.parametrize("M", [1, 3, 4, 5, 6, 7, 11, 13])
def test_correlate(M: int, L: int, dtype: type) -> None:
    rng = np.random.default_rng(0)
    image, under, places = _windows(rng, dtype, 2, 2, 3, 2, L)
    a, b = rng.standard_normal((M, 8)).astype(dtype), rng.standard_normal(M).astype(dtype)
    # a guard around the output: nothing outside is touched
    out = np.full((M, 3, 2, L + 1), 7, dtype)
    h, w = (stride // image.itemsize for stride in image.strides[1:3])
    windows.correlate(
        a.ravel(), 0, 8, 0, M, image.ravel(), 0, h, w, 8, np.array([*range(8), *places]), 8,
        b, 0, 1, out.reshape(-1), 0, 2 * (L + 1), L + 1, 6 * (L + 1), 3, 2, L,
    )  # fmt: skip
    assert (out[..., L] == 7).all()
    wanted = np.einsum("mk,khwl->mhwl", a, under) + b[:, None, None, None]
    assert np.allclose(out[..., :L], wanted, rtol=0, atol=FEW[dtype])


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("L", [1, 3, 4, 8, 13, 16, 21])
@pytest.mark.parametrize(("M", "C"), [(1, 1), (2, 1), (3, 1), (4, 1), (5, 2), (7, 3)])
def test_products(M: int, C: int, L: int, dtype: type) -> None:
    rng = np.random.default_rng(1)
    for k in (1, 2):
        image, under, places = _windows(rng, dtype, C, k, 3, 2, L)
        d, N = rng.standard_normal((M, 3, 2, L)).astype(dtype), C * k * k
        out = np.full((M, N + 1), 7, dtype)
        h, w = (stride // image.itemsize for stride in image.strides[1:3])
        windows.products(
            d.ravel(), 0, 0, 2 * L, L, M, image.ravel(), 0, M, h, w, N,
            np.array([*(6 * L * m for m in range(M)), *places]), 3, 2, L, out.reshape(-1), 0, N + 1,
        )  # fmt: skip
        assert (out[:, N] == 7).all()
        wanted = np.einsum("mhwl,nhwl->mn", d, under)
        assert np.allclose(out[:, :N], wanted, rtol=0, atol=FEW[dtype])


BLOCK = Residual(
    (Conv(6, stride=2), Norm("batch"), Activation("relu"), Conv(6)), (Conv(6, size=1, padding=0, stride=2),)
)
NETWORKS = [
    Network((1, 8, 8), (Conv(5), Norm("batch"), Activation(), BLOCK, Activation(), Pool("max"), Flatten(), Dense(3))),
    Network((2, 6, 4), (Conv(7), Norm("group", groups=7), Activation("tanh"), Pool("average"), Flatten(), Dense(3))),
    # a block of nothing doubles; a kernel larger than the image; a frame wider than the kernel
    Network((2, 4, 4), (Residual(()), Conv(3, size=5, padding=2), Activation("gelu"), Flatten(), Dense(3))),
    Network((2, 4, 4), (Conv(3, size=2, padding=3, stride=2), Conv(4, size=2, padding=3), Flatten(), Dense(3))),
    Network((5, 4), (Activation("tanh"), Flatten(), Dense(6), Activation(), Dense(3))),
    mlp((4, 9, 3), loss="squared"),
]


@pytest.mark.parametrize("B", [1, 2, 3, 4, 7, 8, 17])
@pytest.mark.parametrize("network", NETWORKS)
def test_the_engines_agree(network: Network, B: int) -> None:
    rng = np.random.default_rng(2)
    X = rng.standard_normal((30, *network.shape))
    y = rng.standard_normal((30, 3)) if network.loss == "squared" else rng.integers(0, 3, 30)
    theta = network.initial(2, rng=rng)
    theta += 0.1 * rng.standard_normal(theta.shape)
    batches, method = rng.integers(0, 30, (2, 4, B)), Optimizer("heavy_ball", 0.05, beta=0.9)
    one, two = (
        in_place.train(network, theta, X, y, batches, optimizer=method, engine=engine) for engine in ("numpy", "numba")
    )
    # roundoffs of 10^-16 over four steps, amplified by what the norms' inverse roots allow
    assert np.allclose(one.theta, two.theta, rtol=0, atol=1e-11)
    assert np.allclose(one.losses, two.losses, rtol=0, atol=1e-12)


@pytest.mark.parametrize("last", [Activation("relu"), Pool("max"), Pool("max", 4)])
def test_what_is_not_a_number_stays_so(last: Activation | Pool) -> None:
    network = Network((1, 4, 4), (Conv(1, size=1, padding=0), last, Flatten(), Dense(1)))
    made = plan.compiled(network, 8, np.float64)
    flat, theta = made.flat(np.float64), np.zeros(network.size)
    step = made.steps[1]
    begin = int(step["x"])
    flat[begin : begin + 128] = -1.0
    flat[begin + 9], flat[begin + 10], flat[begin + 11] = np.nan, np.inf, -np.inf
    kernels._forward(step, made.places, flat, theta, 8)
    y = flat[int(step["y"]) :][: 8 * step["R"] * step["S"]]
    assert np.flatnonzero(np.isnan(y) | np.isinf(y)).tolist() == ([9, 10] if last == Activation("relu") else [1, 2])
    assert np.isnan(y).sum() == 1
