"""The training kernel over arrays of other libraries, which NumPy cannot read, against the same kernel over NumPy's."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace

import array_api_strict
import numpy as np
import pytest

from sim import engines, ensembles
from sim.engines.program import ACTIVATIONS, LOSSES, METHODS, NORMS
from sim.engines.with_numpy import training
from sim.ensembles import Group, Network, Phase, replay, train
from sim.optimizers import Optimizer

ELSEWHERE = array_api_strict.Device("device1")
WIDTHS, N, R, B, T = (7, 12, 20, 3), 40, 3, 5, 8


@pytest.fixture
def told(monkeypatch):
    """Engine `strict`, whose arrays lie where only `to_host` reads them; the shapes of what was read."""
    shapes = []

    def to_host(x):
        if isinstance(x, np.ndarray):
            return x
        shapes.append(x.shape)
        return np.array(x.to_device(array_api_strict.Device("CPU_DEVICE")))

    namespace = SimpleNamespace(
        asarray=partial(array_api_strict.asarray, device=ELSEWHERE, copy=True), zeros_like=array_api_strict.zeros_like
    )
    strict, choose = SimpleNamespace(training=training, namespace=namespace, on_device=True), engines.choose
    monkeypatch.setattr(engines, "choose", lambda name="auto": strict if name == "strict" else choose(name))
    for module in (training, ensembles):
        monkeypatch.setattr(module, "to_host", to_host)
    return shapes


@pytest.fixture(params=("strict", "cupy"))
def library(request):
    if request.param == "cupy":
        cupy = pytest.importorskip("cupy")
        if not cupy.cuda.is_available():
            pytest.skip("no device for cupy")
    else:
        request.getfixturevalue("told")
    return request.param


def network(norm="none", activation="relu", loss="cross_entropy"):
    return Network(
        WIDTHS, activation, loss, norm, 4 if norm == "group" else None, alpha=0.4 if norm == "hybrid" else None
    )


def setting(net, kind=np.float64, B=B, T=T, seed=0):
    rng = np.random.Generator(np.random.PCG64DXSM(seed))
    X, labels, targets = rng.standard_normal((N, 7)), rng.integers(0, 3, N), rng.standard_normal((N, 3))
    theta = net.initial(R, rng=rng) + 0.1 * rng.standard_normal((R, net.size))
    y = labels if net.loss == "cross_entropy" else targets
    return theta.astype(kind), X, y, rng.integers(0, N, (R, T, B))


def agree(ours, theirs, kind, library):
    # A step rounds sums of at most 21 products, within 10 units of the last place.  Under strict few sums differ from
    # NumPy's; elsewhere all may, and a difference at the start grows up to 70 times in T steps of these settings.
    near = T * 10 * np.finfo(kind).eps * (1 if library == "strict" else 70)
    assert type(ours.theta) is np.ndarray and ours.theta.dtype == kind and ours.losses.dtype == np.float64
    np.testing.assert_array_equal(ours.diverged_at, theirs.diverged_at)
    np.testing.assert_array_equal(np.isinf(ours.losses), np.isinf(theirs.losses))
    alive = np.isfinite(theirs.losses)
    np.testing.assert_allclose(ours.losses[alive], theirs.losses[alive], rtol=near, atol=near)
    # relative to the greatest parameter of the replica, for a gradient mixes them
    scale = np.abs(theirs.theta).max(axis=1, keepdims=True)
    assert (np.abs(ours.theta - theirs.theta) <= near * scale).all()


@pytest.mark.parametrize("kind", (np.float32, np.float64))
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("method", METHODS)
def test_every_norm_and_method_trains_as_under_numpy(library, norm, method, kind):
    net = network(norm)
    theta, X, y, drawn = setting(net, kind)
    # so large a constant beside the root keeps Adam's move as smooth in the gradient as the others'
    optimizer = Optimizer(method, np.array([0.02, 0.05, 0.1]), beta=0.0 if method == "sgd" else 0.9, eps=0.1, lam=0.1)
    factors = np.array([0.5, 0.5, 1.0, 1.0, 0.2, 0.2, 0.7, 0.7])
    ours, theirs = (
        replay(net, theta, X, y, drawn, optimizer=optimizer, factors=factors, engine=engine)
        for engine in (library, "numpy")
    )
    agree(ours, theirs, kind, library)
    assert theirs.diverged == 0 and np.abs(ours.theta - theta).max() > 1e-2


@pytest.mark.parametrize("kind", (np.float32, np.float64))
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("B", (1, 2, 5))
def test_every_activation_and_loss_trains_as_under_numpy(library, activation, loss, B, kind):
    net = network("layer", activation, loss)
    theta, X, y, drawn = setting(net, kind, B=B)
    ours, theirs = (
        replay(net, theta, X, y, drawn, optimizer=Optimizer("heavy_ball", 0.03, beta=0.9), engine=engine)
        for engine in (library, "numpy")
    )
    agree(ours, theirs, kind, library)
    assert theirs.diverged == 0 and np.abs(ours.theta - theta).max() > 1e-2


@pytest.mark.parametrize("kind", (np.float32, np.float64))
@pytest.mark.parametrize("method", METHODS)
def test_a_diverging_replica_keeps_its_step_and_the_parameters_before_it(library, method, kind):
    net = network("none", "linear", "squared")
    theta, X, y, drawn = setting(net, kind)
    optimizer = Optimizer(method, np.array([1e-3, 50.0, 1e-3]), beta=0.0 if method == "sgd" else 0.5, lam=0.01)

    def run(engine, steps=T):
        return replay(net, theta, X, y, drawn[:, :steps], optimizer=optimizer, engine=engine, limit=1e8)

    ours, theirs = run(library), run("numpy")
    assert theirs.diverged == 1 and 0 < theirs.diverged_at[1] < T - 1
    agree(ours, theirs, kind, library)
    before = run(library, int(ours.diverged_at[1]))
    assert before.diverged == 0
    np.testing.assert_array_equal(ours.theta[1], before.theta[1])


@pytest.mark.parametrize("design", ensembles.DESIGNS)
@pytest.mark.parametrize(("warm", "when"), ((0.5, range(1, 6)), (1e-7, range(7, 11))))
def test_phases_draw_the_same_batches_and_a_stopped_replica_stays_stopped(library, design, warm, when):
    _, X, y, _ = setting(network())
    phases = (Phase(6, 4, warm), Phase(5, 8))
    optimizer = Optimizer("heavy_ball", np.array([0.01, 1e6, 0.02]), beta=0.9)
    group = Group(network(), optimizer, phases, (1, 2, 3), design)
    ours, theirs = (train([group], X, y, dtype=np.float64, engine=engine)[0] for engine in (library, "numpy"))
    assert theirs.diverged == 1 and theirs.diverged_at[1] in when
    assert np.isfinite(theirs.losses[: theirs.diverged_at[1], 1]).all()
    agree(ours, theirs, np.float64, library)
    pieces = train([group], X, y, dtype=np.float64, engine=library, chunk=2, threads=2)[0]
    agree(pieces, theirs, np.float64, library)


def test_a_gradient_that_is_not_finite_stops_the_replica_before_the_step(library):
    net = Network((2, 3, 1), "linear", "squared")
    X, y = np.full((4, 2), 1e30), np.zeros((4, 1))
    theta = np.full((1, net.size), 1e-9, np.float32)
    theta[:, 9:] = 1e-4  # the loss is finite, gradients are above 1e39
    outcome = replay(
        net, theta, X, y, np.zeros((2, 3), np.int64), optimizer=Optimizer("sgd", 0.1), engine=library, limit=1e38
    )
    assert outcome.diverged_at.tolist() == [0]
    np.testing.assert_array_equal(outcome.theta, theta)


@pytest.mark.parametrize("norm", ("none", "batch"))
def test_the_host_reads_the_losses_once_a_step_and_the_parameters_at_the_end(told, norm):
    net = network(norm)
    theta, X, y, drawn = setting(net)
    replay(net, theta, X, y, drawn, optimizer=Optimizer("nesterov", 0.01, beta=0.9), engine="strict")
    assert told == [(R,)] * T + [theta.shape]
