"""Networks chained from layers, R replicas in one flat (R, P) parameter array, and residual blocks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sim import ghost, layers, norms
from sim.arrays import namespace
from sim.blocks import Activation, Arrays, Dense, Layer, Parameter, Pass, Seen, Shape
from sim.networks import Slot
from sim.norm_blocks import COUPLED, Norm

__all__ = ["Network", "Residual", "mlp", "update_running"]


def _shapes(chain: Sequence[Layer], shape: Shape) -> list[Shape]:
    """Return the shape before each layer and, last, after all; layers refuse what does not fit."""
    found = [shape]
    for layer in chain:
        found.append(layer.output(found[-1]))
    return found


def _parameters(chain: Sequence[Layer], shape: Shape) -> dict[str, Parameter]:
    return {
        f"{i}.{name}": parameter
        for i, (layer, before) in enumerate(zip(chain, _shapes(chain, shape), strict=False))
        for name, parameter in layer.parameters(before).items()
    }


def _own(p: Arrays, i: int) -> dict[str, Any]:
    start = f"{i}."
    return {name[len(start) :]: value for name, value in p.items() if name.startswith(start)}


def _forward(chain: Sequence[Layer], p: Arrays, x: Any, mode: Pass) -> tuple[Any, list[Any]]:
    tapes = []
    for i, layer in enumerate(chain):
        x, tape = layer.forward(_own(p, i), x, mode)
        tapes.append(tape)
    return x, tapes


def _backward(
    chain: Sequence[Layer], p: Arrays, tapes: Sequence[Any], d: Any, inputs: bool
) -> tuple[Any, dict[str, Any]]:
    gradients = {}
    for i in range(len(chain) - 1, -1, -1):
        d, own = chain[i].backward(_own(p, i), tapes[i], d, inputs or i > 0)
        gradients.update({f"{i}.{name}": value for name, value in own.items()})
    return d, gradients


@dataclass(frozen=True, slots=True)
class Residual:
    """``shortcut(x) + chain(x)``, after He et al. (2016); an empty shortcut is the identity."""

    chain: tuple[Layer, ...]
    shortcut: tuple[Layer, ...] = ()

    def output(self, shape: Shape) -> Shape:
        """Return the shape after the sum; both ways must agree on it."""
        long, short = _shapes(self.chain, shape)[-1], _shapes(self.shortcut, shape)[-1]
        if long != short:
            raise ValueError(f"a residual block adds {short} and {long}: the shapes differ")
        return long

    def parameters(self, shape: Shape) -> dict[str, Parameter]:
        """Return the parameters of both ways."""
        ways = (("chain", self.chain), ("shortcut", self.shortcut))
        return {f"{way}.{n}": p for way, chain in ways for n, p in _parameters(chain, shape).items()}

    def forward(self, p: Arrays, x: Any, mode: Pass) -> tuple[Any, Any]:
        """Return the sum; the tape is that of both ways."""
        long, tapes = _forward(self.chain, _way(p, "chain"), x, mode)
        short, others = _forward(self.shortcut, _way(p, "shortcut"), x, mode)
        return long + short, (tapes, others)

    def backward(self, p: Arrays, tape: Any, dy: Any, inputs: bool) -> tuple[Any, dict[str, Any]]:
        """Return the gradients of both ways."""
        dx, long = _backward(self.chain, _way(p, "chain"), tape[0], dy, inputs)
        dx_short, short = _backward(self.shortcut, _way(p, "shortcut"), tape[1], dy, inputs)
        gradients = {f"chain.{n}": g for n, g in long.items()}
        gradients |= {f"shortcut.{n}": g for n, g in short.items()}
        return (dx + dx_short if inputs else None), gradients


def _way(p: Arrays, name: str) -> dict[str, Any]:
    return {key[len(name) + 1 :]: value for key, value in p.items() if key.startswith(name + ".")}


def _coupled(chain: Sequence[Layer], shape: Shape) -> list[int]:
    """Return the channels of each norm that looks at the batch, in the order of the forward pass."""
    found: list[int] = []
    for layer, before in zip(chain, _shapes(chain, shape), strict=False):
        if isinstance(layer, Norm) and layer.kind in COUPLED:
            found.append(layer.channels(before))
        elif isinstance(layer, Residual):
            found += _coupled(layer.chain, before) + _coupled(layer.shortcut, before)
    return found


@dataclass(frozen=True, slots=True)
class Network:
    """A chain of layers and a loss, described; its parameters are passed to every call.

    Parameters
    ----------
    shape
        Shape of an example: (C,), (C, H, W) or (T, D).
    chain
        The layers in order.  The output is a vector (K,), or tokens (T, K), whose losses are averaged.
    loss
        One of `sim.layers.LOSSES`.
    """

    shape: Shape
    chain: tuple[Layer, ...]
    loss: str = "cross_entropy"

    def __post_init__(self) -> None:
        """Refuse chains whose layers do not fit."""
        if not self.chain or any(isinstance(n, bool) or not isinstance(n, int) or n < 1 for n in self.shape):
            raise ValueError(f"a network needs layers and lengths >= 1, got shape {self.shape!r}")
        if self.loss not in layers.LOSSES:
            raise ValueError(f"unknown loss {self.loss!r}: allowed are {', '.join(layers.LOSSES)}")
        if len(self.output) > 2:
            raise ValueError(f"the output must be a vector or tokens, got {self.output}")

    @property
    def output(self) -> Shape:
        """Shape of the output of an example."""
        return _shapes(self.chain, self.shape)[-1]

    @property
    def slots(self) -> tuple[Slot, ...]:
        """The layout of the flat parameter vector."""
        found, start = [], 0
        for key, parameter in _parameters(self.chain, self.shape).items():
            layer, name = key.split(".", 1)
            stop = start + math.prod(parameter.shape)
            found.append(Slot(int(layer), name, start, stop, parameter.shape))
            start = stop
        return tuple(found)

    @property
    def size(self) -> int:
        """Number of parameters P."""
        slots = self.slots
        return slots[-1].stop if slots else 0

    def initial(self, R: int, *, rng: np.random.Generator) -> np.ndarray:
        """Draw R replicas, each parameter by its layer's rule.

        Parameters
        ----------
        R
            Number of replicas, at least 1.
        rng
            The stream.

        Returns
        -------
        numpy.ndarray of float64, shape (R, P)
        """
        if isinstance(R, bool) or not isinstance(R, int) or R < 1:
            raise ValueError(f"number of replicas R must be a whole number >= 1, got {R!r}")
        parts = []
        for parameter in _parameters(self.chain, self.shape).values():
            part = np.full((R, math.prod(parameter.shape)), parameter.value)
            if parameter.deviation:
                part += parameter.deviation * rng.standard_normal(part.shape)
            parts.append(part)
        return np.concatenate(parts, axis=1)

    def views(self, theta: Any) -> dict[str, Any]:
        """Return the parameter arrays by ``layer.name``, each (R, ...), views where the library allows.

        Parameters
        ----------
        theta
            Shape (R, P).

        Raises
        ------
        ValueError
            If `theta` has another shape.
        """
        xp, slots = namespace(theta), self.slots
        size = slots[-1].stop if slots else 0
        if theta.ndim != 2 or theta.shape[1] != size:
            raise ValueError(f"parameters must have shape (R, {size}), got {tuple(theta.shape)}")
        return {
            f"{s.layer}.{s.name}": xp.reshape(theta[:, s.start : s.stop], (theta.shape[0], *s.shape)) for s in slots
        }

    def _pass(self, p: Arrays, theta: Any, x: Any, mode: Pass) -> tuple[Any, list[Any]]:
        xp, plain = namespace(theta, x), len(self.shape)
        if tuple(x.shape[-plain:]) != self.shape or x.ndim not in (plain + 1, plain + 2):
            raise ValueError(
                f"inputs must have shape (B, ...) or (R, B, ...) with examples {self.shape}, got {x.shape}"
            )
        return _forward(self.chain, p, xp.broadcast_to(x, (theta.shape[0], *x.shape[-plain - 1 :])), mode)

    def outputs(self, theta: Any, x: Any, *, running: Sequence[norms.Running] | None = None) -> Any:
        """Return the outputs, shape (R, B, K) or (R, B, T, K).

        Parameters
        ----------
        theta
            Shape (R, P).
        x
            Inputs, shape (B, ...) or (R, B, ...).
        running
            Running statistics of the norms that look at the batch, as at inference; None for the batch's own.

        Raises
        ------
        ValueError
            If the number of running statistics is not that of these norms.
        """
        count = len(_coupled(self.chain, self.shape))
        if running is not None and len(running) != count:
            raise ValueError(f"the network has {count} norms with running statistics, got {len(running)}")
        mode = Pass(given=None if running is None else iter(running))
        return self._pass(self.views(theta), theta, x, mode)[0]

    def losses(self, theta: Any, x: Any, y: Any, *, running: Sequence[norms.Running] | None = None) -> Any:
        """Return the loss of each example, shape (R, B); arguments as for `outputs` and `gradient`."""
        return self._residual(self.outputs(theta, x, running=running), y)[0]

    def _residual(self, outputs: Any, y: Any) -> tuple[Any, Any]:
        loss = layers.cross_entropy if self.loss == "cross_entropy" else layers.squared
        each, d = loss(outputs, y)
        if each.ndim == 3:
            return namespace(each).mean(each, axis=2), d / each.shape[2]
        return each, d

    def gradient(self, theta: Any, x: Any, y: Any, *, seen: list[Seen] | None = None) -> tuple[Any, Any]:
        """Return the losses (R, B) and the gradient (R, P) of their mean over the batch.

        Parameters
        ----------
        theta
            Shape (R, P).
        x
            Inputs, shape (B, ...) or (R, B, ...).
        y
            Labels, shape (B,) or (R, B), with a last axis T for tokens; or targets with a last axis K.
        seen
            A list that the batch statistics used are appended to, for `update_running`.
        """
        xp, p = namespace(theta, x, y), self.views(theta)
        outputs, tapes = self._pass(p, theta, x, Pass(seen=seen))
        losses, d = self._residual(outputs, y)
        gradients = _backward(self.chain, p, tapes, d / losses.shape[1], False)[1]
        return losses, xp.concat([xp.reshape(gradients[key], (theta.shape[0], -1)) for key in p], axis=1)

    def example_gradients(self, theta: Any, x: Any, y: Any) -> Any:
        """Return the gradient of each example's loss, shape (R, B, P): each example alone, as a replica.

        Parameters
        ----------
        theta, x, y
            As for `gradient`.

        Raises
        ------
        ValueError
            Under a norm that looks at the batch, where a loss depends on its peers.
        """
        if _coupled(self.chain, self.shape):
            raise ValueError("per-example gradients do not exist under a batch norm: a loss depends on its peers")
        xp, (R, P), plain = namespace(theta, x, y), theta.shape, len(self.shape)
        x = xp.broadcast_to(x, (R, *x.shape[-plain - 1 :]))
        B = x.shape[1]
        trailing = 1 + (self.loss == "squared") + (len(self.output) - 1)
        y = xp.broadcast_to(y, (R, *y.shape[-trailing:]))
        many = xp.reshape(xp.broadcast_to(theta[:, None, :], (R, B, P)), (R * B, P))
        alone = [xp.reshape(a, (R * B, 1, *a.shape[2:])) for a in (x, y)]
        return xp.reshape(self.gradient(many, *alone)[1], (R, B, P))

    def initial_running(self, R: int) -> tuple[norms.Running, ...]:
        """Return running statistics of mean 0 and variance 1 for each norm that looks at the batch."""
        return tuple(norms.Running(np.zeros((R, C)), np.ones((R, C))) for C in _coupled(self.chain, self.shape))


def update_running(
    running: Sequence[norms.Running], seen: Sequence[Seen], *, new_weight: float, bessel: bool
) -> tuple[norms.Running, ...]:
    """Move a network's running statistics toward those of one batch.

    Parameters
    ----------
    running
        The statistics so far.
    seen
        From `Network.gradient`, one for each.
    new_weight, bessel
        As for `sim.norms.update_running`; ghost batches count one after another.

    Returns
    -------
    tuple of Running

    Raises
    ------
    ValueError
        If the numbers of statistics differ.
    """
    if len(running) != len(seen):
        raise ValueError(f"{len(running)} running statistics but {len(seen)} seen: one for each norm is needed")
    return tuple(
        ghost.update_running(r, s.mean, s.var, count=s.count, new_weight=new_weight, bessel=bessel)
        for r, s in zip(running, seen, strict=True)
    )


def mlp(
    widths: Sequence[int],
    *,
    activation: str = "relu",
    norm: Norm | None = None,
    place: str = "before",
    loss: str = "cross_entropy",
    gain: float = 1.0,
) -> Network:
    """Return a multilayer perceptron with a norm before or after each hidden activation.

    Parameters
    ----------
    widths
        Input, hidden and output widths.
    activation, norm
        Of every hidden layer; None for no norm.
    place
        ``before`` or ``after`` the activation.
    loss, gain
        Of the network, and of the initial weights' variance ``gain / fan-in``.

    Returns
    -------
    Network

    Raises
    ------
    ValueError
        If a width or the place is not allowed.
    """
    if len(widths) < 2 or place not in ("before", "after"):
        raise ValueError(f"widths must be at least two and place before or after, got {widths!r}, {place!r}")
    chain: list[Layer] = []
    for width in widths[1:-1]:
        between: list[Layer] = [Activation(activation)]
        if norm is not None:
            between.insert(0 if place == "before" else 1, norm)
        chain += [Dense(width, gain=gain), *between]
    return Network((widths[0],), (*chain, Dense(widths[-1], gain=gain)), loss)
