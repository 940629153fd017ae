"""Index algebra of one normalization group, for every size: what its deviations sum to, and how they move.

Lines over the nodes of `theory.nodes.entries` have a normal form in the deviations d_i = x_i - m.  It rests on
three facts: the mean of d is zero, the mean of d^2 is v (in normalized values: they sum to zero, their squares to
B v / (v + e)), and x_j moves x_i by `Delta(i, j)`.  Everything else, the derivatives of m and v among them, follows
by the rules of sums and the chain rule.
"""

from __future__ import annotations

from collections.abc import Callable

import sympy as sp

from theory import notation as nt
from theory import registry, rules
from theory.equality import UNDECIDED, Check, equal
from theory.law import Law
from theory.nodes.bound import manifest
from theory.nodes.charts import charts
from theory.nodes.entries import (
    MEMBERS,
    Back,
    Delta,
    Hat,
    Index,
    Item,
    Mean,
    OfGroup,
    Sd,
    Slope,
    Total,
    Upstream,
    gamma,
    i,
    j,
    l,
)
from theory.nodes.series import Taylor
from theory.registry import Situation

__all__ = [
    "MEMBERS",
    "Algebra",
    "Back",
    "Delta",
    "Hat",
    "Index",
    "Item",
    "Mean",
    "OfGroup",
    "Sd",
    "Slope",
    "Total",
    "Upstream",
    "algebra_of",
    "charts",
    "forms",
    "gamma",
    "i",
    "in_roots",
    "j",
    "l",
]

SPREAD = sp.Symbol("v_group", positive=True)
"""The biased variance of the group, in normal forms."""


class Deviation(sp.Function):
    """x_i - m, in normal forms."""

    nargs = 1


class Radical(sp.Function):
    """The nonnegative root of its argument, in normal forms."""

    nargs = 1


class Reciprocal(sp.Function):
    """One over its argument, a sum, in normal forms: it is not multiplied out."""

    nargs = 1


class Average(sp.Function):
    """A mean over the group that the three facts do not give; its bound index is a slot numbered by depth."""

    nargs = 1


def _slot(depth: int) -> Index:
    return Index(f"slot{depth}", integer=True, positive=True)


def _depth(expr: sp.Basic) -> int:
    inner = [_depth(a.args[0]) + 1 for a in expr.atoms(Average)]
    return max(inner, default=0)


