"""The site: whole, closed in itself, and the same bytes for the same evidence."""

import html.parser
import re
from dataclasses import replace

import pytest

from reports import page, views
from theory import laws
from theory.claims import CLAIMS
from theory.errata import FAULTS, Erratum
from theory.law import Source
from verify.unit.reports import fake


class Reader(html.parser.HTMLParser):
    """Collects links, ids and images, and checks that tags close."""

    VOID = frozenset({"meta", "link", "img", "br", "hr", "input", "path", "rect"})

    def __init__(self, text):
        super().__init__()
        self.open, self.links, self.ids, self.images, self.bad = [], [], set(), [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag not in self.VOID:
            self.open.append(tag)
        self.links += [given[name] for name in ("href", "src") if name in given]
        if "id" in given:
            self.ids.add(given["id"])
        if tag == "img":
            self.images.append(given)

    def handle_startendtag(self, tag, attrs):
        given = dict(attrs)
        self.links += [given[name] for name in ("href", "src") if name in given]

    def handle_endtag(self, tag):
        if tag in self.VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.bad.append(tag)


def site(**changes):
    members = [laws.load(law) for law in ("sampling.bilinear", fake.LAW_ID)]
    used = {
        **fake.document(
            cells=[],
            exact=[],
            rivals=[
                {
                    "part": part.name,
                    "name": rival.name,
                    "near": rival.near,
                    "text": rival.text,
                    "refuted": False,
                    "by": {},
                }
                for part, rival in members[0].rivals
            ],
        ),
        "id": "sampling.bilinear",
        "uses": {},
        "verdict": "inconclusive",
        "derivation": {"lines": [], "axioms": []},
        "channels": {},
    }
    documents = {"sampling.bilinear": used, fake.LAW_ID: fake.document()}
    given = {
        "laws": members,
        "documents": documents,
        "claims": CLAIMS,
        "ledger": dict.fromkeys(documents, "{}\n"),
        "last": "2026-11-24",
        "draws": 112000,
        "seconds": 75.0,
        "sections": [
            page.Section(
                "Wrong samplers", "One was caught.", [{"sampler": "short <b>", "verdict": "refuted"}]
            )
        ],
    }
    return page.Site(**{**given, **changes})


@pytest.fixture(scope="module")
def files():
    return page.render(site())


def pages(files):
    return {name: content.decode() for name, content in files.items() if name.endswith(".html")}


def test_same_evidence_same_bytes(files):
    assert page.render(site()) == files


def test_every_page_is_well_formed(files):
    for name, text in pages(files).items():
        reader = Reader(text)
        assert reader.bad == [] and reader.open == [], name


def test_every_link_leads_somewhere_inside(files):
    for name, text in pages(files).items():
        for link in Reader(text).links:
            target, _, anchor = link.partition("#")
            if target.startswith(("https://doi.org/", "https://arxiv.org/")):
                continue
            path = re.sub(r"^(\.\./)*", "", target) if target else name
            assert path in files, f"{name}: {link}"
            if anchor and path.endswith(".html"):
                assert anchor in Reader(files[path].decode()).ids | {"tip"}, f"{name}: {link}"


def test_pages_fetch_and_run_nothing(files):
    for name, text in pages(files).items():
        assert "default-src 'none'" in text and "<script" not in text and " onload=" not in text, name
    for name in ("static/style.css", "static/fonts.css"):
        assert "@import" not in files[name].decode() and "http" not in files[name].decode(), name


def test_pictures_have_words_and_data(files):
    found = 0
    for text in pages(files).values():
        for image in Reader(text).images:
            found += 1
            assert len(image["alt"]) > 40
            assert re.sub(r"^(\.\./)*figures/(.*)\.svg$", r"data/\2.csv", image["src"]) in files
    assert found >= 3


def test_the_law_page_tells_the_evidence(files):
    text = files[f"laws/{fake.LAW_ID}.html"].decode()
    for piece in (
        "<math",
        "Where it holds",
        "Why it holds",
        "The evidence",
        "What it is not",
        "near miss",
        "after ",
        "37 of 40 cells differ",
        "digits8:gradient:coordinate:0",
        "simulation after 3,000 draws",
        "ab" * 32,
        "brute force at 4 points",
        "batchlaws predict gradient.variance N=1797 B=32 sigma2=1",
    ):
        assert piece in text, piece


def test_claims_without_a_law_say_so(files):
    text = files["claims.html"].decode()
    assert text.count('class="claim"') == 11
    assert "No law yet in this edition." in text
    assert "2 laws bear on it: 1 verified, 1 inconclusive." in text


def test_a_claim_tells_what_holds_fails_and_stays_open_while_its_laws_are_verified():
    claim = CLAIMS[8]
    picture = {"file": "norm.capacity.dof-curve", "alt": "a curve", "caption": "A curve."}
    verdicts = dict.fromkeys(claim.rests_on, "verified")
    (told,) = views.claim_views([claim], (), verdicts, {"norm.capacity.dof": [picture, picture]})
    assert [label for label, _ in told["told"]] == ["Holds", "Where", "Fails", "Counter-example", "Open"]
    assert told["verdict"] == "open" and told["figures"] == [picture] and told["rests_on"] == claim.rests_on
    (silent,) = views.claim_views([claim], (), verdicts | {claim.rests_on[0]: "inconclusive"}, {})
    assert silent["told"] == [] and silent["figures"] == [] and silent["verdict"] == "open"


def test_claims_page_shows_conditions_and_counterexamples_that_the_front_page_only_links():
    claims = [replace(c, rests_on=("gradient.variance",)) for c in CLAIMS]
    files = page.render(site(claims=claims, documents={**site().documents, fake.LAW_ID: fake.document()}))
    whole, front = (files[name].decode() for name in ("claims.html", "index.html"))
    for label in ("Holds", "Where", "Fails", "Counter-example", "Rests on"):
        assert whole.count(f"<dt>{label}</dt>") == 11 and f"<dt>{label}</dt>" not in front
    assert 'href="claims.html#claim-7"' in front and 'src="figures/gradient.variance' in whole
    reader = Reader(whole)
    assert reader.bad == [] and reader.open == []


def test_published_formulas_say_what_was_read(monkeypatch):
    read = Source("cochran1977", locator="section 2.5", read=True, note="the page was read")
    recalled = Source("goyal2017", note="from memory: the rule")
    (part, rival), *_ = laws.load(fake.LAW_ID).rivals
    told = [
        Erratum(fake.LAW_ID, part.name, rival.name, fault, source, "It says so.")
        for fault, source in (("wrong", read), ("first order", recalled))
    ]
    monkeypatch.setattr(views, "ERRATA", (*told, replace(told[0], law="norm.out.eps")))
    text = page.render(site())["errata.html"].decode()
    assert text.count('class="erratum"') == 2
    assert '<p class="ref">from ' in text
    assert "section 2.5" in text and '<p class="ref">after ' in text and "From memory: the rule." in text
    assert all(words in text for fault, words in FAULTS.items() if fault != "outside")
    assert FAULTS["outside"] not in text
    reader = Reader(text)
    assert reader.bad == [] and reader.open == []


def test_what_is_not_refuted_is_called_so(files):
    assert "not refuted yet" in files["errata.html"].decode()
    assert "Still alive" in files["selftest.html"].decode()


def test_text_of_others_is_escaped(files):
    assert "short &lt;b&gt;" in files["selftest.html"].decode()
    documents = {**site().documents, fake.LAW_ID: fake.document(reason="<script>alert(1)</script>")}
    text = page.render(site(documents=documents))[f"laws/{fake.LAW_ID}.html"].decode()
    assert "<script" not in text and "&lt;script&gt;" in text


def test_the_foot_names_versions_and_rates(files):
    text = files["index.html"].decode()
    for piece in (
        "numpy 2.4",
        "Last record: 2026-11-24",
        "112,000 random draws",
        "75 s of computation",
        "1e-06",
        "0.001",
    ):
        assert piece in text


def test_the_whole_site_is_small(files):
    assert sum(map(len, files.values())) < 1_500_000


def test_an_empty_catalogue_is_a_site_too():
    found = page.render(site(laws=[], documents={}, ledger={}, sections=[]))
    assert "No law yet." in found["index.html"].decode()
