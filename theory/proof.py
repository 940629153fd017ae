"""Replay of derivations: each line must follow from the one before by its rule, for every sampling design.

Rules transform the previous line (and, where the rule is a normal form, the new one) and then ask
`theory.equality` whether both are the same rational function.  Besides, each line has a *meaning* check:
its value equals brute force on small populations, so that line 1 means what the words say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sympy as sp

from theory import equality, moments, oracle
from theory import notation as nt
from theory.equality import PROVED, REFUTED, UNDECIDED, Check, equal
from theory.law import Law, Part, Step
from theory.laws import load

__all__ = ["RULES", "Line", "Replay", "check_step", "meaning", "replay"]

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
    axioms = tuple(f"{line.part}: {line.note}" for line in lines if line.rule == "axiom")
    return Replay(law.id, tuple(lines), answer, axioms)


def meaning(part: Part, expr: sp.Basic, worlds: list[oracle.Context]) -> tuple[int, bool]:
    """Evaluate a line by brute force and compare with the left side.

    Returns
    -------
    (int, bool)
        Number of worlds where both have a value, and whether they agree in all of them.
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


def check_step(law: Law, part: Part, previous: sp.Basic, step: Step) -> Check:
    """Check one step for every sampling design of the law.

    Returns
    -------
    Check
        The worst answer over the designs.
    """
    worst: Check | None = None
    for design in law.designs:
        check = _check(law, part, nt.resolve(previous, design), _resolved(step, design), design)
        if worst is None or _rank(check.answer) > _rank(worst.answer):
            worst = check
    assert worst is not None
    return worst


def _rank(answer: str) -> int:
    return (PROVED, UNDECIDED, REFUTED).index(answer)


def _resolved(step: Step, design: str) -> Step:
    where = {k: nt.resolve(sp.sympify(v), design) for k, v in step.where.items()}
    return Step(step.rule, nt.resolve(step.expr, design), step.note, where)


def _check(law: Law, part: Part, previous: sp.Basic, step: Step, design: str) -> Check:
    rule, _, cited = step.rule.partition(":")
    if rule not in RULES:
        return Check(UNDECIDED, {"rule": f"unknown rule {rule}"})
    if isinstance(previous, nt.Root) and isinstance(step.expr, nt.Root):
        if previous.args[1] != step.expr.args[1]:
            return Check(REFUTED, {"rule": "the unknown changed"})
        previous, step = previous.args[0], Step(step.rule, step.expr.args[0], step.note, step.where)
    left, right = previous, step.expr
    definitions = {**{k: nt.resolve(sp.sympify(v), design) for k, v in law.where.items()},
                   **(step.where if rule in ("definition", "center", "moment") else {})}
    if rule == "law":
        return _check_law(law, part, cited, left, right, step, design, definitions)
    if rule == "induction":
        return _check_induction(law, left, right, step, design, definitions)
    if rule == "limit":
        return _check_limit(law, left, right)
    if rule == "root":
        return _check_root(left, right, step)
    if rule == "axiom":
        return Check(PROVED, {"axiom": "cited, not derived"})
    transforms = {
        "definition": lambda e: moments.expand_sums(unfold(e, definitions), nt.B),
        "center": lambda e: unfold(moments.expand_sums(_centered(e), nt.B), definitions).replace(
            nt.E, moments.linear_expectation),
        "sum": lambda e: moments.expand_sums(e, nt.B),
        "linearity": lambda e: e.replace(nt.E, moments.linear_expectation),
        "moment": lambda e: unfold(moments.expand_sums(
            unfold(e, definitions).replace(nt.E, lambda body, size: moments.expect(body, size, design)), nt.B),
            definitions),
        "algebra": lambda e: e,
    }
    if rule not in transforms:
        return Check(UNDECIDED, {"rule": f"{rule} checks nothing here"})
    try:
        return equal(transforms[rule](left), transforms[rule](right))
    except ValueError as problem:  # the calculus does not apply to what the line holds
        return Check(UNDECIDED, {"rule": str(problem)})


def unfold(expr: sp.Basic, definitions: Mapping[Any, Any]) -> sp.Basic:
    """Replace defined symbols and nodes by what defines them until nothing changes."""
    for _ in range(6):
        changed = expr.xreplace({k: sp.sympify(v) for k, v in definitions.items()})
        if changed == expr:
            return expr
        expr = changed
    return expr


def _centered(expr: sp.Basic) -> sp.Basic:
    """Write g as gbar + dg inside sums, and the population mean of g as gbar."""
    quantity = {q: nt.MEAN_OF[q] + d for d, q in nt.DEVIATION_OF.items()}
    return expr.xreplace(quantity)


def _check_law(law: Law, part: Part, cited: str, left: sp.Basic, right: sp.Basic, step: Step, design: str,
               definitions: Mapping[Any, Any]) -> Check:
    """Rewrite the cited equation's left side by its right side in the previous line."""
    law_id, _, name = cited.partition("/")
    other = law if law_id in ("", law.id) else load(law_id)
    if other is not law and other.id not in law.uses:
        return Check(UNDECIDED, {"rule": f"{law_id} is cited but not listed in uses"})
    order = [p.name for p in other.parts]
    if other is law and order.index(name or order[0]) >= order.index(part.name):
        return Check(UNDECIDED, {"rule": f"part {name} is not proved before this one"})
    if design not in other.designs:
        return Check(UNDECIDED, {"rule": f"{other.id} says nothing about {nt.DESIGNS[design]}"})
    equation = other.part(name)
    instance = {sp.sympify(k): sp.sympify(v) for k, v in step.where.items()}
    theirs = {k: nt.resolve(sp.sympify(v), design) for k, v in other.where.items()}
    sides = [nt.resolve(side, design).xreplace(instance) for side in (equation.lhs, equation.rhs)]
    rewritten = settle(left.xreplace({sides[0]: sides[1]}))
    if rewritten == left and sides[0] != sides[1]:
        return Check(UNDECIDED, {"rule": f"the left side of {other.id}/{equation.name} does not occur"})
    merged = {**{k: v.xreplace(instance) for k, v in theirs.items() if k not in instance}, **definitions}
    return equal(moments.expand_sums(unfold(rewritten, merged), nt.B), moments.expand_sums(unfold(right, merged), nt.B))


