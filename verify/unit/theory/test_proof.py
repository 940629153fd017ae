"""Replay: right derivations are proved, wrong ones are not, whatever the mistake."""

from dataclasses import replace

import pytest
import sympy as sp

from theory import laws
from theory.equality import PROVED, REFUTED, UNDECIDED
from theory.law import Part, Step
from theory.notation import B, BatchSum, E, N, PopMean, dg, g, gbar, sigma2
from theory.proof import RULES, check_step, replay

VARIANCE = laws.load("gradient.variance")


def with_derivation(law, *steps, part=None):
    target = part or law.parts[0]
    return replace(law, parts=tuple(replace(p, derivation=steps) if p.name == target.name else p for p in law.parts))


def test_the_variance_law_replays():
    result = replay(VARIANCE)
    assert result.answer == PROVED
    assert all(line.meaning > 0 for line in result.lines)
    assert result.axioms == ()


def test_a_missing_derivation_is_not_a_proof():
    assert replay(with_derivation(VARIANCE)).answer == UNDECIDED


def test_a_derivation_that_ends_elsewhere_is_not_a_proof():
    head = VARIANCE.parts[0].derivation[0]
    assert replay(with_derivation(VARIANCE, head)).answer == UNDECIDED


def test_a_wrong_line_is_refuted_by_engine_and_by_meaning():
    wrong = Step("algebra", sigma2 / B, "no correction")
    result = replay(with_derivation(VARIANCE, *VARIANCE.derivation, wrong))
    assert result.answer == REFUTED
    assert result.lines[-2].answer == REFUTED


def test_meaning_alone_refutes_a_line_that_an_axiom_would_let_pass():
    """An axiom is believed, but its consequence must still equal brute force."""
    claim = Step("axiom", sigma2 / B, "asserted")
    result = replay(with_derivation(VARIANCE, claim))
    assert result.lines[1].engines == {"axiom": "cited, not derived"}
    assert result.lines[1].answer == REFUTED


@pytest.mark.parametrize("rule", ["law:gradient.unbiased/mean", "law:sampling.exchangeable/covariance"])
def test_citing_a_law_that_is_not_used_or_does_not_occur(rule):
    step = replace(VARIANCE.derivation[0], rule=rule)
    assert check_step(VARIANCE, VARIANCE.parts[0], VARIANCE.parts[0].lhs, step).answer == UNDECIDED


def test_a_part_may_not_cite_itself_or_a_later_part():
    law = laws.load("quadratic.stationary")
    first, last = law.parts[0], law.parts[-1]
    circular = Step("law:/variance", first.rhs, "itself")
    assert check_step(law, first, first.lhs, circular).answer == UNDECIDED
    assert check_step(law, last, first.lhs, circular).answer == PROVED


def test_unknown_rules_prove_nothing():
    step = Step("because", VARIANCE.parts[0].rhs)
    assert "because" not in RULES
    assert check_step(VARIANCE, VARIANCE.parts[0], VARIANCE.parts[0].lhs, step).answer == UNDECIDED


def test_the_limit_rule_needs_a_contraction():
    law = laws.load("quadratic.stationary")
    part = law.part("variance")
    limit_step = part.derivation[1]
    unstable = replace(law, constraints=law.constraints[:1])
    assert check_step(law, part, part.derivation[0].expr, limit_step).answer == PROVED
    assert check_step(unstable, part, part.derivation[0].expr, limit_step).answer == UNDECIDED


def test_induction_checks_start_and_recursion():
    law = laws.load("quadratic.moments")
    part = law.part("variance")
    step = part.derivation[0]
    assert check_step(law, part, part.lhs, step).answer == PROVED
    for key, value in (("start", sp.S.One), ("recursion", 2 * step.where["recursion"])):
        broken = replace(step, where={**step.where, key: value})
        assert check_step(law, part, part.lhs, broken).answer == REFUTED
    assert check_step(law, part, sigma2, step).answer == UNDECIDED


def test_the_root_rule_needs_a_cofactor_of_one_sign():
    law = laws.load("norm.stat.crossover")
    part = law.part("biased")
    step = part.derivation[0]
    assert check_step(law, part, part.lhs, step).answer == PROVED
    b = sp.Symbol("b", nonnegative=True)
    wide = replace(step, where={**step.where, B: b})  # batches below one example: the other root gets in
    assert check_step(law, part, part.lhs, wide).answer == UNDECIDED


def test_moment_steps_do_not_mix_designs():
    part = Part("second", sp.Eq(E(BatchSum(dg) ** 2 / B**2, B), PopMean(dg**2) / B, evaluate=False))
    step = Step("moment", PopMean(dg**2) / B)
    assert check_step(replace(VARIANCE, parts=(part,)), part, part.lhs, step).answer == REFUTED


def test_centering_requires_the_right_mean():
    lhs = E((BatchSum(g) / B - gbar) ** 2, B)
    good = Step("center", E(BatchSum(dg) ** 2 / B**2, B))
    bad = Step("center", E(BatchSum(dg) ** 2 / B**2, B) + gbar / N)
    assert check_step(VARIANCE, VARIANCE.parts[0], lhs, good).answer == PROVED
    assert check_step(VARIANCE, VARIANCE.parts[0], lhs, bad).answer == REFUTED
