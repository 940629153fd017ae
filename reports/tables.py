"""The tables of the evidence, through pandas: escaped, without ids or inline styles, the same bytes each time."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from markupsafe import Markup

__all__ = ["cells", "cells_csv", "exact", "examples", "refutations", "table"]


def table(rows: Sequence[Mapping[str, str]], name: str) -> Markup | None:
    """Return rows of text as an HTML table.

    Parameters
    ----------
    rows : sequence of mapping
        One mapping of column to text a row, all with the same columns.
    name : str
        Fixes the identity of the table, so that its bytes do not change.

    Returns
    -------
    Markup or None
        None for no rows.
    """
    if not rows:
        return None
    import pandas as pd

    styler = pd.DataFrame(list(rows), dtype=str).style.set_uuid(name).hide(axis="index").format(escape="html")
    return Markup(styler.to_html(exclude_styles=True))


def _short(value: Any) -> str:
    """Print a number with six digits; a fraction with its decimal where it is long."""
    if value is None:
        return "none"
    if isinstance(value, str):
        return value if len(value) <= 12 else f"{float(Fraction(value)):.6g}"
    return f"{value:.6g}"


def _params(params: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in params.items())


def _percent(value: str) -> str:
    return f"{float(Fraction(value)) * 100:g} %"


def cells(document: Mapping[str, Any]) -> Markup | None:
    """Return the table of sampled cells."""
    several = len({cell["part"] for cell in document["cells"]}) > 1
    rows = []
    for cell in document["cells"]:
        beaten = [r["n"] for r in cell["rivals"].values() if r["refuted"] and r["n"]]
        rows.append(
            {
                **({"part": cell["part"]} if several else {}),
                "where": _params(cell["params"]),
                "law": _short(cell["theta"]),
                "measured": _short(cell["estimate"]),
                "not ruled out": "exact"
                if cell["grade"] == "exact" and cell["verdict"] == "verified"
                else f"{_short(cell['low'])} to {_short(cell['high'])}",
                "tolerance": _percent(cell["delta"]),
                "draws": f"{cell['n']:,}",
                "planned": f"{cell['planned']:,}",
                "rivals gone": f"{sum(r['refuted'] for r in cell['rivals'].values())} of {len(cell['rivals'])}"
                + (f", first after {min(beaten):,}" if beaten else ""),
                "verdict": cell["verdict"],
            }
        )
    return table(rows, f"cells-{document['id']}")


def cells_csv(document: Mapping[str, Any]) -> str:
    """Return every number of the sampled cells as CSV, at full precision."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(
        (
            "cell",
            "channel",
            "part",
            "probe",
            "parameters",
            "law",
            "estimate",
            "low",
            "high",
            "delta",
            "alpha",
            "draws",
            "planned",
            "verdict",
            "rival",
            "rival_value",
            "rival_refuted",
            "rival_draws",
        )
    )
    for c in document["cells"]:
        head = (
            c["id"],
            c["channel"],
            c["part"],
            c["probe"],
            _params(c["params"]),
            c["theta"],
            c["estimate"],
            c["low"],
            c["high"],
            c["delta"],
            c["alpha"],
            c["n"],
            c["planned"],
            c["verdict"],
        )
        writer.writerow((*head, "", "", "", ""))
        for name, rival in c["rivals"].items():
            writer.writerow((*head, name, rival["value"], rival["refuted"], rival["n"]))
    return stream.getvalue()


def exact(document: Mapping[str, Any]) -> Markup | None:
    """Return the table of real populations on which the statement was evaluated exactly."""
    rows = [
        {
            "population": entry["population"],
            "part": entry["part"],
            "comparisons": f"{entry['equal']} of {entry['cells']} equal",
            "rivals": ", ".join(
                f"{name.partition('/')[2] or name} differs in {r['differs']}"
                for name, r in entry["rivals"].items()
            ),
        }
        for entry in document["exact"]
    ]
    return table(rows, f"exact-{document['id']}")


def examples(document: Mapping[str, Any]) -> Markup | None:
    """Return the table of a few enumerated comparisons."""
    rows = [
        {
            "part": e["part"],
            "values": _params(e["values"]),
            "brute force": e["lhs"],
            "law": e["rhs"],
            "equal": "yes" if e["equal"] else "NO",
        }
        for e in document["enumeration"]["examples"]
    ]
    return table(rows, f"examples-{document['id']}")


def refutations(by: Mapping[str, Any]) -> str:
    """Say by what a rival was refuted."""
    words = {"monte_carlo": "simulation after {:,} draws", "network": "trained network after {:,} draws"}
    said = []
    for channel, found in by.items():
        if isinstance(found, int):
            said.append(
                words[channel].format(found)
                if found
                else f"{channel.replace('_', ' ')}, out of reach at once"
            )
        else:
            said.append(f"{channel.replace('_', ' ')}: {found}")
    return "; ".join(said)
