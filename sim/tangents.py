"""The Hessian of a network's mean loss times a vector, by carrying a tangent through both passes.

The R-operator, after Pearlmutter (1994): every quantity q of the forward and backward pass gets the companion
``Rq``, its derivative along v; the companion of the gradient is ``H v``.  Replicate axis first, any norm, any
array library.  `sim.curvature` has the faster form for networks without norms.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from sim import layers, norms
from sim.arrays import namespace
from sim.networks import MLP

__all__ = ["Primal", "bend", "loss_curvature", "primal", "product"]


@dataclass(frozen=True, slots=True)
class _Layer:
    """One layer of the two passes: input, slope and bend of the activation, both gradients, norm's cache."""

    x: Any
    slope: Any
    bend: Any
    dy: Any
    dn: Any
    d: Any
    cache: norms.Cache | None


@dataclass(frozen=True, slots=True)
class Primal:
    """Both passes at one point, kept for any number of products.

    Parameters
    ----------
    network
        The architecture.
    parts
        Parameter arrays by (layer, name), each (R, ...).
    layers
        What each layer keeps.
    outputs
        Outputs, shape (R, B, K).
    """

    network: MLP
    parts: dict[tuple[int, str], Any]
    layers: tuple[_Layer, ...]
    outputs: Any


def bend(name: str, z: Any) -> Any:
    """Return the second derivative of an activation, or None where it is 0 wherever it exists.

    Parameters
    ----------
    name
        One of `sim.layers.ACTIVATIONS`.
    z
        Any shape.
    """
    xp = namespace(z)
    match name:
        case "linear" | "relu":
            return None
        case "tanh":
            y = xp.tanh(z)
            return -2.0 * y * (1.0 - y * y)
        case "gelu":
            root, cubic = math.sqrt(2 / math.pi), 0.044715
            t = xp.tanh(root * (z + cubic * z * z * z))
            inner = root * (1.0 + 3 * cubic * z * z)
            return (1.0 - t * t) * (inner - z * t * inner * inner + 3 * root * cubic * z * z)
    raise ValueError(f"unknown activation {name!r}: allowed are {', '.join(layers.ACTIVATIONS)}")


def loss_curvature(loss: str, outputs: Any, tangent: Any) -> Any:
    """Return the Hessian of each example's loss in its outputs, times `tangent`.

    Parameters
    ----------
    loss
        One of `sim.layers.LOSSES`.
    outputs, tangent
        Shape (R, B, K).
    """
    if loss == "squared":
        return tangent
    xp = namespace(outputs, tangent)
    p = xp.exp(outputs - xp.max(outputs, axis=-1, keepdims=True))
    p = p / xp.sum(p, axis=-1, keepdims=True)
    return p * (tangent - xp.sum(p * tangent, axis=-1, keepdims=True))


def _pooled(kind: str, groups: int | None, x: Any) -> Any:
    """Return the mean of (R, B, C) over what one statistic pools, broadcast back."""
    xp = namespace(x)
    if kind == "batch":
        return xp.broadcast_to(xp.mean(x, axis=1, keepdims=True), x.shape)
    split = xp.reshape(x, (*x.shape[:2], groups or 1, -1))
    means = xp.broadcast_to(xp.mean(split, axis=-1, keepdims=True), split.shape)
    return xp.reshape(means, x.shape)


def primal(network: MLP, theta: Any, x: Any, y: Any) -> Primal:
    """Run both passes and keep what products need.

    Parameters
    ----------
    network, theta, x, y
        As for `MLP.gradient`.
    """
    xp = namespace(theta, x)
    parts, last = network.views(theta), len(network.widths) - 2
    if x.ndim not in (2, 3) or x.shape[-1] != network.widths[0]:
        raise ValueError(
            f"inputs must have shape (B, {network.widths[0]}) or (R, B, {network.widths[0]}), got {x.shape}"
        )
    h = xp.broadcast_to(x, (theta.shape[0], *x.shape[-2:]))
    passed = []
    for layer in range(last + 1):
        inputs, cache, slope, bent = h, None, None, None
        z = layers.dense(h, parts[layer, "W"], parts[layer, "b"])
        if layer < last:
            if network.norm:
                gamma, beta = parts[layer, "gamma"], parts[layer, "beta"]
                z, cache = norms.forward(
                    network.norm, z, groups=network.groups, eps=network.eps, gamma=gamma, beta=beta
                )
            h, slope = layers.activate(network.activation, z)
            bent = bend(network.activation, z)
        passed.append((inputs, slope, bent, cache))
    loss = layers.cross_entropy if network.loss == "cross_entropy" else layers.squared
    dy, kept = loss(z, y)[1] / x.shape[-2], []
    for layer in range(last, -1, -1):
        inputs, slope, bent, cache = passed[layer]
        dn = dy if slope is None else dy * slope
        d = dn if cache is None else norms.backward(cache, dn)[0]
        kept.append(_Layer(inputs, slope, bent, dy, dn, d, cache))
        if layer:
            dy = xp.matmul(d, xp.permute_dims(parts[layer, "W"], (0, 2, 1)))
    return Primal(network, parts, tuple(reversed(kept)), z)


