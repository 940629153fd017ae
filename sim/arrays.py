"""Which array library an array belongs to; the only module that names cupy."""

from __future__ import annotations

import importlib
from typing import Any

import array_api_compat
import numpy as np

__all__ = ["BACKENDS", "DEVICE", "DEVICE_EXTRAS", "backend", "device", "namespace", "on_host", "takes_out", "to_host"]

DEVICE = "cupy"
"""The library whose arrays live on a graphics device."""

DEVICE_EXTRAS = "pip install batchlaws[gpu12] (CUDA 12) or batchlaws[gpu13] (CUDA 13)"
"""How to get it."""

BACKENDS = ("numpy", DEVICE)


def backend(name: str) -> Any:
    """Return the array-API namespace called `name`.

    Parameters
    ----------
    name
        ``"numpy"`` or ``"cupy"``.

    Returns
    -------
    module
        The namespace wrapped by array-api-compat.

    Raises
    ------
    ValueError
        If the name is not one of `BACKENDS`.
    ModuleNotFoundError
        If cupy is asked for and not installed; the message says which extra brings it.
    """
    if name not in BACKENDS:
        raise ValueError(f"unknown backend {name!r}: allowed are {', '.join(BACKENDS)}")
    try:
        return importlib.import_module(f"array_api_compat.{name}")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"backend {name!r} is not installed: {DEVICE_EXTRAS}") from error


def namespace(*arrays: Any) -> Any:
    """Return the one array-API namespace that all `arrays` belong to.

    Parameters
    ----------
    *arrays
        Arrays of one library; Python scalars and ``None`` are passed over.

    Returns
    -------
    module
        The array-API namespace.

    Raises
    ------
    TypeError
        If arrays of two libraries are mixed, or none is an array.
    """
    return array_api_compat.array_namespace(*arrays)


def on_host(x: Any) -> bool:
    """Say whether `x` is a NumPy array."""
    return bool(array_api_compat.is_numpy_array(x))


def device(x: Any) -> Any:
    """Return the device that the array `x` lives on, as its library's functions take it."""
    return array_api_compat.device(x)


def takes_out(x: Any) -> bool:
    """Say whether the functions of the library of `x` write into ``out=``, and its arrays at integer places."""
    return on_host(x) or bool(array_api_compat.is_cupy_array(x))


def to_host(x: Any) -> np.ndarray:
    """Return `x` as a NumPy array, copied from the device where it lives on one.

    Parameters
    ----------
    x
        An array of any supported library.

    Returns
    -------
    numpy.ndarray
        The same values on the host.
    """
    if array_api_compat.is_cupy_array(x):
        return np.asarray(x.get())
    return np.asarray(x)
