"""A network and a batch size as a table of steps on one flat array, for an engine that runs it compiled.

Every activation and every gradient is an image (C, H, W, B) with strides, so that a convolution's input can lie in a
frame of zeros, written once.  A vector is an image of one point.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sim import blocks
from sim.in_place.norms import pools
from sim.norm_blocks import Norm
from sim.sequential import Network, Residual

__all__ = ["ACTIVATIONS", "CODES", "STEP", "Plan", "compiled"]

CODES = ("multiply", "activate", "copy", "pool", "normalize", "fork", "join")
ACTIVATIONS = ("linear", "relu", "tanh", "gelu")

_LINE = 64  # bytes of a line of the cache
_IMAGES = ("x", "y", "dx", "dy", "other", "d_other", "wide")
_WHOLE = (
    *("code", "option", "inputs", "theta", "C", "H", "W", "O", "R", "S", "size", "stride"),
    *("dense", "bias", "K", "stretch", "weights", "taps", "left", "rows", "turned", "right", "copied", "edge", "zero"),
    *("groups", "affine", "hat", "work"),
)
STEP = np.dtype(
    [(name, np.int64) for name in _WHOLE]
    + [(f"{image}{part}", np.int64) for image in _IMAGES for part in ("", "_c", "_h")]
    + [("eps", np.float64), ("share", np.float64)]
)
"""A step: what it does, its shapes, and where its images begin, with strides by channel (_c) and by row (_h).

