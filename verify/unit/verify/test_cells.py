"""Cells: named by all that they depend on."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from theory.law import Experiment, Law
from verify import canonical, plan
from verify.cells import cells
from verify.unit.verify import house
from verify.unit.verify.house import DRAWN, HOUSE, TRUE


def _ids(law: Law, **more: str) -> list[str]:
    return [c.id for c in cells(law, **{**HOUSE, **more})]


def test_the_cells_of_a_law_are_its_channels_and_grids() -> None:
    found = cells(TRUE, **HOUSE)
    assert [c.channel for c in found] == ["derivation", "enumeration", "property", *["monte_carlo"] * 3, "network"]
    assert [c.record["params"] for c in found[3:6]] == [{"values": 8, "B": b} for b in (2, 4, 8)]
    assert [c.drawn for c in found] == [False] * 3 + [True] * 3 + [False]
    assert all(c.id == canonical.digest(c.record) for c in found)
    assert found[3].record["delta"] == "1/20" and found[3].record["alpha"] == 1e-6
    assert found[3].setting == {"probe": "squared_error", "values": 8, "B": 2}


def test_the_same_inputs_give_the_same_names() -> None:
    assert _ids(TRUE) == _ids(TRUE)
    assert len(set(_ids(TRUE))) == 7


@pytest.mark.parametrize("change", [
    lambda law: replace(law, version=2),
    lambda law: replace(law, parts=(replace(law.parts[0], rivals=law.parts[0].rivals[:2]),)),
    lambda law: replace(law, experiments=tuple(replace(e, delta=Fraction(1, 30)) for e in law.experiments)),
])
def test_what_a_law_means_is_in_the_name(change: object) -> None:
    assert not set(_ids(change(DRAWN))) & set(_ids(DRAWN))  # type: ignore[operator]


def test_prose_is_not_in_the_name() -> None:
    assert _ids(replace(DRAWN, words="other words", title="another title")) == _ids(DRAWN)


def test_the_salt_and_the_code_are_in_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    before = set(_ids(DRAWN))
    assert not before & set(_ids(DRAWN, salt="again"))
    monkeypatch.setattr(house, "fingerprint", lambda probe: "2" * 64)
    assert not before & set(_ids(DRAWN))


def test_the_size_of_the_pilot_is_in_the_names_of_what_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    before = cells(TRUE, **HOUSE)
    monkeypatch.setattr(plan, "PILOT", 99)
    after = cells(TRUE, **HOUSE)
    assert {(a.id == b.id, a.drawn) for a, b in zip(before, after, strict=True)} == {(False, True), (True, False)}


def test_profiles_contain_one_another() -> None:
    law = house.LAWS["toy.smoke"]
    smoke, standard, deep = (set(_ids(law, profile=p)) for p in ("smoke", "standard", "deep"))
    assert len(smoke) == 1 and smoke == standard < deep and len(deep) == 2


@pytest.mark.parametrize(("experiment", "says"), [
    (Experiment("squared_error", channel="rumor"), "channel 'rumor'"),
    (Experiment("squared_error", fixed={"design": "wr"}), "design 'wr'; the law speaks of wor"),
    (Experiment("squared_error", fixed={"B": object()}), "is not a number or a word"),
    (Experiment("squared_error", fixed={"B": 2}, part="absent"), "no part 'absent'"),
    (Experiment("squared_error", grid={"B": (2, 2)}), "this same cell"),
])
def test_what_makes_no_cell_is_refused(experiment: Experiment, says: str) -> None:
    with pytest.raises((ValueError, KeyError), match=says):
        cells(replace(DRAWN, experiments=(experiment,)), **HOUSE)


def test_an_unknown_profile_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown profile 'quick': allowed are smoke, standard, deep"):
        cells(DRAWN, profile="quick", **HOUSE)


def test_fractions_are_written_exactly() -> None:
    law = replace(DRAWN, experiments=(Experiment("squared_error", fixed={"B": 2, "eta": Fraction(1, 3),
                                                                         "x": 0.5, "sizes": (2, 3)}),))
    assert cells(law, **HOUSE)[0].record["params"] == {"B": 2, "eta": "1/3", "x": 0.5, "sizes": [2, 3]}
