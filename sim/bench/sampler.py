"""Batches without replacement, against drawing their random bits and against the recipes of other libraries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from sim import designs
from sim.bench.task import Contender, Task

__all__ = ["ONE_FORM", "SETTINGS", "peers", "prepare"]

ONE_FORM = True

SETTINGS = ("N=8 B=4", "N=64 B=8", "N=256 B=8", "N=1797 B=8", "N=1797 B=64", "N=1797 B=256")

INDICES = 1 << 18
"""Indices that one call draws."""

def sizes(setting: str) -> tuple[int, int]:
    """Return population and batch size of a setting.

    Raises
    ------
    ValueError
        If it is none of `SETTINGS`.
    """
    if setting not in SETTINGS:
        raise ValueError(f"unknown setting {setting!r}: allowed are {', '.join(SETTINGS)}")
    N, B = (int(word.partition("=")[2]) for word in setting.split())
    return N, B


def features(batches: np.ndarray[Any, Any], N: int) -> np.ndarray[Any, Any]:
    """Return what batches say of their sampler.

    Parameters
    ----------
    batches : ndarray, shape (n, B)
        Indices below `N`.
    N : int
        Population size.

    Returns
    -------
    ndarray, shape (3,)
        Mean index, mean square of the sum of the centered indices over its law without replacement, and share of
        batches without a repeated index.
    """
    B = batches.shape[1]
    law = B * (N * N - 1) / 12 * (N - B) / (N - 1)
    sums = (batches - (N - 1) / 2).sum(axis=1)
    ordered = np.sort(batches, axis=1)
    distinct = (ordered[:, 1:] > ordered[:, :-1]).all(axis=1)
    return np.array([batches.mean(), np.mean(sums * sums) / law, distinct.mean()])


def prepare(setting: str, *, engine: str = "auto", threads: int = 1) -> Task:
    """Return the task: 2^18 indices in batches.

    Parameters
    ----------
    setting
        One of `SETTINGS`.
    engine, threads
        Taken as every workload takes them; the sampler has one form and one thread.
    """
    N, B = sizes(setting)
    rng = np.random.Generator(np.random.PCG64DXSM(1))
    # The square of a nearly normal sum has a relative standard error of sqrt(2 / n); two answers differ by less than
    # six standard errors of their difference.
    tolerance = 6 * float(np.sqrt(4 * B / INDICES))

    def work() -> np.ndarray[Any, Any]:
        return designs.draw("wor", N, B, INDICES // B, rng=rng)

    def floor() -> None:
        # an index below 2^16 needs at most 16 bits: four to a word
        rng.bit_generator.random_raw(INDICES // 4)

    return Task(
        work, floor, "the generator's raw 64-bit words, 16 bits an index", INDICES, "index",
        lambda: features(work(), N), tolerance)  # fmt: skip


def peers(setting: str, *, threads: int = 1) -> Mapping[str, Callable[[], Contender]]:
    """Return the recipes of others by name: random keys, sorted in part."""
    N, B = sizes(setting)
    n = INDICES // B

    def with_numpy() -> Contender:
        rng = np.random.Generator(np.random.PCG64DXSM(2))

        def work() -> np.ndarray[Any, Any]:
            return np.argpartition(rng.random((n, N), dtype=np.float32), B - 1, axis=1)[:, :B]

        return Contender("NumPy random keys", work, lambda: features(work(), N))

    def with_jax() -> Contender:
        import itertools

        import jax

        draw = jax.jit(lambda key: jax.lax.top_k(jax.random.uniform(key, (n, N)), B)[1])
        keys = itertools.cycle(jax.random.split(jax.random.key(3), 1 << 10))

        def work() -> Any:
            return draw(next(keys)).block_until_ready()

        return Contender("JAX random keys", work, lambda: features(np.asarray(work()), N))

    def with_torch() -> Contender:
        import torch

        torch.set_num_threads(threads)
        generator = torch.Generator().manual_seed(4)

        def work() -> Any:
            return torch.rand((n, N), generator=generator).topk(B, dim=1).indices

        return Contender("torch random keys", work, lambda: features(work().numpy(), N))

    return {"NumPy random keys": with_numpy, "JAX random keys": with_jax, "torch random keys": with_torch}
