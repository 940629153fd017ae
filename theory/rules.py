"""Rules that need more than a normal form: citing a law, induction, limits, roots, and the truth of definitions.

Nothing a step supplies is believed.  A cited law's instance must rename consistently; an induction's one-step
map and start are those of the chain; a root's charts must cover the domain; what a step calls a definition must
hold by brute force wherever the notation already fixes the meaning of its left side.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import sympy as sp

from theory import equality, moments, oracle
from theory import notation as nt
from theory.domain import Integers, Reals
from theory.equality import PROVED, REFUTED, UNDECIDED, Check, equal
from theory.evaluation import evaluate
from theory.law import Law, Part, Step
from theory.laws import load
from theory.world import batches

__all__ = ["cite", "false_definition", "induce", "limit", "one_step", "root", "uncovered", "unfold", "worst"]

Definitions = Mapping[Any, Any]


def unfold(expr: sp.Basic, definitions: Definitions) -> sp.Basic:
    """Replace defined symbols and nodes by what defines them until nothing changes."""
    for _ in range(8):
        changed = expr.xreplace({k: sp.sympify(v) for k, v in definitions.items()})
        if changed == expr:
            return expr
        expr = changed
    return expr


def worst(*checks: Check) -> Check:
    """Return the least favorable of several checks."""
    return max(checks, key=lambda c: (PROVED, UNDECIDED, REFUTED).index(c.answer))


def _undecided(why: str) -> Check:
    return Check(UNDECIDED, {"rule": why})


def _fixed(key: Any) -> bool:
    """Say whether the notation itself gives a symbol or node its meaning."""
    symbols = {*nt.MEAN_OF.values(), *nt.ROOT_OF, *nt.BATCH_STATISTICS}
    return isinstance(key, (sp.Function, nt.PerExample)) or key in symbols


def false_definition(law: Law, part: Part, step: Step, design: str) -> Check | None:
    """Return what is wrong with the definitions a step rests on, or None.

    Letters are defined by the law, once.  A step may only state what nodes, per-example quantities or symbols
    of fixed meaning are equal to, and that must be so in every world tried, for every batch and example.
    """
    letters = [k for k in step.where if not _fixed(k)]
    if letters:
        return _undecided(f"{letters[0]} is a letter: define it in the law's `where`, not in a step")
    models = law.model if law.population else {}
    claims = {k: v for k, v in {**law.where, **models, **step.where}.items() if _fixed(k)}
    if not claims:
        return None
    worlds = [w for w in oracle.cases(law, part, seed=3, limit=6) if w.design == design][:3]
    for key, value in claims.items():
        meaning, claimed = sp.sympify(key), nt.resolve(sp.sympify(value), design)
        for world in worlds:
            size = int(evaluate(nt.B, world)) if nt.B in world.values else 1
            for _, batch in batches(world.size, size, design):
                for example in range(world.size):
                    here = replace(world, batch=batch, example=example)
                    bare = replace(here, where={}, facts={})
                    try:
                        same = evaluate(meaning, bare) == evaluate(claimed, here)
                    except (KeyError, ZeroDivisionError):
                        continue
                    if not same:
                        return Check(REFUTED, {"definition": f"{meaning} is not {claimed}"})
                    if not isinstance(meaning, nt.PerExample):
                        break
    return None


def _instance(where: Definitions) -> dict[sp.Basic, sp.Basic]:
    """Complete a renaming: the mean and the deviation of a quantity go where the quantity goes."""
    found = {sp.sympify(k): sp.sympify(v) for k, v in where.items()}
    deviation = {q: d for d, q in nt.DEVIATION_OF.items()}
    for quantity, renamed in list(found.items()):
        if quantity in deviation and renamed in deviation:
            found.setdefault(deviation[quantity], deviation[renamed])
            found.setdefault(nt.MEAN_OF[quantity], nt.MEAN_OF[renamed])
    return found


def _inconsistent(instance: Definitions, theirs: Definitions, definitions: Definitions) -> str:
    """Return why a renaming is not an instance of the cited law, or an empty text."""
    deviation = {q: d for d, q in nt.DEVIATION_OF.items()}
    quantity_of = {mean: q for q, mean in nt.MEAN_OF.items()}
    for key, value in instance.items():
        if key == nt.N:
            return "the population is what it is: N cannot be renamed"
        if key in deviation:
            good = value in deviation
        elif key in nt.DEVIATION_OF:
            quantity = nt.DEVIATION_OF[key]
            good = value == deviation[instance.get(quantity, quantity)]
        elif key in quantity_of:
            quantity = quantity_of[key]
            good = value == nt.MEAN_OF[instance.get(quantity, quantity)]
        elif key in theirs:
            meaning = theirs[key].xreplace(dict(instance))
            good = equal(unfold(value, definitions), unfold(meaning, definitions)).answer == PROVED
        else:
            good = isinstance(key, sp.Symbol)  # a free parameter
        if not good:
            return f"{key} cannot be {value} in this instance"
    return ""


def cite(law: Law, part: Part, cited: str, left: sp.Basic, right: sp.Basic, step: Step, design: str,
         definitions: Definitions) -> Check:
    """Rewrite the cited equation's left side by its right side in the previous line."""
    law_id, _, name = cited.partition("/")
    other = law if law_id in ("", law.id) else load(law_id)
    if other is not law and other.id not in law.uses:
        return _undecided(f"{law_id} is cited but not listed in uses")
    order = [p.name for p in other.parts]
    if other is law and order.index(name or order[0]) >= order.index(part.name):
        return _undecided(f"part {name} is not proved before this one")
    if design not in other.designs:
        return _undecided(f"{other.id} says nothing about {nt.DESIGNS[design]}")
    equation, instance = other.part(name), _instance(step.where)
    if equation.relation != "=":
        return _undecided(f"{other.id}/{equation.name} is a bound; the rule `bound` of `theory.bounds` may use it")
    theirs = {k: nt.resolve(sp.sympify(v), design) for k, v in other.where.items()}
    wrong = _inconsistent(instance, theirs, {**theirs, **definitions})
    if wrong:
        return _undecided(wrong)
    sides = [nt.resolve(side, design).xreplace(instance) for side in (equation.lhs, equation.rhs)]
    rewritten = settle(left.xreplace({sides[0]: sides[1]}), {**theirs, **definitions})
    if rewritten == left and sides[0] != sides[1]:
        return _undecided(f"the left side of {other.id}/{equation.name} does not occur")
    renamed = {k: v.xreplace(instance) for k, v in theirs.items() if k not in instance}
    merged = {**renamed, **definitions}
    for key in renamed.keys() & definitions.keys():
        mine = unfold(definitions[key], merged)
        if equal(unfold(renamed[key], merged), mine).answer != PROVED:
            return _undecided(f"{key} means something else in {other.id}")
    return equal(moments.expand_sums(unfold(rewritten, merged), nt.B), moments.expand_sums(unfold(right, merged), nt.B))


