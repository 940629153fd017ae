"""Every implementation of a normalization layer under one call, and what its results may be off by."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sim import engines, ghost, hybrid, norms
from sim.blocks import Flatten
from sim.engines.program import NORMS
from sim.engines.with_numpy import normalize as arrays
from sim.engines.with_numpy.passes import Passes
from sim.in_place import plan
from sim.in_place.norms import NormStep
from sim.norm_blocks import Norm
from sim.sequential import Network
from verify.properties.rounded import Format, Rounded

__all__ = ["KERNELS", "Case", "Result", "bounds", "pooled"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Case:
    """What a norm is given.

    Parameters
    ----------
    x, dy
        Input and gradient with respect to the output, shape (B, C, S), S positions.
    gamma, beta
        Scale and shift, shape (C,).
    groups, size, alpha
        Groups of channels, examples in a ghost batch, weight of the batch; 1, B and 0 where the kind has none.
    eps
        Added to variances.
    """

    x: Array
    dy: Array
    gamma: Array
    beta: Array
    groups: int
    size: int
    alpha: float
    eps: float


Result = dict[str, Array]
"""Output ``y``, input gradient ``dx``, and by channel the gradients ``dgamma`` and ``dbeta``."""


def _plain(kind: str, c: Case) -> Result:
    """The reference layers."""
    x, dy, more = c.x[None], c.dy[None], {"eps": c.eps, "gamma": c.gamma, "beta": c.beta}
    found = {}
    if kind.startswith("hybrid"):
        y, cache = hybrid.forward(x, alpha=c.alpha, reading=kind.removeprefix("hybrid "), **more)
        dx, dgamma, dbeta, found["dalpha"] = hybrid.backward(cache, dy)
    elif kind == "ghost":
        y, cache = ghost.forward(x, size=c.size, **more)
        dx, dgamma, dbeta = ghost.backward(cache, dy)
    else:
        y, cache = norms.forward(kind, x, groups=c.groups if kind == "group" else None, **more)
        dx, dgamma, dbeta = norms.backward(cache, dy)
    return {"y": y[0], "dx": dx[0], "dgamma": dgamma[0].sum(axis=0), "dbeta": dbeta[0].sum(axis=0)} | found


def _passes(kind: str, c: Case) -> Result:
    """The training engine in NumPy."""
    z, d = (v[None, :, :, 0].copy() for v in (c.x, c.dy))
    gamma, dgamma, dbeta = (c.gamma[None, None].copy() for _ in range(3))
    norm = arrays.Norm(Passes(z), kind, z, d, groups=c.groups, alpha=c.alpha, eps=c.eps)
    norm.forward(gamma)
    y = z + c.beta
    norm.backward(gamma, dgamma, dbeta)
    return {"y": y[0, ..., None], "dx": d[0, ..., None], "dgamma": dgamma[0, 0], "dbeta": dbeta[0, 0]}


def _compiled(kind: str, c: Case) -> Result:
    """The training engine in Numba, rows at a stride that is not their width."""
    from sim.engines.with_numba import normalize

    (B, H), kinds = c.x.shape[:2], c.x.dtype
    ld, code = H + 16, NORMS.index(kind)
    z, d, x_hat, inverse = (np.zeros(B * ld, kinds) for _ in range(4))
    rows = [v.reshape(B, ld)[:, :H] for v in (z, d, x_hat)]
    rows[0][...], rows[1][...] = c.x[..., 0], c.dy[..., 0]
    stats, sums, dgamma, dbeta = (np.zeros(n, kinds) for n in (2 * H + B, 2 * H, H, H))
    normalize.forward(code, z, ld, B, H, c.groups, c.alpha, c.eps, x_hat, inverse, stats)
    y = rows[2] * c.gamma + c.beta
    normalize.backward(
        code, d, ld, B, H, c.groups, c.alpha, x_hat, inverse, stats, z, c.gamma, dgamma, dbeta, sums
    )  # fmt: skip
    return {"y": y[..., None], "dx": rows[1][..., None], "dgamma": dgamma, "dbeta": dbeta}


def _layer(kind: str, c: Case) -> Norm:
    return Norm(kind, groups=c.groups if kind == "group" else None, eps=c.eps)


def _steps(kind: str, c: Case) -> Result:
    """Training in place in NumPy."""
    (B, C, S), dtype = c.x.shape, c.x.dtype

    def columns(v: Array) -> Array:
        # a copy even of one example: the step writes into it
        return v.transpose(1, 2, 0).reshape(C * S, B).copy()

    parameters, gradient = np.concatenate([c.gamma, c.beta]), np.empty(2 * C, dtype)
    x = columns(c.x)
    step = NormStep(_layer(kind, c), (C, S, 1), x, x, (C, S, 1), parameters, 0)
    step.receive(gradient)
    step.forward()
    y = step.y.copy()
    dx = step.backward(columns(c.dy))
    back = [v.reshape(C, S, B).transpose(2, 0, 1) for v in (y, dx)]
    return {"y": back[0], "dx": back[1], "dgamma": gradient[:C], "dbeta": gradient[C:]}


def _images(kind: str, c: Case) -> Result:
    """Training in place in Numba, on a flat array of images."""
    from sim.engines.with_numba import images

    (B, C, S), dtype = c.x.shape, c.x.dtype
    made = plan.compiled(Network((C, 1, S), (_layer(kind, c), Flatten())), B, dtype)
    made.steps[0]["inputs"] = 1
    step, flat, gradient = made.steps[0], made.flat(dtype), np.zeros(2 * C, dtype)

    def image(name: str) -> Array:
        itemsize = flat.itemsize
        strides = (itemsize, int(step[f"{name}_c"]) * itemsize, B * itemsize)
        return np.lib.stride_tricks.as_strided(flat[int(step[name]) :], (B, C, S), strides)

    theta = np.concatenate([c.gamma, c.beta])
    image("x")[...], image("dy")[...] = c.x, c.dy
    images.normalize(step, flat, theta, B)
    images.normalize_back(step, flat, theta, gradient, B)
    return {"y": image("y").copy(), "dx": image("dx").copy(), "dgamma": gradient[:C], "dbeta": gradient[C:]}


TRAINED = tuple(kind for kind in NORMS if kind != "none")
HYBRIDS = tuple(f"hybrid {reading}" for reading in hybrid.READINGS)
KERNELS: dict[tuple[str, str], Callable[[str, Case], Result]] = {
    **{("reference", kind): _plain for kind in (*norms.KINDS, "ghost", *HYBRIDS)},
    **{("training, numpy", kind): _passes for kind in TRAINED},
    **{("in place, numpy", kind): _steps for kind in norms.KINDS},
}
"""By implementation and kind; the hybrid of the training engines mixes statistics."""
if "numba" in engines.names():
    KERNELS |= {("training, numba", kind): _compiled for kind in TRAINED}
    KERNELS |= {("in place, numba", kind): _images for kind in norms.KINDS}


@dataclass(frozen=True, slots=True)
class _Pool:
    """One kind of statistics: input without its mean, variance, inverse root, normalized input."""

    axes: tuple[int, ...]
    centered: Rounded
    var: Rounded
    inverse: Rounded
    x_hat: Rounded

    @staticmethod
    def of(x: Rounded, axes: tuple[int, ...], eps: float, *, center: bool = True) -> _Pool:
        """Pool over axes; the mean is that of what exceeds the first entry."""
        centered = x
        if center:
            first = tuple(slice(0, 1) if axis in axes else slice(None) for axis in range(x.value.ndim))
            shifted = x - x[first]
            centered = shifted - shifted.mean(axes)
        var = (centered * centered).mean(axes)
        inverse = (var + x.format.exact(eps)).inverse_root(eps)
        return _Pool(axes, centered, var, inverse, centered * inverse)

    def back(self, g: Rounded, *, center: bool = True) -> Rounded:
        """Carry a gradient back."""
        terms = [g, -(self.x_hat * (g * self.x_hat).mean(self.axes))]
        return Rounded.sum([*terms, -g.mean(self.axes)] if center else terms) * self.inverse


def bounds(kind: str, c: Case) -> dict[str, Rounded]:
    """Return what a kernel must find, by the formulas of the layers, and how far it may be off.

    Each term of the backward pass is counted as in ``dx = (g - mean(g) - x_hat mean(g x_hat)) / sd``: the last one
    passes a product by the scale, one by x_hat, n + 1 roundings of a mean, one by x_hat, two of the sum and one by the
    inverse root, beside the errors that x_hat and the inverse root bring along.  Taking scale and inverse root out of
    the sums, as some do where a channel is a pool, changes the number of roundings by none, but what underflows inside
    is multiplied by them: such kinds get the larger bound of the two orders.
    """
    f = Format(c.x.dtype)
    B, C, S = c.x.shape
    shape = {"group": (B, c.groups, C // c.groups * S), "ghost": (B // c.size, c.size, C, S)}.get(kind, (B, C, S))
    x, dy, gamma, beta = (
        f.exact(np.broadcast_to(v, (B, C, S))) for v in (c.x, c.dy, c.gamma[:, None], c.beta[:, None])
    )
    axes = {"batch": (0, 2), "layer": (1, 2), "rms": (1, 2), "instance": (2,), "group": (2,), "ghost": (1, 3)}
    g = dy * gamma
    found: dict[str, Rounded] = {}
    if kind.startswith("hybrid"):
        a, rest = f.exact(np.full((1, 1, 1), c.alpha)), f.complement(c.alpha).reshape(1, 1, 1)
        batch, sample = _Pool.of(x, axes["batch"], c.eps), _Pool.of(x, axes["layer"], c.eps)
        if kind == "hybrid outputs":
            x_hat = a * batch.x_hat + rest * sample.x_hat
            dx = a * batch.back(g) + rest * sample.back(g)
            dalpha = g * (batch.x_hat - sample.x_hat)
        else:
            x_hat, dx, dalpha = _mixed(a, rest, batch, sample, g, f.exact(c.eps), c.eps)
        found["dalpha"] = dalpha.total((0, 1, 2)).reshape(1)
    else:
        center = kind != "rms"
        pool = _Pool.of(x.reshape(*shape), axes[kind], c.eps, center=center)
        x_hat = pool.x_hat.reshape(B, C, S)
        dx = pool.back(g.reshape(*shape), center=center).reshape(B, C, S)
    y, dgamma = x_hat * gamma + beta, (dy * x_hat).total((0, 2))
    if kind == "batch":
        outside = pool.inverse * gamma
        along = (dy * pool.centered).mean((0, 2)) * pool.inverse * pool.inverse
        y = y.either(pool.centered * outside + beta)
        dgamma = dgamma.either((dy * pool.centered).total((0, 2)) * pool.inverse)
        dx = dx.either(Rounded.sum([dy, -(pool.centered * along), -dy.mean((0, 2))]) * outside)
    by_channel = {"dgamma": dgamma.reshape(C), "dbeta": dy.total((0, 2)).reshape(C)}
    return {"y": y, "dx": dx} | by_channel | found


def _mixed(
    a: Rounded, rest: Rounded, batch: _Pool, sample: _Pool, g: Rounded, eps: Rounded, least: float
) -> tuple[Rounded, Rounded, Rounded]:
    """Mixed statistics: normalized input, gradients of input and, by example and channel, of alpha."""
    inverse = Rounded.sum([a * batch.var, rest * sample.var, eps]).inverse_root(least)
    x_hat = (a * batch.centered + rest * sample.centered) * inverse
    pull = g * inverse
    spread = pull * x_hat * inverse
    terms = [pull]
    for weight, pool in ((a, batch), (rest, sample)):
        terms += [-(weight * pull.mean(pool.axes)), -(weight * (spread.mean(pool.axes) * pool.centered))]
    half = a.format.exact(-0.5)
    by_mean = -(pull.total((2,)) * (sample.centered - batch.centered)[..., :1])
    by_var = half * spread.total((2,)) * (batch.var - sample.var)
    return x_hat, Rounded.sum(terms), by_mean + by_var


def pooled(kind: str, c: Case) -> int:
    """Return how many entries the smallest statistic of a norm pools."""
    B, C, S = c.x.shape
    by_kind = {"batch": B * S, "instance": S, "group": C // c.groups * S, "ghost": c.size * S}
    return min(B * S, C * S) if kind.startswith("hybrid") else by_kind.get(kind, math.prod((C, S)))
