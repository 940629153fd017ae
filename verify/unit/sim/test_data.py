"""Real data: shapes and ranges; arrays from outside are checked."""

from __future__ import annotations

import numpy as np
import pytest

from sim import data


@pytest.mark.parametrize(
    ("name", "shape", "classes"),
    [("digits", (1797, 64), 10), ("breast_cancer", (569, 30), 2), ("wine", (178, 13), 3)],
)
def test_shapes(name: str, shape: tuple[int, int], classes: int) -> None:
    X, y = data.load(name)
    assert X.shape == shape
    assert X.dtype == np.float64
    assert sorted(set(y.tolist())) == list(range(classes))
    assert not X.flags.writeable


@pytest.mark.parametrize("name", data.NAMES)
def test_the_tables_are_those_that_scikit_learn_loads(name: str) -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    ours = data.load(name)
    assert np.array_equal(ours[0], X / (16.0 if name == "digits" else 1.0))
    assert np.array_equal(ours[1], y)


def test_digits_are_scaled() -> None:
    X, _ = data.load("digits")
    assert (X.min(), X.max()) == (0.0, 1.0)


def test_unknown_name() -> None:
    with pytest.raises(ValueError, match="digits, breast_cancer, wine"):
        data.load("mnist")


@pytest.mark.parametrize(
    ("array", "message"),
    [
        ([[1.0, 2.0], [float("nan"), float("inf")]], r"nan at index \(1, 0\)"),
        ([1.0, -float("inf")], r"-inf at index \(1,\)"),
        ([], "empty"),
        ([1j], "real numbers, got complex128"),
        (["1"], "real numbers"),
        ([None], "real numbers, got object"),
        ([True], "real numbers, got bool"),
    ],
)
def test_bad_arrays_are_refused(array: object, message: str) -> None:
    with pytest.raises(ValueError, match=f"gradients.*{message}"):
        data.checked(array, "gradients")


def test_good_arrays_become_float64() -> None:
    assert data.checked([1, 2], "x").dtype == np.float64
