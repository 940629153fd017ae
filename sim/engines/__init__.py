"""Engines: the same kernels written twice, in NumPy and in Numba, with the same draws; and one on a graphics device.

An engine is a package of kernel modules, those of `KERNELS`, that both hold under the same names with the same
signatures.  The engine `sim.arrays.DEVICE` holds ``training`` alone: NumPy's, over arrays that stay on the device.  It
has not yet been run on one; its code is tested with another library that keeps to the array-API standard.
"""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from typing import Any

from sim.arrays import DEVICE, DEVICE_EXTRAS, backend

__all__ = ["ENGINES", "KERNELS", "Engine", "choose", "names"]

ENGINES = ("numpy", "numba", DEVICE)
"""Every engine there is, the one that is always there first."""

KERNELS = ("training", "normals", "subsets", "chains", "quadratic_form", "tangent_rows")
"""Names of the kernel modules of an engine."""

_EXTRAS = {"numba": "pip install batchlaws[fast]", DEVICE: DEVICE_EXTRAS}


@dataclass(frozen=True, slots=True)
class Engine:
    """One engine; its kernel modules are attributes, imported when first asked for.

    Parameters
    ----------
    name
        One of `ENGINES`.

    Raises
    ------
    ValueError
        When a kernel module is asked for that only the other engines hold.
    """

    name: str

    @property
    def on_device(self) -> bool:
        """Whether its training runs on a graphics device."""
        return self.name == DEVICE

    @property
    def namespace(self) -> Any:
        """The array-API namespace of the arrays that its training takes."""
        return backend(DEVICE if self.on_device else "numpy")

    def __getattr__(self, kernel: str) -> Any:
        """Return a kernel module."""
        if kernel not in KERNELS:
            raise AttributeError(f"an engine has no kernels {kernel!r}: allowed are {', '.join(KERNELS)}")
        if self.on_device and kernel != "training":
            others = ", ".join(name for name in ENGINES if name != self.name)
            raise ValueError(f"engine {self.name!r} only trains, it has no kernels {kernel!r}: allowed are {others}")
        return importlib.import_module(f"sim.engines.with_{'numpy' if self.on_device else self.name}.{kernel}")


def _installed(name: str) -> bool:
    return name == "numpy" or importlib.util.find_spec(name) is not None


def names(kernel: str | None = None) -> tuple[str, ...]:
    """Return the engines that are installed.

    Parameters
    ----------
    kernel
        One of `KERNELS`: only the engines that hold it; those that hold all if not given.

    Raises
    ------
    ValueError
        If there are no such kernels.
    """
    if kernel not in (None, *KERNELS):
        raise ValueError(f"unknown kernels {kernel!r}: allowed are {', '.join(KERNELS)}")
    holding = ENGINES if kernel == "training" else tuple(name for name in ENGINES if name != DEVICE)
    return tuple(name for name in holding if _installed(name))


def choose(name: str = "auto") -> Engine:
    """Return an engine.

    Parameters
    ----------
    name
        One of `ENGINES`, or ``"auto"``: numba where it is installed, else numpy.

    Returns
    -------
    Engine

    Raises
    ------
    ValueError
        If the name is none of these.
    ModuleNotFoundError
        If the engine is not installed; the message says how to get it.
    """
    if name == "auto":
        return Engine(names()[-1])
    if name not in ENGINES:
        raise ValueError(f"unknown engine {name!r}: allowed are auto, {', '.join(ENGINES)}")
    if name not in (names("training") if name == DEVICE else names()):
        raise ModuleNotFoundError(f"engine {name!r} is not installed: {_EXTRAS[name]}")
    return Engine(name)
