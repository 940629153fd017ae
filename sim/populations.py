"""Finite populations by name: integer ones that are pure functions of the name, and real gradients.

``ints:<N>:<kind>``
    Integers; kinds are ``even`` (0, 1, ..., N-1), ``skewed`` (gaps that grow), ``outlier`` (one value far
    away) and ``binary`` (a quarter of ones).  A suffix ``:v`` or ``:w`` names a companion correlated with it.
``digits:gradient:coordinate:<k>``, ``digits:gradient:direction:<k>``, ``digits:gradient:all``
    Per-example gradients of a frozen trained network on the 1797 digits: one coordinate, the product with a
    fixed unit direction, or all as a matrix.
``digits:preactivation:<unit>``
    Pre-activations of its first hidden layer.
``digits8:...``
    The same for eight fixed digits of eight classes, few enough to enumerate.

The network's weights are rounded to multiples of 2^-10 and the gradients to multiples of 2^-13, so that the
gradients do not depend on the BLAS kernel.  What is computed from floats still may: float cells compare
across machines by verdict, integer cells by bytes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

__all__ = [
    "companion",
    "describe",
    "facts",
    "integer_population",
    "joint_facts",
    "population",
    "scalar_population",
]

KINDS = ("even", "skewed", "outlier", "binary")
SUFFIXES = ("v", "w")
LARGEST = 1 << 20


def _bad(name: object, why: str) -> ValueError:
    return ValueError(
        f"population {name!r}: {why}; allowed are ints:<N>:<{'|'.join(KINDS)}>[:<v|w>], "
        "<digits|digits8>:gradient:<coordinate|direction>:<k>, <digits|digits8>:gradient:all and "
        "<digits|digits8>:preactivation:<unit>"
    )


def _number(name: str, text: str, low: int, high: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10 and low <= int(text) <= high):
        raise _bad(name, f"{text!r} is not a whole number in {low}..{high}")
    return int(text)


def _integers(name: str, N: int, kind: str, suffix: str) -> np.ndarray:
    i = np.arange(N, dtype=np.int64)
    match kind:
        case "even":
            x = i
        case "skewed":
            x = i + i**3 // N**2
        case "outlier":
            x = i % 3
            x[-1] = N + 1
        case "binary":
            x = (i % 4 == 0).astype(np.int64)
        case _:
            raise _bad(name, f"unknown kind {kind!r}")
    match suffix:
        case "":
            return x
        case "v":
            return 4 * x + 3 * i % 5
        case "w":
            return 5 * x + i * i % 7
        case _:
            raise _bad(name, f"unknown companion {suffix!r}")


@lru_cache(maxsize=64)
def population(name: str) -> np.ndarray:
    """Return the population called `name`.

    Parameters
    ----------
    name
        See the module's docstring.

    Returns
    -------
    numpy.ndarray, shape (N,) or (N, P)
        int64 for integer populations, float64 otherwise; read-only.

    Raises
    ------
    ValueError
        If the name is not one of the allowed ones or the population is constant.
    """
    if not isinstance(name, str):
        raise _bad(name, "the name is not text")
    family, *rest = name.split(":")
    if family == "ints" and len(rest) in (2, 3):
        N = _number(name, rest[0], 2, LARGEST)
        values = _integers(name, N, rest[1], rest[2] if len(rest) == 3 else "")
    elif family in ("digits", "digits8"):
        values = _real(name, family, rest)
    else:
        raise _bad(name, "unknown family")
    if (values == values[0]).all():
        raise ValueError(f"population {name!r} is constant: it has no variance to measure")
    values = np.array(values)
    values.flags.writeable = False
    return values


def _real(name: str, family: str, rest: list[str]) -> np.ndarray:
    # imported here: integer populations must not pay for scikit-learn
    from sim import frozen

    match rest:
        case ["gradient", "all"]:
            return frozen.gradients(family)
        case ["gradient", "coordinate", k]:
            return frozen.gradients(family)[:, _number(name, k, 0, frozen.SIZE - 1)]
        case ["gradient", "direction", k]:
            return frozen.along(family, _number(name, k, 0, 10**6))
        case ["preactivation", unit]:
            return frozen.preactivations(family)[:, _number(name, unit, 0, frozen.NETWORK.widths[1] - 1)]
        case _:
            raise _bad(name, "unknown quantity")


def scalar_population(name: str, N: int | None = None) -> np.ndarray:
    """Return a population of scalars, checked against the size a cell states.

    Parameters
    ----------
    name
        The population.
    N
        Its size as the cell states it; None where the cell does not.

    Returns
    -------
    numpy.ndarray, shape (N,)
        As `population`.

    Raises
    ------
    ValueError
        If the sizes differ or the population is a matrix.
    """
    values = population(name)
    if values.ndim != 1:
        raise ValueError(
            f"population {name!r} holds vectors of {values.shape[1]}, a scalar population is needed"
        )
    if N is not None and N != len(values):
        raise ValueError(f"N={N} but population {name!r} has {len(values)} examples")
    return values


def integer_population(name: str, N: int | None = None) -> np.ndarray:
    """Return a population of integers, checked as in `scalar_population`."""
    values = scalar_population(name, N)
    if not np.issubdtype(values.dtype, np.integer):
        raise ValueError(
            f"population {name!r} is not of integers, which this probe needs: use ints:<N>:<kind>"
        )
    return values


def companion(name: str, which: str) -> str:
    """Return the name of a population on the same examples, correlated with `name`.

    Parameters
    ----------
    name
        A population without suffix: integer, or a coordinate, direction or unit of the digits.
    which
        ``"v"`` or ``"w"``; on the digits the next number and the one after it.

    Returns
    -------
    str
        The companion's name.

    Raises
    ------
    ValueError
        If the population has no companions.
    """
    if which not in SUFFIXES:
        raise ValueError(f"unknown companion {which!r}: allowed are v, w")
    parts = name.split(":")
    if parts[0] == "ints" and len(parts) == 3:
        return f"{name}:{which}"
    if parts[0] in ("digits", "digits8") and parts[-1].isdigit():
        return ":".join([*parts[:-1], str(int(parts[-1]) + 1 + SUFFIXES.index(which))])
    raise ValueError(
        f"population {name!r} has no companions: name one without suffix, or one number of the digits"
    )


def describe(name: str) -> str:
    """Say in plain words what a population is."""
    values = population(name)
    family, *rest = name.split(":")
    if family == "ints":
        kind = {
            "even": "evenly spaced integers",
            "skewed": "integers with growing gaps",
            "outlier": "small integers and one far away",
            "binary": "zeros and a quarter of ones",
        }[rest[1]]
        of = f", companion {rest[2]}" if len(rest) == 3 else ""
        return f"{len(values)} {kind}{of}, from {values.min()} to {values.max()}"
    examples = (
        "the 1797 scikit-learn digits" if family == "digits" else "eight scikit-learn digits of eight classes"
    )
    if rest[0] == "preactivation":
        return f"pre-activations of hidden unit {rest[1]} of a trained network on {examples}"
    what = {
        "all": f"all {values.shape[-1]} coordinates",
        "coordinate": f"coordinate {rest[-1]}",
        "direction": f"the component along fixed unit direction {rest[-1]}",
    }[rest[1]]
    return f"per-example gradients (rounded to 1/8192) of a trained network on {examples}: {what}"


def _central(columns: Sequence[np.ndarray]) -> tuple[list[Any], Callable[..., Any]]:
    """Return the means of companions, and a function from powers to their central moment (divisor N).

    Integers are scaled by N and centered there, so that every sum is one of whole numbers; sums of floats are
    correctly rounded.
    """
    N = len(columns[0])
    lists = [x.tolist() for x in columns]
    if all(np.issubdtype(x.dtype, np.integer) for x in columns):
        totals = [sum(items) for items in lists]
        scaled = [[N * v - total for v in items] for items, total in zip(lists, totals, strict=True)]

        def whole(*powers: int) -> Fraction:
            return Fraction(
                sum(map(prod, zip(*_powers(scaled, powers), strict=True))), N ** (sum(powers) + 1)
            )

        return [Fraction(total, N) for total in totals], whole
    means = [math.fsum(items) / N for items in lists]
    centered = [[v - m for v in items] for items, m in zip(lists, means, strict=True)]

    def real(*powers: int) -> float:
        return math.fsum(map(prod, zip(*_powers(centered, powers), strict=True))) / N

    return means, real


def _powers(columns: Sequence[Sequence[Any]], powers: Sequence[int]) -> list[list[Any]]:
    return [[v**k for v in column] for column, k in zip(columns, powers, strict=True) if k]


def facts(values: np.ndarray) -> dict[str, Fraction | float]:
    """Return the size, mean and central moments (divisor N) of a scalar population.

    Parameters
    ----------
    values
        Shape (N,), not constant.

    Returns
    -------
    dict
        ``N``, ``gbar``, ``sigma2``, ``mu2``, ``mu3``, ``mu4``, ``kappa`` (excess kurtosis) and ``gamma3``
        (skewness, always a float).  Fractions for an integer population; correctly rounded sums otherwise.
    """
    (mean,), moment = _central([values])
    mu2, mu3, mu4 = (moment(k) for k in (2, 3, 4))
    N = type(mu2)(len(values))
    return {
        "N": N,
        "gbar": mean,
        "sigma2": mu2,
        "mu2": mu2,
        "mu3": mu3,
        "mu4": mu4,
        "kappa": mu4 / mu2**2 - 3,
        "gamma3": float(mu3) / float(mu2) ** 1.5,
    }


def joint_facts(u: np.ndarray, v: np.ndarray, w: np.ndarray | None = None) -> dict[str, Fraction | float]:
    """Return the means, the covariance and the third joint central moment (divisor N) of companions.

    Parameters
    ----------
    u, v, w
        Shape (N,); `w` may be left out.

    Returns
    -------
    dict
        ``N``, ``ubar``, ``vbar``, ``cov_uv``, and with `w` also ``wbar`` and ``mu_uvw``.
    """
    columns = [x for x in (u, v, w) if x is not None]
    means, moment = _central(columns)
    cov = moment(1, 1, *[0] * (len(columns) - 2))
    known = {"N": type(cov)(len(u)), "ubar": means[0], "vbar": means[1], "cov_uv": cov}
    if w is not None:
        known |= {"wbar": means[2], "mu_uvw": moment(1, 1, 1)}
    return known
