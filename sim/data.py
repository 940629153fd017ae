"""Real data that ships with scikit-learn, and the check every array from outside must pass.

digits: 1797 images of 8 x 8 pixels, ten classes (UCI optical recognition of handwritten digits, test part;
after Alpaydin and Kaynak 1998).  breast_cancer: 569 x 30, two classes (UCI Wisconsin diagnostic; after
Wolberg, Street and Mangasarian 1995).  wine: 178 x 13, three classes (UCI wine; after Aeberhard and
Forina 1991).  The UCI repository distributes them under CC BY 4.0; scikit-learn, which carries the
copies, is under the BSD 3-clause licence.
"""

from __future__ import annotations

import gzip
import importlib.util
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["NAMES", "checked", "load"]

_FILES = {"digits": ("digits.csv.gz", 0, 16.0), "breast_cancer": ("breast_cancer.csv", 1, 1.0),
          "wine": ("wine_data.csv", 1, 1.0)}  # fmt: skip
"""File, lines of its header, and what its entries are divided by."""

NAMES = tuple(_FILES)


@lru_cache(maxsize=len(NAMES))
def load(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return inputs and labels of one data set.

    Parameters
    ----------
    name
        ``"digits"`` (pixels scaled to 0..1), ``"breast_cancer"`` or ``"wine"`` (features as measured).

    Returns
    -------
    tuple of numpy.ndarray
        Inputs, float64 (N, d), and labels, int64 (N,); read-only.

    Raises
    ------
    ValueError
        If the name is unknown.
    ModuleNotFoundError
        If scikit-learn is not installed.
    """
    if name not in NAMES:
        raise ValueError(f"unknown data set {name!r}: allowed are {', '.join(NAMES)}")
    file, header, scale = _FILES[name]
    with _folder().joinpath(file).open("rb") as packed, gzip.open(packed) if file.endswith(".gz") else packed as text:
        table = np.loadtxt(text, delimiter=",", skiprows=header, dtype=np.float64)
    X, y = np.ascontiguousarray(table[:, :-1]) / scale, table[:, -1].astype(np.int64)
    X.flags.writeable = y.flags.writeable = False
    return X, y


def _folder() -> Path:
    """Return where scikit-learn keeps its tables, without importing it: that takes a second and 120 MB."""
    found = importlib.util.find_spec("sklearn")
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError("the real data sets come with scikit-learn, which is not installed")
    return Path(found.submodule_search_locations[0]) / "datasets" / "data"


def checked(x: Any, what: str, dtype: Any = np.float64) -> np.ndarray:
    """Return an array from outside in a type of ours, or say what is wrong with it.

    Parameters
    ----------
    x
        Anything `numpy.asarray` takes.
    what
        What the array is, for the message.
    dtype
        The type.

    Returns
    -------
    numpy.ndarray
        `x` itself if it is an array of this type.

    Raises
    ------
    ValueError
        If it is empty, not of real numbers, or holds a NaN or an infinity; the first index is named.
    """
    array = np.asarray(x)
    if array.dtype.kind not in "iuf":
        raise ValueError(f"{what} must hold real numbers, got {array.dtype}")
    if not array.size:
        raise ValueError(f"{what} is empty, shape {array.shape}")
    bad = ~np.isfinite(array)
    if bad.any():
        index = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ValueError(f"{what} must be finite, got {array[index]} at index {index}")
    return np.asarray(array, dtype=dtype)
