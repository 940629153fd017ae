"""What a normalization layer puts out: entries of a drawn group, rescaled groups, groups of two, and bounds.

`Drawn(f)`           expectation of f over groups of B entries drawn by the design, in random order; in f, `first` and
                     `second` are the normalized values of two places, `whole` and `squares` the sum of all of them and
                     of their squares.  In a group without spread they are 0
`Flat()`             chance that a drawn group has no spread
`Rescaled(i, a, e)`  normalized value of entry i after all entries have been multiplied by a
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import sympy as sp

from theory import notation as nt
from theory import registry, rules
from theory.equality import PROVED, UNDECIDED, Check, equal
from theory.evaluation import evaluate
from theory.nodes.bound import manifest, slack
from theory.nodes.charts import charts
from theory.nodes.entries import (
    MEMBERS,
    Delta,
    Hat,
    Item,
    Mean,
    OfGroup,
    Slope,
    Total,
    entries,
    entry,
    i,
    j,
    l,
    normalized,
)
from theory.nodes.group import SPREAD, Algebra, Deviation, algebra_of
from theory.registry import Situation
from theory.world import Context, Number, batches

__all__ = ["MEMBERS", "Delta", "Drawn", "Flat", "Hat", "Item", "Mean", "Rescaled", "Slope", "Total", "first", "i", "j",
           "l", "second", "squares", "whole"]

first, second, whole, squares = (nt.RandomSymbol(name, real=True) for name in ("first", "second", "whole", "squares"))
_LATEX = {first: r"\hat x_1", second: r"\hat x_2", whole: r"\sum_i\hat x_i", squares: r"\sum_i\hat x_i^2"}


class Drawn(nt.Node):
    """Expectation over drawn groups."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        named = {letter: sp.Symbol(text) for letter, text in _LATEX.items()}
        return nt._power(rf"\operatorname{{E}}\left[{printer._print(self.args[0].xreplace(named))}\right]", exp)


class Flat(nt.Node):
    """Chance of a group without spread."""

    nargs = 0

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return nt._power(r"\operatorname{P}\left[\hat\sigma=0\right]", exp)


class Rescaled(OfGroup):
    """Normalized value after a change of scale."""

    nargs = 3

    def in_algebra(self, algebra: Algebra) -> sp.Expr:
        """Return the normal form of the definition."""
        at, factor, e = self.args
        mean = Mean(Item(factor * nt.x, l), l)
        variance = Mean((Item(factor * nt.x, l) - mean) ** 2, l)
        return algebra.form((Item(factor * nt.x, at) - mean) / sp.sqrt(variance + e))

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        at, factor, e = (printer._print(a) for a in self.args)
        return nt._power(rf"\hat x_{{{at}}}^{{({e})}}\left({factor}\,x\right)", exp)


# Meaning. --------------------------------------------------------------------------------------------------------

def _groups(world: Context) -> list[tuple[int, Sequence[Number]]]:
    """Return (number of outcomes, normalized values) of every group; 0 where there is no spread."""
    found: list[tuple[int, Sequence[Number]]] = []
    for count, batch in batches(world.size, int(evaluate(nt.B, world)), world.design):
        values = [world.population["x"][k] for k in batch]
        flat = len(set(values)) == 1
        found.append((count, [Fraction(0)] * len(values) if flat else normalized(values, Fraction(0))))
    return found


@registry.means(Drawn)
def _drawn(node: Drawn, world: Context) -> Number:
    body = node.args[0]
    total: Number = Fraction(0)
    outcomes = 0
    for count, values in _groups(world):
        size = len(values)
        sums = {whole: sum(values, Fraction(0)), squares: sum((a * a for a in values), Fraction(0))}
        places = [(p, q) for p in range(size) for q in range(size) if (p != q or size == 1)]
        if not body.has(second):
            places = [(p, p) for p in range(size)]
        if not body.has(first, second):
            places = [(0, 0)]
        inside: Number = Fraction(0)
        for p, q in places:
            known = {**world.values, **sums, first: values[p], second: values[q]}
            inside = inside + evaluate(body, replace(world, values=known))
        total, outcomes = total + count * inside / len(places), outcomes + count
    return total / outcomes


@registry.means(Flat)
def _flat(node: Flat, world: Context) -> Number:
    pool = list(batches(world.size, int(evaluate(nt.B, world)), world.design))
    equal_ones = sum(count for count, batch in pool if len({world.population["x"][k] for k in batch}) == 1)
    return Fraction(equal_ones, sum(count for count, _ in pool))


@registry.means(Rescaled)
def _rescaled(node: Rescaled, world: Context) -> Number:
    at, factor, e = node.args
    by = evaluate(factor, world)
    return normalized([a * by for a in entries(world)], evaluate(e, world))[entry(at, world)]


