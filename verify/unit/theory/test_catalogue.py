"""The contract of every law file: nothing to write for a new law, everything checked."""

import re
from fractions import Fraction
from pathlib import Path

import pytest
import sympy as sp
from pybtex.database import parse_file

import theory
from theory import laws, oracle, proof
from theory.claims import CLAIMS
from theory.law import BASE_CHANNELS
from verify.selftest.steps import mutate_law

LAWS = laws.all_laws()
BIB = parse_file(str(Path(theory.__file__).with_name("sources.bib"))).entries


@pytest.fixture(params=LAWS, ids=lambda law: law.id)
def law(request):
    return request.param


def test_fields(law):
    assert re.fullmatch(r"[a-z0-9_]+(\.[a-z0-9_]+)+", law.id)
    assert law.version >= 1
    assert "\n" not in law.title and law.title and not law.title.endswith(".")
    assert len(law.words.split()) > 25
    assert law.assumptions and law.sources
    assert law.exactness in BASE_CHANNELS
    assert {c.number for c in CLAIMS} >= set(law.answers)
    assert len({p.name for p in law.parts}) == len(law.parts)


def test_only_models_assume_a_model(law):
    assert not law.model or law.exactness == "model"


def test_sources_exist(law):
    assert {s.key for s in law.sources} <= set(BIB)


def test_parameters_have_meaning_and_a_typical_value_inside(law):
    for param in law.params:
        assert param.meaning
        assert not param.domain.reject(param.typical)


def test_rivals(law):
    rivals = [r for _, r in law.rivals]
    assert len(rivals) >= 3
    assert any(r.near for r in rivals)
    for part in law.parts:
        assert len(part.rivals) >= 3, part.name
        assert len({r.name for r in part.rivals}) == len(part.rivals)
        assert all(sp.srepr(r.expr) != sp.srepr(part.rhs) for r in part.rivals)


def test_uses_are_laws_without_circles(law):
    def ancestors(law_id, seen=()):
        assert law_id not in seen, f"circle through {law_id}"
        for used in laws.load(law_id).uses:
            ancestors(used, (*seen, law_id))

    ancestors(law.id)
    cited = {s.rule.partition(":")[2].partition("/")[0] for s in law.derivation if s.rule.startswith("law:")}
    assert cited - {""} <= set(law.uses)


def test_derivation_is_proved_line_by_line(law):
    result = proof.replay(law)
    assert result.answer == "proved", [(line.part, line.index, line.answer) for line in result.lines]
    for part in law.parts:
        assert max(line.meaning for line in result.lines if line.part == part.name) > 0


def test_enumeration_confirms_the_law_and_refutes_every_rival(law):
    found = oracle.enumerate_law(law, seed=0, limit=24)
    assert all(c.equal for c in found)
    for part in law.parts:
        mine = [c for c in found if c.part == part.name]
        assert mine, part.name
        for rival in part.rivals:
            assert not all(c.rivals[rival.name] for c in mine), f"{part.name}: {rival.name} is never refuted"


def test_step_mutants_are_caught(law):
    tally = mutate_law(law, limit=4)
    assert not tally.alive
    assert tally.caught >= 4 * max(1, len(law.derivation) // 2)


def test_experiments_are_well_formed(law):
    for experiment in law.experiments:
        law.part(experiment.part)
        assert experiment.channel in ("monte_carlo", "network")
        assert experiment.profile in ("smoke", "standard", "deep")
        assert 0 < Fraction(experiment.delta) <= Fraction(1, 4)
