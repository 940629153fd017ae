"""Rules for logarithms: what multiplies along a path of SGD adds in its logarithm."""

from __future__ import annotations

import sympy as sp

from theory import notation as nt
from theory import registry
from theory.equality import UNDECIDED, Check, equal
from theory.nodes.bound import manifest
from theory.registry import Situation

__all__ = ["spread"]


def spread(expr: sp.Basic) -> sp.Basic:
    """Write logarithms as sums over factors and prime numbers, and expectations of them term by term.

    Parameters
    ----------
    expr
        A line; ``log(x)`` counts as ``log|x|``, which it is wherever it is real.

    Returns
    -------
    sympy.Basic
        The same number wherever the line has one.
    """
    if isinstance(expr, sp.log):
        return _logarithm(expr.args[0])
    if isinstance(expr, nt.E):
        return _expectation(spread(expr.args[0]), expr.args[1])
    if not expr.args:
        return expr
    return expr.func(*[spread(a) for a in expr.args])


def _expectation(body: sp.Basic, size: sp.Expr) -> sp.Basic:
    total = sp.S.Zero
    for term in sp.Add.make_args(sp.expand(body)):
        random = [f for f in sp.Mul.make_args(term) if _random(f)]
        constant = sp.Mul(*[f for f in sp.Mul.make_args(term) if not _random(f)])
        total += constant * (nt.E(sp.Mul(*random), size) if random else sp.S.One)
    return total


def _random(expr: sp.Basic) -> bool:
    return bool(expr.has(nt.Node)) or any(isinstance(s, nt.RandomSymbol) for s in expr.free_symbols)


def _logarithm(argument: sp.Basic) -> sp.Basic:
    argument = spread(argument)
    if isinstance(argument, sp.Abs):
        return _logarithm(argument.args[0])
    if isinstance(argument, sp.Rational) and argument != 0:
        return sum((count * sp.log(prime) for number, sign in ((abs(argument.p), 1), (argument.q, -1))
                    for prime, count in ((p, sign * n) for p, n in sp.factorint(int(number)).items())), sp.S.Zero)
    if isinstance(argument, sp.exp):
        return argument.args[0]
    if isinstance(argument, sp.Mul):
        return sum((_logarithm(a) for a in argument.args), sp.S.Zero)
    if isinstance(argument, sp.Pow):
        return argument.exp * _logarithm(argument.base)
    top, bottom = sp.fraction(sp.cancel(sp.together(argument)))
    if bottom != 1:
        return _logarithm(top) - _logarithm(bottom)
    try:
        content, factors = sp.factor_list(top)
    except sp.PolynomialError:
        return sp.log(sp.Abs(argument))
    if content == 1 and len(factors) == 1 and factors[0][1] == 1:
        (only, _), = factors
        return sp.log(sp.Abs(-only if only.could_extract_minus_sign() else only))
    return _logarithm(content) + sum((count * _logarithm(f) for f, count in factors), sp.S.Zero)


@registry.rule("logarithms", "the logarithm of a product is the sum of the logarithms")
def _logarithms(at: Situation) -> Check:
    return equal(spread(at.left), spread(at.right))


@registry.rule("mean logarithm", "the mean of a logarithm is at most the logarithm of the mean: ln x <= x - 1",
               bound=True)
def _mean_logarithm(at: Situation) -> Check:
    if at.part.relation != "<=":
        return Check(UNDECIDED, {"rule": "the logarithm of the mean bounds from above only"})
    nodes = [e for e in at.left.atoms(nt.E) if isinstance(e.args[0], sp.log)]
    if len(nodes) != 1:
        raise ValueError(f"the line must hold one mean of a logarithm, not {len(nodes)}")
    (node,), letter = nodes, sp.Dummy("mean", real=True)
    outside = sp.expand(at.left.xreplace({node: letter}))
    slope = sp.diff(outside, letter)
    if slope.has(letter) or not manifest(slope):
        raise ValueError("the mean must enter linearly, with a factor that is known to be at least 0")
    body, size = node.args
    return equal(spread(outside.xreplace({letter: sp.log(nt.E(body.args[0], size))})), spread(at.right))
