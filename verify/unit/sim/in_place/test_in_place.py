"""Training in place against `sim.training.train`, for every layer and norm; divergence; refusals."""

from __future__ import annotations

import numpy as np
import pytest

from sim import engines, in_place
from sim.blocks import Activation, Attention, Conv, Dense, Flatten, Pool
from sim.norm_blocks import Norm
from sim.optimizers import Optimizer
from sim.sequential import Network, Residual, mlp
from sim.training import train

NORMS = [
    Norm("batch"),
    Norm("layer"),
    Norm("rms"),
    Norm("group", groups=2),
    Norm("instance"),
    Norm("batch", affine=False),
    Norm("layer", affine=False),
]


def _images(norm: Norm) -> Network:
    block = Residual((Conv(8, stride=2), norm, Activation("gelu"), Conv(8)), (Conv(8, size=1, padding=0, stride=2),))
    return Network((2, 6, 6), (Conv(4), norm, Activation("relu"), block, Pool("max", 3), Flatten(), Dense(3)))


NETWORKS = [
    mlp((4, 6, 5, 3)),
    mlp((4, 6, 5, 3), activation="gelu"),
    mlp((4, 6, 5, 3), activation="tanh", loss="squared"),
    *[mlp((4, 6, 6, 3), norm=norm, place="after", activation="tanh") for norm in NORMS if norm.kind != "instance"],
    *[_images(norm) for norm in NORMS],
    # a block whose last layer overwrites the gradient that the shortcut needs too
    Network((2, 6, 6), (Conv(4), Residual((Conv(4), NORMS[1], Activation("tanh"))), Pool("max"), Flatten(), Dense(3))),
    # odd strides and paddings; layers without parameters first; a residual block whose input needs no gradient
    Network(
        (2, 7, 6),
        (Activation("tanh"), Residual((Conv(2),)), Conv(4, size=5, stride=3, padding=2), Flatten(), Dense(3)),
    ),
    Network((2, 4, 4), (Conv(3, size=2, padding=2), Conv(4, size=3, padding=0), Flatten(), Dense(3))),
    Network((2, 6, 6), (Norm("layer"), Conv(4), Activation("linear"), Pool("average", 3), Flatten(), Dense(3))),
]


ENGINES = engines.names("chains")


def _case(network: Network, R: int = 3, T: int = 6, B: int = 5) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((40, *network.shape))
    y = rng.standard_normal((40, 3)) if network.loss == "squared" else rng.integers(0, 3, 40)
    theta = network.initial(R, rng=rng)
    theta += 0.1 * rng.standard_normal(theta.shape)
    return theta, X, y, rng.integers(0, 40, (R, T, B))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("network", NETWORKS)
def test_the_trajectory_is_that_of_training(network: Network, momentum: float, engine: str) -> None:
    method = Optimizer("heavy_ball" if momentum else "sgd", np.array([0.02, 0.05, 0.1]), beta=momentum)
    case = _case(network)
    one = train(network, *case, optimizer=method)
    two = in_place.train(network, *case, optimizer=method, engine=engine)
    # six steps of at most some thousand operations on numbers of order one: they amplify roundoffs of 10^-16 by what
    # the norms' inverse roots, below 10^3, allow
    assert np.allclose(one.theta, two.theta, rtol=0, atol=1e-10)
    assert np.allclose(one.losses, two.losses, rtol=0, atol=1e-11)
    assert np.abs(two.theta - case[0]).max() > 0.01


@pytest.mark.parametrize("engine", ENGINES)
def test_replicas_do_not_see_each_other(engine: str) -> None:
    network, method = _images(NORMS[0]), Optimizer("heavy_ball", 0.05, beta=0.9)
    theta, X, y, batches = _case(network)
    whole = in_place.train(network, theta, X, y, batches, optimizer=method, engine=engine)
    alone = in_place.train(network, theta[1:2], X, y, batches[1:2], optimizer=method, engine=engine)
    assert (alone.theta[0] == whole.theta[1]).all()
    shared = in_place.train(network, theta, X, y, batches[1], optimizer=method, engine=engine)
    assert (shared.theta[1] == whole.theta[1]).all()
    assert (in_place.train(network, theta, X, y, batches, optimizer=method, engine=engine).theta == whole.theta).all()


