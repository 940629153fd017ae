"""What an ensemble is made of: a network, a schedule in phases, and groups of replicas on a grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim import designs
from sim.engines.program import ACTIVATIONS, LOSSES, NORMS
from sim.networks import MLP
from sim.optimizers import Optimizer

__all__ = ["DESIGNS", "Group", "Network", "Phase"]

DESIGNS = (*designs.DESIGNS, "reshuffled")
"""Batches without replacement, with replacement, or from reshuffled epochs."""


@dataclass(frozen=True, slots=True)
class Network:
    """A multilayer perceptron whose hidden layers are dense, then normalized, then activated.

    Parameters
    ----------
    widths
        Input width, hidden widths, output width.
    activation, loss
        As in `sim.layers`.
    norm
        ``none``, ``batch``, ``layer``, ``group``, ``rms`` or ``hybrid``; all with scale and shift.  ``hybrid``
        normalizes by mixed statistics, ``alpha`` of the batch's and ``1 - alpha`` of the sample's.
    groups
        Number of groups, for ``group``.
    alpha
        Weight in 0..1, for ``hybrid``.
    eps
        Added to the variance, above 0.
    """

    widths: tuple[int, ...]
    activation: str = "relu"
    loss: str = "cross_entropy"
    norm: str = "none"
    groups: int | None = None
    alpha: float | None = None
    eps: float = 1e-5

    def __post_init__(self) -> None:
        """Refuse descriptions outside what is stated above."""
        MLP(self.widths)
        for name, value, allowed in (
            ("activation", self.activation, ACTIVATIONS),
            ("loss", self.loss, LOSSES),
            ("norm", self.norm, NORMS),
        ):
            if value not in allowed:
                raise ValueError(f"unknown {name} {value!r}: allowed are {', '.join(allowed)}")
        hidden = self.widths[1:-1]
        if self.norm == "group":
            if isinstance(self.groups, bool) or not isinstance(self.groups, int) or self.groups < 1:
                raise ValueError(f"group norm needs a number of groups >= 1, got {self.groups!r}")
            for width in hidden:
                if width % self.groups or width // self.groups < 2:
                    raise ValueError(f"{width} channels cannot be split into {self.groups} groups of at least 2")
        elif self.groups is not None:
            raise ValueError(f"norm {self.norm!r} has no groups, got groups={self.groups!r}")
        if self.norm in ("layer", "hybrid") and min(hidden, default=2) < 2:
            raise ValueError(f"{self.norm} statistics needs hidden widths of at least 2, got {min(hidden)}")
        if self.norm == "hybrid":
            if self.alpha is None or not 0 <= self.alpha <= 1:
                raise ValueError(f"alpha must lie in 0..1 under hybrid, got {self.alpha!r}")
        elif self.alpha is not None:
            raise ValueError(f"norm {self.norm!r} has no alpha, got alpha={self.alpha!r}")
        if not 0 < self.eps < float("inf"):
            raise ValueError(f"eps must be a finite number > 0, got {self.eps!r}")

    def initial(self, R: int, *, rng: np.random.Generator) -> np.ndarray:
        """Draw R replicas as `sim.networks.MLP.initial` does, shape (R, P)."""
        return self._twin().initial(R, rng=rng)

    @property
    def size(self) -> int:
        """Number of parameters P."""
        return self._twin().size

    def _twin(self) -> MLP:
        """Return a network of the same layout."""
        return MLP(self.widths, norm=None if self.norm == "none" else "layer")


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of training with one batch size.

    Parameters
    ----------
    steps
        Number of steps, at least 1.
    B
        Batch size.
    start, stop
        Factor on the step size at the first and at the last step, above 0, linear between them: a phase from
        a small factor to 1 is a warm-up, a phase of constant factor a stair.  `stop` is `start` if not given.
    """

    steps: int
    B: int
    start: float = 1.0
    stop: float | None = None

    def __post_init__(self) -> None:
        """Refuse phases outside what is stated above."""
        for name, value in (("steps", self.steps), ("batch size B", self.B)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} must be a whole number >= 1, got {value!r}")
        for factor in (self.start, self.stop):
            if factor is not None and not 0 < factor < float("inf"):
                raise ValueError(f"factors of the step size must be finite numbers > 0, got {factor!r}")

    @property
    def factors(self) -> np.ndarray:
        """The factor at each step, shape (steps,)."""
        return np.linspace(self.start, self.start if self.stop is None else self.stop, self.steps)


@dataclass(frozen=True, slots=True)
class Group:
    """Replicas of one network under one method and schedule: a point of a grid.

    Parameters
    ----------
    network
        The architecture.
    optimizer
        The method; its step size may be one number for each replica.
    phases
        The schedule.
    seeds
        One seed at least 0 for each replica: it fixes initial parameters and batches.
    design
        One of `DESIGNS`.
    """

    network: Network
    optimizer: Optimizer
    phases: tuple[Phase, ...]
    seeds: tuple[int, ...]
    design: str = "wor"

    def __post_init__(self) -> None:
        """Refuse groups outside what is stated above."""
        if not self.phases or not self.seeds:
            raise ValueError(f"a group needs phases and seeds, got {len(self.phases)} and {len(self.seeds)}")
        for seed in self.seeds:
            if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
                raise ValueError(f"a seed must be a whole number >= 0, got {seed!r}")
        if self.design not in DESIGNS:
            raise ValueError(f"unknown design {self.design!r}: allowed are {', '.join(DESIGNS)}")
