"""Optimizers as frozen descriptions: a state goes in, a step and a new state come out.

Parameters have shape (R, P); the step size may differ by replica.  No optimizer averages over the batch: the
gradient handed in is the mean over it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sim.arrays import namespace

__all__ = ["METHODS", "Optimizer", "State"]

METHODS = ("sgd", "heavy_ball", "nesterov", "adam")


@dataclass(frozen=True, slots=True)
class State:
    """Memory of an optimizer.

    Parameters
    ----------
    t
        Steps taken.
    velocity
        Velocity, or Adam's first moment, shape (R, P).
    square
        Adam's second moment, shape (R, P); None for the others.
    """

    t: int
    velocity: Any
    square: Any


@dataclass(frozen=True, slots=True)
class Optimizer:
    """One of four methods, with decoupled weight decay.

    Parameters
    ----------
    method
        ``sgd``: ``theta -= eta g``.  ``heavy_ball``: ``v = beta v + g``, ``theta -= eta v``, after
        Polyak (1964). ``nesterov``: the same velocity, ``theta -= eta (g + beta v)``, after Sutskever et
        al. (2013).  ``adam``: after Kingma and Ba (2015), bias-corrected, `beta` for the mean and
        `beta2` for the square.
    eta
        Step size above 0: a number, or one for each replica, shape (R,).
    beta
        Momentum in [0, 1).
    beta2, eps
        Adam's second decay in [0, 1) and the constant added to the root.
    lam
        Weight decay, at least 0, decoupled: ``theta -= eta lam theta`` beside the step, after Loshchilov and
        Hutter (2019).
    """

    method: str
    eta: Any
    beta: float = 0.0
    beta2: float = 0.999
    eps: float = 1e-8
    lam: float = 0.0

    def __post_init__(self) -> None:
        """Refuse descriptions outside what is stated above."""
        if self.method not in METHODS:
            raise ValueError(f"unknown method {self.method!r}: allowed are {', '.join(METHODS)}")
        each = self.eta if hasattr(self.eta, "shape") else [self.eta]
        for eta in each:
            if not 0 < float(eta) < float("inf"):
                raise ValueError(f"step size eta must be a finite number > 0, got {float(eta)}")
        for name, value in (("beta", self.beta), ("beta2", self.beta2)):
            if not 0 <= value < 1:
                raise ValueError(f"{name} must lie in [0, 1), got {value}")
        if self.method == "sgd" and self.beta:
            raise ValueError(f"sgd has no momentum, got beta={self.beta}: use heavy_ball or nesterov")
        if not self.lam >= 0 or not self.eps > 0:
            raise ValueError(f"lam must be >= 0 and eps > 0, got lam={self.lam}, eps={self.eps}")

    def start(self, theta: Any) -> State:
        """Return the state before the first step for parameters `theta`, shape (R, P)."""
        zeros = namespace(theta).zeros_like(theta)
        return State(0, None if self.method == "sgd" else zeros, zeros if self.method == "adam" else None)

    def step(self, theta: Any, gradient: Any, state: State) -> tuple[Any, State]:
        """Take one step.

        Parameters
        ----------
        theta, gradient
            Shape (R, P).
        state
            From `start` or the previous step.

        Returns
        -------
        tuple
            New parameters and new state; nothing is changed in place.
        """
        xp = namespace(theta, gradient)
        eta = self.eta[:, None] if hasattr(self.eta, "shape") else self.eta
        t, beta, square = state.t + 1, self.beta, None
        match self.method:
            case "sgd":
                velocity, move = None, gradient
            case "heavy_ball":
                velocity = move = beta * state.velocity + gradient
            case "nesterov":
                velocity = beta * state.velocity + gradient
                move = gradient + beta * velocity
            case _:
                velocity = beta * state.velocity + (1 - beta) * gradient
                square = self.beta2 * state.square + (1 - self.beta2) * gradient * gradient
                root = xp.sqrt(square / (1 - self.beta2**t)) + self.eps
                move = velocity / (1 - beta**t) / root
        if self.lam:
            move = move + self.lam * theta
        return theta - eta * move, State(t, velocity, square)
