"""Where runs of SGD end: the landscapes of `select.*`, simulated with fixed seeds."""

import itertools

import numpy as np
import pytest

RUNS, STEPS = 4000, 3000
SHARP = np.array([0.2, 0.2, 3.4, 3.4])


def ends_flat(size: int, start: float) -> float:
    """Fraction of runs that end beyond 1/4, in the flat minimum at 1."""
    rng = np.random.Generator(np.random.PCG64DXSM(size))
    curvatures = np.array([SHARP[list(c)].mean() for c in itertools.combinations(range(4), size)])
    theta = np.full(RUNS, start)
    for _ in range(STEPS):
        h = curvatures[rng.integers(len(curvatures), size=RUNS)]
        theta = np.where(theta < 0.25, theta - h * theta, theta - h / 9 * (theta - 1))
    flat = theta >= 0.25
    assert np.abs(theta - flat).max() < 1e-3, "every run has settled"
    return float(flat.mean())


@pytest.mark.parametrize(("size", "start", "low", "high"), [
    (1, 1e-3, 1, 1), (2, 1e-3, 0.06, 0.095), (3, 1e-3, 0, 0), (4, 1e-3, 0, 0), (4, 0.2, 0, 0), (3, 0.2, 0.23, 0.30),
    (1, 1.3, 1, 1), (2, 1.3, 1, 1), (3, 0.3, 1, 1), (4, 0.3, 1, 1),
])
def test_the_batch_size_selects_the_minimum(size, start, low, high):
    assert low <= ends_flat(size, start) <= high


def test_three_of_four_leave_rarely_from_near_the_minimum():
    def mean_power(q: float) -> float:
        return ((4 / 15) ** q + (4 / 3) ** q) / 2

    low, high = 1.0, 4.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if mean_power(middle) < 1 else (low, middle)
    assert low == pytest.approx(2.33, abs=0.01)
    assert (4 * 1e-3) ** low < 3e-6  # `escape.power`


def test_single_examples_settle_where_gradient_descent_does_not():
    rng = np.random.Generator(np.random.PCG64DXSM(2))
    factors = 1 - 2.1 * np.array([0.25, 0.25, 0.5, 3.0])
    assert abs(factors.mean()) == pytest.approx(1.1)
    logarithms = np.log(np.abs(factors))[rng.integers(4, size=(2000, 400))].sum(axis=1)
    assert logarithms.max() < np.log(1e-6)
    assert logarithms.mean() / 400 == pytest.approx(-0.704, abs=0.01)


def test_the_flatter_minimum_is_left_and_the_sharper_one_kept():
    rng = np.random.Generator(np.random.PCG64DXSM(3))
    flat = np.log(np.abs(1 - np.array([0.1, 0.1, 0.1, 3.5])))
    growth = flat[rng.integers(4, size=(2000, 2000))].sum(axis=1)
    assert growth.mean() / 2000 == pytest.approx(0.150, abs=0.005)
    assert (growth > 0).all()
    assert abs(1 - 1.8) < 1
