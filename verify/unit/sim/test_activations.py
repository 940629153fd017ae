"""Batch statistics of Gaussian activations: closed form against integrals by hand, draws against the closed form."""

from __future__ import annotations

import numpy as np
import pytest

from sim import activations, engines

ENGINES = [pytest.param(name, id=name) for name in engines.names()]
C = activations.grid_correlation(2, 3, 0.6)
FIELDS = ("mean_square", "variance", "variance_square")


def _rng(seed: int = 0) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64DXSM(seed))


def test_exact_for_one_position_is_chi_square() -> None:
    found = activations.exact(16)
    B = np.array([2, 4, 8, 16])
    assert found.sizes == (2, 4, 8, 16)
    assert np.allclose(found.mean_square, 1 / B)
    assert np.allclose(found.variance, (B - 1) / B)
    assert np.allclose(found.variance_square, (B - 1) * (B + 1) / B**2)


def test_exact_under_correlation_by_the_trace_formulas() -> None:
    """The covariance of a whole batch written out: v is a quadratic form in a normal vector."""
    found = activations.exact(8, correlation=C)
    for k, B in enumerate(found.sizes):
        Sigma = np.kron(np.eye(B), C)
        n = len(Sigma)
        M = (np.eye(n) - 1 / n) @ Sigma
        assert found.mean_square[k] == pytest.approx(Sigma.sum() / n**2)
        assert found.variance[k] == pytest.approx(np.trace(M) / n)
        assert found.variance_square[k] == pytest.approx((np.trace(M) ** 2 + 2 * np.trace(M @ M)) / n**2)


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("correlation", [None, C], ids=["one position", "grid"])
def test_draws_have_the_exact_moments(name: str, correlation: np.ndarray | None) -> None:
    R = 4_000
    found = activations.simulate(32, R, correlation=correlation, engine=name, rng=_rng(1))
    exact = activations.exact(32, correlation=correlation)
    assert found.route == "draws"
    assert found.batches == tuple(R * 32 // B for B in exact.sizes)
    n = np.array(found.batches)
    spread = exact.variance_square - exact.variance**2
    assert (np.abs(found.mean) < 5 * np.sqrt(exact.mean_square / n)).all()
    assert (np.abs(found.mean_square / exact.mean_square - 1) < 5 * np.sqrt(2 / n)).all()
    assert (np.abs(found.variance - exact.variance) < 5 * np.sqrt(spread / n)).all()
    # the fourth moment of a gamma variate bounds that of v^2 here: a relative error of at most 3 / sqrt(n)
    assert (np.abs(found.variance_square / exact.variance_square - 1) < 15 / np.sqrt(n)).all()
    # a near miss: the variance with divisor B - 1
    if correlation is None:
        assert np.abs(found.variance[0] - 1) > 100 * np.sqrt(spread[0] / n[0])


def test_law_of_the_statistics_has_the_exact_moments() -> None:
    found, exact = activations.sampled_law(16, 20_000, rng=_rng(2)), activations.exact(16)
    assert found.route == "law of the statistics"
    for field in FIELDS:
        assert np.allclose(getattr(found, field), getattr(exact, field), rtol=0.06)
        assert not np.allclose(getattr(found, field), 1.2 * getattr(exact, field), rtol=0.06)


@pytest.mark.parametrize("correlation", [None, C, C[:3, :3]], ids=["one position", "grid", "three positions"])
def test_engines_and_threads_agree(correlation: np.ndarray | None) -> None:
    pytest.importorskip("numba")
    a, b, c = (
        activations.simulate(8, 5_000, correlation=correlation, engine=e, threads=t, rng=_rng(3))
        for e, t in (("numpy", 1), ("numba", 1), ("numba", 2))
    )
    for field in FIELDS:
        assert np.allclose(getattr(a, field), getattr(b, field), rtol=1e-5)
        assert (getattr(b, field) == getattr(c, field)).all()


def test_one_batch_of_two() -> None:
    found = activations.simulate(2, 1, engine="numpy", rng=_rng(6))
    z = engines.choose("numpy").normals.single(np.empty(2, np.float32), rng=_rng(6).spawn(1)[0]).astype(float)
    assert found.mean[0] == pytest.approx(z.mean(), rel=1e-6)
    assert found.variance[0] == pytest.approx(z.var(), rel=1e-5)


def test_grid_correlation() -> None:
    assert activations.grid_correlation(1, 3, 0.5).tolist() == [[1, 0.5, 0.25], [0.5, 1, 0.5], [0.25, 0.5, 1]]
    assert C[0, 5] == pytest.approx(0.6**3)


def test_refusals() -> None:
    for largest in (0, 1, 3, True, 2.0):
        with pytest.raises(ValueError, match="power of two >= 2, got"):
            activations.simulate(largest, 3, rng=_rng())
    with pytest.raises(ValueError, match="R must be a whole number >= 1, got 0"):
        activations.simulate(2, 0, rng=_rng())
    with pytest.raises(ValueError, match="threads must be a whole number >= 1, got 0"):
        activations.simulate(2, 1, threads=0, rng=_rng())
    with pytest.raises(ValueError, match=r"rho must lie in \[0, 1\), got 1"):
        activations.grid_correlation(2, 2, 1)
    with pytest.raises(ValueError, match="height and width must be >= 1, got 0 and 2"):
        activations.grid_correlation(0, 2, 0.5)
    with pytest.raises(ValueError, match="symmetric matrix with ones on its diagonal"):
        activations.exact(2, correlation=2 * np.eye(2))
    with pytest.raises(ValueError, match="positive definite, its least eigenvalue is -1"):
        activations.simulate(2, 1, correlation=np.array([[1.0, 2.0], [2.0, 1.0]]), rng=_rng())
