"""Groups, schedules and streams: what the draws hang on and what they do not, and every refusal."""

from __future__ import annotations

import numpy as np
import pytest

from sim import engines, ensembles
from sim.ensembles import Group, Network, Phase, replay, train
from sim.networks import MLP
from sim.optimizers import Optimizer
from sim.training import train as plain_train

WIDTHS = (5, 8, 3)
PHASES = (Phase(6, 4), Phase(4, 8))


@pytest.fixture(params=engines.ENGINES)
def engine(request):
    if request.param != "numpy":
        library = pytest.importorskip(request.param)
        if request.param == "cupy" and not library.cuda.is_available():
            pytest.skip("no device for cupy")
    return request.param


def cloud(N=24):
    rng = np.random.Generator(np.random.PCG64DXSM(0))
    return rng.standard_normal((N, 5)), rng.integers(0, 3, N)


def group(seeds=(1, 2, 3, 4, 5), norm="none", phases=PHASES, design="wor", eta=0.05, **more):
    network = Network(WIDTHS, norm=norm, **more)
    return Group(network, Optimizer("heavy_ball", eta, beta=0.9), tuple(phases), tuple(seeds), design)


def test_results_do_not_hang_on_chunk_or_threads(engine):
    X, y = cloud()
    for norm in ("none", "batch", "layer"):
        reference = train([group(norm=norm)], X, y, engine=engine, dtype=np.float64)[0]
        for chunk, threads in ((1, 1), (2, 1), (3, 2), (None, 2)):
            other = train([group(norm=norm)], X, y, engine=engine, dtype=np.float64, chunk=chunk, threads=threads)[0]
            np.testing.assert_allclose(other.theta, reference.theta, rtol=0, atol=1e-14)
            np.testing.assert_allclose(other.losses, reference.losses, rtol=1e-13)


def test_the_compiled_engine_gives_the_same_bits_in_any_chunk():
    pytest.importorskip("numba")
    X, y = cloud()
    for norm in ("none", "batch", "hybrid"):
        some = group(norm=norm, alpha=0.5 if norm == "hybrid" else None)
        first, second = (
            train([some], X, y, engine="numba", chunk=chunk, threads=threads)[0] for chunk, threads in ((1, 1), (5, 2))
        )
        np.testing.assert_array_equal(first.theta, second.theta)


def test_a_replica_is_its_seed_whatever_stands_beside_it(engine):
    X, y = cloud()
    all_of_them = train([group()], X, y, engine=engine, dtype=np.float64)[0]
    alone = train([group(seeds=(4,))], X, y, engine=engine, dtype=np.float64)[0]
    np.testing.assert_allclose(all_of_them.theta[3], alone.theta[0], rtol=0, atol=1e-14)
    assert np.abs(all_of_them.theta[3] - all_of_them.theta[2]).max() > 1e-2


def test_groups_with_one_seed_start_alike_and_see_the_same_batches():
    X, y = cloud()
    a, b = group(), group(norm="layer")
    drawn = [ensembles._drawn(g, 2, 1, 0, 4, len(X)) for g in (a, b)]
    np.testing.assert_array_equal(*drawn)
    others = [
        ensembles._drawn(a, seed, phase, segment, 4, len(X))
        for seed, phase, segment in ((3, 1, 0), (2, 0, 0), (2, 1, 1))
    ]
    for other in others:
        assert other.shape != drawn[0].shape or (other != drawn[0]).any()
    outcomes = train([a, b], X, y)
    assert [o.theta.shape for o in outcomes] == [(5, g.network.size) for g in (a, b)]


def test_schedule_and_step_sizes_equal_the_plain_program_step_by_step(engine):
    X, y = cloud()
    eta = np.array([0.01, 0.03, 0.1])
    phases = (Phase(5, 4, 0.2, 1.0), Phase(3, 8, 0.5))
    one = group(seeds=(7, 8, 9), phases=phases, eta=eta)
    ours = train([one], X, y, engine=engine, dtype=np.float64)[0]

    theta = np.concatenate([one.network.initial(1, rng=ensembles._stream(seed, 0)) for seed in one.seeds])
    factors = [0.2, 0.4, 0.6, 0.8, 1.0, 0.5, 0.5, 0.5]
    velocity = np.zeros_like(theta)
    network, t = MLP(WIDTHS, activation="relu"), 0
    for number, phase in enumerate(phases):
        drawn = np.stack([ensembles._drawn(one, s, number, 0, phase.steps, len(X)) for s in one.seeds])
        for step in range(phase.steps):
            index = drawn[:, step]
            losses, gradient = network.gradient(theta, X[index], y[index])
            np.testing.assert_allclose(ours.losses[t], losses.mean(axis=1), rtol=1e-12)
            velocity = 0.9 * velocity + gradient
            theta = theta - eta[:, None] * factors[t] * velocity
            t += 1
    np.testing.assert_allclose(ours.theta, theta, rtol=0, atol=1e-13)