def settle(expr: sp.Basic, definitions: Definitions) -> sp.Basic:
    """Carry out `At` where its body is a formula in parameters, nothing in it depending on them in disguise."""
    def carry(*args: sp.Basic) -> sp.Basic:
        node = nt.At(*args)
        body = unfold(args[0], definitions)
        hidden = [n for n in body.atoms(*nt.NODES) if n.free_symbols & node.settings.keys()]
        return node if args[0].has(*nt.NODES) or hidden else args[0].xreplace(node.settings)

    return expr.replace(nt.At, carry)


def one_step(node: sp.Basic) -> tuple[sp.Basic, sp.Basic, sp.Basic] | None:
    """Return (one-step map as an expectation, previous value, start) of a moment of an SGD chain.

    This is the definition of SGD on a quadratic: error <- (1 - eta h) error - eta (batch noise), from
    `delta0`, hence a covariance from 0.
    """
    def moved(error: sp.Symbol, curvature: sp.Expr, noise: sp.Symbol) -> sp.Expr:
        return (1 - nt.eta * curvature) * error - nt.eta * nt.BatchSum(noise) / nt.B

    if node == nt.ChainMean(nt.t):
        return nt.E(moved(nt.e, nt.h, nt.dg), nt.B), nt.E(nt.e, nt.B), nt.delta0
    if isinstance(node, nt.ChainCov) and node.args[:2] == (1, 1):
        return nt.E(moved(nt.e, nt.h, nt.dg) ** 2, nt.B), nt.E(nt.e**2, nt.B), sp.S.Zero
    if isinstance(node, nt.ChainCov) and node.args[:2] == (2, 3):
        both = moved(nt.e1, nt.h1, nt.du) * moved(nt.e2, nt.h2, nt.dv)
        return nt.E(both, nt.B), nt.E(nt.e1 * nt.e2, nt.B), sp.S.Zero
    if isinstance(node, nt.ChainVarMixed):
        mixed = moved(nt.ec, nt.BatchSum(nt.u) / nt.B, nt.dg)
        return nt.E(mixed**2, nt.B), nt.E(nt.ec**2, nt.B), sp.S.Zero
    return None


