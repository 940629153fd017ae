"""The machine that figures belong to, and whether its linear algebra is held back."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["describe", "held_back"]

FORCING = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
"""Variables with which OpenBLAS takes other kernels than the ones it would choose for this processor."""

_ASK = (
    "import numpy, threadpoolctl; numpy.dot(numpy.ones((2, 2)), numpy.ones((2, 2))); "
    "print([str(i.get('architecture')) for i in threadpoolctl.threadpool_info() if i['user_api'] == 'blas'][0])"
)


def describe() -> dict[str, Any]:
    """Return the processor, cores, memory, system and kernel that figures belong to."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_bytes": _memory(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "numpy": np.__version__,
        "kernel": _kernel(dict(os.environ)),
        "forced": {name: os.environ[name] for name in FORCING if name in os.environ},
    }


def held_back() -> str | None:
    """Say in a sentence how the environment forces other kernels on OpenBLAS than its own choice; None if it does not.

    The choice is asked for in a fresh process without the variables of `FORCING`.
    """
    forced = {name: os.environ[name] for name in FORCING if name in os.environ}
    if not forced:
        return None
    here, free = _kernel(dict(os.environ)), _kernel({k: v for k, v in os.environ.items() if k not in FORCING})
    words = " and ".join(f"{name}={value}" for name, value in forced.items())
    if here == free and "OPENBLAS_L2_SIZE" not in forced:
        return None
    named = f"the {here} kernels instead of {free}" if here != free else f"another cache size for its {here} kernels"
    return f"{words} makes OpenBLAS use {named}, which can halve the speed or worse; unset it for figures that compare"


def _kernel(environment: dict[str, str]) -> str:
    done = subprocess.run([sys.executable, "-c", _ASK], capture_output=True, text=True, env=environment, check=False)
    return done.stdout.strip() or "unknown"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    told: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            told.setdefault(name.strip(), value.strip())
    model = told.get("model name", platform.processor() or "unknown")
    wide = "AVX-512" if "avx512f" in told.get("flags", "") else "AVX2" if "avx2" in told.get("flags", "") else ""
    return f"{model}, {wide}" if wide else model


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None