def test_long_phases_are_cut_into_segments_that_join(engine, monkeypatch):
    monkeypatch.setattr(ensembles, "_SEGMENT", 12)
    X, y = cloud()
    one = group(phases=(Phase(8, 4, 0.5, 1.0),))
    ours = train([one], X, y, engine=engine, dtype=np.float64)[0]
    cut = [(s, n) for s, n in ensembles._segments(one.phases[0], "wor", len(X))]
    assert cut == [(0, 3), (3, 3), (6, 2)]
    drawn = np.stack(
        [np.concatenate([ensembles._drawn(one, s, 0, k, n, len(X)) for k, (_, n) in enumerate(cut)]) for s in one.seeds]
    )
    theta = np.concatenate([one.network.initial(1, rng=ensembles._stream(seed, 0)) for seed in one.seeds])
    given = replay(
        one.network, theta, X, y, drawn, optimizer=one.optimizer, factors=one.phases[0].factors, engine=engine
    )
    np.testing.assert_allclose(ours.theta, given.theta, rtol=0, atol=1e-13)


@pytest.mark.parametrize("design", ensembles.DESIGNS)
def test_designs_draw_what_they_say(design):
    N, one = 24, group(design=design, phases=(Phase(6, 4),))
    drawn = ensembles._drawn(one, 3, 0, 0, 6, N)
    assert drawn.shape == (6, 4) and 0 <= drawn.min() <= drawn.max() < N
    if design != "wr":
        assert all(len(set(row)) == 4 for row in drawn.tolist())
    if design == "reshuffled":
        assert sorted(drawn.reshape(-1).tolist()) == list(range(N))
        assert [n for _, n in ensembles._segments(Phase(13, 4), design, N)] == [13]


def test_a_diverged_replica_stays_stopped_in_later_phases(engine):
    X, y = cloud()
    one = group(seeds=(1, 2, 3), eta=np.array([0.01, 1e6, 0.02]))
    outcome = train([one], X, y, engine=engine, dtype=np.float64)[0]
    assert outcome.diverged_at[[0, 2]].tolist() == [-1, -1] and 0 < outcome.diverged_at[1] < 10
    when = outcome.diverged_at[1]
    assert np.isfinite(outcome.losses[:when, 1]).all() and np.isinf(outcome.losses[when:, 1]).all()
    lone = train([group(seeds=(1, 3), eta=np.array([0.01, 0.02]))], X, y, engine=engine, dtype=np.float64)[0]
    np.testing.assert_allclose(outcome.theta[[0, 2]], lone.theta, rtol=0, atol=1e-14)


def test_training_learns():
    X, _ = cloud(60)
    y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)
    outcome = train([group(phases=(Phase(300, 10),))], X, y)[0]
    assert outcome.theta.dtype == np.float32
    assert (outcome.losses[-20:].mean(axis=0) < 0.5 * outcome.losses[:5].mean(axis=0)).all()


def test_float32_stays_near_float64():
    X, y = cloud()
    single, double = (train([group(norm="layer")], X, y, dtype=kind)[0] for kind in (np.float32, np.float64))
    np.testing.assert_allclose(single.losses, double.losses, rtol=1e-4)
    assert np.abs(single.losses - double.losses).max() > 0


