"""What a normalized output owes to the batch: its variance over random peers, and the gap to inference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sim import designs, layers, norms
from sim.networks import MLP
from sim.norms import Running

__all__ = ["Gap", "PeerNoise", "inference_losses", "peer_noise", "running_statistics", "train_eval_gap"]


@dataclass(frozen=True, slots=True)
class PeerNoise:
    """Spread of normalized outputs over random peers.

    Parameters
    ----------
    mean
        Mean output of each example over its peers, shape (N, C).
    variance
        Variance of each example's output over its peers, unbiased, shape (N, C).
    """

    mean: np.ndarray
    variance: np.ndarray

    @property
    def share(self) -> np.ndarray:
        """Part of each channel's output variance that is peer noise, shape (C,); NaN where no output varies."""
        within = self.variance.mean(axis=0)
        total = within + self.mean.var(axis=0)
        return np.divide(within, total, out=np.full(within.shape, np.nan), where=total > 0)


def peer_noise(
    kind: str,
    x: np.ndarray,
    B: int,
    *,
    draws: int,
    groups: int | None = None,
    eps: float = 1e-5,
    rng: np.random.Generator,
) -> PeerNoise:
    """Normalize every example among many random sets of peers.

    Parameters
    ----------
    kind, groups, eps
        As for `sim.norms.forward`.
    x
        Activations before the norm, shape (N, C).
    B
        Batch size: the example and B - 1 of the other N - 1, without replacement.
    draws
        Sets of peers for each example, at least 2.
    rng
        Stream of the peers.

    Returns
    -------
    PeerNoise

    Raises
    ------
    ValueError
        If `x` has another shape, ``B`` exceeds N or `draws` is below 2; as for `sim.norms.forward`.
    """
    if x.ndim != 2:
        raise ValueError(f"activations must have shape (N, C), got {x.shape}")
    if isinstance(draws, bool) or not isinstance(draws, int) or draws < 2:
        raise ValueError(f"draws must be a whole number >= 2, got {draws!r}")
    N, B = designs.check_sizes(len(x), B)
    mean, variance = np.empty(x.shape), np.empty(x.shape)
    for i in range(N):
        batches = np.full((draws, B), i)
        if B > 1:
            others = designs.draw("wor", N - 1, B - 1, draws, rng=rng)
            batches[:, 1:] = others + (others >= i)
        outputs = norms.forward(kind, x[batches], groups=groups, eps=eps)[0][:, 0]
        # shifted by one of them, equal outputs have a variance of exactly 0
        shifted = outputs - outputs[0]
        mean[i], variance[i] = outputs[0] + shifted.mean(axis=0), shifted.var(axis=0, ddof=1)
    return PeerNoise(mean, variance)


def running_statistics(
    network: MLP, theta: Any, X: Any, batches: np.ndarray, *, new_weight: float | None = None, bessel: bool = True
) -> tuple[Running, ...]:
    """Run batches through a batch-norm network in training mode and gather each layer's statistics.

    Parameters
    ----------
    network
        With ``norm="batch"``.
    theta
        Parameters, shape (R, P); they stay.
    X
        Inputs, shape (N, I).
    batches
        Indices, shape (T, B), in the order they are met.
    new_weight
        Weight of the newest batch in the running average, as for `sim.norms.update_running`; the first batch
        starts it.  None for the plain mean over all batches.
    bessel
        Whether each variance is first multiplied by ``B / (B - 1)``.

    Returns
    -------
    tuple of Running
        One a hidden layer.
    """
    _require_batch_norm(network)
    if batches.ndim != 2 or not len(batches):
        raise ValueError(f"batches must have shape (T, B) with T >= 1, got {batches.shape}")
    if not 0 <= batches.min() <= batches.max() < len(X):
        raise ValueError(f"batch indices must lie in 0..{len(X) - 1}, got {batches.min()}..{batches.max()}")
    kept: list[Running] = []
    for step, batch in enumerate(batches):
        weight = 1.0 if not step else 1 / (step + 1) if new_weight is None else new_weight
        found: list[tuple[Any, Any]] = []
        _pass(network, theta, X[batch], found, None)
        start = kept or [Running(0 * mean, 0 * var) for mean, var in found]
        kept = [
            norms.update_running(old, mean, var, count=batches.shape[1], new_weight=weight, bessel=bessel)
            for old, (mean, var) in zip(start, found, strict=True)
        ]
    return tuple(kept)


