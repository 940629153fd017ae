"""Figures: the law as a line, measurements as points with the judge's intervals, rivals in gray.

A figure is drawn from the ledger's cells; the line between them is the law itself, evaluated where nothing
was measured.  Bytes depend on the evidence only.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reports import maths
from reports.curves import Curve, Ratio

__all__ = ["Figure", "as_csv", "as_svg", "draw_curve", "draw_ratios", "front"]

DESIGN_COLORS = {"wor": "#0b5394", "wr": "#b45309"}
GRAY = "#8a8a8a"
INK = "#222222"
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "batchlaws",
    "svg.fonttype": "path",
    "font.family": "STIXGeneral",
    "mathtext.fontset": "stix",
    "font.size": 11,
    "axes.edgecolor": INK,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "text.color": INK,
    "axes.labelcolor": INK,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "legend.frameon": False,
    "savefig.facecolor": "none",
    "axes.titlesize": 11,
    "xtick.direction": "out",
    "ytick.direction": "out",
    "lines.solid_capstyle": "round",
}
# Places on the drawing in hundredths of a point are finer than any screen; scales of glyphs are left alone.
_PLACES = re.compile(r'( (?:d|x|y)=")([^"]*)"')
_DIGITS = re.compile(r"-?[0-9]+\.[0-9]{3,}")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
PLAIN_METADATA = {"Creator": None, "Date": None, "Format": None, "Type": None}
AXES = {
    "B": "batch size $B$ (examples)",
    "C": "channels $C$",
    "G": "groups $G$",
    "HW": "positions $HW$",
    "n": "pooled entries $n$",
    "eta": r"step size $\eta$",
    "t": "steps $t$",
    "h": "curvature $h$",
    "N": "population size $N$ (examples)",
}


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawn figure: SVG, the data behind it, and its text alternative."""

    name: str
    svg: str
    data: str
    alt: str
    caption: str = ""


def _scales(curve: Curve) -> tuple[str, str]:
    xs = [row[0] for s in curve.measured for row in s.rows]
    ys = [row[1] for s in curve.series if s.kind != "rival" for row in s.rows]
    low = min((y for y in ys if y > 0), default=0.0)
    x_log = min(xs) > 0 and max(xs) / min(xs) >= 16
    y_log = low > 0 and min(ys) >= 0 and max(ys) / low >= 20
    return ("log" if x_log else "linear"), ("log" if y_log else "linear")


def as_svg(figure: Any) -> str:
    """Return a figure of Matplotlib as SVG, the same bytes each time, and close it."""
    import matplotlib.pyplot as plt

    stream = io.StringIO()
    figure.savefig(stream, format="svg", metadata=PLAIN_METADATA, bbox_inches="tight", pad_inches=0.05)
    plt.close(figure)
    text = stream.getvalue()
    text = _COMMENT.sub("", text[text.index("<svg") :])
    text = _PLACES.sub(lambda m: m[1] + _DIGITS.sub(lambda d: f"{float(d[0]):.2f}", m[2]) + '"', text)
    return "\n".join(line.strip() for line in text.splitlines() if line.strip()) + "\n"


def as_csv(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return rows as CSV; None is an empty field."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(["" if v is None else v for v in row] for row in rows)
    return stream.getvalue()


def draw_curve(curve: Curve, *, title: str = "", size: tuple[float, float] = (6.4, 3.9)) -> Figure:
    """Draw a curve.

    Returns
    -------
    Figure
        Its data list every line and point that is drawn.
    """
    import matplotlib as mpl

    mpl.use("svg")
    import matplotlib.pyplot as plt
    from matplotlib.ticker import MaxNLocator

    with mpl.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=size)
        x_scale, y_scale = _scales(curve)
        axes.set(xscale=x_scale, yscale=y_scale)
        _plot(axes, curve, y_scale)
        if x_scale == "log":
            _plain_ticks(axes, curve)
        elif all(row[0].is_integer() for s in curve.measured for row in s.rows):
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel(AXES.get(curve.axis, curve.axis))
        axes.set_ylabel(title or curve.quantity.replace("_", " "))
        _legend(axes, {}, fontsize=9, handlelength=1.8, labelspacing=0.35)
        svg = as_svg(figure)
    rows = [(s.kind, s.name, *row) for s in curve.series for row in s.rows]
    return Figure(
        curve.name,
        svg,
        as_csv(("kind", "series", curve.axis, "value", "low", "high"), rows),
        _alt(curve),
        curve.caption,
    )