def product(at: Primal, v: Any) -> Any:
    """Return the Hessian of the mean loss times `v`.

    Parameters
    ----------
    at
        From `primal`.
    v
        Directions, shape (R, P).

    Returns
    -------
    array, shape (R, P)

    Notes
    -----
    At a kink of relu the second derivative is taken as 0, as autodiff does.
    """
    xp, network = namespace(v), at.network
    V, forward = network.views(v), []
    Rx: Any = None
    for number, layer in enumerate(at.layers):
        Rz = layers.dense(layer.x, V[number, "W"], V[number, "b"])
        if Rx is not None:
            Rz = Rz + xp.matmul(Rx, at.parts[number, "W"])
        Rn, Rhat, ratio = Rz, None, None
        if layer.cache is not None:
            Rn, Rhat, ratio = _norm_forward(layer.cache, Rz, V[number, "gamma"], V[number, "beta"])
        forward.append((Rx, Rn, Rhat, ratio))
        Rx = Rn if layer.slope is None else Rn * layer.slope
    Rdy, arrays = loss_curvature(network.loss, at.outputs, Rx) / at.outputs.shape[1], []
    for number in range(len(at.layers) - 1, -1, -1):
        layer, (Rx, Rn, Rhat, ratio) = at.layers[number], forward[number]
        Rd, more = Rdy, []
        if layer.slope is not None:
            Rd = Rdy * layer.slope
            if layer.bend is not None:
                Rd = Rd + layer.dy * layer.bend * Rn
        if layer.cache is not None:
            hat = _flat_hat(layer.cache)
            more = [xp.sum(Rd * hat + layer.dn * Rhat, axis=1), xp.sum(Rd, axis=1)]
            Rd = _norm_backward(layer, Rd, Rhat, ratio, V[number, "gamma"])
        RW = xp.matmul(xp.permute_dims(layer.x, (0, 2, 1)), Rd)
        if Rx is not None:
            RW = RW + xp.matmul(xp.permute_dims(Rx, (0, 2, 1)), layer.d)
        arrays.append([xp.reshape(RW, (v.shape[0], -1)), xp.sum(Rd, axis=1), *more])
        if number:
            W, VW = at.parts[number, "W"], V[number, "W"]
            Rdy = xp.matmul(Rd, xp.permute_dims(W, (0, 2, 1))) + xp.matmul(layer.d, xp.permute_dims(VW, (0, 2, 1)))
    return xp.concat([each for found in reversed(arrays) for each in found], axis=1)


def _flat_hat(cache: norms.Cache) -> Any:
    return namespace(cache.x_hat).reshape(cache.x_hat, cache.shape)


def _flat_inverse(cache: norms.Cache) -> Any:
    xp = namespace(cache.inverse)
    return xp.reshape(xp.broadcast_to(cache.inverse, cache.x_hat.shape), cache.shape)


def _norm_forward(cache: norms.Cache, Rz: Any, Rgamma: Any, Rbeta: Any) -> tuple[Any, Any, Any]:
    """Return the tangents of output and normalized input, and that of ``1/sd`` over itself."""
    hat, inverse = _flat_hat(cache), _flat_inverse(cache)
    centered = Rz if cache.kind == "rms" else Rz - _pooled(cache.kind, cache.groups, Rz)
    ratio = -inverse * _pooled(cache.kind, cache.groups, hat * centered)
    Rhat = inverse * centered + hat * ratio
    return Rgamma[:, None, :] * hat + cache.gamma[:, None, :] * Rhat + Rbeta[:, None, :], Rhat, ratio


def _norm_backward(layer: _Layer, Rdn: Any, Rhat: Any, ratio: Any, Rgamma: Any) -> Any:
    """Return the tangent of ``(g - mean(g) - x_hat mean(g x_hat)) / sd`` for ``g = gamma dn``."""
    cache: Any = layer.cache
    hat, gamma = _flat_hat(cache), cache.gamma[:, None, :]

    def pooled(x: Any) -> Any:
        return _pooled(cache.kind, cache.groups, x)

    g, Rg = gamma * layer.dn, Rgamma[:, None, :] * layer.dn + gamma * Rdn
    inner = Rg - Rhat * pooled(g * hat) - hat * pooled(Rg * hat + g * Rhat)
    if cache.kind != "rms":
        inner = inner - pooled(Rg)
    return ratio * layer.d + _flat_inverse(cache) * inner
