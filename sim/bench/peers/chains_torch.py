"""The least-squares chains in torch: a loop over steps, all chains at once."""

from __future__ import annotations

import numpy as np
import torch

from sim.bench.chains import CHAINS, STEPS, indices, problem, spread
from sim.bench.task import Contender

__all__ = ["contender"]


def contender(form: str, *, given: bool, threads: int) -> Contender:
    """Return the workload.

    Parameters
    ----------
    form
        ``loop``.
    given
        Whether the batches are given rather than drawn.
    threads
        Threads torch may use.
    """
    torch.set_num_threads(threads)
    p = problem()
    A, y = torch.tensor(p.A, dtype=torch.float32), torch.tensor(p.y, dtype=torch.float32)
    start = torch.tensor(np.tile(p.optimum, (CHAINS, 1)), dtype=torch.float32)
    drawn = torch.from_numpy(indices().astype(np.int64)) if given else None
    random = torch.Generator().manual_seed(13)

    @torch.no_grad()
    def work() -> torch.Tensor:
        theta = start.clone()
        for t in range(STEPS):
            if drawn is None:
                index = torch.rand(CHAINS, len(A), generator=random).topk(p.B, dim=1, sorted=False).indices
            else:
                index = drawn[t]
            a = A[index]
            residual = torch.bmm(a, theta[:, :, None]) - y[index][:, :, None]
            theta = torch.baddbmm(theta[:, None], residual.mT, a, alpha=-p.eta / p.B)[:, 0]
        return theta

    return Contender(f"torch {form}", work, lambda: spread(work().numpy()))
