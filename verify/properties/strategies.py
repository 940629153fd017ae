"""What the property tests draw: populations, sizes, arrays that are hard to sum, activations, cells of probes."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sim import norms

__all__ = [
    "OFFSETS",
    "activations",
    "conditioned_arrays",
    "dyadic_arrays",
    "integer_populations",
    "layers",
    "probe_cells",
    "sizes",
    "streams",
]

OFFSETS = (0.0, 1.0, 1e3, -1e6, 1e8, 1e12, 3e15)
"""Means far from zero are what breaks variances; most found faults need one of these."""


def streams() -> st.SearchStrategy[np.random.Generator]:
    """Return streams that shrink toward seed 0."""
    return st.integers(0, 2**32).map(lambda seed: np.random.Generator(np.random.PCG64DXSM(seed)))


def integer_populations(smallest: int = 2, largest: int = 7) -> st.SearchStrategy[list[int]]:
    """Return small integer populations, for exact enumeration."""
    return st.lists(st.integers(-50, 50), min_size=smallest, max_size=largest)


@st.composite
def sizes(draw: st.DrawFn, largest: int = 400) -> tuple[int, int]:
    """Draw N and B with ``1 <= B <= N``, the ends often."""
    N = draw(st.one_of(st.integers(1, 12), st.integers(1, largest)))
    B = draw(st.one_of(st.just(N), st.just(1), st.integers(1, N)))
    return N, B


def layers() -> st.SearchStrategy[tuple[str, int | None]]:
    """Return kinds of normalization with their numbers of groups."""
    return st.sampled_from([(kind, 2 if kind == "group" else None) for kind in norms.KINDS])


def _shapes() -> st.SearchStrategy[tuple[int, ...]]:
    """Shapes that every layer accepts: B = C (where a swapped axis hides), B = 2, one and many positions."""
    flat = st.tuples(st.integers(1, 3), st.integers(2, 5), st.sampled_from([4, 6]))
    square = st.integers(1, 3).map(lambda R: (R, 4, 4))
    spatial = st.tuples(st.integers(1, 2), st.integers(1, 4), st.sampled_from([2, 4]), st.integers(2, 5))
    return st.one_of(flat, square, spatial)


@st.composite
def conditioned_arrays(draw: st.DrawFn, shape: tuple[int, ...]) -> np.ndarray:
    """Draw ``offset + scale * z`` with entries z of order one: all conditionings of a sum and of a variance."""
    z = draw(hnp.arrays(np.float64, shape, elements=st.floats(-2, 2, width=32)))
    return draw(st.sampled_from(OFFSETS)) + z * 2.0 ** draw(st.integers(-60, 60))


@st.composite
def dyadic_arrays(draw: st.DrawFn, shape: tuple[int, ...]) -> np.ndarray:
    """Draw integers times one power of two, so small that sums of squares are exact and ``==`` may be used."""
    k = draw(hnp.arrays(np.int64, shape, elements=st.integers(-(2**12), 2**12)))
    return k * 2.0 ** draw(st.integers(-30, 30))


@st.composite
def activations(draw: st.DrawFn, *, dyadic: bool = False) -> tuple[str, int | None, np.ndarray]:
    """Draw a layer, its groups, and activations it accepts."""
    kind, groups = draw(layers())
    shape = draw(_shapes())
    if kind == "instance" and len(shape) == 3:
        shape = (*shape, 2)
    return kind, groups, draw((dyadic_arrays if dyadic else conditioned_arrays)(shape))


@st.composite
def probe_cells(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a valid cell of one of the probes on integer populations."""
    N = draw(st.integers(2, 9))
    kind = draw(st.sampled_from(["even", "skewed", "outlier", "binary"]))
    cell: dict[str, Any] = {"population": f"ints:{N}:{kind}"}
    design = draw(st.sampled_from(["wor", "wr"]))
    B = draw(st.integers(1, N if design == "wor" else 8))
    probe = draw(
        st.sampled_from(["batch_mean_moment", "batch_mean_product", "batch_variance", "weighted_sum", "sgd_quadratic"])
    )
    match probe:
        case "batch_mean_moment":
            cell |= {"B": B, "design": design, "order": draw(st.integers(1, 4))}
        case "batch_mean_product":
            cell |= {"B": B, "design": design, "order": draw(st.integers(2, 3))}
        case "batch_variance":
            cell |= {"B": max(2, B), "design": design, "kind": draw(st.sampled_from(["biased", "unbiased"]))}
            cell["statistic"] = draw(st.sampled_from(["value", "spread", "error"]))
        case "weighted_sum":
            cell["Bmax"] = draw(st.integers(1, N))
        case _:
            cell |= {"B": B, "design": design, "order": draw(st.integers(1, 2)), "h": 1}
            cell |= {"eta": draw(st.floats(0.01, 3)), "t": draw(st.integers(1, 9)), "start": draw(st.floats(-9, 9))}
    return {"probe": probe, **cell}
