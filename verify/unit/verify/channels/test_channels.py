"""What the records of each channel say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from verify import channels
from verify.cells import Cell, cells
from verify.channels import static
from verify.store import Record
from verify.unit.verify.house import HOUSE, NAME, TRUE


def _cell(channel: str) -> Cell:
    return next(c for c in cells(TRUE, **HOUSE) if c.channel == channel)


def _payload(channel: str) -> dict[str, Any]:
    cell = _cell(channel)
    return static.perform({"channel": channel, "law": TRUE.id, "laws": NAME, "part": cell.part,
                           "setting": cell.setting, "populations": NAME})


def _read(channel: str, payload: dict[str, Any] | None) -> channels.Reading:
    cell = _cell(channel)
    records = {cell.id: {0: Record(0, payload, {})}} if payload is not None else {}
    return channels.read(TRUE, channel, (cell,), records, profile="standard")


@pytest.mark.parametrize("channel", ["derivation", "enumeration", "property", "network"])
def test_a_true_law_passes(channel: str) -> None:
    reading = _read(channel, _payload(channel))
    assert reading.verdict == "verified", reading.summary


@pytest.mark.parametrize("channel", ["derivation", "enumeration", "property", "network"])
def test_nothing_stored_is_untested(channel: str) -> None:
    assert _read(channel, None).verdict == "untested"


def test_a_channel_without_cells_is_untested() -> None:
    assert channels.read(TRUE, "monte_carlo", (), {}, profile="smoke").verdict == "untested"


@pytest.mark.parametrize(("answer", "verdict"), [("refuted", "refuted"), ("undecided", "inconclusive")])
def test_a_line_that_is_not_proved_is_named(answer: str, verdict: str) -> None:
    payload = _payload("derivation")
    payload["lines"][1]["answer"] = answer
    payload["answer"] = answer
    reading = _read("derivation", payload)
    assert reading.verdict == verdict and "variance" in reading.summary


def test_a_part_without_derivation_is_not_verified() -> None:
    reading = _read("derivation", {"lines": [], "answer": "proved", "axioms": []})
    assert reading.verdict == "inconclusive" and "part variance has no derivation" in reading.summary


def test_an_unequal_cell_refutes_with_both_numbers() -> None:
    payload = _payload("enumeration")
    payload["equal"] -= 1
    payload["examples"] = [{**payload["examples"][0], "lhs": "1/2", "rhs": "1/3"}]
    reading = _read("enumeration", payload)
    assert reading.verdict == "refuted" and "brute force gives 1/2, the law 1/3" in reading.summary


def test_a_rival_that_never_differs_is_named() -> None:
    payload = _payload("enumeration")
    payload["rivals"]["variance/B+1"]["differs"] = 0
    reading = _read("enumeration", payload)
    assert reading.verdict == "inconclusive" and "variance/B+1" in reading.summary
    assert reading.rivals["variance/B+1"][0] is False and reading.rivals["variance/no correction"][0] is True


def test_a_property_with_a_counterexample_refutes() -> None:
    payload = _payload("property")
    payload["checks"][0]["failure"] = "brute force gives 1"
    assert _read("property", payload).verdict == "refuted"
    payload["checks"][0] |= {"failure": None, "examples": 0}
    assert _read("property", payload).verdict == "inconclusive"


def test_a_real_population_is_enumerated_exactly() -> None:
    payload = _payload("network")
    assert payload["cells"] == payload["equal"] == 4
    # At B = 1 no correction is the law, at B = N it is not.
    assert payload["rivals"]["variance/no correction"]["differs"] == 3
    assert _read("network", {**payload, "equal": 3}).verdict == "refuted"
    assert _read("network", {**payload, "cells": 0, "equal": 0}).verdict == "inconclusive"


def test_sizes_and_designs_of_an_exact_experiment() -> None:
    task = {"channel": "network", "law": TRUE.id, "laws": NAME, "part": "", "populations": NAME}
    population = {"population": "1 2 4 9"}
    for setting, count in (({"B": 2}, 1), ({"sizes": (1, 4)}, 2), ({"designs": ("wr",)}, 0), ({"design": "wor"}, 4)):
        assert static.perform({**task, "setting": {**population, **setting}})["cells"] == count


def test_an_exact_experiment_needs_a_population() -> None:
    with pytest.raises(ValueError, match="names no population"):
        static.perform({"channel": "network", "law": TRUE.id, "laws": NAME, "part": "", "setting": {},
                        "populations": NAME})


def test_a_wrong_law_fails_enumeration_and_property(monkeypatch: pytest.MonkeyPatch) -> None:
    from verify.properties import laws
    from verify.unit.verify import house

    wrong = replace(TRUE, parts=house.LAWS["toy.wrong"].parts)
    monkeypatch.setitem(house.LAWS, TRUE.id, wrong)
    assert _read("enumeration", _payload("enumeration")).verdict == "refuted"
    reading = _read("property", {"kind": "property", **laws.examine(wrong, examples=20)})
    assert reading.verdict == "refuted" and "brute force gives" in reading.summary
