"""Why: missing, stale and unfinished, in plain sentences."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from verify import run
from verify.store import Store
from verify.unit.verify import house
from verify.unit.verify.house import DRAWN, HOUSE, TRUE
from verify.why import stale, why


def _run(tmp_path: Path, name: str) -> None:
    run.verify([name], store=tmp_path / "s", engine="serial", **HOUSE)


def test_a_verified_law_needs_one_sentence(tmp_path: Path) -> None:
    _run(tmp_path, "toy.drawn")
    with Store(tmp_path / "s") as store:
        assert why(DRAWN, store, **HOUSE) == [
            "toy.drawn is verified: every required channel passed, every rival is refuted and every law it uses is "
            "verified."]
        assert not stale(DRAWN, store, **HOUSE)


def test_what_was_never_computed_is_missing(tmp_path: Path) -> None:
    with Store(tmp_path / "s") as store:
        said = why(TRUE, store, **HOUSE)
        assert not stale(TRUE, store, **HOUSE)
    assert said[0].startswith("toy.variance is untested") and len(said) == 8
    assert said[1] == "derivation is missing: it has never been computed."
    assert "monte_carlo (B=2, values=8) is missing: it has never been computed." in said


@pytest.mark.parametrize(("change", "says"), [
    (lambda law: replace(law, parts=(replace(law.parts[0], rivals=law.parts[0].rivals[:2]),)), "statement, domain"),
    (lambda law: replace(law, experiments=(replace(law.experiments[0], delta=Fraction(1, 30)),)), "the tolerance"),
    (lambda law: replace(law, version=2), "the law's version, the law's statement"),
])
def test_a_changed_law_is_stale_and_says_what_changed(tmp_path: Path, change: object, says: str) -> None:
    _run(tmp_path, "toy.drawn")
    with Store(tmp_path / "s") as store:
        law = change(DRAWN)  # type: ignore[operator]
        said = why(law, store, **HOUSE)
        assert stale(law, store, **HOUSE)
    assert len(said) == 4
    assert "is stale" in said[1] and says in said[1]


def test_changed_code_is_named_by_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _run(tmp_path, "toy.drawn")
    monkeypatch.setattr(house, "fingerprint", lambda probe: "2" * 64)
    with Store(tmp_path / "s") as store:
        said = why(DRAWN, store, **HOUSE)
    assert said[1] == (f"monte_carlo (B=2, values=8) is stale: the code ({house.NAME}.squared_error) changed since its "
                       "records were made.")


def test_another_salt_is_said(tmp_path: Path) -> None:
    _run(tmp_path, "toy.drawn")
    with Store(tmp_path / "s") as store:
        assert "the salt changed" in why(DRAWN, store, salt="x", **HOUSE)[1]


def test_an_unfinished_cell_says_how_far_it_is(tmp_path: Path) -> None:
    _run(tmp_path, "toy.drawn")
    with Store(tmp_path / "s") as store:
        store._db.execute("DELETE FROM blocks WHERE block > 3")
        said = why(DRAWN, store, **HOUSE)
    assert any("is inconclusive after" in sentence and "more draws needed" in sentence for sentence in said[1:])
