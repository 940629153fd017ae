"""Drawing of what `reports.sketches` finds: a law's line among its rivals, or both of its sides in small worlds."""

from __future__ import annotations

import re
import statistics

from reports import maths
from reports.curves import Curve
from reports.figures import DESIGN_COLORS, GRAY, INK, STYLE, Figure, as_csv, as_svg
from theory.law import Law

__all__ = ["draw_sketch", "draw_worlds"]

_DASHES = ((1, 1.5), (4, 1.5), (6, 1.5, 1, 1.5))
_MARKS = ("x", "+", "1")
_ROOM = 0.6  # how far beyond the law's own height rivals may stretch the picture, in heights
_SHADE = "#e8edf3"
_STOPS, _WORDS = re.compile(r"[,:;(.]"), 44  # where the first words of a meaning end, and how many letters fit


def _limits(curve: Curve, log: bool) -> tuple[float, float]:
    """Return ends of the vertical axis: all of the law but its poles, and rivals as far as there is room."""
    own = sorted(row[1] for s in curve.series if s.kind == "law" for row in s.rows if not log or row[1] > 0)
    if log:
        return own[0] / 2, own[-1] * 2
    low, high = own[0], own[-1]
    middle = own[len(own) // 10 : len(own) - len(own) // 10]
    reach = (middle[-1] - middle[0]) or abs(middle[0]) or 1.0
    low, high = max(low, middle[0] - 2 * reach), min(high, middle[-1] + 2 * reach)
    height = (high - low) or 1.0
    others = [row[1] for s in curve.series if s.kind == "rival" for row in s.rows]
    low = max(min([low, *others]), low - _ROOM * height)
    high = min(max([high, *others]), high + _ROOM * height)
    return low - 0.06 * height, high + 0.06 * height


def _scales(curve: Curve) -> tuple[bool, bool]:
    """Say whether the axes are logarithmic."""
    rows = [row for s in curve.series if s.kind == "law" for row in s.rows]
    xs, ys = [row[0] for row in rows], [row[1] for row in rows]
    whole = all(x.is_integer() for x in xs)
    return whole and min(xs) > 0 and max(xs) / min(xs) >= 16, min(ys) > 0 and max(ys) / min(ys) >= 30


def _axis(law: Law, name: str) -> str:
    """Return the label of an axis: what the parameter is, in few words, and its letter."""
    (param,) = (p for p in law.params if p.name == name)
    words = _STOPS.split(param.meaning)[0].strip()
    letter = f"${maths.latex(param.symbol)}$"
    return f"{words} {letter}" if len(words) <= _WORDS else letter


def draw_sketch(law: Law, curve: Curve) -> Figure:
    """Draw a law's line over its domain; of a bound, the side where the truth lies is shaded.

    Parameters
    ----------
    law : Law
        The law.
    curve : Curve
        As `reports.sketches.sketch` gives it.
    """
    import matplotlib as mpl

    mpl.use("svg")
    import matplotlib.pyplot as plt
    from matplotlib.ticker import MaxNLocator

    relation = law.part(curve.quantity).relation
    with mpl.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(6.0, 3.4))
        x_log, y_log = _scales(curve)
        axes.set(xscale="log" if x_log else "linear", yscale="log" if y_log else "linear")
        low, high = _limits(curve, y_log)
        axes.set_ylim(low, high)
        laws = [s for s in curve.series if s.kind == "law"]
        for s in laws:
            xs, ys = [r[0] for r in s.rows], [r[1] for r in s.rows]
            color = DESIGN_COLORS.get(s.design, DESIGN_COLORS["wor"])
            if relation != "=":
                axes.fill_between(xs, ys, low if relation == "<=" else high, color=_SHADE, lw=0, zorder=0)
            word = {"<=": "law: upper bound", ">=": "law: lower bound"}.get(relation, "law")
            axes.plot(xs, ys, color=color, lw=1.9, zorder=3, label=f"{word}, {s.name}" if s.name else word)
        for k, s in enumerate(s for s in curve.series if s.kind == "rival"):
            axes.plot([r[0] for r in s.rows], [r[1] for r in s.rows], color=GRAY, lw=1.1, zorder=2,
                      dashes=_DASHES[k % len(_DASHES)], label=f"rival: {maths.plain(s.name)}")
        if x_log:
            last = int(max(row[0] for s in laws for row in s.rows))
            places = [2**k for k in range(last.bit_length()) if 2**k >= min(row[0] for s in laws for row in s.rows)]
            axes.set_xticks(places[:: 1 + len(places) // 10], [str(p) for p in places[:: 1 + len(places) // 10]])
            axes.minorticks_off()
        elif all(row[0].is_integer() for s in laws for row in s.rows):
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel(_axis(law, curve.axis))
        axes.set_ylabel(curve.quantity.replace("_", " "))
        axes.legend(fontsize=9, handlelength=1.9, labelspacing=0.35)
        svg = as_svg(figure)
    rows = [(s.kind, s.name, *row[:2]) for s in curve.series for row in s.rows]
    rivals = [s.name for s in curve.series if s.kind == "rival"]
    alt = f"Line of the law, {curve.quantity.replace('_', ' ')} against {curve.axis}" + (
        f", beside wrong variants in gray: {', '.join(rivals)}" if rivals else "") + "; the numbers are in the CSV file"
    return Figure(curve.name, svg, as_csv(("kind", "series", curve.axis, "value"), rows), alt, curve.caption)


def draw_worlds(curve: Curve) -> Figure:
    """Draw both sides of a law in small worlds.

    Parameters
    ----------
    curve : Curve
        As `reports.sketches.worlds_curve` gives it.
    """
    import matplotlib as mpl

    mpl.use("svg")
    import matplotlib.pyplot as plt
    from matplotlib.ticker import SymmetricalLogLocator

    (points,) = curve.measured
    own = [value for row in points.rows for value in row[:2]]
    widest, usual = max(map(abs, own)), statistics.median(map(abs, own))
    with mpl.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(4.2, 4.0))
        if usual > 0 and widest > 30 * usual:
            axes.set_xscale("symlog", linthresh=usual)
            axes.set_yscale("symlog", linthresh=usual)
            for axis in (axes.xaxis, axes.yaxis):
                axis.set_major_locator(SymmetricalLogLocator(base=10, linthresh=usual))
                axis.get_major_locator().numticks = 5  # type: ignore[attr-defined]
            ends = (min(own) * (2 if min(own) < 0 else 0.5), max(own) * (2 if max(own) > 0 else 0.5))
        else:
            margin = 0.12 * ((max(own) - min(own)) or widest or 1.0)
            ends = (min(own) - margin, max(own) + margin)
        axes.set(xlim=ends, ylim=ends)
        axes.plot(ends, ends, color=INK, lw=0.8, zorder=1)
        for k, s in enumerate(s for s in curve.series if s.kind == "rival"):
            xs, ys = [r[0] for r in s.rows], [r[1] for r in s.rows]
            axes.plot(xs, ys, _MARKS[k % len(_MARKS)], color=GRAY, ms=6, mew=1.1, zorder=2,
                      label=f"rival: {maths.plain(s.name)}")
        axes.plot([r[0] for r in points.rows], [r[1] for r in points.rows], "o", ms=5, mfc="white", mew=1.4,
                  mec=DESIGN_COLORS["wor"], zorder=3, label="brute force")
        axes.set(xlabel="what the law says", ylabel="what is there")
        handles, names = axes.get_legend_handles_labels()
        axes.legend([handles[-1], *handles[:-1]], [names[-1], *names[:-1]], fontsize=9, labelspacing=0.35)
        svg = as_svg(figure)
    kinds = {"measured": "brute force", "rival": "rival"}
    rows = [(kinds[s.kind], s.name, *row[:2]) for s in curve.series for row in s.rows]
    alt = (f"Brute force against the law in {len(points.rows)} small worlds, beside the diagonal; the numbers are in "
           "the CSV file")
    return Figure(curve.name, svg, as_csv(("kind", "series", "law", "value"), rows), alt, curve.caption)
