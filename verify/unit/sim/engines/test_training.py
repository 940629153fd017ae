"""Each engine against the plain program in float64, and the hybrid norm against finite differences."""

from __future__ import annotations

import importlib.util
import sys
from itertools import pairwise

import numpy as np
import pytest

from sim import arrays, engines, ensembles
from sim.engines.program import Program
from sim.ensembles import Network, replay
from sim.networks import MLP
from sim.optimizers import Optimizer
from sim.training import train

NORMS = ("none", "batch", "layer", "group", "rms")


@pytest.fixture
def numba():
    pytest.importorskip("numba")


@pytest.fixture(params=engines.ENGINES)
def engine(request):
    if request.param != "numpy":
        library = pytest.importorskip(request.param)
        if request.param == "cupy" and not library.cuda.is_available():
            pytest.skip("no device for cupy")
    return request.param


def cloud(N=40, wide=7, K=3, seed=0):
    rng = np.random.Generator(np.random.PCG64DXSM(seed))
    return rng.standard_normal((N, wide)), rng.integers(0, K, N), rng.standard_normal((N, K))


def batches(R, T, B, N=40, seed=1):
    return np.random.Generator(np.random.PCG64DXSM(seed)).integers(0, N, (R, T, B))


def start(network, R, seed=2):
    rng = np.random.Generator(np.random.PCG64DXSM(seed))
    # scales and shifts away from 1 and 0, or their gradients' use would not show
    return network.initial(R, rng=rng) + 0.1 * rng.standard_normal((R, network.size))


def twins(norm, widths=(7, 12, 20, 3), activation="relu", loss="cross_entropy"):
    groups = 4 if norm == "group" else None
    return (
        Network(widths, activation, loss, norm, groups),
        MLP(widths, activation, loss, None if norm == "none" else norm, groups),
    )


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize(
    ("method", "beta", "lam"), [("sgd", 0.0, 0.1), ("heavy_ball", 0.9, 0.0), ("nesterov", 0.8, 0.1)]
)
def test_trajectories_equal_the_plain_program(engine, norm, method, beta, lam):
    network, plain = twins(norm)
    X, y, _ = cloud()
    theta, drawn = start(network, 3), batches(3, 6, 5)
    optimizer = Optimizer(method, np.array([0.02, 0.05, 0.1]), beta=beta, lam=lam)
    ours = replay(network, theta, X, y, drawn, optimizer=optimizer, engine=engine)
    theirs = train(plain, theta, X, y, drawn, optimizer=optimizer)
    # rounding of float64, times the growth of six steps
    np.testing.assert_allclose(ours.theta, theirs.theta, rtol=0, atol=1e-12)
    np.testing.assert_allclose(ours.losses, theirs.losses, rtol=1e-12)
    assert np.abs(ours.theta - theta).max() > 1e-3


@pytest.mark.parametrize("norm", ("none", "layer", "group", "rms"))
def test_adam_equals_the_plain_program(engine, norm):
    network, plain = twins(norm)
    X, y, _ = cloud()
    theta, drawn = start(network, 2), batches(2, 6, 5)
    optimizer = Optimizer("adam", 0.01, beta=0.9, lam=0.1)
    ours = replay(network, theta, X, y, drawn, optimizer=optimizer, engine=engine)
    theirs = train(plain, theta, X, y, drawn, optimizer=optimizer)
    # a first step of Adam is a sign: a gradient that is zero but for rounding moves by more than rounding
    np.testing.assert_allclose(ours.theta, theirs.theta, rtol=0, atol=1e-7)
    np.testing.assert_allclose(ours.losses, theirs.losses, rtol=1e-9)


@pytest.mark.parametrize("B", (3, 5, 8))
@pytest.mark.parametrize("norm", ("batch", "layer", "group", "rms"))
def test_norms_of_whole_vectors_and_a_rest_equal_the_plain_program(engine, norm, B):
    # six groups are four and two; 48 columns of float32 are a panel of 32 and 16
    widths, groups = (7, 48, 96, 3), 6 if norm == "group" else None
    network = Network(widths, "tanh", "cross_entropy", norm, groups)
    plain = MLP(widths, "tanh", "cross_entropy", norm, groups)
    X, y, _ = cloud()
    theta, drawn = start(network, 2), batches(2, 4, B)
    optimizer = Optimizer("heavy_ball", 0.02, beta=0.9)
    for kind, near in ((np.float64, 1e-12), (np.float32, 2e-4)):
        ours = replay(network, theta.astype(kind), X, y, drawn, optimizer=optimizer, engine=engine)
        theirs = train(plain, theta, X, y, drawn, optimizer=optimizer)
        np.testing.assert_allclose(ours.theta, theirs.theta, rtol=0, atol=near)


