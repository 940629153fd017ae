"""Citations keep the result, its source and the software apart, and say what the verdict rests on."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from pybtex.database import parse_string

from reports import bibliography, cite
from verify.unit.reports import fake

ROOT = Path(cite.__file__).parent.parent
SOURCES = [
    {"key": "cochran1977", "locator": "Theorem 2.2", "read": False, "note": ""},
    {"key": "behnken1961", "locator": "", "read": True, "note": "abstract"},
]


@pytest.fixture
def citation():
    return cite.Citation(fake.document(), SOURCES, "2026-11-24")


def test_text_names_everything(citation):
    shown = cite.render(citation, "text")
    for piece in (
        "batchlaws:gradient.variance@1",
        "verified",
        "2026-11-24",
        "10 %",
        "1e-06",
        "sha256:" + "ab" * 32,
        "after W. G. Cochran",
        "from D. W. Behnken",
        "Theorem 2.2",
        "batchlaws contributors (2026)",
        "0.001 over the edition",
    ):
        assert piece in shown


def test_bibtex_is_valid_and_keeps_three_kinds_apart(citation):
    entries = parse_string(cite.render(citation, "bibtex"), "bibtex").entries
    assert list(entries) == [
        "batchlaws_gradient_variance_v1",
        "cochran1977",
        "behnken1961",
        "batchlaws_0_1_0",
    ]
    note = entries["batchlaws_gradient_variance_v1"].fields["note"]
    assert "verdict: verified" in note and "after cochran1977" in note and "ab" * 32 in note
    assert entries["batchlaws_0_1_0"].type == "software"


def test_csl_items_have_types_and_dates(citation):
    result, *sources, software = json.loads(cite.render(citation, "csl"))
    assert (result["type"], software["type"]) == ("dataset", "software")
    assert result["issued"] == {"date-parts": [[2026, 11, 24]]}
    assert [s["id"] for s in sources] == ["cochran1977", "behnken1961"]
    assert sources[0]["author"] == [{"family": "Cochran", "given": "William G."}]
    assert all(item["id"] and item["title"] for item in (result, *sources, software))


def test_cff_has_the_required_keys(citation):
    document = yaml.safe_load(cite.render(citation, "cff"))
    assert document["cff-version"] == "1.2.0"
    assert {"message", "title", "authors"} <= set(document)
    preferred = document["preferred-citation"]
    assert {"type", "title", "authors"} <= set(preferred)
    assert "verified" in preferred["notes"]
    assert [r["year"] for r in document["references"]] == [1977, 1961]
    assert all({"type", "title", "authors"} <= set(r) for r in document["references"])


def test_json_has_result_sources_and_software(citation):
    found = cite.document(citation)
    assert found["result"]["tolerances"] == ["1/10"] and found["result"]["error_rate"] == 1e-6
    assert [s["relation"] for s in found["sources"]] == ["after", "from"]
    assert found["software"]["version"] == "0.1.0"
    json.dumps(found, allow_nan=False)


def test_an_exact_result_claims_no_error_rate():
    found = cite.Citation(fake.document(cells=[]), SOURCES, "2026-11-24")
    assert found.error_rate is None
    assert "nothing sampled" in cite.render(found, "text")


def test_a_refuted_law_is_cited_as_refuted():
    found = cite.Citation(fake.document(verdict="refuted", reason="monte_carlo: off"), SOURCES, "2026-11-24")
    assert "refuted, 2026-11-24: monte_carlo: off" in cite.render(found, "text")


def test_every_entry_of_the_bibliography_formats():
    for key in bibliography.load().entries:
        assert bibliography.text(key) and bibliography.html(key)
        assert bibliography.csl(key)["title"]
        assert key in parse_string(bibliography.bibtex(key), "bibtex").entries
    with pytest.raises(KeyError, match="nobody1900"):
        bibliography.text("nobody1900")


def test_citing_imports_no_mathematics():
    code = (
        "import sys; from reports import cite, released, bibliography; released.read(); bibliography.load();"
        "print([m for m in ('sympy', 'pandas', 'matplotlib', 'numpy', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"
