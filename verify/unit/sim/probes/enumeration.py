"""What a probe must return, from every batch listed with the standard library, and the check against it."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from itertools import combinations, product
from typing import Any

import numpy as np

from sim import probes
from sim.streams import generator

Number = Fraction | float


def listed(N: int, B: int, design: str) -> list[tuple[int, ...]]:
    """List every batch that is equally likely under the design."""
    return list(combinations(range(N), B) if design == "wor" else product(range(N), repeat=B))


def over_batches(x: Sequence[Any], B: int, design: str, value: Callable[[list[Any]], Any]) -> list[Any]:
    """Return the replicate of every equally likely batch."""
    return [value([x[i] for i in batch]) for batch in listed(len(x), B, design)]


def mean(values: Sequence[Any]) -> Any:
    """Return the mean: exact for Fractions, of a correctly rounded sum for floats."""
    if isinstance(values[0], float):
        return math.fsum(values) / len(values)
    return sum(values, Fraction(0)) / len(values)


def draw(cell: Mapping[str, Any], n: int, **more: Any) -> np.ndarray:
    """Draw replicates in their own units, from a stream keyed by the cell."""
    name = hashlib.sha256(json.dumps(dict(cell), default=str, sort_keys=True).encode()).hexdigest()
    drawn = probes.draw(cell, n, rng=generator(name, 0), **more)
    scale = probes.setting(cell).scale
    assert drawn.shape == (n,)
    assert drawn.dtype == (np.float64 if scale is None else np.int64)
    return drawn if scale is None else drawn * float(scale)


def check(cell: Mapping[str, Any], values: Sequence[Any], n: int = 40_000) -> None:
    """Hold a probe against all its equally likely replicates: range, support, and mean within 5 errors."""
    found, x = probes.setting(cell), draw(cell, n)
    assert found.low <= x.min()
    assert x.max() <= found.high
    assert Fraction(found.low) <= min(values)
    assert max(values) <= Fraction(found.high)
    # the upper end is attained: the range is not wider than rounding
    assert found.high <= float(max(values)) * (1 + 1e-9) + 1e-9
    support = np.unique(np.array([float(v) for v in values]))
    near = support[np.clip(np.searchsorted(support, x), 0, len(support) - 1)]
    below = support[np.clip(np.searchsorted(support, x) - 1, 0, len(support) - 1)]
    gap = np.minimum(np.abs(near - x), np.abs(below - x))
    assert gap.max() <= 1e-9 * max(1.0, float(np.abs(support).max()))
    center = float(mean(values))
    spread = math.sqrt(math.fsum((float(v) - center) ** 2 for v in values) / len(values))
    assert abs(float(x.mean()) - center) <= 5 * spread / math.sqrt(n) + 1e-12 * abs(center)
