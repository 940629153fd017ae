"""Measured speed: the document that `bench` writes, its lines at the terminal and its page.

A document holds runs, each with its date and its machine; figures of two machines are never mixed.
"""

from __future__ import annotations

import datetime
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from markupsafe import Markup

from reports import race, tables

__all__ = ["BadRecord", "committed", "cores", "document", "lines", "merge", "read", "text", "views", "write"]

FORMAT = 1
_IDENTITY = ("processor", "cores", "kernel", "forced")
_STATUS = {"missing": "not installed", "failed": "failed", "disagrees": "disagrees"}


class BadRecord(ValueError):
    """A file is no document of recorded figures."""


def document(machine: Mapping[str, Any], results: Sequence[Any], growth: Sequence[Any]) -> dict[str, Any]:
    """Return the document of a run that ends now.

    Parameters
    ----------
    machine : mapping
        As `sim.bench.machine.describe` returns it.
    results, growth : sequence
        As `sim.bench.measure` and `sim.bench.growth.measure` return them.
    """
    date = datetime.datetime.now(datetime.UTC).date().isoformat()
    run = {"date": date, "machine": dict(machine), "results": list(results), "growth": list(growth)}
    return {"format": FORMAT, "runs": [run]}


def merge(old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> dict[str, Any]:
    """Return the runs of both documents.

    What `new` has measured again on the same machine leaves `old`; what is left of the same day on the same machine
    joins the run of `new`.
    """
    runs, kept = [dict(run) for run in new["runs"]], []
    for run in old["runs"] if old else ():
        again = [n for n in runs if all(n["machine"].get(k) == run["machine"].get(k) for k in _IDENTITY)]
        done = {_key(result) for n in again for result in n["results"]}
        curves = {curve["curve"] for n in again for curve in n["growth"]}
        results = [result for result in run["results"] if _key(result) not in done]
        growth = [curve for curve in run["growth"] if curve["curve"] not in curves]
        if same_day := [n for n in again if n["date"] == run["date"] and n["machine"] == run["machine"]]:
            same_day[0].update(results=results + same_day[0]["results"], growth=growth + same_day[0]["growth"])
        elif results or growth:
            kept.append({**run, "results": results, "growth": growth})
    return {"format": FORMAT, "runs": [*runs, *kept]}


def _key(result: Mapping[str, Any]) -> tuple[Any, ...]:
    return result["workload"], result["setting"], result["threads"]


def text(found: Mapping[str, Any]) -> str:
    """Return the text of a document, as its file holds it."""
    return json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write(found: Mapping[str, Any], path: Path) -> None:
    """Write a document whole or not at all.

    Raises
    ------
    OSError
        If the file cannot be written; what was there is left as it was.
    """
    path = path.absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, fresh = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text(found))
        os.chmod(fresh, 0o644)
        os.replace(fresh, path)
    except BaseException:
        Path(fresh).unlink(missing_ok=True)
        raise


def read(path: Path) -> dict[str, Any]:
    """Return the document of a file.

    Raises
    ------
    BadRecord
        If the file is none, or is of another format.
    """
    try:
        return _checked(json.loads(path.read_text(encoding="utf-8")), path.name)
    except (OSError, ValueError) as error:
        raise BadRecord(f"{path} holds no recorded figures: {error}") from error


def committed() -> dict[str, Any] | None:
    """Return the figures that come with this package; None if it has none."""
    place = resources.files("reports") / "static" / "bench.json"
    if not place.is_file():
        return None
    return _checked(json.loads(place.read_text(encoding="utf-8")), "bench.json")


def _checked(found: Any, name: str) -> dict[str, Any]:
    if not isinstance(found, dict) or found.get("format") != FORMAT or not isinstance(found.get("runs"), list):
        raise BadRecord(f"{name} is no document of format {FORMAT}")
    for run in found["runs"]:
        if lacking := {"date", "machine", "results", "growth"} - set(run):
            raise BadRecord(f"{name}: a run lacks {', '.join(sorted(lacking))}")
    return found


def lines(found: Mapping[str, Any]) -> list[str]:
    """Return a document as lines for the terminal."""
    out = []
    for run in found["runs"]:
        for result in run["results"]:
            out += _result_lines(result)
        for curve in run["growth"]:
            out.append(f"{curve['curve']}: {curve['what']}")
            out.append(f"  time grows with exponent {_slope(curve['time'])}, memory with {_slope(curve['memory'])}")
    return out