class Algebra:
    """Normal forms in a group of a size.

    Parameters
    ----------
    size
        Number of entries of the group.
    nonnegative
        Says whether an expression is known to be >= 0: roots of products of such split.
    """

    def __init__(self, size: sp.Expr, nonnegative: Callable[[sp.Expr], bool] = manifest) -> None:
        self.size, self.nonnegative = size, nonnegative
        self._known: dict[sp.Basic, sp.Expr] = {}

    def form(self, expr: sp.Basic) -> sp.Expr:
        """Return the normal form.

        Raises
        ------
        ValueError
            If a line is none of this algebra.
        """
        if expr not in self._known:
            self._known[expr] = self._form(expr)
        return self._known[expr]

    def _form(self, expr: sp.Basic) -> sp.Expr:
        if isinstance(expr, sp.Rational):
            return expr
        if isinstance(expr, sp.Symbol):
            return self._symbol(expr)
        if isinstance(expr, (sp.Add, sp.Mul)):
            return self.reduced(expr.func(*[self.form(a) for a in expr.args]))
        if isinstance(expr, sp.Pow):
            return self.reduced(self._power(self.form(expr.base), expr.exp))
        if isinstance(expr, sp.Abs):
            inside = self.form(expr.args[0])
            if not self.nonnegative(inside.replace(Radical, lambda _: sp.Dummy(nonnegative=True))):
                raise ValueError(f"the sign of {expr.args[0]} is not known")
            return inside
        if isinstance(expr, nt.BatchSum):
            return self.size * self.average(self.form(Item(expr.args[0], _slot(99))), _slot(99))
        if isinstance(expr, OfGroup):
            return self._node(expr)
        if isinstance(expr, (nt.PopMean, nt.E)):
            return expr  # the same for every batch
        raise ValueError(f"{type(expr).__name__} is no node of a group")

    @staticmethod
    def closed(form: sp.Expr) -> sp.Expr:
        """Return a normal form in which inverses are quotients again."""
        return form.replace(Reciprocal, lambda expr: 1 / expr)

    def _symbol(self, symbol: sp.Symbol) -> sp.Expr:
        if isinstance(symbol, (nt.PerExample, Index)):
            raise ValueError(f"{symbol} stands alone: name an entry, or sum over the group")
        known = {nt.s: Radical(SPREAD), nt.r: self.root(SPREAD + nt.eps)}
        return known.get(symbol, symbol)

    def _power(self, base: sp.Expr, exponent: sp.Expr) -> sp.Expr:
        if exponent.is_Integer:
            return base**exponent
        if (2 * exponent).is_Integer:
            return self.root(base) ** (2 * exponent)
        raise ValueError(f"a power {exponent} has no normal form here")

    def _node(self, node: sp.Basic) -> sp.Expr:
        own = getattr(node, "in_algebra", None)
        if own is not None:  # a node of another module, which knows its normal form
            return self.reduced(own(self))
        if isinstance(node, Sd):
            return self.root(SPREAD + self.form(node.args[0]))
        first, second = node.args
        if isinstance(node, Delta):
            return self._delta(_index(first), _index(second))
        if isinstance(node, Item):
            return self._item(first, _index(second))
        if isinstance(node, Hat):
            return self.reduced(Deviation(_index(first)) / self.form(Sd(second)))
        if isinstance(node, Upstream):
            return Upstream(_index(first), self.form(second))
        if isinstance(node, (Total, Mean)):
            mean = self.average(self.form(first), _index(second))
            return self.reduced(self.size * mean) if isinstance(node, Total) else mean
        if isinstance(node, Slope):
            return self.slope(self.form(first), _index(second))
        slot = _slot(99)
        chain = gamma * Upstream(slot, self.form(second)) * self.slope(self.form(Hat(slot, second)), _index(first))
        return self.reduced(self.size * self.average(self.reduced(chain), slot))

    def _item(self, body: sp.Expr, at: Index) -> sp.Expr:
        if any(isinstance(s, nt.Deviation) for s in body.free_symbols):
            raise ValueError("deviations from the population's mean are none from the group's")
        named = {s: nt.m + Deviation(at) if s == nt.x else Item(s, at)
                 for s in body.free_symbols if isinstance(s, nt.PerExample)}
        letters = {s: sp.Dummy() for s in named}
        inside = self.form(body.xreplace(letters))
        return self.reduced(inside.xreplace({letters[s]: value for s, value in named.items()}))

    @staticmethod
    def _delta(one: Index, other: Index) -> sp.Expr:
        return sp.S.One if one == other else Delta(*sorted((one, other), key=str))

    def root(self, radicand: sp.Expr) -> sp.Expr:
        """Return the root of an expression as a product of roots of its factors, as far as their signs are known."""
        outside, together = sp.S.One, sp.S.One
        for side, sign in zip(sp.fraction(sp.cancel(sp.together(self.closed(radicand)))), (1, -1), strict=True):
            constant, factors = sp.factor_list(side)
            primes = sp.factorrat(sp.Rational(constant)) if constant != 0 else {sp.S.Zero: 1}
            for factor, count in [*[(sp.Integer(k), e) for k, e in primes.items()], *factors]:
                if not self.nonnegative(factor) and self.nonnegative(-factor):
                    factor, together = -factor, together * (-1) ** count
                if not self.nonnegative(factor):
                    together *= factor ** (sign * count)
                else:
                    outside *= factor ** (sign * (count // 2)) * Radical(factor) ** (sign * (count % 2))
        if together == 1:
            return self.reduced(outside)
        return self.reduced(outside * Radical(sp.factor(together)))

    def reduced(self, expr: sp.Expr) -> sp.Expr:
        """Multiply out, with roots to the power 0 or 1 and products of deltas and entries in one form."""
        for _ in range(6):
            found = sp.Add(*[self._term(term) for term in sp.Add.make_args(sp.expand(_kept(expr)))])
            if found == expr:
                return found
            expr = found
        return expr

    def _term(self, term: sp.Expr) -> sp.Expr:
        deltas = sorted(term.atoms(Delta), key=str)
        for delta in deltas:
            one, other = delta.args
            rest = sp.Mul(*[f for f in sp.Mul.make_args(term) if not (
                f == delta or (isinstance(f, sp.Pow) and f.base == delta and f.exp.is_positive))])
            if rest != term and rest.has(other):
                moved = rest.xreplace({other: one}).replace(Delta, self._delta)
                return self._term(moved * delta)
        product = sp.S.One
        for factor in sp.Mul.make_args(term):
            base, exponent = factor.as_base_exp()
            if isinstance(base, Radical) and exponent.is_Integer:
                product *= base.args[0] ** (exponent // 2) * base ** (exponent % 2)
            elif isinstance(base, Delta) and exponent.is_Integer and exponent > 0:
                product *= base
            else:
                product *= factor
        return product

    def average(self, body: sp.Expr, letter: Index) -> sp.Expr:
        """Return the mean of a normal form over the entries that an index may name."""
        total = sp.S.Zero
        for term in sp.Add.make_args(self.reduced(body)):
            outside, inside = term.as_independent(letter, as_Add=False)
            total += outside * self._mean_of(inside, letter)
        return self.reduced(total)

    def _mean_of(self, inside: sp.Expr, letter: Index) -> sp.Expr:
        if inside == 1:
            return sp.S.One
        deltas = [f for f in sp.Mul.make_args(inside) if isinstance(f, Delta)]
        if deltas:
            (other,) = set(deltas[0].args) - {letter}
            picked = (inside / deltas[0]).xreplace({letter: other}).replace(Delta, self._delta)
            return picked / self.size
        if inside == Deviation(letter):
            return sp.S.Zero
        if inside == Deviation(letter) ** 2:
            return SPREAD
        return Average(inside.xreplace({letter: _slot(_depth(inside))}))

    def slope(self, form: sp.Expr, at: Index) -> sp.Expr:
        """Return the derivative of a normal form by x at an entry."""
        if form.has(Upstream):
            raise ValueError("second derivatives of the loss have no normal form here")
        moving = {nt.m, SPREAD} & form.free_symbols
        moving |= {a for a in _outermost(form) if isinstance(a, (Deviation, Radical, Reciprocal, Average))}
        letters = {a: sp.Dummy() for a in moving}
        plain = form.xreplace(letters)
        total = sp.S.Zero
        for atom, letter in letters.items():
            partial = sp.diff(plain, letter)
            if partial != 0:
                total += partial.xreplace({v: k for k, v in letters.items()}) * self._slope_of(atom, at)
        return self.reduced(total)

    def _slope_of(self, atom: sp.Expr, at: Index) -> sp.Expr:
        slot = _slot(98)
        if atom == nt.m:
            return self.average(self._delta(*sorted((slot, at), key=str)), slot)
        if atom == SPREAD:
            return self.average(self.reduced(2 * Deviation(slot) * self._slope_of(Deviation(slot), at)), slot)
        if isinstance(atom, Deviation):
            return self._delta(atom.args[0], at) - self._slope_of(nt.m, at)
        if isinstance(atom, Radical):
            return self.reduced(self.slope(atom.args[0], at) / (2 * atom))
        if isinstance(atom, Reciprocal):
            return self.reduced(-(atom**2) * self.slope(atom.args[0], at))
        free = _slot(97 - _depth(atom))
        bound = _slot(_depth(atom.args[0]))
        return self.average(self.slope(atom.args[0].xreplace({bound: free}), at), free)


def _kept(expr: sp.Expr) -> sp.Expr:
    """Write negative powers of sums as powers of inverses."""
    powers = [p for p in expr.atoms(sp.Pow) if isinstance(p.base, sp.Add) and p.exp.is_Integer and p.exp < 0]
    return expr.xreplace({p: Reciprocal(p.base) ** (-p.exp) for p in powers})


def _index(letter: sp.Basic) -> Index:
    if not isinstance(letter, Index):
        raise ValueError(f"{letter} is no index")
    return letter


def _outermost(expr: sp.Basic) -> set[sp.Basic]:
    """Return the function applications of an expression that stand in no other."""
    if isinstance(expr, sp.Function):
        return {expr}
    return set().union(*[_outermost(a) for a in expr.args])


def algebra_of(law: Law, size: sp.Expr) -> Algebra:
    """Return the algebra of a group, with the signs that a law's domain gives."""
    known = charts(law)
    return Algebra(size, lambda e: manifest(sp.expand(e.xreplace(known))))


def forms(at: Situation) -> tuple[sp.Expr, sp.Expr]:
    """Return the normal forms of both lines of a step.

    Raises
    ------
    ValueError
        If a line has none.
    """
    if at.step.where:
        raise ValueError("this rule takes no substitutions")
    algebra = algebra_of(at.law, sp.sympify(at.definitions.get(MEMBERS, nt.B)))
    definitions = {key: value for key, value in at.definitions.items() if key != MEMBERS}
    left, right = (algebra.form(rules.unfold(e, definitions)) for e in (at.left, at.right))
    return algebra.closed(left), algebra.closed(right)


@registry.rule("group", "deviations from the group's mean sum to zero and their squares to B v; derivatives run "
                        "through mean and variance by the chain rule")
def check(at: Situation) -> Check:
    """Prove an equality of normal forms."""
    try:
        return equal(*forms(at))
    except RecursionError:
        return Check(UNDECIDED, {"rule": "the normal form does not end"})


def in_roots(at: Situation, *lines: sp.Basic) -> list[sp.Expr]:
    """Return normal forms of lines in which a law's letters stay what they are, with the signs of its domain."""
    algebra = algebra_of(at.law, nt.B)
    return [algebra.closed(algebra.form(line)) for line in lines]


@registry.rule("roots", "roots of products split into roots of factors that are not negative")
def check_roots(at: Situation) -> Check:
    """Prove an equality of expressions with square roots, within a Taylor polynomial where both lines are such."""
    if at.step.where:
        return Check(UNDECIDED, {"rule": "this rule takes no substitutions"})
    left, right = at.left, at.right
    if isinstance(left, Taylor) and isinstance(right, Taylor) and left.args[1:] == right.args[1:]:
        left, right = left.args[0], right.args[0]
    return equal(*in_roots(at, left, right))