# Proof. ----------------------------------------------------------------------------------------------------------

def _by_place(body: sp.Basic) -> sp.Expr:
    """Average a polynomial in two places over all pairs of places, which are equally likely in every group."""
    polynomial = sp.Poly(sp.expand(body), first, second)
    total = sp.S.Zero
    for (p, q), factor in polynomial.terms():
        powers = tuple(sorted((p, q)))
        means = {(0, 0): sp.S.One, (0, 1): whole / nt.B, (0, 2): squares / nt.B,
                 (1, 1): (whole**2 - squares) / (nt.B * (nt.B - 1))}
        if powers not in means:
            raise ValueError(f"no sum of the group gives the mean of its places' powers {powers}")
        total += factor * means[powers]
    return total


@registry.rule("exchangeable places", "the places of a drawn group are exchangeable: a place counts as the mean of all,"
               " a pair of places as the mean of all pairs")
def _by_exchange(at: Situation) -> Check:
    def linear(body: sp.Basic) -> sp.Expr:
        sums = sp.Poly(sp.expand(_by_place(body)), whole, squares)
        return sp.Add(*[factor * Drawn(whole**p * squares**q) for (p, q), factor in sums.terms()])

    return equal(*(side.replace(Drawn, linear) for side in (at.left, at.right)))


@registry.rule("normalized sums", "normalized values sum to 0 and their squares to B in every group with a spread; "
               "in others all are 0")
def _by_sums(at: Situation) -> Check:
    algebra = Algebra(nt.B)
    facts = rules.worst(equal(algebra.form(Total(Hat(l, 0), l)), sp.S.Zero),
                        equal(algebra.form(Total(Hat(l, 0) ** 2, l)), nt.B))
    if facts.answer != PROVED:
        return facts

    def told(body: sp.Basic) -> sp.Expr:
        found = sp.Poly(sp.expand(body.xreplace({whole: sp.S.Zero})), squares)
        if found.degree() > 1 or found.free_symbols_in_domain & {first, second}:
            raise ValueError("the line must be linear in the sum of squares")
        return found.coeff_monomial(1) + found.coeff_monomial(squares) * nt.B * (1 - Flat())

    sides = [rules.unfold(side, at.definitions).replace(Drawn, told) for side in (at.left, at.right)]
    return equal(*sides)


def _nonnegative(expr: sp.Basic, domain: dict[sp.Basic, sp.Expr]) -> bool:
    """Say whether an expression is nonnegative by its form, sums over the group included."""
    if isinstance(expr, (Total, Mean)):
        return _nonnegative(expr.args[0], domain)
    if isinstance(expr, Delta):
        return True
    if isinstance(expr, sp.Pow) and expr.exp.is_Integer and expr.exp % 2 == 0:
        return True
    if isinstance(expr, (sp.Mul, sp.Add)) and expr.has(OfGroup):
        return all(_nonnegative(a, domain) for a in expr.args)
    moved = sp.sympify(expr).xreplace(domain)
    return manifest(moved) or manifest(sp.expand(moved))


@registry.rule("output squares", "what is left between the two lines is a sum of squares over the group", bound=True)
def _by_squares(at: Situation) -> Check:
    """Prove a bound; `where` holds the sum of squares, under ``difference``."""
    shown = rules.unfold(sp.sympify(at.step.where.get("difference", -1)), at.definitions)
    left, right = (rules.unfold(side, at.definitions) for side in (at.left, at.right))
    algebra = algebra_of(at.law, nt.B)
    same = equal(*(algebra.closed(algebra.form(line)) for line in (slack(at.part.relation, left, right), shown)))
    return same if _nonnegative(shown, charts(at.law)) else Check(UNDECIDED, {**same.engines, "sign": UNDECIDED})


@registry.rule("two entries", "the deviations of two entries are opposite: d_i d_j is v if i = j, else -v")
def _two(at: Situation) -> Check:
    if at.definitions.get(MEMBERS) != 2 or at.step.where:
        raise ValueError("the group is not one of two entries")
    algebra = algebra_of(at.law, sp.Integer(2))
    definitions = {key: value for key, value in at.definitions.items() if key != MEMBERS}

    def told(side: sp.Basic) -> sp.Expr:
        form = algebra.closed(algebra.form(rules.unfold(side, definitions)))
        opposite = {Deviation(i) ** 2: SPREAD, Deviation(j) ** 2: SPREAD}
        form = sp.expand(form.xreplace(opposite))
        pair = {Deviation(i) * Deviation(j): (2 * Delta(i, j) - 1) * SPREAD}
        return sp.expand(form.subs(pair)).xreplace(opposite)

    return equal(told(at.left), told(at.right))
