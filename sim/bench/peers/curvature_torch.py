"""The curvature workload in torch: double backward by hand, PyHessian, and curvlinops with SciPy's eigsh."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from scipy.sparse.linalg import eigsh

from sim.bench.curvature import NETWORK, PRODUCTS, RTOL, SETTINGS, point, summary
from sim.bench.task import Contender
from sim.lanczos import lanczos

__all__ = ["curvlinops", "double_backward", "pyhessian"]


def _model(theta: np.ndarray) -> Any:
    """Return the network as a module; torch keeps weights transposed."""
    parts, modules = NETWORK.views(theta[None]), []
    for layer, (wide, out) in enumerate(zip(NETWORK.widths, NETWORK.widths[1:], strict=False)):
        linear = torch.nn.Linear(wide, out)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(parts[layer, "W"][0].T.copy()))
            linear.bias.copy_(torch.from_numpy(parts[layer, "b"][0].copy()))
        modules += [linear, torch.nn.ReLU()]
    return torch.nn.Sequential(*modules[:-1])


def _ready(threads: int) -> tuple[Any, Any, Any, np.ndarray]:
    torch.set_num_threads(threads)
    theta, X, y, v = point()
    return _model(theta), torch.from_numpy(X), torch.from_numpy(y.copy()), v


def _flat(arrays: Any) -> np.ndarray:
    """Return torch's parameter arrays in our order."""
    return np.concatenate([(a.T if a.ndim == 2 else a).reshape(-1).numpy() for a in arrays])


def _split(v: np.ndarray) -> list[Any]:
    """Return one of our vectors as torch's parameter arrays."""
    parts = NETWORK.views(v[None])
    shaped = [parts[layer, name][0].T for layer in range(len(NETWORK.widths) - 1) for name in "Wb"]
    return [torch.from_numpy(np.ascontiguousarray(each)) for each in shaped]


def _times(model: Any, X: Any, y: Any) -> Callable[[list[Any]], Any]:
    """Return products by a second backward pass through the graph of the first, which is kept."""
    parameters = list(model.parameters())
    loss = torch.nn.functional.cross_entropy(model(X), y)
    slope = torch.autograd.grad(loss, parameters, create_graph=True)
    return lambda v: torch.autograd.grad(slope, parameters, grad_outputs=v, retain_graph=True)


def double_backward(setting: str, *, threads: int) -> Contender:
    """Return the workload by double backward, the eigenvalue with our Lanczos around it.

    Parameters
    ----------
    setting
        One of `sim.bench.curvature.SETTINGS`.
    threads
        Of torch.
    """
    model, X, y, v = _ready(threads)

    def take() -> list[Any]:
        times, direction = _times(model, X, y), _split(v)
        return [times(direction) for _ in range(PRODUCTS)]

    def find() -> float:
        times = _times(model, X, y)
        return float(lanczos(lambda q: _flat(times(_split(q))), v, rtol=RTOL[setting]).values[0])

    name = "torch double backward"
    if setting == SETTINGS[0]:
        return Contender(name, take, lambda: summary(v, [_flat(take()[0])]))
    return Contender(name, find, lambda: np.array([find()]))


def pyhessian(setting: str, *, threads: int) -> Contender:
    """Return the largest eigenvalue by PyHessian's power iteration, to a relative change of 1e-4 in every setting.

    Parameters
    ----------
    setting
        Either of the two that ask for an eigenvalue.
    threads
        Of torch.
    """
    if setting not in RTOL:
        raise ValueError(f"PyHessian has no setting {setting!r}: allowed are {', '.join(RTOL)}")
    package: Any = importlib.import_module("pyhessian")
    model, X, y, _ = _ready(threads)
    criterion = torch.nn.CrossEntropyLoss()

    def find() -> float:
        torch.manual_seed(0)
        with warnings.catch_warnings():
            # its first pass asks for a graph that refers to itself, which torch warns of
            warnings.simplefilter("ignore")
            H = package.hessian(model, criterion, data=(X, y), cuda=False)
            return float(H.eigenvalues(maxIter=100, tol=1e-4, top_n=1)[0][0])

    return Contender("PyHessian", find, lambda: np.array([find()]))


def curvlinops(setting: str, *, threads: int) -> Contender:
    """Return the largest eigenvalue by SciPy's eigsh on the operator of curvlinops.

    Parameters
    ----------
    setting
        Either of the two that ask for an eigenvalue.
    threads
        Of torch.
    """
    package: Any = importlib.import_module("curvlinops")
    model, X, y, v = _ready(threads)
    parameters = [p for p in model.parameters() if p.requires_grad]

    def find() -> float:
        H = package.HessianLinearOperator(
            model, torch.nn.CrossEntropyLoss(), parameters, [(X, y)], check_deterministic=False
        )
        return float(eigsh(H.to_scipy(), k=1, which="LA", tol=RTOL[setting], v0=v, return_eigenvectors=False)[0])

    return Contender("curvlinops eigsh", find, lambda: np.array([find()]))