@pytest.mark.parametrize("engine", ENGINES)
def test_threads_share_the_replicas_and_change_nothing(engine: str) -> None:
    # step sizes of which some diverge: what one replica leaves behind must not reach the next
    network, method = _images(NORMS[0]), Optimizer("heavy_ball", np.array([0.05, 1e200, 0.05, 0.01, 1e300]), beta=0.9)
    theta, X, y, batches = _case(network, R=5)
    theta[2], batches[2] = theta[0], batches[0]
    found = [
        in_place.train(network, theta, X, y, batches, optimizer=method, engine=engine, threads=threads)
        for threads in (1, 2, 3, 8)
    ]
    assert (found[0].diverged_at >= 0).tolist() == [False, True, False, False, True]
    assert (found[0].theta[0] == found[0].theta[2]).all()
    for other in found[1:]:
        assert (other.theta == found[0].theta).all()
        assert (other.losses == found[0].losses).all()
        assert (other.diverged_at == found[0].diverged_at).all()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_step_moves_by_the_slope_of_the_loss(engine: str) -> None:
    network = _images(NORMS[3])
    theta, X, y, batches = _case(network, R=1, T=1)
    rng, eta, h = np.random.default_rng(1), 1e-3, 1e-5
    moved = in_place.train(network, theta, X, y, batches, optimizer=Optimizer("sgd", eta), engine=engine).theta
    ways = rng.standard_normal((20, network.size))
    ends = np.concatenate([theta + h * ways, theta - h * ways])
    losses = in_place.train(network, ends, X, y, batches[0], optimizer=Optimizer("sgd", eta), engine=engine).losses[0]
    slopes = (losses[:20] - losses[20:]) / (2 * h)
    # central differences: third derivatives of order 10^3, times h^2; roundoff 10^-16 / h
    assert np.allclose(slopes, ways @ (theta - moved)[0] / eta, rtol=0, atol=1e-5)
    assert np.abs(slopes).max() > 0.1


@pytest.mark.parametrize("engine", ENGINES)
def test_single_precision_stays_single_and_close(engine: str) -> None:
    network, method = _images(NORMS[1]), Optimizer("heavy_ball", 0.05, beta=0.9)
    theta, X, y, batches = _case(network)
    double = in_place.train(network, theta, X, y, batches, optimizer=method, engine=engine)
    single = in_place.train(network, theta.astype(np.float32), X, y, batches, optimizer=method, engine=engine)
    assert single.theta.dtype == np.float32
    # roundoffs of 6e-8 amplified as above
    assert np.allclose(single.theta, double.theta, rtol=0, atol=1e-3)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("eta", [np.array([5.0, 0.02, 0.5]), np.array([1e155, 1e300, 0.01])])
