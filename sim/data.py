"""Real data that ships with scikit-learn, and the check every array from outside must pass.

digits: 1797 images of 8 x 8 pixels, ten classes (UCI optical recognition of handwritten digits, test part;
after Alpaydin and Kaynak 1998).  breast_cancer: 569 x 30, two classes (UCI Wisconsin diagnostic; after
Wolberg, Street and Mangasarian 1995).  wine: 178 x 13, three classes (UCI wine; after Aeberhard and
Forina 1991).  The UCI repository distributes them under CC BY 4.0; scikit-learn, which carries the
copies, is under the BSD 3-clause licence.
"""

from __future__ import annotations

import importlib
from functools import lru_cache
from typing import Any

import numpy as np

__all__ = ["NAMES", "checked", "load"]

NAMES = ("digits", "breast_cancer", "wine")


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
    """
    if name not in NAMES:
        raise ValueError(f"unknown data set {name!r}: allowed are {', '.join(NAMES)}")
    # imported here: the import costs seconds that integer populations must not pay
    datasets: Any = importlib.import_module("sklearn.datasets")

    X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    X = np.array(X, dtype=np.float64) / (16.0 if name == "digits" else 1.0)
    y = np.array(y, dtype=np.int64)
    X.flags.writeable = y.flags.writeable = False
    return X, y


def checked(x: Any, what: str) -> np.ndarray:
    """Return an array from outside as float64, or say what is wrong with it.

    Parameters
    ----------
    x
        Anything `numpy.asarray` takes.
    what
        What the array is, for the message.

    Returns
    -------
    numpy.ndarray of float64

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
    return np.asarray(array, dtype=np.float64)