@pytest.mark.parametrize("activation", ("linear", "tanh", "gelu"))
@pytest.mark.parametrize("norm", ("none", "group"))
@pytest.mark.parametrize("loss", ("cross_entropy", "squared"))
def test_activations_and_losses_equal_the_plain_program(engine, activation, norm, loss):
    network, plain = twins(norm, activation=activation, loss=loss)
    X, labels, targets = cloud()
    y = labels if loss == "cross_entropy" else targets
    theta, drawn = start(network, 2), batches(2, 5, 4)
    optimizer = Optimizer("heavy_ball", 0.03, beta=0.9)
    ours = replay(network, theta, X, y, drawn, optimizer=optimizer, engine=engine)
    theirs = train(plain, theta, X, y, drawn, optimizer=optimizer)
    np.testing.assert_allclose(ours.theta, theirs.theta, rtol=0, atol=1e-12)
    np.testing.assert_allclose(ours.losses, theirs.losses, rtol=1e-12)


@pytest.mark.parametrize("B", (1, 2, 3, 4, 5, 6, 7, 11, 12, 13, 17))
@pytest.mark.parametrize("widths", ((3, 2), (1, 1, 1), (5, 33, 16, 2), (9, 8, 64, 40, 13)))
def test_every_shape_of_tile_equals_the_plain_program(engine, B, widths):
    network, plain = twins("none", widths=widths, activation="tanh", loss="squared")
    rng = np.random.Generator(np.random.PCG64DXSM(B))
    X, y = rng.standard_normal((30, widths[0])), rng.standard_normal((30, widths[-1]))
    theta, drawn = start(network, 2), batches(2, 3, B, N=30)
    optimizer = Optimizer("nesterov", 0.02, beta=0.5)
    for kind, near in ((np.float64, 1e-12), (np.float32, 2e-4)):
        ours = replay(network, theta.astype(kind), X, y, drawn, optimizer=optimizer, engine=engine)
        theirs = train(plain, theta, X, y, drawn, optimizer=optimizer)
        assert ours.theta.dtype == kind
        np.testing.assert_allclose(ours.theta, theirs.theta, rtol=near, atol=near)


@pytest.mark.parametrize("alpha", (0.0, 0.3, 1.0))
def test_hybrid_gradient_equals_finite_differences(engine, alpha):
    network = Network((4, 6, 3), "tanh", "cross_entropy", "hybrid", alpha=alpha)
    X, y, _ = cloud(wide=4)
    theta, drawn = start(network, 1), batches(1, 1, 5)
    optimizer, h = Optimizer("sgd", 1.0), 1e-6

    def loss(at):
        return replay(network, at, X, y, drawn, optimizer=optimizer, engine="numpy").losses[0, 0]

    gradient = (theta - replay(network, theta, X, y, drawn, optimizer=optimizer, engine=engine).theta)[0]
    for j in range(network.size):
        step = np.zeros_like(theta)
        step[0, j] = h
        slope = (loss(theta + step) - loss(theta - step)) / (2 * h)
        # h^2 of truncation and eps / h of rounding
        assert abs(slope - gradient[j]) < 1e-8
    assert np.abs(gradient).max() > 1e-2


@pytest.mark.parametrize(("alpha", "norm"), ((1.0, "batch"), (0.0, "layer")))
def test_hybrid_ends_are_batch_and_layer_norm(engine, alpha, norm):
    X, y, _ = cloud()
    hybrid = Network((7, 12, 20, 3), norm="hybrid", alpha=alpha)
    pure = Network((7, 12, 20, 3), norm=norm)
    theta, drawn = start(pure, 2), batches(2, 5, 6)
    optimizer = Optimizer("heavy_ball", 0.05, beta=0.9)
    ours = replay(hybrid, theta, X, y, drawn, optimizer=optimizer, engine=engine)
    theirs = replay(pure, theta, X, y, drawn, optimizer=optimizer, engine=engine)
    np.testing.assert_allclose(ours.theta, theirs.theta, rtol=0, atol=1e-12)


@pytest.mark.parametrize("norm", (*NORMS, "hybrid"))
def test_engines_agree_in_float32(norm, numba):
    network = Network(
        (7, 24, 40, 3), norm=norm, groups=4 if norm == "group" else None, alpha=0.4 if norm == "hybrid" else None
    )
    X, y, _ = cloud()
    theta, drawn = start(network, 4).astype(np.float32), batches(4, 20, 8)
    optimizer = Optimizer("heavy_ball", 0.02, beta=0.9)
    factors = np.linspace(0.1, 1, 20)
    a, b = (
        replay(network, theta, X, y, drawn, optimizer=optimizer, factors=factors, engine=engine)
        for engine in ("numpy", "numba")
    )
    # twenty steps at 1e-7 each, magnified where a unit is close to the kink
    np.testing.assert_allclose(a.losses, b.losses, rtol=2e-4)
    np.testing.assert_allclose(a.theta, b.theta, rtol=0, atol=2e-4)


