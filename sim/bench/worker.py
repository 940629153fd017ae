"""One contender in a process of its own, so that its memory is its own and its libraries meet nobody else's.

The process that measures holds a `Worker` for each contender and asks them in turn; questions and answers are lines
of JSON.  In the process itself `serve` keeps standard output for the answers: what a library prints goes to the errors.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, Self

import numpy as np

__all__ = ["ContenderFailed", "LibraryMissing", "Worker", "peak_bytes", "serve"]

_SOURCES = Path(__file__).resolve().parents[2]
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
_QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"}
_LIBRARIES = ("numpy", "scipy", "numba", "jax", "torch", "backpack", "curvlinops", "pyhessian")


class ContenderFailed(RuntimeError):
    """A contender raised an error or its process died."""


class LibraryMissing(ContenderFailed):
    """A contender needs a library that is not installed."""


class Worker:
    """A process that holds one contender.

    Parameters
    ----------
    package : str
        Package of the workloads.
    threads : int
        Cores the process may use; every library in it is told so.
    blas_threads : int, optional
        Threads of OpenBLAS, where they differ.

    Notes
    -----
    Where the system lets a process choose its cores, it keeps to the first `threads` of those it was given: a
    library that counts cores for itself then counts these.
    """

    def __init__(self, package: str, *, threads: int, blas_threads: int | None = None) -> None:
        paths = [str(_SOURCES), *filter(None, [os.environ.get("PYTHONPATH")])]
        self._errors: IO[bytes] = tempfile.TemporaryFile()
        environment = {
            **os.environ,
            **_QUIET,
            **dict.fromkeys(_THREADS, str(threads)),
            "OPENBLAS_NUM_THREADS": str(blas_threads or threads),
            "PYTHONPATH": os.pathsep.join(paths),
        }
        self._process = subprocess.Popen(
            [sys.executable, "-c", "from sim.bench.worker import serve; serve()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env=environment,
        )
        self._greeting = {"package": package, "threads": threads}

    def ask(self, question: str, **more: Any) -> dict[str, Any]:
        """Ask the process something and wait for its answer.

        Parameters
        ----------
        question : {"prepare", "answer", "time", "memory"}
            What to do, see `serve`.
        **more
            What the question needs.

        Returns
        -------
        dict

        Raises
        ------
        LibraryMissing
            If the contender could not import its library.
        ContenderFailed
            If it raised any other error, or its process is gone.
        """
        order = {"question": question, **self._greeting, **more}
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            code = self._process.wait()
            raise ContenderFailed(f"its process ended with code {code}{self._last_words()}")
        reply: dict[str, Any] = json.loads(line)
        if "missing" in reply:
            raise LibraryMissing(reply["missing"])
        if "failed" in reply:
            raise ContenderFailed(reply["failed"])
        return reply

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return f": {lines[-1]}" if lines else ""

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.close()
        except BrokenPipeError:
            pass
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._errors.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def peak_bytes() -> int:
    """Return the most memory that this process ever had resident.

    On Linux this is the mark of the running program itself; `getrusage` there starts from the size of the process
    that launched it.
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return int(next(line for line in status.splitlines() if line.startswith("VmHWM:")).split()[1]) * 1024
    except (OSError, StopIteration, ValueError):
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


def serve() -> None:
    """Answer the questions on standard input until it ends.

    ``prepare`` builds the task (``peer`` is null) or a peer of it and says what it stands on; ``answer`` gives what it
    computes; ``time`` runs ``what`` (work or floor) ``calls`` times and gives seconds a call by both clocks;
    ``memory`` gives the peak so far.
    """
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    held: dict[str, Any] = {}
    for line in sys.stdin:
        order = json.loads(line)
        try:
            reply = _ANSWERS[order["question"]](held, order)
        except ImportError as problem:
            reply = {"missing": str(problem)}
        except Exception as problem:
            traceback.print_exc()
            reply = {"failed": f"{type(problem).__name__}: {problem}"}
        answers.write(json.dumps(reply) + "\n")
        answers.flush()


def _prepare(held: dict[str, Any], order: Mapping[str, Any]) -> dict[str, Any]:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: order["threads"]])
    begun = time.perf_counter()
    workload = importlib.import_module(f"{order['package']}.{order['workload']}")
    told: dict[str, Any] = {}
    if order["peer"] is None:
        task = workload.prepare(order["setting"], engine=order["engine"], threads=order["threads"])
        held.update(work=task.work, floor=task.floor, answer=task.answer)
        told = {name: getattr(task, name) for name in ("floor_words", "units", "unit", "tolerance")}
    else:
        contender = workload.peers(order["setting"], threads=order["threads"])[order["peer"]]()
        held.update(work=contender.work, answer=contender.answer)
        told = {"name": contender.name}
    held["work"]()
    return {**told, "prepare_seconds": time.perf_counter() - begun, "versions": _versions(), "blas": _kernels()}


def _answer(held: dict[str, Any], order: Mapping[str, Any]) -> dict[str, Any]:
    found = np.asarray(held["answer"](), dtype=np.float64)
    return {"shape": found.shape, "values": found.ravel().tolist()}


def _time(held: dict[str, Any], order: Mapping[str, Any]) -> dict[str, Any]:
    call: Callable[[], object] = held[order["what"]]
    calls = int(order["calls"])
    collecting = gc.isenabled()
    gc.disable()
    try:
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(calls):
            call()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    finally:
        if collecting:
            gc.enable()
    return {"wall": wall / calls, "cpu": cpu / calls}


def _memory(held: dict[str, Any], order: Mapping[str, Any]) -> dict[str, Any]:
    return {"peak_bytes": peak_bytes()}


def _versions() -> dict[str, str]:
    """Return the versions of the libraries that the contender has imported."""
    loaded = {name: sys.modules[name] for name in _LIBRARIES if name in sys.modules}
    return {name: str(getattr(module, "__version__", "unknown")) for name, module in loaded.items()}


def _kernels() -> list[str]:
    """Return the linear algebra libraries in this process, with the kernel each has chosen."""
    from threadpoolctl import threadpool_info

    found = [info for info in threadpool_info() if info.get("user_api") == "blas"]
    return [
        f"{b['internal_api']} {b.get('architecture') or 'kernel unknown'}, {b['num_threads']} threads" for b in found
    ]


_ANSWERS: dict[str, Callable[[dict[str, Any], Mapping[str, Any]], dict[str, Any]]] = {
    "prepare": _prepare,
    "answer": _answer,
    "time": _time,
    "memory": _memory,
}