def _plot(axes: Any, curve: Curve, y_scale: str) -> None:
    import pandas as pd
    import seaborn as sns

    shown = [row[1] for s in curve.series if s.kind != "rival" for row in s.rows]
    bounds = [b for s in curve.measured for row in s.rows for b in row[2:] if b is not None]
    low, high = min(shown + bounds), max(shown + bounds)
    if y_scale == "log":
        low = min(v for v in shown if v > 0)
        axes.set_ylim(low / 2, high * 2)
    else:
        margin = 0.15 * (high - low or abs(high) or 1.0)
        axes.set_ylim(low - margin, high + margin)
    dashes = [(1, 1.5), (4, 1.5), (6, 1.5, 1, 1.5), (3, 1, 1, 1, 1, 1), (8, 2)]
    colors = [DESIGN_COLORS["wor"], DESIGN_COLORS["wr"], *sns.color_palette("colorblind").as_hex()[2:]]
    lines = [s for s in curve.series if s.kind == "law"]
    by_design = len({s.design for s in lines}) == len(lines) and lines[0].design in DESIGN_COLORS
    palette = {
        s.name: DESIGN_COLORS[s.design] if by_design else colors[k % len(colors)] for k, s in enumerate(lines)
    }
    rivals = pd.DataFrame(
        [(f"rival: {maths.plain(s.name)}", *r[:2]) for s in curve.series if s.kind == "rival" for r in s.rows],
        columns=["rival", "x", "y"],
    )
    names = rivals["rival"].nunique()
    if names:
        sns.lineplot(
            rivals,
            x="x",
            y="y",
            style="rival",
            dashes=[dashes[k % len(dashes)] for k in range(names)],
            color=GRAY,
            lw=1,
            zorder=1,
            estimator=None,
            errorbar=None,
            ax=axes,
        )
    for s in lines:
        rows = [r for r in s.rows if y_scale == "linear" or r[1] > 0]
        axes.plot(
            [r[0] for r in rows],
            [r[1] for r in rows],
            color=palette[s.name],
            lw=1.6,
            zorder=2,
            label=f"law, {s.name}" if s.name else "law",
        )
    for s in curve.measured:
        rows = [r for r in s.rows if y_scale == "linear" or r[1] > 0]
        below = [r[1] - (r[2] if r[2] is not None else r[1]) for r in rows]
        above = [(r[3] if r[3] is not None else r[1]) - r[1] for r in rows]
        axes.errorbar(
            [r[0] for r in rows],
            [r[1] for r in rows],
            yerr=[[max(b, 0.0) for b in below], [max(a, 0.0) for a in above]],
            fmt="o",
            ms=4.5,
            mfc="white",
            mec=palette[s.name],
            ecolor=palette[s.name],
            mew=1.3,
            capsize=2.5,
            lw=1,
            zorder=3,
            label="measured" if s is curve.measured[0] else None,
        )
        if y_scale == "log":
            for x, y, *_ in s.rows:
                if y == 0:
                    _mark_zero(axes, x, palette[s.name])


def _legend(axes: Any, words: Mapping[str, str], **options: Any) -> None:
    """Explain the law first, then the measurements, then the rivals."""
    handles, names = axes.get_legend_handles_labels()
    order = sorted(range(len(names)), key=lambda k: ("law", "mea", "riv").index(names[k][:3]))
    axes.legend([handles[k] for k in order], [words.get(names[k], names[k]) for k in order], **options)


def _plain_ticks(axes: Any, curve: Curve) -> None:
    """Label a logarithmic axis at the measured places, in plain numbers."""
    places = sorted({row[0] for s in curve.measured for row in s.rows})
    axes.set_xticks(places, [f"{place:g}" for place in places])
    axes.minorticks_off()


def _mark_zero(axes: Any, x: float, color: str) -> None:
    """Mark a measured zero at the foot of a logarithmic axis, where it has no place of its own."""
    axes.annotate(
        "0",
        xy=(x, 0),
        xycoords=("data", "axes fraction"),
        xytext=(x, 0.16),
        textcoords=("data", "axes fraction"),
        ha="center",
        va="bottom",
        color=color,
        fontsize=11,
        arrowprops={"arrowstyle": "-|>", "color": color, "lw": 1.2},
    )


def _alt(curve: Curve) -> str:
    points = sum(len(s.rows) for s in curve.measured)
    rivals = [s.name for s in curve.series if s.kind == "rival"]
    inside = sum(1 for s in curve.measured for row in s.rows if row[2] is not None)
    return (
        f"{curve.quantity} against {curve.axis}: {points} measured points, {inside} of them with intervals, "
        f"beside the line of the law"
        + (f"; rivals in gray: {', '.join(rivals)}" if rivals else "")
        + "; the numbers are in the CSV file"
    )


