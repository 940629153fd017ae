"""The released ledger is read strictly, and written so that it can be read again."""

import json

import pytest

from reports import release, released
from verify.unit.reports import fake


def test_what_is_released_is_read_back(tmp_path, monkeypatch):
    document = fake.document()
    release.write([fake.law()], [document], tmp_path, date="2026-11-24", profile="standard")
    found = released.read(tmp_path)
    assert found.laws == {fake.LAW_ID: document}
    assert (found.date, found.edition["version"]) == ("2026-11-24", "0.1.0")
    assert found.sources(fake.LAW_ID)[0]["key"] == fake.law().sources[0].key
    assert found.edition["ledger"] == {fake.LAW_ID: document["hash"]}


def test_a_law_that_is_no_more_leaves_the_release(tmp_path):
    (tmp_path / "old.law.json").write_text(json.dumps({"id": "old.law"}))
    release.write([fake.law()], [fake.document()], tmp_path, date="2026-11-24", profile="standard")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["edition.json", "gradient.variance.json"]


def test_same_evidence_same_bytes(tmp_path):
    for name in ("a", "b"):
        release.write([fake.law()], [fake.document()], tmp_path / name, date="2026-11-24", profile="standard")
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_no_folder_is_an_empty_release(tmp_path):
    found = released.read(tmp_path / "nowhere")
    assert found.date is None and found.laws == {} and found.sources("x") == []


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('{"id": "x", "n": NaN}', "NaN"),
        ('{"id": "x", "id": "y"}', "twice"),
        ("{", "not a JSON"),
        ("[]", "not a ledger"),
        ('{"title": "x"}', "not a ledger"),
    ],
)
def test_damaged_documents_are_named(tmp_path, text, complaint):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(ValueError, match=complaint) as error:
        released.read(tmp_path)
    assert "x.json" in str(error.value)