``other`` and ``d_other`` are a join's second input and the second gradient of a join or fork; ``wide`` is a product's
``dy`` in its frame, with zeros between for a stride above 1.  ``weights``, ``taps``, ``left``, ``rows``, ``turned`` and
``right`` begin tables of places: of weights and image for the output, of the factors for the weights' gradient, of
weights and ``wide`` for the input's.
"""


@dataclass(slots=True)
class _Image:
    """A place for an image and its strides; `frame` is how many zeros surround it."""

    shape: tuple[int, int, int]
    frame: int = 0
    start: int = -1
    by_channel: int = 0
    by_row: int = 0


@dataclass(slots=True)
class _Value:
    """What lies between two steps: an activation and its gradient."""

    y: _Image
    d: _Image
    wanted: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """What an engine runs.

    Parameters
    ----------
    steps
        Array of `STEP`, forward order.
    places
        Tables that the steps refer to.
    size
        Entries of the flat array, all zero before the first step.
    x, z, dz
        Start and strides (entry, channel, row) of the input, and starts of output and its gradient.
    shape
        The input's shape as an image.
    classes
        Outputs.
    """

    steps: np.ndarray
    places: np.ndarray
    size: int
    x: tuple[int, int, int]
    z: int
    dz: int
    shape: tuple[int, int, int]
    classes: int

    def flat(self, dtype: Any) -> np.ndarray:
        """Return the flat array, beginning on a line of the cache."""
        itemsize = np.dtype(dtype).itemsize
        made = np.zeros(self.size + _LINE // itemsize, dtype)
        start = -made.ctypes.data % _LINE // itemsize
        return made[start : start + self.size]


def _image(shape: tuple[int, ...]) -> _Image:
    C, H, W = (*shape, 1, 1)[:3]
    return _Image((C, H, W))


@dataclass(slots=True)
class _Builder:
    B: int
    itemsize: int
    places: list[int] = field(default_factory=list)
    rows: list[tuple[dict[str, Any], Any, _Value, _Value]] = field(default_factory=list)
    images: list[_Image] = field(default_factory=list)
    size: int = 0

    def value(self, shape: tuple[int, ...], wanted: bool) -> _Value:
        made = _Value(_image(shape), _image(shape), wanted)
        self.images += [made.y, made.d]
        return made

    def take(self, entries: int) -> int:
        """Return where so many entries begin, on a line of the cache."""
        line = _LINE // self.itemsize
        start, self.size = self.size, self.size + -(-entries // line) * line
        return start

    def table(self, entries: Iterable[int]) -> int:
        start = len(self.places)
        self.places.extend(entries)
        return start

    def lay(self, image: _Image) -> None:
        C, H, W = image.shape
        line = _LINE // self.itemsize
        image.by_row = (W + 2 * image.frame) * self.B
        # an odd number of lines between channels, or they would crowd few sets of the cache; vectors lie close
        lines = -(-(H + 2 * image.frame) * image.by_row // line)
        flat = H == W == 1 and not image.frame
        image.by_channel = image.by_row if flat else (lines + 1 - lines % 2) * line
        image.start = self.take(C * image.by_channel) + image.frame * (image.by_row + self.B)


def compiled(network: Network, B: int, dtype: Any) -> Plan:
    """Return the plan of a network.

    Parameters
    ----------
    network
        The architecture.
    B
        Batch size.
    dtype
        Type of the arrays.

    Raises
    ------
    ValueError
        If a layer has no form in place, or the output is not a vector.
    """
    if len(network.output) != 1:
        raise ValueError(f"in place the output must be a vector, got {network.output}")
    builder = _Builder(B, np.dtype(dtype).itemsize)
    first = builder.value(network.shape, False)
    last, _ = _chain(builder, network.chain, network.shape, first, 0)
    for image in builder.images:
        builder.lay(image)
    steps = np.zeros(len(builder.rows), STEP)
    zero = builder.take(1)
    for step, (numbers, layer, x, y) in zip(steps, builder.rows, strict=True):
        for name, entry in ({"x": x.y, "y": y.y, "dx": x.d, "dy": y.d} | numbers).items():
            if isinstance(entry, _Image):
                step[name], step[f"{name}_c"], step[f"{name}_h"] = entry.start, entry.by_channel, entry.by_row
            else:
                step[name] = entry
        step["inputs"], step["zero"] = x.wanted, zero
        step["C"], step["H"], step["W"] = x.y.shape
        step["O"], step["R"], step["S"] = y.y.shape
        if isinstance(layer, blocks.Conv | blocks.Dense):
            _tables(builder, step, layer)
        elif isinstance(layer, Norm):
            C, H, W = x.y.shape
            step["hat"], step["work"] = builder.take(C * H * W * B), builder.take((C + 3) * W * B)
        elif isinstance(layer, blocks.Pool):
            step["work"] = builder.take(x.y.shape[2] * B)
    begin = (first.y.start, first.y.by_channel, first.y.by_row)
    places = np.array(builder.places, np.int64)
    return Plan(steps, places, builder.size, begin, last.y.start, last.d.start, first.y.shape, network.output[0])


def _chain(
    builder: _Builder, chain: tuple[Any, ...], shape: tuple[int, ...], x: _Value, start: int
) -> tuple[_Value, int]:
    """Add the steps of a chain; return its output and where its parameters end."""
    own = False
    for layer in chain:
        after = layer.output(shape)
        stop = start + sum(math.prod(p.shape) for p in layer.parameters(shape).values())
        if isinstance(layer, Residual):
            x, own = _residual(builder, layer, shape, x, start), True
        else:
            numbers = _numbers(layer, shape, builder.B)
            numbers |= {"code": CODES.index(numbers["code"]), "theta": start}
            # relu needs only its output, and a step with parameters or a join does not need its own again
            y = x if own and isinstance(layer, blocks.Activation) and layer.name in ("linear", "relu") else None
            y = y or builder.value(after, x.wanted or stop > start)
            if isinstance(layer, blocks.Conv):
                x.y.frame, edge = max(x.y.frame, layer.padding), layer.size - 1 - layer.padding
                if layer.stride == 1 and edge >= 0:
                    y.d.frame = edge
            builder.rows.append((numbers, layer, x, y))
            own, x = isinstance(layer, blocks.Conv | blocks.Dense | Norm), y
        shape, start = after, stop
    return x, start


def _residual(builder: _Builder, layer: Residual, shape: tuple[int, ...], x: _Value, start: int) -> _Value:
    """Add a fork, both ways and a join; the ways share the input but not its gradient."""
    ways = [_Value(x.y, _image(shape), x.wanted) for _ in range(2)]
    builder.images += [way.d for way in ways]
    fork = {"code": CODES.index("fork"), "other": ways[0].d, "d_other": ways[1].d}
    builder.rows.append((fork, layer, x, x))
    long, start = _chain(builder, layer.chain, shape, ways[0], start)
    short, _ = _chain(builder, layer.shortcut, shape, ways[1], start)
    y = builder.value(layer.output(shape), long.wanted or short.wanted)
    join = {"code": CODES.index("join"), "other": short.y, "d_other": short.d}
    builder.rows.append((join, layer, long, y))
    return y


def _numbers(layer: Any, before: tuple[int, ...], B: int) -> dict[str, Any]:
    """Return what a layer's step does."""
    match layer:
        case blocks.Dense() if len(before) == 1:
            return {"code": "multiply"}
        case blocks.Conv():
            return {"code": "multiply"}
        case blocks.Pool():
            share = 1.0 if layer.kind == "max" else 1 / layer.size**2
            return {"code": "pool", "option": layer.kind == "max", "size": layer.size, "share": share}
        case blocks.Activation():
            return {"code": "activate", "option": ACTIVATIONS.index(layer.name), "share": 1.0}
        case blocks.Flatten():
            return {"code": "copy"}
        case Norm() if len(before) != 2:
            shape = pools(layer, before, B)
            groups = 0 if layer.kind == "batch" else shape[0]
            more = {"groups": groups, "eps": layer.eps, "share": 1 / shape[1], "affine": layer.affine}
            return {"code": "normalize", "option": layer.kind != "rms"} | more
    raise ValueError(f"in place there is no {type(layer).__name__} on shape {before}: train with sim.training.train")


