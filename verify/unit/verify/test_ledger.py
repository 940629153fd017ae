"""The ledger: canonical bytes, whole files, hashes that are checked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from verify import canonical, ledger, run
from verify.channels import Reading
from verify.store import Store
from verify.unit.verify.house import HOUSE, LAWS


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    folder = tmp_path_factory.mktemp("ledger")
    return run.verify(["toy.drawn"], store=folder / "s", engine="serial", **HOUSE)[0]


def test_it_is_recomputed_from_the_store_alone(tmp_path: Path) -> None:
    (found,) = run.verify(["toy.variance"], store=tmp_path / "s", engine="serial", **HOUSE)
    with Store(tmp_path / "s", create=False) as store:
        assert ledger.evidence(LAWS["toy.variance"], store, **HOUSE) == found


def _reading(verdict: str = "verified", **rivals: bool) -> Reading:
    named = {f"variance/{name.replace('_', ' ')}": (gone, 5) for name, gone in rivals.items()}
    return Reading(verdict, "said", {}, named)


def test_a_rival_must_be_refuted_by_every_quantitative_channel_that_tests_it() -> None:
    readings = {"enumeration": _reading(no_correction=True), "monte_carlo": _reading(no_correction=False),
                "network": _reading(no_correction=True)}
    law = LAWS["toy.variance"]
    found = {r["name"]: r for r in ledger._rivals(law, readings)}
    assert not found["no correction"]["refuted"] and set(found["no correction"]["by"]) == {"enumeration", "network"}
    assert not found["B+1"]["refuted"]  # tested by nothing
    readings["monte_carlo"] = _reading(no_correction=True)
    assert {r["name"] for r in ledger._rivals(law, readings) if r["refuted"]} == {"no correction"}
    del readings["monte_carlo"], readings["enumeration"]
    assert not any(r["refuted"] for r in ledger._rivals(law, readings))  # networks alone do not refute


@pytest.mark.parametrize(("readings", "alive", "uses", "verdict", "says"), [
    ({"a": "verified"}, [], {}, "verified", "every required channel"),
    ({}, [], {}, "untested", "no channel"),
    ({"a": "inconclusive", "b": "refuted"}, [], {}, "refuted", "b: said"),
    ({"a": "verified", "b": "inconclusive"}, [], {}, "inconclusive", "b: said"),
    ({"a": "verified", "b": "untested"}, [], {}, "inconclusive", "b: said"),
    ({"a": "untested", "b": "untested"}, [], {}, "untested", "a: said"),
    ({"a": "verified"}, ["r"], {}, "inconclusive", "the rival 'r' of part p"),
    ({"a": "verified"}, [], {"x": "inconclusive"}, "inconclusive", "it uses x, which is inconclusive"),
    ({"a": "verified"}, [], {"w": "verified", "x": "untested"}, "inconclusive", "it uses x, which is untested"),
])
def test_the_verdict_of_a_law(readings: dict[str, str], alive: list[str], uses: dict[str, str], verdict: str,
                              says: str) -> None:
    rivals = [{"part": "p", "name": "dead", "refuted": True}]
    rivals += [{"part": "p", "name": name, "refuted": False} for name in alive]
    got, reason = ledger._verdict({name: _reading(v) for name, v in readings.items()}, rivals, uses)
    assert got == verdict and says in reason


def test_an_empty_store_says_untested(tmp_path: Path) -> None:
    with Store(tmp_path / "s") as store:
        found = ledger.evidence(LAWS["toy.variance"], store, **HOUSE)
    assert found["verdict"] == "untested"
    assert all(not r["refuted"] for r in found["rivals"])


def test_the_document_has_the_agreed_keys(document: dict[str, object]) -> None:
    assert set(document) == {
        "id", "version", "handle", "title", "spec", "exactness", "claims", "uses", "requires", "verdict", "reason",
        "channels", "derivation", "enumeration", "property", "cells", "exact", "rivals", "environment",
        "edition_alpha", "hash", "profile", "salt"}
    row = document["cells"][0]  # type: ignore[index]
    assert {"id", "channel", "part", "probe", "params", "theta", "delta", "alpha", "n", "planned", "estimate", "low",
            "high", "log_wealth", "verdict", "grade", "rivals"} <= set(row)


def test_no_date_or_duration_is_in_it(document: dict[str, object]) -> None:
    text = ledger.dumps(document)
    for word in ("seconds", "created", "date", "T00:"):
        assert word not in text


def test_its_hash_is_that_of_everything_else(document: dict[str, object]) -> None:
    content = {k: v for k, v in document.items() if k != "hash"}
    assert canonical.digest(content) == document["hash"]


def test_what_is_written_is_read(tmp_path: Path, document: dict[str, object]) -> None:
    path = ledger.write(document, tmp_path / "deep" / "ledger")
    assert path.name == "toy.drawn.json" and path.read_text() == ledger.dumps(document)
    (tmp_path / "deep" / "ledger" / "edition.json").write_text('{"date": "2026-11-24"}')
    assert ledger.read(path.parent) == {"toy.drawn": document}
    assert ledger.write(document, path.parent).read_bytes() == path.read_bytes()
    assert [p.name for p in path.parent.iterdir() if p.name.startswith(".")] == []


def test_an_absent_folder_holds_nothing(tmp_path: Path) -> None:
    assert ledger.read(tmp_path / "absent") == {}


@pytest.mark.parametrize(("old", "new", "says"), [
    ('"verdict": "verified"', '"verdict": "refuted"', "hash does not match"),
    ('"id": "toy.drawn"', '"id": "x"', "not the"),
    ("{", "[", "toy.drawn.json"), ('"version": 1', '"version": NaN', "NaN"),
])
def test_a_file_changed_by_hand_is_refused(tmp_path: Path, document: dict[str, object], old: str, new: str,
                                           says: str) -> None:
    path = ledger.write(document, tmp_path)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(ledger.LedgerError, match=says):
        ledger.read(tmp_path)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, document: dict[str, object]) -> None:
    path = ledger.write(document, tmp_path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="not JSON compliant"):
        ledger.write({**document, "edition_alpha": float("nan")}, tmp_path)
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1


def test_floats_are_short(document: dict[str, object]) -> None:
    text = ledger.dumps(document)
    assert json.loads(text) == document
    assert canonical.rounded(document) == document
