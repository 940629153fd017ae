"""Engines: the same kernels written twice, in NumPy and in Numba, with the same draws.

An engine is a package of kernel modules, ``training``, ``normals``, ``subsets``, ``chains`` and
``quadratic_form``, that both engines hold under the same names with the same signatures.
"""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from typing import Any

__all__ = ["ENGINES", "KERNELS", "Engine", "choose", "names"]

ENGINES = ("numpy", "numba")
"""Every engine there is, the one that is always there first."""

KERNELS = ("training", "normals", "subsets", "chains", "quadratic_form")
"""Names of the kernel modules of an engine."""


@dataclass(frozen=True, slots=True)
class Engine:
    """One engine; its kernel modules are attributes, imported when first asked for.

    Parameters
    ----------
    name
        One of `ENGINES`.
    """

    name: str

    def __getattr__(self, kernel: str) -> Any:
        """Return a kernel module."""
        if kernel not in KERNELS:
            raise AttributeError(f"an engine has no kernels {kernel!r}: allowed are {', '.join(KERNELS)}")
        return importlib.import_module(f"sim.engines.with_{self.name}.{kernel}")


def names() -> tuple[str, ...]:
    """Return the engines that this installation can run."""
    found = importlib.util.find_spec("numba") is not None
    return ENGINES if found else ("numpy",)


def choose(name: str = "auto") -> Engine:
    """Return an engine.

    Parameters
    ----------
    name
        ``"numpy"``, ``"numba"``, or ``"auto"``: numba where it is installed.

    Returns
    -------
    Engine

    Raises
    ------
    ValueError
        If the name is none of these.
    ModuleNotFoundError
        If numba is asked for and not installed; the message says how to get it.
    """
    if name == "auto":
        return Engine(names()[-1])
    if name not in ENGINES:
        raise ValueError(f"unknown engine {name!r}: allowed are auto, {', '.join(ENGINES)}")
    if name not in names():
        raise ModuleNotFoundError(f"engine {name!r} is not installed: pip install batchlaws[fast]")
    return Engine(name)
