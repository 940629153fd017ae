"""The convolution workload in torch: grouped convolutions and batched products over all replicas, or one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn import functional

from sim.bench.convolution import BETA, ETA, Workload, summary, workload
from sim.bench.task import Contender
from sim.blocks import Activation, Conv, Dense, Flatten, Pool
from sim.norm_blocks import Norm

__all__ = ["contender"]


def _parameters(given: Workload, some: slice) -> dict[str, Any]:
    """Return the parameters of some replicas by layer and name, in the shapes that `_outputs` takes."""
    found = {}
    for slot in given.network.slots:
        part = given.theta[some, slot.start : slot.stop]
        dense = isinstance(given.network.chain[slot.layer], Dense)
        if len(slot.shape) == 4:
            shape: tuple[int, ...] = (-1, *slot.shape[1:])
        elif dense:
            shape = (len(part), *slot.shape) if slot.name == "W" else (len(part), 1, *slot.shape)
        else:
            shape = (-1,)
        found[f"{slot.layer}.{slot.name}"] = torch.from_numpy(part.reshape(shape).copy()).requires_grad_()
    return found


def _outputs(given: Workload, p: dict[str, Any], x: Any) -> Any:
    """Run the chain on (R, B, ...); the replicas of images are groups of channels."""
    R, B = x.shape[:2]
    if x.ndim == 5:
        x = x.transpose(0, 1).reshape(B, -1, *x.shape[3:])
    for number, layer in enumerate(given.network.chain):
        match layer:
            case Conv():
                x = functional.conv2d(x, p[f"{number}.W"], p[f"{number}.b"], padding=1, groups=R)
            case Dense():
                x = torch.baddbmm(p[f"{number}.b"], x, p[f"{number}.W"])
            case Norm():
                gamma, beta = p[f"{number}.gamma"], p[f"{number}.beta"]
                x = functional.batch_norm(x, None, None, gamma, beta, training=True, eps=layer.eps)
            case Activation():
                x = torch.relu(x)
            case Pool():
                x = functional.avg_pool2d(x, 2)
            case Flatten():
                x = x.reshape(B, R, -1).transpose(0, 1)
    return x


def _run(given: Workload, X: Any, y: Any, batches: Any, some: slice) -> Any:
    p = _parameters(given, some)
    optimizer = torch.optim.SGD(list(p.values()), lr=ETA, momentum=BETA, foreach=True)
    batches = batches[some]
    R, T, B = batches.shape
    losses = torch.empty((R, T))
    for t in range(T):
        index = batches[:, t]
        scores = _outputs(given, p, X[index])
        each = functional.cross_entropy(scores.reshape(R * B, -1), y[index].reshape(-1), reduction="none")
        by_replica = each.view(R, B).mean(dim=1)
        optimizer.zero_grad(set_to_none=True)
        by_replica.sum().backward()
        optimizer.step()
        losses[:, t] = by_replica.detach()
    return losses


def contender(setting: str, form: str, *, threads: int) -> Contender:
    """Return the workload in one form.

    Parameters
    ----------
    setting
        One of `sim.bench.convolution.SETTINGS`.
    form
        ``together``: all replicas take a step together.  ``alone``: one takes all its steps, then the next.
    threads
        Torch's threads.
    """
    torch.set_num_threads(threads)
    given = workload(setting)
    X, y = torch.from_numpy(given.X), torch.from_numpy(given.y.astype(np.int64))

    def run(some: Workload) -> Any:
        size = len(some.theta) if form == "together" else 1
        parts = [slice(first, first + size) for first in range(0, len(some.theta), size)]
        return torch.cat([_run(some, X, y, torch.from_numpy(some.batches), part) for part in parts])

    name = "torch all replicas by hand" if form == "together" else "torch replica after replica"
    return Contender(name, lambda: run(given), lambda: summary(run(given.small).numpy()))
