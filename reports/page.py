"""The site: every page rendered from the laws, their ledger documents and nothing else."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from reports import __version__, curves, figures, graph, maths, sketch_figures, sketches, speed, tables, views
from reports.figures import Figure
from theory.law import Law

__all__ = ["NAVIGATION", "Section", "Site", "render"]

NAVIGATION = (
    ("index.html", "Front"),
    ("claims.html", "Claims"),
    ("catalogue.html", "Catalogue"),
    ("graph.html", "Graph"),
    ("errata.html", "Errata"),
    ("selftest.html", "Self-test"),
    ("speed.html", "Speed"),
)
FACES = (
    ("STIX Two Text", "normal", 400, "stix-two-text-400-normal.woff2"),
    ("STIX Two Text", "italic", 400, "stix-two-text-400-italic.woff2"),
    ("STIX Two Text", "normal", 700, "stix-two-text-700-normal.woff2"),
    ("STIX Two Math", "normal", 400, "stix-two-math.woff2"),
)
WORDS = ("verified", "refuted", "inconclusive", "untested")


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the self-test page: a title, a sentence, and rows of a table."""

    title: str
    text: str
    rows: Sequence[Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Site:
    """What the pages are made from.

    Parameters
    ----------
    laws : sequence of Law
        The catalogue.
    documents : mapping
        Ledger document by law id; one for each law.
    claims : sequence
        The eleven claims (number, title, text).
    ledger : mapping of str to str
        Text of each law's ledger file.
    last, draws, seconds : str, int, float
        Day of the last record (empty if there is none), random draws and seconds of computation in the store.
    sections : sequence of Section
        Further sections of the self-test page.
    bench : mapping or None
        Recorded figures of speed, see `reports.speed`; the page says so when there are none.
    """

    laws: Sequence[Law]
    documents: Mapping[str, Mapping[str, Any]]
    claims: Sequence[Any]
    ledger: Mapping[str, str]
    last: str
    draws: int
    seconds: float
    sections: Sequence[Section] = ()
    bench: Mapping[str, Any] | None = None


def render(site: Site, *, watch: Callable[[Sequence[Law]], Iterable[Law]] = iter) -> dict[str, bytes]:
    """Render the whole site.

    Parameters
    ----------
    site : Site
        What is shown.
    watch : callable
        Wraps the laws while their figures and pages are made, to show progress.

    Returns
    -------
    dict of str to bytes
        Content by path below the output folder; the same site gives the same bytes.
    """
    files: dict[str, str] = {}
    verdicts = {law.id: str(site.documents[law.id]["verdict"]) for law in site.laws}
    pages = _Pages(site)
    front = _front(site, files)
    members = [_member(site, law, files) for law in watch(site.laws)]
    claims = views.claim_views(site.claims, site.laws, verdicts, {m.id: m.figures for m in members})
    tally = views.tally(list(verdicts.values()))
    uses = {law.id: tuple(law.uses) for law in site.laws}
    files["index.html"] = pages.page("index.html", front=front, claims=claims, tally=tally)
    files["claims.html"] = pages.page("claims.html", claims=claims)
    files["catalogue.html"] = pages.page(
        "catalogue.html", tally=tally, families=_families(site.laws, members), by_status=_by_status(members)
    )
    files["graph.html"] = pages.page("graph.html", graph=graph.layout(uses, verdicts), laws=members)
    files["errata.html"] = pages.page("errata.html", published=views.published(members), errata=_errata(members))
    files["selftest.html"] = pages.page(
        "selftest.html",
        rivals=_rivals(site),
        sections=[
            {"title": s.title, "text": s.text, "table": tables.table(s.rows, f"selftest-{k}") or ""}
            for k, s in enumerate(site.sections)
        ],
    )
    files["speed.html"] = pages.page("speed.html", runs=_speed(site, files))
    if site.bench is not None:
        files["data/bench.json"] = speed.text(site.bench)
    for member in members:
        files[f"laws/{member.id}.html"] = pages.page("law.html", path=f"laws/{member.id}.html", law=member)
        files[f"ledger/{member.id}.json"] = site.ledger[member.id]
    static = resources.files("reports") / "static"
    files["static/style.css"] = (static / "style.css").read_text(encoding="utf-8")
    files["static/fonts.css"] = _font_faces()
    files["static/OFL.txt"] = (static / "fonts" / "OFL.txt").read_text(encoding="utf-8")
    return {path: text.encode() for path, text in sorted(files.items())}


class _Pages:
    """The templates with what every page shares; a value that a template misses is an error."""

    def __init__(self, site: Site) -> None:
        import jinja2

        self._environment = jinja2.Environment(
            loader=jinja2.PackageLoader("reports"),
            undefined=jinja2.StrictUndefined,
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        self._environment.filters["prose"] = maths.prose
        document = next(iter(site.documents.values()), {})
        cells = [cell for d in site.documents.values() for cell in d["cells"]]
        versions: dict[str, set[str]] = {}
        for d in site.documents.values():
            for name, version in d["environment"].items():
                versions.setdefault(name, set()).add(version)
        self._foot = {
            "version": __version__,
            "profile": document.get("profile", "standard"),
            "salt": document.get("salt", ""),
            "last": site.last or "none",
            "draws": f"{site.draws:,}",
            "seconds": _duration(site.seconds),
            "alpha": f"{max((c['alpha'] for c in cells), default=1e-6):g}",
            "edition_alpha": f"{document.get('edition_alpha', 1e-3):g}",
            "environment": [
                (name, " and ".join(sorted(found)))
                for name, found in sorted(versions.items())
                if name != "batchlaws"
            ],
        }

    def page(self, name: str, *, path: str = "", **values: Any) -> str:
        """Render a template at its place in the site."""
        root = "../" * path.count("/")
        template = self._environment.get_template(f"{name}.j2")
        return template.render(root=root, here=path or name, navigation=NAVIGATION, foot=self._foot, **values)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _keep(files: dict[str, str], name: str, figure: Figure) -> None:
    files[f"figures/{name}.svg"] = figure.svg
    files[f"data/{name}.csv"] = figure.data


def _front(site: Site, files: dict[str, str]) -> Figure | None:
    """Draw the front picture where its law and cells are there."""
    law = next((law for law in site.laws if law.id == "gradient.variance"), None)
    curve = curves.trace_curve(law, site.documents[law.id]) if law else None
    if curve is None:
        return None
    figure = figures.front(curve)
    _keep(files, "front", figure)
    return figure


def _member(site: Site, law: Law, files: dict[str, str]) -> views.LawView:
    """Draw a law's figures and gather its view."""
    document = site.documents[law.id]
    drawn = [figures.draw_curve(curve) for curve in curves.curves(law, document)] or _sketch(law, document)
    if rows := curves.ratios(document):
        drawn.append(figures.draw_ratios(rows))
    for figure in drawn:
        _keep(files, f"{law.id}-{figure.name}", figure)
    if document["cells"]:
        files[f"data/{law.id}-cells.csv"] = tables.cells_csv(document)
    return views.law_view(
        law,
        document,
        figures=drawn,
        date=site.last,
        titles={c.number: c.title for c in site.claims},
        used_by=[other.id for other in site.laws if law.id in other.uses],
    )


def _sketch(law: Law, document: Mapping[str, Any]) -> list[Figure]:
    """Draw a law that no measured points show: its line among rivals, else both its sides in small worlds."""
    line = sketches.sketch(law)
    if line is not None and any(s.kind == "rival" for s in line.series):
        return [sketch_figures.draw_sketch(law, line)]
    points = sketches.worlds_curve(law, document)
    return [sketch_figures.draw_worlds(points)] if points is not None else []


def _speed(site: Site, files: dict[str, str]) -> list[dict[str, Any]]:
    """Return the recorded runs and keep their figures."""
    runs = speed.views(site.bench)
    for run in runs:
        for workload in run["workloads"]:
            _keep(files, workload["figure"].name, workload["figure"])
    return runs


def _families(laws: Sequence[Law], members: Sequence[views.LawView]) -> list[dict[str, Any]]:
    names = dict.fromkeys(law.family for law in laws)
    return [
        {"name": name, "laws": [view for law, view in zip(laws, members, strict=True) if law.family == name]}
        for name in names
    ]


def _by_status(members: Sequence[views.LawView]) -> list[tuple[str, list[views.LawView]]]:
    found = [(word, [view for view in members if view.verdict == word]) for word in WORDS]
    return [(word, views_of) for word, views_of in found if views_of]


def _errata(members: Sequence[views.LawView]) -> list[dict[str, Any]]:
    """Return the laws with those parts whose rivals carry a sentence on what is wrong with them."""
    groups = []
    for law in members:
        parts = [
            {**part, "rivals": told}
            for part in law.parts
            if (told := [rival for rival in part["rivals"] if rival["text"]])
        ]
        if parts:
            groups.append({"law": law, "parts": parts})
    return groups


def _rivals(site: Site) -> dict[str, Any]:
    """Count the wrong variants of all laws."""
    rows = [(law, rival) for law, document in site.documents.items() for rival in document["rivals"]]
    by_law = [
        {
            "law": law,
            "wrong variants": str(len(found)),
            "near misses": str(sum(r["near"] for r in found)),
            "refuted": str(sum(r["refuted"] for r in found)),
        }
        for law, document in site.documents.items()
        if (found := document["rivals"])
    ]
    return {
        "total": len(rows),
        "near": sum(rival["near"] for _, rival in rows),
        "refuted": sum(rival["refuted"] for _, rival in rows),
        "alive": [f"{rival['name']} of {law}/{rival['part']}" for law, rival in rows if not rival["refuted"]],
        "table": tables.table(by_law, "rivals") or "",
    }


def _font_faces() -> str:
    """Return the style sheet that carries the fonts; embedded, so that a page read from a folder has them too."""
    folder = resources.files("reports") / "static" / "fonts"
    rules = []
    for family, style, weight, name in FACES:
        data = base64.b64encode((folder / name).read_bytes()).decode()
        rules.append(
            f'@font-face {{ font-family: "{family}"; font-style: {style}; font-weight: {weight}; '
            f'src: url("data:font/woff2;base64,{data}") format("woff2"); }}\n'
        )
    return "".join(rules)