def _tables(builder: _Builder, step: Any, layer: Any) -> None:
    """Write where the factors of a product lie: weights and image, for the output and for the input's gradient."""
    C, rows, B = int(step["C"]), int(step["O"]), builder.B
    k, padding, stride = (layer.size, layer.padding, layer.stride) if isinstance(layer, blocks.Conv) else (1, 0, 1)
    dense, square = isinstance(layer, blocks.Dense), range(k * k)
    step["dense"], step["size"], step["stride"], step["K"] = dense, k, stride, C * k * k
    step["bias"] = step["theta"] + rows * C * k * k
    # entries side by side: whole rows, or points where the stride parts them
    step["stretch"] = step["S"] * B if stride == 1 else B
    step["weights"] = builder.table(c * rows if dense else c for c in range(C * k * k))
    x_c, x_h = int(step["x_c"]), int(step["x_h"])
    step["taps"] = builder.table(
        c * x_c + (i // k - padding) * x_h + (i % k - padding) * B for c in range(C) for i in square
    )
    if dense:
        step["left"], step["work"] = builder.table(range(B)), builder.take(rows * B)
        step["rows"] = builder.table(b * rows for b in range(B))
    else:
        step["left"] = builder.table(o * int(step["dy_c"]) for o in range(rows))
    if not step["inputs"]:
        return
    # the input's gradient is a convolution of the output's with turned kernels
    step["edge"] = edge = k - 1 - padding
    if stride == 1 and edge >= 0:
        wide = _Image((0, 0, 0), edge, int(step["dy"]), int(step["dy_c"]), int(step["dy_h"]))
        wide.start -= edge * (wide.by_row + B)
    else:
        wide = _Image((rows, int(step["H"]) + k - 1, int(step["W"]) + k - 1))
        builder.lay(wide)
        step["copied"] = 1
    step["wide"], step["wide_c"], step["wide_h"] = wide.start, wide.by_channel, wide.by_row
    step["turned"] = builder.table(o if dense else o * C * k * k + k * k - 1 - i for o in range(rows) for i in square)
    step["right"] = builder.table(
        o * wide.by_channel + i // k * wide.by_row + i % k * B for o in range(rows) for i in square
    )