def _require_batch_norm(network: MLP) -> None:
    if network.norm != "batch":
        raise ValueError(f"running statistics belong to batch norm, got norm {network.norm!r}")


def _pass(network: MLP, theta: Any, x: Any, found: list[tuple[Any, Any]], fixed: tuple[Running, ...] | None) -> Any:
    """Return the outputs; by the batch's own statistics, which are put in `found`, or by `fixed` ones."""
    parts, last = network.views(theta), len(network.widths) - 2
    h = np.broadcast_to(x, (theta.shape[0], *x.shape[-2:]))
    for layer in range(last):
        z = layers.dense(h, parts[layer, "W"], parts[layer, "b"])
        affine = {"gamma": parts[layer, "gamma"], "beta": parts[layer, "beta"], "eps": network.eps}
        if fixed is None:
            found.append(norms.statistics("batch", z))
            z = norms.forward("batch", z, **affine)[0]
        else:
            z = norms.forward_frozen(z, fixed[layer], **affine)[0]
        h = layers.activate(network.activation, z)[0]
    return layers.dense(h, parts[last, "W"], parts[last, "b"])


def inference_losses(network: MLP, theta: Any, X: Any, y: Any, running: tuple[Running, ...]) -> Any:
    """Return the loss of each example with the statistics fixed, shape (R, N).

    Parameters
    ----------
    network, theta, X, y
        As for `MLP.losses`; the network has batch norm.
    running
        One a hidden layer, from `running_statistics`.
    """
    _require_batch_norm(network)
    if len(running) != len(network.widths) - 2:
        raise ValueError(f"running statistics of {len(network.widths) - 2} layers are needed, got {len(running)}")
    outputs = _pass(network, theta, X, [], running)
    return (layers.cross_entropy if network.loss == "cross_entropy" else layers.squared)(outputs, y)[0]


@dataclass(frozen=True, slots=True)
class Gap:
    """Loss of the same parameters on the same examples in the two modes.

    Parameters
    ----------
    train
        Mean loss in training mode over the examples as their batches meet them, shape (R,).
    inference
        Mean loss with running statistics over the same examples, shape (R,).
    error
        Standard error of the difference, from the spread between batches, shape (R,).
    """

    train: np.ndarray
    inference: np.ndarray
    error: np.ndarray

    @property
    def gap(self) -> np.ndarray:
        """Inference minus training, shape (R,)."""
        return self.inference - self.train


def train_eval_gap(
    network: MLP, theta: Any, X: Any, y: Any, batches: np.ndarray, *, running: tuple[Running, ...]
) -> Gap:
    """Compare training mode with inference on the same batches.

    Parameters
    ----------
    network, theta, X, y
        As for `MLP.losses`; the network has batch norm.
    batches
        Indices, shape (T, B) with T >= 2.
    running
        From `running_statistics`, of these or of other batches.
    """
    if batches.ndim != 2 or len(batches) < 2:
        raise ValueError(f"batches must have shape (T, B) with T >= 2, got {batches.shape}")
    each = inference_losses(network, theta, X, y, running)
    fixed = np.stack([each[:, batch].mean(axis=1) for batch in batches])
    moving = np.stack([network.losses(theta, X[batch], y[batch]).mean(axis=1) for batch in batches])
    error = (fixed - moving).std(axis=0, ddof=1) / len(batches) ** 0.5
    return Gap(moving.mean(axis=0), fixed.mean(axis=0), error)