def draw_ratios(rows: Sequence[Ratio]) -> Figure:
    """Draw measured over predicted, one row a cell, with the tolerance as a band and rivals as gray ticks."""
    import matplotlib as mpl

    mpl.use("svg")
    import matplotlib.pyplot as plt

    with mpl.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(4.2, 0.7 + 0.27 * len(rows)))
        reach = 1.6 * max(max(abs(r.low - 1), abs(r.high - 1), r.delta) for r in rows)
        for k, row in enumerate(rows):
            color = DESIGN_COLORS.get(row.design, DESIGN_COLORS["wor"])
            axes.fill_betweenx(
                [k - 0.4, k + 0.4], 1 - row.delta, 1 + row.delta, color="#e8edf3", lw=0, zorder=0
            )
            axes.errorbar(
                row.ratio,
                k,
                xerr=[[max(row.ratio - row.low, 0)], [max(row.high - row.ratio, 0)]],
                fmt="o",
                ms=4,
                mfc="white",
                mec=color,
                ecolor=color,
                mew=1.2,
                capsize=2.5,
                lw=1,
                zorder=3,
            )
            near = [v for v in row.rivals.values() if abs(v - 1) < reach]
            axes.plot(near, [k] * len(near), "|", color=GRAY, ms=10, mew=1.4, zorder=2)
        axes.axvline(1, color=INK, lw=0.8, zorder=1)
        axes.set(
            xlim=(1 - reach, 1 + reach),
            ylim=(len(rows) - 0.4, -0.6),
            yticks=range(len(rows)),
            xlabel="measured / law (band: the tolerance stated before the draws)",
        )
        axes.set_yticklabels([r.label for r in rows], fontsize=9.5)
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", length=0)
        svg = as_svg(figure)
    data = [
        (r.label.replace("\n", ", ").replace("$", "").replace("\\", ""), r.ratio, r.low, r.high, r.delta)
        for r in rows
    ]
    alt = f"Measured value over predicted value in {len(rows)} cells with intervals; numbers in the CSV file"
    return Figure(
        "ratios",
        svg,
        as_csv(("cell", "measured/law", "low", "high", "tolerance"), data),
        alt,
        "Measured over predicted, with the interval not ruled out; gray ticks are rivals in reach.",
    )


def front(curve: Curve) -> Figure:
    """Draw the front picture: trace of the gradient covariance of a trained network against the batch size.

    Parameters
    ----------
    curve : Curve
        As `reports.curves.trace_curve` gives it.
    """
    import matplotlib as mpl

    mpl.use("svg")
    import matplotlib.pyplot as plt

    with mpl.rc_context({**STYLE, "font.size": 12}):
        figure, axes = plt.subplots(figsize=(7.2, 4.1))
        axes.set(xscale="log", yscale="log")
        _plot(axes, curve, "log")
        _plain_ticks(axes, curve)
        last = max(row[0] for s in curve.measured for row in s.rows)
        popular = next((s.name for s in curve.series if s.kind == "rival"), "")
        gone = any(s.refuted for s in curve.series if s.kind == "rival")
        axes.set_xlim(0.8, 1.6 * last)
        axes.set_xlabel("batch size $B$ (of 1797 digits, drawn without replacement)")
        axes.set_ylabel("trace of the gradient covariance")
        labels = {
            "law, without replacement": r"law: $\dfrac{\sigma^2}{B}\,\dfrac{N-B}{N-1}$",
            "measured": "measured, with the interval not ruled out",
            f"rival: {maths.plain(popular)}": r"rival: $\sigma^2/B$" + (" (refuted)" if gone else ""),
        }
        _legend(axes, labels, fontsize=11, loc="lower left", labelspacing=0.7)
        svg = as_svg(figure)
    data = as_csv(
        ("kind", "series", "B", "value", "low", "high"),
        [(s.kind, s.name, *r) for s in curve.series for r in s.rows],
    )
    (measured,) = curve.measured
    falls = "falls on the law" if curve.verified else "is held against the law"
    zero = " and is exactly zero at the full batch" if any(row[1] == 0 for row in measured.rows) else ""
    caption = (
        "How noisy is the gradient of a mini-batch? A network trained on handwritten digits: the spread of its "
        f"gradient over random batches, measured, {falls}{zero}. "
        f"The popular 1/B is {'refuted' if gone else 'not refuted yet'}."
    )
    alt = (
        "Trace of the covariance of the mini-batch gradient of a trained network on the digits data against the "
        f"batch size, on logarithmic axes: {len(measured.rows)} measured points with intervals beside the line of the "
        "law, and the popular one over B as a dotted line above it."
    )
    return Figure("front", svg, data, alt, caption)
