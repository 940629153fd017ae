"""The gradient-noise workload in torch: torch.func, by hand with our algorithm, and BackPACK."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import torch
from torch.func import functional_call, grad, vmap

from sim.bench.noise_trace import NETWORK, SIZES, batches, point
from sim.bench.task import Contender

__all__ = ["contender"]

_AT_ONCE = 512  # examples in the batches whose gradients are held at a time


def _network(theta: np.ndarray) -> torch.nn.Sequential:
    parts, modules = NETWORK.views(theta), []
    for layer, (wide, out) in enumerate(zip(NETWORK.widths, NETWORK.widths[1:], strict=False)):
        dense = torch.nn.Linear(wide, out)
        with torch.no_grad():
            dense.weight.copy_(torch.from_numpy(parts[layer, "W"][0].T.copy()))
            dense.bias.copy_(torch.from_numpy(parts[layer, "b"][0].copy()))
        modules += [dense, torch.nn.ReLU()]
    return torch.nn.Sequential(*modules[:-1])


def _func(net: Any, X: Any, y: Any, drawn: Any) -> list[float]:
    parameters = {k: v.detach() for k, v in net.named_parameters()}

    def loss(p: Any, x: Any, label: Any) -> Any:
        return torch.nn.functional.cross_entropy(functional_call(net, p, (x,)), label)

    def flat(gradients: Any, first: int) -> Any:
        return torch.cat([g.flatten(first) for g in gradients.values()], dim=first)

    each = vmap(grad(loss), in_dims=(None, 0, 0))
    norms = 0.0
    for low in range(0, len(X), _AT_ONCE):
        g = flat(each(parameters, X[low : low + _AT_ONCE, None], y[low : low + _AT_ONCE, None]), 1)
        norms += float((g * g).sum())
    G = flat(grad(loss)(parameters, X, y), 0)
    square = float(G @ G)
    found = [norms / len(X) - square, square]
    for b in SIZES if drawn is not None else ():
        total, group = 0.0, max(1, _AT_ONCE // b)
        for low in range(0, len(drawn), group):
            index = drawn[low : low + group, :b]
            e = flat(each(parameters, X[index], y[index]), 1) - G
            total += float((e * e).sum())
        found.append(total / len(drawn))
    return found


def _by_hand(net: Any, X: Any, y: Any, drawn: Any) -> list[float]:
    dense = [m for m in net if isinstance(m, torch.nn.Linear)]
    with torch.no_grad():
        inputs = [X]
        for m in dense[:-1]:
            inputs.append(torch.relu(m(inputs[-1])))
        d = torch.softmax(dense[-1](inputs[-1]), 1)
        d[torch.arange(len(y)), y] -= 1
        residuals = [d]
        for layer in range(len(dense) - 1, 0, -1):
            d = (d @ dense[layer].weight) * (inputs[layer] > 0)
            residuals.insert(0, d)
        pairs, N = list(zip(inputs, residuals, strict=True)), len(X)
        norms = sum((((a * a).sum(1) + 1) * (d * d).sum(1)).mean() for a, d in pairs)
        square = sum(((a.T @ d / N) ** 2).sum() + (d.mean(0) ** 2).sum() for a, d in pairs)
        found = [float(norms - square), float(square)]
        if drawn is not None:
            K = sum((a @ a.T + 1) * (d @ d.T) for a, d in pairs)
            K = K - K.mean(0) - K.mean(0)[:, None] + K.mean()
            for b in SIZES:
                S = torch.zeros(len(drawn), N).scatter_(1, drawn[:, :b], 1.0)
                found.append(float(((S @ K) * S).sum(1).mean()) / b**2)
    return found


def _backpack(net: Any, X: Any, y: Any, _: None) -> list[float]:
    backpack, extensions = import_module("backpack"), import_module("backpack.extensions")
    extended = backpack.extend(net)
    loss = backpack.extend(torch.nn.CrossEntropyLoss(reduction="sum"))

    def backward(extension: Any) -> None:
        extended.zero_grad()
        with backpack.backpack(extension):
            loss(extended(X), y).backward()

    N = len(X)
    backward(extensions.BatchL2Grad())
    norms = sum(float(p.batch_l2.sum()) for p in extended.parameters()) / N
    G = torch.cat([p.grad.flatten() for p in extended.parameters()]) / N
    return [norms - float(G @ G), float(G @ G)]


def contender(form: str, *, exact: bool, threads: int) -> Contender:
    """Return the workload in one form.

    Parameters
    ----------
    form
        ``func``, ``by hand`` or ``BackPACK``.
    exact
        Whether only the exact moments are asked for.
    threads
        Threads torch may use.
    """
    torch.set_num_threads(threads)
    if form == "BackPACK":
        import_module("backpack")
    theta, X, y = point()
    forms: dict[str, Callable[[Any, Any, Any, Any], list[float]]]
    forms = {"func": _func, "by hand": _by_hand, "BackPACK": _backpack}
    run = forms[form]
    net, inputs, labels = _network(theta), torch.from_numpy(X), torch.from_numpy(np.array(y))
    drawn = None if exact else torch.from_numpy(batches().astype(np.int64))

    def work() -> list[float]:
        return run(net, inputs, labels, drawn)

    return Contender(f"torch {form}" if form != "BackPACK" else form, work, lambda: np.array(work()))
