"""What the pages say of a law, in the words and formulas of a reader; no markup beyond MathML and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from reports import bibliography, cite, maths, tables
from reports.figures import Figure
from theory import notation, proof
from theory.claims import Claim
from theory.errata import ERRATA, FAULTS
from theory.law import Law, Part, Step

__all__ = ["EXACTNESS", "LawView", "claim_views", "law_view", "published", "tally"]

EXACTNESS = {
    "identity": ("identity", "An identity: it holds for every finite population, batch size and data."),
    "distribution_free": (
        "free of distribution",
        "It holds for every distribution with the moments it names.",
    ),
    "model": (
        "exact in a model",
        "It is exact under the model its assumptions name, and claims nothing beyond.",
    ),
    "asymptotic": ("asymptotic", "It holds in a limit; order and next term are stated."),
    "bound": ("bound", "A bound; where it is attained is stated."),
    "direction": ("direction", "It states a direction only."),
}
CHANNELS = {
    "derivation": "derivation",
    "enumeration": "enumeration",
    "property": "property tests",
    "monte_carlo": "simulation",
    "network": "trained network",
}
ENGINES = {"sympy": "SymPy", "points": "random points", "fractions": "random points", "flint": "FLINT"}


@dataclass(frozen=True, slots=True)
class LawView:
    """A law as its page shows it; fields are what `templates/law.html.j2` prints."""

    id: str
    handle: str
    title: str
    verdict: str
    reason: str
    words: str
    exactness_words: str
    exactness_sentence: str
    parts: Sequence[Mapping[str, Any]]
    params: Sequence[Mapping[str, Any]]
    constraints: Sequence[Mapping[str, Any]]
    assumptions: Sequence[Any]
    axioms: Sequence[str]
    channels: Sequence[Mapping[str, str]]
    cells: Markup | None
    exact: Markup | None
    examples: Markup | None
    alpha: str
    claims: Sequence[Mapping[str, Any]]
    sources: Sequence[Mapping[str, Any]]
    uses: Sequence[Mapping[str, str]]
    used_by: Sequence[str]
    citation: str
    bibtex: str
    spec: str
    hash: str
    typical: str
    figures: Sequence[Mapping[str, str]]


def law_view(
    law: Law,
    document: Mapping[str, Any],
    *,
    figures: Sequence[Figure],
    date: str,
    used_by: Sequence[str],
    titles: Mapping[int, str],
) -> LawView:
    """Gather what a law's page shows.

    Parameters
    ----------
    law : Law
        The law.
    document : mapping
        Its ledger document.
    figures : sequence of Figure
        Drawn for it.
    date : str
        Day of the last record, for the citation; empty before the first record, when there is nothing to cite.
    used_by : sequence of str
        Laws that use it.
    titles : mapping
        Titles of the claims by number.
    """
    sources = [{"key": s.key, "locator": s.locator, "read": s.read, "note": s.note} for s in law.sources]
    citation = cite.Citation(document, sources, date)
    short, sentence = EXACTNESS[str(law.exactness)]
    alpha = max((cell["alpha"] for cell in document["cells"]), default=None)
    return LawView(
        id=law.id,
        handle=law.handle,
        title=law.title,
        verdict=document["verdict"],
        reason=_sentence(document["reason"]),
        words=law.words.strip(),
        exactness_words=short,
        exactness_sentence=sentence,
        parts=[_part(law, part, document) for part in law.parts],
        params=[
            {
                "letter": Markup(maths.inline(p.symbol)),
                "name": p.name,
                "domain": p.domain.text(),
                "meaning": p.meaning,
                "why": p.why,
            }
            for p in law.params
        ],
        constraints=[
            {"formula": Markup(maths.inline(c.relation)), "design": notation.DESIGNS.get(c.design or "", "")}
            for c in law.constraints
        ],
        assumptions=law.assumptions,
        axioms=document["derivation"]["axioms"],
        channels=[
            {
                "name": CHANNELS.get(name, name),
                "verdict": channel["verdict"],
                "summary": _sentence(channel["summary"]),
            }
            for name, channel in document["channels"].items()
        ],
        cells=tables.cells(document),
        exact=tables.exact(document),
        examples=tables.examples(document),
        alpha=f"{alpha:g}" if alpha is not None else "",
        claims=[{"number": n, "title": titles[n], "text": text} for n, text in sorted(law.answers.items())],
        sources=[{**s, "html": Markup(bibliography.html(str(s["key"])))} for s in sources],
        uses=[{"id": used, "verdict": document["uses"][used]} for used in law.uses],
        used_by=used_by,
        citation=cite.render(citation, "text") if date else "",
        bibtex=cite.render(citation, "bibtex") if date else "",
        spec=document["spec"],
        hash=document["hash"],
        typical=_typical(law),
        figures=[{"file": f"{law.id}-{f.name}", "alt": f.alt, "caption": f.caption} for f in figures],
    )


def _sentence(text: str) -> str:
    """Start with a capital letter and end with a full stop."""
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def _part(law: Law, part: Part, document: Mapping[str, Any]) -> dict[str, Any]:
    recorded = {(line["part"], line["index"]): line for line in document["derivation"]["lines"]}
    steps = [Step("statement", part.lhs), *part.derivation]
    rivals = {(r["part"], r["name"]): r for r in document["rivals"]}
    return {
        "name": part.name,
        "headline": part is law.part(),
        "statement": Markup(maths.mathml(maths.equation(part.statement))),
        "lines": [_line(part, step, index, recorded.get((part.name, index))) for index, step in enumerate(steps)],
        "rivals": [
            {
                "name": r.name,
                "text": _sentence(r.text) if r.text else "",
                "near": r.near,
                "formula": Markup(maths.mathml(maths.latex(r.expr))),
                "refuted": rivals[part.name, r.name]["refuted"],
                "by": tables.refutations(rivals[part.name, r.name]["by"]),
            }
            for r in part.rivals
        ],
    }


def _line(part: Part, step: Step, index: int, recorded: Mapping[str, Any] | None) -> dict[str, Any]:
    rule, _, cited = step.rule.partition(":")
    formula = maths.latex(step.expr)
    sign = maths.SIGNS[part.relation if proof.bounds(rule) else "="]
    return {
        "index": index,
        "formula": Markup(maths.mathml(f"{sign} {formula}" if index else formula)),
        "rule": f"{rule} {cited}".strip(),
        "cited": cited.partition("/")[0] if rule == "law" else "",
        "rule_words": proof.rule_words(rule),
        "note": step.note,
        "checks": _checks(recorded),
    }


def _checks(recorded: Mapping[str, Any] | None) -> str:
    if recorded is None:
        return "not replayed"
    engines = [
        f"{ENGINES.get(name, name)}" + ("" if answer == "proved" else f": {answer}")
        for name, answer in recorded["engines"].items()
    ]
    if recorded["meaning"]:
        engines.append(f"brute force at {recorded['meaning']} points")
    said = ", ".join(engines)
    return said if recorded["answer"] == "proved" else f"{recorded['answer'].upper()} ({said})"


def _typical(law: Law) -> str:
    """Return arguments of `predict` at the typical values of the headline's parameters."""
    needed = {s.name for s in law.part().rhs.free_symbols}
    return " ".join(f"{p.name}={p.typical}" for p in law.params if p.name in needed)


