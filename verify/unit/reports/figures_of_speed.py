"""Figures of speed as `bench` records them, for tests that must not race."""

from __future__ import annotations

from typing import Any

__all__ = ["CURVE", "MACHINE", "document", "result"]

MACHINE = {
    "processor": "Zen, AVX-512", "cores": 2, "memory_bytes": 24 * 2**30, "system": "Linux x86_64", "python": "3.11.7",
    "numpy": "2.4.6", "kernel": "SkylakeX", "forced": {},
}  # fmt: skip

CURVE = {
    "curve": "R", "what": "training of R networks", "sizes": [2, 4, 8], "seconds": [1e-3, 2e-3, 4e-3],
    "bytes": [1000, 2000, 4000], "time": {"all": 1.01, "error": 0.02, "upper": 1.0},
    "memory": {"all": 0.99, "error": 0.01, "upper": 1.0},
}  # fmt: skip


def _row(name: str, ours: bool, seconds: float, peak: int, **versions: str) -> dict[str, Any]:
    return {
        "name": name, "ours": ours, "status": "measured", "reason": "", "prepare_seconds": 0.1, "versions": versions,
        "blas": ["openblas SkylakeX, 1 threads"], "peak_bytes": peak, "seconds": seconds, "median": 1.1 * seconds,
        "times": [seconds, 1.2 * seconds], "floor_ratio": seconds / 2e-9,
    }  # fmt: skip


def result(**changes: Any) -> dict[str, Any]:
    """Return the result of one setting, with some entries replaced."""
    missing = {"name": "torch", "ours": False, "status": "missing", "reason": "No module named 'torch'"}
    return {
        "workload": "sampler", "setting": "N=8 B=4", "threads": 1, "repeats": 2, "clock": "cpu", "unit": "index",
        "units": 1000, "tolerance": 0.01, "floor": {"words": "raw bits <16 an index>", "seconds": 2e-9},
        "contenders": [
            _row("batchlaws (numpy)", True, 5e-9, 40_000_000, numpy="2.4.6"),
            _row("JAX", False, 20e-9, 400_000_000, numpy="2.4.6", jax="0.10.2"), missing,
        ],
        "best_ours": "batchlaws (numpy)", "best_peer": "JAX", "speedup": 4.0, **changes,
    }  # fmt: skip


def document(*results: dict[str, Any], date: str = "2026-11-24", **machine: Any) -> dict[str, Any]:
    """Return a document of one run on a machine, with the curve."""
    run = {"date": date, "machine": {**MACHINE, **machine}, "results": list(results), "growth": [CURVE]}
    return {"format": 1, "runs": [run]}
