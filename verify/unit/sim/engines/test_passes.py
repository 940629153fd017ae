"""Each pass by its definition, over NumPy's arrays and over those of a library without ``out``."""

from __future__ import annotations

from typing import Any

import array_api_strict
import numpy as np
import pytest

from sim.engines.with_numpy.passes import Passes

LIBRARIES = pytest.mark.parametrize("asarray", [np.asarray, array_api_strict.asarray], ids=["numpy", "strict"])


def table() -> np.ndarray:
    return np.random.Generator(np.random.PCG64DXSM(0)).standard_normal((2, 3, 5)).astype(np.float32)


@LIBRARIES
def test_functions_write_into_out_or_return(asarray: Any) -> None:
    a, out = asarray(table()), asarray(np.zeros((2, 3, 5), np.float32))
    xp = Passes(a)
    assert xp.multiply(a, a, out=out) is out
    np.testing.assert_array_equal(np.asarray(out), table() ** 2)
    assert xp.sqrt(out) is not out
    xp.sqrt(out, out=out)
    np.testing.assert_allclose(np.asarray(out), np.abs(table()), rtol=1e-6)
    xp.maximum(a, 0.0, out=out[:, :, :])  # through a view
    np.testing.assert_array_equal(np.asarray(out), table().clip(0))


@LIBRARIES
def test_new_arrays_have_the_type_and_place_of_the_given_one(asarray: Any) -> None:
    a = asarray(table())
    xp = Passes(a)
    for made in (xp.empty((2, 3)), xp.full((2, 3), 0.5)):
        assert type(made) is type(a) and made.dtype == a.dtype and made.shape == (2, 3)
    assert xp.placed(np.arange(3)).dtype == asarray(np.arange(3)).dtype


def test_new_arrays_stay_on_the_device() -> None:
    device = array_api_strict.Device("device1")
    xp = Passes(array_api_strict.asarray([1.0], device=device))
    assert {x.device for x in (xp.empty((2,)), xp.full((2,), 1.0), xp.placed(np.arange(2)))} == {device}


@LIBRARIES
def test_gather(asarray: Any) -> None:
    rows, index = asarray(table()[0]), np.array([[2, 0], [1, 1], [0, 2]])
    xp, out = Passes(rows), asarray(np.zeros((3, 2, 5), np.float32))
    xp.gather(rows, asarray(index), out=out)
    np.testing.assert_array_equal(np.asarray(out), table()[0][index])
    np.testing.assert_array_equal(np.asarray(xp.gathered(rows, asarray(index))), table()[0][index])
    np.testing.assert_array_equal(np.asarray(xp.gathered(rows[:, 0], asarray(index))), table()[0][index, 0])


@LIBRARIES
def test_row_max(asarray: Any) -> None:
    x, out = asarray(table()), asarray(np.zeros((2, 3), np.float32))
    Passes(x).row_max(x, out)
    np.testing.assert_array_equal(np.asarray(out), table().max(axis=-1))


@LIBRARIES
def test_keep_where(asarray: Any) -> None:
    x = asarray(table())
    Passes(x).keep_where(x, x > 0.3)
    np.testing.assert_array_equal(np.asarray(x), np.where(table() > 0.3, table(), 0))


@LIBRARIES
def test_subtract_in_rows(asarray: Any) -> None:
    x, columns, value = asarray(table()), np.array([[0, 4, 2], [3, 3, 1]]), np.array([[0.5], [2.0]], np.float32)
    xp = Passes(x)
    at = asarray(columns + 5 * np.arange(6).reshape(2, 3))
    xp.subtract_in_rows(xp.view(x, (30,)), at, asarray(value))
    np.testing.assert_array_equal(np.asarray(x), table() - value[..., None] * (columns[..., None] == np.arange(5)))


@LIBRARIES
def test_a_view_shares_memory_or_is_refused(asarray: Any) -> None:
    flat = asarray(np.zeros((2, 12), np.float32))
    xp = Passes(flat)
    part = xp.view(flat[:, 2:8], (2, 2, 3))
    part += 1
    np.testing.assert_array_equal(np.asarray(flat).sum(axis=0), [0, 0, 2, 2, 2, 2, 2, 2, 0, 0, 0, 0])
    with pytest.raises((ValueError, AttributeError)):
        xp.view(flat[:, 2:8], (12,))
