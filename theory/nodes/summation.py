"""The moment calculus of epochs: sums over places in a normal form, their expectations, their closed forms."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sympy as sp

from theory import moments, registry, rules
from theory import notation as nt
from theory.equality import UNDECIDED, Check, equal
from theory.nodes.places import OfOrder, OrderMean, Past, Place, Steps, SumOver
from theory.registry import Situation

__all__ = ["by_induction", "over_one", "over_orders", "spread", "tidy"]


def spread(expr: sp.Basic) -> sp.Basic:
    """Write sums over examples as combinations of sums over monomials, and sums over steps without constant factors.

    The first n batches are the batches at places 1 to n.
    """
    if not expr.args or not expr.has(SumOver, Steps):
        return expr
    if isinstance(expr, SumOver):
        def back(monomial: sp.Expr) -> sp.Expr:
            return type(expr)(monomial, expr.args[1])

        one = moments.expand_sums(nt.BatchSum(expr.args[0]), expr.count)
        return one.replace(nt.BatchSum, back)
    if isinstance(expr, Steps):
        body, letter, last = expr.args
        return sp.Add(*[_term(term, letter, last) for term in sp.Add.make_args(sp.expand(spread(body)))])
    return expr.func(*[spread(a) for a in expr.args])


def _term(term: sp.Expr, letter: sp.Symbol, last: sp.Expr) -> sp.Expr:
    """Return a sum of monomials with the factors that do not depend on the place outside."""
    outside, inside = sp.S.One, sp.S.One
    for factor in sp.Mul.make_args(term):
        base, exponent = factor.as_base_exp()
        if not factor.has(letter):
            outside *= factor
        elif not base.has(letter):
            constant, rest = sp.expand(exponent).as_independent(letter, as_Add=True)
            outside, inside = outside * base**constant, inside * base**rest
        else:
            inside *= factor
    if inside == 1:
        return outside * last
    if isinstance(inside, Place) and inside.args[1] == letter:
        return outside * Past(inside.args[0], last)
    return outside * (sp.S.Zero if last == 0 else Steps(inside, letter, last))


def tidy(expr: sp.Basic, definitions: Mapping[Any, Any]) -> sp.Basic:
    """Return a normal form: definitions unfolded, quantities centered, sums spread, expectations linear."""
    centered = rules.unfold(expr, definitions).xreplace({q: nt.MEAN_OF[q] + d for d, q in nt.DEVIATION_OF.items()})
    linear = moments.expand_sums(spread(centered), nt.B).replace(nt.E, moments.linear_expectation)
    linear = linear.xreplace({e: sp.S.Zero for e in linear.atoms(nt.E) if _unbiased(e)})
    for mean in linear.atoms(OrderMean):
        linear = linear.xreplace({mean: _linear(mean)})
    return rules.unfold(linear, definitions)


def _unbiased(node: nt.E) -> bool:
    """Say whether an expectation is that of one batch sum of a deviation, which is zero."""
    body = node.args[0]
    return isinstance(body, (nt.BatchSum, nt.OtherSum)) and isinstance(body.args[0], nt.Deviation)


def _linear(mean: OrderMean) -> sp.Expr:
    """Take what does not depend on the order out of an expectation over orders, term by term."""
    total = sp.S.Zero
    for term in sp.Add.make_args(sp.expand(mean.args[0])):
        inside, outside = sp.S.One, sp.S.One
        for factor in sp.Mul.make_args(term):
            if factor.has(OfOrder):
                inside *= factor
            else:
                outside *= factor
        total += outside * (sp.S.One if inside == 1 else mean.func(inside, *mean.args[1:]))
    return total


def _in_place(monomial: sp.Expr, letter: sp.Basic) -> tuple[sp.Expr, sp.Expr | None, sp.Expr | None]:
    """Split w(j) Place(f, j) Past(h, j - 1) into w, f and h."""
    weight, here, before = sp.S.One, None, None
    for factor in sp.Mul.make_args(monomial):
        if isinstance(factor, Place) and factor.args[1] == letter and here is None:
            here = factor.args[0]
        elif isinstance(factor, Past) and factor.args[1] == letter - 1 and before is None:
            before = factor.args[0]
        elif factor.has(SumOver):
            raise ValueError(f"{factor} is beyond the moments of two places")
        else:
            weight *= factor
    return weight, here, before


def over_one(factor: sp.Expr, pair: Callable[[sp.Expr, sp.Expr], sp.Expr]) -> sp.Expr:
    """Return the expectation of one sum over places.

    Parameters
    ----------
    factor
        A sum over a place, over first batches, or a `Steps` sum of w(j) Place(f, j) Past(h, j - 1).
    pair
        Gives the expectation of a sum of f over a place times a sum of h over an earlier one.

    Raises
    ------
    ValueError
        If the factor is no such sum.
    """
    if isinstance(factor, (Place, Past)):
        return _mean(factor.args[0], factor.count)
    if not isinstance(factor, Steps):
        raise ValueError(f"{factor} is no sum over the places of an epoch")
    body, letter, last = factor.args
    weight, here, before = _in_place(body, letter)
    if before is None and here is not None:
        return Steps(weight, letter, last) * _mean(here, nt.B)
    weight *= letter - 1
    if before is None:
        raise ValueError(f"{factor} has no batch at its place")
    found = _mean(before, nt.B) if here is None else pair(here, before)
    return Steps(weight, letter, last) * found


def _mean(f: sp.Expr, size: sp.Expr) -> sp.Expr:
    """Return the expected sum over one batch; a deviation's is zero."""
    return sp.S.Zero if isinstance(f, nt.Deviation) else nt.E(nt.BatchSum(f), size)