def settle(expr: sp.Basic) -> sp.Basic:
    """Carry out `At` where its body is a formula in parameters, with no node left that depends on them."""
    def carry(*args: sp.Basic) -> sp.Basic:
        node = nt.At(*args)
        return node if args[0].has(*nt.NODES) else args[0].xreplace(node.settings)

    return expr.replace(nt.At, carry)


def _check_induction(law: Law, left: sp.Basic, right: sp.Basic, step: Step, design: str,
                     definitions: Mapping[Any, Any]) -> Check:
    """Check a closed form F(t) against its start and its recursion.

    `where` holds ``PREV``: the right side of the recursion in the previous value, ``e`` (the start), and
    the cited part's name under the key ``law``; the recursion must be that part's right side.
    """
    start, recursion = sp.sympify(step.where["start"]), sp.sympify(step.where["recursion"])
    cited = law.part(str(step.where["part"]))
    previous_value = sp.sympify(step.where["previous"])
    stated = unfold(nt.resolve(cited.rhs, design).xreplace({previous_value: nt.PREV}), definitions)
    checks = [
        equal(unfold(recursion, definitions), stated),
        equal(right.xreplace({nt.t: sp.Integer(0)}), start),
        equal(unfold(right.xreplace({nt.t: nt.t + 1}), definitions),
              unfold(recursion.xreplace({nt.PREV: right}), definitions)),
    ]
    if not left.has(nt.ChainMean, nt.ChainCov, nt.ChainVarMixed):
        return Check(UNDECIDED, {"rule": "the previous line is not a moment of the chain"})
    return max(checks, key=lambda c: _rank(c.answer))


def _check_limit(law: Law, left: sp.Basic, right: sp.Basic) -> Check:
    """Drop powers base**(k t) of a contraction; |base| < 1 follows from the domain of the law."""
    limits = left.atoms(sp.Limit)
    result = left
    for node in limits:
        body, variable = node.args[0], node.args[1]
        powers = [p for p in body.atoms(sp.Pow) if p.exp.has(variable)]
        for power in powers:
            slope = sp.expand(power.exp).coeff(variable)
            if not (slope.is_Integer and slope > 0 and contracts(law, power.base)):
                return Check(UNDECIDED, {"rule": f"{power.base} is not known to contract"})
        dropped = body.xreplace(dict.fromkeys(powers, sp.S.Zero))
        if dropped.has(variable):
            return Check(UNDECIDED, {"rule": f"{variable} remains"})
        result = result.xreplace({node: dropped})
    return equal(result, right)


def contracts(law: Law, base: sp.Expr) -> bool:
    """Say whether |base| < 1 follows from a constraint of the law.

    Either a constraint says ``base < 1`` of a sum of squares, or the base is a product of factors ``1 - y``
    with a constraint ``y < 2`` of the law on positive y.
    """
    stated = [c.relation for c in law.constraints if isinstance(c.relation, sp.StrictLessThan)]
    if any(r.args[1] == 1 and equal(r.args[0], base).answer == PROVED for r in stated):
        return all(_not_negative(law, term) for term in sp.Add.make_args(base))
    bounds = [c.relation for c in law.constraints if isinstance(c.relation, sp.StrictLessThan)]
    for factor in sp.Mul.make_args(base):
        y = sp.expand(1 - factor)
        if not (y.is_positive and any(b.lhs - b.rhs == y - 2 for b in bounds)):
            return False
    return True


def _not_negative(law: Law, term: sp.Expr) -> bool:
    """Say whether a term is >= 0 on the law's domain: by its factors, or because batches fit the population."""
    if term.is_nonnegative:
        return True
    extra, left_out = sp.symbols("extra left_out", nonnegative=True)
    fits = any(c.relation == sp.Le(nt.B, nt.N) for c in law.constraints)
    inside = term.xreplace({nt.B: 1 + extra, nt.N: 1 + extra + left_out})
    return fits and equality.nonnegative(inside) == PROVED


def _check_root(left: sp.Basic, right: sp.Basic, step: Step) -> Check:
    """Check a zero and the absence of others: body = (value - b) * cofactor, the cofactor of one sign.

    `where` maps each parameter to a chart of its domain: an expression in symbols that range over the
    nonnegative numbers, so that signs can be read off coefficients.
    """
    if not isinstance(left, nt.Root):
        return Check(UNDECIDED, {"rule": "the previous line is not a root"})
    body, variable = left.args
    charts = {k: sp.sympify(v) for k, v in step.where.items()}
    others = {k: v for k, v in charts.items() if k != variable}
    value = right.xreplace(others)
    zero = equal(body.xreplace(others).xreplace({variable: value}), sp.S.Zero)
    cofactor = sp.cancel(sp.together((body / (right - variable)).xreplace(charts)))
    signs = PROVED if PROVED in (equality.nonnegative(cofactor), equality.nonnegative(-cofactor)) else UNDECIDED
    if zero.answer == PROVED and signs != PROVED:
        return Check(UNDECIDED, {**zero.engines, "cofactor": signs})
    return Check(zero.answer, {**zero.engines, "cofactor": signs})
