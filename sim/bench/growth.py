"""How time and memory grow: the same work at a row of sizes, and its slope on doubly logarithmic paper.

A slope of 1 is proportional growth, 2 is quadratic; a slope below the one that the arithmetic has at large sizes means
that small sizes are ruled by what every call costs whatever its size.  Hence the slope of the upper half is told too.
"""

from __future__ import annotations

import math
import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from sim import data, designs, observables
from sim.engines import choose
from sim.ensembles import Group, Network, Phase, train
from sim.networks import MLP
from sim.optimizers import Optimizer

__all__ = ["CURVES", "Curve", "Slope", "measure", "slope"]


_N = 2048


@dataclass(frozen=True, slots=True)
class Curve:
    """Work at a row of sizes.

    Parameters
    ----------
    name
        What is varied.
    what
        The work, in words; the rest of its sizes stays fixed.
    sizes
        Ascending.
    build
        Returns the work of an engine at a size, everything else prepared.
    """

    name: str
    what: str
    sizes: tuple[int, ...]
    build: Callable[[str, int], Callable[[], object]]


@dataclass(frozen=True, slots=True)
class Slope:
    """The exponent of a power law fitted to a curve.

    Parameters
    ----------
    all, error
        Least-squares slope of the logarithms over all sizes, and its standard error.
    upper
        The same over the upper half of the sizes.
    """

    all: float
    error: float
    upper: float