def test_divergence_is_recorded_as_in_training(eta: np.ndarray, engine: str) -> None:
    network = mlp((4, 6, 5, 3), loss="squared")
    case, method = _case(network, T=20), Optimizer("heavy_ball", eta, beta=0.9)
    one = train(network, *case, optimizer=method)
    two = in_place.train(network, *case, optimizer=method, engine=engine)
    assert one.diverged >= 1
    assert (one.diverged_at == two.diverged_at).all()
    assert (np.isinf(one.losses) == np.isinf(two.losses)).all()
    fine = np.isfinite(one.losses)
    assert np.allclose(one.losses[fine], two.losses[fine], rtol=1e-6)
    assert np.allclose(one.theta, two.theta, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("engine", ENGINES)
def test_of_equal_entries_in_a_tile_the_first_counts(engine: str) -> None:
    network = Network((2, 6, 6), (Conv(4, size=1, padding=0), Pool("max", 3), Flatten(), Dense(3)))
    theta, X, y, batches = _case(network)
    case, method = (theta, np.ones_like(X), y, batches), Optimizer("sgd", 0.1)
    one = train(network, *case, optimizer=method)
    two = in_place.train(network, *case, optimizer=method, engine=engine)
    assert np.allclose(one.theta, two.theta, rtol=0, atol=1e-12)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("T", [1, 3])
def test_a_gradient_that_overflows_under_a_finite_loss_is_divergence(T: int, engine: str) -> None:
    network = mlp((2, 2, 3), loss="squared", activation="linear")
    theta = np.zeros((1, network.size))
    theta[0, 6:12] = 1e200
    X, y, batches = np.full((4, 2), 1e200), np.ones((4, 3)), np.zeros((1, T, 2), dtype=np.int64)
    # the hidden layer is zero, so the loss is finite; its weights' gradient is 1e200 * 1e200
    method = Optimizer("sgd", 0.1)
    one = train(network, theta, X, y, batches, optimizer=method)
    two = in_place.train(network, theta, X, y, batches, optimizer=method, engine=engine)
    assert one.diverged_at.tolist() == two.diverged_at.tolist() == [0]
    assert (two.theta == theta).all()
    assert np.isinf(two.losses).all()


def test_bad_arguments_are_refused() -> None:
    network, method = mlp((4, 6, 3)), Optimizer("sgd", 0.1)
    theta, X, y, batches = _case(network)

    def refused(message: str, **more: object) -> None:
        given = {"network": network, "theta": theta, "X": X, "y": y, "batches": batches, "optimizer": method} | more
        with pytest.raises(ValueError, match=message):
            in_place.train(**given)  # type: ignore[arg-type]

    bad = X.copy()
    bad[3, 1] = np.nan
    refused(r"theta must be float32 or float64 of shape \(R, 51\), got int64", theta=np.ones((3, 51), dtype=np.int64))
    refused(r"data must have shape \(40, 4\) and labels \(40, ...\), got \(40, 3\)", X=X[:, :3])
    refused("the data must be finite", X=bad)
    refused(r"labels must be whole numbers in 0\.\.2", y=y + 1)
    refused(r"batches must have shape \(T, B\) or \(3, T, B\)", batches=batches[:2])
    refused(r"batch indices must lie in 0\.\.39, got 0\.\.40", batches=np.array([[0, 40]]))
    refused("without weight decay, got adam", optimizer=Optimizer("adam", 0.1))
    refused("with lam=0.1", optimizer=Optimizer("sgd", 0.1, lam=0.1))
    refused("limit must be > 0, got 0", limit=0)
    refused("threads must be a whole number >= 1, got 0", threads=0)
    refused("threads must be a whole number >= 1, got True", threads=True)
    refused("unknown engine 'x': allowed are auto, numpy, numba", engine="x")
    squared = mlp((4, 6, 3), loss="squared")
    refused(r"targets must have shape \(40, 3\)", network=squared)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("network", "message"),
    [
        (Network((5, 4), (Attention(3), Flatten(), Dense(3))), r"no Attention on shape \(5, 4\)"),
        (mlp((4, 6, 3), norm=Norm("ghost", size=5)), "no ghost norm"),
        (mlp((4, 6, 3), norm=Norm("hybrid")), "no hybrid norm"),
        (mlp((4, 6, 3), norm=Norm("layer", eps=0.0)), r"needs eps > 0, got 0\.0"),
        (mlp((4, 6, 3), norm=Norm("instance")), "instance statistics needs at least 2 entries, got 1"),
        (Network((5, 4), (Dense(3),)), r"the output must be a vector, got \(5, 3\)"),
    ],
)
def test_networks_without_a_form_in_place_are_refused(network: Network, message: str, engine: str) -> None:
    rng = np.random.default_rng(0)
    theta, X, y = network.initial(1, rng=rng), rng.standard_normal((9, *network.shape)), rng.integers(0, 3, 9)
    with pytest.raises(ValueError, match=message):
        in_place.train(
            network, theta, X, y, rng.integers(0, 9, (1, 2, 5)), optimizer=Optimizer("sgd", 0.1), engine=engine
        )
