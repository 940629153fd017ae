"""The training workload in torch: batched products over all replicas, autograd, and one update of all arrays."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import torch

from sim.bench.task import Contender
from sim.bench.training import BETA, ETA, Workload, first_steps, summary, workload
from sim.ensembles import Network

__all__ = ["contender"]


def _parameters(given: Workload) -> list[list[Any]]:
    """Return the parameters by layer, replicas first; vectors have an axis of length 1 for the batch."""
    found: list[list[Any]] = []
    start, widths = 0, given.network.widths
    for layer, (wide, out) in enumerate(pairwise(widths)):
        shapes = [(wide, out), (1, out)]
        if given.network.norm != "none" and layer < len(widths) - 2:
            shapes += [(1, out), (1, out)]
        arrays = []
        for rows, columns in shapes:
            stop = start + rows * columns
            part = given.theta[:, start:stop].reshape(-1, rows, columns)
            arrays.append(torch.from_numpy(part.copy()).requires_grad_())
            start = stop
        found.append(arrays)
    return found


def _normalize(network: Network, z: Any) -> Any:
    R, B, H = z.shape
    match network.norm:
        case "batch":
            var, mean = torch.var_mean(z, dim=1, correction=0, keepdim=True)
        case "layer":
            var, mean = torch.var_mean(z, dim=2, correction=0, keepdim=True)
        case "group":
            z = z.view(R, B, network.groups, -1)
            var, mean = torch.var_mean(z, dim=3, correction=0, keepdim=True)
        case _:
            assert network.alpha is not None
            a, b = network.alpha, 1 - network.alpha
            column_var, column_mean = torch.var_mean(z, dim=1, correction=0, keepdim=True)
            row_var, row_mean = torch.var_mean(z, dim=2, correction=0, keepdim=True)
            mean, var = a * column_mean + b * row_mean, a * column_var + b * row_var
    return ((z - mean) * torch.rsqrt(var + network.eps)).view(R, B, H)


def _run(given: Workload, X: Any, y: Any, batches: Any) -> Any:
    parameters = _parameters(given)
    flat = [array for arrays in parameters for array in arrays]
    optimizer = torch.optim.SGD(flat, lr=ETA, momentum=BETA, foreach=True)
    R, T, B = batches.shape
    losses = torch.empty((R, T))
    for t in range(T):
        index = batches[:, t]
        h, labels = X[index], y[index]
        for W, b, *affine in parameters[:-1]:
            h = torch.baddbmm(b, h, W)
            if affine:
                h = torch.addcmul(affine[1], _normalize(given.network, h), affine[0])
            h = torch.relu(h)
        W, b = parameters[-1]
        scores = torch.baddbmm(b, h, W)
        each = torch.nn.functional.cross_entropy(scores.view(R * B, -1), labels.reshape(-1), reduction="none")
        by_replica = each.view(R, B).mean(dim=1)
        optimizer.zero_grad(set_to_none=True)
        by_replica.sum().backward()
        optimizer.step()
        losses[:, t] = by_replica.detach()
    return losses


def contender(setting: str, *, threads: int) -> Contender:
    """Return the workload.

    Parameters
    ----------
    setting
        One of `sim.bench.training.SETTINGS`.
    threads
        Torch's threads.
    """
    torch.set_num_threads(threads)
    given = workload(setting)
    X, y = torch.from_numpy(given.X), torch.from_numpy(given.y.astype(np.int64))
    batches, few = torch.from_numpy(given.batches), torch.from_numpy(first_steps(given))

    def answer() -> np.ndarray:
        return summary(_run(given, X, y, few).numpy())

    return Contender("torch bmm by hand", lambda: _run(given, X, y, batches), answer)