def slope(sizes: Sequence[float], values: Sequence[float]) -> Slope:
    """Fit a power law.

    Parameters
    ----------
    sizes, values
        Positive, at least three of each.

    Raises
    ------
    ValueError
        If there are fewer, or one is not positive and finite.
    """
    x, y = np.asarray(sizes, dtype=np.float64), np.asarray(values, dtype=np.float64)
    if x.shape != y.shape or x.ndim != 1 or len(x) < 3:
        raise ValueError(f"a slope needs as many values as sizes, at least 3; got shapes {x.shape} and {y.shape}")
    for word, each in (("sizes", x), ("values", y)):
        if not (np.isfinite(each) & (each > 0)).all():
            raise ValueError(f"{word} must be positive and finite, got {each.tolist()}")

    def fit(x: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> tuple[float, float]:
        centered = x - x.mean()
        square = float(centered @ centered)
        if square == 0:
            raise ValueError("sizes are all the same: no slope")
        steep = float(centered @ y) / square
        rest = y - y.mean() - steep * centered
        return steep, math.sqrt(float(rest @ rest) / max(len(x) - 2, 1) / square)

    steep, error = fit(np.log(x), np.log(y))
    half = len(x) // 2
    return Slope(steep, error, fit(np.log(x[half:]), np.log(y[half:]))[0] if len(x) - half >= 2 else steep)


def _train(engine: str, *, R: int = 8, B: int = 8, width: int = 64, depth: int = 2) -> Callable[[], object]:
    """Return 16 steps of momentum SGD of ReLU networks on the digits, initial parameters and batches drawn anew."""
    X, y = data.load("digits")
    network = Network((64, *[width] * depth, 10))
    group = Group(network, Optimizer("heavy_ball", 0.01), (Phase(16, B),), tuple(range(R)))
    return lambda: train([group], X, y, engine=engine)


def _trace(engine: str, N: int) -> Callable[[], object]:
    X, y = data.load("digits")
    network = MLP((64, 64, 64, 10), activation="tanh")
    theta = network.initial(1, rng=np.random.Generator(np.random.PCG64DXSM(5)))
    return lambda: observables.gradient_trace(network, theta, X[:N], y[:N])


def _draws(design: str, B: int) -> Callable[[], object]:
    rng = np.random.Generator(np.random.PCG64DXSM(6))
    if design == "reshuffled":
        return lambda: designs.reshuffled(_N, B, 512, rng=rng)
    if design == "poisson":
        return lambda: designs.poisson(_N, Fraction(B, _N), 512, rng=rng)
    if design == "stratified":
        return lambda: designs.stratified((_N // 2, _N // 2), (B // 2, B // 2), 512, rng=rng)
    return lambda: designs.draw(design, _N, B, 512, rng=rng)


def _design(name: str, words: str) -> Curve:
    return Curve(f"design {name}", f"512 batches of B of {_N}, {words}", (2, 4, 8, 16, 32, 64, 128, 256, 512),
                 lambda engine, B: _draws(name, B))  # fmt: skip


CURVES = {
    curve.name: curve
    for curve in (
        Curve("R", "16 training steps of R networks 64-64-64-10, B = 8", (2, 4, 8, 16, 32, 64, 128, 256),
              lambda engine, R: _train(engine, R=R)),
        Curve("B", "16 training steps of 8 networks 64-64-64-10 at batch size B", (2, 4, 8, 16, 32, 64, 128, 256),
              lambda engine, B: _train(engine, B=B)),
        Curve("N", "the trace of the gradient covariance of a network 64-64-64-10 over N examples",
              (56, 112, 224, 449, 898, 1797), _trace),
        Curve("width", "16 training steps of 8 networks with two hidden layers of a width, B = 8",
              (16, 32, 64, 128, 256, 512), lambda engine, width: _train(engine, width=width)),
        Curve("depth", "16 training steps of 8 networks with hidden layers of width 64, B = 8", (1, 2, 4, 8, 16, 32),
              lambda engine, depth: _train(engine, depth=depth)),
        _design("wor", "without replacement"),
        _design("wr", "with replacement"),
        _design("reshuffled", "from reshuffled epochs"),
        _design("poisson", "each example on its own, B on average"),
        _design("stratified", "one half from each of two strata"),
    )
}  # fmt: skip
"""All curves by name."""


def measure(name: str, *, repeats: int = 5, shortest: float = 0.02,
            sizes: Sequence[int] | None = None, engine: str = "auto") -> dict[str, Any]:
    """Measure a curve.

    Parameters
    ----------
    name
        A key of `CURVES`.
    repeats
        Timed runs at each size; the fastest counts.
    shortest
        Seconds that a timed run lasts at least.
    sizes
        Other sizes than the curve's own.
    engine
        Engine of the training; the rest has one form.

    Returns
    -------
    dict
        ``curve``, ``what``, ``engine``, ``sizes``, ``seconds`` (of one core, a call), ``bytes`` (most that a call
        has allocated at once through NumPy, results included), and the slopes ``time`` and ``memory``, see `Slope`.

    Raises
    ------
    ValueError
        For an unknown curve or engine, fewer than one repeat or fewer than three sizes.
    """
    if name not in CURVES:
        raise ValueError(f"no curve {name!r}; the curves are {', '.join(CURVES)}")
    if isinstance(repeats, bool) or not isinstance(repeats, int) or repeats < 1:
        raise ValueError(f"repeats must be a whole number >= 1, got {repeats!r}")
    curve = CURVES[name]
    engine = choose(engine).name
    chosen = tuple(curve.sizes if sizes is None else sizes)
    if len(set(chosen)) < 3:
        raise ValueError(f"a curve needs at least 3 sizes, got {chosen}")
    seconds, peaks = [], []
    with threadpool_limits(1):
        for size in chosen:
            work = curve.build(engine, size)
            seconds.append(_fastest(work, repeats, shortest))
            peaks.append(_peak(work))
    return {
        "curve": name, "what": curve.what, "engine": engine, "sizes": list(chosen), "seconds": seconds, "bytes": peaks,
        "time": asdict(slope(chosen, seconds)), "memory": asdict(slope(chosen, peaks)),
    }  # fmt: skip


def _fastest(work: Callable[[], object], repeats: int, shortest: float) -> float:
    """Return the least processor time of a call: disturbances only ever add."""
    work()
    begun = time.process_time()
    work()
    calls = max(1, math.ceil(shortest / max(time.process_time() - begun, 1e-6)))
    best = math.inf
    for _ in range(repeats):
        begun = time.process_time()
        for _ in range(calls):
            work()
        best = min(best, (time.process_time() - begun) / calls)
    return best


def _peak(work: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