@pytest.mark.parametrize("kind", (np.float32, np.float64))
@pytest.mark.parametrize("method", ("sgd", "heavy_ball", "nesterov", "adam"))
def test_divergence_is_recorded_with_its_step_and_the_parameters_before_it(engine, kind, method):
    network, plain = twins("none", loss="squared", activation="linear")
    X, _, y = cloud()
    theta, drawn = start(network, 3).astype(kind), batches(3, 40, 4)
    optimizer = Optimizer(method, np.array([1e-3, 50.0, 1e-3]), beta=0.0 if method == "sgd" else 0.5)
    ours = replay(network, theta, X, y, drawn, optimizer=optimizer, engine=engine, limit=1e8)
    theirs = train(plain, theta.astype(np.float64), X, y, drawn, optimizer=optimizer, limit=1e8)
    assert theirs.diverged == 1
    np.testing.assert_array_equal(ours.diverged_at, theirs.diverged_at)
    np.testing.assert_array_equal(np.isinf(ours.losses), np.isinf(theirs.losses))
    near = 1e-12 if kind == np.float64 else 1e-3
    scale = np.abs(theirs.theta).max(axis=1)
    assert (np.abs(ours.theta - theirs.theta).max(axis=1) <= near * scale).all()
    assert np.isfinite(ours.theta).all()


def test_a_gradient_that_overflows_stops_the_replica_before_the_step(engine):
    network, _ = twins("none", widths=(2, 3, 1), loss="squared", activation="linear")
    X, y = np.full((4, 2), 1e30), np.zeros((4, 1))
    theta = np.full((1, network.size), 1e-9, np.float32)
    # outputs 6e17 leave the loss finite; with hidden values of 2e21 they make gradients above 1e39
    theta[:, 9:] = 1e-4
    outcome = replay(
        network, theta, X, y, np.zeros((2, 3), np.int64), optimizer=Optimizer("sgd", 0.1), engine=engine,
        limit=1e38,
    )  # fmt: skip
    assert outcome.diverged_at.tolist() == [0]
    np.testing.assert_array_equal(outcome.theta, theta)


def test_layout_is_that_of_the_plain_network():
    for norm in NORMS:
        network, plain = twins(norm)
        program = ensembles._program(network, Optimizer("sgd", 0.1), 1.0)
        assert isinstance(program, Program) and program.size == plain.size == network.size
        for slot in plain.slots:
            assert getattr(program.layers[slot.layer], slot.name) == slot.start
        assert [(p.wide, p.out) for p in program.layers] == list(pairwise(network.widths))


def found(*installed):
    return lambda name: object() if name in installed else None


def test_choose_names_what_there_is(monkeypatch):
    assert engines.names()[0] == "numpy"
    assert engines.choose().name == engines.names()[-1]
    with pytest.raises(ValueError, match=r"unknown engine 'mlx': allowed are auto, numpy, numba, cupy"):
        engines.choose("mlx")
    with pytest.raises(ValueError, match=r"unknown kernels 'walks': allowed are training, "):
        engines.names("walks")
    with pytest.raises(AttributeError, match="no kernels 'walks'"):
        _ = engines.choose("numpy").walks
    monkeypatch.setattr(importlib.util, "find_spec", found())
    assert engines.names() == engines.names("training") == ("numpy",) and engines.choose().name == "numpy"
    with pytest.raises(ModuleNotFoundError, match=r"'numba' is not installed: pip install batchlaws\[fast\]$"):
        engines.choose("numba")
    how = r"pip install batchlaws\[gpu12\] \(CUDA 12\) or batchlaws\[gpu13\] \(CUDA 13\)$"
    with pytest.raises(ModuleNotFoundError, match=f"'cupy' is not installed: {how}"):
        engines.choose("cupy")


def test_the_engine_on_a_device_only_trains_and_is_never_chosen_unasked(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", found("cupy"))
    assert engines.names("training") == ("numpy", "cupy") and engines.names("chains") == engines.names() == ("numpy",)
    assert engines.choose().name == "numpy"
    monkeypatch.setattr(importlib.util, "find_spec", found("numba", "cupy"))
    assert engines.names("training") == engines.ENGINES and engines.choose().name == "numba"
    chosen = engines.choose("cupy")
    assert chosen.on_device and chosen.training is engines.choose("numpy").training
    there = object()
    monkeypatch.setitem(sys.modules, "array_api_compat.cupy", there)
    assert chosen.namespace is there and not engines.choose("numba").on_device
    assert engines.choose("numpy").namespace is engines.choose("numba").namespace is arrays.backend("numpy")
    for kernel in set(engines.KERNELS) - {"training"}:
        with pytest.raises(ValueError, match=f"only trains, it has no kernels '{kernel}': allowed are numpy, numba"):
            getattr(chosen, kernel)


def test_an_engine_holds_every_kernel_it_is_said_to():
    for kernel in engines.KERNELS:
        for name in engines.names(kernel):
            module = getattr(engines.choose(name), kernel)
            assert module.__all__ and all(hasattr(module, each) for each in module.__all__)
