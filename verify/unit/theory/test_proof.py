"""Replay: right derivations are proved, wrong ones are not, whatever the mistake."""

from dataclasses import replace

import pytest
import sympy as sp

from theory import laws, rules
from theory.equality import PROVED, REFUTED, UNDECIDED
from theory.law import Part, Step
from theory.notation import (
    HW,
    At,
    B,
    BatchSum,
    E,
    N,
    PopMean,
    cov_uv,
    dg,
    eta,
    g,
    gbar,
    h,
    m,
    mu,
    s,
    sigma,
    sigma2,
    sigma_hat,
    t,
    u,
    ubar,
    vbar,
    x,
)
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


def test_induction_takes_start_and_recursion_from_the_chain():
    law = laws.load("quadratic.moments")
    part = law.part("variance")
    step = part.derivation[0]
    rate = 1 - eta * h
    assert check_step(law, part, part.lhs, step).answer == PROVED
    # Adding a**(2t) keeps the recursion and starts the variance at one; a factor keeps the start and breaks the rest.
    for wrong in (step.expr + rate ** (2 * t), step.expr * (1 + t)):
        assert check_step(law, part, part.lhs, replace(step, expr=wrong)).answer == REFUTED
    for other in ("mean_step", "step_pair", "variance", "nothing"):
        cited = replace(step, where={"part": sp.Symbol(other)})
        assert check_step(law, part, part.lhs, cited).answer == UNDECIDED
    assert check_step(law, part, 2 * part.lhs, replace(step, expr=2 * step.expr)).answer == UNDECIDED


def test_an_instance_of_a_cited_law_cannot_redefine_what_the_law_defines():
    """Found in review: with the covariance renamed to five times itself, the wrong law was proved."""
    step, part = VARIANCE.derivation[0], VARIANCE.parts[0]
    poison = {**step.where, cov_uv: 5 * PopMean(dg**2)}
    assert check_step(VARIANCE, part, part.lhs, replace(step, where=poison, expr=5 * step.expr)).answer != PROVED
    for key, value in ((ubar, vbar), (N, B), (u, sigma2)):
        assert check_step(VARIANCE, part, part.lhs, replace(step, where={**step.where, key: value})).answer == UNDECIDED


def test_a_step_cannot_define_what_is_false_or_redefine_a_letter():
    """Found in review: a step that calls the sum over the batch zero was believed."""
    law = laws.load("norm.gap.identity")
    part = law.part("batch")
    step, before = part.derivation[1], part.derivation[0].expr
    nothing = dict.fromkeys((BatchSum(x), BatchSum(x**2)), sp.S.Zero)
    assert check_step(law, part, before, replace(step, where=nothing, expr=(mu / sigma - m / s) ** 2)).answer == REFUTED
    letter = replace(VARIANCE.derivation[1], where={sigma2: 2 * PopMean(dg**2)})
    assert check_step(VARIANCE, VARIANCE.parts[0], VARIANCE.derivation[0].expr, letter).answer == UNDECIDED
    false_law = replace(law, where={**law.where, PopMean(x): mu + 1})
    expected = law.part("expected").derivation
    assert check_step(false_law, law.part("expected"), expected[0].expr, expected[1]).answer == REFUTED


def test_rules_that_take_no_substitution_refuse_one():
    part = laws.load("quadratic.stationary").part("variance")
    step = replace(part.derivation[2], where={eta: h})
    assert check_step(laws.load("quadratic.stationary"), part, part.derivation[1].expr, step).answer == UNDECIDED


def test_charts_must_cover_the_domain():
    """Found in review: uniqueness on six positions and more was taken for uniqueness everywhere."""
    law = laws.load("norm.stat.crossover")
    part = law.part("crossover")
    step, before = part.derivation[-1], part.derivation[-2].expr
    fresh = sp.Symbol("fresh", nonnegative=True)
    assert check_step(law, part, before, step).answer == PROVED
    for chart in (6 + fresh, 1 + fresh / (1 + fresh), 1 + sp.Symbol("anything"), 1 + fresh * B, 1 / fresh):
        assert check_step(law, part, before, replace(step, where={**step.where, HW: chart})).answer == UNDECIDED


def test_settling_looks_through_shorthands():
    """A letter that stands for something that depends on B is not a constant when B changes."""
    spread = At(sigma_hat, B, 2 * B)
    assert rules.settle(spread, {sigma_hat: E(s, B)}) == spread
    assert rules.settle(At(eta * sigma2, eta, 2 * eta), {sigma2: PopMean(dg**2)}) == 2 * eta * sigma2


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
