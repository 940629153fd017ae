"""Replay of derivations: each line must follow from the one before by its rule, for every sampling design.

Rules transform the previous line (and, where the rule is a normal form, the new one) and then ask
`theory.equality` whether both are the same rational function.  Besides, each line has a *meaning* check:
its value equals brute force on small populations, so that line 1 means what the words say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sympy as sp

from theory import moments, oracle, registry, rules
from theory import notation as nt
from theory.equality import PROVED, REFUTED, UNDECIDED, Check, equal
from theory.law import Law, Part, Step

__all__ = ["RULES", "Line", "Replay", "axioms", "bounds", "check_step", "meaning", "replay", "rule_words"]

RULES = {
    "statement": "the left side, as stated",
    "definition": "unfold or fold definitions",
    "center": "write each quantity as population mean plus deviation",
    "sum": "sums are linear; the population splits into batch and complement",
    "linearity": "expectation is linear and factors over independent variables",
    "moment": "moment calculus: set partitions, the design's inclusion probabilities, Moebius inversion",
    "algebra": "equality of rational functions",
    "induction": "the closed form meets the start and the recursion",
    "limit": "powers of a contraction vanish",
    "root": "the claimed value is a zero and the cofactor has no other on the domain",
    "law": "an equation proved elsewhere in the catalogue",
    "axiom": "a classical theorem, cited and not derived",
}
"""The built-in rules; families of nodes bring more (`theory.registry.RULES`)."""


@dataclass(frozen=True, slots=True)
class Line:
    """One replayed line: its answer, each engine's answer, and the number of brute-force points met."""

    part: str
    index: int
    rule: str
    expr: sp.Basic
    note: str
    answer: str
    engines: Mapping[str, str]
    meaning: int


@dataclass(frozen=True, slots=True)
class Replay:
    """A replayed law; `answer` is "proved" only if every line of every part is."""

    law_id: str
    lines: tuple[Line, ...]
    answer: str
    axioms: tuple[str, ...]


def replay(law: Law, *, points: int = 4) -> Replay:
    """Replay every derivation of a law.

    Parameters
    ----------
    law : Law
        The law.
    points : int
        Brute-force worlds at which each line is evaluated.

    Returns
    -------
    Replay
    """
    lines: list[Line] = []
    for part in law.parts:
        worlds = list(oracle.cases(law, part, seed=1, limit=points))
        previous: sp.Basic = part.lhs
        steps = [Step("statement", part.lhs), *part.derivation]
        for index, step in enumerate(steps):
            check = check_step(law, part, previous, step) if index else Check(PROVED, {})
            met, met_ok = meaning(part, step.expr, worlds)
            answer = check.answer if met_ok else REFUTED
            lines.append(Line(part.name, index, step.rule, step.expr, step.note, answer, check.engines, met))
            previous = step.expr
        if previous != part.rhs or len(steps) < 2:
            lines.append(Line(part.name, len(steps), "statement", part.rhs, "the derivation ends elsewhere",
                              UNDECIDED, {}, 0))
    answers = {line.answer for line in lines}
    answer = REFUTED if REFUTED in answers else PROVED if answers == {PROVED} else UNDECIDED
    return Replay(law.id, tuple(lines), answer, axioms(law))


def axioms(law: Law) -> tuple[str, ...]:
    """Return the classical theorems that a law's derivation cites and does not derive, each with its part."""
    return tuple(f"{part.name}: {_theorem(step.rule) or step.note}" for part in law.parts for step in part.derivation
                 if step.rule == "axiom" or _theorem(step.rule))


def meaning(part: Part, expr: sp.Basic, worlds: list[oracle.Context]) -> tuple[int, bool]:
    """Evaluate a line by brute force and compare with the left side.

    Returns
    -------
    (int, bool)
        Number of worlds where both have a value, and whether they stand in the part's relation in all of them.
    """
    met = 0
    for world in worlds:
        try:
            comparison = oracle.compare_sides(part, part.lhs, expr, world)
        except (KeyError, ZeroDivisionError):
            continue
        if not comparison:
            return met, False
        met += 1
    return met, True


