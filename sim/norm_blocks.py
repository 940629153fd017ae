"""Normalization as a layer of a network, before or after the activation, with or without scale and shift."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sim import ghost, hybrid, norms
from sim.arrays import namespace
from sim.blocks import Arrays, Parameter, Pass, Seen, Shape

__all__ = ["COUPLED", "KINDS", "Norm"]

KINDS = (*norms.KINDS, "ghost", "hybrid")
COUPLED = ("batch", "ghost", "hybrid")
"""Kinds under which an example's output depends on its peers; they use running statistics at inference."""


@dataclass(frozen=True, slots=True)
class Norm:
    """A normalization layer on vectors (C,), images (C, H, W) or tokens (T, D), each token a sample of its own.

    Parameters
    ----------
    kind
        One of `KINDS`.
    groups
        Number of groups, for ``group`` only.
    size
        Samples in a ghost batch, for ``ghost`` only.
    alpha
        Weight of the batch in 0..1, for ``hybrid`` only; None there makes it learned, the logistic function
        of a parameter that starts at 0.
    reading
        Of ``hybrid``: one of `sim.hybrid.READINGS`.
    eps
        Added to variances, at least 0.
    affine
        Whether scale and shift of each channel are parameters.
    """

    kind: str
    groups: int | None = None
    size: int | None = None
    alpha: float | None = None
    reading: str = "statistics"
    eps: float = 1e-5
    affine: bool = True

    def __post_init__(self) -> None:
        """Refuse descriptions outside what is stated above."""
        if self.kind not in KINDS:
            raise ValueError(f"unknown norm {self.kind!r}: allowed are {', '.join(KINDS)}")
        for name, value, kind in (
            ("groups", self.groups, "group"),
            ("size", self.size, "ghost"),
            ("alpha", self.alpha, "hybrid"),
        ):
            if value is not None and self.kind != kind:
                raise ValueError(f"{name} is of {kind} norm only, got {name}={value!r} for {self.kind}")
        if self.kind in ("group", "ghost") and (self.groups if self.kind == "group" else self.size) is None:
            raise ValueError(f"{self.kind} norm needs {'groups' if self.kind == 'group' else 'a size'}")
        if self.alpha is not None and not 0 <= self.alpha <= 1:
            raise ValueError(f"alpha must lie in 0..1, got {self.alpha}")
        if self.reading not in hybrid.READINGS:
            raise ValueError(f"unknown reading {self.reading!r}: allowed are {', '.join(hybrid.READINGS)}")
        if not 0 <= self.eps < float("inf"):
            raise ValueError(f"eps must be a finite number >= 0, got {self.eps!r}")

    def channels(self, shape: Shape) -> int:
        """Return the number of channels of examples of this shape."""
        return shape[-1] if len(shape) == 2 else shape[0]

    def output(self, shape: Shape) -> Shape:
        """Return the shape as it is."""
        if len(shape) not in (1, 2, 3):
            raise ValueError(f"a norm takes vectors, tokens or images, got shape {shape}")
        if self.groups is not None and self.channels(shape) % self.groups:
            raise ValueError(f"{self.channels(shape)} channels cannot be split into {self.groups} groups")
        return shape

    def parameters(self, shape: Shape) -> dict[str, Parameter]:
        """Return gamma (C,), beta (C,) and, for a learned alpha, its logit (1,)."""
        found = {}
        if self.affine:
            C = self.channels(shape)
            found = {"gamma": Parameter((C,), value=1.0), "beta": Parameter((C,))}
        if self.kind == "hybrid" and self.alpha is None:
            found["logit"] = Parameter((1,))
        return found

    def forward(self, p: Arrays, x: Any, mode: Pass) -> tuple[Any, Any]:
        """Return the normalized activations; the tape is the cache and the input's shape."""
        xp, shape = namespace(x), tuple(x.shape)
        if x.ndim == 4:
            x = xp.reshape(x, (shape[0], -1, shape[3]))
        more: dict[str, Any] = {"eps": self.eps, "gamma": p.get("gamma"), "beta": p.get("beta")}
        if self.kind == "hybrid":
            more |= {"alpha": self._alpha(p), "reading": self.reading}
        given = next(mode.given) if mode.given is not None and self.kind in COUPLED else None
        if given is not None:
            frozen = hybrid.forward_frozen if self.kind == "hybrid" else norms.forward_frozen
            y, cache = frozen(x, given, **more)
            return xp.reshape(y, shape), (cache, shape)
        match self.kind:
            case "ghost":
                y, cache = ghost.forward(x, size=self.size or 0, **more)
            case "hybrid":
                y, cache = hybrid.forward(x, **more)
            case _:
                y, cache = norms.forward(self.kind, x, groups=self.groups, **more)
        if mode.seen is not None and self.kind in COUPLED:
            mode.seen.append(self._seen(x))
        return xp.reshape(y, shape), (cache, shape)

    def _alpha(self, p: Arrays) -> Any:
        if self.alpha is not None:
            return self.alpha
        # the two exponentials of the symmetric form cannot overflow
        logit = p["logit"][:, 0]
        xp = namespace(logit)
        small = xp.exp(-xp.abs(logit))
        return xp.where(logit >= 0, 1 / (1 + small), small / (1 + small))

    def _seen(self, x: Any) -> Seen:
        if self.kind == "ghost":
            size = self.size or 0
            mean, var = ghost.statistics(x, size=size)
        else:
            size = x.shape[1]
            mean, var = (values[:, None, :] for values in norms.statistics("batch", x))
        positions = 1
        for length in x.shape[3:]:
            positions *= length
        return Seen(mean, var, size * positions)

    def backward(self, p: Arrays, tape: Any, dy: Any, inputs: bool) -> tuple[Any, dict[str, Any]]:
        """Return the gradients; scale and shift are summed over the batch."""
        cache, shape = tape
        xp = namespace(dy)
        d = xp.reshape(dy, (shape[0], -1, shape[3])) if len(shape) == 4 else dy
        gradients: dict[str, Any] = {}
        if isinstance(cache, hybrid.Cache):
            dx, dgamma, dbeta, dalpha = hybrid.backward(cache, d)
            if self.alpha is None:
                a = cache.alpha[:, 0, 0, :]
                gradients["logit"] = dalpha[:, None] * a * (1 - a)
        else:
            # a ghost batch is a replica of its cache; frozen statistics know no ghost batches
            ghosts = self.kind == "ghost" and cache.kind == "batch"
            dx, dgamma, dbeta = (ghost if ghosts else norms).backward(cache, d)
        if self.affine:
            gradients |= {"gamma": xp.sum(dgamma, axis=1), "beta": xp.sum(dbeta, axis=1)}
        return xp.reshape(dx, shape), gradients