def test_replay_takes_one_sequence_for_all_and_changes_nothing_it_was_given(engine):
    X, y = cloud()
    network = Network(WIDTHS)
    theta = network.initial(2, rng=np.random.Generator(np.random.PCG64DXSM(3)))
    before, drawn = theta.copy(), np.arange(24).reshape(6, 4)
    optimizer = Optimizer("sgd", 0.1)
    ours = replay(network, theta, X, y, drawn, optimizer=optimizer, engine=engine)
    theirs = plain_train(MLP(WIDTHS, activation="relu"), theta, X, y, drawn, optimizer=optimizer)
    np.testing.assert_allclose(ours.theta, theirs.theta, rtol=0, atol=1e-13)
    np.testing.assert_array_equal(theta, before)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"norm": "spectral"}, "unknown norm 'spectral': allowed are none, batch"),
        ({"activation": "step"}, "unknown activation 'step'"),
        ({"loss": "hinge"}, "unknown loss 'hinge'"),
        ({"norm": "group"}, "needs a number of groups >= 1, got None"),
        ({"norm": "group", "groups": 3}, "8 channels cannot be split into 3 groups"),
        ({"norm": "group", "groups": 8}, "8 channels cannot be split into 8 groups of at least 2"),
        ({"norm": "layer", "groups": 2}, "has no groups, got groups=2"),
        ({"norm": "hybrid"}, r"alpha must lie in 0\.\.1 under hybrid, got None"),
        ({"norm": "hybrid", "alpha": 1.5}, r"alpha must lie in 0\.\.1 under hybrid, got 1.5"),
        ({"alpha": 0.5}, "has no alpha, got alpha=0.5"),
        ({"eps": 0.0}, "eps must be a finite number > 0, got 0.0"),
        ({"widths": (5, 1, 3), "norm": "layer"}, "hidden widths of at least 2, got 1"),
        ({"widths": (5,)}, "widths must be at least two"),
    ],
)
def test_networks_refuse(more, message):
    with pytest.raises(ValueError, match=message):
        Network(**{"widths": WIDTHS, **more})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Phase(0, 4), "steps must be a whole number >= 1, got 0"),
        (lambda: Phase(3, 2.5), "batch size B must be a whole number >= 1, got 2.5"),
        (lambda: Phase(3, 2, 0.0), "factors of the step size must be finite numbers > 0, got 0.0"),
        (lambda: Phase(3, 2, 1.0, float("nan")), "got nan"),
        (lambda: group(seeds=()), "needs phases and seeds, got 2 and 0"),
        (lambda: group(seeds=(-1,)), "a seed must be a whole number >= 0, got -1"),
        (lambda: group(design="sorted"), "unknown design 'sorted': allowed are wor, wr, reshuffled"),
    ],
)
def test_groups_and_phases_refuse(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"X": np.full((24, 5), np.nan)}, r"inputs must be finite, got nan at index \(0, 0\)"),
        ({"X": np.zeros((24, 4))}, r"inputs must have shape \(N, 5\), got \(24, 4\)"),
        ({"y": np.full(24, 3)}, r"labels must lie in 0\.\.2, got 3\.\.3"),
        ({"y": np.zeros(24)}, "labels must be 24 whole numbers, got float64"),
        ({"groups": [group(phases=(Phase(2, 25),))]}, "batch size 25 exceeds the 24 samples"),
        ({"groups": [group(phases=(Phase(2, 5),), design="reshuffled")]}, "5 does not divide the 24 samples"),
        ({"groups": [group(phases=(Phase(2, 1),), norm="batch")]}, "at least 2 samples per channel, got 1"),
        ({"groups": [group(phases=(Phase(2, 1),), norm="hybrid", alpha=0.5)]}, "at least 2 samples per channel"),
        ({"groups": [group(eta=np.array([0.1, 0.2]))]}, r"one number or have shape \(5,\), got shape \(2,\)"),
        ({"dtype": np.float16}, "dtype must be float32 or float64, got float16"),
        ({"threads": 0}, "threads must be a whole number >= 1, got 0"),
        ({"chunk": 0}, "chunk must be a whole number >= 1, got 0"),
        ({"limit": -1.0}, "limit must be > 0, got -1.0"),
        ({"engine": "abacus"}, "unknown engine 'abacus'"),
    ],
)
def test_training_refuses(change, message):
    X, y = cloud()
    arguments = {"groups": [group()], "X": X, "y": y, **change}
    with pytest.raises(ValueError, match=message):
        train(**arguments)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"theta": np.zeros((2, 7))}, r"parameters must have shape \(R, 75\), got \(2, 7\)"),
        ({"batches": np.zeros((3, 2, 4), int)}, r"batches must have shape \(T, B\) or \(2, T, B\)"),
        ({"batches": np.full((2, 4), 24)}, r"batch indices must lie in 0\.\.23, got 24\.\.24"),
        ({"factors": np.zeros(6)}, "factors must be 6 finite numbers > 0"),
    ],
)
def test_replay_refuses(change, message):
    X, y = cloud()
    arguments = {"theta": np.zeros((2, 75)), "batches": np.zeros((6, 4), int), **change}
    with pytest.raises(ValueError, match=message):
        replay(Network(WIDTHS), X=X, y=y, optimizer=Optimizer("sgd", 0.1), **arguments)


def test_a_scale_whose_gradient_alone_overflows_is_divergence(engine):
    """The loss is log 2 and no weight has a gradient, but the scale has: four times 1.22 times 8e37, beyond float32."""
    network = Network((2, 3, 2), norm="layer")
    parts = MLP(network.widths, activation="relu", norm="layer")
    theta = np.zeros((1, network.size), np.float32)
    views = parts.views(theta)
    views[0, "W"][...] = np.arange(6).reshape(2, 3)
    views[0, "beta"][...] = np.float32(1e-45)  # above 0, so that the unit is on, and lost beside anything
    views[1, "W"][...] = np.array([3.3e38, -3.3e38])
    X, y = np.array([[1.0, 2.0], [2.0, 1.0], [0.0, 3.0], [1.0, 1.0]]), np.ones(4, dtype=np.int64)
    found = replay(
        network, theta, X, y, np.arange(4)[None, None], optimizer=Optimizer("sgd", 1.0), engine=engine
    )
    assert found.diverged_at.tolist() == [0]
    assert (found.theta == theta).all()