TOLD = (
    ("holds", "Holds"),
    ("conditions", "Where"),
    ("fails", "Fails"),
    ("example", "Counter-example"),
    ("undecided", "Open"),
)
"""What is said of a claim, field by field, under its label; an example is of what fails."""


def claim_views(
    claims: Sequence[Claim],
    laws: Sequence[Law],
    verdicts: Mapping[str, str],
    pictures: Mapping[str, Sequence[Mapping[str, str]]],
) -> list[dict[str, Any]]:
    """Return the claims with what is found, the answers the laws give and a sentence on how far they stand.

    Parameters
    ----------
    claims : sequence of Claim
        The claims, with the verdict each would have if the laws it rests on are verified.
    laws : sequence of Law
        The catalogue.
    verdicts : mapping
        Verdict by law id.
    pictures : mapping
        Figures by law id; a claim shows the first of the first law it rests on that has any.
    """
    views = []
    for claim in claims:
        decided = _decided(claim, verdicts)
        shown = [figure for law in claim.rests_on for figure in pictures.get(law, ())[:1]]
        answers = [
            {"law": law.id, "text": law.answers[claim.number], "verdict": verdicts[law.id]}
            for law in laws
            if claim.number in law.answers
        ]
        views.append(
            {
                "number": claim.number,
                "title": claim.title,
                "text": claim.text,
                "answers": answers,
                "standing": _standing([a["verdict"] for a in answers]),
                "verdict": claim.verdict if decided else "open",
                "told": [(label, said) for name, label in TOLD if (said := getattr(claim, name))] if decided else [],
                "rests_on": claim.rests_on if decided else (),
                "figures": shown[:1] if decided else [],
            }
        )
    return views


def published(members: Sequence[LawView]) -> list[dict[str, Any]]:
    """Return the published formulas that laws refute, in groups by the sense in which they fail.

    Parameters
    ----------
    members : sequence of LawView
        The laws of the site; formulas that other laws refute are left out.
    """
    rivals = {
        (law.id, part["name"], rival["name"]): (part, rival)
        for law in members
        for part in law.parts
        for rival in part["rivals"]
    }
    groups = []
    for fault, words in FAULTS.items():
        found = []
        for e in ERRATA:
            if e.fault != fault or (e.law, e.part, e.rival) not in rivals:
                continue
            part, rival = rivals[e.law, e.part, e.rival]
            found.append({
                "law": e.law,
                "statement": part["statement"],
                "rival": rival,
                "said": e.said,
                "relation": cite.relation({"read": e.source.read}),
                "source": Markup(bibliography.html(e.source.key)),
                "locator": e.source.locator,
                "note": _sentence(e.source.note),
            })
        if found:
            groups.append({"title": words, "entries": found})
    return groups


def _decided(claim: Claim, verdicts: Mapping[str, str]) -> bool:
    """What is said of a claim stands only while every law it rests on is verified."""
    return bool(claim.rests_on) and all(verdicts.get(law) == "verified" for law in claim.rests_on)


def _standing(verdicts: Sequence[str]) -> str:
    if not verdicts:
        return "No law yet in this edition."
    count, good = len(verdicts), sum(v == "verified" for v in verdicts)
    laws = "1 law bears" if count == 1 else f"{count} laws bear"
    if good == count:
        return f"{laws} on it; {'it is' if count == 1 else 'all are'} verified."
    others = ", ".join(
        f"{sum(v == word for v in verdicts)} {word}"
        for word in ("refuted", "inconclusive", "untested")
        if word in verdicts
    )
    return f"{laws} on it: {good} verified, {others}."


def tally(verdicts: Sequence[str]) -> str:
    """Count the verdicts in a sentence."""
    counts = [
        f"{sum(v == word for v in verdicts)} {word}"
        for word in ("verified", "refuted", "inconclusive", "untested")
        if word in verdicts
    ]
    return f"{len(verdicts)} laws: {', '.join(counts)}." if verdicts else "No law yet."