def over_orders(body: sp.Expr) -> sp.Expr:
    """Return the expectation of a body over the orders of an epoch, in expectations over one or two batches.

    Any place holds a uniformly random batch, any two places two disjoint ones; the first t batches are one of t B.

    Raises
    ------
    ValueError
        If the body is not polynomial in sums over places, or of a degree beyond two places.
    """
    total = sp.S.Zero
    for term in sp.Add.make_args(sp.expand(body)):
        constant, sums = sp.S.One, []
        for factor in moments._factors(term):
            if factor.has(SumOver):
                sums.append(factor)
            else:
                constant *= factor
        total += constant * _moment(sums)
    return total


def _disjoint(f: sp.Expr, h: sp.Expr) -> sp.Expr:
    return nt.E(nt.BatchSum(f) * nt.OtherSum(h), nt.B)


def _moment(sums: Sequence[sp.Expr]) -> sp.Expr:
    if not sums:
        return sp.S.One
    if len(sums) == 1:
        return over_one(sums[0], _disjoint)
    if all(isinstance(s, Past) for s in sums) and len({s.args[1] for s in sums}) == 1:
        return nt.E(sp.Mul(*[nt.BatchSum(s.args[0]) for s in sums]), sums[0].args[1] * nt.B)
    if len(sums) > 2 or not all(isinstance(s, Steps) for s in sums) or sums[0].args[1:] != sums[1].args[1:]:
        raise ValueError("beyond the moments of two places")
    letter, last = sums[0].args[1:]
    (w1, f, before), (w2, h, earlier) = (_in_place(s.args[0], letter) for s in sums)
    if f is None or h is None or before is not None or earlier is not None:
        raise ValueError("beyond the moments of two places")
    same = Steps(w1 * w2, letter, last)
    apart = Steps(w1, letter, last) * Steps(w2, letter, last) - same
    return same * nt.E(nt.BatchSum(f) * nt.BatchSum(h), nt.B) + apart * _disjoint(f, h)


@registry.rule("places", "any place of an epoch holds a random batch, any two places two disjoint ones")
def _places(at: Situation) -> Check:
    """Prove an expectation over orders by expectations over one batch or two."""
    if not at.left.has(OrderMean):
        return Check(UNDECIDED, {"rule": "no expectation over the orders of an epoch"})
    if at.step.where:
        return Check(UNDECIDED, {"rule": "places takes no substitutions"})
    left = tidy(at.left, at.definitions).replace(OrderMean, over_orders)
    return equal(tidy(left, at.definitions), tidy(at.right, at.definitions))


@registry.rule("finite sum", "a sum's closed form, by induction on the number of its terms")
def _finite_sum(at: Situation) -> Check:
    """Prove closed forms that `where` gives for sums over steps, and put them in."""
    if not at.step.where or not all(isinstance(k, Steps) for k in at.step.where):
        return Check(UNDECIDED, {"rule": "finite sum needs the closed form of each sum"})
    answers, closed = [], {}
    for node, value in at.step.where.items():
        one = spread(node)
        found = one.atoms(Steps)
        if len(found) != 1:
            return Check(UNDECIDED, {"rule": f"{node} is more than one sum"})
        (inner,) = found
        body, letter, last = inner.args
        if not last.is_Symbol or body.has(last, *nt.NODES):
            return Check(UNDECIDED, {"rule": f"{inner} is no sum of numbers up to a letter"})
        apart = one.xreplace({inner: sp.S.Zero})
        claim = (sp.sympify(value) - apart) / (one.xreplace({inner: sp.S.One}) - apart)
        answers += [equal(claim.xreplace({last: sp.S.Zero}), sp.S.Zero),
                    equal(claim - claim.xreplace({last: last - 1}), body.xreplace({letter: last}))]
        closed[inner] = claim
    left, right = spread(at.left), spread(at.right)
    if not all(left.has(inner) for inner in closed):
        return Check(UNDECIDED, {"rule": "the sum does not occur"})
    definitions = at.definitions
    same = equal(rules.unfold(left.xreplace(closed), definitions), rules.unfold(right.xreplace(closed), definitions))
    return rules.worst(same, *answers)


def _peeled(expr: sp.Basic, n: sp.Symbol) -> sp.Basic:
    """Write sums up to n + 1 as sums up to n and a last term."""
    def cut(body: sp.Expr, letter: sp.Symbol, last: sp.Expr) -> sp.Expr:
        whole = Steps(body, letter, last)
        return Steps(body, letter, n) + body.xreplace({letter: last}) if last == n + 1 else whole

    def cut_past(f: sp.Expr, last: sp.Expr) -> sp.Expr:
        return Past(f, n) + Place(f, last) if last == n + 1 else Past(f, last)

    return expr.replace(Steps, cut).replace(Past, cut_past)


def by_induction(closed: sp.Expr, n: sp.Symbol, start: sp.Expr, moved: sp.Expr, definitions: Mapping[Any, Any],
                 order: int | None = None) -> Check:
    """Check that a closed form in n is `start` at 0 and `moved` at n + 1, to an order in the step size if given."""
    def through(expr: sp.Basic) -> sp.Basic:
        if order is None:
            return expr
        whole = sp.Poly(sp.expand(expr), nt.eta)
        return sp.Add(*[c * nt.eta**k for (k,), c in whole.terms() if k <= order])

    begin = spread(closed.xreplace({n: sp.S.Zero})).replace(Past, lambda f, t: sp.S.Zero if t == 0 else Past(f, t))
    after = _peeled(spread(closed.xreplace({n: n + 1})), n)
    checks = [equal(through(tidy(a, definitions)), through(tidy(b, definitions)))
              for a, b in ((begin, start), (after, moved))]
    return rules.worst(*checks)

