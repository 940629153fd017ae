"""The figure of speed: how far each contender stays above the floor, setting by setting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reports.figures import DESIGN_COLORS, GRAY, STYLE, Figure, as_csv, as_svg

__all__ = ["draw"]

_PEERS = {"jax": ("s", "#b45309"), "torch": ("^", "#7a3e9d")}


def _look(contender: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return marker, color and the word of the legend."""
    if contender["ours"]:
        return "o", DESIGN_COLORS["wor"], "batchlaws"
    library = next((name for name in _PEERS if name in contender.get("versions", {})), None)
    marker, color = _PEERS[library] if library else ("D", GRAY)
    return marker, color, {"jax": "JAX", "torch": "torch and what builds on it"}.get(str(library), "others")


def draw(name: str, results: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw the settings of one workload, one row each.

    Parameters
    ----------
    name : str
        Of the figure.
    results : sequence of mapping
        As `sim.bench.measure` returns them; those not measured are left out.
    """
    import matplotlib as mpl

    mpl.use("svg")
    import matplotlib.pyplot as plt
    from matplotlib.ticker import LogLocator, NullFormatter

    rows = [(result, c) for result in results for c in result["contenders"] if c["status"] == "measured"]
    with mpl.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(6.4, 0.9 + 0.27 * len(results)))
        axes.set(xscale="log")
        told: set[str] = set()
        for k, result in enumerate(results):
            axes.axhline(k, color="#e8edf3", lw=5, zorder=0)
            for c in result["contenders"]:
                if c["status"] != "measured":
                    continue
                marker, color, word = _look(c)
                label = word if word not in told else None
                told.add(word)
                fill = color if c["ours"] else "white"
                axes.plot(c["floor_ratio"], k, marker, ms=5.5, mfc=fill, mec=color, mew=1.2, ls="none", label=label)
        axes.axvline(1, color="#222222", lw=0.8, zorder=1)
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set(
            ylim=(len(results) - 0.4, -0.6),
            yticks=range(len(results)),
            xlabel="time over the floor (1: nothing can be faster)",
        )
        axes.set_yticklabels([_label(result) for result in results], fontsize=9.5)
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", length=0)
        axes.legend(fontsize=9, loc="upper left", bbox_to_anchor=(1.0, 1.0))
        svg = as_svg(figure)
    data = [(r["workload"], _label(r), c["name"], c["seconds"], c["floor_ratio"], c["peak_bytes"]) for r, c in rows]
    alt = (
        f"Time over the floor of {len({c['name'] for _, c in rows})} contenders, each setting of the workload on a "
        "line of its own, on a logarithmic axis; numbers in the table and in the CSV file"
    )
    header = ("workload", "setting", "contender", "seconds", "over the floor", "peak bytes")
    return Figure(name, svg, as_csv(header, data), alt)


def _label(result: Mapping[str, Any]) -> str:
    threads = "" if result["threads"] == 1 else f", {result['threads']} threads"
    return f"{result['setting']}{threads}"