def _result_lines(result: Mapping[str, Any]) -> list[str]:
    floor = result["floor"]
    out = [
        f"{result['workload']}, {result['setting']}: one {result['unit']}, {_threads(result)}, {result['clock']} time",
        f"  {'floor':<28} {_time(floor['seconds']):>9}  {floor['words']}",
    ]
    for c in result["contenders"]:
        if c["status"] != "measured":
            out.append(f"  {c['name']:<28} {_STATUS[c['status']]}: {c['reason']}")
            continue
        out.append(
            f"  {c['name']:<28} {_time(c['seconds']):>9}  {c['floor_ratio']:6.3g} x floor  "
            f"{c['peak_bytes'] / 1e6:5.0f} MB" + (f"  {'; '.join(c['blas'])}" if c["ours"] else "")
        )
        if c.get("scaling"):
            out.append(f"  {'':<28} {c['scaling']:.3g} times as fast as with one thread")
    if result["speedup"] is not None:
        out.append(f"  {result['best_ours']} against {result['best_peer']}: {result['speedup']:.3g} times as fast")
    return out


def _threads(result: Mapping[str, Any]) -> str:
    return "1 thread" if result["threads"] == 1 else f"{result['threads']} threads"


def _time(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def _slope(fit: Mapping[str, float]) -> str:
    steep, error, upper = (round(fit[name], 2) + 0.0 for name in ("all", "error", "upper"))  # no minus before a zero
    return f"{steep:.2f} ± {error:.2f} ({upper:.2f} in the upper half)"


def views(found: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Return the runs of a document as the page shows them, the newest first."""
    runs = sorted(found["runs"], key=lambda run: run["date"], reverse=True) if found else []
    return [_view(run, number) for number, run in enumerate(runs)]


def cores(machine: Mapping[str, Any]) -> str:
    """Say how many cores a run had; pinned to one, it had one of however many the machine has."""
    return "one core" if machine["cores"] == 1 else f"{machine['cores']} cores"


def _view(run: Mapping[str, Any], number: int) -> dict[str, Any]:
    machine = run["machine"]
    memory = f", {machine['memory_bytes'] / 2**30:.0f} GiB" if machine.get("memory_bytes") else ""
    forced = ", ".join(f"{name}={value}" for name, value in machine.get("forced", {}).items())
    versions: dict[str, str] = {}
    for result in run["results"]:
        for c in result["contenders"]:
            versions |= c.get("versions", {})
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for result in run["results"]:
        groups.setdefault(result["workload"], []).append(result)
    return {
        "date": run["date"],
        "machine": f"{machine['processor']}, {cores(machine)}{memory}, {machine['system']}",
        "kernel": machine["kernel"],
        "forced": forced,
        "versions": ", ".join(f"{name} {version}" for name, version in sorted(versions.items())),
        "workloads": [
            {
                "name": name.replace("_", " "),
                "floors": list(dict.fromkeys(r["floor"]["words"] for r in results)),
                "table": tables.table(
                    [row for result in results for row in _rows(result)], f"speed-{number}-{name}"
                ),
                "figure": race.draw(f"speed-{number + 1}-{name}", results),
            }
            for name, results in groups.items()
        ],
        "growth": tables.table([_growth_row(curve) for curve in run["growth"]], f"growth-{number}") or Markup(""),
    }


def _rows(result: Mapping[str, Any]) -> list[dict[str, str]]:
    peer = next((c["seconds"] for c in result["contenders"] if c["name"] == result["best_peer"]), None)
    rows = []
    for c in result["contenders"]:
        timed = c["status"] == "measured"
        rows.append(
            {
                "setting": f"{result['setting']}, {_threads(result)}",
                "who": c["name"],
                "time": f"{_time(c['seconds'])} / {result['unit']}" if timed else _STATUS[c["status"]],
                "over the floor": f"{c['floor_ratio']:.3g}" if timed else "",
                "speed, best peer = 1": f"{peer / c['seconds']:.3g}" if timed and peer else "",
                "speed, its one thread = 1": f"{c['scaling']:.3g}" if c.get("scaling") else "",
                "peak memory": f"{c['peak_bytes'] / 1e6:.0f} MB" if timed else "",
            }
        )
    return rows


def _growth_row(curve: Mapping[str, Any]) -> dict[str, str]:
    sizes = curve["sizes"]
    return {
        "in": curve["curve"],
        "work": curve["what"],
        "sizes": f"{sizes[0]} to {sizes[-1]}",
        "exponent of time": _slope(curve["time"]),
        "exponent of memory": _slope(curve["memory"]),
        "time at the largest": _time(curve["seconds"][-1]),
        "memory at the largest": f"{curve['bytes'][-1] / 1e6:.3g} MB",
    }
