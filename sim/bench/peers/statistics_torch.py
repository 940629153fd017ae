"""Batch statistics of Gaussian activations in torch."""

from __future__ import annotations

import numpy as np
import torch

from sim.bench.statistics import R, correlation, sizes
from sim.bench.task import Contender

__all__ = ["contender"]

_DRAWS = 1 << 20  # activations drawn at a time


def _moments(m: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    return torch.stack([(m * m).sum(), v.sum(), (v * v).sum()]).double()


def contender(form: str, setting: str, *, threads: int) -> Contender:
    """Return the workload in one form.

    Parameters
    ----------
    form
        ``each size``: every size drawn by itself, its mean and variance taken together.  ``tree``: batches joined
        two by two.
    setting
        One of the workload's.
    threads
        Threads torch may use.
    """
    torch.set_num_threads(threads)
    given, counts = correlation(setting), sizes(setting)
    root = None if given is None else torch.tensor(np.linalg.cholesky(given), dtype=torch.float32)
    positions = 1 if given is None else len(given)
    random = torch.Generator().manual_seed(17)

    def draw(examples: int) -> torch.Tensor:
        z = torch.randn(examples, positions, generator=random)
        return z if root is None else z @ root.T

    def each_size() -> torch.Tensor:
        total = torch.zeros(len(counts), 3, dtype=torch.float64)
        for k, B in enumerate(counts):
            chunk = max(1, _DRAWS // (B * positions))
            for start in range(0, R, chunk):
                n = min(chunk, R - start)
                v, m = torch.var_mean(draw(n * B).reshape(n, -1), dim=1, correction=0)
                total[k] += _moments(m, v)
        return total / R

    def tree() -> torch.Tensor:
        total = torch.zeros(len(counts), 3, dtype=torch.float64)
        chunk = max(1, _DRAWS // (counts[-1] * positions))
        for start in range(0, R, chunk):
            x = draw(min(chunk, R - start) * counts[-1])
            v, m = torch.var_mean(x, dim=1, correction=0)
            q, count = v * positions, positions
            for k in range(len(counts)):
                half = len(m) // 2
                q = q[:half] + q[half:] + (m[:half] - m[half:]) ** 2 * (count / 2)
                m, count = (m[:half] + m[half:]) / 2, 2 * count
                total[k] += _moments(m, q / count)
        batches = torch.tensor([R * counts[-1] // B for B in counts], dtype=torch.float64)
        return total / batches[:, None]

    run = {"each size": each_size, "tree": tree}[form]

    @torch.no_grad()
    def work() -> torch.Tensor:
        return run()

    return Contender(f"torch {form}", work, lambda: work().numpy().T.reshape(-1))