def rule_words(rule: str) -> str:
    """Return what a rule does, in words; empty for an unknown one."""
    name = rule.partition(":")[0]
    return registry.RULES[name].text if name in registry.RULES else RULES.get(name, "")


def _theorem(rule: str) -> str:
    """Return the theorem that a rule applies without deriving it; empty for most rules."""
    return registry.RULES[rule].theorem if rule in registry.RULES else ""


def bounds(rule: str) -> bool:
    """Say whether a rule proves a bound and no equality."""
    name = rule.partition(":")[0]
    return name in registry.RULES and registry.RULES[name].bound


def check_step(law: Law, part: Part, previous: sp.Basic, step: Step) -> Check:
    """Check one step for every sampling design of the law.

    Returns
    -------
    Check
        The worst answer over the designs.
    """
    return rules.worst(*(_check(law, part, nt.resolve(previous, design), _resolved(step, design), design)
                         for design in law.designs))


def _resolved(step: Step, design: str) -> Step:
    where = {k: nt.resolve(sp.sympify(v), design) for k, v in step.where.items()}
    return Step(step.rule, nt.resolve(step.expr, design), step.note, where)


def _check(law: Law, part: Part, previous: sp.Basic, step: Step, design: str) -> Check:
    rule, _, cited = step.rule.partition(":")
    brought = registry.RULES.get(rule)
    if brought is not None and brought.bound and part.relation == "=":
        return Check(UNDECIDED, {"rule": f"{rule} proves a bound, and the statement is an equation"})
    if rule not in RULES and brought is None:
        return Check(UNDECIDED, {"rule": f"unknown rule {rule}"})
    if isinstance(previous, nt.Root) and isinstance(step.expr, nt.Root):
        if previous.args[1] != step.expr.args[1]:
            return Check(REFUTED, {"rule": "the unknown changed"})
        previous, step = previous.args[0], Step(step.rule, step.expr.args[0], step.note, step.where)
    left, right = previous, step.expr
    definitions = {**{k: nt.resolve(sp.sympify(v), design) for k, v in {**law.where, **law.model}.items()},
                   **(step.where if rule in ("definition", "center", "moment") else {})}
    if brought is not None:
        try:
            return brought.check(registry.Situation(law, part, left, right, step, design, definitions))
        except ValueError as problem:
            return Check(UNDECIDED, {"rule": str(problem)})
    if rule == "law":
        return rules.cite(law, part, cited, left, right, step, design, definitions)
    if rule == "induction":
        return rules.induce(law, part, left, right, step, design, definitions)
    if rule == "limit":
        return rules.limit(law, left, right)
    if rule == "root":
        return rules.root(law, left, right, step)
    if rule == "axiom":
        return Check(PROVED, {"axiom": "cited, not derived"})
    if rule in ("definition", "center", "moment"):
        wrong = rules.false_definition(law, part, step, design)
        if wrong is not None:
            return wrong
    elif step.where:
        return Check(UNDECIDED, {"rule": f"{rule} takes no substitutions"})
    transforms = {
        "definition": lambda e: moments.expand_sums(rules.unfold(e, definitions), nt.B),
        "center": lambda e: rules.unfold(moments.expand_sums(_centered(e), nt.B), definitions).replace(
            nt.E, moments.linear_expectation),
        "sum": lambda e: moments.expand_sums(e, nt.B),
        "linearity": lambda e: e.replace(nt.E, moments.linear_expectation),
        "moment": lambda e: rules.unfold(moments.expand_sums(
            rules.unfold(e, definitions).replace(nt.E, lambda body, size: moments.expect(body, size, design)), nt.B),
            definitions),
        "algebra": lambda e: e,
    }
    if rule not in transforms:
        return Check(UNDECIDED, {"rule": f"{rule} checks nothing here"})
    try:
        return equal(transforms[rule](left), transforms[rule](right))
    except ValueError as problem:  # the calculus does not apply to what the line holds
        return Check(UNDECIDED, {"rule": str(problem)})


def _centered(expr: sp.Basic) -> sp.Basic:
    """Write g as gbar + dg inside sums, and the population mean of g as gbar."""
    quantity = {q: nt.MEAN_OF[q] + d for d, q in nt.DEVIATION_OF.items()}
    return expr.xreplace(quantity)
