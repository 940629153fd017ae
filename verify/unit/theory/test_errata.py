"""Every published formula is a rival of a law, has a source, and says what was read."""

from __future__ import annotations

from pathlib import Path

import pytest
import sympy as sp
from pybtex.database import parse_file

import theory
from theory import laws
from theory.errata import ERRATA, FAULTS

BIB = parse_file(str(Path(theory.__file__).with_name("sources.bib"))).entries


@pytest.mark.parametrize("erratum", ERRATA, ids=lambda e: f"{e.law}/{e.rival}")
def test_it_is_a_rival_with_a_source_and_a_note_on_what_was_read(erratum):
    part = laws.load(erratum.law).part(erratum.part)
    (rival,) = [r for r in part.rivals if r.name == erratum.rival]
    assert sp.srepr(rival.expr) != sp.srepr(part.rhs)
    assert erratum.fault in FAULTS and erratum.said and erratum.source.key in BIB
    assert "read" in erratum.source.note or erratum.source.note.startswith("from memory: ")
    assert erratum.source.read == (not erratum.source.note.startswith("from memory"))


def test_none_is_told_twice():
    places = [(e.law, e.part, e.rival) for e in ERRATA]
    assert len(set(places)) == len(places)


def test_numbers_told_are_those_of_the_law():
    growth = [float(laws.load("norm.depth.bn_explosion").predict(part="relu", B=B).value) for B in (4, 8)]
    assert [round(g, 2) for g in growth] == [3.08, 1.79]