def induce(law: Law, part: Part, left: sp.Basic, right: sp.Basic, step: Step, design: str,
           definitions: Definitions) -> Check:
    """Check a closed form F(t): F(0) is the chain's start and F(t+1) its one-step map of F(t).

    `where` names the part of the law that proves the one-step map, under the key ``part``.
    """
    chain = one_step(left)
    if chain is None or left.args[-1] != nt.t:
        return _undecided("the previous line is not a moment of a chain after t steps")
    mapped, previous, start = chain
    names = [p.name for p in law.parts]
    name = str(step.where.get("part", ""))
    if name not in names or names.index(name) >= names.index(part.name):
        return _undecided(f"{name or 'no part'} does not prove the one-step map before this part")
    cited = law.part(name)
    if cited.lhs != mapped:
        return _undecided(f"part {name} is not the one-step map of this chain")
    recursion = nt.resolve(cited.rhs, design).xreplace({previous: right})
    return worst(
        equal(right.xreplace({nt.t: sp.Integer(0)}), start),
        equal(unfold(right.xreplace({nt.t: nt.t + 1}), definitions), unfold(recursion, definitions)),
    )


def limit(law: Law, left: sp.Basic, right: sp.Basic) -> Check:
    """Drop powers base**(k t) of a contraction; |base| < 1 follows from the domain of the law."""
    result = left
    for node in left.atoms(sp.Limit):
        body, variable = node.args[0], node.args[1]
        powers = [p for p in body.atoms(sp.Pow) if p.exp.has(variable)]
        for power in powers:
            slope = sp.expand(power.exp).coeff(variable)
            if not (slope.is_Integer and slope > 0 and contracts(law, power.base)):
                return _undecided(f"{power.base} is not known to contract")
        dropped = body.xreplace(dict.fromkeys(powers, sp.S.Zero))
        if dropped.has(variable):
            return _undecided(f"{variable} remains")
        result = result.xreplace({node: dropped})
    return equal(result, right)


def contracts(law: Law, base: sp.Expr) -> bool:
    """Say whether |base| < 1 follows from a constraint of the law.

    Either a constraint says ``base < 1`` of a sum of squares, or the base is a product of factors ``1 - y``
    with a constraint ``y < 2`` of the law, under every design, on positive y.
    """
    strict = [c for c in law.constraints if isinstance(c.relation, sp.StrictLessThan)]
    if any(c.relation.args[1] == 1 and equal(c.relation.args[0], base).answer == PROVED for c in strict):
        return all(_not_negative(law, term) for term in sp.Add.make_args(base))
    bounds = [c.relation for c in strict if c.design is None]
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


FAR = sp.Integer(10) ** 12


def uncovered(law: Law, charts: Definitions) -> str:
    """Return which chart does not reach the ends of its parameter's domain, or an empty text."""
    domains = {nt.B: Integers(1), nt.N: Integers(1)} | {p.symbol: p.domain for p in law.params}
    for symbol, chart in charts.items():
        if not all(s.is_nonnegative and s not in domains for s in chart.free_symbols):
            return f"the chart of {symbol} must be in fresh nonnegative symbols"
        domain = domains.get(symbol, Reals(0) if symbol.is_nonnegative else Reals())
        if not isinstance(domain, (Integers, Reals)):
            return f"{symbol} has no numeric domain"
        near, far = (chart.xreplace(dict.fromkeys(chart.free_symbols, end)) for end in (sp.S.Zero, FAR))
        if not (near.is_finite and far.is_finite):
            return f"the chart {chart} of {symbol} has no finite ends"
        low, high = sp.sympify(domain.low), sp.oo if domain.high is None else sp.sympify(domain.high)
        if near > low or (far < FAR / 10 if high == sp.oo else far < high - sp.Rational(1, 10**6)):
            return f"the chart {chart} of {symbol} does not cover {domain.text()}"
    return ""


def root(law: Law, left: sp.Basic, right: sp.Basic, step: Step) -> Check:
    """Check a zero and the absence of others: body = (value - b) * cofactor, the cofactor of one sign.

    `where` maps parameters to charts of their domains: expressions in symbols that range over the nonnegative
    numbers, so that signs can be read off coefficients.
    """
    if not isinstance(left, nt.Root):
        return _undecided("the previous line is not a root")
    body, variable = left.args
    charts = {k: sp.sympify(v) for k, v in step.where.items()}
    gap = uncovered(law, charts)
    if gap:
        return _undecided(gap)
    others = {k: v for k, v in charts.items() if k != variable}
    value = right.xreplace(others)
    zero = equal(body.xreplace(others).xreplace({variable: value}), sp.S.Zero)
    cofactor = sp.cancel(sp.together((body / (right - variable)).xreplace(charts)))
    signs = PROVED if PROVED in (equality.nonnegative(cofactor), equality.nonnegative(-cofactor)) else UNDECIDED
    if zero.answer == PROVED and signs != PROVED:
        return Check(UNDECIDED, {**zero.engines, "cofactor": signs})
    return Check(zero.answer, {**zero.engines, "cofactor": signs})
